"""What those who know DVC type behind `metrics`, `params` and `plots`."""

import pytest

from outdo.cli.dvcwords import plots_behind, sides_behind


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", ""),
        ("show", ""),
        ("diff", "HEAD"),
        ("diff v1", "v1"),
        ("diff v1 v2", "v1 v2"),
        ("v1 v2", "v1 v2"),
        ("heads/diff", "heads/diff"),
    ],
)
def test_sides(typed: str, meant: str) -> None:
    assert sides_behind(tuple(typed.split())) == tuple(meant.split())


@pytest.mark.parametrize(
    ("typed", "plots", "sides"),
    [
        ("", "", ""),
        ("show", "", ""),
        ("show roc.csv", "roc.csv", ""),
        ("diff", "", "HEAD"),
        ("diff v1 v2", "", "v1 v2"),
        ("roc.csv", "roc.csv", ""),
    ],
)
def test_plots(typed: str, plots: str, sides: str) -> None:
    assert plots_behind(tuple(typed.split()), False) == (tuple(plots.split()), tuple(sides.split()))


def test_a_plot_of_that_name_is_meant_first() -> None:
    assert plots_behind(("diff", "show"), True) == (("diff", "show"), ())
