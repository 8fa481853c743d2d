"""Figures as characters of a terminal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.dots import dotted
from outdo.core.figure import Figure, Series

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False) | st.none()


def figure(xs: list[object], ys: list[object], template: str = "linear") -> Figure:
    return Figure("f", "f", template, "x", "y", (Series("a", "f", "y", xs, ys),))  # type: ignore[arg-type]


def text(shown: Figure, width: int = 14, height: int = 3) -> list[str]:
    return ["".join(mark.text for mark in line) for line in dotted(shown, width, height)]


def test_a_line_goes_from_corner_to_corner() -> None:
    assert text(figure([0, 1], [0, 1])) == [
        "1.0 │      ⢀⡠⠔⠊",
        "    │   ⢀⠤⠒⠁   ",
        "  0 │⡠⠔⠊⠁      ",
        "    └──────────",
        "     0   x    1",
    ]


def test_names_and_bars_have_no_first_look() -> None:
    assert dotted(figure(["a", "b"], [1, 2])) == []
    assert dotted(figure([1, 2], ["a", "b"], "bar_horizontal")) == []


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30), st.integers(24, 90), st.integers(2, 12))
def test_no_line_is_wider_than_asked(points: list[tuple[object, object]], width: int, height: int) -> None:
    shown = text(figure([x for x, _ in points], [y for _, y in points]), width, height)
    assert all(len(line) <= max(width, 26) for line in shown)
    assert len(shown) in (0, height + 2)
