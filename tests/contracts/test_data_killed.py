"""Commands on tracked data that are killed at any moment: nothing is lost, and the same command ends the work."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3

from outdo.app.data.status import status
from outdo.app.project import open_project

pytestmark = pytest.mark.slow

TIMES = 50
FILES = {f"{index % 7}/{index}": f"{index}\n" * (index % 50) for index in range(150)}
MANY = FILES | {f"many/{index}": f"{index}" for index in range(2100)}
"""So many that new shards of the store are filled apart."""


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "outdo.cli.main", "data", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(folder: Path, *words: str) -> float:
    """Seconds that a command takes that is left alone."""
    began = time.monotonic()
    assert start(folder, *words).wait(60) == 0
    return time.monotonic() - began


def killed(folder: Path, *words: str, after: float) -> bool:
    """Whether a command was killed before it ended."""
    process = start(folder, *words)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    process.kill()
    return process.wait() == -signal.SIGKILL


def project(root: Path, files: Mapping[str, str] = FILES) -> Path:
    """A project in a repository with a folder of data that is not tracked yet."""
    root.mkdir()
    (root / "outdo.yaml").write_text("remotes: {team: ../team}\n")
    subprocess.run(["git", "init", "-q", root], check=True)
    for name, text in files.items():
        (root / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "raw" / name).write_text(text)
    return root


def clone(root: Path, other: Path) -> Path:
    other.mkdir()
    subprocess.run(["git", "init", "-q", other], check=True)
    for name in ("outdo.yaml", "raw.outdo", ".gitignore"):
        shutil.copy(root / name, other)
    return other


def check(root: Path, files: Mapping[str, str] = FILES) -> None:
    """Objects are what their names say; what a pointer names is kept; no file in place is torn or foreign."""
    for file in (root / ".outdo").glob("objects/*/*"):
        assert blake3(file.read_bytes()).hexdigest() == file.parent.name + file.name
    for file in (root / "raw").rglob("*"):
        if file.is_file():
            assert file.read_text() == files[str(file.relative_to(root / "raw"))]
    if (root / "raw.outdo").exists():
        assert status(open_project(str(root))).paths[0].held


def complete(root: Path, files: Mapping[str, str] = FILES) -> None:
    check(root, files)
    assert {str(f.relative_to(root / "raw")) for f in (root / "raw").rglob("*") if f.is_file()} == set(files)
    (one,) = status(open_project(str(root))).paths
    assert (one.workspace, one.held) == ("same", True)
    assert (root / ".gitignore").read_text() == "/raw\n"


@pytest.mark.parametrize("files", [FILES, MANY], ids=["few", "many"])
def test_a_killed_add_loses_nothing_and_the_next_ends_it(tmp_path: Path, files: Mapping[str, str]) -> None:
    chance, kills = random.Random(1), 0
    mine = project(tmp_path / "mine", files)
    whole = finished(project(tmp_path / "first", files), "add", "raw")
    while kills < TIMES:
        kills += killed(mine, "add", "raw", after=chance.uniform(0.2, 1.0) * whole)
        check(mine, files)
        assert len([file for file in (mine / "raw").rglob("*") if file.is_file()]) == len(files)
        if chance.random() < 0.5:
            shutil.rmtree(mine / ".outdo", ignore_errors=True)
            for name in ("raw.outdo", ".gitignore"):
                (mine / name).unlink(missing_ok=True)
    finished(mine, "add", "raw")
    complete(mine, files)


def test_a_killed_checkout_leaves_no_torn_file_and_the_next_ends_it(tmp_path: Path) -> None:
    chance, kills = random.Random(2), 0
    mine = project(tmp_path / "mine")
    finished(mine, "add", "raw")
    shutil.rmtree(mine / "raw")
    whole = finished(mine, "checkout")
    while kills < TIMES:
        if chance.random() < 0.5:
            shutil.rmtree(mine / "raw", ignore_errors=True)
        kills += killed(mine, "checkout", after=chance.uniform(0.2, 1.0) * whole)
        check(mine)
    finished(mine, "checkout")
    complete(mine)


def test_a_killed_push_leaves_only_what_is_complete(tmp_path: Path) -> None:
    chance, kills = random.Random(3), 0
    mine = project(tmp_path / "mine")
    finished(mine, "add", "raw")
    whole = finished(mine, "push", "-r", "../other")
    while kills < TIMES:
        kills += killed(mine, "push", after=chance.uniform(0.2, 1.0) * whole)
        there = {file.parent.name + file.name for file in (tmp_path / "team").glob("objects/*/[!.]*")}
        root = status(open_project(str(mine))).paths[0].entry
        assert root
        if root.digest in there and chance.random() < 0.3:
            finished(clone(mine, tmp_path / "yours"), "pull")
            shutil.rmtree(tmp_path / "yours")
        if chance.random() < 0.5:
            shutil.rmtree(tmp_path / "team", ignore_errors=True)
    finished(mine, "push")
    yours = clone(mine, tmp_path / "yours")
    finished(yours, "pull")
    complete(yours)


def test_a_killed_pull_leaves_nothing_wrong_and_the_next_ends_it(tmp_path: Path) -> None:
    chance, kills = random.Random(4), 0
    mine = project(tmp_path / "mine")
    finished(mine, "add", "raw")
    finished(mine, "push")
    whole = finished(clone(mine, tmp_path / "first"), "pull")
    yours = clone(mine, tmp_path / "yours")
    while kills < TIMES:
        kills += killed(yours, "pull", after=chance.uniform(0.2, 1.0) * whole)
        for file in (yours / ".outdo").glob("objects/*/*"):
            assert blake3(file.read_bytes()).hexdigest() == file.parent.name + file.name
        if chance.random() < 0.5:
            shutil.rmtree(yours / ".outdo", ignore_errors=True)
            shutil.rmtree(yours / "raw", ignore_errors=True)
    finished(yours, "pull")
    complete(yours)


def test_a_killed_move_keeps_the_data_tracked_and_the_next_ends_it(tmp_path: Path) -> None:
    chance = random.Random(5)
    mine = project(tmp_path / "mine")
    finished(mine, "add", "raw")
    whole = finished(mine, "move", "raw", "data/in")
    here, there = "data/in", "raw"
    for _ in range(TIMES // 4):
        killed(mine, "move", here, there, after=chance.uniform(0.4, 1.1) * whole)
        states = {one.path: one.workspace for one in status(open_project(str(mine))).paths}
        assert "same" in states.values()
        if here in states:
            finished(mine, "move", here, there)
        here, there = there, here
    if here != "raw":
        finished(mine, "move", here, "raw")
    complete(mine)
