"""Gates keep their word over many worlds: false alarms, coverage and power are those that they state."""

import os

import numpy as np
import pytest

from outdo.core.gate import POWER, beats
from outdo.core.metrics.scored import Array, Scored
from outdo.core.metrics.table import METRICS
from outdo.core.statistics.difference import Difference, detectable
from outdo.core.statistics.paired import difference

pytestmark = pytest.mark.slow

WORLDS = int(os.environ.get("OUTDO_WORLDS", "0"))
"""How many worlds each kind of test sees. Unset: 2,000 where a formula gives the answer, and fewer where rows are drawn
again, with so much more room for chance as fewer worlds leave."""
ROWS = 400
RESAMPLES = 600
"""Of each bootstrap; those of a user are 10,000, and no less honest."""


def scored(truth: Array, score: Array) -> Scored:
    return Scored(truth, score, (score > 0.5).astype(np.int64), classes=2)


def compared(name: str, world: int, edge: float = 0.0, days: int = 0) -> Difference:
    """Two models alike in all but their noise; `edge` is what the challenger sees more. With `days`, rows of one day
    share what makes them easy for one of the two."""
    random = np.random.default_rng([world, days, len(name)])
    truth = (random.random(ROWS) < 0.4).astype(np.float64)
    shared = 0.5 + 0.3 * (truth - 0.5) + random.normal(0, 0.15, ROWS)
    day = random.integers(0, days or 1, ROWS)
    mood = random.normal(0, 0.08 if days else 0, (2, days or 1))
    ours = shared + (edge + mood[0, day]) * (truth - 0.5) + random.normal(0, 0.1, ROWS)
    theirs = shared + mood[1, day] * (truth - 0.5) + random.normal(0, 0.1, ROWS)
    clusters = day if days else None
    return difference(
        METRICS[name],
        scored(truth, ours),
        scored(truth, theirs),
        clusters=clusters,
        seed=world,
        resamples=RESAMPLES,
    )


def worlds(name: str) -> int:
    return WORLDS or (2000 if name in ("auc", "accuracy") else 300)


def chance(many: int) -> float:
    """Two standard errors of a share of 5 % in so many worlds, beyond those that 2,000 have."""
    return 2 * 0.218 * (many**-0.5 - 2000**-0.5) if many < 2000 else 0.0


def passes(found: Difference) -> bool:
    return beats("", found, (0, 0)).outcome == "passed"


@pytest.mark.parametrize("name", ["auc", "accuracy", "f1", "brier"])
def test_no_better_model_passes_no_more_often_than_it_may(name: str) -> None:
    many = worlds(name)
    found = [compared(name, world) for world in range(many)]
    assert np.mean([passes(one) for one in found]) <= 0.05 + 0.01 + chance(many)
    assert np.mean([one.low <= 0 for one in found]) == pytest.approx(0.95, abs=0.015 + chance(many))
    assert np.mean([one.high >= 0 for one in found]) == pytest.approx(0.95, abs=0.015 + chance(many))


@pytest.mark.parametrize("name", ["auc", "accuracy"])
def test_what_is_said_to_be_detectable_is_detected(name: str) -> None:
    reach = np.median([detectable(compared(name, world).error, 0.95, POWER) for world in range(50)])
    low, high = 0.0, 1.0
    for _ in range(12):
        edge = (low + high) / 2
        lead = np.mean([compared(name, world, edge).value for world in range(60)])
        low, high = (edge, high) if lead < reach else (low, edge)
    assert np.mean([passes(compared(name, world, high)) for world in range(worlds(name))]) >= POWER - 0.03


def test_rows_of_one_day_are_no_evidence_of_their_own() -> None:
    many = worlds("days")
    found = [compared("auc", world, days=40) for world in range(many)]
    assert np.mean([passes(one) for one in found]) <= 0.05 + 0.02 + chance(many)
