"""The remotes of a project: which one a name means, and what carries to it."""

import os

from outdo.app.project import Project
from outdo.core.errors import NoRemote
from outdo.core.hints import did_you_mean
from outdo.core.model import Remote
from outdo.core.remotes import mistake
from outdo.store.bucket import THREADS, connect
from outdo.store.depot import Depot, FolderDepot
from outdo.store.transfer import Tell, Transfer


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
    if remote.scheme:
        bucket: Depot = connect(remote, patient=patient)
        return Transfer(project.objects, bucket, tell, THREADS)
    folder = os.path.join(project.root, os.path.expanduser(remote.url))
    return Transfer(project.objects, FolderDepot(os.path.normpath(folder)), tell, FolderDepot.threads)
