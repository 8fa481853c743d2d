"""What nobody needs is removed from a store, and nothing else: not for anything."""

import gc
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from outdo.app.collect import Asked, Survey, collect, survey
from outdo.app.project import Project, open_project
from outdo.core.errors import NotInStore, SharedStore, StoreBusy, UnknownRevision
from outdo.core.keeping import Span
from outdo.core.model import Digest, Entry, Key, Record
from outdo.core.pointer import write_pointer
from outdo.core.tracked import Tracked
from outdo.store import leases
from outdo.store.collect import LocalStore, Waste
from outdo.store.lease import put_back
from outdo.store.objects import Objects
from outdo.store.results import Results

FILE = """
project: world
stages:
  make: {cmd: make, deps: [raw], outs: [out]}
models:
  best: {path: out}
"""
HOLD = """
import sys
from outdo.app.project import open_project
project = open_project(sys.argv[1])
project.objects.lease.take()
print("held", flush=True)
for line in sys.stdin:
    digest = line.strip()
    print(project.objects.rely(digest) if digest else project.objects.put_bytes(b"meanwhile"), flush=True)
"""


class World:
    """A project in a repository, with a store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        (root / "outdo.yaml").write_text(FILE)
        self.git("init", "-q", "-b", "main")

    @property
    def project(self) -> Project:
        return open_project(str(self.root))

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgSign=false"]
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "x", "--allow-empty")

    def keep(self, content: str, path: str = "out") -> Entry:
        """An entry that the store holds."""
        project = self.project
        (self.root / path).parent.mkdir(exist_ok=True, parents=True)
        (self.root / path).write_text(content)
        entry = project.workspace.save(path, link=False)
        (self.root / path).unlink()
        project.objects.close()
        return entry

    def lock(self, *entries: Entry) -> None:
        """The lock names these."""
        outs = {f"out{number}": entry for number, entry in enumerate(entries)}
        self.project.lock.save({"make": Record(Key("0" * 64), ("make",), outs=outs)})  # type: ignore[dict-item]

    def point(self, path: str, entry: Entry) -> None:
        (self.root / f"{path}.outdo").write_text(write_pointer(Tracked(path, f"{path}.outdo", entry)))

    def result(self, letter: str, entry: Entry) -> Key:
        key = Key(letter * 64)
        self.project.results.put(Record(key, ("make",), outs={"out": entry}))
        return key

    def survey(self, asked: Asked = Asked()) -> Survey:  # noqa: B008  frozen
        time.sleep(0.02)  # until the file system's clock has ticked
        return survey(self.project, asked)

    def collect(self, asked: Asked = Asked()) -> Waste:  # noqa: B008  frozen
        return collect(self.project, asked, self.survey(asked))

    def holds(self, entry: Entry) -> bool:
        project = self.project
        held = project.workspace.holds(entry)
        project.objects.close()
        return held


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("OUTDO_STORE", raising=False)
    return World(tmp_path / "world")


# ---------------------------------------------------------------- what stays


def test_what_nothing_names_goes(world: World) -> None:
    needed, needless = world.keep("needed"), world.keep("needless")
    world.lock(needed)
    assert world.collect().objects == {needless.digest: 8}
    assert world.holds(needed)
    assert not world.holds(needless)


def test_asking_removes_nothing(world: World) -> None:
    needless = world.keep("needless")
    assert world.survey().waste.objects == {needless.digest: 8}
    assert world.holds(needless)


def test_what_a_pointer_names_stays(world: World) -> None:
    tracked = world.keep("tracked")
    world.point("deep", tracked)
    assert not world.collect().objects


def test_a_large_folder_stays_with_all_its_parts(world: World) -> None:
    for number in range(1500):
        path = world.root / "big" / f"{number:04}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    project = world.project
    entry = project.workspace.save("big")
    project.objects.close()
    world.lock(entry)
    project.workspace.remove("big")
    assert not world.collect().objects
    project.workspace.restore("big", entry)
    project.objects.close()
    world.lock()
    assert len(world.collect().objects) > 1500


def test_what_any_commit_names_stays_on_whichever_branch(world: World) -> None:
    first, second, other = world.keep("first"), world.keep("second"), world.keep("other")
    world.lock(first)
    world.commit()
    world.git("checkout", "-qb", "side")
    world.lock(other)
    world.commit()
    world.git("checkout", "-q", "main")
    world.point("data", second)
    world.commit()
    world.git("rm", "-q", "data.outdo")
    world.commit()
    assert not world.collect().objects
    assert all(map(world.holds, [first, second, other]))


def test_what_only_a_merge_or_the_index_or_the_reflog_names_stays(world: World) -> None:
    merged, staged, amended = world.keep("merged"), world.keep("staged"), world.keep("amended")
    world.commit()
    world.git("checkout", "-qb", "side")
    world.commit()
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--no-ff", "--no-commit", "side")
    world.lock(merged)
    world.commit()
    world.lock(amended)
    world.commit()
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.lock(staged)
    world.git("add", "outdo.lock")
    world.lock()
    assert not world.collect().objects


def test_of_the_history_a_part_can_be_chosen(world: World) -> None:
    old, tagged, tip = world.keep("old"), world.keep("tagged"), world.keep("tip")
    for entry in (old, tagged, tip):
        world.lock(entry)
        world.commit()
        if entry == tagged:
            world.git("tag", "v1")
    gone = {one: set(world.survey(Asked(span)).waste.objects) for one, span in SPANS.items()}
    assert gone == {
        "branches": {old.digest, tagged.digest},
        "tags": {old.digest},
        "revision": {tagged.digest},
        "all": set(),
    }
    with pytest.raises(UnknownRevision):
        world.survey(Asked(Span(("nothing",))))


SPANS = {
    "branches": Span(branches=True),
    "tags": Span(tags=True),
    "revision": Span(("HEAD~2",)),
    "all": Span(branches=True, commits=True),
}


def test_a_lock_with_conflict_marks_keeps_what_both_sides_name(world: World) -> None:
    ours, theirs = world.keep("ours"), world.keep("theirs")
    project = world.project
    text = f"<<<<<<<\n{ours.digest}\n=======\n{theirs.digest}\n>>>>>>>\n"
    (world.root / "outdo.lock").write_text(text)
    time.sleep(0.02)
    assert not survey(project, Asked()).waste.objects


def test_outside_git_the_workspace_counts(tmp_path: Path) -> None:
    world = World(tmp_path / "bare")
    subprocess.run(["rm", "-rf", ".git"], cwd=world.root, check=True)
    needed, needless = world.keep("needed"), world.keep("needless")
    world.lock(needed)
    assert set(world.collect().objects) == {needless.digest}


def test_nothing_goes_where_git_has_lost_what_a_commit_named(world: World) -> None:
    world.lock(world.keep("old"))
    world.commit()
    blob = subprocess.run(
        ["git", "rev-parse", "HEAD:outdo.lock"], cwd=world.root, capture_output=True, text=True, check=True
    ).stdout.strip()
    world.lock()
    world.commit()
    os.unlink(world.root / ".git/objects" / blob[:2] / blob[2:])
    with pytest.raises(NotInStore):
        world.survey()


# ---------------------------------------------------------------- results


def test_a_result_goes_with_its_objects_and_stays_with_them(world: World) -> None:
    needed, needless = world.keep("needed"), world.keep("needless")
    world.lock(needed)
    stays, goes = world.result("a", needed), world.result("b", needless)
    assert world.collect().results == (goes,)
    assert world.project.results.keys() == [stays]


def test_a_result_that_was_put_meanwhile_stays_with_what_it_names(world: World) -> None:
    entry = world.keep("needless")
    shown = world.survey()
    world.result("c", entry)
    os.utime(world.project.results.place(Key("c" * 64)), (2e9, 2e9))
    assert not collect(world.project, Asked(), shown).objects
    assert world.holds(entry)


# ---------------------------------------------------------------- who works with the store


class Worker:
    """Another process that works with the store."""

    def __init__(self, world: World) -> None:
        words = [sys.executable, "-c", HOLD, str(world.root)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told()

    def told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, digest: str = "") -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{digest}\n")
        self.process.stdin.flush()
        return self.told()

    def kill(self) -> None:
        with self.process:
            self.process.kill()


@pytest.fixture
def needless(world: World) -> Entry:
    return world.keep("needless")


@pytest.fixture
def worker(world: World, needless: Entry) -> Worker:
    time.sleep(0.05)
    return Worker(world)


def test_what_is_younger_than_the_longest_work_in_progress_stays(world: World, worker: Worker) -> None:
    digest = worker.ask()
    assert digest not in world.collect().objects
    worker.kill()
    assert digest in world.collect().objects


def test_what_is_older_goes_even_then(world: World, worker: Worker, needless: Entry) -> None:
    assert set(world.collect().objects) == {needless.digest}
    worker.kill()


def test_what_a_worker_came_to_need_stays_however_old_it_is(
    world: World, worker: Worker, needless: Entry
) -> None:
    assert worker.ask(needless.digest) == "True"
    assert not world.collect().objects
    worker.kill()
    assert set(world.collect().objects) == {needless.digest}


def test_what_a_worker_came_to_need_after_it_was_shown_stays(
    world: World, worker: Worker, needless: Entry
) -> None:
    shown = world.survey()
    assert set(shown.waste.objects) == {needless.digest}
    assert worker.ask(needless.digest) == "True"
    assert not collect(world.project, Asked(), shown).objects
    worker.kill()


def test_all_results_stay_while_somebody_works(world: World, needless: Entry) -> None:
    world.result("a", needless)
    time.sleep(0.05)
    worker = Worker(world)
    assert not world.collect().results
    assert world.holds(needless)
    worker.kill()
    assert world.collect().results


def test_whoever_comes_while_objects_are_removed_waits(world: World, needless: Entry) -> None:
    objects = Objects(str(world.root / ".outdo"))
    with leases.collecting(objects.root), leases.closed(objects.root):
        comes = threading.Thread(target=objects.lease.take)
        comes.start()
        comes.join(0.1)
        assert comes.is_alive()
    comes.join()
    with leases.closed(objects.root) as working:
        assert [one.pid for one in working] == [os.getpid()]
    objects.close()
    assert needless.digest in world.collect().objects


def test_a_project_that_nobody_holds_works_with_its_store_no_more(world: World) -> None:
    """At once, with no collection of garbage: a server opens one after the other."""
    gc.disable()
    try:
        project = open_project(str(world.root))
        project.objects.lease.take()
        project.workspace.look(["x", "remote://team/x"])
        del project
        with (
            leases.collecting(str(world.root / ".outdo")),
            leases.closed(str(world.root / ".outdo")) as working,
        ):
            assert not working
    finally:
        gc.enable()


def test_what_a_killed_write_has_left_goes(world: World, needless: Entry) -> None:
    kept = world.result("a", needless)
    left = Path(f"{world.project.results.place(kept)}.0123456789ab.tmp")
    left.write_bytes(b"half")
    world.collect()
    assert not left.exists()


def test_two_do_not_collect_at_once(world: World, needless: Entry) -> None:
    with leases.collecting(str(world.root / ".outdo")), pytest.raises(StoreBusy):
        world.survey()


def test_what_was_touched_while_it_was_moved_out_is_moved_back(world: World, needless: Entry) -> None:
    objects = Objects(str(world.root / ".outdo"))
    store = Touchy(objects, Results(objects.root), time.time_ns(), in_use=False)
    store.remove(Waste(objects={needless.digest: 8}))
    assert objects.known_good(needless.digest)
    assert not os.listdir(f"{objects.root}/trash")


class Touchy(LocalStore):
    """A store in which somebody touches an object after it was found to be old."""

    def _is_old(self, status: os.stat_result) -> bool:
        for place in Path(self._objects.folder).glob("*/*"):
            os.utime(place, (1, status.st_mtime))
        return True


def test_what_a_killed_collection_had_moved_out_is_back_for_the_next_process(
    world: World, needless: Entry
) -> None:
    objects = Objects(str(world.root / ".outdo"))
    os.makedirs(f"{objects.root}/trash")
    os.rename(objects.place(needless.digest), f"{objects.root}/trash/objects-{needless.digest}")
    assert world.holds(needless)
    put_back(objects.root)


# ---------------------------------------------------------------- chunks, servers, neighbours


def test_chunks_of_large_files_go_and_stay_with_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTDO_CHUNKS", "1MB")
    chance = random.Random(3)
    start, end, other = (chance.randbytes(3 << 20).hex() for _ in range(3))
    needed, needless = world.keep(start + end), world.keep(start + other)
    objects = world.project.objects
    shared = set(objects.parts(needed.digest)) & set(objects.parts(needless.digest))
    assert shared
    world.lock(needed)
    gone = world.collect()
    assert gone.recipes == (needless.digest,)
    assert gone.objects
    assert shared.isdisjoint(gone.objects)
    assert world.project.objects.known_good(needed.digest)
    world.lock()
    world.collect()
    assert not list((world.root / ".outdo/objects").glob("*/*"))


def test_what_clients_of_a_server_stored_stays(world: World, needless: Entry) -> None:
    path = world.root / ".outdo/tracking.db"
    with sqlite3.connect(path) as database:
        database.execute("create table files (path text, digest text)")
        database.execute("insert into files values ('a', ?)", (needless.digest,))
    assert not world.collect().objects
    path.write_bytes(b"no database")
    with pytest.raises(SharedStore):
        world.survey()


@pytest.fixture
def neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[World, World]:
    monkeypatch.setenv("OUTDO_STORE", str(tmp_path / "store"))
    return World(tmp_path / "here"), World(tmp_path / "there")


def test_what_a_neighbour_needs_stays(neighbours: tuple[World, World]) -> None:
    here, there = neighbours
    now, former, needless = there.keep("now"), there.keep("former"), here.keep("needless")
    there.lock(former)
    there.commit()
    there.lock(now)
    here.commit()
    found = here.survey(Asked(Span(branches=True)))
    assert found.projects == (str(there.root),)
    assert set(here.collect(Asked(Span(branches=True))).objects) == {needless.digest}
    assert there.holds(now)
    assert there.holds(former)


def test_nothing_goes_while_it_is_not_known_what_a_neighbour_needs(neighbours: tuple[World, World]) -> None:
    here, there = neighbours
    entry = there.keep("entry")
    there.lock(entry)
    here.keep("here")
    there.root.rename(there.root.with_name("moved"))
    with pytest.raises(SharedStore):
        here.survey()
    assert Objects(os.environ["OUTDO_STORE"]).has(entry.digest)
    gone = here.collect(Asked(forget=(str(there.root),)))
    assert entry.digest in gone.objects
    assert not here.survey().waste.objects


def test_the_project_that_a_store_is_in_is_a_neighbour_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OUTDO_STORE", raising=False)
    owner, guest = World(tmp_path / "owner"), World(tmp_path / "guest")
    entry = owner.keep("entry")
    owner.lock(entry)
    monkeypatch.setenv("OUTDO_STORE", str(owner.root / ".outdo"))
    assert guest.survey().projects == (str(owner.root),)
    assert not guest.collect().objects


def test_a_file_that_looks_like_a_folder_is_a_file(world: World) -> None:
    entries = [world.keep(text) for text in ('{"tree":1,"files":[["../x"]]}', '{"tree":', '{"tree":9}')]
    world.lock(*entries)
    assert not world.collect().objects
    assert all(Digest(entry.digest) for entry in entries)
