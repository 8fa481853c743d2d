"""What a pipeline has registered: the run and the stage that a version is of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "made_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("registrar", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["model_versions.number"], name="fk_made_versions_version", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version", name="pk_made_versions"),
    )
