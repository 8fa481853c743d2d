"""Carries the steps out on the connection that is given, inside its transaction."""

from alembic import context
from sqlalchemy import text

from outdo.store.tracking.opening import FORM
from outdo.store.tracking.tables import tables

OTHERWISE = text(
    "SELECT table_name, column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = current_schema AND data_type IN ('text', 'character varying')"
    " AND collation_name IS DISTINCT FROM 'C'"
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables,
    transactional_ddl=True,
    render_as_batch=True,
    version_table=FORM.table,
)
context.run_migrations()

if context.config.attributes["connection"].dialect.name == "postgresql":
    # Texts are compared and sorted letter by letter, as SQLite does, whatever language the database is set to:
    # the files of a folder are found by where their paths begin and end.
    for table, column, kind in context.config.attributes["connection"].execute(OTHERWISE).all():
        context.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"')
