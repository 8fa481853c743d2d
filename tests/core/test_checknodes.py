"""Checks between stages: after what writes a path, before what reads it, and never in a circle."""

from graphlib import TopologicalSorter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdo.core.checknodes import chosen, halted, node, planned, with_checks, with_nodes
from outdo.core.digest import check_key
from outdo.core.graph import Graph, build
from outdo.core.model import (
    Action,
    CheckedPath,
    Digest,
    Entry,
    Key,
    Output,
    Path,
    Plan,
    Reason,
    Stage,
    StageName,
    Verb,
)
from outdo.core.verdict import Judgement, Outcome, Verdict

RULES = CheckedPath(Digest("rules"))
DATA = Entry(Digest("data"), 1)


def stage(name: str, deps: str = "", outs: str = "") -> Stage:
    made = tuple(Output(path) for path in outs.split())
    return Stage(StageName(name), (f"make {name}",), deps=tuple(deps.split()), outs=made)


PIPELINE = build(
    [
        stage("prepare", "raw", "train test"),
        stage("train", "train", "model"),
        stage("report", "test", "page"),
        stage("evaluate", "model test", "scores"),
    ]
)


def plan_of(verb: Verb, graph: Graph = PIPELINE) -> list[Action]:
    return [Action(name, verb) for name in graph.stages]


def judgement(outcome: Outcome, path: Path = "train") -> Judgement:
    key = check_key(path, RULES.rules, DATA, {})
    return Judgement("data", path, DATA.digest, key, (Verdict("rows", outcome, ""),), 0.0)


def inspected(*found: Judgement, verb: Verb = "keep", now: float = 1.0) -> Plan:
    """The plan with a check of `train`, of which `found` is known."""

    def known(digest: Digest, key: Key) -> Judgement | None:
        return next((one for one in found if (one.digest, one.key) == (digest, key)), None)

    actions = plan_of(verb)
    checks = planned(PIPELINE, {"train": RULES}, actions, {"train": DATA}, known, now)
    return halted(PIPELINE, Plan(tuple(actions), checks))


def test_a_check_waits_for_what_writes_the_path_and_what_reads_it_waits_for_the_check() -> None:
    graph = with_checks(PIPELINE, {"train": RULES})
    assert graph.parents[node("train")] == ("prepare",)
    assert node("train") in graph.parents[StageName("train")]
    assert node("train") not in graph.parents[StageName("report")]


def test_a_check_waits_for_the_other_files_that_it_speaks_of() -> None:
    graph = with_checks(PIPELINE, {"raw": CheckedPath(Digest(""), ("scores",))})
    assert graph.parents[node("raw")] == ("evaluate",)
    assert node("raw") not in graph.parents[StageName("prepare")]  # which it would wait for itself


def test_a_reader_of_a_folder_or_of_a_pattern_waits_too() -> None:
    graph = build([stage("whole", "data"), stage("some", "data/*.csv"), stage("other", "database")])
    parents = with_checks(graph, {"data/a.csv": RULES}).parents
    assert [name for name, above in parents.items() if node("data/a.csv") in above] == ["some", "whole"]


def test_what_is_known_of_the_same_data_is_not_looked_at() -> None:
    assert [inspected().checks[0].verb, inspected(judgement("passed")).checks[0].verb] == ["run", "keep"]


def test_what_is_about_to_be_written_is_looked_at_then() -> None:
    assert inspected(judgement("passed"), verb="run").checks[0].verb == "wait"


def test_a_known_failure_leaves_out_its_readers_and_theirs() -> None:
    found = inspected(judgement("failed"))
    assert [(one.stage, one.verb) for one in found.actions] == [
        ("prepare", "keep"),
        ("report", "keep"),
        ("train", "skip"),
        ("evaluate", "skip"),
    ]
    assert found.actions[2].reasons == (Reason("check_failed", "train"),)
    assert found.actions[3].reasons == (Reason("upstream_failed", "train"),)


def test_a_part_of_the_stages_has_the_checks_of_what_they_read_and_write() -> None:
    checks = {"train": RULES, "page": RULES, "elsewhere": RULES}
    assert list(chosen(PIPELINE, checks, [StageName("report")])) == ["page"]
    assert list(chosen(PIPELINE, checks, [StageName("train")])) == ["train"]
    assert list(chosen(PIPELINE, checks, list(PIPELINE.stages))) == list(checks)


PATHS = ["raw", "train", "test", "model", "page", "scores", "elsewhere"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(PATHS), st.lists(st.sampled_from(PATHS), max_size=3).map(tuple)))
def test_checks_never_wait_in_a_circle_and_come_before_those_that_wait(
    checks: dict[Path, tuple[Path, ...]],
) -> None:
    nodes = {path: CheckedPath(Digest(""), beside) for path, beside in checks.items()}
    graph = with_checks(PIPELINE, nodes)
    assert len(list(TopologicalSorter(graph.parents).static_order())) == len(PIPELINE.stages) + len(checks)
    actions = plan_of("run")
    made = with_nodes(graph, Plan(tuple(actions), planned(graph, nodes, actions, {}, lambda *_: None, 0.0)))
    assert {one.stage for one in made.actions} == set(graph.stages)
    assert [one for one in made.actions if one in actions] == actions
