"""DVC's formats, on bytes that DVC 3.67.1 wrote."""

import os
from pathlib import Path

import pytest
from msgspec import structs

from outdo.core.errors import BadLock, Damaged, Mistakes, NotAFile, NotInStore, WrongType
from outdo.core.model import Output, Stage, StageName
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.cache import Cache
from outdo.integrations.dvc.config import parse_config, read_settings
from outdo.integrations.dvc.hashes import Hashes, is_text, md5_bytes
from outdo.integrations.dvc.ignore import DEFAULT, Ignore, read_ignore, rules
from outdo.integrations.dvc.lockfile import DvcLock
from outdo.integrations.dvc.pointers import read_pointer, write_pointer
from outdo.integrations.dvc.records import DOS2UNIX, Item, StageLock, stage_value
from outdo.integrations.dvc.runcache import RunCache, may_be_kept, run_key, run_value
from outdo.integrations.dvc.text import dump
from outdo.store.statcache import StatCache

LOCK = r"""schema: '2.0'
stages:
  prepare:
    cmd: "mkdir -p out\ncp raw.csv out/clean.csv\necho '\"quoted\" text that is long
      enough to be folded by the writer of the lock' > out/note.txt\n"
    deps:
    - path: raw.csv
      hash: md5
      md5: e5ebd4c02cefbe7955977c67ada242b7
      size: 8
    params:
      params.yaml:
        lr: 0.1
        train:
          depth: 3
          name:
          list:
          - 1
          - 2
    outs:
    - path: out
      hash: md5
      md5: 51a73daaf8a78203e76a61a8168218c4.dir
      size: 81
      nfiles: 2
  train:
    cmd:
    - cp out/clean.csv model.bin
    - echo '{"auc":0.7}' > m.json
    deps:
    - path: data
      hash: md5
      md5: 2500a33824cea6a47eff1d55da922b3c.dir
      size: 13
      nfiles: 3
    - path: out
      hash: md5
      md5: 51a73daaf8a78203e76a61a8168218c4.dir
      size: 81
      nfiles: 2
    params:
      params.yaml:
        train.depth: 3
      other.yaml:
        q: 1
    outs:
    - path: m.json
      hash: md5
      md5: 84a029d49c8a6dcc9531a1debdc01209
      size: 12
    - path: model.bin
      hash: md5
      md5: e5ebd4c02cefbe7955977c67ada242b7
      size: 8
"""
KEYS = {
    "prepare": (
        "ff340638f527a714d65a383677f34f12d89a0220c8fef4f5efeca853c80c3367",
        "67deae3153c652dee46ba6ee85593a8bfbd3e2fd0df98f2a9cfa4b47c782b542",
    ),
    "train": (
        "3ed72be0189a6fa4744c17a407c4fbab44c14753a649ff040b38e3faacd2f541",
        "ecdc0b3f11facafc9a1a51e54c5d303fde2a52730d356496a5dca7438f83cdd1",
    ),
}
FOLDER = {"a.txt": b"x", "run.sh": b"#!/bin/sh\n", "sub/é.txt": b"yy"}
FOLDER_MD5 = "2500a33824cea6a47eff1d55da922b3c.dir"
LISTING = (
    b'[{"md5": "9dd4e461268c8034f5c8564e155c67a6", "relpath": "a.txt"}, '
    b'{"md5": "3e2b31c72181b87149ff995e7202c0e3", "relpath": "run.sh"}, '
    b'{"md5": "2fb1c5cf58867b5bbc9a1b145a86f3a0", "relpath": "sub/\\u00e9.txt"}]'
)
POINTER = """outs:
- md5: 3e2b31c72181b87149ff995e7202c0e3
  size: 10
  isexec: true
  hash: md5
  path: tool.sh
"""
OLD_POINTER = """# data of the first year
outs:
- md5: 3e2b31c72181b87149ff995e7202c0e3
  path: tool.sh
  desc: a tool
"""
IMPORT = """md5: 5a8f4a3c1e9a9a9d8c5b4a3c1e9a9a9d
frozen: true
deps:
- path: data/data.xml
  repo:
    url: https://git.example/data.git
    rev_lock: f31f5c4cdae787b4bdeb97a717687d44667d9e62
outs:
- md5: 22a1a2931c8370d3aeedd7183606fd7f
  size: 14445097
  hash: md5
  path: data.xml
"""
CONFIG = """[core]
    remote = Store
    autostage = true
# a comment
['remote "Store"']
    url = ../storage   # beside it
[cache]
    type = "reflink,symlink"
['remote "s3"']
    url = s3://bucket/path
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    for name, content in FOLDER.items():
        place = tmp_path / "repo" / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return tmp_path / "repo"


def hashes(repo: Path) -> Hashes:
    return Hashes(str(repo), StatCache(str(repo.parent / "stat")))


# dvc.lock


def test_a_lock_comes_back_to_the_byte() -> None:
    lock = DvcLock(LOCK)
    assert (
        dump({"schema": "2.0", "stages": {name: stage_value(s) for name, s in lock.stages.items()}}) == LOCK
    )


def test_a_lock_with_nothing_new_keeps_its_text() -> None:
    text = LOCK.replace("\n  train:", "\n  # mine\n  train:")
    assert DvcLock(text).with_stages(DvcLock(LOCK).stages) == text


def test_a_changed_stage_changes_only_its_own_lines() -> None:
    text = f"{LOCK}  gone:\n    cmd: 'a  '   # from long ago\ndatasets: []\n"
    changed = structs.replace(DvcLock(text).stages["train"], cmd="train")
    old = "    cmd:\n    - cp out/clean.csv model.bin\n    - echo '{\"auc\":0.7}' > m.json\n"
    assert DvcLock(text).with_stages({"train": changed}) == text.replace(old, "    cmd: train\n")


def test_a_new_stage_comes_last() -> None:
    written = DvcLock(LOCK).with_stages({"new": StageLock("x", outs=(Item("y", "0" * 32, size=1),))})
    md5 = "0" * 32
    tail = (
        f"  new:\n    cmd: x\n    outs:\n    - path: y\n      hash: md5\n      md5: '{md5}'\n      size: 1\n"
    )
    assert written == LOCK + tail


def test_a_first_lock_is_written_whole() -> None:
    assert DvcLock("").with_stages(DvcLock(LOCK).stages) == LOCK


def test_a_lock_laid_out_otherwise_is_written_anew() -> None:
    text = "schema: '2.0'\nstages: {a: {cmd: b}}\n"
    assert DvcLock(text).with_stages({"a": StageLock("c")}) == "schema: '2.0'\nstages:\n  a:\n    cmd: c\n"


def test_a_lock_of_dvc_1_is_read_and_written_as_it_is_now() -> None:
    old = "b:\n  cmd: b\na:\n  cmd: a\n  outs:\n  - path: x\n    md5: d41d8cd98f00b204e9800998ecf8427e\n"
    lock = DvcLock(old)
    assert (list(lock.stages), lock.stages["a"].outs[0].hash) == (["b", "a"], DOS2UNIX)
    assert lock.with_stages(lock.stages) == old
    written = lock.with_stages({"b": StageLock("c")})
    assert written.startswith("schema: '2.0'\nstages:\n  b:\n    cmd: c\n  a:\n    cmd: a\n")


def test_an_entry_without_a_hash_is_of_dvc_2() -> None:
    text = LOCK.replace("      hash: md5\n", "")
    lock = DvcLock(text)
    assert lock.stages["prepare"].deps[0].hash == DOS2UNIX
    assert lock.with_stages(lock.stages) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema: '3.0'\n", "3.0"),
        ("<<<<<<< HEAD\nschema: '2.0'\n", "conflict marks"),
        ("- a\n", "no mapping"),
        ("schema: '2.0'\nstages: [a]\n", "no mapping"),
        ("a: 'b\n", "can't be read"),
    ],
)
def test_a_lock_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadLock, match=says):
        DvcLock(text)


def test_a_misshapen_entry_is_told_with_its_line() -> None:
    with pytest.raises(WrongType) as found:
        DvcLock(LOCK.replace("e5ebd4c02cefbe7955977c67ada242b7", "[]", 1))
    assert str(found.value.where) == "dvc.lock:9:12"


# .dvc files


def test_a_pointer_comes_back_to_the_byte() -> None:
    pointer = read_pointer("tool.sh.dvc", POINTER)
    assert pointer.outs == (Item("tool.sh", "3e2b31c72181b87149ff995e7202c0e3", "md5", 10, None, True),)
    assert write_pointer(pointer) == POINTER


def test_a_pointer_of_dvc_2_is_read() -> None:
    (out,) = read_pointer("tool.sh.dvc", OLD_POINTER).outs
    assert (out.hash, out.rest) == (DOS2UNIX, {"desc": "a tool"})


def test_an_import_keeps_where_it_is_from() -> None:
    pointer = read_pointer("data.xml.dvc", IMPORT)
    assert pointer.frozen
    assert write_pointer(pointer) == IMPORT


@pytest.mark.parametrize(
    "text", ["[]\n", "outs: {a: b}\n", "outs: [a]\n", "outs:\n- path: a\n  md5: zz\n", "deps: [a]\n"]
)
def test_a_pointer_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Mistakes):
        read_pointer("a.dvc", text)


# Hashes and the cache


def test_a_folder_has_the_hash_that_dvc_gives_it(repo: Path) -> None:
    os.chmod(repo / "data" / "run.sh", 0o755)
    found = hashes(repo).look("data")
    assert found is not None
    assert (found.md5, found.size, found.nfiles) == (FOLDER_MD5, 13, 3)
    assert listing.encode(found.files or {}) == LISTING


def test_an_ignored_file_is_no_part_of_a_folder(repo: Path) -> None:
    (repo / ".dvcignore").write_text("*.tmp\n")
    (repo / "data" / "x.tmp").write_text("x")
    found = hashes(repo).look("data")
    assert found is not None
    assert found.md5 == FOLDER_MD5


def test_rules_inside_a_tracked_folder_are_refused(repo: Path) -> None:
    (repo / "data" / ".dvcignore").write_text("*.tmp\n")
    with pytest.raises(NotAFile, match="refuses"):
        hashes(repo).look("data")


def test_what_is_not_there_has_no_hash(repo: Path) -> None:
    assert hashes(repo).look("nothing") is None


def test_a_changed_file_is_hashed_again(repo: Path) -> None:
    here = hashes(repo)
    before = here.look("data/a.txt")
    (repo / "data" / "a.txt").write_bytes(b"y")
    assert here.look("data/a.txt") != before


@pytest.mark.parametrize(("content", "as_if"), [(b"a\r\nb", b"a\nb"), (b"\0a\r\nb", b"\0a\r\nb"), (b"", b"")])
def test_dvc_2_takes_the_ends_of_lines_for_the_same(repo: Path, content: bytes, as_if: bytes) -> None:
    (repo / "f").write_bytes(content)
    found = hashes(repo).look("f", DOS2UNIX)
    assert found is not None
    assert found.md5 == md5_bytes(as_if)


def test_a_third_of_odd_bytes_is_no_text() -> None:
    assert is_text(b"abcdefg\x80\x81\x82")
    assert not is_text(b"abcdef\x80\x81\x82\x83")


def test_a_listing_comes_back() -> None:
    assert listing.encode(listing.decode(LISTING)) == LISTING
    assert listing.digest(LISTING) == FOLDER_MD5


@pytest.mark.parametrize("name", ["../x", "/x", "", "a//b", "a/./b"])
def test_a_listing_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(Damaged):
        listing.decode(listing.encode({name: "0" * 32}))


def test_the_cache_holds_what_was_put_read_only(repo: Path, tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    md5 = md5_bytes(b"x")
    cache.put_file(str(repo / "data" / "a.txt"), md5)
    place = tmp_path / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    assert place.read_bytes() == cache.get(md5) == b"x"
    assert place.stat().st_mode & 0o777 == 0o444
    assert (repo / "data" / "a.txt").stat().st_nlink == 1


def test_a_read_only_file_is_shared_with_the_cache(repo: Path, tmp_path: Path) -> None:
    (repo / "data" / "a.txt").chmod(0o444)
    cache = Cache(str(tmp_path / "cache"))
    cache.put_file(str(repo / "data" / "a.txt"), md5_bytes(b"x"))
    assert os.path.samefile(repo / "data" / "a.txt", cache.find(md5_bytes(b"x")))


def test_a_file_with_another_hash_is_not_put(repo: Path, tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    with pytest.raises(Damaged):
        cache.put_file(str(repo / "data" / "a.txt"), "0" * 32)
    assert not cache.has("0" * 32)
    assert not [name for _, _, names in os.walk(tmp_path / "cache") for name in names]


def test_a_damaged_object_is_never_given_out(repo: Path, tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    cache.put_file(str(repo / "data" / "a.txt"), md5_bytes(b"x"))
    os.chmod(cache.place(md5_bytes(b"x")), 0o644)
    Path(cache.place(md5_bytes(b"x"))).write_bytes(b"z")
    with pytest.raises(Damaged):
        cache.get(md5_bytes(b"x"))
    with pytest.raises(NotInStore):
        cache.get(md5_bytes(b"other"))


def test_a_folder_is_whole_only_with_all_its_files(repo: Path, tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    files = listing.decode(LISTING)
    assert cache.put_listing(files) == FOLDER_MD5
    assert not cache.has_all(FOLDER_MD5)
    for name, md5 in files.items():
        cache.put_file(str(repo / "data" / name), md5)
    assert cache.has_all(FOLDER_MD5)
    assert cache.files(FOLDER_MD5) == files


def test_the_cache_of_dvc_2_is_read(tmp_path: Path) -> None:
    md5 = md5_bytes(b"a\n")
    (tmp_path / md5[:2]).mkdir()
    (tmp_path / md5[:2] / md5[2:]).write_bytes(b"a\r\n")
    assert Cache(str(tmp_path)).get(md5, DOS2UNIX) == b"a\r\n"


# The run cache


@pytest.mark.parametrize("name", KEYS)
def test_results_have_the_keys_that_dvc_gives_them(name: str) -> None:
    stage = DvcLock(LOCK).stages[name]
    assert (run_key(stage), run_value(stage)) == KEYS[name]


def test_a_result_comes_back(tmp_path: Path) -> None:
    stage = DvcLock(LOCK).stages["prepare"]
    cache = RunCache(str(tmp_path))
    assert cache.get(run_key(stage)) == []
    cache.put(stage)
    assert cache.get(run_key(stage)) == [stage]


def test_a_damaged_result_counts_as_none(tmp_path: Path) -> None:
    key = KEYS["train"][0]
    place = tmp_path / "runs" / key[:2] / key
    place.mkdir(parents=True)
    (place / "x").write_text("cmd: [")
    assert RunCache(str(tmp_path)).get(key) == []


def test_only_what_can_be_known_again_is_kept() -> None:
    lock = DvcLock(LOCK).stages["train"]
    stage = Stage(StageName("train"), ("x",), outs=(Output("model.bin"),))
    assert may_be_kept(stage, lock)
    assert not may_be_kept(structs.replace(stage, always_changed=True), lock)
    assert not may_be_kept(structs.replace(stage, outs=(Output("model.bin", persist=True),)), lock)
    assert not may_be_kept(stage, structs.replace(lock, deps=(), params={}))


# .dvcignore


@pytest.mark.parametrize(
    ("text", "path", "hidden"),
    [
        ("*.tmp", "a/b.tmp", True),
        ("/a", "b/a", False),
        ("a/", "a/b", True),
        ("a/", "a", False),
        ("*\n!keep", "keep/x", False),
        ("*.x\n!a.x", "a.x", False),
        ("a/**/b", "a/c/d/b", True),
        ("[ab].x", "b.x", True),
        ("\\#a", "#a", True),
        ("# a", "# a", False),
        ("*/", "a/b", False),
    ],
)
def test_the_last_pattern_that_matches_decides(text: str, path: str, hidden: bool) -> None:
    assert Ignore(rules(text)).hides(path) is hidden


def test_folders_of_git_and_dvc_are_always_hidden() -> None:
    assert DEFAULT.hides("a/.git/config")
    assert DEFAULT.hides(".dvc/cache/x")


def test_rules_below_hold_only_there(repo: Path) -> None:
    (repo / "sub").mkdir()
    (repo / "sub" / ".dvcignore").write_text("/x\n")
    ignore = read_ignore(str(repo), "sub")
    assert ignore.hides("sub/x")
    assert not ignore.hides("x")


# .dvc/config


def test_a_config_is_read(repo: Path) -> None:
    (repo / ".dvc").mkdir()
    (repo / ".dvc" / "config").write_text(CONFIG)
    (repo / ".dvc" / "config.local").write_text(
        "[cache]\ndir = /shared/cache\n['remote \"s3\"']\nprofile = me\n"
    )
    found = read_settings(str(repo), {"HOME": str(repo), "XDG_CONFIG_DIRS": str(repo)})
    assert (found.remote, found.autostage, found.links) == ("store", True, ("reflink", "symlink"))
    assert found.cache == "/shared/cache"
    assert found.remotes["store"].url == str(repo / "storage")
    assert found.remotes["s3"].options == {"url": "s3://bucket/path", "profile": "me"}


def test_without_a_config_the_cache_is_in_the_repository(repo: Path) -> None:
    found = read_settings(str(repo), {"HOME": str(repo), "XDG_CONFIG_DIRS": str(repo)})
    assert found.cache == str(repo / ".dvc" / "cache")


def test_a_line_that_is_no_option_is_told(repo: Path) -> None:
    with pytest.raises(WrongType) as found:
        parse_config(".dvc/config", "[core]\nremote\n")
    assert str(found.value.where) == ".dvc/config:2"
