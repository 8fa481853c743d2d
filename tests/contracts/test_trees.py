"""Folders as objects: one text for one content, and no way out of the folder."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.errors import Damaged, NotAFile
from outdo.core.model import Digest
from outdo.store import trees
from outdo.store.nodes import Tree, decode_node, encode_node
from outdo.store.trees import refuse_stray_link

D1, D2 = Digest("1" * 64), Digest("2" * 64)
TREE = Tree(
    [("a", D1, 1, False), ("sub/run.sh", D2, 20, True)],
    [("latest", "sub")],
    ["empty"],
)
STRANGE = [
    "new\nline",
    "a b",
    "ünïcode",
    "emoji 🚀",
    "back\\slash",
    "\\x80",
    "bytes \udc80\udcff",
    "-rf",
    "quote\"'",
    "\t",
]


def test_a_tree_comes_back() -> None:
    assert decode_node(encode_node(TREE)) == TREE


def test_a_tree_is_plain_json() -> None:
    text = b'{"tree":1,"files":[["a","%s",1,false]]}' % D1.encode()
    assert encode_node(Tree([("a", D1, 1, False)])) == text


@pytest.mark.parametrize("name", STRANGE)
def test_every_name_comes_back(name: str) -> None:
    tree = Tree([(name, D1, 1, False)], [(f"l{name}", name)], [f"e{name}"])
    assert decode_node(encode_node(tree)) == tree


def test_names_that_look_alike_when_escaped_stay_apart() -> None:
    texts = {encode_node(Tree([(name, D1, 1, False)])) for name in STRANGE}
    assert len(texts) == len(STRANGE)


def test_the_text_does_not_depend_on_how_the_tree_was_made() -> None:
    files = [(name, D1, 1, False) for name in ("back\\slash", "plain")]
    assert encode_node(Tree(files)) == encode_node(Tree(files, [], []))
    assert b"links" not in encode_node(Tree(files, [], []))


def test_an_entry_counts_files_links_and_bytes() -> None:
    entry = trees.build_tree(TREE, trees.digest_only)
    assert (entry.kind, entry.files, entry.size) == ("tree", 3, 21)


@pytest.mark.parametrize(
    "name",
    ["../out", "a/../../out", "/etc/passwd", "", ".", "..", "a/..", "a//b", "a/", "/a", "a/./b", "nul\0"],
)
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    for tree in (Tree([(name, D1, 1, False)]), Tree(links=[(name, "x")]), Tree(folders=[name])):
        with pytest.raises(Damaged):
            decode_node(encode_node(tree))


@pytest.mark.parametrize("name", ["..a", "a..", "...", ".hidden", "a/..b"])
def test_a_name_with_dots_that_stays_inside_is_fine(name: str) -> None:
    tree = Tree([(name, D1, 1, False)])
    assert decode_node(encode_node(tree)) == tree


@pytest.mark.parametrize("target", ["/etc/passwd", "../out", "sub/../../out", "..", "", "a/../../..", "x/.."])
def test_a_link_that_leads_out_is_refused(target: str) -> None:
    with pytest.raises(Damaged):
        decode_node(encode_node(Tree(links=[("link", target)])))
    with pytest.raises(NotAFile):
        refuse_stray_link("data", "link", target)


INSIDE = [("l", "a"), ("s/l", "../a"), ("s/t/l", "../.."), ("l", "..a"), ("l", ".")]


@pytest.mark.parametrize(("name", "target"), INSIDE)
def test_a_link_that_stays_inside_is_fine(name: str, target: str) -> None:
    refuse_stray_link("data", name, target)


def test_a_link_may_not_climb_behind_a_name_as_that_name_may_be_a_link_too() -> None:
    with pytest.raises(NotAFile):
        refuse_stray_link("data", "a/b/l", "up/../secret")


HOSTILE = {
    "a file that is a folder too": Tree([("a", D1, 1, False), ("a/b", D1, 1, False)]),
    "a link that is a folder too": Tree([("a/b", D1, 1, False)], [("a", ".")]),
    "names out of order": Tree([("b", D1, 1, False), ("a", D2, 1, False)]),
    "a folder with something in it that is said to be empty": Tree([("a/b", D1, 1, False)], [], ["a"]),
    "one name twice": Tree([("a", D1, 1, False), ("a", D2, 1, False)]),
    "a file that is a link too": Tree([("a", D1, 1, False)], [("a", "b")]),
    "a digest that is none": Tree([("a", Digest("../" * 20 + "abcd"), 1, False)]),
    "a short digest": Tree([("a", Digest("1"), 1, False), ("b", Digest("1" * 127), 1, False)]),
    "a negative size": Tree([("a", D1, -1, False)]),
}


@pytest.mark.parametrize("tree", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_tree_that_no_folder_can_be_is_refused(tree: Tree) -> None:
    with pytest.raises(Damaged):
        decode_node(encode_node(tree))


NO_TREES = [
    b"",
    b"{}",
    b"weights",
    b"[]",
    b"\xff",
    b'{"tree":2}',
    b'{"tree":3}',
    b'{"tree":2,"level":1,"nodes":[]}',
    b'{"tree":1,"files":[["a"]]}',
    b'{"tree":1,"files":1}',
]


@pytest.mark.parametrize("content", NO_TREES)
def test_an_object_that_is_no_tree_is_refused(content: bytes) -> None:
    with pytest.raises(Damaged):
        decode_node(content)


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))
raw_names = st.binary(min_size=1, max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
any_names = names | raw_names.filter(lambda name: not {"/", "\0"} & set(name) and name not in (".", ".."))


@given(st.lists(any_names, unique=True, max_size=10))
def test_whatever_the_names_the_tree_comes_back(found: list[str]) -> None:
    tree = Tree([(name, D1, 3, False) for name in sorted(found)])
    assert decode_node(encode_node(tree)) == tree


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_a_tree_fail_otherwise(content: bytes) -> None:
    with pytest.raises(Damaged):
        decode_node(b'{"tree":1,"files":' + content)


def test_a_big_tree_is_checked_in_little_time() -> None:
    names = sorted(f"{random.random()}/{number}" for number in range(20_000))
    tree = Tree([(name, D1, 1, False) for name in names])
    assert decode_node(encode_node(tree)) == tree
