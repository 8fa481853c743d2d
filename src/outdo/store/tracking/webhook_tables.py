"""The tables of webhooks, and of the messages that are on their way to them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from outdo.store.tracking.tables import tables

webhooks = Table(
    "webhooks",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
"""`events` are JSON; `secret` is sealed."""

deliveries = Table(
    "deliveries",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("webhook", Integer, ForeignKey("webhooks.number", ondelete="CASCADE"), nullable=False, index=True),
    Column("id", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", BigInteger, nullable=False, index=True),
)
"""Written with what they tell of, in one transaction, so that none is lost and none told of what did not happen."""
