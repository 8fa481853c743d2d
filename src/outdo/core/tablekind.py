"""What the name of a file says of the table in it."""

from posixpath import splitext
from typing import Literal

from msgspec import Struct

Packed = Literal["gzip", "zstd"]
Format = Literal["csv", "tsv", "json", "parquet"]
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED: dict[str, Packed] = {".gz": "gzip", ".zst": "zstd"}


class Kind(Struct, frozen=True):
    """What the name of a file says of the table in it."""

    format: Format
    packed: Packed | Literal[""] = ""

    @property
    def typed(self) -> bool:
        """Whether the file itself says of which types its columns are."""
        return self.format == "parquet"


def table_kind(path: str) -> Kind | None:
    """What kind of table a file of this name holds; None for none that can be read."""
    stem, suffix = splitext(path.lower())
    packed: Packed | Literal[""] = _PACKED.get(suffix, "")
    if packed:
        suffix = splitext(stem)[1]
    format_ = _SUFFIXES.get(suffix)
    return None if format_ is None or (packed and format_ == "parquet") else Kind(format_, packed)
