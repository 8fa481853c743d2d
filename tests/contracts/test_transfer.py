"""What travels between a store and a remote: a folder, a bucket in memory, and (slow) a real server of S3."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from blake3 import blake3
from obstore.store import MemoryStore

from outdo.core.errors import RemoteFailed
from outdo.core.model import Digest, Entry, Key, Record
from outdo.store.bucket import Bucket
from outdo.store.depot import Depot, FolderDepot
from outdo.store.objects import Objects
from outdo.store.statcache import StatCache
from outdo.store.transfer import Transfer
from outdo.store.travel import SMALL, Moved, Tally, object_name, result_name
from outdo.store.workspace import Workspace

KEY = Key("ab" * 32)
LARGE = os.urandom(SMALL + 4321)


@pytest.fixture(params=["folder", "memory"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Depot:
    return FolderDepot(str(tmp_path / "remote")) if request.param == "folder" else bucket()


def bucket() -> Bucket:
    return Bucket(MemoryStore(), "memory://")


class Clone:
    """A workspace with a store of its own."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.objects = Objects(str(root / ".outdo"))
        self.workspace = Workspace(str(root), self.objects, StatCache(str(root / ".outdo")), links=("copy",))

    def saved(self, path: str, files: Mapping[str, bytes] | bytes) -> Entry:
        """What the store holds of a file, or of a folder of files."""
        for name, content in ({"": files} if isinstance(files, bytes) else files).items():
            place = self.root / path / name if name else self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return self.workspace.save(path)

    def transfer(self, depot: Depot, told: list[Tally] | None = None) -> Transfer:
        return Transfer(self.objects, depot, (told if told is not None else []).append, 4)


@pytest.fixture
def mine(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "mine")


@pytest.fixture
def yours(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "yours")


def result(outs: Mapping[str, Entry]) -> Record:
    return Record(KEY, ("make",), outs=outs)


def contents(clone: Clone, path: str) -> dict[str, bytes]:
    top = clone.root / path
    return {str(file.relative_to(top)): file.read_bytes() for file in top.rglob("*") if file.is_file()}


FILES = {"a": b"alpha", "b/c": b"gamma", "b/d": LARGE, "e": b""}


def test_what_was_sent_comes_back(depot: Depot, mine: Clone, yours: Clone) -> None:
    tree, file = mine.saved("model", FILES), mine.saved("one.bin", b"one")
    assert mine.transfer(depot).send([tree, file]).objects == 6
    assert yours.transfer(depot).fetch([tree, file]).objects == 6
    yours.workspace.restore("model", tree)
    assert contents(yours, "model") == FILES


def test_what_is_there_does_not_travel_again(depot: Depot, mine: Clone, yours: Clone) -> None:
    tree = mine.saved("model", FILES)
    mine.transfer(depot).send([tree])
    assert mine.transfer(depot).send([tree]) == Moved(there=5)
    yours.transfer(depot).fetch([tree])
    assert yours.transfer(depot).fetch([tree]) == Moved(there=5)


def test_only_the_new_file_of_a_folder_travels_with_its_tree(depot: Depot, mine: Clone) -> None:
    mine.transfer(depot).send([mine.saved("model", FILES)])
    moved = mine.transfer(depot).send([mine.saved("model", {"new": b"new"})])
    assert (moved.objects, moved.there) == (2, 4)


def test_many_are_asked_for_by_listing_and_few_by_name(depot: Depot) -> None:
    names = [object_name(Digest(blake3(bytes([n % 256, n // 256])).hexdigest())) for n in range(600)]
    for name in names[::2]:
        depot.put(name, b"xyz")
    assert depot.present(names) == dict.fromkeys(names[::2], 3)
    assert depot.present(names[:3]) == {names[0]: 3, names[2]: 3}
    assert depot.present([]) == {}


def test_a_result_travels_with_what_it_names(depot: Depot, mine: Clone, yours: Clone) -> None:
    record = result({"model": mine.saved("model", FILES)})
    assert mine.transfer(depot).send(record.outs.values(), [record]).results == 1
    assert yours.transfer(depot).keys() == [KEY]
    assert yours.transfer(depot).result(KEY) == record
    assert yours.transfer(depot).result(Key("cd" * 32)) is None


def test_a_result_that_can_not_be_read_is_none(depot: Depot, yours: Clone) -> None:
    depot.put(result_name(KEY), b"\xff\xffnothing")
    assert yours.transfer(depot).result(KEY) is None


def test_what_no_side_has_is_told_and_its_result_stays(depot: Depot, mine: Clone) -> None:
    record = result({"model": mine.saved("model", FILES)})
    gone = Digest(blake3(b"alpha").hexdigest())
    os.unlink(mine.objects.place(gone))
    moved = mine.transfer(depot).send(record.outs.values(), [record])
    assert moved.missing == (gone,)
    assert moved.results == 0
    assert depot.present([object_name(record.outs["model"].digest), result_name(KEY)]) == {}


def test_what_the_remote_lacks_is_told_and_the_rest_fetched(depot: Depot, mine: Clone, yours: Clone) -> None:
    file, other = mine.saved("one", b"one"), mine.saved("two", b"two")
    mine.transfer(depot).send([file])
    moved = yours.transfer(depot).fetch([file, other])
    assert (moved.objects, moved.missing) == (1, (other.digest,))


@pytest.mark.parametrize("content", [b"one", LARGE], ids=["small", "large"])
def test_an_object_damaged_at_the_remote_is_refused_set_aside_and_sent_again(
    depot: Depot, mine: Clone, yours: Clone, content: bytes
) -> None:
    file = mine.saved("one", content)
    name = object_name(file.digest)
    damaged = content[:-1] + bytes([content[-1] ^ 1])
    depot.put(name, damaged)
    assert yours.transfer(depot).fetch([file]).missing == (file.digest,)
    assert not yours.objects.has(file.digest)
    assert depot.present([name]) == {}
    assert b"".join(depot.read(f"quarantine/{name.replace('/', '-')}")) == damaged
    assert mine.transfer(depot).send([file]).objects == 1
    assert yours.transfer(depot).fetch([file]).missing == ()


def test_a_torn_object_at_the_remote_is_sent_again(depot: Depot, mine: Clone) -> None:
    file = mine.saved("one", b"one")
    depot.put(object_name(file.digest), b"o")
    assert mine.transfer(depot).send([file]).objects == 1
    assert b"".join(depot.read(object_name(file.digest))) == b"one"


def test_what_is_damaged_here_never_leaves(depot: Depot, mine: Clone) -> None:
    file = mine.saved("one", b"one")
    os.chmod(mine.objects.place(file.digest), 0o644)
    Path(mine.objects.place(file.digest)).write_bytes(b"two")
    assert mine.transfer(depot).send([file]).missing == (file.digest,)
    assert depot.present([object_name(file.digest)]) == {}


def test_progress_ends_where_it_was_expected_to(depot: Depot, mine: Clone, yours: Clone) -> None:
    told: list[Tally] = []
    tree = mine.saved("model", FILES)
    moved = mine.transfer(depot, told).send([tree])
    assert (told[-1].objects, told[-1].size) == (told[-1].of_objects, told[-1].of_size) == (5, moved.size)


class Flaky:
    """A depot that breaks off after a number of answers."""

    def __init__(self, depot: Depot, answers: int) -> None:
        self._depot = depot
        self._left = answers
        self._lock = threading.Lock()

    def _answer(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left < 0:
                raise RemoteFailed("cut off")

    def present(self, names: Sequence[str]) -> Mapping[str, int]:
        return self._depot.present(names)

    def listing(self, folder: str) -> list[str]:
        return self._depot.listing(folder)

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        self._answer()
        self._depot.put(name, source, replace=replace)

    def read(self, name: str) -> Iterator[bytes]:
        self._answer()
        return self._depot.read(name)

    def set_aside(self, name: str) -> None:
        self._depot.set_aside(name)

    def settle(self) -> None:
        self._depot.settle()


@pytest.mark.parametrize("answers", range(6))
def test_a_push_that_breaks_off_leaves_nothing_that_names_what_is_not_there(
    depot: Depot, mine: Clone, yours: Clone, answers: int
) -> None:
    record = result({"model": mine.saved("model", FILES)})
    with pytest.raises(RemoteFailed):
        mine.transfer(Flaky(depot, answers)).send(record.outs.values(), [record])
    tree = object_name(record.outs["model"].digest)
    here = depot.present([object_name(Digest(blake3(c).hexdigest())) for c in FILES.values()])
    assert not depot.present([result_name(KEY)])
    assert not depot.present([tree]) or len(here) == 4
    assert mine.transfer(depot).send(record.outs.values(), [record]).objects == 5 - len(here) - len(
        depot.present([tree]) if answers == 5 else {}
    )
    assert yours.transfer(depot).fetch(record.outs.values()).missing == ()


@pytest.mark.parametrize("answers", range(5))
def test_a_fetch_that_breaks_off_keeps_what_came_and_goes_on(
    depot: Depot, mine: Clone, yours: Clone, answers: int
) -> None:
    tree = mine.saved("model", FILES)
    mine.transfer(depot).send([tree])
    with pytest.raises(RemoteFailed):
        yours.transfer(Flaky(depot, answers)).fetch([tree])
    assert not yours.workspace.holds(tree)
    assert yours.transfer(depot).fetch([tree]).objects == 5 - answers
    assert yours.workspace.holds(tree)


def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path, mine: Clone) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RemoteFailed, match="can't be used"):
        mine.transfer(FolderDepot(str(tmp_path / "file"))).send([mine.saved("one", b"one")])


def test_what_killed_transfers_left_is_swept_once_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / "objects" / "ab" / ".old", tmp_path / "objects" / "ab" / ".new"
    old.parent.mkdir(parents=True)
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    depot = FolderDepot(str(tmp_path))
    assert depot.listing("objects") == []
    assert depot.present([f"objects/ab/{number}" for number in range(20)]) == {}
    assert list(old.parent.iterdir()) == [new]
