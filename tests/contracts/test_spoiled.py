"""Repositories that are spoiled: each costs one message with the way out, and nothing in them is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

OUTDO = os.path.join(os.path.dirname(sys.executable), "outdo")
STAGES = "stages: {make: {cmd: cat raw/* one > made, deps: [raw, one], outs: [made]}}\n"
DATA = {"raw/a": "1", "raw/b": "2", "one": "3"}
KINDS = {
    "own": {"outdo.yaml": STAGES},
    "dvc": {"dvc.yaml": STAGES, ".dvc/config": "[core]\n    autostage = false\n"},
}
DATA_WORDS = ("data status", "data checkout", "data push", "data add raw")
OBJECTS = "rm -rf .outdo/objects .dvc/cache/files"
MARKS = "sed -i '2i <<<<<<< HEAD' "
BOTH = [
    ("rm -r raw && ln -s raw raw", ("run", "data checkout", "data add raw"), "raw"),
    ("rm one && mkdir one && echo mine > one/x", ("data checkout",), "one"),
    ("rm -r raw && echo mine > raw", ("data checkout",), "raw"),
    (f"rm -r raw && {OBJECTS}", ("run", "status", "data checkout"), "raw"),
    (f"rm -r raw && ln -s .. raw && {OBJECTS}", ("data checkout", "data add raw"), "raw"),
    ("cp -r raw RAW", ("data add RAW",), "differ only in case"),
]
OWN = [
    (f"{MARKS} raw.outdo", DATA_WORDS, "conflict marks"),
    (f"{MARKS} outdo.lock", ("status", "run"), "conflict marks"),
    ("head -c 40 raw.outdo > x; mv x raw.outdo", DATA_WORDS, "raw.outdo"),
    ('sed -i \'s/"schema": 1/"schema": 9/\' outdo.lock', ("status", "run"), "newer"),
    ("sed -i 's/[0-9a-f]\\{64\\}/..\\/..\\/x/' raw.outdo", DATA_WORDS, "raw.outdo"),
]
DVC = [
    (f"{MARKS} raw.dvc", DATA_WORDS, "conflict marks"),
    (f"{MARKS} dvc.lock && echo 2 > one", ("status", "run"), "conflict marks"),
    ("echo 'outs: [' > raw.dvc", DATA_WORDS, "raw.dvc"),
    ("sed -i 's/md5: [0-9a-f]*/md5: ..\\/..\\/x/' raw.dvc", DATA_WORDS, "raw.dvc"),
    ("sed -i \"s/'2.0'/'3.0'/\" dvc.lock && echo 2 > one", ("status", "run"), "'3.0'"),
    ("rm one && ln -s one one", ("run", "data checkout"), "one"),
]
CASES = [("own", *case) for case in BOTH + OWN] + [("dvc", *case) for case in BOTH + DVC]


def made(folder: Path, kind: str) -> Path:
    """A repository whose data is tracked and whose stage has run."""
    for name, content in {**KINDS[kind], **DATA}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    subprocess.run(["git", "init", "-q", folder], check=True)
    for words in (("data", "add", "raw", "one"), ("run", "-q")):
        subprocess.run([OUTDO, *words], cwd=folder, check=True, capture_output=True)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """What a person would miss: all but the own state of Outdo, Git and DVC."""
    found = {}
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", ".outdo", ".dvc")]
        for name in (*folders, *files):
            path = Path(top, name)
            kept = os.readlink(path) if path.is_symlink() else "" if path.is_dir() else path.read_text()
            found[str(path.relative_to(folder))] = kept
    return found


@pytest.mark.parametrize(("kind", "spoil", "commands", "says"), CASES)
def test_one_message_and_nothing_is_touched(
    kind: str, spoil: str, commands: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    root = made(tmp_path / "mine", kind)
    subprocess.run(spoil, shell=True, cwd=root, check=True)
    before = contents(root)
    for command in commands:
        done = subprocess.run([OUTDO, *command.split()], cwd=root, capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode in (1, 2), (command, said)
        assert "Traceback" not in said
        assert said.count("error[") == 1, (command, said)
        assert "fix: " in said, (command, said)
        assert says in said, (command, said)
        assert contents(root) == before, command
