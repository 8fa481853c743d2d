"""Why a stage would run, down to the lines that changed."""

import os
from collections.abc import Iterable, Mapping

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.plan import status
from outdo.app.project import Project
from outdo.core.errors import UserError
from outdo.core.graph import is_glob, is_url
from outdo.core.model import Action, Digest, Path, Plan, Reason, RunId, StageName
from outdo.core.plan import Request
from outdo.store import trees

TEXT_LIMIT = 256 * 1024
"""Bytes up to which two versions of a file are compared line by line."""


class Change(Struct, frozen=True):
    """How a dependency's text differs from what the stage last read; for a folder, one for each file that differs."""

    path: Path
    added: int
    removed: int
    hunk: tuple[str, ...]
    """The lines of a unified diff, without its head; none where one of the texts is not known, or is no text."""


class Why(Struct, frozen=True):
    """A stage's action with the actions above it that it follows from, nearest first."""

    stage: StageName
    chain: tuple[Action, ...]
    changes: Mapping[Path, tuple[Change, ...]]
    """By dependency."""
    computed_by: RunId | None = None
    """The run that computed what is kept or restored, where the run cache knows it."""


def why(project: Project, target: str) -> Why:
    """Why the stage that `target` names would be kept, restored or run."""
    name = project.graph.named([target])[0]
    actions = status(project, Request((name,))).actions
    chain: list[Action] = []
    todo = [name]
    while todo:
        action = actions[todo.pop(0)]
        if action in chain:
            continue
        chain.append(action)
        todo += [StageName(reason.subject) for reason in action.reasons if reason.kind == "upstream"]
    changes = _changes(project, (reason for action in chain for reason in action.reasons))
    key = chain[0].key
    known = project.results.get(key) if key and chain[0].record is not None else None
    return Why(name, tuple(chain), changes, known.run if known else None)


def changed_lines(project: Project, plan: Plan) -> dict[Path, tuple[int, int]]:
    """For each changed dependency whose former text is known: lines added and removed."""
    changes = _changes(project, (reason for action in plan.actions for reason in action.reasons))
    return {
        path: (sum(c.added for c in found), sum(c.removed for c in found)) for path, found in changes.items()
    }


def _changes(project: Project, reasons: Iterable[Reason]) -> dict[Path, tuple[Change, ...]]:
    changed = {reason.subject: reason.before for reason in reasons if _is_read_here(reason)}
    return {path: found for path, before in changed.items() if (found := _change(project, path, before))}


def _is_read_here(reason: Reason) -> bool:
    return reason.kind == "dependency_changed" and not is_url(reason.subject)


def _change(project: Project, path: Path, before: Digest) -> tuple[Change, ...]:
    if is_glob(path) or os.path.isdir(os.path.join(project.root, path)):
        return _changed_files(project, path, before)
    return (_compared(project, path, before, path),)


def _changed_files(project: Project, path: Path, before: Digest) -> tuple[Change, ...]:
    """A change for each file that differs between a folder, or a glob, and its tree in the store."""
    try:
        old = {name: digest for name, digest, _, _ in trees.read(project.objects.get, before).files}
        new = {name: digest for name, digest, _, _ in project.workspace.listing(path).files}
    except (UserError, OSError):
        return ()
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    where = "" if is_glob(path) else f"{path}/"
    return tuple(
        _compared(project, where + name, old.get(name), where + name if name in new else None)
        for name in names
    )


def _compared(project: Project, path: Path, before: Digest | None, now: Path | None) -> Change:
    """The change from an object to a file; None on either side stands for no file."""
    try:
        old = project.objects.get(before) if before else b""
        new = _content(os.path.join(project.root, now)) if now else b""
    except (OSError, UserError):
        return Change(path, 0, 0, ())
    if max(len(new), len(old)) > TEXT_LIMIT or b"\0" in new or b"\0" in old:
        return Change(path, 0, 0, ())
    texts = [content.decode("utf-8", "replace").splitlines() for content in (old, new)]
    hunk = tuple(lazy("difflib").unified_diff(*texts, lineterm="", n=1))[2:]
    added = sum(line.startswith("+") for line in hunk)
    removed = sum(line.startswith("-") for line in hunk)
    return Change(path, added, removed, hunk)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(TEXT_LIMIT + 1)
