"""Verdicts as lines of a terminal."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec.structs import replace

from outdo.cli.columns import cells
from outdo.cli.paint import Paint, plain
from outdo.core.holdout import used
from outdo.core.report.told import MARKS, Judged, State, fallen, sentence, state
from outdo.core.verdict import Verdict

HUES: dict[State, str] = {
    "failed": "red",
    "inconclusive": "yellow",
    "not_evaluated": "yellow",
    "warned": "yellow",
    "passed": "green",
}
_ROWS = 5
"""Rows shown of a check that failed; --json has more."""
_PARTS = 10
_WIDEST, _NARROWEST = 44, 24
"""Columns that a reason leaves to the names, and those that it needs at least."""
_STRIP = 25
_INDENT = 6


def told(judged: Sequence[Judged], paint: Paint, width: int | None) -> Iterator[str]:
    """All that was judged and what each came to, with a sentence about the whole; no wider than `width`."""
    for one in judged:
        yield from _subject(one, paint, width)
        yield from [""] * (len(judged) > 1)
    yield sentence(verdict for one in judged for verdict in one.verdicts)


def _subject(one: Judged, paint: Paint, width: int | None) -> Iterator[str]:
    took = "as judged before" if one.kept else f"{one.seconds:.1f}s"
    beside = took + (f"  champion {plain(one.champion)}" if one.champion else "")
    beside += f"  {used(one.models)}" if one.models > 1 else ""
    mark = paint(MARKS[one.outcome], HUES[one.outcome])
    yield f"{mark} {paint(plain(one.name), 'bold')}  {paint(beside, 'dim')}"
    shown = _joined(one.verdicts)
    most = _WIDEST if width is None else min(_WIDEST, max(width // 2, 12))
    names = [cells(plain(verdict.name)) for verdict in shown]
    column = max((long for long in names if long <= most), default=0)
    for verdict in shown:
        yield from _verdict(verdict, column, paint, width)
        yield from _details(verdict, paint, width)


def _joined(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts; of neighbours of one kind that passed for the same reason the first stands for all."""
    shown: list[Verdict] = []
    for (_, _, passed), group in groupby(verdicts, lambda v: (_word(v), v.reason, state(v) == "passed")):
        first, *others = group
        if passed and others:
            shown.append(replace(first, name=f"{first.name} and {len(others)} more"))
        else:
            shown += [first, *others]
    return shown


def _word(verdict: Verdict) -> str:
    return verdict.name.partition(" ")[0]


def _verdict(verdict: Verdict, column: int, paint: Paint, width: int | None) -> Iterator[str]:
    """A name with the reason beside it; below it, where the name is longer than the column."""
    now = state(verdict)
    styles = ("dim",) if now == "passed" else ("bold",)
    name, start = plain(verdict.name), 4 + column + 2
    reason = plain(verdict.reason)
    mark = paint(MARKS[now], HUES[now])
    if cells(name) > column:
        names = _wrapped(name, None if width is None else width - 4)
        yield f"  {mark} {names[0]}"
        yield from (f"    {line}" for line in names[1:])
        if width is not None and start + cells(reason) > width:
            start = _INDENT
        head = " " * start
    else:
        head = f"  {mark} {name}{' ' * (column - cells(name))}  "
    for line in _wrapped(reason, None if width is None else max(width - start, _NARROWEST)):
        yield f"{head}{paint(line, *styles)}"
        head = " " * start


def _details(verdict: Verdict, paint: Paint, width: int | None) -> Iterator[str]:
    """What a verdict that did not pass stands on: the scores, the parts, the rows."""
    if state(verdict) == "passed":
        return
    numbers = verdict.evidence
    if numbers.challenger is not None and numbers.champion is not None and numbers.compared:
        scores = f"{numbers.challenger:.4g} against {numbers.champion:.4g} of {plain(numbers.compared)}"
        span = (
            f", {_span(numbers.low, numbers.high)}"
            if numbers.low is not None and numbers.high is not None
            else ""
        )
        by = f" by {numbers.method}" if numbers.method else ""
        yield paint(f"      {scores}{span}{by}", "dim")
    yield from _parts(fallen(verdict), paint, width)
    if verdict.outcome != "failed":
        return
    yield from (
        paint(f"      {line}", "dim") for row in numbers.examples[:_ROWS] for line in _row(row, width)
    )
    if (more := (numbers.unexpected or 0) - _ROWS) > 0 and numbers.examples:
        yield paint(f"      and {more:,} more", "dim")


def _span(low: float, high: float) -> str:
    return f"{low:+.4g} to {high:+.4g}".replace("-", "−")


def _row(row: str, width: int | None) -> list[str]:
    return _wrapped(plain(row), None if width is None else width - 6)


def _parts(parts: Sequence[Verdict], paint: Paint, width: int | None) -> Iterator[str]:
    """The worst parts with their intervals beside each other, the bound among them."""
    shown = parts[:_PARTS]
    strips = _strips(shown)
    names = [plain(part.subject) for part in shown]
    column = min(max(map(cells, names), default=0), _NARROWEST)
    for part, name, strip in zip(shown, names, strips, strict=True):
        hue = HUES[state(part)]
        start = 8 + column + 2 + (len(strip) + 2 if strip else 0)
        reasons = _wrapped(plain(part.reason), None if width is None else max(width - start, _NARROWEST))
        drawn = f"{paint(strip, hue)}  " if strip else ""
        first, *more = _wrapped(name, None if width is None else width - 8)
        head = f"      {paint(MARKS[state(part)], hue)} {first}"
        if cells(name) > column:
            yield head
            yield from (f"        {line}" for line in more)
            head = " " * (8 + column)
        else:
            head += " " * (column - cells(name))
        yield f"{head}  {drawn}{reasons[0]}"
        yield from (f"{' ' * start}{line}" for line in reasons[1:])
    if len(parts) > _PARTS:
        yield paint(f"      and {len(parts) - _PARTS} more", "dim")


def _strips(parts: Sequence[Verdict]) -> list[str]:
    """The interval of each part as `├──●──┤` on one scale, with the bound as `│`; nothing where one has none."""
    spans = [(one.evidence.low, one.evidence.value, one.evidence.high) for one in parts]
    known = [value for span in spans for value in span if value is not None]
    if len(known) < 3 * len(spans) or not known:
        return [""] * len(parts)
    bounds = sorted({float(word) for one in parts for word in re.findall(r"-?\d+\.?\d*", one.evidence.bound)})
    low, high = min([*known, *bounds]), max([*known, *bounds])

    def place(value: float) -> int:
        return round((value - low) / (high - low or 1.0) * (_STRIP - 1))

    drawn: list[str] = []
    for start, middle, end in spans:
        assert start is not None
        assert middle is not None
        assert end is not None
        strip = [" "] * _STRIP
        strip[place(start) : place(end) + 1] = "─" * (place(end) - place(start) + 1)
        for bound in bounds:
            strip[place(bound)] = "┼" if strip[place(bound)] == "─" else "│"
        strip[place(middle)] = "●"
        drawn.append("".join(strip))
    return drawn


def _wrapped(text: str, room: int | None) -> list[str]:
    """A text in lines of at most so many places, broken between words where that is possible."""
    if room is None or cells(text) <= room:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        while cells(word) > room:
            taken = _first(word, room)
            lines += [line, taken] if line else [taken]
            line, word = "", word[len(taken) :]
        longer = f"{line} {word}" if line else word
        if cells(longer) > room:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def _first(word: str, room: int) -> str:
    """As many letters of a word as fit, one at the least."""
    end = 1
    while end < len(word) and cells(word[: end + 1]) <= room:
        end += 1
    return word[:end]
