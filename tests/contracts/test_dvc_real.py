"""DVC's formats beside DVC itself: what it writes is read, and what is written here it takes for its own."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import json

from outdo.integrations.dvc import listing
from outdo.integrations.dvc.cache import Cache
from outdo.integrations.dvc.hashes import Hashes
from outdo.integrations.dvc.ignore import Ignore, rules
from outdo.integrations.dvc.lockfile import DvcLock
from outdo.integrations.dvc.pointers import Pointer, read_pointer, write_pointer
from outdo.integrations.dvc.records import Item, stage_value
from outdo.integrations.dvc.runcache import RunCache, run_key, run_value
from outdo.integrations.dvc.text import dump
from outdo.store.statcache import StatCache
from tests.contracts.real_dvc import dvc, dvc_answer, dvc_python

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  prepare:
    cmd: |
      mkdir -p out
      cp raw.csv out/clean.csv
      echo '"quoted" text that is long enough to be folded by the writer of the lock' > out/note.txt
    deps: [raw.csv]
    params: [lr, train]
    outs: [out]
  train:
    cmd:
    - cp out/clean.csv model.bin
    - echo '{"auc":0.7}' > m.json
    deps: [out, data]
    params: [train.depth, {other.toml: }]
    outs: [model.bin]
    metrics: [{m.json: {cache: false}}]
  last:
    wdir: sub
    cmd: cp ../model.bin last.bin
    deps: [../model.bin]
    outs: [last.bin]
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": "lr: 1.0e-4\ntrain: {depth: 3, name: null, list: [1, 2], wide: {b: 'yes', a: 1e22}}\n",
    "other.toml": "q = 1\n[t]\nx = '2020-01-01'\n",
    "raw.csv": "a,b\r\n1,2\r\n",
    "data/a.txt": "x",
    "data/sub/é.txt": "yy",
    "data/run.sh": "#!/bin/sh\n",
    "sub/keep": "",
}
WORDS = ["python", "--lr", "0.1", "'x'", '"q"', "a:b", "a: b", " # d", "\n", "  ", " ", "true", "1e-5", "012"]
WORDS += ["~", "yes", "x" * 30, "y" * 90, "é", "\t", "\\", "- a", "?", "|", "{a}", "%", "=", "2020-01-01", ""]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS.map(lambda text: text[:60]), inner, max_size=3)
    ),
    max_leaves=6,
)
STEPS = ["a", "b", "*", "**", "a*", "?", "*.x", "a.x", "[ab]", "[!a]", "\\*", "[a-c]x", "["]
PATTERNS = st.builds(
    lambda no, root, steps, end: f"{no}{root}{'/'.join(steps)}{end}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(STEPS), min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.x", "cx", "*"]), min_size=1, max_size=4).map("/".join)
MANY = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
DUMP = """
import io, json, sys
from ruamel.yaml import YAML
writer, done = YAML(), []
writer.default_flow_style = False
for value in json.load(sys.stdin):
    text = io.StringIO()
    writer.dump(value, text)
    try:
        sound = YAML(typ="safe", pure=True).load(text.getvalue()) == value
    except Exception:
        sound = False
    done.append(text.getvalue() if sound else None)
json.dump(done, sys.stdout)
"""
IGNORES = """
import json, sys
from dvc.ignore import DvcIgnorePatterns
done = []
for lines, path, is_folder in json.load(sys.stdin):
    folder, _, name = ("/r/" + path).rpartition("/")
    done.append(DvcIgnorePatterns(lines, "/r", "/").matches(folder, name, is_folder))
json.dump(done, sys.stdout)
"""


def beside_dvc(script: str, value: object) -> list[object]:
    """What a script says that runs in the environment of DVC."""
    done = subprocess.run(
        [dvc_python(), "-c", script], input=json.encode(value), capture_output=True, check=True
    )
    said: list[object] = json.decode(done.stdout)
    return said


def fresh_repo(folder: Path) -> Path:
    repo = folder / "repo"
    for name, content in FILES.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_bytes(content.encode())
    (repo / "data" / "run.sh").chmod(0o755)
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    dvc(repo, "init", "-q")
    dvc(repo, "config", "core.check_update", "false")
    return repo


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which DVC has added data and run everything."""
    repo = fresh_repo(tmp_path_factory.mktemp("dvc"))
    dvc(repo, "add", "-q", "data", "raw.csv")
    dvc(repo, "repro", "-q")
    return repo


def test_a_lock_of_dvc_comes_back_to_the_byte(ran: Path) -> None:
    text = (ran / "dvc.lock").read_text()
    stages = DvcLock(text).stages
    assert list(stages) == ["prepare", "train", "last"]
    assert (
        dump({"schema": "2.0", "stages": {name: stage_value(stage) for name, stage in stages.items()}})
        == text
    )


def test_pointers_of_dvc_come_back_to_the_byte(ran: Path) -> None:
    for name in ("data.dvc", "raw.csv.dvc"):
        text = (ran / name).read_text()
        assert write_pointer(read_pointer(name, text)) == text


def test_every_output_has_the_hash_that_dvc_gave_it(ran: Path, tmp_path: Path) -> None:
    hashes = Hashes(str(ran), StatCache(str(tmp_path)))
    cache = Cache(str(ran / ".dvc" / "cache"))
    pointers = [read_pointer(name, (ran / name).read_text()) for name in ("data.dvc", "raw.csv.dvc")]
    stages = DvcLock((ran / "dvc.lock").read_text()).stages
    for item in (*stages["train"].outs, *stages["prepare"].outs, *(out for p in pointers for out in p.outs)):
        found = hashes.look(item.path)
        assert found is not None
        assert (found.md5, found.size, found.nfiles, found.isexec) == (
            item.md5,
            item.size,
            item.nfiles,
            item.isexec,
        )
        assert cache.has_all(item.md5)
        assert not item.is_folder or cache.get(item.md5) == listing.encode(found.files or {})


def test_every_result_in_the_run_cache_is_found_by_its_key(ran: Path) -> None:
    for stage in DvcLock((ran / "dvc.lock").read_text()).stages.values():
        key = run_key(stage)
        place = ran / ".dvc" / "cache" / "runs" / key[:2] / key / run_value(stage)
        assert place.read_text() == dump(stage_value(stage))


def test_what_is_written_here_dvc_takes_for_its_own(ran: Path, tmp_path: Path) -> None:
    repo = fresh_repo(tmp_path)
    for name in ("out", "model.bin", "m.json", "sub/last.bin"):
        (repo / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", str(ran / name), str(repo / name)], check=True)
    hashes = Hashes(str(repo), StatCache(str(tmp_path / "stat")))
    cache = Cache(str(repo / ".dvc" / "cache"))
    stages = DvcLock((ran / "dvc.lock").read_text()).stages
    for path in ("data", "raw.csv", "out", "model.bin", "m.json", "sub/last.bin"):
        found = hashes.look(path)
        assert found is not None
        for name, md5 in (found.files or {}).items():
            cache.put_file(str(repo / path / name), md5)
        if found.files is None:
            cache.put_file(str(repo / path), found.md5)
        else:
            cache.put_listing(found.files)
        if path in ("data", "raw.csv"):
            item = Item(path, found.md5, size=found.size, nfiles=found.nfiles)
            (repo / f"{path}.dvc").write_text(write_pointer(Pointer((item,))))
    (repo / "dvc.lock").write_text(DvcLock("").with_stages(stages))
    assert "up to date" in dvc(repo, "status")
    assert {"uncommitted", "not_in_cache"}.isdisjoint(
        json.decode(dvc_answer(repo, "data", "status", "--json"))
    )
    assert (repo / "dvc.lock").read_text() == (ran / "dvc.lock").read_text()


def test_a_result_that_is_written_here_is_restored_by_dvc(ran: Path, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    subprocess.run(["cp", "-r", str(ran), str(repo)], check=True)
    subprocess.run(
        ["rm", "-r", str(repo / ".dvc/cache/runs"), str(repo / "model.bin"), str(repo / "dvc.lock")],
        check=True,
    )
    for stage in DvcLock((ran / "dvc.lock").read_text()).stages.values():
        RunCache(str(repo / ".dvc" / "cache")).put(stage)
    said = dvc(repo, "repro")
    assert "Running" not in said
    assert (repo / "dvc.lock").read_text() == (ran / "dvc.lock").read_text()


@MANY
@given(
    st.lists(
        st.dictionaries(TEXTS.map(lambda text: text[:150]), VALUES, min_size=1, max_size=3),
        min_size=200,
        max_size=200,
    )
)
def test_text_is_laid_out_as_dvc_lays_it_out(values: list[dict[str, object]]) -> None:
    for value, text in zip(values, beside_dvc(DUMP, values), strict=True):
        assert text is None or dump(value) == text


@MANY
@given(st.lists(st.tuples(st.lists(PATTERNS, max_size=4), PATHS, st.booleans()), min_size=300, max_size=300))
def test_patterns_hide_what_dvc_does_not_see(cases: list[tuple[list[str], str, bool]]) -> None:
    for (lines, path, is_folder), hidden in zip(cases, beside_dvc(IGNORES, cases), strict=True):
        assert Ignore(rules("\n".join(lines))).hides(path, is_folder=is_folder) == hidden, (lines, path)
