"""On a real disk that takes `A` and `a` for one name, what would not fit is told, and nothing is touched."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.data.checkout import checkout
from outdo.app.data.place import disk_of
from outdo.app.project import open_project
from outdo.app.share import Asked, pull, push
from outdo.core.clashes import Disk
from outdo.core.errors import CantTrack
from tests.contracts.real_dvc import OUTDO

pytestmark = pytest.mark.slow

REMOTE = "remotes: {team: %s}\n"
STAGES = "stages: {make: {cmd: 'mkdir out && echo 1 > out/x && echo 2 > out/X', outs: [out]}}\n"


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A mounted exFAT, which knows no case; it is skipped where none may be mounted."""
    with ExitStack() as after, tempfile.TemporaryDirectory(prefix="outdo-exfat-") as place:
        image, folder = f"{place}/image", f"{place}/disk"
        os.mkdir(folder)
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        told("mkfs.exfat", image)
        device = told("losetup", "-f", "--show", image)
        after.callback(told, "losetup", "-d", device)
        told("mount.exfat-fuse", device, folder)
        try:
            yield Path(folder)
        finally:
            told("umount", "-l", folder)  # stores are still open there


def told(*words: str) -> str:
    """What a command says; where it fails or is not there, the test can't be made here."""
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    except OSError as error:
        pytest.skip(f"there is no {words[0]} here: {error}")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no exFAT can be mounted here: {error.stderr}")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A project on a disk that knows case, whose data and outputs have names that clash; all is at the remote."""
    root = tmp_path / "mine"
    (root / "raw").mkdir(parents=True)
    (root / "outdo.yaml").write_text(REMOTE % (tmp_path / "team") + STAGES)
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / "raw" / "x").write_text("1")
    (root / "raw" / "X").write_text("2")
    add(open_project(str(root)), ["raw"])
    subprocess.run([OUTDO, "run", "--quiet"], cwd=root, check=True, capture_output=True)
    push(open_project(str(root)), Asked(), lambda _: None)
    return root


@pytest.fixture
def yours(mine: Path, disk: Path, tmp_path: Path) -> Path:
    """A clone on the disk that does not."""
    root = disk / tmp_path.name
    root.mkdir()
    for name in ("outdo.yaml", "outdo.lock", "raw.outdo", ".gitignore"):
        (root / name).write_bytes((mine / name).read_bytes())
    return root


def refused(root: Path, *targets: str) -> str:
    with pytest.raises(CantTrack) as told:
        pull(open_project(str(root)), Asked(targets), lambda _: None)
    assert sorted(os.listdir(root)) == [".gitignore", ".outdo", "outdo.lock", "outdo.yaml", "raw.outdo"]
    return told.value.what


def test_it_is_found_out_by_trying(disk: Path, tmp_path: Path) -> None:
    assert disk_of(str(disk)) == Disk(case=True)
    assert disk_of(str(tmp_path)) == Disk()
    assert disk_of(str(tmp_path / "nowhere")) == Disk()


def test_data_that_does_not_fit_is_told_before_anything_is_touched(yours: Path) -> None:
    assert "'raw/X' and 'raw/x' differ only in case" in refused(yours, "raw")


def test_so_it_is_when_it_is_here_already(yours: Path) -> None:
    refused(yours, "raw")
    with pytest.raises(CantTrack, match="differ only in case"):
        checkout(open_project(str(yours)))
    assert not (yours / "raw").exists()


def test_outputs_that_do_not_fit_are_told_too(yours: Path) -> None:
    assert "'out/X' and 'out/x' differ only in case" in refused(yours, "make")


def test_a_run_that_knows_the_result_does_not_put_it_in_place(yours: Path) -> None:
    ended = subprocess.run([OUTDO, "run"], cwd=yours, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "can't restore 'out': 'out/X' and 'out/x' differ only in case" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (yours / "out").exists()


def test_names_that_differ_in_more_are_put_in_place(mine: Path, yours: Path) -> None:
    (mine / "raw" / "X").rename(mine / "raw" / "Y")
    add(open_project(str(mine)), ["raw"])
    push(open_project(str(mine)), Asked(("raw",)), lambda _: None)
    (yours / "raw.outdo").write_bytes((mine / "raw.outdo").read_bytes())
    pull(open_project(str(yours)), Asked(("raw",)), lambda _: None)
    assert {file.name: file.read_text() for file in (yours / "raw").iterdir()} == {"Y": "2", "x": "1"}


def test_data_of_a_dvc_repository_is_looked_at_too(mine: Path, yours: Path) -> None:
    config = f"[core]\nremote = team\n['remote \"team\"']\nurl = {mine.parent / 'lab'}\n"
    for root in (mine, yours):
        (root / ".dvc").mkdir()
        (root / ".dvc" / "config").write_text(config)
        (root / "raw.outdo").unlink()
        (root / "outdo.yaml").unlink()
        (root / "outdo.lock").unlink()
    add(open_project(str(mine)), ["raw"])
    push(open_project(str(mine)), Asked(), lambda _: None)
    (yours / "raw.dvc").write_bytes((mine / "raw.dvc").read_bytes())
    with pytest.raises(CantTrack, match="'raw/X' and 'raw/x' differ only in case"):
        pull(open_project(str(yours)), Asked(), lambda _: None)
    assert not (yours / "raw").exists()
