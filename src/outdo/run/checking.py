"""Checks of a table carried out: one scan for all that count rows, and a second look only at rows that failed."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from outdo.core.checks import compiled, others
from outdo.core.probes import ROW, TABLE, Kinds, Other, Probe, column
from outdo.core.rules import Asserted, Drift
from outdo.core.verdict import Doubt, Verdict
from outdo.core.wording import first_line
from outdo.run.drifting import drift
from outdo.run.scan import connection, load, table_kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXAMPLES = 20
"""Rows shown of those that a check did not expect."""
_LONGEST = 60
"""Characters of a value in them."""


def check_table(
    file: str, asserted: Sequence[Asserted], *, now: float, beside: Mapping[str, str] | None = None
) -> list[Verdict]:
    """The verdicts of all checks on the table in `file`, in their order; a file that can't be read passes none.

    `beside` has the absolute paths of other files that checks speak of; `now` is in seconds since 1970.
    """
    import duckdb

    files = {path: found for path, found in (beside or {}).items() if os.path.isfile(found)}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with connection([file, *files.values()], scratch) as database:
                kinds = _view(database, TABLE, file)
                tables = dict(_others(database, files))
                parts: list[Probe | Verdict] = []
                doubts: list[Doubt] = []
                for each in asserted:
                    other = tables.get(others(each.check) or "")
                    if isinstance(each.check, Drift):
                        parts += _drift(database, each, each.check, kinds, other)
                    else:
                        parts += compiled(each, kinds, now=now, other=other)
                    doubts += [each.doubt] * (len(parts) - len(doubts))
                found = zip(_judged(database, parts), doubts, strict=True)
                return [replace(verdict, doubt=doubt) for verdict, doubt in found]
        except (duckdb.Error, OSError, EOFError, _Unreadable) as error:
            reason = f"the table can't be read: {first_line(error)}"
            return [Verdict(_word(each), "not_evaluated", reason, level=each.level) for each in asserted]


class _Unreadable(Exception):
    """A file is no table that can be read."""


def _view(database: "DuckDBPyConnection", name: str, file: str) -> Kinds:
    """Makes the view `name` of a table file, its columns by their own names, and gives their types."""
    kind = table_kind(file)
    if kind is None:
        raise _Unreadable("it has to be .parquet, .csv, .tsv or .jsonl, the texts also as .gz")
    columns = load(database, f"raw_{name}", file, kind)
    listed = [f"c{place} AS {column(each)}" for place, (each, _) in enumerate(columns)]
    database.execute(f"CREATE VIEW {name} AS SELECT {', '.join([*listed, f'n AS {ROW}'])} FROM raw_{name}")
    return dict(columns)


def _drift(
    database: "DuckDBPyConnection", asserted: Asserted, check: Drift, kinds: Kinds, other: Other | None
) -> list[Verdict]:
    import duckdb

    try:
        return drift(database, asserted, check, kinds, other)
    except duckdb.Error as error:
        reason = f"it can't be asked: {first_line(error)}"
        return [Verdict("drift", "not_evaluated", reason, level=asserted.level)]


def _others(database: "DuckDBPyConnection", files: Mapping[str, str]) -> Iterator[tuple[str, Other]]:
    import duckdb

    for place, (path, file) in enumerate(files.items()):
        view = f"other{place}"
        try:
            yield path, Other(view, _view(database, view, file))
        except (duckdb.Error, OSError, EOFError, _Unreadable):
            continue


def _judged(database: "DuckDBPyConnection", parts: Sequence[Probe | Verdict]) -> Iterator[Verdict]:
    answers = _answers(database, [part for part in parts if isinstance(part, Probe)])
    for part in parts:
        if isinstance(part, Verdict):
            yield part
            continue
        answer = answers[id(part)]
        if isinstance(answer, str):
            yield Verdict(part.name, "not_evaluated", answer, level=part.level)
            continue
        verdict = part.judge(answer)
        if verdict.evidence.unexpected and part.unexpected:
            shown = _examples(database, part)
            verdict = replace(verdict, evidence=replace(verdict.evidence, examples=shown))
        yield verdict


def _answers(database: "DuckDBPyConnection", probes: Sequence[Probe]) -> dict[int, Sequence[Any] | str]:
    """What each probe was answered, by its identity: the values, or why there are none. Those of one source are asked
    in one query; only if that fails, each by itself, so that one that can't be asked takes no other with it."""
    import duckdb

    found: dict[int, Sequence[Any] | str] = {}
    for source in dict.fromkeys(probe.source for probe in probes):
        group = [probe for probe in probes if probe.source == source]
        try:
            row = _row(database, group, source)
        except duckdb.Error as error:
            if len(group) == 1:
                found[id(group[0])] = f"it can't be asked: {first_line(error)}"
                continue
            for probe in group:
                try:
                    found[id(probe)] = _row(database, [probe], source)
                except duckdb.Error as reason:
                    found[id(probe)] = f"it can't be asked: {first_line(reason)}"
            continue
        for probe in group:
            found[id(probe)], row = row[: len(probe.asks)], row[len(probe.asks) :]
    return found


def _row(database: "DuckDBPyConnection", probes: Sequence[Probe], source: str) -> tuple[Any, ...]:
    asks = ", ".join(ask for probe in probes for ask in probe.asks)
    row: tuple[Any, ...] | None = database.execute(f"SELECT {asks} FROM {source}").fetchone()
    assert row is not None
    return row


def _examples(database: "DuckDBPyConnection", probe: Probe) -> tuple[str, ...]:
    """Some of the rows that a probe did not expect, as `row 7: origin = 'XXX'`."""
    values = [f"left({column(name)}::VARCHAR, {_LONGEST})" for name in probe.shows]
    query = f"SELECT {', '.join([ROW, *values])} FROM {probe.source} WHERE {probe.unexpected}"
    rows = database.execute(f"{query} ORDER BY {ROW} LIMIT {EXAMPLES}").fetchall()
    return tuple(_told(probe.shows, row) for row in rows)


def _told(names: Sequence[str], row: Sequence[Any]) -> str:
    values = [
        f"{name} = {'null' if value is None else value}" for name, value in zip(names, row[1:], strict=True)
    ]
    return f"row {row[0]:,}" + (f": {', '.join(values)}" if values else "")


def _word(asserted: Asserted) -> str:
    return str(asserted.check.__struct_config__.tag)
