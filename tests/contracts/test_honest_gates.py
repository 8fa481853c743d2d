"""Gates keep their word over many worlds: false alarms, coverage and power are those that they state."""

import os

import pytest

from benchmarks.honesty import CASES

pytestmark = pytest.mark.slow

WORLDS = int(os.environ.get("OUTDO_WORLDS", "0"))
"""How many worlds each case sees. Unset: 2,000 where a formula gives the answer, and fewer where rows are drawn again
or many slices searched, with so much more room for chance; docs/design/gates.md has 2,000 of each."""


def worlds(name: str) -> int:
    formula = name.endswith(("auc", "accuracy")) and name.startswith(("beats", "power"))
    return WORLDS or (2000 if formula else 200 if name.startswith("found") else 500)


@pytest.mark.parametrize("name", CASES)
def test_verdicts_keep_their_word(name: str) -> None:
    assert [rate for rate in CASES[name](worlds(name)) if not rate.kept()] == []
