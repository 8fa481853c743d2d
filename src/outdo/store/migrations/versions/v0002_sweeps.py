"""Runs that are trials of a sweep."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("sweep", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("trial", sa.Text(), nullable=True))
    op.create_index("ix_runs_sweep", "runs", ["sweep"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_runs_sweep", "runs")
    op.drop_column("runs", "trial")
    op.drop_column("runs", "sweep")
