"""The tables of what clients log, the same on SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from outdo.store.database import NAMES

tables = MetaData(naming_convention=NAMES)

experiments = Table(
    "experiments",
    tables,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
    Column("location", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

experiment_tags = Table(
    "experiment_tags",
    tables,
    Column("experiment", Integer, ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_runs = Table(
    "logged_runs",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("experiment", Integer, ForeignKey("experiments.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("location", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Index(None, "experiment", "active", "started"),
)
"""`number` is what the other tables call a run by: it is an eighth of its id."""


def _of_run(*names: str) -> tuple[Column[Any], ...]:
    run: Column[Any] = Column(
        "run",
        Integer,
        ForeignKey("logged_runs.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    return (run, *(Column(name, String, primary_key=True) for name in names))


run_params = Table(
    "run_params", tables, *_of_run("key"), Column("value", Text, nullable=False), sqlite_with_rowid=False
)

run_tags = Table(
    "run_tags", tables, *_of_run("key"), Column("value", Text, nullable=False), sqlite_with_rowid=False
)

metric_keys = Table(
    "metric_keys",
    tables,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
)

points = Table(
    "points",
    tables,
    *_of_run(),
    Column("key", Integer, ForeignKey("metric_keys.id"), primary_key=True, autoincrement=False),
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, primary_key=True, autoincrement=False),
    Column("nan", Boolean, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""In the order in which a history is told; the same point twice is one. A NaN has the value 0."""

latest = Table(
    "latest",
    tables,
    *_of_run(),
    Column("key", Integer, ForeignKey("metric_keys.id"), primary_key=True, autoincrement=False),
    Column("experiment", Integer, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("nan", Boolean, nullable=False),
    Index(None, "experiment", "key", "nan", "value", "run"),
    sqlite_with_rowid=False,
)
"""The point of each metric that filters and orders mean."""


datasets = Table(
    "datasets",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("experiment", Integer, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("profile", Text, nullable=False),
    UniqueConstraint("experiment", "name", "digest"),
)

inputs = Table(
    "inputs",
    tables,
    *_of_run(),
    Column("dataset", Integer, ForeignKey("datasets.number"), primary_key=True, autoincrement=False),
    Column("tags", Text, nullable=False),
    Column("context", String),
    sqlite_with_rowid=False,
)
"""What a run read. `tags` are JSON; `context` is the one that filters ask for."""

logged_models = Table(
    "logged_models",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("experiment", Integer, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("run", String, nullable=False),
    Column("location", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Index(None, "experiment", "active", "created"),
)


def _of_model(*names: str) -> tuple[Column[Any], ...]:
    model: Column[Any] = Column(
        "model",
        Integer,
        ForeignKey("logged_models.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    return (model, *(Column(name, String, primary_key=True) for name in names))


logged_model_params = Table(
    "logged_model_params",
    tables,
    *_of_model("key"),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_model_tags = Table(
    "logged_model_tags",
    tables,
    *_of_model("key"),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

logged_model_metrics = Table(
    "logged_model_metrics",
    tables,
    *_of_model("key", "run", "dataset_name", "dataset_digest"),
    Column("timestamp", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    Column("nan", Boolean, nullable=False),
    Index(None, "key", "value"),
    sqlite_with_rowid=False,
)
"""Points of metrics of models by the run that logged them and the dataset they were measured on; both of its names are
empty where none was named. Of a metric the latest in time counts when models are sorted."""

model_uses = Table(
    "model_uses",
    tables,
    *_of_run(),
    Column("model", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("step", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Logged models that a run read (`input`) or made (`output`)."""

registered_models = Table(
    "registered_models",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("newest", Integer, nullable=False),
)
"""`newest` is the last version that was made, so that the number of a deleted one never comes back."""

model_versions = Table(
    "model_versions",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column(
        "name",
        String,
        ForeignKey("registered_models.name", ondelete="CASCADE", onupdate="CASCADE"),
        nullable=False,
    ),
    Column("version", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("digest", String),
    Column("run", String, nullable=False, index=True),
    Column("run_link", Text, nullable=False),
    Column("model", String),
    Column("stage", String, nullable=False),
    Column("user", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    UniqueConstraint("name", "version"),
)
"""`location` is where the files are that `source` means, and `digest` that of the tree that they were at the time."""

made_versions = Table(
    "made_versions",
    tables,
    Column(
        "version",
        Integer,
        ForeignKey("model_versions.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("run", String, nullable=False),
    Column("registrar", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
)
"""Of the versions that a run of a pipeline registered: the run and the stage that computed it, and what it wrote.
`registrar` is the run that registered it, which may have restored what another one had computed."""

model_tags = Table(
    "model_tags",
    tables,
    Column("model", Integer, ForeignKey("registered_models.number", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

version_tags = Table(
    "version_tags",
    tables,
    Column("version", Integer, ForeignKey("model_versions.number", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

aliases = Table(
    "aliases",
    tables,
    Column("model", Integer, ForeignKey("registered_models.number", ondelete="CASCADE"), primary_key=True),
    Column("alias", String, primary_key=True),
    Column("version", Integer, ForeignKey("model_versions.number", ondelete="CASCADE"), nullable=False),
    sqlite_with_rowid=False,
)

imported = Table(
    "imported",
    tables,
    Column("source", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("counts", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What was brought here from elsewhere, whole: what it is called here, and as JSON how much the source had of it."""

files = Table(
    "files",
    tables,
    Column("path", String, primary_key=True),
    Column("digest", String, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Artifacts by their path from the root of all of them; the bytes are in the store, once, whoever logged them."""

users = Table(
    "users",
    tables,
    Column("name", String, primary_key=True),
    Column("password", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
"""`password` is an argon2id hash with its parameters; empty for who signs in by tokens alone."""

grants = Table(
    "grants",
    tables,
    Column("user", String, ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("project", String, primary_key=True),
    Column("role", String, nullable=False),
)
"""Which role a user has in a project; `*` is all of them."""

tokens = Table(
    "tokens",
    tables,
    Column("id", String, primary_key=True),
    Column("user", String, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("role", String, nullable=False),
    Column("project", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("used", BigInteger),
)
"""`secret` is the digest of a token's secret part; `role` and `project` are the most that it may do."""

access = Table(
    "access",
    tables,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
"""One row that counts the changes of users, grants and tokens, so that what a server remembers of them is never old."""

trail = Table(
    "trail",
    tables,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("who", String, nullable=False),
    Column("via", String, nullable=False),
    Column("address", String, nullable=False),
    Column("agent", Text, nullable=False),
    Column("action", String, nullable=False),
    Column("thing", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
"""Who changed what; each row is sealed with the row before it."""
