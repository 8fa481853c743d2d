"""Fairness beside fairlearn's: the same value for each group, the same difference and ratio, to 1e-9."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import json

from benchmarks.peers import peer_python
from outdo.core import rules
from outdo.core.fairness import fairness
from outdo.core.metrics.scored import Scored
from outdo.core.predicted import Predicted
from outdo.core.written import NumberBound

pytestmark = pytest.mark.slow
SCRIPT = str(Path(__file__).with_name("fairlearn_says.py"))
WORLDS = 20


def world(seed: int) -> dict[str, list[Any]]:
    """From two to five groups, of which some are small, decided for more or less often."""
    random = np.random.default_rng(seed)
    group = random.choice(list("abcde")[: 2 + seed % 4], 60 + 40 * seed)
    truth = random.integers(0, 2, len(group))
    decided = random.random(len(group)) < random.uniform(0.1, 0.9, 5)[[ord(one) - ord("a") for one in group]]
    return {"truth": truth.tolist(), "decided": decided.astype(int).tolist(), "group": group.tolist()}


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    """What fairlearn says of all worlds, from one process in an environment of its own."""
    given = json.encode([world(seed) for seed in range(WORLDS)])
    done = subprocess.run([peer_python("fairlearn"), SCRIPT], input=given, capture_output=True, check=True)
    return json.decode(done.stdout, type=list[dict[str, Any]])


@pytest.mark.parametrize("seed", range(WORLDS))
def test_groups_are_as_far_apart_as_fairlearn_says(seed: int, said: list[dict[str, Any]]) -> None:
    given = world(seed)
    truth, decision = np.array(given["truth"], np.float64), np.array(given["decided"])
    predicted = Predicted(truth, decision, {"group": np.array(given["group"], object)})
    rows = Scored(truth, decision=decision, classes=2)
    for name, theirs in said[seed].items():
        gate = rules.Fairness("group", name, NumberBound(">", 0), NumberBound("<", 1), min_rows=1)
        ratio, difference = fairness(gate, predicted, rows, 0).parts
        assert ratio.evidence.value == pytest.approx(theirs["ratio"], abs=1e-9), name
        assert difference.evidence.value == pytest.approx(theirs["difference"], abs=1e-9), name
        if "groups" in theirs:
            found = {one.name: one.evidence.value for one in ratio.parts}
            assert found == pytest.approx(theirs["groups"], abs=1e-9), name
