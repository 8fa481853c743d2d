"""The ways in which a project's paths are tracked: Outdo's own, and in a DVC repository DVC's too."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.core.model import Digest, Entry, Path
from outdo.core.pointer import SUFFIX, read_pointer, write_pointer
from outdo.core.tracked import Tracked
from outdo.integrations.ports import Carrier, Way
from outdo.store.parts import FolderParts
from outdo.store.transfer import Transfer
from outdo.store.travel import Moved, Tell

if TYPE_CHECKING:
    from outdo.integrations.dvc.parts import Folders
    from outdo.integrations.dvc.repository import Repository


class OwnPointers:
    """Pointer files of Outdo's own: one beside each path."""

    suffix = SUFFIX

    def read(self, pointer: Path, text: str) -> Sequence[Tracked]:
        return (read_pointer(pointer, text),)

    def write(self, tracked: Tracked, former: str) -> str:  # noqa: ARG002  all of it is in `tracked`
        return write_pointer(tracked)

    def without(self, tracked: Tracked, former: str) -> str:  # noqa: ARG002  one path a file
        return ""


class OwnCarrier:
    """Carries between a project's store and a remote; to take a part of a folder, only the nodes on the way to it."""

    def __init__(self, project: Project, transfer: Transfer) -> None:
        self._objects = project.objects
        self._transfer = transfer

    def send(self, entries: Iterable[Entry]) -> Moved:
        return self._transfer.send(entries)

    def fetch(self, entries: Iterable[Entry]) -> Moved:
        return self._transfer.fetch(entries)

    def part(self, folder: Entry, name: Path) -> Entry | None:
        return FolderParts(self._objects, self._get).part(folder, name)

    def _get(self, digest: Digest) -> bytes:
        if not self._objects.has(digest):
            self._transfer.fetch([Entry(digest, 0)])
        return self._objects.get(digest)


def ways(project: Project) -> Sequence[Way]:
    """Every way of tracking in a project; the first is how new paths are tracked. In a repository of DVC's, DVC's."""
    if project.repository is None:
        return (own_way(project),)
    return (dvc_way(project, project.repository), own_way(project))


def dvc_way(project: Project, repository: "Repository") -> Way:
    """How DVC tracks paths."""

    def carry(folders: "Folders", remote: str, tell: Tell) -> Carrier:
        carriers = lazy("outdo.integrations.dvc.carrier")
        found: Carrier = carriers.carrier_to(repository, os.environ, folders, remote, tell)
        return found

    found: Way = lazy("outdo.integrations.dvc.data").way(repository, project.state, carry)
    return found


def own_way(project: Project) -> Way:
    """How Outdo tracks paths."""
    first = next(iter(project.pipeline.remotes), "")

    def carrier(remote: str, tell: Tell) -> Carrier:
        remotes = lazy("outdo.app.remotes")
        return OwnCarrier(
            project, remotes.transfer_to(project, remotes.find_remote(project, remote or first), tell)
        )

    def settle() -> None:
        project.objects.sync()
        project.stat.save()

    return Way(OwnPointers(), project.workspace, FolderParts(project.objects), carrier, settle, first)
