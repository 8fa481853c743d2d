"""The verb `data add`: paths, or parts of tracked folders, are kept, and a pointer stands for each in Git."""

import os
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data.pointers import read_text
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.errors import CantTrack, TrackedByGit
from outdo.core.model import Entry, Path
from outdo.core.pointer import trackable
from outdo.core.tracked import Tracked
from outdo.run.git import in_repository
from outdo.run.source import ignore, ignored, tracked
from outdo.store.atomic import write_atomic
from outdo.store.folders import leads_into


class Asked(Struct, frozen=True):
    """What is to be said of the paths that are added."""

    desc: str = ""
    remote: str = ""
    push: bool = True
    link: bool = False
    """Whether files may become one with what is kept, which saves the disk and makes them read-only."""


class Kept(Struct, frozen=True):
    """A path that was added."""

    path: Path
    pointer: Path
    entry: Entry | None
    """What it holds; None for a part of a folder that is no more."""
    changed: bool
    """Whether its pointer says something new."""


class Added(Struct, frozen=True):
    """What was added, and the files that Git is to be told of."""

    paths: tuple[Kept, ...]
    files: tuple[Path, ...]
    """Pointers and `.gitignore`s that were written."""
    in_git: bool = True


def add(project: Project, words: Sequence[Path], asked: Asked = Asked()) -> Added:  # noqa: B008  a frozen value
    """The bytes of these paths are kept, then their pointers are written, then Git ignores them; the caller has the
    turn. Raises `CantTrack` or `TrackedByGit` before anything is touched."""
    tracking = Tracking(project)
    targets = [_target(tracking, word, asked) for word in dict.fromkeys(words)]
    _refuse(tracking, targets)
    kept: list[Kept] = []
    now: dict[Path, Tracked] = {}
    former = {one.tracked.path: one.tracked.entry for one in targets}
    for target in targets:
        one = now.get(target.tracked.path, target.tracked)
        entry, part = _saved(tracking, replace(target, tracked=one), link=asked.link)
        now[one.path] = replace(one, entry=entry)
        kept.append(Kept(target.path, one.pointer, part, entry != former[one.path]))
    for way in tracking.ways:
        way.settle()
    written = write_pointers(tracking, list(now.values()))
    written += ignore(project.root, project.for_git(now))
    return Added(tuple(kept), tuple(written), in_repository(project.root))


def write_pointers(tracking: Tracking, found: Sequence[Tracked]) -> list[Path]:
    """Every pointer says what its path shall hold, and survives a loss of power; returns those that were written."""
    return [one.pointer for one in found if write_pointer(tracking, one)]


def write_pointer(tracking: Tracking, one: Tracked, *, gone: bool = False) -> bool:
    """The pointer file says what a path shall hold, or with `gone` says nothing of it any more and is removed where it
    says nothing else; it survives a loss of power. Returns whether it was changed."""
    root, pointers = tracking.project.root, tracking.way(one).pointers
    former = read_text(root, one.pointer)
    text = pointers.without(one, former or "") if gone else pointers.write(one, former or "")
    place = os.path.join(root, one.pointer)
    if text == (former or ""):
        return False
    if text:
        write_atomic(place, text.encode(), durable=True)
    else:
        os.unlink(place)
    return True


def _target(tracking: Tracking, word: Path, asked: Asked) -> Target:
    around = tracking.around(word)
    if around is None:
        path = _trackable(word)
        pointer = f"{path}{tracking.ways[0].pointers.suffix}"
        return Target(Tracked(path, pointer, None, None, asked.desc, asked.remote, asked.push))
    one = around.tracked
    if around.name and (one.entry is None or one.entry.kind != "tree"):
        raise CantTrack(
            f"'{word}' is in '{one.path}', which is tracked as a file", fix=f"outdo data add {one.path}"
        )
    said = replace(
        one, desc=asked.desc or one.desc, remote=asked.remote or one.remote, push=asked.push and one.push
    )
    return Target(said, around.name)


def _saved(tracking: Tracking, target: Target, *, link: bool) -> tuple[Entry, Entry | None]:
    """What the tracked path holds now that the target is kept, and what the target does."""
    way = tracking.way(target.tracked)
    try:
        part = way.keeper.save(target.path, link=link)
    except FileNotFoundError:
        part = None
    if not target.name:
        if part is None:
            raise CantTrack(f"nothing is at '{target.path}' any more")
        return part, part
    folder = target.tracked.entry
    assert folder is not None
    return way.parts.with_part(folder, target.name, part), part


def _trackable(word: Path) -> Path:
    try:
        return trackable(word)
    except ValueError as error:
        raise CantTrack(f"this can't be tracked: {error}", fix="rename it, or track another path") from None


# What may not be.


def refuse_new(tracking: Tracking, path: Path, besides: Path = "") -> None:
    """Raises `CantTrack` or `TrackedByGit` where a path can't be tracked from now on; where the tracked path `besides`
    is in the way does not count."""
    path = _trackable(path)
    _refuse_output(tracking.project, path)
    _refuse_neighbours(tracking, path, [], besides)
    _refuse_git(tracking, [path], [f"{path}{tracking.ways[0].pointers.suffix}"])


def _refuse(tracking: Tracking, targets: Sequence[Target]) -> None:
    project = tracking.project
    new = [
        target.path for target in targets if target.tracked.entry is None and target.tracked.origin is None
    ]
    for target in targets:
        _refuse_place(tracking, target)
        _refuse_output(project, target.path)
    for path in new:
        _refuse_neighbours(tracking, path, new)
    _refuse_git(tracking, [target.path for target in targets], [target.tracked.pointer for target in targets])


def _refuse_git(tracking: Tracking, paths: Sequence[Path], pointers: Sequence[Path]) -> None:
    """Raises `TrackedByGit` for what Git has, and `CantTrack` for pointers that it would not take."""
    project = tracking.project
    both = tracked(project.root, project.for_git(paths))
    if both:
        what = f"'{both[0]}', or something in it, is in Git already"
        fix = f"git rm -r --cached '{both[0]}' (the files stay), then outdo data add '{both[0]}'"
        raise TrackedByGit(what, fix=fix)
    hidden = sorted(ignored(project.root, project.for_git(pointers)))
    if hidden:
        what = f"Git ignores '{hidden[0]}', the pointer that would stand for the data"
        raise CantTrack(
            what, fix=f"narrow the rule that `git check-ignore -v {hidden[0]}` shows, or add !{hidden[0]}"
        )


def _refuse_place(tracking: Tracking, target: Target) -> None:
    """Raises `CantTrack` where nothing is there, or a link is on the way."""
    root, path = tracking.project.root, target.path
    place = os.path.join(root, path)
    suffixes = tuple(way.pointers.suffix for way in tracking.ways)
    if path.endswith(suffixes) and os.path.isfile(place):
        raise CantTrack(f"'{path}' is itself a pointer", fix=f"outdo data checkout {path}")
    if not os.path.lexists(place):
        if target.name:
            return  # that it is gone from its folder is what will be kept
        raise CantTrack(f"nothing is at '{path}'", fix="check the name; outdo data ls shows what is tracked")
    real = os.path.realpath(root)
    folder = os.path.dirname(path)
    if os.path.realpath(os.path.join(real, folder)) != os.path.join(real, folder).rstrip("/"):
        what = f"'{folder}' is a link, or is in one, so '{path}' is somewhere else"
        raise CantTrack(what, fix="name the path where the data really is")
    if os.path.islink(place) and not leads_into(place, tracking.project.objects.folder):
        what = f"'{path}' is a link to '{os.readlink(place)}'"
        raise CantTrack(what, fix="put the data itself there, or track what the link leads to")


def _refuse_output(project: Project, path: Path) -> None:
    for out, maker in project.graph.made_by.items():
        if _touch(path, out):
            what = f"'{path}' is {'' if path == out else 'in or around '}an output of stage '{maker}'"
            raise CantTrack(what, fix="outdo run keeps it already; outdo push shares it")


def _refuse_neighbours(tracking: Tracking, path: Path, new: Sequence[Path], besides: Path = "") -> None:
    for other in (*tracking.all, *new):
        if other == besides:
            continue
        if other != path and _touch(path, other):
            inner, outer = sorted((path, other), key=len, reverse=True)
            what = f"'{inner}' is in '{outer}', and both can't be tracked"
            fix = (
                f"outdo data remove {other}, then add '{path}'"
                if other in tracking.all
                else "add only one of them"
            )
            raise CantTrack(what, fix=fix)
        if other != path and other.casefold() == path.casefold():
            what = f"'{path}' and '{other}' differ only in case, and some file systems can't hold both"
            raise CantTrack(what, fix="rename one of them")


def _touch(one: Path, other: Path) -> bool:
    """Whether two paths are the same, or one is in the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
