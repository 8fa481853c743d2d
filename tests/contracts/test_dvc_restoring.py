"""What DVC's cache holds is restored, not computed: each test is a clone that has only the cache of another one."""

import os
import shutil
import stat
from pathlib import Path

import pytest

import outdo
from outdo.app.plan import make_plan
from outdo.app.project import open_project
from outdo.core.plan import Request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_config")]

PIPELINE = """
stages:
  make:
    cmd: |
      mkdir -p out/sub
      cp in.txt out/a
      echo ${word} > out/sub/b
    deps: [in.txt]
    params: [lr]
    outs: [out]
  count: {cmd: wc -c < out/a > n.txt, deps: [out], outs: [n.txt]}
  inner: {wdir: sub, cmd: cp ../out/a c, deps: [../out/a], outs: [c]}
  score: {cmd: cp n.txt m.json, deps: [n.txt], metrics: [m.json: {cache: false}]}
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": "lr: 0.1\nword: b\n",
    "in.txt": "hello",
    ".dvc/config": "",
    "sub/keep": "",
}
BY_GIT = ("dvc.yaml", "params.yaml", "in.txt", ".dvc/config", "sub/keep", "dvc.lock", "m.json")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    assert run(root) == dict.fromkeys(("make", "count", "inner", "score"), "ran")
    return root


def clone(mine: Path, name: str = "yours", *, cache: bool = True) -> Path:
    """What Git has of it, and DVC's cache."""
    root = mine.parent / name
    for file in BY_GIT:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(mine / file, root / file)
    if cache:
        shutil.copytree(mine / ".dvc" / "cache", root / ".dvc" / "cache")
    return root


def run(root: Path) -> dict[str, str]:
    done = outdo.load(str(root)).run()
    assert done.ok
    return {name: stage.status for name, stage in done.stages.items()}


def verbs(root: Path) -> dict[str, str]:
    project = open_project(str(root))
    return {action.stage: action.verb for action in make_plan(project, Request()).actions}


def objects(root: Path) -> list[Path]:
    return [path for path in (root / ".dvc/cache/files").rglob("*") if path.is_file()]


def test_a_fresh_clone_with_dvcs_cache_runs_nothing(mine: Path) -> None:
    yours = clone(mine)
    assert verbs(yours) == {"make": "restore", "count": "restore", "inner": "wait", "score": "keep"}
    assert run(yours) == {"make": "restored", "count": "restored", "inner": "restored", "score": "kept"}
    assert (yours / "out/sub/b").read_text() == "b\n"
    assert (yours / "sub/c").read_text() == "hello"
    assert (yours / "dvc.lock").read_text() == (mine / "dvc.lock").read_text()


def test_a_plan_takes_nothing_out_of_the_cache(mine: Path) -> None:
    yours = clone(mine)
    verbs(yours)
    assert not (yours / "out").exists()
    assert not (yours / ".outdo" / "objects").exists()


def test_without_a_lock_the_run_cache_is_asked(mine: Path) -> None:
    yours = clone(mine)
    (yours / "dvc.lock").unlink()
    (yours / "m.json").unlink()
    assert run(yours) == {"make": "restored", "count": "restored", "inner": "restored", "score": "restored"}
    assert (yours / "dvc.lock").read_text() == (mine / "dvc.lock").read_text()


def test_a_change_that_is_taken_back_is_found_again(mine: Path) -> None:
    yours = clone(mine)
    run(yours)
    (yours / "in.txt").write_text("other")
    run(yours)
    shutil.rmtree(yours / ".outdo")
    (yours / "in.txt").write_text("hello")
    assert set(run(yours).values()) <= {"restored", "kept"}
    assert (yours / "out/a").read_text() == "hello"


def test_a_part_that_the_cache_lacks_is_computed(mine: Path) -> None:
    yours = clone(mine)
    next(path for path in objects(yours) if path.read_text() == "b\n").unlink()
    assert run(yours) == {"make": "ran", "count": "restored", "inner": "restored", "score": "kept"}


def test_a_damaged_object_is_never_used_and_is_mended(mine: Path) -> None:
    yours = clone(mine)
    damaged = next(path for path in objects(yours) if path.read_text() == "b\n")
    damaged.chmod(0o644)
    damaged.write_text("c\n")
    assert run(yours)["make"] == "ran"
    assert (yours / "out/sub/b").read_text() == "b\n"
    assert damaged.read_text() == "b\n"


def test_what_dvc_2_kept_is_restored(mine: Path) -> None:
    yours = clone(mine)
    cache = yours / ".dvc" / "cache"
    for shard in (cache / "files" / "md5").iterdir():
        shard.rename(cache / shard.name)
    shutil.rmtree(cache / "runs")
    lock = yours / "dvc.lock"
    lock.write_text(lock.read_text().replace("      hash: md5\n", ""))
    text = lock.read_text()
    assert set(run(yours).values()) <= {"restored", "kept"}
    assert lock.read_text() == text
    (yours / "in.txt").write_text("other")
    run(yours)
    assert "hash: md5" in lock.read_text()


@pytest.mark.parametrize(("kind", "writable", "links"), [("copy", True, 1), ("hardlink", False, 3)])
def test_files_are_put_in_place_as_dvc_was_told_to(mine: Path, kind: str, writable: bool, links: int) -> None:
    yours = clone(mine)
    (yours / ".dvc/config").write_text(f"[cache]\n    type = {kind}\n")
    run(yours)
    status = (yours / "n.txt").stat()
    assert bool(status.st_mode & stat.S_IWUSR) is writable
    assert status.st_nlink == links


def test_a_symlink_leads_to_the_store(mine: Path) -> None:
    yours = clone(mine)
    (yours / ".dvc/config").write_text("[cache]\n    type = symlink\n")
    run(yours)
    assert (yours / "n.txt").is_symlink()
    assert verbs(yours) == dict.fromkeys(("make", "count", "inner", "score"), "keep")


def test_links_that_dvc_has_made_into_its_cache_are_files(mine: Path) -> None:
    yours = clone(mine)
    (yours / ".dvc/config").write_text("[cache]\n    type = symlink\n")
    run(yours)
    for path in [yours / "n.txt", yours / "out/a", yours / "out/sub/b", yours / "sub/c"]:
        kept = next(one for one in objects(yours) if one.read_bytes() == path.read_bytes())
        path.unlink()
        path.symlink_to(kept)
    shutil.rmtree(yours / ".outdo")
    assert set(verbs(yours).values()) == {"keep"}


def test_a_cache_elsewhere_is_used(mine: Path, tmp_path: Path) -> None:
    yours = clone(mine, cache=False)
    shutil.move(mine / ".dvc" / "cache", tmp_path / "shared")
    (yours / ".dvc/config.local").write_text("[cache]\n    dir = ../../shared\n")
    assert run(yours)["make"] == "restored"
    assert not (yours / ".dvc" / "cache").exists()


def test_a_shared_cache_may_be_written_by_the_group(mine: Path, tmp_path: Path) -> None:
    yours = clone(mine, cache=False)
    (yours / ".dvc/config").write_text("[cache]\n    dir = ../../shared\n    shared = group\n")
    before = os.umask(0o077)
    try:
        run(yours)
    finally:
        os.umask(before)
    for folder, _, files in os.walk(tmp_path / "shared"):
        if folder != str(tmp_path / "shared"):
            assert os.stat(folder).st_mode & 0o7777 == 0o2775
        for file in files:
            wanted = 0o664 if "/runs/" in folder else 0o444
            assert os.stat(f"{folder}/{file}").st_mode & 0o777 == wanted


def test_bytes_are_on_the_disk_once(mine: Path) -> None:
    yours = clone(mine)
    run(yours)
    held = {path.stat().st_ino for path in (yours / ".outdo" / "objects").rglob("*") if path.is_file()}
    kept = [path for path in objects(yours) if path.suffix != ".dir"]
    assert {path.stat().st_ino for path in kept} <= held


def test_the_raw_text_of_a_templated_command_is_told(mine: Path) -> None:
    assert "mkdir -p out/sub\\ncp in.txt out/a\\necho b > out/sub/b\\n" in (mine / "dvc.lock").read_text()


def test_a_frozen_stage_is_restored_from_the_lock(mine: Path) -> None:
    yours = clone(mine)
    text = PIPELINE.replace("count: {cmd", "count: {frozen: true, cmd")
    (yours / "dvc.yaml").write_text(text)
    (yours / "in.txt").write_text("other")
    assert run(yours)["count"] == "restored"
    assert (yours / "n.txt").read_text().strip() == "5"
