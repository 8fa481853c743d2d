"""Experiments, logged runs with params, tags and points, and artifacts by path."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("name", name=op.f("uq_experiments_name")),
    )
    op.create_table(
        "files",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_files")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_files_digest"), "files", ["digest"], unique=False)
    op.create_table(
        "metric_keys",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_keys")),
        sa.UniqueConstraint("name", name=op.f("uq_metric_keys_name")),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.id"], name=op.f("fk_experiment_tags_experiment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment", "key", name=op.f("pk_experiment_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_runs",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name=op.f("fk_logged_runs_experiment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_logged_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_logged_runs_id")),
    )
    op.create_index(
        op.f("ix_logged_runs_experiment_active_started"),
        "logged_runs",
        ["experiment", "active", "started"],
        unique=False,
    )
    op.create_table(
        "latest",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["metric_keys.id"], name=op.f("fk_latest_key")),
        sa.ForeignKeyConstraint(
            ["run"], ["logged_runs.number"], name=op.f("fk_latest_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_latest")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_latest_experiment_key_nan_value_run"),
        "latest",
        ["experiment", "key", "nan", "value", "run"],
        unique=False,
    )
    op.create_table(
        "points",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("timestamp", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("nan", sa.Boolean(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["key"], ["metric_keys.id"], name=op.f("fk_points_key")),
        sa.ForeignKeyConstraint(
            ["run"], ["logged_runs.number"], name=op.f("fk_points_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "key", "timestamp", "step", "value", "nan", name=op.f("pk_points")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_params",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["logged_runs.number"], name=op.f("fk_run_params_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_tags",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["logged_runs.number"], name=op.f("fk_run_tags_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in (
        "latest",
        "points",
        "metric_keys",
        "run_tags",
        "run_params",
        "logged_runs",
        "experiment_tags",
        "experiments",
        "files",
    ):
        op.drop_table(table)
