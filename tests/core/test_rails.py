"""Rails: a picture in text that says exactly the graph."""

from hypothesis import given
from hypothesis import strategies as st

from outdo.core.rails import Row, rails


def lines(graph: dict[str, list[str]]) -> list[Row]:
    rows = rails(graph, 1000)
    assert rows is not None
    return rows


def drawn(graph: dict[str, list[str]]) -> str:
    rows = lines(graph)
    width = max(len(row.art) for row in rows)
    return "\n".join(f"{row.art:<{width}}  {row.node or ''}".rstrip() for row in rows)


def read_back(rows: list[Row]) -> dict[str, set[str]]:
    """The graph as a reader gets it from the characters alone, by the rules that the module's first lines give."""
    found: dict[str, set[str]] = {}
    flows: dict[int, set[str]] = {}
    above = ""
    for row in rows:
        art = row.art + " "
        if row.node is None:
            flows = {x: flow for x, flow in flows.items() if art[x : x + 1] == "│"}
            above = art
            continue
        here = row.at
        came: set[str] = set()
        left = here - 1
        while left >= 0 and art[left] in "─│┼┴":
            came |= flows[left] if art[left] in "┼┴" else set()
            left -= 1
        joined_left = left >= 0 and left < here - 1 and art[left] in "├╰"
        if joined_left:
            came |= flows[left]
        right = here + 1
        while art[right] in "─│┴":
            came |= flows[right] if art[right] == "┴" else set()
            right += 1
        if art[right] == "╯" and right > here + 1:
            came |= flows[right]
        over = above[here : here + 1]
        if here in flows and (not joined_left or over != "●"):
            came |= flows[here]
        found[row.node] = came
        ended = [x for x in flows if art[x : x + 1] in ("╰", "┴", "╯", " ", "─", "")]
        for x in ended:
            del flows[x]
        if art[right] in "╮┤" and right > here + 1:
            flows.pop(here, None)
            flows[right] = flows.get(right, set()) | {row.node} if art[right] == "┤" else {row.node}
        else:
            flows[here] = {row.node}
        above = art
    return found


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    size = draw(st.integers(0, 14))
    graph: dict[str, list[str]] = {}
    for i in range(size):
        above = draw(st.lists(st.integers(0, i - 1), unique=True, max_size=4)) if i else []
        graph[f"n{i}"] = [f"n{j}" for j in above]
    return graph


@given(graphs())
def test_a_reader_gets_the_same_graph_back(graph: dict[str, list[str]]) -> None:
    assert read_back(lines(graph)) == {node: set(above) for node, above in graph.items()}


@given(graphs())
def test_each_node_stands_on_a_line_of_its_own_below_its_parents(graph: dict[str, list[str]]) -> None:
    order = [row.node for row in lines(graph) if row.node]
    assert sorted(order) == sorted(graph)
    assert all(order.index(parent) < order.index(node) for node, above in graph.items() for parent in above)


def test_a_chain_is_a_column() -> None:
    assert drawn({"a": [], "b": ["a"], "c": ["b"]}) == "●  a\n●  b\n●  c"


def test_a_fork_that_joins_again_comes_back_to_the_left() -> None:
    graph = {
        "split": [],
        "small": ["split"],
        "large": ["split"],
        "choose": ["small", "large"],
        "ship": ["choose"],
    }
    assert drawn(graph).splitlines() == [
        "●      split",
        "├─●─╮  small",
        "╰─●─┤  large",
        "●───╯  choose",
        "●      ship",
    ]


def test_the_side_way_comes_before_the_main_one() -> None:
    graph = {"prepare": [], "stats": ["prepare"], "train": ["prepare"], "evaluate": ["train"]}
    assert drawn(graph).splitlines() == ["●    prepare", "├─●  stats", "●    train", "●    evaluate"]


def test_a_rail_that_has_nothing_to_do_with_an_arm_stays_whole() -> None:
    graph = {
        "split": [],
        "train": ["split"],
        "plot": ["train"],
        "test": ["split"],
        "score": ["train", "test"],
    }
    assert drawn(graph).splitlines() == [
        "●      split",
        "├─●    train",
        "│ ├─●  plot",
        "╰─│─●  test",
        "  ●─╯  score",
    ]


def test_what_stands_alone_is_set_apart() -> None:
    assert drawn({"a": [], "b": ["a"], "c": []}) == "●  a\n●  b\n\n●  c"


def test_many_stages_that_join_take_few_columns() -> None:
    graph: dict[str, list[str]] = {"first": []}
    graph |= {f"train@{i}": ["first"] for i in range(100)}
    graph |= {f"score@{i}": [f"train@{i}"] for i in range(100)}
    graph |= {"best": [f"score@{i}" for i in range(100)]}
    assert max(len(row.art) for row in lines(graph)) == 5


def test_a_thousand_stacked_diamonds_take_few_columns() -> None:
    graph: dict[str, list[str]] = {"d0": []}
    for i in range(1000):
        graph |= {f"l{i}": [f"d{i}"], f"r{i}": [f"d{i}"], f"d{i + 1}": [f"l{i}", f"r{i}"]}
    assert max(len(row.art) for row in lines(graph)) == 5


def test_no_node_no_line() -> None:
    assert rails({}, 80) == []


def test_what_would_be_too_wide_is_given_up_at_once() -> None:
    graph: dict[str, list[str]] = {f"a{i}": [] for i in range(2000)}
    graph |= {f"b{i}": [f"a{i}", f"a{i * 7 % 2000}"] for i in range(2000)}
    assert rails(graph, 80) is None
