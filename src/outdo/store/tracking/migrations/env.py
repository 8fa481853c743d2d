"""Carries the steps out on the connection that is given, inside its transaction."""

from alembic import context

from outdo.store.tracking.tables import FORM, tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables,
    transactional_ddl=True,
    render_as_batch=True,
    version_table=FORM.table,
)
context.run_migrations()
