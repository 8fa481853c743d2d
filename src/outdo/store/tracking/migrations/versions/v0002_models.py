"""Datasets, logged models, what runs read and made, and the registry."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registered_models",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_registered_models"),
        sa.UniqueConstraint("name", name="uq_registered_models_name"),
    )
    op.create_table(
        "datasets",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.id"], name="fk_datasets_experiment", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_datasets"),
        sa.UniqueConstraint("experiment", "name", "digest", name="uq_datasets_experiment_name_digest"),
    )
    op.create_table(
        "logged_models",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.id"], name="fk_logged_models_experiment", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_logged_models"),
        sa.UniqueConstraint("id", name="uq_logged_models_id"),
    )
    op.create_index(
        "ix_logged_models_experiment_active_created",
        "logged_models",
        ["experiment", "active", "created"],
        unique=False,
    )
    op.create_table(
        "model_tags",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["registered_models.number"], name="fk_model_tags_model", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model", "key", name="pk_model_tags"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_versions",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("run_link", sa.Text(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name"],
            ["registered_models.name"],
            name="fk_model_versions_name",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name="pk_model_versions"),
        sa.UniqueConstraint("name", "version", name="uq_model_versions_name_version"),
    )
    op.create_index("ix_model_versions_run", "model_versions", ["run"], unique=False)
    op.create_table(
        "aliases",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["registered_models.number"], name="fk_aliases_model", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["model_versions.number"], name="fk_aliases_version", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model", "alias", name="pk_aliases"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inputs",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("context", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.number"], name="fk_inputs_dataset"),
        sa.ForeignKeyConstraint(["run"], ["logged_runs.number"], name="fk_inputs_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "dataset", name="pk_inputs"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_metrics",
        sa.Column("model", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("dataset_name", sa.String(), nullable=False),
        sa.Column("dataset_digest", sa.String(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["logged_models.number"], name="fk_logged_model_metrics_model", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "model", "key", "run", "dataset_name", "dataset_digest", name="pk_logged_model_metrics"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_logged_model_metrics_key_value", "logged_model_metrics", ["key", "value"], unique=False
    )
    op.create_table(
        "logged_model_params",
        sa.Column("model", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["logged_models.number"], name="fk_logged_model_params_model", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model", "key", name="pk_logged_model_params"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["logged_models.number"], name="fk_logged_model_tags_model", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model", "key", name="pk_logged_model_tags"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_uses",
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["logged_runs.number"], name="fk_model_uses_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "model", "role", name="pk_model_uses"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "version_tags",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["model_versions.number"], name="fk_version_tags_version", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version", "key", name="pk_version_tags"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in (
        "aliases",
        "version_tags",
        "model_tags",
        "model_versions",
        "registered_models",
        "model_uses",
        "logged_model_metrics",
        "logged_model_tags",
        "logged_model_params",
        "logged_models",
        "inputs",
        "datasets",
    ):
        op.drop_table(table)
