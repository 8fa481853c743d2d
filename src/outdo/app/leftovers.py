"""Folders beside a project's store that nobody needs any more: environments, reproductions, and what was killed left.

Whoever uses one holds a lock that the kernel gives back when the process ends, so nothing in use is taken away.
"""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import time
from typing import Literal

from msgspec import DecodeError, Struct, json

from outdo.app.champion import TREES as CHAMPIONS
from outdo.app.champion import TURN as CHAMPIONS_TURN
from outdo.app.project import Project
from outdo.app.reproduce.kept import FOLDER as REPRODUCTIONS
from outdo.app.reproduce.kept import ended
from outdo.core.errors import UserError
from outdo.core.model import Path
from outdo.core.record import Run
from outdo.run.building import FOLDER_DIGITS, LOCK_SUFFIX, USED_SUFFIX
from outdo.run.worktree import remove_worktree
from outdo.store.files import remove

Kind = Literal["environment", "reproduction", "work tree"]
_TRIALS = "trials"
_WORKTREES = "worktrees"
_REPRODUCE_TURN = "reproduce.turn"
_TURN = "turn"
_DAY = 86400.0


class Leftover(Struct, frozen=True):
    """A folder that can go."""

    kind: Kind
    path: Path
    """From the project's folder for state; of an environment, where it is."""
    size: int


class _Built(Struct, frozen=True):
    built: dict[str, str] = {}


def leftovers(project: Project, kept: Collection[Run], newest: int) -> tuple[Leftover, ...]:
    """What nobody needs: environments of none of the runs that are `kept`, and that are older than a day; reproductions
    of none of these, but for the `newest`; work trees of trials, reproductions and scores that were killed."""
    return (
        *_work_trees(project),
        *_reproductions(project, kept, newest),
        *(() if os.environ.get("OUTDO_HOME") else _environments(project, kept)),
    )


def clear(project: Project, found: Collection[Leftover]) -> list[Leftover]:
    """What was removed of these: what is in use now stays."""
    return [one for one in found if _clear(project, one)]


def _clear(project: Project, one: Leftover) -> bool:
    place = os.path.join(project.home, one.path)
    locks = {
        "environment": [f"{place}{USED_SUFFIX}", f"{place}{LOCK_SUFFIX}"],
        "reproduction": [os.path.join(project.home, _REPRODUCE_TURN)],
        "work tree": [_turn_of(project, one.path)],
    }[one.kind]
    with ExitStack() as stack:
        mine = all(stack.enter_context(_held(lock)) for lock in locks)
        if mine and one.kind == "work tree":
            remove_worktree(project.root, place)
        elif mine:
            remove(place)
        return mine


def _turn_of(project: Project, path: Path) -> str:
    if path.startswith(CHAMPIONS):
        return os.path.join(project.home, CHAMPIONS_TURN)
    return os.path.join(project.home, _TURN if path.startswith(_TRIALS) else _REPRODUCE_TURN)


@contextmanager
def _held(path: str) -> Iterator[bool]:
    """Whether the lock at a path was free, and is this process's now."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except OSError:
        yield False
    finally:
        os.close(fd)


def _is_free(path: str) -> bool:
    with _held(path) as mine:
        return mine


def _work_trees(project: Project) -> Iterator[Leftover]:
    for above in (_TRIALS, _WORKTREES, CHAMPIONS):
        for name in _names(os.path.join(project.home, above)):
            path = f"{above}/{name}"
            if _is_free(_turn_of(project, path)):
                yield Leftover("work tree", path, _size(os.path.join(project.home, path)))


def _reproductions(project: Project, kept: Collection[Run], newest: int) -> Iterator[Leftover]:
    runs = {run.id for run in kept}
    found = ended(project.home)
    known = {one.id: one.run for one in found}
    wanted = {one.id for one in found[max(0, len(found) - newest) :]}
    for name in _names(os.path.join(project.home, REPRODUCTIONS)):
        going_on = name not in known and not _is_free(os.path.join(project.home, _REPRODUCE_TURN))
        if name not in wanted and known.get(name) not in runs and not going_on:
            path = f"{REPRODUCTIONS}/{name}"
            yield Leftover("reproduction", path, _size(os.path.join(project.home, path)))


def _environments(project: Project, kept: Collection[Run]) -> Iterator[Leftover]:
    needed: set[str] = set()
    for run in kept:
        with suppress(UserError, DecodeError):
            if run.environment is not None:
                built = json.decode(project.objects.get(run.environment), type=_Built).built
                needed |= {digest[:FOLDER_DIGITS] for digest in built.values()}
    for name in _names(project.environments):
        place = os.path.join(project.environments, name)
        if len(name) != FOLDER_DIGITS or name in needed or os.stat(place).st_mtime > time() - _DAY:
            continue
        if _is_free(f"{place}{USED_SUFFIX}") and _is_free(f"{place}{LOCK_SUFFIX}"):
            yield Leftover("environment", place, _size(place))


def _names(folder: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def _size(folder: str) -> int:
    """Bytes of its files that are nowhere else."""
    found = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                status = os.lstat(os.path.join(place, name))
                found += status.st_size if status.st_nlink == 1 else 0
    return found
