"""New shards of a store that are filled apart: all that was put is there at the end, whatever came meanwhile."""

import os
import stat
from pathlib import Path

import pytest

from outdo.store import shards
from outdo.store.fresh import filling
from outdo.store.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "store"))


def there(objects: Objects) -> set[str]:
    return {file.parent.name + file.name for file in Path(objects.folder).glob("*/*")}


def left(objects: Objects) -> list[Path]:
    """What is in the scratch folder of this process."""
    return list(Path(objects.root, "tmp").glob("*/*"))


def test_what_is_put_is_there_at_the_end_and_not_before(objects: Objects) -> None:
    with filling(objects) as twin:
        digests = [twin.put_bytes(b"%d" % number) for number in range(1000)]
        assert there(objects) == set()
    assert there(objects) == set(digests)
    assert [objects.get(digest) for digest in digests] == [b"%d" % number for number in range(1000)]
    assert {stat.S_IMODE(os.stat(objects.place(digest)).st_mode) for digest in digests} == {0o444}
    assert left(objects) == []


def test_the_same_bytes_may_come_often(objects: Objects) -> None:
    kept = objects.put_bytes(b"kept")
    with filling(objects) as twin:
        assert len({twin.put_bytes(b"twice") for _ in range(3)} | {twin.put_bytes(b"kept")}) == 2
    assert len(there(objects)) == 2
    assert objects.get(kept) == b"kept"


def test_what_another_process_puts_there_meanwhile_stays(objects: Objects) -> None:
    other = Objects(objects.root)
    with filling(objects) as twin:
        mine = [twin.put_bytes(b"%d" % number) for number in range(600)]
        theirs = [other.put_bytes(b"%d" % number) for number in range(300, 900)]
    assert there(objects) == {*mine, *theirs}
    assert objects.get(theirs[0]) == b"300"
    assert left(objects) == [] == left(other)


def test_large_ones_and_small_ones_meet_in_a_shard(objects: Objects) -> None:
    with filling(objects) as twin:
        digests = [twin.put_bytes(b"%d" % number * size) for number in range(300) for size in (1, 5000)]
    assert there(objects) == set(digests)


def test_what_was_put_before_an_error_is_kept(objects: Objects) -> None:
    def interrupted() -> None:
        with filling(objects) as twin:
            twin.put_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(there(objects)) == 1
    assert left(objects) == []


def test_a_store_that_hands_its_group_down_does_so_to_new_shards(objects: Objects) -> None:
    os.makedirs(objects.folder)
    os.chmod(objects.folder, 0o2775)
    with filling(objects) as twin:
        digest = twin.put_bytes(b"x")
    assert os.stat(os.path.dirname(objects.place(digest))).st_mode & stat.S_ISGID


def test_a_flush_that_comes_meanwhile_leaves_none_out(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(shards, "_flush", flushed.append)
    with filling(objects) as twin:
        digest = twin.put_bytes(b"x")
        objects.sync()
        assert flushed == []
    objects.sync()
    assert objects.place(digest) in flushed


def test_two_fill_the_same_store(objects: Objects) -> None:
    with filling(objects) as one, filling(objects) as other:
        mine = [one.put_bytes(b"%d" % number) for number in range(400)]
        theirs = [other.put_bytes(b"%d" % number) for number in range(200, 600)]
    assert there(objects) == {*mine, *theirs}
    objects.sync()
