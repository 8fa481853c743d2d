"""What `outdo check --save` says."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from outdo.app.lazy import lazy
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.paint import Paint, plain
from outdo.core.errors import Usage
from outdo.core.profile import summary

if TYPE_CHECKING:
    from outdo.app.saving import Saved


def save(start: str, words: tuple[str, ...], to: str | None, *, force: bool) -> int:
    """Writes checks of the tables named, and says what it did."""
    if not words:
        raise Usage("say which table --save looks at", fix="outdo check data/train.parquet --save")
    if to and len(words) > 1:
        raise Usage("one schema is of one table", fix=f"outdo check {words[0]} --save --to {to}")
    for word in words:
        found = lazy("outdo.app.saving").save(start, word, to or "", force=force)
        print(*_told(found, to), sep="\n")
    return 0


def _told(found: "Saved", to: str | None) -> Iterator[str]:
    paint = Paint(sys.stdout)
    of = f"{found.rows:,} rows, {found.columns} columns"
    yield f"{paint(plain(found.path), 'bold')}  {paint(of, 'dim')}"
    rows = list(summary(found.checks))
    words = Column("", tuple(Cell(f"  {word}") for word, _ in rows))
    yield from aligned([words, Column("", tuple(Cell(said, ("dim",)) for _, said in rows))], paint)
    use = f"; use it under a path: - schema: {plain(found.file)}" if to else ""
    yield f"{len(rows)} checks written to {plain(found.file)}{use}"
    yield paint("They say what is there now: look through them for what is right.", "dim")
