"""What people ask all day is answered without loading what that takes no part in; and quick readers read as others."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.app.data.add import add
from outdo.app.project import open_project
from outdo.core.errors import Mistakes
from outdo.integrations.dvc.pointers import Pointer, read_pointer
from tests.contracts.repository import git

LOADED = """
import sys
from outdo.cli.main import main
try:
    main(sys.argv[1:])
finally:
    heavy = {"click", "json", "yaml", "obstore", "duckdb", "asyncio", "subprocess", "tempfile"}
    print(*sorted(heavy & set(sys.modules)))
"""


@pytest.fixture(params=["own", "shared"])
def root(request: pytest.FixtureRequest, tmp_path: Path, git_author: None) -> Path:
    """A project with a tracked folder and a stage, all of it committed; in one case DVC keeps it."""
    shared = request.param == "shared"
    if shared:
        (tmp_path / ".dvc").mkdir()
        (tmp_path / ".dvc" / "config").write_text("")
    (tmp_path / ("dvc.yaml" if shared else "outdo.yaml")).write_text(
        "stages: {a: {cmd: cp raw/x out.json, deps: [raw], outs: [out.json]}}\nmetrics: [out.json]\n"
    )
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "x").write_text('{"auc": 0.5}\n')
    git(tmp_path, "init", "-q", "-b", "main")
    add(open_project(str(tmp_path)), ["raw"])
    said(tmp_path, "run", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "note.txt").write_text("x\n")
    return tmp_path


def said(root: Path, *words: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return ran.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "tells"),
    [
        ("data status", "raw/"),
        ("diff", "note.txt"),
        ("metrics", "auc"),
        ("metrics HEAD", "no difference"),
    ],
)
def test_it_is_answered_with_little(root: Path, words: str, tells: str) -> None:
    said(root, *words.split())  # what can be kept for the next time is
    *told, loaded = said(root, *words.split())
    assert tells in "\n".join(told)
    reads_a_former_lock_of_dvcs = (root / ".dvc").exists() and words in ("diff", "metrics HEAD")
    assert loaded == ("yaml" if reads_a_former_lock_of_dvcs else "")


HASHES = st.text("0123456789abcdef", min_size=32, max_size=32)
WORDS = st.sampled_from(
    ["data", "a/b-c.csv", "yes", "null", "True", "~", "1e5", "0x1", "2026-11-24", "a b", "'q'", "-a", "e5"]
) | st.from_regex(r"[A-Za-z0-9_./-]{1,8}", fullmatch=True)
VALUES = (
    st.integers(-5, 10**20).map(str)
    | st.from_regex("0[0-9]{1,3}|[0-9_]{1,5}", fullmatch=True)
    | st.sampled_from(
        ["true", "false", "1" * 32, "1e" + "1" * 30, "0b" + "1" * 30, "1" * 31 + "e", "[a]", ""]
    )
    | HASHES
    | HASHES.map(lambda one: f"{one}.dir")
    | WORDS
)
LINES = st.tuples(
    st.sampled_from(["- ", "  ", "  ", "    "]), st.sampled_from(["md5", "path", "size", "hash", "x"]), VALUES
)
ITEM = st.fixed_dictionaries(
    {"md5": HASHES.map(lambda one: f"{one}.dir") | HASHES, "size": st.integers(0, 9**9).map(str)},
    optional={"nfiles": VALUES, "hash": st.just("md5"), "isexec": VALUES, "desc": VALUES, "path": WORDS},
)


def as_text(item: dict[str, str]) -> str:
    lines = [f"{key}: {value}" for key, value in item.items()]
    return "".join(f"{'  ' if number else '- '}{line}\n" for number, line in enumerate(lines))


@given(
    st.lists(ITEM, max_size=2).map(lambda items: "".join(map(as_text, items)))
    | st.lists(LINES, max_size=4).map(
        lambda lines: "".join(f"{m}{key}: {value}\n" for m, key, value in lines)
    ),
    st.sampled_from(["", "\n", "  path: a\n", "  path: b"]),
)
def test_a_plain_pointer_of_dvcs_is_read_as_yaml_reads_it(text: str, end: str) -> None:
    whole = f"outs:\n{text}{end}"
    assert outcome(whole) == outcome(f"{whole}\n# for YAML\n")


def outcome(text: str) -> Pointer | list[str]:
    try:
        return read_pointer("a.dvc", text)
    except Mistakes as wrong:
        return [one.what for one in wrong.mistakes]


@pytest.mark.parametrize("text", ["outs:\n- md5: zz\n  path: a\n", "outs:\n- path: a\n  size: a\n"])
def test_what_is_wrong_in_a_plain_pointer_is_told_with_its_place(text: str) -> None:
    with pytest.raises(Mistakes) as told:
        read_pointer("a.dvc", text)
    assert str(told.value.mistakes[0].where).startswith("a.dvc:2:")
