"""Layout: layers below each other, no box over another, few crossings, fast."""

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from outdo.core.layout import Layout, Line, Size, arrange, layers

BOX = Size(100, 40)


def boxes(*names: str) -> dict[str, Size]:
    return dict.fromkeys(names, BOX)


def words(text: str) -> list[Line]:
    """`a>b c>d` as lines."""
    return [(line[0], line[2]) for line in text.split()]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Size], list[Line]]:
    count = draw(st.integers(0, 12))
    size = st.builds(Size, st.floats(1, 200), st.floats(1, 60))
    lines = [
        (f"n{above}", f"n{i}")
        for i in range(1, count)
        for above in draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3))
    ]
    return {f"n{i}": draw(size) for i in range(count)}, lines


def overlap(layout: Layout, sizes: dict[str, Size], one: str, other: str) -> bool:
    a, b = layout.nodes[one], layout.nodes[other]
    wide = (sizes[one].width + sizes[other].width) / 2
    high = (sizes[one].height + sizes[other].height) / 2
    return abs(a.x - b.x) < wide - 0.01 and abs(a.y - b.y) < high - 0.01


@given(graphs(), st.sampled_from(["right", "down"]))
def test_no_box_lies_over_another_and_all_lie_in_the_picture(
    graph: tuple[dict[str, Size], list[Line]], direction: str
) -> None:
    sizes, lines = graph
    layout = arrange(sizes, lines, "right" if direction == "right" else "down")
    assert not [(a, b) for a in sizes for b in sizes if a < b and overlap(layout, sizes, a, b)]
    assert all(layout.nodes[n].x - s.width / 2 >= -0.01 for n, s in sizes.items())
    assert all(layout.nodes[n].x + s.width / 2 <= layout.width + 0.01 for n, s in sizes.items())
    assert all(layout.nodes[n].y - s.height / 2 >= -0.01 for n, s in sizes.items())
    assert all(layout.nodes[n].y + s.height / 2 <= layout.height + 0.01 for n, s in sizes.items())


@given(graphs())
def test_every_line_runs_to_the_right_from_edge_to_edge(graph: tuple[dict[str, Size], list[Line]]) -> None:
    sizes, lines = graph
    layout = arrange(sizes, lines)
    for source, target in lines:
        way = layout.lines[source, target]
        assert abs(way[0].x - layout.nodes[source].x - sizes[source].width / 2) < 0.01
        assert abs(way[-1].x - layout.nodes[target].x + sizes[target].width / 2) < 0.01
        assert [p.x for p in way] == sorted(p.x for p in way)


@given(graphs())
def test_the_same_graph_is_always_drawn_the_same(graph: tuple[dict[str, Size], list[Line]]) -> None:
    assert arrange(*graph) == arrange(*graph)


def test_a_node_stands_a_layer_below_the_lowest_it_comes_after() -> None:
    assert layers(4, [(0, 1), (1, 2), (0, 3), (2, 3)]) == [0, 1, 2, 3]


def test_a_node_that_comes_after_none_stands_right_above_what_reads_it() -> None:
    assert layers(4, [(0, 1), (1, 2), (3, 2)]) == [0, 1, 2, 1]


def test_a_chain_is_a_straight_line() -> None:
    layout = arrange(boxes("a", "b", "c"), words("a>b b>c"))
    assert len({p.y for p in layout.nodes.values()}) == 1


def test_two_chains_do_not_cross() -> None:
    layout = arrange(boxes("a", "b", "c", "d"), words("a>d b>c"))
    at = {name: p.y for name, p in layout.nodes.items()}
    assert (at["a"] < at["b"]) == (at["d"] < at["c"])


def test_a_parent_stands_in_the_middle_of_its_children() -> None:
    layout = arrange(boxes("a", "b", "c"), words("a>b a>c"), "down")
    at = {name: p.x for name, p in layout.nodes.items()}
    assert abs(at["a"] - (at["b"] + at["c"]) / 2) < 0.5


def test_a_long_line_goes_round_the_boxes_between() -> None:
    layout = arrange(boxes("a", "b", "c"), words("a>b b>c a>c"))
    way = layout.lines["a", "c"]
    assert len(way) == 4
    assert abs(way[1].y - layout.nodes["b"].y) > BOX.height / 2


def test_a_thousand_nodes_take_less_than_a_second() -> None:
    names = [f"n{i}" for i in range(1000)]
    lines = [(names[i * 7919 % max(i - 1, 1)], names[i]) for i in range(1, 1000)]
    lines += [(names[i - 1], names[i]) for i in range(2, 1000, 3)]
    started = time.process_time()
    arrange(boxes(*names), list(dict.fromkeys(lines)))
    assert time.process_time() - started < 1


def test_a_chain_of_thousands_that_all_lead_to_its_end_is_drawn() -> None:
    names = [f"n{i}" for i in range(3000)]
    lines = [(a, b) for a, b in pairwise(names)] + [(n, names[-1]) for n in names[:-2]]
    assert len(arrange(boxes(*names), lines).lines) == len(lines)


def test_nothing_takes_no_room() -> None:
    layout = arrange({}, [])
    assert (layout.width, layout.height) == (0, 0)
