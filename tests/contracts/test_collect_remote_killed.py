"""Collections of a remote that are killed, stopped, or run beside pushes: what is needed is there, and soon."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from outdo.app.project import open_project
from outdo.app.remotes import find_remote, reach
from outdo.core.model import Entry
from outdo.store import pushes
from outdo.store.collect_remote import RemoteStore, Young
from outdo.store.depot import FolderDepot
from outdo.store.objects import Objects
from outdo.store.removal import DEAD
from outdo.store.transfer import Transfer
from outdo.store.travel import object_name
from outdo.store.trees import Item, build_tree, tree_of
from tests.contracts.s3 import BUCKET, SECRETS, WEED, s3_server
from tests.contracts.test_collect import World
from tests.contracts.test_collect_remote import made, sent

pytestmark = pytest.mark.slow

ROUNDS = 50
US = pushes.Pusher("us", "ours")
COLLECT = """
import os, sys
from outdo.app.collect import Asked
from outdo.app.collect_remote import Collection, There
from outdo.app.project import open_project
from outdo.core.errors import StoreBusy
print("ready", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        try:
            while True:
                Collection(open_project(sys.argv[1]), Asked(), There("team", -1)).carry_out()
        except StoreBusy:
            os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
"""
"""For each line another process, which collects again and again. There all is old at once, but what a push relies on
stays for a day."""


class Collecting:
    """Processes that collect at a project's remote, one after the other, and are ended by a signal."""

    def __init__(self, world: World) -> None:
        words = [sys.executable, "-c", COLLECT, str(world.root)]
        self._process = subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1, text=True)
        self._ask("ready")

    def start(self) -> int:
        """The next one's number."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        return int(self._ask())

    def end(self) -> str:
        """What they had to complain of."""
        return self._process.communicate(timeout=20)[1]

    def _ask(self, answer: str = "") -> str:
        assert self._process.stdout is not None
        told = self._process.stdout.readline().strip()
        assert answer in told
        return told


def folder(world: World, chance: random.Random, count: int) -> Entry:
    """A folder of files that the project's store holds."""
    project = world.project
    digests = [project.objects.put_bytes(chance.randbytes(8)) for _ in range(count)]
    items = [Item(f"{number:03}", "file", digest, 8) for number, digest in enumerate(digests)]
    return build_tree(tree_of(items), project.objects.put_bytes)


def forgotten_pushes(world: World) -> None:
    """As if a day had passed since the pushes."""
    shelf = reach(world.project, find_remote(world.project, "team"))
    shelf.remove(list(shelf.lying("pushes")))


def is_at_work(tmp_path: Path, child: int) -> bool:
    """Whether a mark at the remote is this process's."""
    found = False
    for mark in tmp_path.glob("team/collections/[!.]*"):
        with suppress(FileNotFoundError):  # it has just ended
            found |= f"pid:{child} " in mark.read_text()
    return found


def wait_until_at_work(tmp_path: Path, child: int) -> None:
    end = time.monotonic() + 10
    while not is_at_work(tmp_path, child):
        assert time.monotonic() < end


def is_there(world: World, tmp_path: Path, *entries: Entry) -> bool:
    project = open_project(str(world.root))
    shelf = reach(project, find_remote(project, "team"))
    other = Objects(str(tmp_path / f"store{random.random()}"))
    return Transfer(other, shelf, lambda _: None).fetch(entries).missing == ()


def test_after_a_kill_at_any_moment_all_that_is_needed_is_there_and_a_push_does_not_wait(
    tmp_path: Path,
) -> None:
    """What the collection was about to remove is pushed at once."""
    world, chance = made(tmp_path / "world", "../team"), random.Random(3)
    collecting, slowest, at_work = Collecting(world), 0.0, 0
    for number in range(ROUNDS):
        needed, needless, again = (folder(world, chance, 40) for _ in range(3))
        sent(world, needed, needless, again)
        forgotten_pushes(world)
        world.point("raw", needed)
        child = collecting.start()
        if number % 2:
            wait_until_at_work(tmp_path, child)
        time.sleep(chance.random() * (0.005 if number % 2 else 0.15))
        os.kill(child, signal.SIGKILL)
        at_work += is_at_work(tmp_path, child)
        began = time.monotonic()
        sent(world, again)
        slowest = max(slowest, time.monotonic() - began)
        assert is_there(world, tmp_path, needed, again), number
    assert collecting.end() == ""
    assert slowest < 5
    assert at_work > ROUNDS / 5


@pytest.mark.skipif(WEED is None, reason="no server")
def test_one_that_is_stopped_and_goes_on_later_takes_nothing_that_was_pushed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder and in a bucket, at once; what is pushed waits until nobody has to be waited for."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    chance = random.Random(4)
    (tmp_path / "s3").mkdir()
    with s3_server(tmp_path / "s3") as server:
        bucket = f"{{url: 's3://{BUCKET}/x', endpoint: 'http://127.0.0.1:{server.port}'}}"
        worlds = [made(tmp_path / "a", "../team"), made(tmp_path / "b", bucket)]
        data = [folder(world, chance, 400) for world in worlds]
        collecting = list(map(Collecting, worlds))
        children = []
        for world, entry, one in zip(worlds, data, collecting, strict=True):
            sent(world, entry)
            forgotten_pushes(world)
            children.append(one.start())
            stop_at_work(children[-1], world)
        waits = side_by_side([partial(sent, *both) for both in zip(worlds, data, strict=True)])
        for child in children:
            os.kill(child, signal.SIGCONT)
        time.sleep(2)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        assert [one.end() for one in collecting] == ["", ""]
        assert all(DEAD - 10 < wait < DEAD + 10 for wait in waits)
        assert all(is_there(world, tmp_path, entry) for world, entry in zip(worlds, data, strict=True))


def stop_at_work(child: int, world: World) -> None:
    shelf = reach(world.project, find_remote(world.project, "team"))
    end = time.monotonic() + 10
    while not shelf.lying("aside"):
        assert time.monotonic() < end
    os.kill(child, signal.SIGSTOP)


def side_by_side(works: list[Callable[[], object]]) -> list[float]:
    """The seconds that each of them has taken; what one raises is raised."""
    taken: list[float] = []
    errors: list[BaseException] = []

    def one(work: Callable[[], object]) -> None:
        began = time.monotonic()
        try:
            work()
        except BaseException as error:
            errors.append(error)
        taken.append(time.monotonic() - began)

    threads = [threading.Thread(target=one, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    return taken


class Noting(FolderDepot):
    """A folder that knows which notes it was given."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.notes: list[str] = []

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        self.notes += [name] if name.startswith("pushes/") else []
        super().put(name, source, replace=replace)


def test_pushes_and_collections_go_on_at_once(tmp_path: Path) -> None:
    """Four push what was needless a moment ago, while two collect: what a push has left is there."""
    depot = FolderDepot(str(tmp_path / "team"))
    contents = [bytes([n, 255 - n]) for n in range(40)]
    end = time.monotonic() + 8
    errors: list[BaseException] = []
    pushed = [0]

    def guarded(work: Callable[[random.Random, Objects], None], seed: int) -> None:
        chance, objects = random.Random(seed), Objects(str(tmp_path / str(seed)))
        try:
            while time.monotonic() < end:
                work(chance, objects)
        except BaseException as error:
            errors.append(error)

    def push(chance: random.Random, objects: Objects) -> None:
        chosen = [objects.put_bytes(content) for content in chance.sample(contents, 8)]
        mine = Noting(str(tmp_path / "team"))
        Transfer(objects, mine, lambda _: None, 2, lambda some: pushes.announce(mine, some, US)).send(
            Entry(digest, 2) for digest in chosen
        )
        assert len(depot.present([object_name(digest) for digest in chosen])) == 8
        pushed[0] += 1
        depot.remove(mine.notes)  # its branch was thrown away

    def collect(_: random.Random, objects: Objects) -> None:
        store = RemoteStore(depot, objects, Young(time.time() + 9, time.time() - 60), 2)
        store.remove(store.waste())

    jobs = [(push, seed) for seed in range(4)] + [(collect, seed) for seed in (4, 5)]
    threads = [threading.Thread(target=guarded, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert pushed[0] > 5
