"""Why a stage would run, down to the lines that changed."""

import os
from collections.abc import Mapping

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.plan import status
from outdo.app.project import Project
from outdo.core.errors import UserError
from outdo.core.model import Action, Digest, Path, Plan, Reason, StageName
from outdo.core.plan import Request

TEXT_LIMIT = 256 * 1024
"""Bytes up to which two versions of a file are compared line by line."""


class Change(Struct, frozen=True):
    """How a dependency's text differs from what the stage last read."""

    path: Path
    added: int
    removed: int
    hunk: tuple[str, ...]
    """The lines of a unified diff, without its head."""


class Why(Struct, frozen=True):
    """A stage's action with the actions above it that it follows from, nearest first."""

    stage: StageName
    chain: tuple[Action, ...]
    changes: Mapping[Path, Change]


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
    reasons = [reason for action in chain for reason in action.reasons]
    return Why(name, tuple(chain), _changes(project, reasons))


def changed_lines(project: Project, plan: Plan) -> dict[Path, tuple[int, int]]:
    """For each changed dependency whose former text is known: lines added and removed."""
    reasons = [reason for action in plan.actions for reason in action.reasons]
    return {path: (change.added, change.removed) for path, change in _changes(project, reasons).items()}


def _changes(project: Project, reasons: list[Reason]) -> dict[Path, Change]:
    changed = {r.subject: r.before for r in reasons if r.kind == "dependency_changed"}
    found = ((path, _change(project, path, before)) for path, before in changed.items())
    return {path: change for path, change in found if change is not None}


def _change(project: Project, path: Path, before: Digest) -> Change | None:
    try:
        with open(os.path.join(project.root, path), "rb") as file:
            new = file.read(TEXT_LIMIT + 1)
        old = project.objects.get(before)
    except (OSError, UserError):
        return None
    if max(len(new), len(old)) > TEXT_LIMIT or b"\0" in new or b"\0" in old:
        return None
    texts = [content.decode("utf-8", "replace").splitlines() for content in (old, new)]
    hunk = tuple(lazy("difflib").unified_diff(*texts, lineterm="", n=1))[2:]
    added = sum(line.startswith("+") for line in hunk)
    removed = sum(line.startswith("-") for line in hunk)
    return Change(path, added, removed, hunk)
