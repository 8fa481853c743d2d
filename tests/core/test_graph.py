"""Stages to a graph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.errors import Cycle, Mistakes, UnknownStage
from outdo.core.graph import build, glob_pattern
from outdo.core.model import Output, Stage, StageName


def stage(name: str, deps: str = "", outs: str = "") -> Stage:
    return Stage(
        StageName(name),
        ("true",),
        deps=tuple(deps.split()),
        outs=tuple(Output(path) for path in outs.split()),
    )


PREPARE = stage("prepare", "raw.csv", "data/clean.csv data/stats")
TRAIN = stage("train", "data/clean.csv", "model")
EVALUATE = stage("evaluate", "model/weights.bin data/stats", "metrics.json")
CHAIN = [EVALUATE, TRAIN, PREPARE]


def test_a_stage_comes_after_those_it_reads_from() -> None:
    assert list(build(CHAIN).stages) == ["prepare", "train", "evaluate"]


def test_stages_that_could_be_next_come_by_name() -> None:
    assert list(build([stage("b"), stage("a"), stage("c")]).stages) == ["a", "b", "c"]


def test_a_file_in_an_output_folder_makes_an_edge() -> None:
    assert build(CHAIN).parents[StageName("evaluate")] == ("prepare", "train")


def test_a_folder_around_outputs_makes_an_edge_to_each() -> None:
    assert build([*CHAIN, stage("pack", "data")]).parents[StageName("pack")] == ("prepare",)


def test_a_glob_over_outputs_makes_an_edge() -> None:
    graph = build([stage("a", "", "d/1.csv"), stage("b", "", "d/2.csv"), stage("c", "d/*.csv")])
    assert graph.parents[StageName("c")] == ("a", "b")


def test_a_folder_of_a_similar_name_makes_no_edge() -> None:
    assert build([stage("a", "", "data2/x"), stage("b", "data")]).parents[StageName("b")] == ()


def test_a_ring_is_named() -> None:
    with pytest.raises(Cycle, match="a → c → b → a"):
        build([stage("a", "x", "y"), stage("b", "z", "x"), stage("c", "y", "z")])


def test_a_stage_that_reads_its_own_output_is_told_so() -> None:
    with pytest.raises(Cycle, match="'a' reads what it writes itself"):
        build([stage("a", "x", "x")])


def test_two_writers_of_one_path_are_named_with_all_others() -> None:
    with pytest.raises(Mistakes) as caught:
        build([stage("a", "", "m x/y"), stage("b", "", "m"), stage("c", "", "x")])
    assert [mistake.what for mistake in caught.value.mistakes] == [
        "stages 'a' and 'b' both write 'm'",
        "stage 'a' writes 'x/y' inside 'x', which stage 'c' writes",
    ]


def test_a_target_is_a_stage_a_group_or_an_output() -> None:
    graph = build([stage("train@1"), stage("train@2"), PREPARE])
    assert graph.named(["train", "data/stats/"]) == ["train@1", "train@2", "prepare"]


def test_a_misspelt_target_is_told_the_nearest() -> None:
    with pytest.raises(UnknownStage) as caught:
        build(CHAIN).named(["trian"])
    assert caught.value.fix == "did you mean 'train'?"


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("data/*.csv", "data/a.csv", True),
        ("data/*.csv", "data/deep/a.csv", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/x/y/a.py", True),
        ("part-[0-9].bin", "part-7.bin", True),
        ("part-[!0-9].bin", "part-7.bin", False),
        ("a?c", "a/c", False),
        ("a+b(*).txt", "a+b(1).txt", True),
    ],
)
def test_a_glob_matches_as_a_shell_does(glob: str, path: str, matches: bool) -> None:
    assert bool(glob_pattern(glob).match(path)) is matches


@given(st.permutations(CHAIN))
def test_the_order_of_the_file_never_matters(stages: list[Stage]) -> None:
    assert build(stages) == build(CHAIN)


def test_a_thousand_stacked_diamonds_are_ordered_at_once() -> None:
    stages = []
    for i in range(1000):
        stages.append(stage(f"a{i:04}", f"d{i - 1}" if i else "", f"a{i}"))
        stages.append(stage(f"b{i:04}", f"a{i}", f"b{i}"))
        stages.append(stage(f"c{i:04}", f"a{i}", f"c{i}"))
        stages.append(stage(f"d{i:04}", f"b{i} c{i}", f"d{i}"))
    graph = build(stages)
    assert list(graph.stages)[-1] == "d0999"
    assert len(graph.above([StageName("d0999")])) == 4000
