"""The verb `data merge`: pointers and `.gitignore`s that two branches have changed are joined."""

import os
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data.pointers import is_pointer
from outdo.app.data.tracking import Tracking
from outdo.app.project import Project
from outdo.core.errors import BadPointer, MergeConflict, UserError
from outdo.core.model import Entry, Path
from outdo.core.tracked import Tracked
from outdo.integrations.ports import Way
from outdo.run.git import Refused, git, in_repository
from outdo.store.atomic import write_atomic

Sides = Mapping[int, bytes]
"""What the common ancestor (1), this branch (2) and the other one (3) have, where they have it."""


class Joined(Struct, frozen=True):
    """A file that was joined."""

    file: Path
    path: Path = ""
    """The tracked path; empty for a `.gitignore`."""
    taken: int = 0
    """How many files of a folder were taken over from the other branch."""


def merge(project: Project, words: Sequence[Path] = ()) -> list[Joined]:
    """Joins what Git could not: of a tracked folder the files that either branch has added, changed or removed. The
    caller has the turn. Raises `MergeConflict` before anything is written, where both have changed the same."""
    tracking = Tracking(project)
    suffixes = tuple(way.pointers.suffix for way in tracking.ways)
    texts: dict[Path, str] = {}
    joined: list[Joined] = []
    clashes: list[UserError] = []
    for file, sides in unmerged(project.root).items():
        wanted = not words or file in words or file.removesuffix(".outdo") in words
        try:
            if wanted and os.path.basename(file) == ".gitignore":
                texts[file] = _lines(sides)
                joined.append(Joined(file))
            elif wanted and is_pointer(file, suffixes):
                texts[file], one = _pointer(tracking, file, sides)
                joined.append(one)
        except MergeConflict as clash:
            clashes.append(clash)
    if clashes:
        raise clashes[0]
    for way in tracking.ways:
        way.settle()
    for file, text in texts.items():
        write_atomic(os.path.join(project.root, file), text.encode("utf-8", "surrogateescape"), durable=True)
    return joined


def unmerged(root: str) -> dict[Path, dict[int, bytes]]:
    """The files that Git could not merge, with what each side has; none outside a merge."""
    if not in_repository(root):
        return {}
    found: dict[Path, dict[int, bytes]] = {}
    try:
        for line in git(root, ["ls-files", "-u", "-z"]).split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            _, blob, stage = about.split(b" ")
            found.setdefault(os.fsdecode(name), {})[int(stage)] = git(
                root, ["cat-file", "blob", blob.decode()]
            )
    except Refused:
        return {}
    return found


def _lines(sides: Sides) -> str:
    """The lines of this branch, with those that the other one has added, and without those it has removed."""
    base, ours, theirs = (
        sides.get(n, b"").decode("utf-8", "surrogateescape").splitlines() for n in (1, 2, 3)
    )
    gone = set(base) - set(theirs)
    kept = [line for line in ours if line not in gone]
    kept += [line for line in theirs if line not in base and line not in ours]
    return "".join(f"{line}\n" for line in kept)


def _pointer(tracking: Tracking, pointer: Path, sides: Sides) -> tuple[str, Joined]:
    way = tracking.way_of(pointer)
    read = {n: way.pointers.read(pointer, content.decode("utf-8", "replace")) for n, content in sides.items()}
    if 2 not in read or 3 not in read:
        fix = f"git add {pointer} keeps it; git rm {pointer} tracks the path no more"
        raise MergeConflict(
            "one branch has changed this data, and the other tracks it no more", where=pointer, fix=fix
        )
    if any(len(some) != 1 for some in read.values()):
        raise BadPointer(
            "it tracks several paths, which can't be joined", where=pointer, fix="take either side"
        )
    ours, theirs = read[2][0], read[3][0]
    base = read[1][0].entry if 1 in read else None
    if ours.entry == base or ours.entry == theirs.entry:
        return way.pointers.write(theirs, sides[3].decode()), Joined(pointer, ours.path)
    if theirs.entry == base:
        return way.pointers.write(ours, sides[2].decode()), Joined(pointer, ours.path)
    _fetch_folders(way, (base, ours.entry, theirs.entry), theirs.remote or ours.remote)
    entry, taken = _joined(way, base, ours, theirs)
    return way.pointers.write(replace(ours, entry=entry), sides[2].decode()), Joined(
        pointer, ours.path, taken
    )


def _joined(way: Way, base: Entry | None, ours: Tracked, theirs: Tracked) -> tuple[Entry, int]:
    """The folder of this branch with what the other one has changed in it, and how many files that are."""
    one, other = ours.entry, theirs.entry
    if one is None or other is None or {one.kind, other.kind, base.kind if base else "tree"} != {"tree"}:
        what = f"both branches have changed '{ours.path}'"
        fix = f"git checkout --ours {ours.pointer} (or --theirs), then git add {ours.pointer}"
        raise MergeConflict(what, where=ours.pointer, fix=fix)
    mine = set(_changed(way, base, one))
    taken = 0
    clashes: list[Path] = []
    for name in _changed(way, base, other):
        part = way.parts.part(other, name)
        if name not in mine:
            one = way.parts.with_part(one, name, part)
            taken += 1
        elif part != way.parts.part(one, name):
            clashes.append(name)
    if clashes:
        more = f" and {len(clashes) - 1:,} more" if len(clashes) > 1 else ""
        what = f"both branches have changed '{ours.path}/{clashes[0]}'{more}"
        fix = f"git checkout --ours {ours.pointer} (or --theirs), git add it, and put the other's files in by hand"
        raise MergeConflict(what, where=ours.pointer, fix=fix)
    return one, taken


def _changed(way: Way, base: Entry | None, entry: Entry) -> list[Path]:
    """The files in which a folder differs from a former state of it; all, where there was none."""
    if base is not None:
        return [change.path for change in way.parts.changes(base, entry)]
    tree = way.parts.tree(entry)
    return [*(name for name, *_ in tree.files), *(name for name, _ in tree.links)]


def _fetch_folders(way: Way, entries: Iterable[Entry | None], remote: str) -> None:
    """All of these folders are here."""
    for entry in entries:
        if entry is not None and entry.kind == "tree":
            try:
                way.parts.tree(entry)
            except UserError:
                way.carrier(remote, lambda _: None).fetch([entry])
