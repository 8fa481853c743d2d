"""A command that tests a model: how it ends, and which of its tests failed."""

import os
import sys
from pathlib import Path

import pytest

from outdo.core.modelgates import TestCommand
from outdo.core.paths import OwnPath
from outdo.core.tested import judged_command
from outdo.core.verdict import Verdict
from outdo.core.written import Duration
from outdo.run.ports import Cancel
from outdo.run.tested import Bench, run_tests

PYTEST = f"{sys.executable} -m pytest -q -p no:cacheprovider test_model.py"


def verdict(root: Path, told: str | list[str] | TestCommand) -> Verdict:
    asked = (
        told if isinstance(told, TestCommand) else TestCommand(told if isinstance(told, str) else tuple(told))
    )
    bench = Bench(str(root), dict(os.environ), str(root / "logs"), Cancel())
    return judged_command("tests", run_tests(bench, asked, "m-tests"))


@pytest.mark.parametrize(
    ("told", "outcome", "words"),
    [
        ("true", "passed", "exit code 0"),
        ("false", "failed", "exit code 1"),
        (["sh", "-c", "exit 3"], "failed", "exit code 3"),
        (["sh", "-c", "kill -9 $$"], "failed", "exit code 137"),
        ("no-such-program --at all", "not_evaluated", ""),
        ("it's", "not_evaluated", "can't be read"),
        ("echo $(touch made); touch made2", "passed", ""),
        (TestCommand("sleep 30", timeout=Duration(0.2)), "failed", "did not end"),
        (TestCommand("true", OwnPath("old.xml")), "not_evaluated", "did not write 'old.xml'"),
    ],
)
def test_how_it_ends(tmp_path: Path, told: str | list[str] | TestCommand, outcome: str, words: str) -> None:
    (tmp_path / "old.xml").write_text("<testsuite><testcase name='a'/></testsuite>")
    found = verdict(tmp_path, told)
    assert (found.outcome, words in found.reason) == (outcome, True), found
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "made2").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "outcome", "words"),
    [
        ("def test_a(): pass\ndef test_b(): assert 0, 'too low'", "failed", "test_b"),
        ("def test_a(): pass", "passed", "it passes"),
        ("", "not_evaluated", "there is no test"),
    ],
)
def test_pytest_is_asked_for_its_results(tmp_path: Path, tests: str, outcome: str, words: str) -> None:
    (tmp_path / "test_model.py").write_text(tests)
    found = verdict(tmp_path, PYTEST)
    failed = [part.name for part in found.parts if part.outcome != "passed"]
    assert (found.outcome, words in f"{found.reason} {failed}") == (outcome, True), found
