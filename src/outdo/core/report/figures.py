"""Verdicts and scores to charts."""

import re
from collections.abc import Iterator, Mapping, Sequence

from outdo.core.chart import Chart, chart
from outdo.core.chartforest import Forest, Span, forest
from outdo.core.charthistogram import Histogram, histogram
from outdo.core.curves import Point
from outdo.core.figure import Figure, Series
from outdo.core.metrics.scored import Scored, Unscored
from outdo.core.predicted import Champion, Predicted
from outdo.core.report.curves import calibration, roc, spread
from outdo.core.report.told import WORDS, Judged, State, families, state
from outdo.core.verdict import Evidence, Verdict

_HUES: Mapping[State, int] = {"failed": 1, "inconclusive": 4, "not_evaluated": 6, "warned": 4, "passed": 2}
GROUPS = tuple((WORDS[each], hue) for each, hue in _HUES.items())
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


def of_verdicts(one: Judged) -> Iterator[Chart]:
    """The lead over the champion in each metric, and the parts of each verdict that has parts with intervals."""
    leads = [
        _span(verdict.name.removeprefix("beats champion "), verdict, _scores(verdict.evidence))
        for verdict in one.verdicts
        if verdict.evidence.challenger is not None and _drawable(verdict)
    ]
    if leads:
        yield forest(
            Forest(f"Lead over {one.champion or 'the champion'}", "lead", tuple(leads), (0.0,), GROUPS)
        )
    for verdict in one.verdicts:
        for family in families(verdict):
            parts = [part for part in family if _drawable(part)]
            if len(parts) < 2 or len({part.evidence.bound for part in parts}) > 1:
                continue  # one scale does not fit them
            spans = sorted(
                (_span(part.subject or part.name, part) for part in parts), key=lambda span: span.value
            )
            bounds = {float(word) for part in parts for word in _NUMBER.findall(part.evidence.bound)}
            yield forest(
                Forest(verdict.name, _metric(verdict.name), tuple(spans), tuple(sorted(bounds)), GROUPS)
            )


def of_scores(name: str, ours: Predicted, champion: Champion | None) -> Iterator[Chart]:
    """ROC curve, calibration and scores of a model, over those of the champion where it was scored on these rows."""
    sides: list[tuple[str, Scored]] = []
    whose = champion.name if champion else ""
    for side, rows in ((f"{name} (this)", ours), (whose, champion.rows if champion else None)):
        try:
            sides += [(side, rows.scored())] if rows is not None else []
        except Unscored:
            continue
    curves = (
        ("ROC curve", ("false positive rate", "true positive rate"), roc),
        ("Calibration", ("predicted", "observed"), calibration),
    )
    for title, labels, curve in curves:
        found = [(side, points) for side, rows in sides if (points := curve(rows))]
        if found:
            yield chart(_lines(title, labels, found))
    if sides and (shares := spread(sides[0][1], sides[1][1] if len(sides) > 1 else None)):
        edges, now, before = (tuple(each.tolist()) for each in shares)
        yield histogram(Histogram("Scores", "score", now, before, edges, (), sides[0][0], whose))


def _lines(title: str, labels: tuple[str, str], sides: Sequence[tuple[str, Sequence[Point]]]) -> Figure:
    series = tuple(
        Series(side, "", labels[1], tuple(x for x, _ in points), tuple(y for _, y in points))
        for side, points in sides
    )
    return Figure(title, title, "linear", *labels, series)


def _drawable(verdict: Verdict) -> bool:
    found = verdict.evidence
    return found.value is not None and found.low is not None and found.high is not None


def _span(name: str, verdict: Verdict, told: str = "") -> Span:
    found = verdict.evidence
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    rows = f"{found.rows:,} rows" if found.rows is not None else ""
    return Span(name, found.low, found.value, found.high, WORDS[state(verdict)], told or rows)


def _scores(found: Evidence) -> str:
    if found.challenger is None or found.champion is None:
        return ""
    return f"{found.challenger:.4g} against {found.champion:.4g}"


def _metric(name: str) -> str:
    """The metric that a gate such as `slices auc by carrier` is about."""
    words = name.split(" ")
    return words[1] if len(words) > 1 else name
