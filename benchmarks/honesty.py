"""`python -m benchmarks.honesty [NAME…]`: whether verdicts keep their word, over many worlds whose truth is known.

Each case makes so many worlds by chance, has them judged by the code that judges models, and counts: false alarms where
nothing is wrong, intervals that hold the truth, and leads that are seen.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from outdo.core import rules
from outdo.core.fairness import fairness
from outdo.core.gate import POWER
from outdo.core.gate import beats as gate_beats
from outdo.core.metrics.scored import Array, Codes, Scored
from outdo.core.metrics.table import METRICS
from outdo.core.predicted import Column, Predicted
from outdo.core.slices import slices
from outdo.core.statistics.difference import Difference, detectable
from outdo.core.statistics.estimate import estimate
from outdo.core.statistics.paired import difference
from outdo.core.written import NumberBound

ROWS = 400
RESAMPLES = 1000
"""Of each bootstrap; those of a user are 10,000, and no less honest."""
SURE = 0.95
VALUES = ("mae", "rmse", "r2")


class Rate(Struct, frozen=True):
    """How often something happened, and how often it may."""

    what: str
    rate: float
    low: float
    """It may not be lower."""
    high: float
    worlds: int

    def kept(self) -> bool:
        """Whether it is as it was promised; with fewer than 2,000 worlds there is more room for chance."""
        middle = min(max(self.rate, 0.01), 0.99)
        room = 2 * (middle * (1 - middle)) ** 0.5 * max(0.0, self.worlds**-0.5 - 2000**-0.5)
        return bool(self.low - room <= self.rate <= self.high + room)


def alarms(what: str, found: list[bool]) -> Rate:
    """False alarms, of which one in twenty is allowed, and a hundredth more."""
    return Rate(what, float(np.mean(found)), 0.0, 1 - SURE + 0.01, len(found))


def holding(what: str, found: list[bool], at: float = SURE) -> Rate:
    """Bounds on the right side of the truth."""
    return Rate(what, float(np.mean(found)), at - 0.015, at + 0.015, len(found))


def classified(truth: Array, score: Array) -> Scored:
    return Scored(truth, score.clip(0.01, 0.99), (score > 0.5).astype(np.int64), classes=2)


# ------------------------------------------------------------------ challenger against champion


def models(name: str, world: int, edge: float = 0.0, days: int = 0) -> tuple[Scored, Scored, Codes | None]:
    """Two models alike in all but their noise; `edge` is what the challenger sees more. With `days`, rows of one day
    share what makes them easy for one of the two."""
    random = np.random.default_rng([world, days, len(name)])
    day = random.integers(0, days or 1, ROWS)
    mood = random.normal(0, 0.08 if days else 0, (2, days or 1))
    if name in VALUES:
        truth = random.normal(0, 1, ROWS)
        shared = truth * 0.7 + random.normal(0, 0.5, ROWS)
        both = [shared + random.normal(0, noise, ROWS) for noise in (0.3 - edge, 0.3)]
        return Scored(truth, both[0]), Scored(truth, both[1]), None
    truth = (random.random(ROWS) < 0.4).astype(np.float64)
    shared = 0.5 + 0.3 * (truth - 0.5) + random.normal(0, 0.15, ROWS)
    ours = shared + (edge + mood[0, day]) * (truth - 0.5) + random.normal(0, 0.1, ROWS)
    theirs = shared + mood[1, day] * (truth - 0.5) + random.normal(0, 0.1, ROWS)
    return classified(truth, ours), classified(truth, theirs), day if days else None


def compared(name: str, world: int, edge: float = 0.0, days: int = 0) -> Difference:
    ours, theirs, clusters = models(name, world, edge, days)
    return difference(METRICS[name], ours, theirs, clusters=clusters, seed=world, resamples=RESAMPLES)


def passes(found: Difference) -> bool:
    return gate_beats("", found, (0, 0)).outcome == "passed"


def beats(name: str, days: int, worlds: int) -> list[Rate]:
    """No model is better than the other."""
    found = [compared(name, world, days=days) for world in range(worlds)]
    return [
        alarms("a model that is no better passes", [passes(one) for one in found]),
        holding("the lower bound is below the truth", [one.low <= 0 for one in found]),
        holding("the upper bound is above the truth", [one.high >= 0 for one in found]),
    ]


def power(name: str, worlds: int) -> list[Rate]:
    """The challenger is as much better as these rows were said to show."""
    reach = np.median([detectable(compared(name, world).error, SURE, POWER) for world in range(50)])
    metric, (low, high) = METRICS[name], (0.0, 0.29)
    sign = 1 if metric.aim == "high" else -1
    for _ in range(14):
        edge = (low + high) / 2
        both = [models(name, world, edge)[:2] for world in range(100)]
        lead = np.mean([sign * (metric.of(ours) - metric.of(theirs)) for ours, theirs in both])
        low, high = (edge, high) if lead < reach else (low, edge)
    found = [passes(compared(name, world, high)) for world in range(worlds)]
    return [Rate("a lead that is detectable passes", float(np.mean(found)), POWER - 0.03, 1.0, worlds)]


# ------------------------------------------------------------------ one model: intervals, slices, groups


def model(random: np.random.Generator, rows: int) -> Scored:
    truth = (random.random(rows) < 0.4).astype(np.float64)
    return classified(truth, 0.5 + 0.3 * (truth - 0.5) + random.normal(0, 0.2, rows))


def intervals(name: str, worlds: int) -> list[Rate]:
    """The bounds of a metric beside its true value, which two million rows tell."""
    metric = METRICS[name]
    true = metric.of(model(np.random.default_rng(0), 2_000_000))
    found = [
        estimate(metric, model(np.random.default_rng([1, world]), ROWS), world).bounds(SURE)
        for world in range(worlds)
    ]
    return [
        holding("the lower bound is below the truth", [low <= true for low, _ in found]),
        holding("the upper bound is above the truth", [high >= true for _, high in found]),
    ]


def named(name: str, worlds: int) -> list[Rate]:
    """Ten slices, each exactly as good as it has to be."""
    metric = METRICS[name]
    true = metric.of(model(np.random.default_rng(0), 2_000_000))
    high = metric.aim == "high"
    gate = rules.Slices(name, "column", at_least=true if high else None, at_most=None if high else true)
    found = [_failed(gate, world, {"column": np.repeat(np.arange(10), 120)}) for world in range(worlds)]
    return [alarms("any of ten slices fails", found)]


def searched(name: str, worlds: int) -> list[Rate]:
    """Slices by six columns that have nothing to do with errors, and their pairs, against the whole."""
    gate = rules.Slices(name, find="all", at_most_worse=0.0, min_rows=50)
    found = [_failed(gate, world, _columns(world, 1500)) for world in range(worlds)]
    return [alarms("any slice that is found fails", found)]


def _columns(world: int, rows: int) -> dict[str, Column]:
    random = np.random.default_rng([3, world])
    texts = {f"text{place}": random.integers(0, 5, rows) for place in range(3)}
    return {**texts, **{f"number{place}": random.normal(size=rows) for place in range(3)}}


def _failed(gate: rules.Slices, world: int, columns: Mapping[str, Column]) -> bool:
    rows = model(np.random.default_rng([2, world]), len(next(iter(columns.values()))))
    predicted = Predicted(rows.truth, rows.scores(), columns, tuple(columns))
    return slices(gate, predicted, rows, world).outcome == "failed"


def groups(metric: str, rates: tuple[float, ...], bound: str, worlds: int) -> list[Rate]:
    """Groups whose rates are as far apart as they may be: of 120 rows, 200, 400 and so on."""
    sizes = [120, 200, 400, 800][: len(rates)]
    group = np.repeat(np.arange(len(rates)), sizes)
    word, _, text = bound.partition(" ")
    limit = NumberBound.written(text)
    gate = replace(rules.Fairness("group", metric, NumberBound(">", 0)), **{"ratio": None, word: limit})
    found = []
    for world in range(worlds):
        random = np.random.default_rng([4, world])
        truth = (random.random(len(group)) < 0.5).astype(np.float64)
        decision = (random.random(len(group)) < np.array(rates)[group]).astype(np.int64)
        predicted = Predicted(truth, decision, {"group": group})
        rows = Scored(truth, decision=decision, classes=2)
        found.append(fairness(gate, predicted, rows, world).outcome == "failed")
    return [alarms("groups as alike as asked fail", found)]


Case = Callable[[int], list[Rate]]
CASES: Mapping[str, Case] = {
    **{f"beats {name}": partial(beats, name, 0) for name in ("auc", "accuracy", "f1", "brier")},
    "beats auc, rows of 40 days": partial(beats, "auc", 40),
    **{f"power of {name}": partial(power, name) for name in ("auc", "accuracy", "f1", "brier")},
    **{f"interval of {name}": partial(intervals, name) for name in ("auc", "accuracy", "f1", "brier")},
    **{f"slices {name}": partial(named, name) for name in ("auc", "accuracy", "f1", "brier")},
    **{f"found slices {name}": partial(searched, name) for name in ("auc", "accuracy", "f1", "brier")},
    "fairness, two groups alike": partial(groups, "selection_rate", (0.3, 0.3), "difference <= 0"),
    "fairness, four groups alike": partial(groups, "true_positive_rate", (0.3,) * 4, "difference <= 0"),
    "fairness, difference of 0.1": partial(groups, "selection_rate", (0.1, 0.2, 0.2), "difference <= 0.1"),
    "fairness, ratio of 0.8": partial(groups, "selection_rate", (0.4, 0.5, 0.5), "ratio >= 0.8"),
    "fairness, equalized odds": partial(groups, "equalized_odds", (0.5, 0.5), "difference <= 0"),
}
"""Those that every slow test sees."""
MORE: Mapping[str, Case] = {
    **{
        f"beats {name}": partial(beats, name, 0) for name in ("mcc", "log_loss", "average_precision", *VALUES)
    },
    **{f"power of {name}": partial(power, name) for name in ("log_loss", "mae")},
    **{
        f"interval of {name}": partial(intervals, name) for name in ("precision", "recall", "log_loss", "ece")
    },
    "found slices log_loss": partial(searched, "log_loss"),
    "fairness, rare": partial(groups, "selection_rate", (0.03,) * 4, "difference <= 0"),
}


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks.honesty", description=__doc__)
    words.add_argument(
        "names", nargs="*", metavar="NAME", help="beginnings of the names of cases; all if none"
    )
    words.add_argument("--worlds", type=int, default=2000)
    said = words.parse_args()
    rows = ["| case | what | promised | found | |", "| --- | --- | --- | --- | --- |"]
    for name, case in {**CASES, **MORE}.items():
        if said.names and not any(name.startswith(each) for each in said.names):
            continue
        began = time.perf_counter()
        for one in case(said.worlds):
            promised = f"{one.low:.1%} to {one.high:.1%}" if one.high < 1 and one.low else _side(one)
            verdict = "met" if one.kept() else "**MISSED**"
            rows.append(f"| {name} | {one.what} | {promised} | {one.rate:.2%} | {verdict} |")
        print(f"{name}: {time.perf_counter() - began:.1f} s", rows[-1], file=sys.stderr)
    print("\n".join(rows))
    return 0


def _side(one: Rate) -> str:
    return f"≥ {one.low:.1%}" if one.low else f"≤ {one.high:.1%}"


if __name__ == "__main__":
    sys.exit(main())
