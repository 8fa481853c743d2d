"""The employment example: its README tells what comes out, and a better model that is unfair to some is refused."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "employment"
BIN = Path(sys.executable).parent
MADE = shutil.ignore_patterns(
    "data", "model", "plots", "*.parquet", "metrics.json", ".outdo", "outdo.lock", "*.html"
)
UNFAIR = "fairness true_positive_rate by year, disability"


def outdo(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OUTDO_", "GIT_"))}
    env = {**clean, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [f"{BIN}/outdo", *words.split()], cwd=folder, env=env, capture_output=True, text=True
    )


def judged(folder: Path) -> dict[str, Any]:
    """The verdicts on the model by their names."""
    told = json.loads(outdo(folder, "check employment --json").stdout)
    return {verdict["name"]: verdict for verdict in told["data"]["judged"][0]["verdicts"]}


def metrics(folder: Path) -> dict[str, float]:
    numbers: dict[str, float] = json.loads((folder / "metrics.json").read_text())
    return numbers


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("employment") / "employment"
    shutil.copytree(EXAMPLE, folder, ignore=MADE)
    ran = outdo(folder, "run")
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def unfair(project: Path) -> Iterator[Path]:
    """The project with the disabilities among the features, and the model without them as the champion."""
    assert outdo(project, "model alias employment/1 champion").returncode == 0
    params = project / "params.yaml"
    before = params.read_text()
    params.write_text(before.replace("military]", "military, disability, hearing, seeing, thinking]"))
    ran = outdo(project, "run")
    assert (ran.returncode, UNFAIR in ran.stderr) == (1, True)
    yield project
    params.write_text(before)
    assert outdo(project, "run").returncode == 0


def test_data_and_model_pass_as_shipped(project: Path) -> None:
    told = outdo(project, "check --html check.html")
    assert told.returncode == 0, told.stdout
    assert (project / "check.html").read_text().count("<svg") > 10


def test_the_readme_tells_the_numbers_of_both_models(unfair: Path) -> None:
    [row] = [line for line in (EXAMPLE / "README.md").read_text().splitlines() if line.startswith("| AUC")]
    [refused, shipped] = map(float, re.findall(r"\d\.\d+", row))
    assert metrics(unfair)["auc"] == pytest.approx(refused, abs=0.003)
    lead = judged(unfair)["beats champion auc"]["evidence"]
    assert lead["champion"] == pytest.approx(shipped, abs=0.003)


def test_a_better_model_that_is_unfair_to_some_is_refused(unfair: Path) -> None:
    verdicts = judged(unfair)
    assert outdo(unfair, "check employment").returncode == 1
    assert verdicts["beats champion auc"]["outcome"] == "passed"
    assert [name for name, verdict in verdicts.items() if verdict["outcome"] != "passed"] == [UNFAIR]
    assert verdicts[UNFAIR]["parts"][0]["evidence"]["value"] == pytest.approx(0.36, abs=0.05)


def test_other_bytes_than_those_that_are_pinned_are_refused(project: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "mine", ignore=MADE)
    source = tmp_path / "mine/source.txt"
    source.write_text(source.read_text().replace("sha256:cf", "sha256:00"))
    ran = outdo(tmp_path / "mine", "run fetch")
    assert ran.returncode == 1
    assert "DO NOT MATCH" in ran.stdout + ran.stderr
