"""Large files between a store and a remote: only the chunks that are missing travel, and nothing wrong is kept."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from obstore.store import MemoryStore

from outdo.core.errors import NotInRemote, RemoteFailed
from outdo.core.model import Digest, Entry, Key, Record
from outdo.store import recipes
from outdo.store.bucket import Bucket
from outdo.store.chunks import MOST
from outdo.store.depot import Depot, FolderDepot
from outdo.store.objects import Objects
from outdo.store.receiving import LARGE
from outdo.store.recipes import Recipe
from outdo.store.transfer import Transfer
from outdo.store.travel import Moved, object_name, recipe_name

FROM = 2 << 20
TABLE = random.Random(4).randbytes(LARGE + (4 << 20))
SMALLER = TABLE[: 5 << 20]


@pytest.fixture(params=["folder", "memory"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Depot:
    return FolderDepot(str(tmp_path / "remote")) if request.param == "folder" else bucket()


def bucket() -> Bucket:
    return Bucket(MemoryStore(), "memory://")


@pytest.fixture
def mine(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "mine"), FROM)


@pytest.fixture
def yours(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "yours"), FROM)


def put(objects: Objects, content: bytes) -> Entry:
    path = Path(objects.root, "file")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return Entry(objects.copy_in(str(path)).digest, len(content), "file", 1, False)


def send(objects: Objects, depot: Depot, *entries: Entry) -> Moved:
    return Transfer(objects, depot, lambda _: None, 4).send(entries)


def fetch(objects: Objects, depot: Depot, *entries: Entry) -> Moved:
    return Transfer(objects, depot, lambda _: None, 4).fetch(entries)


def held(depot: Depot, name: str) -> bytes:
    return b"".join(depot.read(name))


@pytest.mark.parametrize(
    "content", [TABLE, SMALLER], ids=["large", "smaller than what is asked for as chunks"]
)
def test_a_file_travels_as_its_chunks_and_comes_back(
    depot: Depot, mine: Objects, yours: Objects, content: bytes
) -> None:
    entry = put(mine, content)
    chunks = len(mine.parts(entry.digest))
    assert send(mine, depot, entry) == Moved(chunks, len(content))
    assert fetch(yours, depot, entry) == Moved(chunks, len(content))
    assert yours.get(entry.digest) == content
    assert not yours.whole(entry.digest)


def test_what_is_there_does_not_travel_again(depot: Depot, mine: Objects, yours: Objects) -> None:
    entry = put(mine, TABLE)
    chunks = len(mine.parts(entry.digest))
    send(mine, depot, entry)
    assert send(mine, depot, entry) == Moved(there=chunks)
    fetch(yours, depot, entry)
    assert fetch(yours, depot, entry) == Moved(there=1)


def test_of_a_table_that_grew_only_what_is_new_travels(depot: Depot, mine: Objects, yours: Objects) -> None:
    first, grown = put(mine, TABLE), put(mine, TABLE + os.urandom(len(TABLE) // 100))
    send(mine, depot, first)
    assert send(mine, depot, grown).size < len(TABLE) // 100 + MOST
    fetch(yours, depot, first)
    assert fetch(yours, depot, grown).size < len(TABLE) // 100 + MOST
    assert yours.known_good(grown.digest)


def test_a_file_that_lies_whole_at_an_older_remote_is_fetched_and_not_sent_again(
    depot: Depot, mine: Objects, yours: Objects
) -> None:
    entry = put(Objects(mine.root, 0), TABLE)
    depot.put(object_name(entry.digest), TABLE)
    assert fetch(yours, depot, entry) == Moved(1, len(TABLE))
    assert not yours.whole(entry.digest)
    assert send(yours, depot, entry) == Moved(there=1)


def test_one_who_has_nothing_of_it_is_told_that_it_is_there(
    depot: Depot, mine: Objects, yours: Objects
) -> None:
    entry = put(mine, TABLE)
    send(mine, depot, entry)
    assert send(yours, depot, entry).missing == ()
    assert fetch(yours, bucket(), entry).missing == (entry.digest,)


def test_a_result_stays_here_if_a_chunk_of_what_it_names_is_lost(depot: Depot, mine: Objects) -> None:
    entry = put(mine, TABLE)
    os.unlink(mine.place(mine.parts(entry.digest)[3]))
    record = Record(Key("ab" * 32), ("make",), outs={"table": entry})
    moved = Transfer(mine, depot, lambda _: None, 4).send([entry], [record])
    assert moved.missing == (entry.digest,)
    assert moved.results == 0
    with pytest.raises(NotInRemote):
        held(depot, recipe_name(entry.digest))


class Broken(Bucket):
    """A remote whose connection is gone after some puts or reads."""

    def __init__(self, left: int) -> None:
        super().__init__(MemoryStore(), "memory://")
        self.left = left

    def put(self, name: str, source: bytes | str, *, replace: bool = False) -> None:
        self._go_on()
        super().put(name, source, replace=replace)

    def read(self, name: str) -> Iterator[bytes]:
        if name.startswith("objects"):
            self._go_on()
        return super().read(name)

    def _go_on(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RemoteFailed("the cable was pulled")


def test_a_broken_transfer_leaves_nothing_half_and_goes_on_from_there(mine: Objects, yours: Objects) -> None:
    depot, entry = Broken(4), put(mine, TABLE)
    with pytest.raises(RemoteFailed):
        send(mine, depot, entry)
    assert depot.listing("recipes") == []
    depot.left = 1000
    assert send(mine, depot, entry).there == 4
    depot.left = 5
    with pytest.raises(RemoteFailed):
        fetch(yours, depot, entry)
    assert not yours.has(entry.digest)
    depot.left = 1000
    assert fetch(yours, depot, entry).there == 5
    assert yours.get(entry.digest) == TABLE


def test_a_chunk_that_is_wrong_at_the_remote_is_set_aside_and_the_next_push_mends_it(
    depot: Depot, mine: Objects, yours: Objects
) -> None:
    entry = put(mine, TABLE)
    send(mine, depot, entry)
    chunk = mine.parts(entry.digest)[1]
    depot.put(object_name(chunk), bytes(os.stat(mine.place(chunk)).st_size), replace=True)
    assert fetch(yours, depot, entry).missing == (entry.digest,)
    assert not yours.has(entry.digest)
    assert send(mine, depot, entry).objects == 1
    assert fetch(yours, depot, entry).objects == 1
    assert yours.get(entry.digest) == TABLE


def test_a_chunk_that_is_damaged_here_is_fetched_anew(depot: Depot, mine: Objects, yours: Objects) -> None:
    first, second = put(mine, TABLE), put(mine, TABLE + b"more")
    send(mine, depot, first, second)
    fetch(yours, depot, first)
    place = yours.place(yours.parts(first.digest)[0])
    os.chmod(place, 0o644)
    Path(place).write_bytes(bytes(os.stat(place).st_size))
    afresh = Objects(yours.root, FROM)
    assert fetch(afresh, depot, second).missing == ()
    assert afresh.get(first.digest) == TABLE


@pytest.mark.parametrize("what", ["empty", "cut off", "of another file", "another size", "names itself"])
def test_a_wrong_recipe_is_refused_and_set_aside(
    depot: Depot, mine: Objects, yours: Objects, what: str
) -> None:
    entry, other = put(mine, TABLE), put(mine, TABLE[::-1])
    send(mine, depot, entry, other)
    right = held(depot, recipe_name(entry.digest))
    wrong = {
        "empty": b"",
        "cut off": right[:-40],
        "of another file": held(depot, recipe_name(other.digest)),
        "another size": recipes.encode(Recipe(((mine.put_bytes(b"small"), 5),))),
        "names itself": recipes.encode(Recipe(((entry.digest, 1 << 20),) * 20)),
    }[what]
    depot.put(recipe_name(entry.digest), wrong, replace=True)
    assert fetch(yours, depot, entry).missing == (entry.digest,)
    assert not yours.has(entry.digest)
    if what != "names itself":
        assert depot.present([recipe_name(entry.digest)]) == {}
    assert send(mine, depot, entry).missing == ()
    assert fetch(yours, depot, entry).missing == ()
    assert yours.get(entry.digest) == TABLE


def test_a_recipe_that_names_a_lie_of_a_chunk_is_not_believed(mine: Objects, yours: Objects) -> None:
    depot, entry = bucket(), Entry(Digest(blake3(TABLE).hexdigest()), len(TABLE), "file", 1, False)
    lie = Digest(blake3(b"lie").hexdigest())
    depot.put(object_name(lie), b"lie")
    depot.put(recipe_name(entry.digest), recipes.encode(Recipe(((lie, 4 << 20),) * 5)))
    assert fetch(yours, depot, entry).missing == (entry.digest,)
    assert not yours.has(entry.digest)
