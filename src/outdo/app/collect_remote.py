"""`gc` at a remote: what nothing names any more is removed there, as far as that can be seen from this clone."""

from time import time

from msgspec import Struct

from outdo.app.collect import Asked, Survey, mark, told
from outdo.app.project import Project
from outdo.app.remotes import find_remote, pusher, reach
from outdo.core.errors import NotInStore, RemoteFailed, SharedStore
from outdo.core.model import Remote
from outdo.run.git import Refused, git, in_repository
from outdo.store import pushes
from outdo.store.bucket import Bucket
from outdo.store.collect import Waste
from outdo.store.collect_remote import RemoteStore, Young
from outdo.store.depot import FolderDepot

GRACE = 14
"""Days for which all stays that came to a remote, where nothing else is said; Git waits as long."""


class There(Struct, frozen=True):
    """Where to collect, and for how long all that is new stays."""

    remote: str
    days: float = GRACE


class Collection:
    """What nobody needs at a remote, as it was when this was made, and its removal.

    Raises `NoRemote`; `RemoteFailed`; `SharedStore` where another project pushes there too; and `NotInStore` where what
    commits name can't be seen."""

    def __init__(self, project: Project, asked: Asked, there: There, now: float | None = None) -> None:
        self.remote = _writable(project, there.remote)
        _refuse_partial(project)
        shelf: Bucket | FolderDepot = reach(project, self.remote)
        self._forgotten = _others(shelf, project, asked)
        self._shelf = shelf
        at = time() if now is None else now
        span = Young(at - there.days * pushes.DAY, at - max(1, there.days) * pushes.DAY)
        self._store = RemoteStore(shelf, project.objects, span, shelf.threads)
        marked = mark(project, asked, self._store.reach)
        self.survey: Survey = told(marked, self._store.waste())

    def carry_out(self) -> Waste:
        """What was removed: of what was found, all that still nobody needs."""
        pushes.forget(self._shelf, self._forgotten)
        return self._store.remove(self.survey.waste)


def _writable(project: Project, name: str) -> Remote:
    if project.repository is not None:
        what = "remotes of a repository of DVC's are in its layout, and what other clones need there only DVC asks"
        raise RemoteFailed(what, fix="dvc gc --cloud, with what it is to keep: dvc gc --help")
    remote = find_remote(project, name)
    if remote.read_only:
        raise RemoteFailed(f"'{remote.url}' can only be read", fix="gc by whoever may write there")
    return remote


def _refuse_partial(project: Project) -> None:
    """Raises `NotInStore` where this clone does not have all commits, or is in no repository at all."""
    if not in_repository(project.root):
        what = "there is no Git repository here, so what former states need is not known"
        raise NotInStore(what, fix="gc in a clone of the project")
    try:
        shallow = git(project.root, ["rev-parse", "--is-shallow-repository"]).strip() == b"true"
    except Refused as refused:
        raise NotInStore(f"Git can't tell what commits need: {refused}") from None
    if shallow:
        what = "this is a shallow clone, so what older commits need at the remote is not known"
        raise NotInStore(what, fix="git fetch --unshallow --all, then gc again")


def _others(shelf: Bucket | FolderDepot, project: Project, asked: Asked) -> list[pushes.Pusher]:
    """The other projects that have pushed there and are to be forgotten; raises `SharedStore` for any other."""
    mine = pusher(project)
    others = [one for one in pushes.users(shelf) if one.id != mine.id]
    for one in others:
        if one.name not in asked.forget and one.id not in asked.forget:
            what = f"the project '{one.name}' ({one.id[:10]}) pushes there too, and what it needs is not known here"
            fix = f"give each project a remote of its own; or, if it is gone for good: --forget {one.name}"
            raise SharedStore(what, fix=fix)
    return others
