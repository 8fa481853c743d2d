"""The ways in which a project's paths are tracked: Outdo's own, and in a DVC repository DVC's too."""

from collections.abc import Sequence

from outdo.app.project import Project
from outdo.app.remotes import find_remote, transfer_to
from outdo.core.model import Path
from outdo.core.pointer import SUFFIX, read_pointer, write_pointer
from outdo.core.tracked import Tracked
from outdo.integrations.ports import Carrier, Way
from outdo.store.parts import FolderParts
from outdo.store.transfer import Tell


class OwnPointers:
    """Pointer files of Outdo's own: one beside each path."""

    suffix = SUFFIX

    def read(self, pointer: Path, text: str) -> Sequence[Tracked]:
        return (read_pointer(pointer, text),)

    def write(self, tracked: Tracked, former: str) -> str:  # noqa: ARG002  all of it is in `tracked`
        return write_pointer(tracked)

    def without(self, tracked: Tracked, former: str) -> str:  # noqa: ARG002  one path a file
        return ""


def ways(project: Project) -> Sequence[Way]:
    """Every way of tracking in a project; the first is how new paths are tracked."""
    return (_own(project),)


def _own(project: Project) -> Way:
    def carrier(remote: str, tell: Tell) -> Carrier:
        name = remote or next(iter(project.pipeline.remotes), "")
        return transfer_to(project, find_remote(project, name), tell)

    def settle() -> None:
        project.objects.sync()
        project.stat.save()

    return Way(OwnPointers(), project.workspace, FolderParts(project.objects), carrier, settle)
