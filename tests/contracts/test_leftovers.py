"""Folders beside the store: those that nobody needs go, and those in use stay."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from outdo.app.leftovers import clear, leftovers
from outdo.app.project import open_project
from outdo.core.model import RunId
from outdo.core.record import Run

OLD, NEWER = "20260101-000000-aaaa", "20260102-000000-bbbb"
ENVIRONMENT = "e" * 24


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OUTDO_HOME", raising=False)
    (tmp_path / "outdo.yaml").write_text("project: world\nstages: {}\n")
    return tmp_path


def reproduction(root: Path, name: str, run: str = "null") -> None:
    folder = root / ".outdo" / "reproductions" / name
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(f'{{"run": {run}, "verdict": "identical"}}')


def environment(root: Path, *, days: float = 2) -> Path:
    folder = root / ".outdo" / "environments" / ENVIRONMENT
    folder.mkdir(parents=True)
    (folder / "outdo.json").write_text("{}")
    os.utime(folder, (folder.stat().st_mtime - days * 86400,) * 2)
    return folder


def found(root: Path, *kept: Run, newest: int = 0) -> list[str]:
    return [one.path for one in leftovers(open_project(str(root)), kept, newest)]


def cleared(root: Path) -> list[str]:
    project = open_project(str(root))
    return [one.kind for one in clear(project, leftovers(project, (), 0))]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As a process does that works there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def test_reproductions_of_kept_runs_and_the_newest_stay(root: Path) -> None:
    reproduction(root, OLD, '"r1"')
    reproduction(root, NEWER)
    assert found(root) == [f"reproductions/{OLD}", f"reproductions/{NEWER}"]
    assert found(root, newest=1) == [f"reproductions/{OLD}"]
    assert found(root, Run(RunId("r1"), 1, 0.0), newest=1) == []
    assert cleared(root) == ["reproduction", "reproduction"]
    assert not list((root / ".outdo" / "reproductions").iterdir())


def test_a_reproduction_that_goes_on_stays(root: Path) -> None:
    (root / ".outdo" / "reproductions" / OLD).mkdir(parents=True)
    with held(root / ".outdo" / "reproduce.turn"):
        assert found(root) == []
    assert found(root) == [f"reproductions/{OLD}"]


def test_an_environment_that_is_used_or_young_stays(root: Path) -> None:
    folder = environment(root)
    with held(Path(f"{folder}.used")):
        assert found(root) == []
    with held(Path(f"{folder}.lock")):
        assert found(root) == []
    assert found(root) == [str(folder)]
    os.utime(folder)
    assert found(root) == []


def test_what_comes_into_use_after_it_was_shown_stays(root: Path) -> None:
    folder = environment(root)
    project = open_project(str(root))
    shown = leftovers(project, (), 0)
    with held(Path(f"{folder}.used")):
        assert clear(project, shown) == []
    assert folder.exists()
    assert [one.kind for one in clear(project, shown)] == ["environment"]
    assert not folder.exists()


def test_environments_that_several_projects_share_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(root)
    monkeypatch.setenv("OUTDO_HOME", str(root / ".outdo"))
    assert found(root) == []


def test_work_trees_that_were_left_behind_go(root: Path) -> None:
    for name in ("trials/s1", "worktrees/reproduce"):
        (root / ".outdo" / name).mkdir(parents=True)
    with held(root / ".outdo" / "turn"):
        assert found(root) == ["worktrees/reproduce"]
    assert found(root) == ["trials/s1", "worktrees/reproduce"]
