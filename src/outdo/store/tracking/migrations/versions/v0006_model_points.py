"""Every point of a metric of a logged model is kept, not its latest alone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "logged_model_metrics"
PARTS = ("model", "key", "run", "dataset_name", "dataset_digest")


def upgrade() -> None:
    _rekey(*PARTS, "timestamp", "step")


def downgrade() -> None:
    _rekey(*PARTS)


def _rekey(*primary: str) -> None:
    """The table has this primary key, and what was in it; where that is shorter, the latest points."""
    op.drop_index("ix_logged_model_metrics_key_value", TABLE)
    op.rename_table(TABLE, "before")
    if op.get_bind().dialect.name == "postgresql":  # there, names of constraints are those of a whole schema
        op.drop_constraint("pk_logged_model_metrics", "before", type_="primary")
        op.drop_constraint("fk_logged_model_metrics_model", "before", type_="foreignkey")
    op.create_table(
        TABLE,
        sa.Column("model", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("dataset_name", sa.String(), nullable=False),
        sa.Column("dataset_digest", sa.String(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["logged_models.number"], name="fk_logged_model_metrics_model", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*primary, name="pk_logged_model_metrics"),
        sqlite_with_rowid=False,
    )
    rows = "SELECT * FROM before ORDER BY step DESC, timestamp DESC"
    op.execute(f"INSERT INTO {TABLE} {rows} ON CONFLICT DO NOTHING")
    op.drop_table("before")
    op.create_index("ix_logged_model_metrics_key_value", TABLE, ["key", "value"], unique=False)
