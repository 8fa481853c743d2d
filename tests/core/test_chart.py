"""Figures drawn."""

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outdo.core.chart import Axes, chart, file, inline
from outdo.core.chartpage import page
from outdo.core.chartscale import domain, ticks, words
from outdo.core.curves import smooth, thinned
from outdo.core.figure import TEMPLATES, Figure, Image, Lost, Pictures, Series, Template
from outdo.core.lettering import text_width

HOSTILE = "<script>alert(1)</script>\"'&]]>\x00\u202e"
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=60)


def figure(
    template: Template, points: list[tuple[object, object]], sides: int = 1, name: str = "side"
) -> Figure:
    xs, ys = zip(*points, strict=True)
    made = tuple(Series(f"{name} {i}", "f.csv", "y", xs, ys) for i in range(sides))
    return Figure("f.csv", name, template, "the x", "the y", made)


def drawn(shown: Figure, axes: Axes = Axes()) -> ElementTree.Element:  # noqa: B008
    return ElementTree.fromstring(file([chart(shown, axes)]))


def texts(svg: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in svg.iter("{http://www.w3.org/2000/svg}text")]


def boxes(svg: ElementTree.Element) -> list[tuple[float, float, float, float, str]]:
    """Where each text stands, by about how wide it comes out."""
    found = []
    for element in svg.iter("{http://www.w3.org/2000/svg}text"):
        kind, text = element.get("class", ""), element.text or ""
        size = 15 if "title" in kind else 11 if "dim" in kind else 12
        width = text_width(text, size)
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        left = x - width if "end" in kind else x - width / 2 if "mid" in kind else x
        found.append((left, y - size * 0.75, left + width, y + size * 0.2, text))
    return found


def points_of(svg: ElementTree.Element) -> list[tuple[float, float]]:
    (path,) = (e for e in svg.iter() if e.get("data-x"))
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d", ""))]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("sides", [1, 3])
def test_every_template_is_sound_svg_of_any_words(template: Template, sides: int) -> None:
    cells: list[tuple[object, object]] = (
        [(1, HOSTILE), (2, 3)] if template.startswith("bar") else [(1, 2), (HOSTILE, 3)]
    )
    svg = drawn(figure(template, cells, sides, HOSTILE))
    assert not list(svg.iter("{http://www.w3.org/2000/svg}script"))
    assert (
        "<script>"
        not in page(HOSTILE, HOSTILE, [figure(template, cells, sides, HOSTILE)]).split("<script>\n")[0]
    )


def test_a_page_holds_one_script_of_its_own_and_loads_nothing() -> None:
    shown = page(
        HOSTILE, HOSTILE, [Lost(HOSTILE, HOSTILE), Pictures("p.svg", HOSTILE, (Image(HOSTILE, b"<svg/>"),))]
    )
    assert shown.count("<script") == 1
    assert "default-src 'none'" in shown
    assert not re.findall(r"(?:src|href)=\"(?!data:image/svg)", shown)


@settings(max_examples=60, deadline=None)
@given(POINTS, st.sampled_from(TEMPLATES), st.integers(1, 6), st.text(max_size=60))
def test_no_text_lies_on_another(
    points: list[tuple[float, float]], template: Template, sides: int, name: str
) -> None:
    found = boxes(drawn(figure(template, list(points), sides, name)))
    for one, other in combinations(found, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    assert all(one[0] >= -1 and one[2] <= 641 for one in found), found


@settings(max_examples=60, deadline=None)
@given(POINTS, st.sampled_from(["linear", "simple", "smooth", "scatter", "scatter_jitter"]))
def test_every_point_lies_inside_the_picture(points: list[tuple[float, float]], template: Template) -> None:
    made = chart(figure(template, list(points)))
    for x, y in points_of(ElementTree.fromstring(file([made]))):
        assert -300 <= x <= made.width + 300 if template == "smooth" else -1 <= x <= made.width + 1
        assert template == "smooth" or -1 <= y <= made.height + 1


def test_a_line_is_drawn_from_left_to_right() -> None:
    shown = points_of(drawn(figure("linear", [(3, 1), (1, 2), (2, 3)])))
    assert all(a[0] < b[0] for a, b in pairwise(shown))


def test_a_row_without_a_number_is_a_gap_and_is_told() -> None:
    made = chart(figure("linear", [(1, 1), (2, ""), (3, 2)]))
    assert made.notes == ("1 row without a number to show left out",)
    assert made.body.count('d="M') >= 1
    assert len(re.findall("M", re.search(r'oc-line[^>]* d="([^"]+)" data-n', made.body)[1])) == 2  # type: ignore[index]


def test_names_on_the_horizontal_axis_stand_in_the_order_of_the_file() -> None:
    assert texts(drawn(figure("linear", [("Jan", 1), ("Feb", 3), ("Mar", 2)])))[-4:] == [
        "Jan",
        "Feb",
        "Mar",
        "the x",
    ]


def test_a_log_axis_leaves_out_what_it_cannot_show() -> None:
    made = chart(figure("linear", [(1, 0.001), (10, 0), (100, 10)]), Axes(True, True))
    assert made.notes == ("1 row without a number to show left out",)
    assert {"0.001", "0.01", "0.1", "1", "10"} <= set(texts(ElementTree.fromstring(file([made]))))


def test_a_matrix_counts_pairs() -> None:
    pairs: list[tuple[object, object]] = [("cat", "cat"), ("cat", "dog"), ("cat", "cat"), ("dog", "dog")]
    assert texts(drawn(figure("confusion", pairs)))[2:8] == ["cat", "2", "0", "dog", "1", "1"]


def test_a_normalized_matrix_has_shares_of_its_rows() -> None:
    pairs: list[tuple[object, object]] = [
        ("cat", "cat"),
        ("cat", "dog"),
        ("dog", "dog"),
        ("dog", "dog"),
        ("dog", "dog"),
    ]
    assert texts(drawn(figure("confusion_normalized", pairs)))[2:8] == [
        "cat",
        "1.00",
        "0.00",
        "dog",
        "0.25",
        "0.75",
    ]


def test_sorted_bars_begin_with_the_longest() -> None:
    bars: list[tuple[object, object]] = [(1, "short"), (3, "long"), (2, "middle")]
    shown = texts(drawn(figure("bar_horizontal_sorted", bars)))
    assert [word for word in shown if word in ("short", "middle", "long")] == ["long", "middle", "short"]


def test_a_million_points_are_a_small_picture_and_it_is_said() -> None:
    xs = range(200_000)
    shown = Figure("f", "f", "linear", "x", "y", (Series("a", "f", "y", xs, [x % 97 for x in xs]),))
    made = chart(shown)
    assert len(inline(made)) < 20_000
    assert made.notes == ("of 200,000 points about 400 a line are drawn, those that give it its shape",)


def test_points_on_each_other_are_drawn_once() -> None:
    xs = [x % 500 for x in range(20_000)]
    made = chart(Figure("f", "f", "scatter", "x", "y", (Series("a", "f", "y", xs, xs),)))
    assert made.notes == ("500 of 20,000 points are drawn: the others lie on them",)


CLOSE = st.tuples(NUMBERS, st.integers(1, 200).map(float)).map(
    lambda pair: (pair[0], pair[0] * (1 + pair[1] * 2**-52))
)


@settings(deadline=None)
@given(st.tuples(NUMBERS, NUMBERS) | CLOSE)
@example((0.0, 5e-324))
@example((-1e9, -999999999.9999999))
def test_ticks_are_round_even_and_told_apart(ends: tuple[float, float]) -> None:
    low, high = domain(list(ends), nice=True)
    found = ticks(low, high)
    steps = [b - a for a, b in pairwise(found)]
    assert 2 <= len(found) <= 8
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)
    assert len(set(words(found))) == len(found)


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ((0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((-3, 8), ["−5", "0", "5", "10"]),
        ((0, 12_000), ["0", "5k", "10k", "15k"]),
        ((2013, 2025), ["2010", "2015", "2020", "2025"]),
    ],
)
def test_ticks_are_told_as_a_person_writes_them(ends: tuple[float, float], told: list[str]) -> None:
    assert words(ticks(*domain(list(ends), nice=True))) == told


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3), st.integers(3, 50))
def test_a_thinned_line_keeps_its_ends_and_only_points_it_had(
    points: list[tuple[float, float]], most: int
) -> None:
    found = thinned(points, most)
    assert len(found) == min(most, len(points))
    assert (found[0], found[-1]) == (points[0], points[-1])
    assert set(found) <= set(points)


def test_a_thinned_line_keeps_its_spike() -> None:
    points = [(float(i), 100.0 if i == 777 else 0.0) for i in range(2_000)]
    assert (777.0, 100.0) in thinned(points, 40)


def test_a_smooth_curve_of_a_straight_line_is_that_line() -> None:
    points = [(float(i), 2.0 * i + 1) for i in range(50)]
    assert all(y == pytest.approx(2 * x + 1) for x, y in smooth(points))


def test_a_smooth_curve_goes_through_the_middle_of_what_swings() -> None:
    points = [(float(i), 1.0 if i % 2 else -1.0) for i in range(400)]
    assert all(abs(y) < 0.1 for _, y in smooth(points)[5:-5])
