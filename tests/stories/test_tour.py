"""The tour in `docs/tour.md` is typed as it stands: every command is run, and what it shows comes back."""

import re
from pathlib import Path

from tests.stories.telling import CONSOLE, holds

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
CHANGING = re.compile(r"\d+\.\d+s|\d+s ago|\d{8}-\d{6}-[0-9a-f]{4}|\b[0-9a-f]{8}\b")
"""Durations, ages, names of runs, commits."""
HEADER = re.compile(r"^# .*$", re.MULTILINE)
"""Of a table; in a story it would be a comment."""


def test_the_tour_is_true(tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    holds(HEADER.sub("…", "".join(CONSOLE.findall(TOUR.read_text()))), folder, CHANGING)
