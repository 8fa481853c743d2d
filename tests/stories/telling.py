"""What a story is made of: files, shell lines, and what a person then reads."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILE = re.compile(r"^-- (.+) --$", re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""What a page of the documentation has typed."""
SPACES = re.compile(r" {2,}")


class Step(NamedTuple):
    line: int
    command: str
    expected: str


def parts(text: str) -> tuple[str, dict[str, str]]:
    """The script and the files of a story."""
    script, *rest = FILE.split(text)
    return script, dict(zip(rest[::2], (content.removeprefix("\n") for content in rest[1::2]), strict=True))


def steps(script: str) -> Iterator[Step]:
    command, start = "", 0
    expected: list[str] = []
    for number, line in enumerate(script.splitlines(), 1):
        if line.startswith("$ "):
            if command:
                yield Step(start, command, "\n".join(expected).strip("\n"))
            command, expected, start = line[2:], [], number
        elif line.startswith("> ") and command and not expected:
            command += "\n" + line[2:]
        elif not line.startswith("# "):
            expected.append(line)
    if command:
        yield Step(start, command, "\n".join(expected).strip("\n"))


def run(command: str, folder: Path, *, seconds: int = 60) -> str:
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder.parent),
        "LC_ALL": "C.UTF-8",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
        text=True,
        stdout=-1,
        stderr=-2,
        timeout=seconds,
        stdin=-3,
    )
    code = f"\n[{done.returncode}]" if done.returncode else ""
    return (done.stdout.rstrip("\n") + code).strip("\n")


def pattern(expected: str) -> str:
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line.rstrip()).replace("…", ".*") + r"[ \t]*\n"
        for line in expected.split("\n")
    ]
    return "".join(lines)


def holds(script: str, folder: Path, changing: re.Pattern[str], *, seconds: int = 60) -> None:
    """Each command shows what the script says, but for what is `changing` and for how wide gaps are."""
    for step in steps(script):
        told = SPACES.sub(" ", run(step.command, folder, seconds=seconds))
        expected = pattern(SPACES.sub(" ", changing.sub("…", step.expected)))
        assert re.fullmatch(expected, told + "\n"), (
            f"$ {step.command}\n--- told\n{step.expected}\n--- got\n{told}"
        )
