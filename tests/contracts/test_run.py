"""The engine with real processes: what runs beside what, what a failure stops, how a run is ended."""

import os
import time
from pathlib import Path

import pytest

import outdo
from outdo.app.plan import make_plan
from outdo.app.project import open_project
from outdo.app.run import JOURNAL, Options, Run
from outdo.core.errors import Mistakes, TrackedByGit, UserError
from outdo.core.events import AnyEvent, StageFinished, StageRetried, StageStarted, Warned
from outdo.core.model import StageName
from outdo.core.plan import Request
from outdo.run.rehearsal import Pretend


def project(folder: Path, text: str, **files: str) -> Path:
    (folder / "outdo.yaml").write_text("stages:\n" + text)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def kinds(events: list[AnyEvent]) -> list[str]:
    """The life of stages in a word each."""
    names = {StageStarted: "start", StageFinished: "end", StageRetried: "retry"}
    return [
        f"{names[type(e)]} {e.stage}"
        for e in events
        if isinstance(e, StageStarted | StageFinished | StageRetried)
    ]


def run(root: Path, *targets: str, **options: object) -> tuple[outdo.Finished, list[AnyEvent]]:
    events: list[AnyEvent] = []
    chosen = Options(**options)  # type: ignore[arg-type]
    result = outdo.load(root).run(*targets, options=chosen, listener=events.append)
    return result, events


def test_stages_that_do_not_depend_on_each_other_run_side_by_side(tmp_path: Path) -> None:
    meet = "touch {0}.here; until test -e {1}.here; do sleep 0.01; done; touch {0}"
    lines = [
        f"  {a}: {{cmd: '{meet.format(a, b)}', outs: [{a}], timeout: 20, resources: {{cpu: 0.5}}}}"
        for a, b in ("xy", "yx")
    ]
    result, _ = run(project(tmp_path, "\n".join(lines) + "\n"))
    assert result.ok


def test_one_job_at_a_time_if_asked(tmp_path: Path) -> None:
    text = "".join(
        f"  {name}: {{cmd: touch {name}, outs: [{name}], resources: {{cpu: 0.1}}}}\n" for name in "abc"
    )
    _, events = run(project(tmp_path, text), jobs=1)
    assert kinds(events) == ["start a", "end a", "start b", "end b", "start c", "end c"]


def test_a_failure_lets_what_runs_end_and_starts_nothing_more(tmp_path: Path) -> None:
    text = "  a: {cmd: exit 7}\n  b: {cmd: touch b, outs: [b]}\n"
    result, _ = run(project(tmp_path, text), jobs=1)
    assert {name: stage.status for name, stage in result.stages.items()} == {"a": "failed", "b": "skipped"}
    assert result.stages[StageName("a")].exit_code == 7


def test_a_retried_stage_can_end_well(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: 'test $OUTDO_ATTEMPT = 3 && touch a', outs: [a], retries: 2}\n")
    result, events = run(root)
    assert kinds(events) == ["start a", "retry a", "start a", "retry a", "start a", "end a"]
    assert result.stages[StageName("a")].attempts == 3


def test_an_attempt_begins_without_what_the_one_before_left(tmp_path: Path) -> None:
    root = project(
        tmp_path, "  a: {cmd: 'test ! -e a && touch a && test $OUTDO_ATTEMPT = 2', outs: [a], retries: 1}\n"
    )
    assert run(root)[0].ok


def test_a_timeout_ends_the_whole_tree(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: 'sleep 60 & sleep 60', timeout: 0.3}\n")
    result, _ = run(root)
    assert result.stages[StageName("a")].failure == "it took longer than its timeout of 0.3 s, and was ended"


def test_a_rehearsed_failure_is_retried_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: touch a, outs: [a], retries: 1}\n")
    result, events = run(root, rehearse=("a=fail:1",))
    assert result.ok
    assert kinds(events) == ["start a", "retry a", "start a", "end a"]


def test_a_rehearsed_death_is_a_failure_with_its_signal(tmp_path: Path) -> None:
    result, _ = run(project(tmp_path, "  a: {cmd: touch a, outs: [a]}\n"), rehearse=("a=die",))
    assert "killed by signal 9" in result.stages[StageName("a")].failure


def test_a_rehearsal_of_a_stage_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no stage or output is named 'b'"):
        run(project(tmp_path, "  a: {cmd: touch a, outs: [a]}\n"), rehearse=("b=fail",))


def test_a_stage_knows_who_it_is(tmp_path: Path) -> None:
    root = project(
        tmp_path, "  a: {cmd: 'echo $OUTDO_STAGE $MODE $OUTDO_ROOT > a', outs: [a], env: {MODE: fast}}\n"
    )
    run(root)
    assert (root / "a").read_text() == f"a fast {root}\n"


def test_a_changed_variable_is_a_reason(tmp_path: Path) -> None:
    text = "  a: {cmd: touch a, outs: [a], env: {MODE: fast}}\n"
    root = project(tmp_path, text)
    run(root)
    project(tmp_path, text.replace("fast", "slow"))
    assert str(outdo.load(root).plan()) == "a: will run: variable MODE fast → slow"


def test_a_listener_that_raises_ends_the_run_in_order(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: sleep 60}\n")

    def listen(event: AnyEvent) -> None:
        if isinstance(event, StageStarted):
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        outdo.load(root).run(listener=listen)
    assert outdo.load(root).plan().actions[StageName("a")].verb == "run"


def test_a_stream_that_is_left_at_once_leaves_nothing_behind(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: touch a, outs: [a]}\n")
    stream = outdo.load(root).stream()
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert not (root / "a").exists()
    assert run(root)[0].ok


def test_a_stream_that_is_left_ends_its_stages(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: 'echo $$ > pid; sleep 60'}\n")
    stream = outdo.load(root).stream()
    while not (root / "pid").exists():
        next(stream) if not (root / ".outdo" / "logs").exists() else time.sleep(0.01)
    stream.close()  # type: ignore[attr-defined]
    pid = int((root / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_source_edited_after_the_plan_counts_as_it_is_when_its_stage_starts(tmp_path: Path) -> None:
    text = "  a: {cmd: 'echo new > x; touch a', outs: [a]}\n  b: {cmd: cp x b, deps: [x], outs: [b]}\n"
    root = project(tmp_path, text, x="old")
    result, events = run(root, jobs=1)
    assert result.ok
    assert (root / "b").read_text() == "new\n"
    assert any(isinstance(e, Warned) and "changed since the plan" in e.message for e in events)
    assert outdo.load(root).plan().fresh


def test_a_stage_that_asks_for_a_gpu_where_there_is_none_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    root = project(tmp_path, "  a: {cmd: touch a}\n  train: {cmd: touch t, resources: {gpu: 1}}\n")
    with pytest.raises(UserError, match="asks for 1 GPU, but this machine has 0"):
        run(root)


def test_a_gpu_is_given_to_one_stage_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    cmd = "echo $CUDA_VISIBLE_DEVICES > {0}"
    text = "".join(
        f"  {n}: {{cmd: '{cmd.format(n)}', outs: [{n}], resources: {{gpu: 1, cpu: 0.1}}}}\n" for n in "ab"
    )
    root = project(tmp_path, text)
    run(root)
    assert {(root / name).read_text() for name in "ab"} <= {"3\n", "5\n"}


def test_an_output_that_git_tracks_is_refused_before_anything_runs(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: touch a, outs: [a]}\n", a="mine")
    os.system(f"cd '{root}' && git init -q && git add a")
    with pytest.raises(TrackedByGit, match="Git tracks it too"):
        run(root)
    assert (root / "a").read_text() == "mine"


def test_a_recorder_that_can_not_write_costs_a_warning_not_the_run(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: touch a, outs: [a]}\n")
    (root / ".outdo" / JOURNAL).mkdir(parents=True)
    result, _ = run(root)
    assert result.ok
    assert any("journal" in warning or "record" in warning for warning in result.warnings)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cdm: touch a}\n  b: {cmd: touch b, dep: [x]}\n")
    with pytest.raises(Mistakes) as caught:
        outdo.load(root)
    assert len(caught.value.mistakes) == 2


def test_the_engine_runs_without_a_process_where_the_executor_pretends(tmp_path: Path) -> None:
    root = project(tmp_path, "  a: {cmd: whatever, outs: [a]}\n")
    opened = open_project(str(root))
    opened.make_state()
    pretend = Pretend({StageName("a"): lambda job, cancel: Path(job.cwd, "a").write_text("made") and None})
    done = Run(opened, make_plan(opened, Request()), Options(), pretend).execute()
    assert done.ok
    assert (root / "a").read_text() == "made"


def test_metrics_are_read_from_any_stage_of_the_run(tmp_path: Path) -> None:
    text = '  a: {cmd: \'echo "{\\"test\\": {\\"auc\\": 0.7}}" > m.json\', metrics: [m.json]}\n'
    result, _ = run(project(tmp_path, text))
    assert result.metrics == {"test.auc": 0.7}


def test_a_result_and_a_plan_show_themselves_in_a_notebook(tmp_path: Path) -> None:
    root = project(tmp_path, "  a<b: {cmd: touch a, outs: [a]}\n")
    assert "<svg" in outdo.load(root)._repr_html_()
    html = run(root)[0]._repr_html_()
    assert "<svg" in html
    assert "a&lt;b" in html
    assert "a<b" not in html
