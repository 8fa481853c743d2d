"""`.dvc` files as tracked paths, on what DVC 3.67.1 wrote."""

import pytest
from msgspec.structs import replace

from outdo.core.errors import BadPointer
from outdo.core.model import Digest, Entry
from outdo.core.tracked import Origin, Tracked
from outdo.integrations.dvc.edit import edited
from outdo.integrations.dvc.tracked import DvcPointers

A, B = "b026324c6904b2a9cb4b88d6d61c81d1", "26ab0db90d72e28ad0ba1e22ee510510"
COMMIT = "913be6cb3a6f7dfd31bc5d622d19c35e6db0d0b0"
FILE = f"outs:\n- md5: {A}\n  size: 2\n  isexec: true\n  hash: md5\n  path: x\n"
FOLDER = f"outs:\n- md5: {A}.dir\n  size: 4\n  nfiles: 2\n  hash: md5\n  path: x\n"
OLD = f"outs:\n- md5: {A}\n  path: x\n"
SEVERAL = f"""wdir: ..
outs:
- md5: {A}
  size: 2
  hash: md5
  path: one
- md5: {B}
  size: 2
  hash: md5
  path: two
"""
IMPORT = """md5: 343ef333e1e482e7f171a15f08748a70
frozen: true
deps:
- path: data/a
  repo:
    url: ../src
    rev_lock: 791fcde5111284247eb232c4d0ed923af3b07001
outs:
- md5: b026324c6904b2a9cb4b88d6d61c81d1
  size: 2
  hash: md5
  path: f1
"""
FROM_URL = """md5: dcdcfb5d0525ef793a2c37fcb6bf6202
frozen: true
deps:
- checksum: '232997811505867997072488681612456650170'
  size: 2
  hash: md5
  path: http://localhost:8911/plain.txt
outs:
- md5: 401b30e3b8b5d629635a5c613cdb7919
  size: 2
  hash: md5
  path: h1
"""
FROM_FOLDER = """md5: ff423fadebf1563ee467f2a37a55d76e
frozen: true
deps:
- md5: c37f8bc8917fdf64a45bb6010380cdab.dir
  size: 4
  nfiles: 2
  hash: md5
  path: ../src/data
outs:
- md5: c37f8bc8917fdf64a45bb6010380cdab.dir
  size: 4
  nfiles: 2
  hash: md5
  path: ud
"""
NOT_TAKEN = """md5: 983ec6e5cdab94191c04af6f58db1717
frozen: true
deps:
- path: plain.txt
  repo:
    url: ../src
    rev_lock: 791fcde5111284247eb232c4d0ed923af3b07001
outs:
- hash: md5
  path: p3
"""
FORMS = [FILE, FOLDER, IMPORT, FROM_URL, FROM_FOLDER, NOT_TAKEN]
PERSONAL = f"""# the first year's
meta: {{owner: lab}}
outs:
- md5: {B}.dir # as it was
  path: x   # the folder
  desc: "hello"
  labels: [p, q]
"""


def read(text: str, pointer: str = "x.dvc") -> Tracked:
    (found,) = DvcPointers().read(pointer, text)
    return found


def written(tracked: Tracked, former: str) -> str:
    return DvcPointers().write(tracked, former)


def refusal(text: str, pointer: str = "x.dvc") -> BadPointer:
    with pytest.raises(BadPointer) as told:
        DvcPointers().read(pointer, text)
    return told.value


@pytest.mark.parametrize("text", FORMS)
def test_what_is_written_unchanged_stays_to_the_byte(text: str) -> None:
    assert written(read(text), text) == text


@pytest.mark.parametrize("text", [FILE, FOLDER, IMPORT, FROM_URL, FROM_FOLDER])
def test_what_is_written_anew_is_what_dvc_wrote(text: str) -> None:
    assert written(read(text), "") == text


def test_a_file_is_read() -> None:
    assert read(FILE).entry == Entry(Digest(A), 2, executable=True)


def test_a_folder_is_read() -> None:
    assert read(FOLDER).entry == Entry(Digest(f"{A}.dir"), 4, "tree", 2)


def test_a_pointer_of_dvc_2_becomes_one_of_dvc_3_when_its_data_is_added() -> None:
    old = read(OLD)
    assert old.entry is not None
    assert old.entry.digest != A
    assert written(old, OLD) == OLD
    assert written(replace(old, entry=Entry(Digest(B), 2)), OLD) == (
        f"outs:\n- md5: {B}\n  path: x\n  size: 2\n  hash: md5\n"
    )


def test_comments_order_and_foreign_keys_stay() -> None:
    text = written(replace(read(PERSONAL), entry=Entry(Digest(f"{A}.dir"), 4, "tree", 2)), PERSONAL)
    assert text == PERSONAL.replace(B, A) + "  size: 4\n  nfiles: 2\n  hash: md5\n"


def test_a_folder_that_becomes_a_file_loses_the_count() -> None:
    assert written(replace(read(FOLDER), entry=Entry(Digest(B), 9)), FOLDER) == (
        f"outs:\n- md5: {B}\n  size: 9\n  hash: md5\n  path: x\n"
    )


def test_an_import_says_where_it_is_from() -> None:
    commit = "791fcde5111284247eb232c4d0ed923af3b07001"
    assert read(IMPORT).origin == Origin("../src", "data/a", commit=commit)
    assert read(FROM_URL).origin == Origin(
        "http://localhost:8911/plain.txt", etag="232997811505867997072488681612456650170"
    )


def test_an_import_that_nobody_took_holds_nothing_yet() -> None:
    assert read(NOT_TAKEN).entry is None


def test_an_import_that_is_updated_has_the_md5_of_itself_again() -> None:
    before = read(IMPORT)
    assert before.origin is not None
    after = written(replace(before, origin=replace(before.origin, commit=COMMIT)), IMPORT)
    assert f"rev_lock: {COMMIT}\n" in after
    assert written(read(after), "") == after
    assert after.splitlines()[0] != IMPORT.splitlines()[0]


def test_one_file_may_track_several_paths_from_another_folder() -> None:
    one, two = DvcPointers().read("sub/data.dvc", SEVERAL)
    assert (one.path, two.path) == ("one", "two")
    assert DvcPointers().write(replace(two, entry=Entry(Digest(A), 2)), SEVERAL) == SEVERAL.replace(B, A)
    assert DvcPointers().without(one, SEVERAL) == (
        f"wdir: ..\nouts:\n- md5: {B}\n  size: 2\n  hash: md5\n  path: two\n"
    )


def test_without_its_last_path_nothing_is_left_of_a_file() -> None:
    assert DvcPointers().without(read(FILE), FILE) == ""


def test_what_is_said_of_a_path_stands_in_its_file() -> None:
    text = written(
        Tracked("d/x", "d/x.dvc", Entry(Digest(A), 2), desc="from: the lab", remote="lab", push=False), ""
    )
    assert text == (
        f"outs:\n- md5: {A}\n  size: 2\n  hash: md5\n  path: x\n  desc: 'from: the lab'\n  remote: lab\n  push: false\n"
    )
    back = read(text, "d/x.dvc")
    assert (back.path, back.desc, back.remote, back.push) == ("d/x", "from: the lab", "lab", False)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            f"outs:\n<<<<<<< HEAD\n- md5: {A}\n=======\n- md5: {B}\n>>>>>>> b\n  path: x\n",
            2,
            "conflict marks",
        ),
        ("outs:\n- md5: xyz\n  path: x\n", 2, "32 hex digits"),
        ("outs: 3\n", 1, "list of paths"),
        ("zzz\n", 1, "mapping with `outs`"),
        ("", 1, "tracks nothing"),
        ("outs:\n- md5: 1\n path: 3", 3, "not valid YAML"),
        ("deps: 3\nouts:\n- path: x\n", 1, "list of paths"),
        ("deps:\n- path: a\n  repo: 3\nouts:\n- path: x\n", 3, "`repo`"),
        ("wdir: 3\nouts:\n- path: x\n", 1, "`wdir`"),
        ("cmd: make\nouts:\n- path: x\n", 1, "no stage"),
        ("outs:\n- path: x\n  hash: blake3\n", 3, "later DVC"),
        ("outs:\n- etag: abc\n  path: x\n", 3, "versions of a cloud"),
        ("outs:\n- path: ../../etc/passwd\n", 2, "outside the project"),
        ("outs:\n- path: /etc/passwd\n", 2, "outside the project"),
        ("wdir: ../..\nouts:\n- path: x\n", 3, "outside the project"),
        ("outs:\n- path: .git/hooks\n", 2, "in '.git'"),
        ("outs:\n- path: a/.GIT/b\n", 2, "in '.GIT'"),
        ("outs:\n- path: .dvc/config\n", 2, "in '.dvc'"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    error = refusal(text)
    assert says in error.what
    assert str(error.where).startswith(f"x.dvc:{line}")
    assert error.fix


def test_keys_that_are_not_known_are_kept() -> None:
    text = FILE + "later: {a: [1, 2]}\n"
    assert written(replace(read(text), entry=Entry(Digest(B), 2, executable=True)), text) == text.replace(
        A, B
    )


@pytest.mark.parametrize(
    "text", ["{outs: [{path: x}], a: 1}\n", "a: &p 1\nb: *p\n", "a: |\n  t\nb: 1\n", "a: 1"]
)
def test_a_text_that_is_laid_out_otherwise_holds_what_it_shall_all_the_same(text: str) -> None:
    assert edited("x", text, {"a": 2, "c": [1]}) == "a: 2\nc:\n- 1\n"
