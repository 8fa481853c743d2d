"""Pushes beside a collection at a remote that is at work, killed, or held up at any step: nothing pushed is lost."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.project import open_project
from outdo.core.errors import NotInRemote, StoreBusy
from outdo.core.model import Digest
from outdo.store import pushes
from outdo.store.depot import FolderDepot, Lying, Shelf
from outdo.store.removal import DEAD
from outdo.store.travel import object_name

DIGESTS = [Digest(str(number) * 64) for number in range(4)]
NAMES = [object_name(digest) for digest in DIGESTS]
US = pushes.Pusher("us", "ours")
A_DAY = 86400.0


class Killed(BaseException):
    """The process is no more."""


class Memory:
    """A bucket in memory, with a clock that a test sets, and where something may happen before any step."""

    at_once = False
    largest = 1e9

    def __init__(self) -> None:
        self.now = 1e9
        self.held: dict[str, tuple[bytes, float]] = {}
        self.before_step: Callable[[], None] = lambda: None

    def lying(self, folder: str) -> Mapping[str, Lying]:
        self.before_step()
        found = {name: one for name, one in self.held.items() if name.startswith(f"{folder}/")}
        return {name: Lying(len(content), since) for name, (content, since) in found.items()}

    def read(self, name: str) -> Iterator[bytes]:
        self.before_step()
        if name not in self.held:
            raise NotInRemote(name)
        yield self.held[name][0]

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        self.before_step()
        assert isinstance(source, bytes)
        if replace or name not in self.held:
            self.held[name] = source, self.now

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self.before_step()
            self.held.pop(name, None)

    def move(self, names: Mapping[str, str], *, keep: bool = False) -> None:
        there = [name for name in names if name in self.held]
        for name in there:
            self.before_step()
            if not (keep and names[name] in self.held):
                self.held[names[name]] = self.held[name][0], self.now
        if not keep:
            self.remove(there)


def filled(shelf: Shelf) -> None:
    for name in NAMES:
        shelf.put(name, b"needless")


def push(shelf: Memory, patience: float = 0.0) -> None:
    """What nobody needed is needed again: it is sent as far as it is not there."""
    pushes.announce(shelf, DIGESTS, US, patience)
    for name in NAMES:
        shelf.put(name, b"needless")


def collect(shelf: Memory) -> None:
    with pushes.collecting(shelf, 0.0) as removal:
        needed = set(pushes.relied_on(shelf, 0.0))
        for start in (0, 2):
            removal.remove([object_name(one) for one in DIGESTS[start : start + 2] if one not in needed])


def is_whole(shelf: Memory) -> bool:
    return all(name in shelf.held for name in NAMES)


class Fate:
    """What happens before the steps of a collection: others work for long before one, and it is killed at another."""

    def __init__(self, shelf: Memory, held_up_at: int, killed_at: int = -1) -> None:
        self._shelf = shelf
        self._held_up_at = held_up_at
        self._killed_at = killed_at
        self._steps = 0
        self.met = False

    def __call__(self) -> None:
        step = self._steps
        self._steps += 1
        if step == self._held_up_at:
            self.met = True
            self._shelf.before_step = lambda: None
            self._shelf.now += DEAD + 1
            push(self._shelf)
            self._shelf.before_step = self
        if step == self._killed_at:
            self._shelf.before_step = lambda: None
            raise Killed


def test_a_push_waits_for_a_collection() -> None:
    shelf = Memory()
    with pushes.collecting(shelf, 0.0), pytest.raises(StoreBusy):
        push(shelf)
    push(shelf)


def test_what_is_needless_goes_and_leaves_nothing() -> None:
    shelf = Memory()
    filled(shelf)
    collect(shelf)
    assert not shelf.held


def test_a_collection_that_is_held_up_at_any_step_takes_nothing_that_was_pushed_meanwhile() -> None:
    for step in range(1000):
        shelf = Memory()
        filled(shelf)
        shelf.before_step = fate = Fate(shelf, step)
        try:
            collect(shelf)
        except StoreBusy:
            pass
        if not fate.met:
            break
        assert is_whole(shelf), step
        assert not shelf.lying("aside")
    assert step > 20


def test_one_that_is_killed_later_still_has_its_last_removal_mended_by_the_next_push() -> None:
    for step in range(1000):
        for later in range(step, step + 30):
            shelf = Memory()
            filled(shelf)
            shelf.before_step = fate = Fate(shelf, step, later)
            try:
                collect(shelf)
            except (StoreBusy, Killed):
                pass
            shelf.before_step = lambda: None
            shelf.now += DEAD + 1
            pushes.announce(shelf, [], US, 0.0)
            assert not fate.met or is_whole(shelf), (step, later)
        if not fate.met:
            break
    assert step > 20


def test_one_that_was_killed_elsewhere_keeps_nobody_for_long() -> None:
    shelf = Memory()
    shelf.put("collections/killed", b"")
    shelf.now += DEAD - 1
    with pytest.raises(StoreBusy):
        push(shelf)
    shelf.now += 2
    push(shelf)


def test_what_one_that_was_killed_had_set_aside_is_put_back_and_forgotten_after_a_day() -> None:
    shelf = Memory()
    shelf.put("collections/killed", b"")
    shelf.put("aside/killed-" + NAMES[0].replace("/", "-"), b"needless")
    shelf.now += 2 * A_DAY
    with pushes.collecting(shelf, shelf.now - A_DAY):
        pass
    assert list(shelf.held) == [NAMES[0]]


def test_notes_of_former_pushes_are_cleared_away() -> None:
    shelf = Memory()
    push(shelf)
    shelf.now += 1000
    push(shelf)
    with pushes.collecting(shelf, shelf.now - 1):
        assert list(pushes.relied_on(shelf, 0.0)) == DIGESTS * 2
    assert list(pushes.relied_on(shelf, 0.0)) == DIGESTS


COLLECTING = """
import sys
from outdo.store import pushes
from outdo.store.depot import FolderDepot
with pushes.collecting(FolderDepot(sys.argv[1]), 0.0) as removal:
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process on this machine that collects in a folder."""
    words = [sys.executable, "-c", COLLECTING, str(tmp_path)]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_one_that_was_killed_on_this_machine_keeps_nobody(
    tmp_path: Path, elsewhere: "subprocess.Popen[str]"
) -> None:
    shelf = FolderDepot(str(tmp_path))
    with pytest.raises(StoreBusy):
        pushes.announce(shelf, DIGESTS, US, 0.0)
    elsewhere.kill()
    elsewhere.wait()
    pushes.announce(shelf, DIGESTS, US, 0.0)
    with pushes.collecting(shelf, 0.0):
        pass
    assert os.listdir(tmp_path / "collections") == []


def test_a_process_of_the_same_number_on_another_machine_is_not_taken_for_it(
    tmp_path: Path, elsewhere: "subprocess.Popen[str]"
) -> None:
    (mark,) = (tmp_path / "collections").iterdir()
    text = mark.read_text()
    elsewhere.kill()
    elsewhere.wait()
    mark.chmod(0o644)
    mark.write_text("0" + text[1:] if text[0] != "0" else "1" + text[1:])
    with pytest.raises(StoreBusy):
        pushes.announce(FolderDepot(str(tmp_path)), DIGESTS, US, 0.0)


def test_a_push_says_that_it_waits_and_goes_on_when_it_may(
    tmp_path: Path, elsewhere: "subprocess.Popen[str]"
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "outdo.yaml").write_text("remotes: {team: ..}\nstages: {}\n")
    (root / "a.csv").write_text("x\n")
    add(open_project(str(root)), ["a.csv"])
    words = [sys.executable, "-m", "outdo.cli.main", "data", "push"]
    with subprocess.Popen(words, cwd=root, stderr=-1, text=True) as pushing:
        assert pushing.stderr is not None
        assert "waits for `outdo gc`" in pushing.stderr.readline()
        elsewhere.kill()
        rest = pushing.stderr.read()
    assert pushing.returncode == 0
    assert "1 object pushed" in rest
    assert "waits" not in rest
