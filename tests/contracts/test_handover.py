"""A DVC repository moves to Outdo's own store with one command, and back."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from outdo.app.data.add import Asked, add
from outdo.app.data.status import status as data_status
from outdo.app.handover import export_dvc, import_dvc
from outdo.app.plan import status
from outdo.app.project import open_project
from outdo.core.errors import CantHandOver, NotInStore
from outdo.core.handover import strange, with_remotes, without_ours
from outdo.core.model import Remote
from tests.contracts.real_dvc import OUTDO, contents, dvc, environment, git, init, outdo, write

pytestmark = pytest.mark.slow

PIPELINE = """# the first one
stages:
  join:
    cmd: mkdir -p out && cat raw/a raw/sub/b > out/all   # both
    deps: [raw]
    params: [lr]
    outs: [out]
    metrics: [{m.json: {cache: false}}]
vars: [{x: 1}]
"""
CONFIG = "[core]\n    remote = lab\n['remote \"lab\"']\n    url = ../../lab\n['remote \"far\"']\n    url = ssh://host/x\n"
FILES = {
    "dvc.yaml": PIPELINE.replace("out/all ", "out/all && cp params.yaml m.json "),
    "params.yaml": "lr: 1\n",
    "raw/a": "1\n",
    "raw/sub/b": "2\n",
    "one": "1\n",
    ".dvc/config": CONFIG,
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A DVC repository in which everything is added and run."""
    root = tmp_path / "mine"
    root.mkdir()
    write(root, FILES)
    (root / "one").chmod(0o755)
    git(root, "init", "-q")
    add(open_project(str(root)), ["raw", "one"], Asked(desc="from the lab"))
    outdo(root, "run")
    return root


def told_to_git(root: Path) -> dict[str, str]:
    """What both tools keep in Git."""
    names = [
        path
        for path in root.iterdir()
        if path.name.endswith((".dvc", ".outdo", ".yaml", ".lock")) and path.is_file()
    ]
    return {path.name: path.read_text() for path in names if path.name != "params.yaml"}


def is_settled(root: Path) -> bool:
    """Whether nothing has to run, and all data is as its pointers say."""
    project = open_project(str(root))
    data = data_status(project).paths
    return (
        status(project).fresh and len(data) == 2 and all(one.workspace == "same" and one.held for one in data)
    )


def test_nothing_has_to_run_after_it_and_the_way_back_gives_the_same_files(root: Path) -> None:
    before = told_to_git(root)
    moved = import_dvc(str(root))
    assert (moved.stages, moved.fresh, moved.left) == (1, 1, ("far",))
    assert sorted(told_to_git(root)) == ["one.outdo", "outdo.lock", "outdo.yaml", "raw.outdo"]
    assert is_settled(root)
    export_dvc(str(root))
    assert told_to_git(root) == before
    assert is_settled(root)


def test_what_is_said_of_a_path_and_the_pipelines_text_go_along(root: Path) -> None:
    import_dvc(str(root))
    assert (root / "outdo.yaml").read_text() == FILES["dvc.yaml"] + 'remotes:\n  "lab": "../lab"\n'
    assert 'desc: "from the lab"' in (root / "raw.outdo").read_text()
    assert "executable: true" in (root / "one.outdo").read_text()


def test_bytes_are_shared_with_dvcs_cache_and_files_stay_writable(root: Path) -> None:
    subprocess.run(["rm", "-r", ".outdo"], cwd=root, check=True)
    import_dvc(str(root))
    held = [path.stat() for path in (root / ".outdo" / "objects").rglob("*") if path.is_file()]
    theirs = {path.stat().st_ino for path in (root / ".dvc" / "cache" / "files").rglob("*") if path.is_file()}
    assert len({one.st_ino for one in held} & theirs) == 4
    assert os.access(root / "raw" / "a", os.W_OK)


def test_data_that_is_only_in_the_cache_moves_too(root: Path) -> None:
    subprocess.run(["rm", "-r", "one", "out"], cwd=root, check=True)
    import_dvc(str(root))
    outdo(root, "data", "checkout")
    outdo(root, "run")
    assert is_settled(root)
    assert (root / "out" / "all").read_text() == "1\n2\n"


def test_dry_tells_the_same_and_touches_nothing(root: Path) -> None:
    before = contents(root)
    told = import_dvc(str(root), dry=True)
    assert {
        name for name, text in contents(root).items() if before.get(name) != text and name[0] != "."
    } == set()
    assert (told.stages, [one.path for one in told.paths]) == (1, ["one", "raw"])


def test_data_that_is_nowhere_stops_it_before_anything_is_touched(root: Path) -> None:
    before = told_to_git(root)
    subprocess.run(["rm", "-r", "raw", ".dvc/cache"], cwd=root, check=True)
    with pytest.raises(NotInStore, match="'raw'"):
        import_dvc(str(root))
    assert told_to_git(root) == before


def test_another_pipeline_in_the_way_stops_it(root: Path) -> None:
    (root / "outdo.yaml").write_text("stages: {}\n")
    with pytest.raises(CantHandOver, match="not the same"):
        import_dvc(str(root))
    (root / "outdo.yaml").unlink()
    (root / "sub").mkdir()
    (root / "sub" / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(CantHandOver, match="'sub/dvc"):
        import_dvc(str(root))


def test_where_dvc_keeps_nothing_there_is_nothing_to_move(tmp_path: Path) -> None:
    (tmp_path / "outdo.yaml").write_text("stages: {}\n")
    with pytest.raises(CantHandOver, match="nothing that DVC keeps"):
        import_dvc(str(tmp_path))


def test_a_repository_of_data_alone_moves_too(root: Path) -> None:
    for name in ("dvc.yaml", "dvc.lock", "outdo.lock"):
        (root / name).unlink()
    import_dvc(str(root))
    assert is_settled(root)
    export_dvc(str(root))
    assert is_settled(root)


def test_what_dvc_has_no_word_for_is_told_and_nothing_is_touched(root: Path) -> None:
    import_dvc(str(root))
    with (root / "outdo.yaml").open("a") as file:
        file.write("checks: {out/all: [{rows: '>= 1'}]}\n")
    before = told_to_git(root)
    with pytest.raises(CantHandOver, match="`checks`"):
        export_dvc(str(root))
    assert told_to_git(root) == before


def test_a_project_that_never_was_dvcs_becomes_a_repository_of_its(root: Path) -> None:
    import_dvc(str(root))
    subprocess.run(["rm", "-rf", ".dvc"], cwd=root, check=True)
    export_dvc(str(root))
    assert "url = ../../lab" in (root / ".dvc" / "config").read_text()
    assert is_settled(root)


def test_sections_of_ours_come_and_go_and_the_text_stays() -> None:
    text = with_remotes(PIPELINE, {"a": Remote("s3://b/c", "http://h:1"), "b": Remote("x")})
    assert text.endswith('remotes:\n  "a": {"url":"s3://b/c","endpoint":"http://h:1"}\n  "b": "x"\n')
    assert without_ours(f"project: x\n{text}# end\n") == f"{PIPELINE}# end\n"


def test_words_of_a_stage_that_dvc_does_not_have_are_found() -> None:
    said = {
        "stages": {"a": {"cmd": "x", "timeout": "1h"}, "b": {"do": {"cmd": "y", "env": {}}}},
        "models": {},
    }
    assert list(strange(said)) == ["models", "stages.a.timeout", "stages.b.env"]


# Beside DVC itself, and killed.


@pytest.fixture
def real(tmp_path: Path) -> Path:
    repo = init(tmp_path / "mine")
    write(repo, {name: text for name, text in FILES.items() if not name.startswith(".dvc")})
    write(repo, {f"raw/{number}": str(number) for number in range(300)})
    dvc(repo, "remote", "add", "-q", "-d", "lab", "../lab")
    dvc(repo, "add", "-q", "raw", "one")
    dvc(repo, "repro", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "x")
    return repo


@pytest.mark.slow
def test_after_the_way_there_and_back_dvc_sees_no_change(real: Path) -> None:
    before = told_to_git(real)
    outdo(real, "import", "dvc")
    assert "nothing to do" in outdo(real, "run")
    outdo(real, "export", "dvc")
    assert {name: text for name, text in told_to_git(real).items() if name != "outdo.lock"} == before
    assert "up to date" in dvc(real, "status")
    assert "No changes" in dvc(real, "data", "status")
    assert "Running" not in dvc(real, "repro")


@pytest.mark.slow
def test_killed_at_any_moment_either_is_usable_and_the_same_command_goes_on(real: Path) -> None:
    dice = random.Random(3)
    for verb in ["import", "export"] * 4:
        for _ in range(3):
            with subprocess.Popen(
                [OUTDO, verb, "dvc"], cwd=real, env=environment(real), stdout=-3, stderr=-3
            ) as process:
                try:
                    process.wait(dice.uniform(0.1, 1.0))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
            assert "fresh" in outdo(real, "status")
            assert "modified" not in outdo(real, "data", "status")
        file = "outdo.yaml" if verb == "import" else "dvc.yaml"
        if sorted(told_to_git(real)) != _whole(file):
            outdo(real, verb, "dvc")
        assert sorted(told_to_git(real)) == _whole(file)
    assert "up to date" in dvc(real, "status")


def _whole(file: str) -> list[str]:
    """The files that a project is kept in."""
    suffix, lock = ("outdo", []) if file == "outdo.yaml" else ("dvc", ["dvc.lock"])
    return sorted([file, f"one.{suffix}", f"raw.{suffix}", "outdo.lock", *lock])
