"""Sketch: what a picture shows, before any format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.graph import Graph, build
from outdo.core.model import Output, Param, Stage, StageName
from outdo.core.sketch import Mark, Sketch, part, sketch, visible


def stage(name: str, deps: str = "", outs: str = "") -> Stage:
    return Stage(
        StageName(name), cmd=("true",), deps=tuple(deps.split()), outs=tuple(Output(o) for o in outs.split())
    )


PREPARE = stage("prepare", "raw.csv", "clean.csv")
TRAIN = stage("train", "train.py clean.csv", "model/")
FLIGHTS = build([PREPARE, TRAIN])


def fan(count: int) -> Graph:
    trains = [stage(f"train@{i}", "clean.csv", f"m{i}") for i in range(count)]
    return build([PREPARE, *trains, stage("best", " ".join(f"m{i}" for i in range(count)), "best.pkl")])


def ring(count: int) -> Graph:
    """`train@1` reads what `score@0` wrote, and so on."""
    stages = [stage("train@0", "", "m0"), stage("score@0", "m0", "s0")]
    for i in range(1, count):
        stages += [stage(f"train@{i}", f"s{i - 1}", f"m{i}"), stage(f"score@{i}", f"m{i}", f"s{i}")]
    return build(stages)


def labels(shown: Sketch) -> list[str]:
    return [node.label for node in shown.nodes.values()]


def lines(shown: Sketch) -> set[str]:
    return {f"{shown.nodes[a].label} > {shown.nodes[b].label}" for a, b in shown.lines}


def test_stages_are_nodes() -> None:
    assert lines(sketch(FLIGHTS, {})) == {"prepare > train"}


def test_with_outputs_files_are_nodes_between_them() -> None:
    assert lines(sketch(FLIGHTS, {}, outputs=True)) == {
        "raw.csv > prepare",
        "prepare > clean.csv",
        "clean.csv > train",
        "train.py > train",
        "train > model/",
    }


@pytest.mark.parametrize("dep", ["data", "data/*.csv", "data/a.csv", "."])
def test_a_folder_or_glob_is_shown_as_the_outputs_that_it_means(dep: str) -> None:
    graph = build([stage("make", "", "data/a.csv"), stage("use", dep)])
    assert lines(sketch(graph, {}, outputs=True)) == {"make > data/a.csv", "data/a.csv > use"}


def test_a_file_in_a_folder_that_a_stage_makes_is_shown_as_that_folder() -> None:
    graph = build([stage("make", "", "data"), stage("use", "data/a.csv")])
    assert lines(sketch(graph, {}, outputs=True)) == {"make > data", "data > use"}


def test_a_params_file_that_a_stage_makes_is_a_line_too() -> None:
    use = Stage(StageName("use"), params=(Param("best.yaml", "lr"),))
    graph = build([stage("tune", "", "best.yaml"), use])
    assert lines(sketch(graph, {}, outputs=True)) == {"tune > best.yaml", "best.yaml > use"}


def test_a_mark_is_an_icon_a_word_and_a_note() -> None:
    shown = sketch(FLIGHTS, {PREPARE.name: Mark("ran", "2.1 s")})
    assert shown.nodes["stage:prepare"].words == "✓ ran · 2.1 s"


def test_without_a_mark_a_stage_shows_what_it_is_for_or_its_command() -> None:
    described = build([PREPARE, Stage(StageName("train"), cmd=("python train.py",), desc="a forest")])
    assert [node.words for node in sketch(described, {}).nodes.values()] == ["true", "a forest"]


def test_a_large_picture_has_one_node_for_a_group() -> None:
    assert labels(sketch(fan(200), {})) == ["prepare", "train × 200", "best"]
    assert lines(sketch(fan(200), {})) == {"prepare > train × 200", "train × 200 > best"}


def test_a_small_one_has_all() -> None:
    assert len(labels(sketch(fan(20), {}))) == 22


def test_a_group_tells_how_many_are_in_which_state_the_worst_first() -> None:
    marks = {StageName(f"train@{i}"): Mark("failed" if i < 3 else "ran") for i in range(200)}
    assert sketch(fan(200), marks).nodes["stage:train@"].words == "✕ 3 failed, 197 ran"


def test_the_files_of_a_group_are_one_node_too() -> None:
    shown = sketch(fan(200), {}, outputs=True)
    assert lines(shown) == {
        "raw.csv > prepare",
        "prepare > clean.csv",
        "clean.csv > train × 200",
        "train × 200 > m0 … × 200",
        "m0 … × 200 > best",
        "best > best.pkl",
    }


def test_groups_that_would_form_a_ring_stay_as_they_are() -> None:
    assert len(labels(sketch(ring(100), {}))) == 200


def test_a_part_has_the_named_stages_and_the_lines_between_them() -> None:
    assert labels(sketch(part(FLIGHTS, [TRAIN.name]), {})) == ["train"]


def test_the_story_tells_the_picture_in_words() -> None:
    shown = sketch(FLIGHTS, {PREPARE.name: Mark("keep")})
    assert shown.title() == "Pipeline of 2 stages"
    assert shown.story() == "prepare (fresh); train after prepare."


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("train@0.1", "train@0.1"),
        ("zürich 東京 🚀", "zürich 東京 🚀"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800\ufffe\x00", "\\ud800\\ufffe\\x00"),
    ],
)
def test_only_visible_characters_of_one_line_are_shown(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text())
def test_what_is_visible_stays_so(text: str) -> None:
    assert visible(visible(text)) == visible(text)
