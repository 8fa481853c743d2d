"""What `outdo data status` tells. Mostly it is asked with paths alone, so here is no parser of arguments."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from outdo.app.data.status import InGit, State, Status, Workspace, status
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.changes import MARKS
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.data.words import MANY, print_data, shown, sized
from outdo.cli.paint import Paint, plain

_WORKSPACE: Mapping[Workspace, tuple[str, str, str]] = {
    "same": ("=", "grey", "unchanged"),
    "modified": ("~", "yellow", "modified"),
    "missing": ("−", "red", "missing"),
    "unknown": ("?", "yellow", "not taken yet"),
}
_GIT: Mapping[InGit, str] = {
    "committed": "",
    "none": "",
    "added": "pointer not committed",
    "modified": "new pointer not committed",
    "deleted": "pointer removed since the last commit",
}


def tell(targets: Sequence[str], *, granular: bool, as_json: bool) -> int:
    """Prints how these paths stand, or all that are tracked."""
    project = open_project(os.curdir)
    found = status(project, from_here(project.root, targets), granular=granular)
    if as_json:
        return print_data("data.status", {"clean": found.clean, "paths": found.paths})
    print("\n".join(_lines(found, Paint(sys.stdout))))
    return 0


def _lines(found: Status, paint: Paint) -> Iterator[str]:
    if not found.paths:
        yield "nothing is tracked yet · next: outdo data add PATH"
        return
    columns = [
        Column("", tuple(_mark(one) for one in found.paths)),
        Column("", tuple(Cell(shown(one.path, one.entry or one.now)) for one in found.paths)),
        Column("", tuple(Cell(sized(one.now or one.entry), ("dim",)) for one in found.paths)),
        Column("", tuple(Cell(", ".join(_words(one)), ("dim",)) for one in found.paths)),
    ]
    for line, one in zip(aligned(columns, paint), found.paths, strict=True):
        yield line
        yield from _files(one, paint)
    yield ""
    yield _sum(found)


def _mark(one: State) -> Cell:
    mark, colour, _ = _WORKSPACE[one.workspace]
    if one.git == "deleted":
        mark, colour = "−", "grey"
    return Cell(mark, (colour,))


def _words(one: State) -> list[str]:
    if one.git == "deleted":
        return [_GIT[one.git]]
    words = [_WORKSPACE[one.workspace][2], _GIT[one.git], "" if one.held else "not in the store"]
    return [word for word in words if word]


def _files(one: State, paint: Paint) -> Iterator[str]:
    for file in one.files[:MANY]:
        mark, colour = MARKS[file.kind]
        yield f"    {paint(mark, colour)} {plain(file.path)}"
    if len(one.files) > MANY:
        yield f"    … and {len(one.files) - MANY:,} more"
    for pair in one.renamed[:MANY]:
        yield f"    {paint('→', 'blue')} {plain(pair.before)} → {plain(pair.after)}"
    if len(one.renamed) > MANY:
        yield f"    … and {len(one.renamed) - MANY:,} more renamed"


def _sum(found: Status) -> str:
    states = [one for one in found.paths if one.git != "deleted"]
    if found.clean:
        return f"all as committed: {len(states)} tracked"
    steps = []
    if any(one.workspace == "missing" for one in states):
        steps.append("outdo data checkout" if all(one.held for one in states) else "outdo data pull")
    if any(one.workspace == "modified" for one in states):
        steps.append("outdo data add PATH keeps what is there, checkout --force puts back")
    if any(one.git in ("added", "modified", "deleted") for one in found.paths):
        steps.append("git add the pointers and commit")
    if not steps:
        steps.append("outdo data fetch")
    return "next: " + "\n      ".join(steps)
