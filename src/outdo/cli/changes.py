"""A comparison in words: lines for a terminal, and Markdown for a pull request."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.paint import Paint, plain
from outdo.core.compare import Comparison, DataChange, Kind, LineChange, ValueChange
from outdo.core.model import Entry, Value
from outdo.core.tablediff import TableDiff, clause, details
from outdo.core.values import short
from outdo.core.wording import size

PATCH_LIMIT = 50_000
"""Characters of a patch that Markdown shows: forges take comments of 65,536."""
MANY = 20
"""How many files of one kind are shown; `--json` has all."""
MANY_CELLS = 5
"""How many columns of a table are told of in Markdown."""
MARKS: Mapping[Kind, tuple[str, str]] = {
    "added": ("+", "green"),
    "removed": ("−", "red"),
    "changed": ("~", "yellow"),
}


def text(found: Comparison, paint: Paint) -> str:
    """The comparison for a terminal."""
    head = f"{plain(found.before)} → {plain(found.after)}"
    if found.same:
        return f"{head}: no difference"
    parts = [
        _section("code", sum_of_code(found.code), _code(found.code, paint), paint),
        _section("params", "", _values(found.params, paint), paint),
        _section("metrics", "", _values(found.metrics, paint), paint),
        _section("data", "", _data(found.data, paint), paint),
    ]
    parts.append("\n".join(_painted(line, paint) for line in found.patch.rstrip("\n").split("\n")))
    return "\n\n".join([paint(head, "bold"), *(part for part in parts if part)])


def _painted(line: str, paint: Paint) -> str:
    """A line of a patch."""
    shown = "\t".join(map(plain, line.split("\t")))
    if line.startswith(
        ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "old mode", "new mode")
    ):
        return paint(shown, "bold")
    return paint(shown, *{"+": ["green"], "-": ["red"], "@": ["cyan"]}.get(line[:1], []))


def _section(title: str, told: str, lines: Sequence[str], paint: Paint) -> str:
    if not lines:
        return ""
    head = paint(title, "bold") + (f"  {told}" if told else "")
    return "\n".join([head, *(f"  {line}" for line in lines)])


def sum_of_code(changes: Sequence[LineChange]) -> str:
    """How many files, and how many lines came and went."""
    files = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    return f"{files}, +{sum(one.added or 0 for one in changes)} −{sum(one.removed or 0 for one in changes)}"


def lines_of(change: LineChange) -> str:
    """Lines added and removed in one file."""
    return "binary" if change.added is None else f"+{change.added} −{change.removed}"


def number(value: Value) -> str:
    """A value as short as it can be told: seven digits of a number."""
    return f"{value:.7g}" if isinstance(value, float) else short(value)


def moved(change: ValueChange) -> str:
    """By how much a number moved, with its sign."""
    return "" if change.delta is None else f"{change.delta:+.4g}".replace("-", "−")


def _code(changes: Sequence[LineChange], paint: Paint) -> list[str]:
    if not changes:
        return []
    shown = changes[:MANY]
    columns = [
        Column("", tuple(_mark(one.kind) for one in shown)),
        Column("", tuple(Cell(one.path) for one in shown)),
        Column("", tuple(Cell(lines_of(one), ("dim",)) for one in shown)),
    ]
    return [*aligned(columns, paint), *_more(len(changes))]


def _values(changes: Sequence[ValueChange], paint: Paint) -> list[str]:
    if not changes:
        return []
    columns = [
        Column("", tuple(_mark(one.kind) for one in changes)),
        Column("", tuple(Cell(one.name) for one in changes)),
        Column("", tuple(Cell(_way(one)) for one in changes)),
        Column("", tuple(Cell(moved(one), ("cyan",)) for one in changes), right=True),
    ]
    return aligned(columns, paint)


def _way(change: ValueChange) -> str:
    match change.kind:
        case "added":
            return number(change.after)
        case "removed":
            return f"was {number(change.before)}"
        case "changed":
            return f"{number(change.before)} → {number(change.after)}"


def _data(changes: Sequence[DataChange], paint: Paint) -> list[str]:
    if not changes:
        return []
    columns = [
        Column("", tuple(_mark(one.kind) for one in changes)),
        Column("", tuple(Cell(path_of(one)) for one in changes)),
        Column("", tuple(Cell(sizes(one)) for one in changes)),
        Column("", tuple(Cell(inside(one), ("dim",)) for one in changes)),
    ]
    lines: list[str] = []
    for line, change in zip(aligned(columns, paint), changes, strict=True):
        lines += [line, *(f"    {inner}" for inner in _within(change, paint))]
    return lines


def _within(change: DataChange, paint: Paint) -> list[str]:
    """Lines for the files of a folder and the columns of a table."""
    if change.kind != "changed":
        return []
    if change.table:
        return _columns(change.table, paint)
    lines: list[str] = []
    files = change.files or ()
    for file in files[:MANY]:
        mark, colour = MARKS[file.kind]
        told = f"  {paint(plain(clause(file.table)), 'dim')}" if file.table else ""
        lines.append(f"{paint(mark, colour)} {plain(file.path)}{told}")
        lines += [f"    {line}" for line in _columns(file.table, paint)] if file.table else []
    return [*lines, *_more(len(files))]


def _columns(table: TableDiff, paint: Paint) -> list[str]:
    told = details(table, MANY)
    if not told:
        return []
    columns = [
        Column("", tuple(Cell(name) for name, _, _ in told)),
        Column("", tuple(Cell(cells) for _, cells, _ in told)),
        Column("", tuple(Cell(one, ("dim",)) for _, _, one in told)),
    ]
    return aligned(columns, paint)


def path_of(change: DataChange) -> str:
    """The path, of a folder with a slash."""
    entry = change.after or change.before
    is_folder = entry is not None and entry.kind == "tree"
    return f"{change.path.rstrip('/')}/" if is_folder else change.path


def sizes(change: DataChange) -> str:
    """How large it was and is."""
    match change.kind:
        case "added":
            return _size(change.after)
        case "removed":
            return f"was {_size(change.before)}"
        case "changed":
            old, new = _size(change.before), _size(change.after)
            return new if old == new else f"{old} → {new}"


def inside(change: DataChange) -> str:
    """What differs in a folder or in a table, as a clause."""
    if change.kind != "changed":
        entry = change.after or change.before
        return f"{entry.files} files" if entry is not None and entry.kind == "tree" else ""
    if change.files is None:
        return "the store does not hold both, so its files are not told"
    if change.files:
        kinds = [file.kind for file in change.files]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in MARKS if kind in kinds)
    return clause(change.table) if change.table else ""


def _size(entry: Entry | None) -> str:
    return size(entry.size) if entry else ""


def _mark(kind: Kind) -> Cell:
    mark, colour = MARKS[kind]
    return Cell(mark, (colour,))


def _more(count: int) -> list[str]:
    return [f"… and {count - MANY} more"] if count > MANY else []


# Markdown.


def markdown(found: Comparison) -> str:
    """The comparison as a comment on a pull request: tables, and the code folded away."""
    head = f"### Outdo: {_safe(found.before)} → {_safe(found.after)}"
    if found.same:
        return f"{head}\n\nNo difference."
    parts = [
        _table_of("Metrics", ("metric", "before", "after", "change"), _value_rows(found.metrics)),
        _table_of("Params", ("param", "before", "after", "change"), _value_rows(found.params)),
        _table_of("Data", ("path", "", "size", "what"), _data_rows(found.data)),
        _folded(found.code),
        _fenced(found.patch),
        *(f"> {_safe(notice)}" for notice in found.notices),
    ]
    return "\n\n".join([head, *(part for part in parts if part)])


def value_table(part: str, found: Mapping[str, Value]) -> str:
    """Values of one side as a table."""
    rows = ((_safe(name), _safe(number(value))) for name, value in found.items())
    return _table_of(part.capitalize(), (part.removesuffix("s"), "value"), rows)


def _table_of(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    rule = "| " + " | ".join("---" for _ in heads) + " |"
    return "\n".join([f"**{title}**", "", f"| {' | '.join(heads)} |", rule, *lines])


def _value_rows(changes: Sequence[ValueChange]) -> Iterator[Sequence[str]]:
    for one in changes:
        before = "" if one.kind == "added" else _safe(number(one.before))
        after = "" if one.kind == "removed" else _safe(number(one.after))
        yield _safe(one.name), before, after, moved(one)


def _data_rows(changes: Sequence[DataChange]) -> Iterator[Sequence[str]]:
    for one in changes:
        told = [inside(one)]
        if one.kind == "changed" and one.table:
            told += (f"{name}: {cells}" for name, cells, _ in details(one.table, MANY_CELLS))
        yield _safe(path_of(one)), one.kind, sizes(one), _safe("; ".join(part for part in told if part))


def _folded(changes: Sequence[LineChange]) -> str:
    if not changes:
        return ""
    rows: list[Sequence[str]] = [(_safe(one.path), one.kind, lines_of(one)) for one in changes[:MANY]]
    rows += [(line, "", "") for line in _more(len(changes))]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    summary = f"<summary>Code: {sum_of_code(changes)}</summary>"
    return f"<details>{summary}\n\n| file | | lines |\n| --- | --- | --- |\n{table}\n\n</details>"


def _fenced(patch: str) -> str:
    if not patch:
        return ""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", patch)), default=0))
    cut = (
        patch if len(patch) <= PATCH_LIMIT else f"{patch[:PATCH_LIMIT].rpartition(chr(10))[0]}\n… and more\n"
    )
    return f"<details><summary>Lines</summary>\n\n{fence}diff\n{cut.rstrip(chr(10))}\n{fence}\n\n</details>"


def _safe(text: str) -> str:
    """A text of others that neither breaks a table nor is read as Markdown, HTML or a mention."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]|~#" else c for c in plain(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
