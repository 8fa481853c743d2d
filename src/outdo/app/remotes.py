"""The remotes of a project: which one a name means, and what carries to it."""

import os
from collections.abc import Iterable

from outdo.app.project import Project
from outdo.core.errors import NoRemote
from outdo.core.hints import did_you_mean
from outdo.core.model import Digest, Remote
from outdo.core.remotes import mistake
from outdo.run.git import Refused, git
from outdo.store import pushes
from outdo.store.atomic import write_atomic
from outdo.store.bucket import Bucket, connect
from outdo.store.depot import FolderDepot
from outdo.store.pushes import Pusher
from outdo.store.transfer import Transfer
from outdo.store.travel import Tally, Tell

_ID = 40


def find_remote(project: Project, name: str) -> Remote:
    """The remote that a name or an address means; raises `NoRemote`."""
    declared = project.pipeline.remotes
    if name in declared:
        return declared[name]
    if "/" in name or name.startswith("."):
        remote = Remote(name)
        wrong = mistake(remote)
        if wrong is not None:
            raise wrong
        return remote
    if not name:
        fix = "add `remotes: {team: s3://bucket/prefix}` to the file, or say --remote FOLDER"
        raise NoRemote("no remote is declared", where=project.file, fix=fix)
    raise NoRemote(f"no remote is named '{name}'", where=project.file, fix=did_you_mean(name, declared))


def transfer_to(project: Project, remote: Remote, tell: Tell, *, patient: bool = True) -> Transfer:
    """What carries between the project's store and a remote; nothing is asked of it yet."""
    depot = reach(project, remote, patient=patient)

    def announce(digests: Iterable[Digest]) -> None:
        pushes.announce(depot, digests, pusher(project), waits=lambda: tell(Tally(waits=True)))

    return Transfer(project.objects, depot, tell, depot.threads, announce)


def reach(project: Project, remote: Remote, *, patient: bool = True) -> Bucket | FolderDepot:
    """What keeps the bytes of a remote; nothing is asked of it yet."""
    if remote.scheme:
        return connect(remote, patient=patient)
    folder = os.path.join(project.base, os.path.expanduser(remote.url))
    return FolderDepot(os.path.normpath(folder))


def pusher(project: Project) -> Pusher:
    """What all clones of the project are known by at a remote: its first commit, which is remembered, as to find it
    takes walking the whole history; none where that is not here."""
    kept = os.path.join(project.state, "cache", "first-commit")
    try:
        with open(kept, encoding="ascii") as file:
            return Pusher(file.read(_ID), project.pipeline.project)
    except (OSError, UnicodeDecodeError):
        pass
    try:
        shallow = git(project.root, ["rev-parse", "--is-shallow-repository"]).strip() == b"true"
        first = b"" if shallow else git(project.root, ["rev-list", "--max-parents=0", "HEAD"])
    except Refused:
        return Pusher("", project.pipeline.project)
    found = min(first.decode().split(), default="")[:_ID]
    if found:
        project.make_state()
        write_atomic(kept, found.encode())
    return Pusher(found, project.pipeline.project)
