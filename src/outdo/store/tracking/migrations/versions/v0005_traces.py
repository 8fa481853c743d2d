"""Traces with their spans, tags, metadata, links and assessments."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BELOW = ("trace_tags", "trace_metadata", "trace_links", "spans", "assessments")


def upgrade() -> None:
    op.create_table(
        "traces",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("took", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.id"], name="fk_traces_experiment", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_traces"),
        sa.UniqueConstraint("id", name="uq_traces_id"),
    )
    op.create_index("ix_traces_experiment_started_id", "traces", ["experiment", "started", "id"])
    for name in ("trace_tags", "trace_metadata"):
        op.create_table(
            name,
            *_of_trace(name),
            sa.Column("key", sa.String(), nullable=False),
            sa.Column("value", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("trace", "key", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "trace_links",
        *_of_trace("trace_links"),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "kind", "target", name="pk_trace_links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trace_links_kind_target", "trace_links", ["kind", "target"])
    op.create_table(
        "spans",
        *_of_trace("spans"),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "id", name="pk_spans"),
    )
    op.create_table(
        "assessments",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        *_of_trace("assessments"),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("measure", sa.Double(), nullable=True),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("overrides", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_assessments"),
        sa.UniqueConstraint("trace", "id", name="uq_assessments_trace_id"),
    )


def downgrade() -> None:
    for table in (*BELOW, "traces"):
        op.drop_table(table)


def _of_trace(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column("trace", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.number"], name=f"fk_{table}_trace", ondelete="CASCADE"),
    )
