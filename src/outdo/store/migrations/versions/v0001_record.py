"""Runs, stage runs, params, metrics, artifacts; codes, environments; how far the journal is folded."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "codes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("commit", sa.String(), nullable=True),
        sa.Column("patch", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_codes"),
    )
    op.create_index("ix_codes_commit", "codes", ["commit"], unique=False)
    op.create_table(
        "environments",
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_environments"),
    )
    op.create_table(
        "folded",
        sa.Column("journal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("broken", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("journal", name="pk_folded"),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("finished", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("branch", sa.String(), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("environment", sa.String(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["codes.id"], name="fk_runs_code"),
        sa.ForeignKeyConstraint(["environment"], ["environments.digest"], name="fk_runs_environment"),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
    )
    op.create_index("ix_runs_started", "runs", ["started"], unique=False)
    op.create_index("ix_runs_status", "runs", ["status"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("executable", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_artifacts_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "stage", "place", name="pk_artifacts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifacts_digest", "artifacts", ["digest"], unique=False)
    op.create_table(
        "metrics",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("odd", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_metrics_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "stage", "name", name="pk_metrics"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_metrics_name_value", "metrics", ["name", "value"], unique=False)
    op.create_table(
        "params",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_params_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "stage", "name", name="pk_params"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stage_runs",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started", sa.Double(), nullable=True),
        sa.Column("finished", sa.Double(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retried", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("peak_memory", sa.BigInteger(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="fk_stage_runs_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source"], ["runs.number"], name="fk_stage_runs_source"),
        sa.PrimaryKeyConstraint("run", "stage", name="pk_stage_runs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stage_runs_key", "stage_runs", ["key"], unique=False)
    op.create_index("ix_stage_runs_source_stage", "stage_runs", ["source", "stage"], unique=False)


def downgrade() -> None:
    for table in ("stage_runs", "params", "metrics", "artifacts", "runs", "folded", "environments", "codes"):
        op.drop_table(table)
