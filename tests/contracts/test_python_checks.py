"""Functions of the project as checks: called beside, with the path of the data, and stopped if they take too long."""

from pathlib import Path

import pytest

from tests.contracts.checking import judged

CODE = """
import sys, time
import numbers_of_ours

def late(path):
    print("looking at", path)
    with open(path) as file:
        return [n for n, line in enumerate(file) if line.strip() == str(numbers_of_ours.LATE)]

def raises(path): raise ValueError("no such thing")
def leaves(path): sys.exit(0)
def sleeps(path): time.sleep(60)
def strange(path): return {"passed": True, "whatever": 1}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.csv").write_text("delay\n5\n500\n7\n")
    (tmp_path / "numbers_of_ours.py").write_text("LATE = 500\n")
    (tmp_path / "checks.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_function_names_the_rows(project: Path) -> None:
    [verdict] = judged(project, "a.csv", "python: checks.py:late")
    assert (verdict.name, verdict.outcome) == ("python checks.py:late", "failed")
    assert (verdict.evidence.unexpected, verdict.evidence.examples) == (1, ("row 2",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("python: checks.py:raises", "it raised ValueError (line 10): no such thing"),
        ("python: checks.py:leaves", "it raised SystemExit (line 11): 0"),
        ("python: {path: 'checks.py:sleeps', timeout: 1s}", "it took longer than 1 s"),
        ("python: checks.py:strange", "its answer can't be read"),
        ("python: checks.py:gone", "it has no function 'gone'"),
        ("python: gone.py:f", "there is no 'gone.py'"),
        ("python: checks.py", "say which function is meant, such as checks.py:name"),
    ],
)
def test_what_goes_wrong_was_not_evaluated(project: Path, line: str, reason: str) -> None:
    [verdict] = judged(project, "a.csv", line)
    assert verdict.outcome == "not_evaluated"
    assert verdict.reason.startswith(reason)
