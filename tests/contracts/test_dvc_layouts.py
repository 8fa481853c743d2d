"""DVC repositories of all shapes: the pipeline below the top, several of them, without Git, with pointers."""

import os
import subprocess
from pathlib import Path

import pytest

import outdo
from outdo.app.plan import make_plan
from outdo.app.project import open_project
from outdo.app.share import Asked, push
from outdo.core.errors import BadLock, UnknownInput
from outdo.core.plan import Request
from outdo.integrations.dvc.lockfile import DvcLock

PIPELINE = "stages:\n  make: {cmd: cp ../data/in.txt out.txt, deps: [../data/in.txt], outs: [out.txt]}\n"
ALONE = "stages:\n  make: {cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt]}\n"


@pytest.fixture(autouse=True)
def alone(no_config: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


def made(top: Path, **files: str) -> Path:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content)
    return top


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return made(
        tmp_path / "repo",
        **{".dvc/config": "", "a/dvc.yaml": PIPELINE, "b/dvc.yaml": PIPELINE, "data/in.txt": "x"},
    )


@pytest.fixture
def single(tmp_path: Path) -> Path:
    return made(tmp_path / "single", **{".dvc/config": "", "dvc.yaml": ALONE, "in.txt": "x"})


def run(root: Path) -> dict[str, str]:
    done = outdo.load(str(root)).run()
    assert done.ok
    return {name: stage.status for name, stage in done.stages.items()}


def fresh(root: Path) -> bool:
    return all(one.verb == "keep" for one in make_plan(open_project(str(root)), Request()).actions)


def cached(top: Path) -> list[Path]:
    return [path for path in (top / ".dvc" / "cache" / "files").rglob("*") if path.is_file()]


def test_a_pipeline_below_the_top_uses_the_cache_of_the_top(repo: Path) -> None:
    run(repo / "a")
    (dep,) = DvcLock((repo / "a" / "dvc.lock").read_text()).stages["make"].deps
    assert dep.path == "../data/in.txt"
    assert len(cached(repo)) == 1
    assert not (repo / "a" / ".dvc").exists()


def test_what_one_pipeline_has_put_into_the_cache_serves_the_other(repo: Path) -> None:
    run(repo / "a")
    assert run(repo / "b") == {"make": "restored"}


def test_rules_of_the_top_hold_below(repo: Path) -> None:
    (repo / ".dvcignore").write_text("*.tmp\n")
    made(repo, **{"a/dvc.yaml": "stages:\n  s: {cmd: 'mkdir d; touch d/x d/y.tmp', outs: [d]}\n"})
    run(repo / "a")
    (out,) = DvcLock((repo / "a" / "dvc.lock").read_text()).stages["s"].outs
    assert out.nfiles == 1


def test_the_nearest_repository_counts(repo: Path) -> None:
    made(repo, **{"a/.dvc/config": ""})
    run(repo / "a")
    assert len(cached(repo / "a")) == 1
    assert not cached(repo)


def test_commands_are_told_as_dvc_tells_them_that_a_pipeline_runs_them(repo: Path) -> None:
    pipeline = "stages: {tell: {cmd: 'echo $DVC_ROOT $DVC_STAGE > told', outs: [told]}}\n"
    made(repo, **{"a/dvc.yaml": pipeline})
    run(repo / "a")
    assert (repo / "a/told").read_text() == f"{repo} tell\n"


def test_where_git_is_nothing_to_dvc_nothing_is_ignored(single: Path) -> None:
    subprocess.run(["git", "init", "-q", str(single)], check=True)
    (single / ".dvc/config").write_text("[core]\n    no_scm = true\n    autostage = true\n")
    run(single)
    assert not (single / ".gitignore").exists()
    assert (single / "dvc.lock").exists()


@pytest.mark.parametrize(("told", "staged"), [("true", {".gitignore", "dvc.lock"}), ("false", set())])
def test_git_takes_what_was_written_where_dvc_is_told_so(single: Path, told: str, staged: set[str]) -> None:
    subprocess.run(["git", "init", "-q", str(single)], check=True)
    (single / ".dvc/config").write_text(f"[core]\n    autostage = {told}\n")
    run(single)
    listed = subprocess.run(["git", "ls-files"], cwd=single, check=True, capture_output=True, text=True)
    assert set(listed.stdout.split()) == staged


def test_a_lock_that_was_lost_or_changed_is_written_again(single: Path) -> None:
    run(single)
    text = (single / "dvc.lock").read_text()
    for other in ("", text.replace("out.txt", "other.txt")):
        (single / "dvc.lock").write_text(other)
        assert run(single) == {}
        assert DvcLock((single / "dvc.lock").read_text()).stages == DvcLock(text).stages


def test_a_pointer_says_how_to_get_what_is_missing(single: Path) -> None:
    made(single, **{"in.txt.dvc": "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  path: in.txt\n"})
    (single / "in.txt").unlink()
    with pytest.raises(UnknownInput, match="tracked data") as found:
        fresh(single)
    assert "outdo data checkout in.txt" in found.value.fix


def test_what_is_inside_a_tracked_folder_is_told_too(single: Path) -> None:
    made(single, **{"dvc.yaml": ALONE.replace("in.txt", "data/in.txt"), "data.dvc": "outs: []\n"})
    with pytest.raises(UnknownInput, match="tracked data"):
        fresh(single)


def test_a_cache_that_was_lost_is_filled_before_a_push(single: Path, tmp_path: Path) -> None:
    run(single)
    for path in cached(single):
        path.unlink()
    moved = push(open_project(str(single)), Asked(remote=str(tmp_path / "team")), lambda _: None).moved
    assert [one.objects for one in moved.values()] == [1]


def test_a_lock_with_gits_marks_names_each_conflict(single: Path) -> None:
    run(single)
    text = (single / "dvc.lock").read_text()
    half = "<<<<<<< HEAD\n{}=======\n{}>>>>>>> other\n"
    (single / "dvc.lock").write_text(half.format(text, text))
    (single / "in.txt").write_text("y")
    with pytest.raises(BadLock, match="lines 1 to") as found:
        fresh(single)
    assert (single / "dvc.lock").read_text().startswith("<<<<<<<")
    assert "git checkout --theirs dvc.lock" in found.value.fix


def test_a_repository_of_data_alone_is_a_project_without_stages(tmp_path: Path) -> None:
    root = made(tmp_path / "data", **{".dvc/config": "", "raw/in.txt": "x"})
    project = open_project(str(root / "raw"))
    assert (project.root, project.pipeline.stages) == (str(root), ())


def test_a_pipeline_that_is_written_later_is_seen(tmp_path: Path) -> None:
    root = made(tmp_path / "data", **{".dvc/config": "", "in.txt": "x"})
    open_project(str(root))
    made(root, **{"dvc.yaml": ALONE})
    assert [stage.name for stage in open_project(str(root)).pipeline.stages] == ["make"]
