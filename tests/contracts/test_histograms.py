"""Columns of two tables in the same bins, as the page of `outdo check` draws them."""

from pathlib import Path

import pytest

from outdo.core.charthistogram import Histogram
from outdo.run.histograms import BINS, NAMES, histograms


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str]:
    now = [f"{row % 7},{row / 10},{'ab'[row % 2]}" for row in range(700)]
    before = [f"{row % 7},{row / 20},v{row}" for row in range(350)] + ["3,,"]
    for name, rows in (("now", now), ("before", before)):
        (tmp_path / f"{name}.csv").write_text("\n".join(["day,delay,carrier", *rows]) + "\n")
    return str(tmp_path / "now.csv"), str(tmp_path / "before.csv")


def drawn(tables: tuple[str, str], column: str) -> Histogram:
    [found] = histograms(*tables, {column: ["psi: 0.3 is not < 0.2"]}, ("now", "before"))
    return found


def test_each_of_few_whole_numbers_has_a_bin(tables: tuple[str, str]) -> None:
    found = drawn(tables, "day")
    assert found.edges == tuple(place - 0.5 for place in range(8))
    assert found.now == pytest.approx([1 / 7] * 7)


@pytest.mark.parametrize("column", ["day", "delay", "carrier"])
def test_every_row_is_counted(tables: tuple[str, str], column: str) -> None:
    found = drawn(tables, column)
    assert sum(found.now) == pytest.approx(1)
    assert sum(found.before) == pytest.approx(1)
    assert found.notes == ("psi: 0.3 is not < 0.2",)


def test_numbers_have_bins_of_equal_width_and_texts_a_bar_each_for_the_most_frequent(
    tables: tuple[str, str],
) -> None:
    assert len(drawn(tables, "delay").now) == BINS
    texts = drawn(tables, "carrier")
    assert texts.names[:2] == ("a", "b")
    assert texts.names[NAMES] == "341 more"


def test_what_can_not_be_read_is_not_drawn(tables: tuple[str, str], tmp_path: Path) -> None:
    assert histograms(tables[0], str(tmp_path / "gone.csv"), {"day": []}, ("a", "b")) == []
    assert histograms(*tables, {"gone": []}, ("a", "b")) == []
