"""The verb `data move`: a tracked path has another name, with its pointer and its line in `.gitignore`."""

import os

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data.add import refuse_new, write_pointer, write_pointers
from outdo.app.data.place import refuse_strays
from outdo.app.data.pointers import read_text
from outdo.app.data.tracking import Tracking
from outdo.app.project import Project
from outdo.core.errors import CantTrack, NotTracked
from outdo.core.model import Path
from outdo.run.source import ignore, unignore
from outdo.store.files import unwritable


class Moved(Struct, frozen=True):
    """What has another name, and the files that Git is to be told of."""

    before: Path
    after: Path
    files: tuple[Path, ...]
    stages: tuple[str, ...]
    """Stages that read the path under its former name."""


def move(project: Project, source: Path, target: Path) -> Moved:
    """What was tracked as `source` is tracked as `target`; into it, where that is a folder. The caller has the turn.

    The new pointer comes first and the old one goes last: at any moment what is there is tracked, and the same
    command ends what a kill has interrupted. Raises before anything is touched."""
    tracking = Tracking(project)
    found = tracking.around(source)
    if found is None or found.name:
        whole = f"; '{found.tracked.path}' is tracked as a whole" if found else ""
        raise NotTracked(f"'{source}' is not tracked by a pointer of its own{whole}", fix="outdo data ls")
    old = found.tracked
    root = project.root
    if os.path.isdir(os.path.join(root, target)) and tracking.around(target) is None:
        target = os.path.normpath(os.path.join(target, os.path.basename(old.path)))
    new = replace(old, path=target, pointer=f"{target}{tracking.way(old).pointers.suffix}")
    text = tracking.way(old).pointers.write(new, "")
    resumed = read_text(root, new.pointer) == text
    if not resumed:
        refuse_new(tracking, target, besides=old.path)
    refuse_strays(root, [old.path, target])
    here, there = (os.path.lexists(os.path.join(root, path)) for path in (old.path, target))
    if there and (here or not resumed):
        raise CantTrack(f"something is at '{target}' already", fix="move it away, or name another path")
    files = write_pointers(tracking, [new])
    files += ignore(root, tracking.project.for_git([target]))
    if here:
        _rename(os.path.join(root, old.path), os.path.join(root, target))
        project.stat.forget(old.path)
    write_pointer(tracking, old, gone=True)
    files += [old.pointer, *unignore(root, [old.path])]
    project.stat.save()
    reads = tuple(
        stage.name
        for stage in project.pipeline.stages
        if any(f"{dep}/".startswith(f"{old.path}/") for dep in stage.deps)
    )
    return Moved(old.path, target, tuple(dict.fromkeys(files)), reads)


def _rename(place: str, target: str) -> None:
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(place, target)
    except OSError as error:
        raise unwritable(error, target) from error
