"""Pushes and pulls that are killed at any moment: what is at the remote is complete, and the next one goes on."""

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3
from msgspec import msgpack

from outdo.core.model import Record
from outdo.store.nodes import Index, Tree, decode_node

pytestmark = pytest.mark.slow

TIMES = 50
FILE = """
remotes: {team: ../team}
stages:
  make: {cmd: "mkdir d && seq 400 | (cd d && split -l 1)", outs: [d]}
"""


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "outdo.cli.main", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def killed(folder: Path, *words: str, after: float) -> bool:
    """Whether a command was killed before it ended."""
    process = start(folder, *words)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    process.kill()
    return process.wait() == -signal.SIGKILL


def finished(folder: Path, *words: str) -> float:
    """Seconds that a command takes that is left alone."""
    began = time.monotonic()
    assert start(folder, *words).wait(60) == 0
    return time.monotonic() - began


def clone(root: Path, lock: bytes = b"") -> Path:
    root.mkdir()
    (root / "outdo.yaml").write_text(FILE)
    if lock:
        (root / "outdo.lock").write_bytes(lock)
    return root


def check(remote: Path) -> None:
    """All that is there is what its name says, and so is all that it names."""
    objects = {file.parent.name + file.name: file.read_bytes() for file in remote.glob("objects/*/[!.]*")}
    assert all(blake3(content).hexdigest() == digest for digest, content in objects.items())
    for content in objects.values():
        if content.startswith(b'{"tree":'):
            node = decode_node(content)
            names = [row.digest for row in node.nodes] if isinstance(node, Index) else []
            names += [digest for _, digest, _, _ in node.files] if isinstance(node, Tree) else []
            assert all(digest in objects for digest in names)
    for file in remote.glob("results/*/[!.]*"):
        record = msgpack.decode(file.read_bytes(), type=Record)
        assert all(entry.digest in objects for entry in record.outs.values())


def test_a_killed_push_leaves_only_what_is_complete(tmp_path: Path) -> None:
    chance, kills = random.Random(7), 0
    mine = clone(tmp_path / "mine")
    finished(mine, "run")
    whole = finished(mine, "push", "-r", "../other")
    while kills < TIMES:
        kills += killed(mine, "push", after=chance.uniform(0.3, 1.0) * whole)
        check(tmp_path / "team")
        if chance.random() < 0.5:
            subprocess.run(["rm", "-rf", tmp_path / "team"], check=True)
    finished(mine, "push")
    check(tmp_path / "team")
    yours = clone(tmp_path / "yours", (mine / "outdo.lock").read_bytes())
    finished(yours, "pull")
    assert len(list((yours / "d").iterdir())) == 400


def test_a_killed_pull_leaves_nothing_wrong_and_the_next_ends_it(tmp_path: Path) -> None:
    chance, kills = random.Random(8), 0
    mine = clone(tmp_path / "mine")
    finished(mine, "run")
    finished(mine, "push")
    lock = (mine / "outdo.lock").read_bytes()
    whole = finished(clone(tmp_path / "first", lock), "pull")
    yours = clone(tmp_path / "yours", lock)
    while kills < TIMES:
        kills += killed(yours, "pull", after=chance.uniform(0.3, 1.0) * whole)
        for file in (yours / ".outdo").glob("objects/*/*"):
            assert blake3(file.read_bytes()).hexdigest() == file.parent.name + file.name
        if chance.random() < 0.5:
            subprocess.run(["rm", "-rf", yours / ".outdo", yours / "d"], check=True)
    finished(yours, "pull")
    finished(yours, "run")
    assert {file.name: file.read_bytes() for file in (yours / "d").iterdir()} == {
        file.name: file.read_bytes() for file in (mine / "d").iterdir()
    }
