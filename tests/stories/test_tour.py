"""The tour in `docs/tour.md` is typed as it stands: every command is run, and what it shows comes back."""

import importlib.util
import re
from pathlib import Path

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGING = re.compile(r"\d+\.\d+s|\d+s ago|\d{8}-\d{6}-[0-9a-f]{4}|\b[0-9a-f]{8}\b")
"""Durations, ages, names of runs, commits."""
HEADER = re.compile(r"^# .*$", re.MULTILINE)
"""Of a table; in a story it would be a comment."""
SPACES = re.compile(r" {2,}")

spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("test_stories.py"))
assert spec is not None
assert spec.loader is not None
stories = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stories)


def test_the_tour_is_true(tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    script = "".join(BLOCK.findall(TOUR.read_text()))
    for step in stories.steps(HEADER.sub("…", script)):
        told = SPACES.sub(" ", stories.run(step.command, folder))
        expected = stories.pattern(SPACES.sub(" ", CHANGING.sub("…", step.expected)))
        assert re.fullmatch(expected, told + "\n"), (
            f"$ {step.command}\n--- told\n{step.expected}\n--- got\n{told}"
        )
