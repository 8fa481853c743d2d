"""Data held against what is not in the workspace any more: what the champion learned from, a run's, an object."""

import shutil
from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.library import load
from outdo.app.models import set_alias
from outdo.core.digest import digest_bytes
from outdo.core.verdict import Verdict

pytestmark = pytest.mark.slow
STAGES = """
project: p
stages:
  split: {cmd: mkdir -p data && cp raw.csv data/train.csv, deps: [raw.csv], outs: [data]}
  train: {cmd: cp data/train.csv model, deps: [data], outs: [model]}
models:
  delay: {path: model}
"""
CHECKS = "checks:\n  data/train.csv:\n    - drift: {against: '%s', ks: '< 0.5'}\n"
OLD = "x\n" + "".join(f"{each}\n" for each in range(100))
NEW = "x\n" + "".join(f"{each}\n" for each in range(60, 160))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run twice, on other data."""
    root = tmp_path_factory.mktemp("trained")
    (root / "outdo.yaml").write_text(STAGES)
    for rows in (OLD, NEW):
        (root / "raw.csv").write_text(rows)
        assert load(str(root)).run().ok
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "project", symlinks=True))


def held(root: Path, against: str) -> Verdict:
    (root / "outdo.yaml").write_text(STAGES + CHECKS % against)
    [checked] = check(str(root))
    [verdict] = checked.verdicts
    return verdict


def test_a_first_model_has_no_champion_to_drift_from(root: Path) -> None:
    verdict = held(root, "champion")
    assert (verdict.outcome, verdict.reason) == ("passed", "there is no champion yet")


def test_data_is_held_against_what_the_champion_was_trained_on(root: Path) -> None:
    set_alias(str(root), "delay/1", "champion")
    verdict = held(root, "champion")
    assert verdict.outcome == "failed"
    assert verdict.evidence.value == pytest.approx(0.6)
    set_alias(str(root), "delay/2", "champion")
    assert held(root, "champion").outcome == "passed"


@pytest.mark.parametrize(
    ("against", "outcome"), [("run:1", "failed"), ("run:2", "passed"), ("run:9", "not_evaluated")]
)
def test_data_is_held_against_what_a_run_had(root: Path, against: str, outcome: str) -> None:
    assert held(root, against).outcome == outcome


def test_data_is_held_against_an_object(root: Path) -> None:
    assert held(root, f"object:{digest_bytes(OLD.encode())}").outcome == "failed"
    assert held(root, "object:00000000").reason == "nothing on record is the object '00000000'"
