"""Tracked paths that get another name, or are tracked no more."""

import subprocess
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.data.move import move
from outdo.app.data.remove import remove
from outdo.app.data.status import status
from outdo.app.project import open_project
from outdo.core.errors import CantTrack, NotTracked, UserError, WouldOverwrite

FILE = "stages: {n: {cmd: 'wc -l < raw/a > n', deps: [raw/a], outs: [n]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a tracked folder and a tracked file."""
    root = tmp_path / "mine"
    (root / "raw").mkdir(parents=True)
    (root / "outdo.yaml").write_text(FILE)
    (root / "raw" / "a").write_text("1")
    (root / "one").write_text("2")
    subprocess.run(["git", "init", "-q", root], check=True)
    add(open_project(str(root)), ["raw", "one"])
    return root


def states(root: Path) -> dict[str, str]:
    return {one.path: one.workspace for one in status(open_project(str(root))).paths}


def refused(root: Path, kind: type[UserError], source: str, target: str) -> str:
    before = {str(path): path.read_bytes() for path in root.glob("**/*") if path.is_file()}
    with pytest.raises(kind) as told:
        move(open_project(str(root)), source, target)
    found = {str(path): path.read_bytes() for path in root.glob("**/*") if path.is_file()}
    assert {name for name in found.items() ^ before.items() if "/.outdo/" not in name[0]} == set()
    return told.value.what


# Another name.


def test_data_pointer_and_ignored_line_move_together(root: Path) -> None:
    done = move(open_project(str(root)), "raw", "data/in")
    assert (root / "data" / "in" / "a").read_text() == "1"
    assert (root / ".gitignore").read_text() == "/one\n"
    assert (root / "data" / ".gitignore").read_text() == "/in\n"
    assert not (root / "raw.outdo").exists()
    assert states(root) == {"data/in": "same", "one": "same"}
    assert done.stages == ("n",)


def test_into_a_folder_the_name_stays(root: Path) -> None:
    (root / "data").mkdir()
    assert move(open_project(str(root)), "one", "data").after == "data/one"


def test_a_pointer_moves_without_its_data_too(root: Path) -> None:
    (root / "one").unlink()
    move(open_project(str(root)), "one", "two")
    assert states(root) == {"raw": "same", "two": "missing"}


def test_edits_move_along(root: Path) -> None:
    (root / "one").write_text("edited")
    move(open_project(str(root)), "one", "two")
    assert (root / "two").read_text() == "edited"
    assert states(root)["two"] == "modified"


def test_nothing_is_overwritten(root: Path) -> None:
    (root / "two").write_text("mine")
    assert "something is at 'two' already" in refused(root, CantTrack, "one", "two")


def test_it_is_not_moved_into_other_tracked_data_nor_over_outputs(root: Path) -> None:
    assert "both can't be tracked" in refused(root, CantTrack, "one", "raw/one")
    assert "output of stage 'n'" in refused(root, CantTrack, "one", "n")
    assert "not tracked by a pointer of its own" in refused(root, NotTracked, "raw/a", "b")


@pytest.mark.parametrize("renamed", [False, True])
def test_a_move_that_was_interrupted_is_ended_by_the_same_command(root: Path, renamed: bool) -> None:
    (root / "two.outdo").write_bytes((root / "one.outdo").read_bytes())
    if renamed:
        (root / "one").rename(root / "two")
    move(open_project(str(root)), "one", "two")
    assert states(root) == {"raw": "same", "two": "same"}
    assert (root / ".gitignore").read_text() == "/raw\n/two\n"


# Tracked no more.


def test_what_is_tracked_no_more_stays(root: Path) -> None:
    remove(open_project(str(root)), ["raw"])
    assert (root / "raw" / "a").read_text() == "1"
    assert (root / ".gitignore").read_text() == "/one\n"
    assert states(root) == {"one": "same"}


def test_a_gitignore_that_is_empty_then_goes_too(root: Path) -> None:
    remove(open_project(str(root)), ["raw", "one"])
    assert not (root / ".gitignore").exists()


def test_lines_of_the_users_own_stay(root: Path) -> None:
    (root / ".gitignore").write_bytes(b"# mine\r\n/raw\r\n*.tmp\r\n")
    remove(open_project(str(root)), ["raw"])
    assert (root / ".gitignore").read_bytes() == b"# mine\r\n*.tmp\r\n"


def test_with_data_the_files_go_unless_they_are_kept_nowhere(root: Path) -> None:
    (root / "raw" / "new").write_text("3")
    with pytest.raises(WouldOverwrite, match="'raw/new'"):
        remove(open_project(str(root)), ["raw"], data=True)
    assert states(root)["raw"] == "modified"
    remove(open_project(str(root)), ["raw"], data=True, force=True)
    assert not (root / "raw").exists()


def test_the_only_copy_is_not_removed(root: Path) -> None:
    subprocess.run(["rm", "-rf", root / ".outdo" / "objects"], check=True)
    with pytest.raises(WouldOverwrite):
        remove(open_project(str(root)), ["one"], data=True)
    assert (root / "one").read_text() == "2"


def test_a_part_can_not_be_removed(root: Path) -> None:
    with pytest.raises(CantTrack, match="'raw/a' is a part of 'raw'"):
        remove(open_project(str(root)), ["raw/a"])
