"""The shape of a Parquet file, where PyArrow is installed to read it."""

from importlib import import_module

from outdo.core.tables import Column, Table


def shape(path: str) -> Table | None:
    """Rows and columns as the file's footer tells them; None without a reader, and for a file that is no Parquet."""
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        return None
    try:
        footer = parquet.read_metadata(path)
        schema = footer.schema.to_arrow_schema()
    except (OSError, ValueError):  # ArrowInvalid is a ValueError
        return None
    return Table(footer.num_rows, tuple(Column(field.name, str(field.type)) for field in schema))
