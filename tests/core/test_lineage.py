"""Where a result came from."""

from outdo.core.events import Artifact, StageFinished, Status
from outdo.core.lineage import Maker, Step, made_by, trace, trace_from
from outdo.core.model import Digest, Entry, Key, RunId, StageName
from outdo.core.record import Run, fold

R1, R2 = RunId("r1"), RunId("r2")
RAW, CLEAN, MODEL, CODE = Digest("raw"), Digest("clean"), Digest("model"), Digest("code")


def stage(
    run: RunId, name: str, deps: dict[str, str], outs: dict[str, str], status: Status = "ran", key: str = ""
) -> StageFinished:
    read = [Artifact(path, "dep", Entry(Digest(digest), 1)) for path, digest in deps.items()]
    wrote = [Artifact(path, "out", Entry(Digest(digest), 1)) for path, digest in outs.items()]
    return StageFinished(
        run, 1.0, StageName(name), status, key=Key(key or name), artifacts=(*read, *wrote), metrics={}
    )


def pipeline(run: RunId, status: Status = "ran") -> list[StageFinished]:
    return [
        stage(run, "prepare", {"raw.csv": RAW}, {"clean.csv": CLEAN}, status),
        stage(run, "train", {"clean.csv": CLEAN, "train.py": CODE}, {"model.bin": MODEL}, status),
    ]


def steps(runs: dict[RunId, Run], digest: Digest) -> list[tuple[str, str]]:
    """Each artifact on the way back with the stage that made it."""
    return [(step.path, step.maker.stage if step.maker else "") for step in trace(runs, digest)]


def test_a_result_is_traced_back_to_what_came_from_outside() -> None:
    assert trace(fold(pipeline(R1)), MODEL) == (
        Step("model.bin", Entry(MODEL, 1), Maker(R1, StageName("train"), "model.bin"), (1, 2)),
        Step("clean.csv", Entry(CLEAN, 1), Maker(R1, StageName("prepare"), "clean.csv"), (3,)),
        Step("train.py", Entry(CODE, 1), None),
        Step("raw.csv", Entry(RAW, 1), None),
    )


def test_what_a_stage_run_is_said_to_have_made_is_traced_through_that_run() -> None:
    runs = fold([*pipeline(R1), *pipeline(R2)])
    logged = trace_from(runs, Maker(R1, StageName("train"), "logged"), Entry(Digest("tree"), 5, "tree"))
    assert [(step.path, step.maker.run if step.maker else "") for step in logged] == [
        ("logged", R1), ("clean.csv", R1), ("train.py", ""), ("raw.csv", ""),
    ]  # fmt: skip


def test_bytes_that_no_run_wrote_have_no_way_back() -> None:
    assert trace(fold(pipeline(R1)), RAW) == ()


def test_a_kept_stage_did_not_make_what_it_keeps() -> None:
    runs = fold([*pipeline(R1), *pipeline(R2, "kept")])
    assert made_by(runs, MODEL) == (Maker(R1, StageName("train"), "model.bin"),)


def test_bytes_that_were_computed_twice_have_two_makers() -> None:
    assert [maker.run for maker in made_by(fold([*pipeline(R1), *pipeline(R2)]), MODEL)] == [R1, R2]


def test_the_way_back_goes_through_stages_that_were_kept() -> None:
    again = [
        pipeline(R2, "kept")[0],
        stage(R2, "train", {"clean.csv": CLEAN}, {"model.bin": "m2"}, key="new"),
    ]
    runs = fold([*pipeline(R1), *again])
    assert [step.maker.run if step.maker else None for step in trace(runs, Digest("m2"))] == [R2, R1, None]


def test_a_run_of_one_stage_is_traced_into_the_run_before() -> None:
    alone = stage(R2, "train", {"clean.csv": CLEAN}, {"model.bin": "m2"}, key="new")
    assert steps(fold([*pipeline(R1), alone]), Digest("m2"))[1] == ("clean.csv", "prepare")


def test_a_file_is_traced_through_the_folder_that_was_written() -> None:
    runs = fold(
        [
            stage(R1, "split", {"raw.csv": RAW}, {"parts": "tree"}),
            stage(R1, "train", {"parts/train.csv": "part"}, {"model.bin": MODEL}),
        ]
    )
    assert steps(runs, MODEL) == [("model.bin", "train"), ("parts", "split"), ("raw.csv", "")]


def test_a_folder_is_traced_through_the_files_that_were_written_into_it() -> None:
    runs = fold(
        [
            stage(R1, "one", {}, {"parts/1.csv": "p1"}),
            stage(R1, "two", {}, {"parts/2.csv": "p2"}),
            stage(R1, "train", {"parts": "tree"}, {"model.bin": MODEL}),
        ]
    )
    assert steps(runs, MODEL) == [
        ("model.bin", "train"),
        ("parts", ""),
        ("parts/1.csv", "one"),
        ("parts/2.csv", "two"),
    ]


def test_a_stage_that_goes_on_from_its_own_output_ends_the_way() -> None:
    runs = fold([stage(R1, "append", {"log.csv": "same"}, {"log.csv": "same"})])
    assert steps(runs, Digest("same")) == [("log.csv", "append")]


def test_a_thousand_stacked_diamonds_are_walked_once() -> None:
    stages = []
    for level in range(1000):
        stages += [
            stage(R1, f"{side}{level}", {"o": f"m{level}"}, {side: f"{side}{level}"}) for side in ("a", "b")
        ]
        stages.append(
            stage(
                R1, f"m{level + 1}", {"a": f"a{level}", "b": f"b{level}"}, {f"m{level + 1}": f"m{level + 1}"}
            )
        )
    stages = [_joined(one, number) for number, one in enumerate(stages)]
    assert len(trace(fold(stages), Digest("m1000"))) == 3001


def _joined(one: StageFinished, number: int) -> StageFinished:
    """Every artifact at a path that is named for its bytes, so that each is another file."""
    artifacts = tuple(Artifact(each.entry.digest, each.role, each.entry) for each in one.artifacts)
    return StageFinished(one.run, one.at, one.stage, one.status, key=one.key, artifacts=artifacts)
