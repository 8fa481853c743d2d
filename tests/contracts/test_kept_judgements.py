"""What was judged once is not judged again, as long as all that the verdict follows from is the same."""

from pathlib import Path

import pytest

from outdo.app.check import check
from outdo.app.library import load
from outdo.app.models import set_alias
from outdo.core.config import read_project
from outdo.core.inspection import checked_paths, holds_until
from outdo.core.verdict import Evidence, Judgement, Verdict
from outdo.store.judgements import Judgements

FILE = """
checks:
  a.csv:
    - between: {delay: [0, 10]}
    - exists: {column: origin, in: airports.csv, as: faa}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outdo.yaml").write_text(FILE)
    (tmp_path / "a.csv").write_text("origin,delay\nJFK,5\n")
    (tmp_path / "airports.csv").write_text("faa\nJFK\n")
    assert not kept(tmp_path)
    return tmp_path


def kept(root: Path, *, force: bool = False) -> bool:
    [found] = check(str(root), force=force)
    return found.kept


def test_unchanged_data_is_not_looked_at_again(root: Path) -> None:
    assert kept(root)
    assert not kept(root, force=True)


def test_a_failure_is_known_too(root: Path) -> None:
    (root / "a.csv").write_text("origin,delay\nJFK,50\n")
    first, again = check(str(root))[0], check(str(root))[0]
    assert (first.outcome, first.kept) == ("failed", False)
    assert (again.outcome, again.kept, again.verdicts) == ("failed", True, first.verdicts)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "origin,delay\nJFK,6\n"),
        ("airports.csv", "faa\nJFK\nLGA\n"),
        ("outdo.yaml", FILE.replace("10]", "11]")),
    ],
)
def test_other_data_other_references_and_other_rules_are_judged(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)
    assert not kept(root)
    assert kept(root)


def test_what_was_not_evaluated_is_tried_again(root: Path) -> None:
    (root / "airports.csv").unlink()
    assert not kept(root)
    assert not kept(root)


def test_a_judgement_is_found_by_what_was_judged(root: Path) -> None:
    [digest] = [each.name for each in (root / ".outdo/judgements").iterdir()]
    [found] = Judgements(str(root / ".outdo")).of(digest)
    assert (found.kind, found.subject, found.outcome) == ("data", "a.csv", "passed")


def test_data_that_was_fresh_enough_gets_too_old() -> None:
    asserted = read_project("outdo.yaml", "checks: {a.csv: [{fresh: {day: 60s}}]}", lambda _: None).checks[
        "a.csv"
    ]
    verdicts = (Verdict("fresh day", "passed", "", Evidence(value=45.0)),)
    until = holds_until(asserted, verdicts, now=1000.0)
    known = Judgement("data", "a.csv", "d", "k", verdicts, 1000.0, until=until)
    assert [known.holds(now) for now in (1014.0, 1016.0)] == [True, False]


@pytest.mark.parametrize(
    ("verdicts", "through"),
    [
        ([], False),
        ([Verdict("a", "passed", "")], True),
        ([Verdict("a", "passed", ""), Verdict("b", "failed", "", level="warn")], True),
        ([Verdict("a", "passed", ""), Verdict("b", "not_evaluated", "", doubt="go")], False),
        ([Verdict("a", "inconclusive", "")], False),
        ([Verdict("a", "inconclusive", "", doubt="go")], True),
        ([Verdict("a", "inconclusive", "", doubt="ask")], False),
    ],
)
def test_only_what_passed_goes_on_and_doubt_where_the_file_says_so(
    verdicts: list[Verdict], through: bool
) -> None:
    assert Judgement("data", "a.csv", "d", "k", tuple(verdicts), 0.0).lets_through is through


@pytest.mark.parametrize(
    ("line", "lasting"),
    [
        ("sql: day < now()", False),
        ("sql: day < CURRENT_DATE", False),
        ("{rows: '> 1', where: age(day) < INTERVAL 1 DAY}", False),
        ("sql: age > 18 AND known < 3", True),
    ],
)
def test_a_query_that_asks_for_the_time_is_asked_each_time(line: str, lasting: bool) -> None:
    checks = read_project("outdo.yaml", f"checks: {{a.csv: [{{{line.strip('{}')}}}]}}", lambda _: None).checks
    assert checked_paths(checks)["a.csv"].lasting is lasting


MODEL = """
project: p
stages:
  train: {cmd: cp seen model, deps: [seen], outs: [model]}
  evaluate: {cmd: cp rows.csv predictions.csv, deps: [model, rows.csv], outs: [predictions.csv]}
models:
  delay:
    path: model
    predictions: {path: predictions.csv, label: late, score: p}
    gates: [metric: {auc: "> champion - 0.5"}]
"""


@pytest.mark.slow
def test_a_model_is_judged_again_only_with_other_gates_or_beside_another_champion(tmp_path: Path) -> None:
    (tmp_path / "outdo.yaml").write_text(MODEL)
    (tmp_path / "seen").write_text("1")
    (tmp_path / "rows.csv").write_text("late,p\n0,0.2\n1,0.8\n0,0.4\n1,0.6\n")
    assert load(str(tmp_path)).run().ok
    assert kept(tmp_path)  # the run has judged it
    set_alias(str(tmp_path), "delay", "champion")
    assert [kept(tmp_path), kept(tmp_path)] == [False, True]
    (tmp_path / "outdo.yaml").write_text(MODEL.replace("0.5", "0.6"))
    assert [kept(tmp_path), kept(tmp_path)] == [False, True]
