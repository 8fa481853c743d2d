"""Pointer files: what is written comes back, what is foreign is kept, and what is wrong is said with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.errors import BadPointer, Mistakes, UserError
from outdo.core.model import Digest, Entry, Place
from outdo.core.pointer import path_of, read_pointer, trackable, write_pointer
from outdo.core.tracked import Origin, Tracked

DIGEST = Digest("ab" * 32)
FOLDER = Tracked("raw", "raw.outdo", Entry(DIGEST, 12, "tree", 3))
TEXT = f"""\
outdo: 1
digest: blake3:{DIGEST}
size: 12
kind: tree
files: 3
"""

entries = st.builds(
    Entry,
    digest=st.text("0123456789abcdef", min_size=64, max_size=64),
    size=st.integers(0, 10**17),
    kind=st.just("file"),
    files=st.just(1),
    executable=st.booleans(),
)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
origins = st.builds(Origin, url=words.filter(bool), path=words, rev=words, commit=words, etag=words)
pointers = st.builds(
    Tracked,
    path=st.just("d/a.csv"),
    pointer=st.just("d/a.csv.outdo"),
    entry=entries,
    origin=st.none() | origins,
    desc=words,
    remote=words,
    push=st.booleans(),
    frozen=st.booleans(),
    rest=st.dictionaries(
        st.sampled_from(["meta", "two words", "x-y"]), st.recursive(words, st.lists, max_leaves=3)
    ),
)


def test_a_pointer_is_a_few_lines_one_key_each() -> None:
    assert write_pointer(FOLDER) == TEXT


def test_the_name_of_the_pointer_says_what_it_tracks() -> None:
    assert read_pointer("moved/raw2.outdo", TEXT).path == "moved/raw2"


@given(pointers)
def test_what_is_written_comes_back(tracked: Tracked) -> None:
    assert read_pointer(tracked.pointer, write_pointer(tracked)) == tracked


def test_a_text_that_an_editor_has_touched_is_read_as_yaml() -> None:
    touched = TEXT.replace("size: 12", "size:   12   # bytes") + "meta: {owner: [ann, bob]}\n"
    assert read_pointer("raw.outdo", touched).entry == FOLDER.entry
    assert "meta: " in write_pointer(read_pointer("raw.outdo", touched))


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (TEXT.replace("outdo: 1", "outdo: 2"), "raw.outdo", "newer Outdo"),
        (TEXT.replace("blake3:ab", "blake3:zz"), Place("raw.outdo", 2, 9), "64 hex digits"),
        (TEXT.replace("kind: tree", "kind: link"), Place("raw.outdo", 4, 7), "`file` or `tree`"),
        (TEXT.replace("size: 12", "size: true"), Place("raw.outdo", 3, 7), "a number"),
        (TEXT.replace("size: 12", "size: -1"), Place("raw.outdo", 3, 7), "a number"),
        (TEXT.replace(f"digest: blake3:{DIGEST}\n", ""), Place("raw.outdo", 1, 8), "no `digest`"),
        (f"<<<<<<< a\n{TEXT}=======\n{TEXT}>>>>>>> b\n", Place("raw.outdo", 1), "conflict marks"),
        ("", "raw.outdo", "no pointer of Outdo's"),
        ("- a\n", "raw.outdo", "no pointer of Outdo's"),
        (TEXT + "from: 3\n", Place("raw.outdo", 6, 7), "`from`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, place: Place | str, what: str) -> None:
    with pytest.raises(BadPointer, match=what) as told:
        read_pointer("raw.outdo", text)
    assert told.value.where == place


def test_a_doubled_key_is_no_pointer() -> None:
    with pytest.raises(Mistakes):
        read_pointer("raw.outdo", TEXT + "size: 13\n")


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("utf-8", "surrogateescape")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_pointer("raw.outdo", text)
    except UserError:
        pass


@pytest.mark.parametrize(
    "pointer",
    [
        "../out.outdo",
        "/abs.outdo",
        ".git.outdo",
        "a/.GIT/hooks/x.outdo",
        "..outdo",
        "outdo.yaml.outdo",
        "a\nb.outdo",
    ],
)
def test_a_pointer_can_not_track_what_may_not_be(pointer: str) -> None:
    with pytest.raises(BadPointer, match="can't be"):
        path_of(pointer)


@pytest.mark.parametrize(
    "path", ["a\nb", "a\\b", "a\udcffb", "a*", ".", "..", "x/../../y", ".outdo/objects", "\x1b[31m"]
)
def test_some_names_can_not_be_tracked(path: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        trackable(path)
