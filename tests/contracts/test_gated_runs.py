"""Gates at the end of a run: each model is judged once, beside a champion that the same stage has scored."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

import outdo
from outdo.app.check import check
from outdo.app.models import set_alias, versions
from outdo.app.passed import unjudged
from outdo.app.plan import make_plan
from outdo.app.project import open_project
from outdo.app.show import show
from outdo.core.events import AnyEvent, Judged, Registered
from outdo.core.plan import Request
from outdo.store.judgements import Judgements

pytestmark = pytest.mark.slow

OUTDO_RUN = [sys.executable, "-m", "outdo.cli.main", "run"]
PIPELINE = """
project: p
stages:
  train: {cmd: cat seen > model, deps: [seen], outs: [model]}
  evaluate:
    cmd: cp rows/$(cat model).csv predictions.csv && cat model >> $COUNT
    deps: [model, rows]
    outs: [predictions.csv]
models:
  delay:
    path: model
    predictions: {path: predictions.csv, label: late, score: p, key: id}
    gates: [beats: {champion: auc}]
"""


def predictions(noise: float) -> str:
    """Rows of a model; the lower the noise, the better it is."""
    source, own = random.Random(0), random.Random(noise)
    lines = ["id,late,p"]
    for row in range(400):
        late = source.random() < 0.4
        lines.append(f"{row},{int(late)},{0.4 + 0.3 * late + own.gauss(0, noise):.6f}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose champion is a model that saw `bad`."""
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    root = tmp_path / "p"
    (root / "rows").mkdir(parents=True)
    for name, noise in (("good", 0.1), ("bad", 0.5)):
        (root / f"rows/{name}.csv").write_text(predictions(noise))
    (root / "outdo.yaml").write_text(PIPELINE)
    (root / "seen").write_text("bad")
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    assert run(root)[0].ok
    set_alias(str(root), "delay", "champion")
    return root


def run(root: Path) -> tuple[outdo.Finished, list[AnyEvent]]:
    events: list[AnyEvent] = []
    return outdo.load(root).run(listener=events.append), events


def verdicts(events: list[AnyEvent]) -> list[tuple[str, bool, str]]:
    return [
        (event.judgement.outcome, event.kept, event.judgement.champion)
        for event in events
        if isinstance(event, Judged)
    ]


def scored(root: Path) -> str:
    """The models that the stage has scored, in order."""
    return (root.parent / "count").read_text()


def test_a_better_model_passes_and_the_verdict_is_of_its_bytes(root: Path) -> None:
    (root / "seen").write_text("good")
    result, events = run(root)
    assert result.ok
    assert verdicts(events) == [("passed", False, "delay/1")]
    [registered] = [event for event in events if isinstance(event, Registered)]
    assert Judgements(str(root / ".outdo")).of(registered.digest)[-1].outcome == "passed"


def test_the_champion_is_scored_once_on_new_data(root: Path) -> None:
    (root / "seen").write_text("good")
    run(root)
    assert scored(root) == "badgood"
    (root / "rows/more").write_text("")
    result, _ = run(root)
    assert result.ok
    assert scored(root) == "badgoodgoodbad"
    assert [one.kept for one in check(str(root))] == [True]
    (root / "outdo.yaml").write_text(PIPELINE.replace("champion: auc", "champion: auc, margin: 0.01"))
    assert run(root)[0].run is None
    assert check(str(root))[0].outcome == "passed"
    assert scored(root) == "badgoodgoodbad"
    assert list((root / ".outdo/champions/trees").iterdir()) == []


def test_a_check_without_a_run_has_the_champion_scored_too(root: Path) -> None:
    (root / "seen").write_text("good")
    (root / "outdo.yaml").write_text(PIPELINE.replace("[beats: {champion: auc}]", "[]"))
    (root / "rows/more").write_text("")
    assert run(root)[0].ok
    (root / "outdo.yaml").write_text(PIPELINE)
    [found] = check(str(root))
    assert found.outcome == "passed"
    assert scored(root) == "badgoodbad"


def test_a_worse_model_fails_the_run_and_is_a_version_that_nothing_promotes(root: Path) -> None:
    (root / "seen").write_text("good")
    run(root)
    set_alias(str(root), "delay", "champion")
    (root / "seen").write_text("worse")
    (root / "rows/worse.csv").write_text(predictions(0.6))
    result, events = run(root)
    assert result.status == "failed"
    assert verdicts(events) == [("failed", False, "delay/2")]
    assert versions(str(root), "delay")[0].version == 3
    [found] = show(str(root), "last").judged
    assert (found.kind, found.subject, found.outcome, found.stops) == ("model", "delay", "failed", True)


@pytest.mark.parametrize(("doubt", "code"), [("go", 0), ("ask", 1)])
def test_the_file_says_what_follows_from_doubt(root: Path, doubt: str, code: int) -> None:
    (root / "seen").write_text("twin")
    (root / "rows/twin.csv").write_text(predictions(0.501))
    (root / "outdo.yaml").write_text(f"{PIPELINE}    doubt: {doubt}\n")
    done = subprocess.run(OUTDO_RUN, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "inconclusive" in done.stderr
    assert ("a person is to be asked" in done.stderr) is (doubt == "ask")


def test_a_champion_that_can_not_be_scored_was_not_outdone(root: Path) -> None:
    (root / "seen").write_text("good")
    text = PIPELINE.replace("cmd: cp", "cmd: grep good model && cp")
    (root / "outdo.yaml").write_text(text)
    result, events = run(root)
    assert result.status == "failed"
    [judged] = [event for event in events if isinstance(event, Judged)]
    [verdict] = judged.judgement.verdicts
    assert verdict.outcome == "not_evaluated"
    assert (
        verdict.reason
        == "delay/1 was not scored on these rows: stage 'evaluate' failed: its command exited with 1"
    )


def test_a_run_with_nothing_to_do_asks_again_only_where_something_changed(root: Path) -> None:
    (root / "seen").write_text("good")
    run(root)
    assert not open_question(root)
    set_alias(str(root), "delay", "champion")
    assert open_question(root)
    done = subprocess.run(OUTDO_RUN, cwd=root, capture_output=True, text=True, check=True)
    assert "it is delay/2" in done.stderr or "1 of 1 gate passed" in done.stderr
    assert not open_question(root)


def test_a_run_with_nothing_to_do_tells_again_what_failed(root: Path) -> None:
    (root / "seen").write_text("good")
    text = PIPELINE.replace("beats: {champion: auc}", "size: '< 1 B'")
    (root / "outdo.yaml").write_text(text)
    assert run(root)[0].status == "failed"
    done = subprocess.run(OUTDO_RUN, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "✗ delay did not pass 1 of 1 gate" in done.stderr
    assert "known" in done.stderr


def open_question(root: Path) -> list[str]:
    """The models of which a run with nothing to do does not know that they passed."""
    project = open_project(str(root))
    return unjudged(project, make_plan(project, Request()))
