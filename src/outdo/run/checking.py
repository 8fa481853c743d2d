"""Checks of a table carried out: one scan for all that count rows, and a second look only at rows that failed."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from outdo.core.checks import compiled, others, reference
from outdo.core.parsing import is_json, is_time
from outdo.core.probes import ROW, TABLE, Kinds, Other, Probe, column
from outdo.core.rules import Asserted, Drift, Expectations, Schema
from outdo.core.verdict import Doubt, Verdict
from outdo.core.written import Bytes
from outdo.run.apart import count_apart
from outdo.run.drifting import drift
from outdo.run.loading import Table, open_table
from outdo.run.scan import MEMORY, connection
from outdo.run.sources import Source, Unreadable, reached, source_of
from outdo.store.files import remove

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXAMPLES = 20
"""Rows shown of those that a check did not expect."""
_LONGEST = 60
"""Characters of a value in them."""
_LONGEST_REASON = 300
_TELLING = (
    "Expected Number",
    "Invalid unicode",
    "Value with unterminated",
    "Error when converting",
    "Maximum line",
)
"""How the line begins that says what is wrong with a line of a CSV file."""

Ask = Callable[[Asserted, Kinds], list[Probe | Verdict]]
"""What a suite of another tool asks of a table with these columns."""


def check_table(
    file: str,
    asserted: Sequence[Asserted],
    *,
    now: float,
    beside: Mapping[str, str] | None = None,
    scratch: str | None = None,
    suites: Mapping[str, Ask] | None = None,
    unknown: Mapping[str, Verdict] | None = None,
) -> list[Verdict]:
    """The verdicts of all checks on the table at the absolute path `file`, in their order; one that can't be read
    passes none.

    `beside` has the absolute paths of other tables that checks speak of, and `unknown` why others are not there;
    `suites` the suites; `now` is in seconds since 1970. What does not fit into memory goes to `scratch`, a folder that
    may be made; nothing is left of it."""
    import duckdb

    with tempfile.TemporaryDirectory() if scratch is None else _swept(scratch) as room:
        try:
            source = source_of(file)
            sources = dict(_sources(beside or {}))
            files = [path for each in (source, *sources.values()) for path in reached(each)]
            copy = [os.path.join(room, f"raw_{view}.csv") for view in (TABLE, *_views(sources).values())]
            with connection([*files, *copy], room, memory=memory(), trusting=False) as database:
                table = open_table(database, TABLE, source, room)
                tables = dict(_others(database, sources, room))
                parts: list[Probe | Verdict] = []
                doubts: list[Doubt] = []
                known = suites or {}
                if known:
                    _define(database)
                for each in asserted:
                    other = tables.get(others(each.check) or "")
                    if isinstance(each.check, Drift):
                        held = reference(each.check) or each.check.against
                        lacks = Verdict("drift", "not_evaluated", f"{held} can't be read")
                        against = tables.get(held) or (unknown or {}).get(held, lacks)
                        parts += _drift(database, each, each.check, table.kinds, against)
                    elif isinstance(each.check, Schema) and unknown and each.check.path in unknown:
                        parts.append(replace(unknown[each.check.path], level=each.level))
                    elif isinstance(each.check, Expectations) and each.check.path in known:
                        parts += known[each.check.path](each, table.kinds)
                    else:
                        parts += compiled(each, table.kinds, now=now, other=other)
                    doubts += [each.doubt] * (len(parts) - len(doubts))
                found = zip(_judged(database, table, parts), doubts, strict=True)
                return [replace(verdict, doubt=doubt) for verdict, doubt in found]
        except (duckdb.Error, OSError, EOFError, Unreadable) as error:
            reason = f"the table can't be read: {sentence(error)}"
            return [Verdict(_word(each), "not_evaluated", reason, level=each.level) for each in asserted]


@contextmanager
def _swept(scratch: str) -> Iterator[str]:
    os.makedirs(scratch, exist_ok=True)
    try:
        yield scratch
    finally:
        remove(scratch)


def memory() -> str:
    """How much memory a scan may take, as DuckDB writes it: what `OUTDO_CHECK_MEMORY` says, or 1 GB."""
    told = os.environ.get("OUTDO_CHECK_MEMORY", "")
    try:
        return f"{Bytes.written(told).count}B" if told else MEMORY
    except ValueError:
        raise Unreadable(f"OUTDO_CHECK_MEMORY has to be {Bytes.expected}") from None


def _define(database: "DuckDBPyConnection") -> None:
    """Makes the conditions known that a suite asks and SQL has no word for."""
    database.create_function("outdo_is_json", is_json, ["VARCHAR"], "BOOLEAN")
    database.create_function("outdo_is_time", is_time, ["VARCHAR", "VARCHAR"], "BOOLEAN")


def _drift(
    database: "DuckDBPyConnection", asserted: Asserted, check: Drift, kinds: Kinds, other: Other | Verdict
) -> list[Verdict]:
    import duckdb

    try:
        return drift(database, asserted, check, kinds, other)
    except duckdb.Error as error:
        reason = f"it can't be asked: {sentence(error)}"
        return [Verdict("drift", "not_evaluated", reason, level=asserted.level)]


def _sources(beside: Mapping[str, str]) -> Iterator[tuple[str, Source]]:
    for path, file in beside.items():
        try:
            yield path, source_of(file)
        except (Unreadable, OSError):
            continue


def _views(sources: Mapping[str, Source]) -> dict[str, str]:
    """The view of each other table, by its path."""
    return {path: f"other{place}" for place, path in enumerate(sources)}


def _others(
    database: "DuckDBPyConnection", sources: Mapping[str, Source], room: str
) -> Iterator[tuple[str, Other]]:
    import duckdb

    for path, view in _views(sources).items():
        try:
            yield path, Other(view, open_table(database, view, sources[path], room).kinds)
        except (duckdb.Error, OSError, EOFError, Unreadable):
            continue


def _judged(
    database: "DuckDBPyConnection", table: Table, parts: Sequence[Probe | Verdict]
) -> Iterator[Verdict]:
    answers = _answers(database, table.kinds, [part for part in parts if isinstance(part, Probe)])
    for part in parts:
        if isinstance(part, Verdict):
            yield part
            continue
        answer = answers[id(part)]
        if isinstance(answer, str):
            yield Verdict(part.name, "not_evaluated", answer, level=part.level, subject=part.subject)
            continue
        verdict = part.judge(answer)
        if verdict.evidence.unexpected and part.unexpected:
            shown = _examples(database, table, part)
            verdict = replace(verdict, evidence=replace(verdict.evidence, examples=shown))
        yield verdict


def _answers(
    database: "DuckDBPyConnection", kinds: Kinds, probes: Sequence[Probe]
) -> dict[int, Sequence[Any] | str]:
    """What each probe was answered, by its identity: the values, or why there are none. Those of one source are asked
    in one query; only if that fails, each by itself, so that one that can't be asked takes no other with it."""
    import duckdb

    found: dict[int, Sequence[Any] | str] = {}
    for source in dict.fromkeys(probe.source for probe in probes):
        group = [probe for probe in probes if probe.source == source]
        try:
            values = _values(database, group, source)
        except duckdb.Error as error:
            values = {} if len(group) > 1 else {None: sentence(error)}
        for probe in group:
            try:
                each = values or _values(database, [probe], source)
                if None in each:
                    found[id(probe)] = f"it can't be asked: {each[None]}"
                    continue
                apart = [count_apart(database, probe.apart, kinds)] if probe.apart else []
                found[id(probe)] = [*(each[ask] for ask in probe.asks), *apart]
            except duckdb.Error as reason:
                found[id(probe)] = f"it can't be asked: {sentence(reason)}"
    return found


def _values(database: "DuckDBPyConnection", probes: Sequence[Probe], source: str) -> dict[str | None, Any]:
    """What each aggregate comes to, each asked once."""
    asks = list(dict.fromkeys(ask for probe in probes for ask in probe.asks)) or ["1"]
    row = database.execute(f"SELECT {', '.join(asks)} FROM {source}").fetchone()
    assert row is not None
    return dict(zip(asks, row, strict=True))


def _examples(database: "DuckDBPyConnection", table: Table, probe: Probe) -> tuple[str, ...]:
    """Some of the rows that a probe did not expect, as `row 7: origin = 'XXX'`."""
    values = [f"left({column(name)}::VARCHAR, {_LONGEST})" for name in probe.shows]
    query = f"SELECT {', '.join([ROW, *values])} FROM {probe.source} WHERE {probe.unexpected}"
    rows = database.execute(f"{query} ORDER BY {ROW} LIMIT {EXAMPLES}").fetchall()
    return tuple(_told(table, probe.shows, row) for row in rows)


def _told(table: Table, names: Sequence[str], row: Sequence[Any]) -> str:
    values = [
        f"{name} = {'null' if value is None else value}" for name, value in zip(names, row[1:], strict=True)
    ]
    return table.row(row[0]) + (f": {', '.join(values)}" if values else "")


def sentence(error: Exception) -> str:
    """Why something can't be read, in one sentence: of an error of a reader of CSV, what was wrong in which line."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if "Error when sniffing file" in lines[0]:
        return "its text can't be parted into columns: it has to be UTF-8, with a row in each line"
    wrong = [line for line in lines[1:] if line.startswith(_TELLING)]
    said = f"{lines[0]}: {wrong[0]}" if "CSV Error" in lines[0] and wrong else lines[0]
    return said if len(said) <= _LONGEST_REASON else f"{said[:_LONGEST_REASON]}…"


def _word(asserted: Asserted) -> str:
    return str(asserted.check.__struct_config__.tag)
