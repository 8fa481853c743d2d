"""How a judgement, and what stands against a version, are told."""

from collections.abc import Iterator, Sequence
from time import time

from outdo.app.attest import Attested
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.log import ago
from outdo.cli.paint import Paint, plain
from outdo.core.promote import Hindrance
from outdo.core.verdict import Judgement, Outcome, Verdict

MARKS: dict[Outcome, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "inconclusive": ("?", "yellow"),
    "not_evaluated": ("–", "yellow"),
}


def judged(one: Judgement) -> str:
    """When, and beside whom, gates were judged."""
    beside = f"beside {one.champion}" if one.champion else "without a champion"
    return f"judged {ago(max(0.0, time() - one.at))} {beside}"


def passed(one: Judgement) -> str:
    """How many gates passed."""
    good = sum(each.outcome == "passed" for each in one.verdicts)
    total = len(one.verdicts)
    count = f"all {total} gates" if good == total > 1 else f"{good} of {total} gates"
    return ("its gate" if good == total == 1 else count) + " passed"


def verdicts(found: Sequence[Verdict], paint: Paint) -> Iterator[str]:
    """A line for each verdict."""
    marks = [
        ("!", "yellow") if one.level == "warn" and one.outcome != "passed" else MARKS[one.outcome]
        for one in found
    ]
    yield from aligned(
        [
            Column("", tuple(Cell(f"  {mark}", (colour,)) for mark, colour in marks)),
            Column("", tuple(Cell(one.name) for one in found)),
            Column("", tuple(Cell(one.reason, () if one.outcome == "failed" else ("dim",)) for one in found)),
        ],
        paint,
    )


def hindrances(found: Sequence[Hindrance], paint: Paint) -> Iterator[str]:
    """What stands against a version, and how to mend it."""
    for each in found:
        if each.verdict is None:
            yield f"  {paint('–', 'yellow')} {plain(each.what)}"
    yield from verdicts([each.verdict for each in found if each.verdict], paint)
    for fix in dict.fromkeys(each.fix for each in found if each.fix):
        yield f"  {paint('fix', 'cyan', 'bold')}: {plain(fix)}"


def untrusted(one: Attested, paint: Paint) -> Iterator[str]:
    """A hint, where a signature counts for nothing here yet."""
    if not one.trusted:
        told = paint("not trusted", "yellow")
        yield f"  {told} by the project yet, so outdo verify refuses it: outdo key trust {plain(one.key)}"
