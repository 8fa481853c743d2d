"""The verb `data remove`: a path is tracked no more."""

import os
from collections.abc import Sequence

from msgspec import Struct

from outdo.app.data.add import write_pointer
from outdo.app.data.loss import refuse_removal
from outdo.app.data.place import refuse_strays
from outdo.app.data.tracking import Target, Tracking
from outdo.app.project import Project
from outdo.core.errors import CantTrack
from outdo.core.model import Path
from outdo.run.source import unignore


class Removed(Struct, frozen=True):
    """What is tracked no more, and the files that Git is to be told of."""

    paths: tuple[Path, ...]
    files: tuple[Path, ...]
    """Pointers and `.gitignore`s that were changed or removed."""
    data: bool
    """Whether what was at the paths is removed too."""


def remove(project: Project, words: Sequence[Path], *, data: bool = False, force: bool = False) -> Removed:
    """These paths have no pointer and Git ignores them no more; the caller has the turn. What they hold stays, and with
    `data` is removed too: then raises `WouldOverwrite` before, where it is not kept, but not with `force`.

    The pointer goes last, so that the same command ends what a kill has interrupted."""
    tracking = Tracking(project)
    targets = _whole(tracking, words)
    if data:
        refuse_strays(project.root, [target.path for target in targets])
        if not force:
            refuse_removal(tracking, targets)
    files = unignore(project.root, [target.path for target in targets])
    for target in targets:
        if data and os.path.lexists(os.path.join(project.root, target.path)):
            project.workspace.remove(target.path)
            project.stat.forget(target.path)
        write_pointer(tracking, target.tracked, gone=True)
        files.append(target.tracked.pointer)
    project.stat.save()
    return Removed(tuple(target.path for target in targets), tuple(dict.fromkeys(files)), data)


def _whole(tracking: Tracking, words: Sequence[Path]) -> list[Target]:
    targets = tracking.meant(words)
    for target in targets:
        if target.name:
            what = f"'{target.path}' is a part of '{target.tracked.path}', which is tracked as a whole"
            raise CantTrack(what, fix=f"delete it, then outdo data add {target.path}")
    return targets
