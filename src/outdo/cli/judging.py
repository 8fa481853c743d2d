"""How checks and gates came out in a run, in lines."""

from collections.abc import Iterator

from outdo.cli.paint import Paint, plain
from outdo.cli.verdicts import HUES
from outdo.core.events import Judged
from outdo.core.report.told import MARKS, stops
from outdo.core.values import short
from outdo.core.verdict import Judgement, Verdict, complaint
from outdo.core.wording import duration

_SHOWN = 5
"""Rows shown of a check that failed."""


def judged_lines(event: Judged, paint: Paint, width: int, *, quiet: bool = False) -> Iterator[str]:
    """A line for what was judged, and one for each warning."""
    one = event.judgement
    mark, colour = MARKS[one.outcome], HUES[one.outcome]
    if not quiet or event.stops:
        word = "known" if event.kept else duration(event.seconds)
        outcome = one.outcome.replace("_", " ")
        head = f"{paint(mark, colour)} {plain(one.subject):<{width}} {outcome:<9} {word:>7}"
        yield f"{head}  {paint(plain(short(_sum(one), 90)), 'dim')}".rstrip()
    for verdict in one.verdicts:
        if verdict.outcome != "passed" and not stops(verdict):
            yield f"{paint('!', 'yellow', 'bold')} {plain(short(f'{one.subject}: {complaint(verdict)}', 110))}"


def judged_failure(event: Judged, paint: Paint) -> str:
    """All that data or a model was stopped for, with rows."""
    one = event.judgement
    bad = [verdict for verdict in one.verdicts if stops(verdict)]
    count = f"{len(bad)} of {len(one.verdicts)} {_words(one, len(one.verdicts))}"
    what = f"did not pass {count}" if one.verdicts else "was not judged"
    lines = [f"{paint('✗', 'red', 'bold')} {paint(plain(one.subject), 'bold')} {what}"]
    for verdict in bad:
        lines.append(f"  {paint('|', 'red')} {plain(_told(verdict))}")
        lines += [f"  {paint('|', 'red')}   {plain(row)}" for row in verdict.evidence.examples[:_SHOWN]]
        more = (verdict.evidence.unexpected or 0) - _SHOWN
        if more > 0 and verdict.evidence.examples:
            lines.append(f"  {paint('|', 'red')}   and {more:,} more")
    lines.append(paint(f"  all of it: outdo check {plain(one.subject)}", "dim"))
    return "\n".join(lines)


def _sum(one: Judgement) -> str:
    """What a person wants to know first: how many passed, or what did not."""
    bad = [verdict for verdict in one.verdicts if stops(verdict)]
    if not bad:
        passed = sum(verdict.outcome == "passed" for verdict in one.verdicts)
        return f"{passed} of {len(one.verdicts)} {_words(one, len(one.verdicts))} passed"
    more = f"; and {len(bad) - 1} more" if len(bad) > 1 else ""
    return f"{bad[0].name}: {bad[0].reason}{more}"


def _words(one: Judgement, count: int) -> str:
    word = "check" if one.kind == "data" else "gate"
    return word if count == 1 else f"{word}s"


def _told(verdict: Verdict) -> str:
    """The verdict in words, and what makes it stop where it is in doubt."""
    if verdict.outcome == "failed":
        return f"{verdict.name}: {verdict.reason}"
    asks = "; a person is to be asked (`doubt: ask`)" if verdict.doubt == "ask" else ""
    doubt = asks if verdict.outcome == "inconclusive" else ""
    return f"{verdict.name}: {verdict.outcome.replace('_', ' ')}: {verdict.reason}{doubt}"
