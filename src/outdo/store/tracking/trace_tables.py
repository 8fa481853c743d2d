"""The tables of traces, beside those of runs."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from outdo.store.tracking.tables import tables

traces = Table(
    "traces",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("experiment", Integer, ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("took", BigInteger),
    Column("state", String, nullable=False),
    Column("client_id", String),
    Column("request", Text),
    Column("response", Text),
    Column("whole", Boolean, nullable=False),
    Index(None, "experiment", "started", "id"),
)
"""`whole`: its application has told of it itself, so spans that come later change nothing of that."""


def _of_trace(*names: str) -> tuple[Column[Any], ...]:
    trace: Column[Any] = Column(
        "trace",
        Integer,
        ForeignKey("traces.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    return (trace, *(Column(name, String, primary_key=True) for name in names))


trace_tags = Table(
    "trace_tags", tables, *_of_trace("key"), Column("value", Text, nullable=False), sqlite_with_rowid=False
)

trace_metadata = Table(
    "trace_metadata",
    tables,
    *_of_trace("key"),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

trace_links = Table(
    "trace_links",
    tables,
    *_of_trace("kind", "target"),
    Index(None, "kind", "target"),
    sqlite_with_rowid=False,
)
"""Runs and versions of prompts that a trace was joined to afterwards."""

spans = Table(
    "spans",
    tables,
    *_of_trace("id"),
    Column("parent", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
)

assessments = Table(
    "assessments",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("trace", Integer, ForeignKey("traces.number", ondelete="CASCADE"), nullable=False),
    Column("id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("value", Text, nullable=False),
    Column("measure", Double),
    Column("valid", Boolean, nullable=False),
    Column("overrides", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Unique("trace", "id"),
)
