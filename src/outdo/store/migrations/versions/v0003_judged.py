"""What checks and gates found in a run."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("judged", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "judged")
