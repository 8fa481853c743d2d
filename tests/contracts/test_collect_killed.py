"""Collections that are killed at any moment, and that run beside others: nothing that is needed is lost."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.data.status import status
from outdo.app.project import Project, open_project
from outdo.core.model import Digest, Entry, Key, Record, StageName
from outdo.store import trees
from outdo.store.trees import Item, build_tree, tree_of

pytestmark = pytest.mark.slow

ROUNDS = 50
COLLECT = """
import sys
from outdo.app.collect import Asked, collect, survey
from outdo.app.data.add import add
from outdo.app.data.status import status
from outdo.app.project import open_project
from outdo.core.errors import StoreBusy
print("ready", flush=True)
while True:
    try:
        project = open_project(sys.argv[1])
        collect(project, Asked(runs=0), survey(project, Asked(runs=0)))
    except StoreBusy:
        pass
"""


def start(root: Path) -> "subprocess.Popen[bytes]":
    """A process that collects again and again."""
    found = subprocess.Popen([sys.executable, "-c", COLLECT, str(root)], stdout=-1, stderr=-1)
    assert found.stdout is not None
    assert found.stdout.readline() == b"ready\n"
    return found


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    _, told = process.communicate()
    assert told == b""


def folder(project: Project, chance: random.Random, count: int) -> Entry:
    """A folder of files that the store holds."""
    items = []
    for number in range(count):
        content = chance.randbytes(8)
        digest = project.objects.put_bytes(content)
        items.append(Item(f"{number:05}", "file", digest, len(content)))
    return build_tree(tree_of(items), project.objects.put_bytes)


def lock(project: Project, entries: list[Entry]) -> None:
    outs = {f"out{number}": entry for number, entry in enumerate(entries)}
    project.lock.save({StageName("make"): Record(Key("0" * 64), ("make",), outs=outs)})


def all_is_there(root: Path, entries: list[Entry]) -> None:
    """What is named is here, to the last byte; and every result has its objects."""
    project = open_project(str(root))
    for entry in entries:
        for node in trees.nodes(project.objects.get, entry.digest):
            assert project.objects.known_good(node)
        for item in trees.items(project.objects.get, entry.digest):
            assert project.objects.known_good(item.digest)
    for key in project.results.keys():  # noqa: SIM118
        record = project.results.get(key)
        assert record is not None
        assert all(map(project.workspace.holds, record.outs.values()))
    project.objects.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outdo.yaml").write_text("project: world\nstages: {}\n")
    return tmp_path


@pytest.fixture
def dvc_root(tmp_path: Path) -> Path:
    """A DVC repository with data in DVC's cache."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "raw").mkdir()
    for number in range(100):
        (tmp_path / "raw" / f"{number}").write_text(f"{number}")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    add(open_project(str(tmp_path)), ["raw"])
    return tmp_path


def collections_are_killed(root: Path, size: int) -> None:
    """Fifty times, each beside folders of this many needed files and half as many needless ones."""
    chance = random.Random(1)
    needed: list[Entry] = []
    for number in range(ROUNDS):
        project = open_project(str(root))
        needed = [*needed[-3:], folder(project, chance, size)]
        lock(project, needed)
        needless = folder(project, chance, size // 2)
        project.results.put(Record(Key(f"{number:064}"), ("x",), outs={"out": needless}))
        project.results.put(Record(Key(f"{number:063}a"), ("x",), outs={"out": needed[0]}))
        project.objects.close()
        process = start(root)
        time.sleep(chance.random() * 0.15)
        kill(process)
        all_is_there(root, needed)


def test_a_collection_may_be_killed_at_any_moment(root: Path) -> None:
    collections_are_killed(root, 600)


def test_in_a_dvc_repository_too_and_what_is_dvcs_stays(dvc_root: Path) -> None:
    cache = {path: path.read_bytes() for path in (dvc_root / ".dvc" / "cache").rglob("*") if path.is_file()}
    assert len(cache) == 101
    collections_are_killed(dvc_root, 60)
    assert {path: path.read_bytes() for path in cache} == cache
    assert status(open_project(str(dvc_root))).paths[0].workspace == "same"


def test_work_goes_on_beside_collections(root: Path) -> None:
    """Four threads store, find again and name what may have been needless a moment ago."""
    chance = random.Random(2)
    contents = [chance.randbytes(8) for _ in range(400)]
    end = time.monotonic() + 10
    errors: list[BaseException] = []
    rounds = [0]

    def work(seed: int) -> None:
        own = random.Random(seed)
        try:
            while time.monotonic() < end:
                project = open_project(str(root))
                chosen = own.sample(contents, 50)
                digests = [project.objects.put_bytes(content) for content in chosen]
                items = [Item(f"{n:03}", "file", Digest(one), 8) for n, one in enumerate(digests)]
                entry = build_tree(tree_of(items), project.objects.put_bytes)
                time.sleep(own.random() * 0.05)
                project.results.put(
                    Record(Key(f"{seed}{own.getrandbits(200):063x}"[:64]), ("x",), outs={"o": entry})
                )
                for digest in digests:
                    project.objects.get(digest)
                project.objects.close()
                rounds[0] += 1
        except BaseException as error:
            errors.append(error)

    collectors = [start(root), start(root)]
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in collectors:
        kill(process)
    assert not errors
    assert rounds[0] > 20
    all_is_there(root, [])
