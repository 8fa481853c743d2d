"""Every `*.txt` here is a test: files, shell lines, and what a person then reads.

# what the story shows
$ outdo run
expected output, stdout and stderr together; `…` stands for any text within a line,
a line of only `…` for any number of lines
[1]                          the exit code, where it is not 0
-- outdo.yaml --
content of a file that is there from the start
"""

import re
from pathlib import Path

import pytest

from tests.stories.telling import parts, pattern, run, steps

STORIES = sorted(Path(__file__).parent.glob("*.txt"))

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
