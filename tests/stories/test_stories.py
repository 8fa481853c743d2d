"""Every `*.txt` here is a test: files, shell lines, and what a person then reads.

# what the story shows
$ outdo run
expected output, stdout and stderr together; `…` stands for any text within a line,
a line of only `…` for any number of lines
[1]                          the exit code, where it is not 0
-- outdo.yaml --
content of a file that is there from the start
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

STORIES = sorted(Path(__file__).parent.glob("*.txt"))
FILE = re.compile(r"^-- (.+) --$", re.MULTILINE)


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


LONG = {
    "a_model_is_looked_into",
    "users_tokens_and_the_trail",
    "models_are_promoted_on_evidence",
    "models_are_registered",
    "gc_frees_what_nothing_needs",
    "mlflow_comes_over",
    "apply_puts_a_run_back",
    "dvc_team_shares_a_remote",
    "dvc_data_and_the_way_over",
    "reproduce_makes_it_again",
    "set_tries_params_beside_the_workspace",
    "data_is_tracked_and_shared",
}
"""Stories of many commands, which the slow ring tells."""
MARKED = [
    pytest.param(one, marks=[pytest.mark.slow] if one.stem in LONG else [], id=one.stem) for one in STORIES
]


def test_every_long_story_is_there() -> None:
    assert {one.stem for one in STORIES} >= LONG


@pytest.mark.parametrize("story", MARKED)
def test_story(story: Path, tmp_path: Path) -> None:
    script, files = parts(story.read_text())
    folder = tmp_path / "project"
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for step in steps(script):
        told = run(step.command, folder)
        assert re.fullmatch(pattern(step.expected), told + "\n"), (
            f"{story.name}:{step.line}: $ {step.command}\n--- expected\n{step.expected}\n--- got\n{told}"
        )
