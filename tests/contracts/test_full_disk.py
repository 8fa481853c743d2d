"""A disk that is full: the command says so, nothing is lost, and once there is room the same command ends the work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

OUTDO = os.path.join(os.path.dirname(sys.executable), "outdo")
MEGABYTE = bytes(range(256)) * 4096
DATA = {f"raw/{number}": MEGABYTE + b"%d" % number for number in range(6)}
OWN = {
    "outdo.yaml": "remotes: {lab: ../../lab}\nstages: {make: {cmd: cat raw/* > made, deps: [raw], outs: [made]}}\n"
}
DVC = {
    "dvc.yaml": "stages: {make: {cmd: cat raw/* > made, deps: [raw], outs: [made]}}\n",
    ".dvc/config": "[core]\n    remote = lab\n    autostage = false\n['remote \"lab\"']\n    url = ../../../lab\n",
}
POINTERS = ("raw.outdo", "raw.dvc", ".gitignore")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=32m", "outdo-test", str(folder)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(params=[OWN, DVC], ids=["own", "dvc"])
def project(request: pytest.FixtureRequest, disk: Path) -> Path:
    """A project on the small disk, whose data is tracked and at a remote on a large one."""
    project = disk / "mine"
    for name, content in {**request.param, **DATA}.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    subprocess.run(["git", "init", "-q", project], check=True)
    outdo(project, "data", "add", "raw")
    outdo(project, "data", "push")
    return project


def outdo(project: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run([OUTDO, *words], cwd=project, capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def take_away(project: Path, *paths: str) -> None:
    subprocess.run(["rm", "-rf", *paths], cwd=project, check=True)


def kept(project: Path) -> dict[str, bytes]:
    """What a person would miss: pointers and data."""
    files = (path for path in project.rglob("*") if path.is_file())
    mine = {str(path.relative_to(project)): path for path in files}
    return {name: mine[name].read_bytes() for name in mine if name in POINTERS or name.startswith("raw/")}


def too_full(project: Path, *words: str, says: str = "no room is left") -> None:
    """The command fails as the disk has room for a part of its work only, takes that back, and then succeeds."""
    before = kept(project)
    hog = project.parent / "hog"
    room = os.statvfs(project.parent)
    hog.write_bytes(b"0" * (room.f_bavail * room.f_frsize - 3 * len(MEGABYTE)))
    said = outdo(project, *words, code=1)
    assert says in said
    assert said.count("error[") == 1
    after = kept(project)
    assert before.items() <= after.items()
    assert all(after[name] == DATA[name] for name in after if name in DATA and name not in before)
    hog.unlink()
    outdo(project, *words)


def test_an_add(project: Path) -> None:
    take_away(project, ".outdo", ".dvc/cache", *POINTERS)
    too_full(project, "data", "add", "raw")
    assert "in" in outdo(project, "data", "status")


def test_a_checkout(project: Path) -> None:
    take_away(project, "raw")
    too_full(project, "data", "checkout")
    assert kept(project).items() >= DATA.items()


def test_a_pull(project: Path) -> None:
    take_away(project, "raw", ".outdo", ".dvc/cache")
    too_full(project, "data", "pull")
    assert kept(project).items() >= DATA.items()


def test_a_push(project: Path, disk: Path) -> None:
    too_full(project, "data", "push", "-r", "../team", says="No space left")
    take_away(project, "raw", ".outdo", ".dvc/cache")
    outdo(project, "data", "pull", "-r", "../team")
    assert kept(project).items() >= DATA.items()
