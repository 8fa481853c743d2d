"""A trial: other params than those of the workspace, run in a work tree of their own that shares the store."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from outdo.app.project import Project
from outdo.core.errors import BadSet, NoTrial
from outdo.core.model import Path
from outdo.core.sweep import Setting, expand, parse_choice, set_values
from outdo.run.git import Refused, in_repository
from outdo.run.worktree import make_worktree, remove_worktree
from outdo.store.atomic import write_atomic


def trials(words: Sequence[str]) -> list[tuple[Setting, ...]]:
    """Every combination of what stands behind `--set`; raises `BadSet`."""
    return expand([parse_choice(word) for word in words])


@contextmanager
def trial(project: Project, settings: Sequence[Setting]) -> Iterator[Project]:
    """The project with these settings, in a work tree that is there until the end.

    Raises `BadSet` for a param that is not there, and `NoTrial` where Git can't make a work tree."""
    texts = {file: _text(project, file, settings) for file in dict.fromkeys(one.file for one in settings)}
    folder = os.path.join(project.state, "worktrees", "trial")
    if not in_repository(project.root):
        raise NoTrial("a trial needs a Git repository, which is not here", fix="git init, add, commit")
    try:
        written = [out.path for stage in project.pipeline.stages for out in stage.outs if out.cache]
        root = make_worktree(project.root, folder, written)
        for file, text in texts.items():
            write_atomic(os.path.join(root, file), text.encode())
        other = os.path.join(root, os.path.basename(project.state))
        os.makedirs(other, exist_ok=True)
        known = os.path.join(project.state, "stat")
        if os.path.isdir(known):  # what is linked keeps its marks, so it is not hashed again
            shutil.copytree(known, os.path.join(other, "stat"))
        yield Project(root, project.file, project.state)
    except Refused as refused:
        raise NoTrial(f"no work tree could be made: {refused}", fix="git commit, then again") from None
    finally:
        remove_worktree(project.root, folder)


def _text(project: Project, file: Path, settings: Sequence[Setting]) -> str:
    try:
        with open(os.path.join(project.root, file), encoding="utf-8", newline="") as opened:
            text = opened.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSet(f"the params file '{file}' can't be read: {error}", fix=f"write {file}") from None
    return set_values(file, text, [one for one in settings if one.file == file])
