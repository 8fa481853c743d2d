"""Folders of any size as objects: cut by what is in them, read and changed in part."""

import random
from collections.abc import Iterable, Mapping

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.errors import Damaged
from outdo.core.model import Digest, Entry
from outdo.store import trees
from outdo.store.edits import edit
from outdo.store.nodes import MOST, WHOLE, Index, Row, Tree, decode_node, encode_node
from outdo.store.trees import Change, Item

MANY = 20_000
NAMES = [f"part-{number % 7}/{number:06}.txt" for number in range(MANY)]


def digest_for(text: str) -> Digest:
    return Digest(blake3(text.encode("utf-8", "surrogateescape")).hexdigest())


def file(path: str, content: str = "", size: int = 10) -> Item:
    return Item(path, "file", digest_for(content or path), size)


class Store:
    """Objects in memory, which counts what is read of them."""

    def __init__(self) -> None:
        self.objects: dict[Digest, bytes] = {}
        self.reads: list[Digest] = []

    def get(self, digest: Digest) -> bytes:
        self.reads.append(digest)
        return self.objects[digest]

    def put(self, content: bytes) -> Digest:
        digest = Digest(blake3(content).hexdigest())
        self.objects[digest] = content
        return digest

    def folder(self, items: Iterable[Item]) -> Entry:
        return trees.build_tree(trees.tree_of(items), self.put)

    def edit(self, folder: Digest, changes: Mapping[str, Item | None]) -> Entry:
        entry, objects = edit(self.get, folder, changes)
        for content in objects:
            self.put(content)
        return entry


@pytest.fixture(scope="module")
def many() -> tuple[Store, Entry]:
    store = Store()
    return store, store.folder(map(file, NAMES))


def test_a_small_folder_is_one_object() -> None:
    assert len(trees.encode(trees.tree_of(file(name) for name in NAMES[:WHOLE]))) == 1


def test_a_large_one_is_cut_and_comes_back(many: tuple[Store, Entry]) -> None:
    store, entry = many
    assert (entry.files, entry.size) == (MANY, 10 * MANY)
    assert [name for name, *_ in trees.read(store.get, entry.digest).files] == sorted(NAMES)
    assert 20 < len(store.objects) < 400


def test_no_node_is_larger_than_the_bound(many: tuple[Store, Entry]) -> None:
    for content in many[0].objects.values():
        node = decode_node(content)
        assert len(node.nodes if isinstance(node, Index) else node.files) <= MOST


def test_names_that_would_never_be_cut_are_cut_all_the_same() -> None:
    never = [name for name in map(str, range(20_000)) if blake3(name.encode()).digest(1) != b"\0"]
    assert len(trees.encode(trees.tree_of(map(file, never)))) > len(never) // MOST


def test_links_and_empty_folders_come_back_from_a_large_one() -> None:
    store = Store()
    tree = Tree(
        [(f"f{number:04}", digest_for("x"), 1, False) for number in range(2000)],
        [(f"g{number:04}", "f0001") for number in range(2000)],
        [f"h{number:04}" for number in range(2000)],
    )
    entry = trees.build_tree(tree, store.put)
    assert trees.read(store.get, entry.digest) == tree
    assert entry.files == 4000


def test_the_order_in_which_a_tree_is_given_does_not_matter() -> None:
    items = [file(name) for name in NAMES[:3000]]
    mixed = random.Random(1).sample(items, len(items))
    assert trees.encode(trees.tree_of(items)) == trees.encode(trees.tree_of(mixed))


# Reading in part.


def test_an_item_is_found_by_reading_the_nodes_on_the_way(many: tuple[Store, Entry]) -> None:
    store, entry = many
    store.reads.clear()
    assert trees.find(store.get, entry.digest, NAMES[77]) == file(NAMES[77])
    assert len(store.reads) <= 3


@pytest.mark.parametrize("path", ["", "nothing", "part-1", "part-1/000001.tx", "zzz", "part-1/000001.txt/x"])
def test_what_is_not_there_is_not_found(many: tuple[Store, Entry], path: str) -> None:
    assert trees.find(many[0].get, many[1].digest, path) is None


def test_the_items_of_a_folder_in_it_are_all_there(many: tuple[Store, Entry]) -> None:
    found = [item.path for item in trees.items(many[0].get, many[1].digest, "part-3")]
    assert found == sorted(name for name in NAMES if name.startswith("part-3/"))


def test_a_name_that_only_begins_alike_is_not_in_the_folder() -> None:
    store = Store()
    entry = store.folder(map(file, ["a/1", "a-b", "a.txt", "ab/2", "b"]))
    assert [item.path for item in trees.items(store.get, entry.digest, "a")] == ["a/1"]


def test_a_part_is_a_folder_of_its_own(many: tuple[Store, Entry]) -> None:
    store, entry = many
    alone = store.folder(Item(name[7:], "file", digest_for(name), 10) for name in NAMES if name[5] == "3")
    assert trees.part(store.get, entry.digest, "part-3", store.put) == alone
    one = trees.part(store.get, entry.digest, NAMES[0], store.put)
    assert one == Entry(digest_for(NAMES[0]), 10)
    assert trees.part(store.get, entry.digest, "nothing", store.put) is None
    assert trees.part(store.get, entry.digest, "", store.put) == entry


def test_every_node_is_named_once_and_before_what_names_it() -> None:
    store = Store()
    entry = store.folder(map(file, NAMES))
    found = list(trees.nodes(store.get, entry.digest))
    assert set(found) == set(store.objects)
    assert len(set(found)) == len(found)
    places = {digest: place for place, digest in enumerate(found)}
    for digest in found:
        node = decode_node(store.objects[digest])
        if isinstance(node, Index):
            assert all(places[row.digest] < places[digest] for row in node.nodes)


# Changing in part.


def test_a_change_reads_and_writes_a_few_nodes(many: tuple[Store, Entry]) -> None:
    store, entry = many
    store.reads.clear()
    _, objects = edit(store.get, entry.digest, {NAMES[777]: file(NAMES[777], "changed")})
    assert len(store.reads) <= 6
    assert len(objects) <= 3


def test_a_folder_takes_the_place_of_a_file_and_a_file_that_of_a_folder() -> None:
    store = Store()
    before = store.folder(map(file, ["a", "b/1", "b/2/3", "c"]))
    after = store.edit(before.digest, {"a/x/y": file("a/x/y"), "b": file("b")})
    assert after == store.folder(map(file, ["a/x/y", "b", "c"]))


def test_a_folder_is_taken_away_with_all_in_it(many: tuple[Store, Entry]) -> None:
    store, entry = many
    after = store.edit(entry.digest, {"part-3": None})
    assert after == store.folder(file(name) for name in NAMES if not name.startswith("part-3/"))


def test_a_folder_may_become_empty_and_large_again(many: tuple[Store, Entry]) -> None:
    store, entry = many
    empty = store.edit(entry.digest, dict.fromkeys(NAMES))
    assert empty == store.folder([])
    assert store.edit(empty.digest, {name: file(name) for name in NAMES}) == entry


def test_what_is_no_change_is_none(many: tuple[Store, Entry]) -> None:
    store, entry = many
    assert store.edit(entry.digest, {NAMES[5]: file(NAMES[5]), "nothing": None}) == entry


names = st.integers(0, 6000).map(lambda number: f"{number % 3}/{number:04}")
edits = st.lists(st.dictionaries(names, st.none() | st.sampled_from(["x", "y"]), max_size=60), max_size=4)
ranges = st.tuples(st.integers(0, 6000), st.integers(0, 6000))


@settings(max_examples=25, deadline=None)
@given(ranges, edits, ranges)
def test_whatever_the_edits_the_result_is_that_of_building_anew(
    start: tuple[int, int], steps: list[dict[str, str | None]], gone: tuple[int, int]
) -> None:
    store = Store()
    held = {name: file(name) for name in (f"{n % 3}/{n:04}" for n in range(*sorted(start)))}
    entry = store.folder(held.values())
    steps = [*steps, dict.fromkeys(f"{n % 3}/{n:04}" for n in range(*sorted(gone)))]
    for step in steps:
        changes = {name: content and file(name, content) for name, content in step.items()}
        before, entry = entry, store.edit(entry.digest, {n: item or None for n, item in changes.items()})
        former = dict(held)
        for name, item in changes.items():
            held.pop(name, None)
            if item:
                held[name] = item
        assert entry == store.folder(held.values())
        told = {
            name: Change(name, former.get(name), held.get(name))
            for name in sorted({*former, *held})
            if former.get(name) != held.get(name)
        }
        assert list(trees.changes(store.get, before.digest, entry.digest)) == list(told.values())


# Comparing.


def test_comparing_skips_what_is_equal(many: tuple[Store, Entry]) -> None:
    store, entry = many
    after = store.edit(entry.digest, {NAMES[9]: file(NAMES[9], "changed")})
    store.reads.clear()
    changed = list(trees.changes(store.get, entry.digest, after.digest))
    assert changed == [Change(NAMES[9], file(NAMES[9]), file(NAMES[9], "changed"))]
    assert len(store.reads) <= 8


def test_a_small_folder_is_compared_with_a_large_one(many: tuple[Store, Entry]) -> None:
    store, entry = many
    small = store.folder([file(NAMES[0]), file("other")])
    changed = list(trees.changes(store.get, small.digest, entry.digest))
    assert len(changed) == MANY
    assert sum(change.after is None for change in changed) == 1


# What is refused.


def rewritten(store: Store, entry: Entry, change: dict[str, object]) -> Digest:
    """The folder with the first row of its root changed."""
    root = decode_node(store.objects[entry.digest])
    assert isinstance(root, Index)
    first = root.nodes[0]
    fields = {"path": first.path, "digest": first.digest, "files": first.files, "size": first.size} | change
    return store.put(encode_node(Index(root.level, [Row(**fields), *root.nodes[1:]])))  # type: ignore[arg-type]


LIES: list[dict[str, object]] = [
    {"files": 1},
    {"size": 1},
    {"path": "a"},
    {"size": -1},
    {"digest": "../x"},
    {"path": "../x"},
    {"path": "zzz"},
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_an_index_that_lies_is_refused(many: tuple[Store, Entry], lie: dict[str, object]) -> None:
    store, entry = many
    wrong = rewritten(store, entry, lie)
    with pytest.raises(Damaged):
        trees.read(store.get, wrong)
    with pytest.raises(Damaged):
        list(trees.changes(store.get, wrong, store.folder([]).digest))
    with pytest.raises(Damaged):
        edit(store.get, wrong, {NAMES[0]: None})


def test_a_leaf_that_goes_on_into_the_next_is_refused() -> None:
    store = Store()
    parts = [Tree([(name, digest_for(name), 1, False) for name in found]) for found in ("ac", "bd")]
    rows = [Row(part.files[0][0], store.put(encode_node(part)), 2, 2) for part in parts]
    with pytest.raises(Damaged):
        trees.read(store.get, store.put(encode_node(Index(1, rows))))


def test_a_file_that_is_a_folder_in_another_leaf_is_refused() -> None:
    store = Store()
    parts = [Tree([(name, digest_for(name), 1, False)]) for name in ("a", "a/b")]
    rows = [Row(part.files[0][0], store.put(encode_node(part)), 1, 1) for part in parts]
    with pytest.raises(Damaged):
        trees.read(store.get, store.put(encode_node(Index(1, rows))))


def test_an_index_of_another_level_than_it_stands_at_is_refused() -> None:
    store = Store()
    leaf = Row("a", store.put(encode_node(Tree([("a", digest_for("a"), 1, False)]))), 1, 1)
    for below, level in ((1, 1), (1, 3), (5, 2), (1, 99)):
        middle = Row("a", store.put(encode_node(Index(below, [leaf]))), 1, 1)
        with pytest.raises(Damaged):
            trees.read(store.get, store.put(encode_node(Index(level, [middle]))))


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_an_index_fail_otherwise(content: bytes) -> None:
    with pytest.raises(Damaged):
        decode_node(b'{"tree":2,"level":' + content)
