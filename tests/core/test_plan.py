"""Facts to a plan."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from outdo.core.digest import digest, stage_key
from outdo.core.errors import Mistakes, SourceFailed, UnknownInput
from outdo.core.graph import Graph, build, is_glob
from outdo.core.model import (
    Action,
    Bar,
    Digest,
    Entry,
    Key,
    Output,
    Param,
    Path,
    Plan,
    Reason,
    Record,
    Stage,
    StageName,
)
from outdo.core.plan import Facts, Request, decide, plan, select


def stage(name: str, deps: str = "", outs: str = "", **more: Any) -> Stage:
    return Stage(
        StageName(name),
        (f"make {name}",),
        deps=tuple(deps.split()),
        outs=tuple(Output(path) for path in outs.split()),
        **more,
    )


RATE = Param("params.yaml", "rate")
PREPARE = stage("prepare", "raw.csv", "clean.csv")
TRAIN = stage("train", "train.py clean.csv", "model", params=(RATE,))
SCORE = stage("score", "model clean.csv", "metrics.json")
PIPELINE = (PREPARE, TRAIN, SCORE)


class World:
    """A workspace in memory: what paths hold, what the store keeps, what was run."""

    def __init__(self, stages: tuple[Stage, ...] = PIPELINE, rich: int = 10**9) -> None:
        self.stages = stages
        self.files: dict[Path, str] = {"raw.csv": "rows", "train.py": "code"}
        self.params: dict[Param, Any] = {RATE: 0.1}
        self.lock: dict[StageName, Record] = {}
        self.results: dict[Key, Record] = {}
        self.store: set[Digest] = set()
        self.ran: list[str] = []
        self.rich = rich
        """How many different contents an output can have; few make outputs come out the same by chance."""

    @property
    def graph(self) -> Graph:
        return build(self.stages)

    def facts(self) -> Facts:
        entries = {path: entry(text) for path, text in self.files.items()}
        return Facts(entries, self.params, self.lock, self._known, self.holds)

    def _known(self, _: Stage, asked: Record) -> Record | None:
        return self.results.get(asked.key)

    def holds(self, entry: Entry) -> bool:
        return entry.digest in self.store

    def plan(self, **request: Any) -> dict[str, str]:
        return {
            action.stage: action.verb for action in plan(self.graph, self.facts(), Request(**request)).actions
        }

    def reasons(self, name: str) -> tuple[Reason, ...]:
        actions = plan(self.graph, self.facts()).actions
        return next(action.reasons for action in actions if action.stage == name)

    def run(self, **request: Any) -> list[str]:
        """Carries a plan out as the engine does, and returns the stages whose command ran."""
        self.ran = []
        graph = self.graph
        facts = self.facts()
        for action in plan(graph, facts, Request(**request)).actions:
            made = graph.stages[action.stage]
            self.do(made, decide(made, facts, force=request.get("force", False)), facts)
        return self.ran

    def do(self, made: Stage, action: Action, facts: Facts) -> None:
        record = action.record
        if action.verb == "run":
            record = self.compute(made, facts)
            self.ran.append(made.name)
            self.results[record.key] = record
        assert record is not None
        for path in record.outs:
            text = self.text(made, record.key, path)
            self.files[path] = text
            self.store.add(entry(text).digest)
            assert isinstance(facts.entries, dict)
            facts.entries[path] = entry(text)
        self.lock[made.name] = record

    def compute(self, made: Stage, facts: Facts) -> Record:
        deps = {dep: facts.entries[dep] for dep in made.deps}
        params = {str(param): self.params[param] for param in made.params}
        key = stage_key(made, deps, params)
        outs = {out.path: entry(self.text(made, key, out.path)) for out in made.outs}
        return Record(key, made.cmd, deps, params, made.env, outs)

    def text(self, made: Stage, key: Key, path: Path) -> str:
        return f"{path} {int(digest('content', made.cmd, key)[:8], 16) % self.rich}"


def entry(text: str) -> Entry:
    return Entry(digest("file", text), len(text))


def after_a_good_run() -> World:
    world = World()
    world.run()
    return world


def test_a_stage_that_never_ran_runs_and_those_below_wait() -> None:
    assert World().plan() == {"prepare": "run", "train": "wait", "score": "wait"}


def test_nothing_runs_when_nothing_changed() -> None:
    assert after_a_good_run().plan() == {"prepare": "keep", "train": "keep", "score": "keep"}


def test_a_changed_input_runs_its_stage_and_says_why() -> None:
    world = after_a_good_run()
    world.files["train.py"] = "better code"
    assert world.plan() == {"prepare": "keep", "train": "run", "score": "wait"}
    before, after = entry("code").digest, entry("better code").digest
    assert world.reasons("train") == (Reason("dependency_changed", "train.py", before, after),)
    assert world.reasons("score") == (Reason("upstream", "train"),)


def test_a_changed_param_says_from_what_to_what() -> None:
    world = after_a_good_run()
    world.params[RATE] = 0.2
    assert world.reasons("train") == (Reason("param_changed", "rate", 0.1, 0.2),)


def test_of_a_section_only_the_value_that_changed_is_told() -> None:
    world = World()
    world.params[RATE] = {"start": 0.1, "decay": {"every": 5}, "old": 1}
    world.run()
    world.params[RATE] = {"start": 0.1, "decay": {"every": 7}, "new": 1}
    assert world.reasons("train") == (
        Reason("param_changed", "rate.decay.every", 5, 7),
        Reason("param_added", "rate.new", None, 1),
        Reason("param_removed", "rate.old", 1),
    )


def test_one_and_true_are_two_values() -> None:
    world = World()
    world.params[RATE] = 1
    world.run()
    world.params[RATE] = True
    assert world.reasons("train") == (Reason("param_changed", "rate", 1, True),)


def test_a_changed_command_says_so() -> None:
    world = after_a_good_run()
    world.stages = (PREPARE, structs.replace(TRAIN, cmd=("make train -v",)), SCORE)
    assert world.reasons("train") == (Reason("command", "", "make train", "make train -v"),)


def test_a_removed_dependency_runs_its_stage() -> None:
    world = after_a_good_run()
    world.stages = (PREPARE, structs.replace(TRAIN, deps=("clean.csv",)), SCORE)
    assert world.reasons("train") == (Reason("dependency_removed", "train.py"),)


def test_what_only_says_how_to_run_changes_nothing() -> None:
    world = after_a_good_run()
    world.stages = (PREPARE, structs.replace(TRAIN, timeout=5.0, retries=3, desc="new"), SCORE)
    assert world.plan()["train"] == "keep"


def test_an_edit_taken_back_is_restored_not_run() -> None:
    world = after_a_good_run()
    world.params[RATE] = 0.2
    world.run()
    world.params[RATE] = 0.1
    assert world.plan() == {"prepare": "keep", "train": "restore", "score": "restore"}
    assert world.run() == []


def test_a_missing_output_is_restored() -> None:
    world = after_a_good_run()
    del world.files["model"]
    assert world.plan() == {"prepare": "keep", "train": "restore", "score": "keep"}


def test_a_missing_output_that_the_store_lost_is_run_again() -> None:
    world = after_a_good_run()
    del world.files["model"]
    world.store.clear()
    assert world.plan()["train"] == "run"
    assert world.reasons("train") == (Reason("output_missing", "model"), Reason("lost", "model"))


def test_outputs_in_place_are_kept_even_if_lock_and_store_are_gone() -> None:
    world = after_a_good_run()
    world.lock.clear()
    world.store.clear()
    assert set(world.plan().values()) == {"keep"}


def test_an_output_that_comes_out_the_same_stops_the_wave() -> None:
    world = World(rich=1)
    world.run()
    world.files["raw.csv"] = "more rows"
    assert world.plan() == {"prepare": "run", "train": "wait", "score": "wait"}
    assert world.run() == ["prepare"]


def test_force_runs_all_that_is_selected() -> None:
    assert after_a_good_run().run(force=True) == ["prepare", "train", "score"]


def test_a_target_takes_what_it_needs() -> None:
    assert list(World().plan(targets=("train",))) == ["prepare", "train"]


def test_single_takes_only_the_target() -> None:
    assert list(after_a_good_run().plan(targets=("train",), single=True)) == ["train"]


def test_downstream_takes_the_target_and_all_below() -> None:
    assert select(build(PIPELINE), Request(("train",), downstream=True)) == ["train", "score"]


def test_a_frozen_stage_is_kept_whatever_changed() -> None:
    world = after_a_good_run()
    world.stages = (structs.replace(PREPARE, frozen=True), TRAIN, SCORE)
    world.files["raw.csv"] = "more rows"
    assert world.plan() == {"prepare": "keep", "train": "keep", "score": "keep"}


def test_an_always_changed_stage_runs_and_is_never_restored() -> None:
    world = after_a_good_run()
    world.stages = (structs.replace(PREPARE, always_changed=True), TRAIN, SCORE)
    world.run()
    assert world.run() == ["prepare"]


def test_a_stage_with_neither_inputs_nor_outputs_always_runs() -> None:
    world = World((stage("notify"),))
    world.run()
    assert world.run() == ["notify"]


def test_a_stage_with_inputs_and_no_outputs_runs_once() -> None:
    world = World((stage("lint", "train.py"),))
    world.run()
    assert world.plan() == {"lint": "keep"}


def test_an_output_that_outlives_its_stage_is_never_taken_from_an_old_result() -> None:
    world = World((structs.replace(stage("log", "raw.csv"), outs=(Output("log.txt", persist=True),)),))
    world.run()
    world.files["raw.csv"] = "more rows"
    world.run()
    world.files["raw.csv"] = "rows"
    assert world.plan() == {"log": "run"}


def test_all_missing_inputs_are_told_at_once_with_the_nearest_name() -> None:
    world = World((stage("a", "raw.csx", "x"), stage("b", "other", "y")))
    with pytest.raises(Mistakes) as caught:
        world.plan()
    first, second = caught.value.mistakes
    assert isinstance(first, UnknownInput)
    assert first.fix == "did you mean 'raw.csv'?"
    assert second.what == "stage 'b' reads 'other', but no stage writes it and no such file is here"


def test_what_follows_from_a_missing_input_is_not_told_again() -> None:
    world = World((stage("a", "raw.csx", "x"), stage("b", "x", "y"), stage("c", "y", "z")))
    with pytest.raises(UnknownInput, match=r"'raw\.csx'"):
        world.plan()


def test_a_missing_input_that_a_stage_makes_names_the_stage() -> None:
    with pytest.raises(UnknownInput) as caught:
        World().plan(targets=("train",), single=True)
    assert caught.value.fix == "outdo run prepare"


def test_a_file_inside_a_restored_folder_is_waited_for() -> None:
    world = World((stage("a", "raw.csv", "data"), stage("b", "data/part", "x")))
    world.files["data/part"] = "p"
    world.run()
    del world.files["data"], world.files["data/part"]
    assert world.plan() == {"a": "restore", "b": "wait"}


def test_a_thousand_stacked_diamonds_are_planned_without_walking_every_path() -> None:
    stages: list[Stage] = []
    for i in range(1000):
        stages.append(stage(f"top{i:04}", f"joined{i - 1}" if i else "raw.csv", f"top{i}"))
        stages.append(stage(f"left{i:04}", f"top{i}", f"left{i}"))
        stages.append(stage(f"right{i:04}", f"top{i}", f"right{i}"))
        stages.append(stage(f"z{i:04}", f"left{i} right{i}", f"joined{i}"))
    world = World(tuple(stages))
    assert len(world.run()) == 4000
    assert set(world.plan().values()) == {"keep"}


def test_ten_thousand_stages_are_planned() -> None:
    stages = tuple(stage(f"s{i:05}", f"o{i - 1}" if i else "raw.csv", f"o{i}") for i in range(10_000))
    world = World(stages)
    world.run()
    assert set(world.plan().values()) == {"keep"}


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[Stage, ...]:
    """Any graph of up to eight stages, each reading sources and outputs of earlier ones, in any order."""
    stages: list[Stage] = []
    for i in range(draw(st.integers(1, 8))):
        paths = ["raw.csv", "train.py", *(f"out{j}" for j in range(i))]
        deps = draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3, unique=True))
        params = (RATE,) if draw(st.booleans()) else ()
        stages.append(stage(f"s{i}", " ".join(deps), f"out{i}", params=params))
    return tuple(draw(st.permutations(stages)))


EDITS = st.lists(
    st.tuples(st.sampled_from(["raw.csv", "train.py", "rate"]), st.integers(0, 2), st.sampled_from(range(8))),
    max_size=6,
)


@settings(deadline=None)
@given(pipelines(), EDITS, st.sampled_from([1, 2, 10**9]))
def test_a_run_after_any_edits_ends_like_one_from_scratch_and_computes_nothing_twice(
    stages: tuple[Stage, ...], edits: list[tuple[str, int, int]], rich: int
) -> None:
    world = World(stages, rich)
    seen: set[tuple[str, Key]] = set()
    for subject, value, lost in [("raw.csv", 0, 0), *edits]:
        if subject == "rate":
            world.params[RATE] = value
        else:
            world.files[subject] = f"version {value}"
        world.files.pop(f"out{lost}", None)
        world.run()
        now = {(name, world.lock[StageName(name)].key) for name in world.ran}
        assert not now & seen
        seen |= now
        assert outputs(world) == outputs(from_scratch(world))
        assert set(world.plan().values()) == {"keep"}


@settings(deadline=None)
@given(pipelines(), st.data())
def test_the_plan_is_the_same_whatever_the_order_of_the_file(
    stages: tuple[Stage, ...], data: st.DataObject
) -> None:
    world = World(stages)
    world.run()
    world.files["raw.csv"] = "more rows"
    former = plan(world.graph, world.facts())
    world.stages = tuple(data.draw(st.permutations(stages)))
    assert plan(world.graph, world.facts()) == former


def from_scratch(world: World) -> World:
    other = World(world.stages, world.rich)
    other.files = {path: world.files[path] for path in ("raw.csv", "train.py")}
    other.params = dict(world.params)
    other.run()
    return other


def outputs(world: World) -> Mapping[Path, str]:
    return {path: text for path, text in world.files.items() if path.startswith("out")}


def test_a_plan_finds_a_stage_by_name() -> None:
    assert Plan((Action(StageName("a"), "run"),)).verb("a") == "run"


FAR = "s3://bucket/rows.csv"
FETCH = stage("fetch", FAR, "f")
DOWN = SourceFailed("the server is down", fix="start it")


def test_what_can_not_run_here_is_left_out_with_all_below_it_and_the_others_run() -> None:
    barred = structs.replace(PREPARE, barred=Bar("it writes far away", "write here"))
    world = World((barred, TRAIN, stage("other", "raw.csv", "o")))
    assert world.plan() == {"prepare": "skip", "train": "skip", "other": "run"}
    assert world.reasons("prepare") == (Reason("barred", "it writes far away", None, "write here"),)
    assert world.reasons("train") == (Reason("upstream_failed", "prepare"),)


def test_a_server_that_does_not_answer_leaves_its_readers_out() -> None:
    world = World((FETCH, stage("use", "f", "u"), stage("other", "raw.csv", "o")))
    made = plan(world.graph, structs.replace(world.facts(), unreached={FAR: DOWN}))
    assert [made.verb(name) for name in ("fetch", "use", "other")] == ["skip", "skip", "run"]
    assert made.actions[0].reasons == (Reason("barred", "the server is down", None, "start it"),)


def test_a_frozen_stage_asks_nobody() -> None:
    world = World((structs.replace(FETCH, frozen=True),))
    assert plan(world.graph, structs.replace(world.facts(), unreached={FAR: DOWN})).verb("fetch") == "keep"


def test_what_is_at_an_address_is_in_the_key() -> None:
    world = World((FETCH,))
    world.files[FAR] = "one"
    world.run()
    assert world.plan() == {"fetch": "keep"}
    world.files[FAR] = "two"
    assert [reason.kind for reason in world.reasons("fetch")] == ["dependency_changed"]


def test_an_address_with_marks_of_a_glob_is_no_glob() -> None:
    assert not is_glob("https://host/data?version=[1]*")
