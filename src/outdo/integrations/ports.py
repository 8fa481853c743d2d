"""What Outdo asks of its neighbours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from outdo.core.compare import FileChange
from outdo.core.model import Entry, Path, Record, Stage, StageName
from outdo.core.tracked import Tracked
from outdo.store.nodes import Tree
from outdo.store.travel import Moved, Tell


class Adopted(Protocol):
    """A repository that another tool keeps too, and that is to be in order for both."""

    def result(self, stage: Stage, asked: Record) -> Record | None:
        """What the other tool knows to come out of a stage with what `asked`, a record without outputs, says: its
        outputs are in the workspace, or `holds` is true of them."""
        ...

    def holds(self, entry: Entry) -> bool:
        """Whether `bring` can be asked for an entry of a result."""
        ...

    def bring(self, entry: Entry) -> None:
        """Our store holds the entry, if the other tool's cache does; raises `NotInStore` or `Damaged`."""
        ...

    def recorded(self, stages: Sequence[Stage], lock: str) -> Mapping[StageName, Mapping[Path, Entry | None]]:
        """What a former lock of the other tool's, of this text, says that outputs held; None for what its cache lacks.
        A stage that the lock does not name is left out. Raises a `UserError` for what is no lock."""
        ...

    def settle(
        self,
        stages: Sequence[Stage],
        records: Mapping[StageName, Record],
        entries: Mapping[Path, Entry],
    ) -> list[StageName]:
        """Lets the other tool know these results, as far as the workspace, of which `entries` tells, holds them and
        what they were made from; returns the stages that it has no words for."""
        ...


class Pointers(Protocol):
    """How tracked paths stand in files that Git keeps."""

    @property
    def suffix(self) -> str:
        """How the name of every such file ends: `.outdo`, `.dvc`."""
        ...

    def read(self, pointer: Path, text: str) -> Sequence[Tracked]:
        """All that the pointer file tracks, of which it holds this text; raises a `UserError` that says where."""
        ...

    def write(self, tracked: Tracked, former: str) -> str:
        """The text of the pointer file `tracked.pointer` with this path in it, and all else that `former` had."""
        ...

    def without(self, tracked: Tracked, former: str) -> str:
        """The text of a pointer file with this path no more in it; empty where no path is left."""
        ...


class Keeper(Protocol):
    """Where the bytes of tracked paths are kept. An entry of one keeper means nothing to another."""

    def look(self, paths: Iterable[Path]) -> dict[Path, Entry]:
        """What each path of the workspace holds; one that is not there is left out."""
        ...

    def save(self, path: Path, *, link: bool = True) -> Entry:
        """What a path holds, once it is kept; raises FileNotFoundError where nothing is there.

        With `link` its files may share their bytes with what is kept, and are then read-only; else they stay as they
        are."""
        ...

    def restore(self, path: Path, entry: Entry, *, link: bool = True) -> None:
        """The path holds `entry`; of a folder only what differs is touched."""
        ...

    def holds(self, entry: Entry) -> bool:
        """Whether all is here that it takes to restore this entry."""
        ...

    def listing(self, path: Path) -> Tree:
        """What is in a folder of the workspace, with the digest of each file."""
        ...


class Parts(Protocol):
    """The inside of tracked folders, read and changed at the cost of the part."""

    def part(self, folder: Entry, name: Path) -> Entry | None:
        """What a kept folder has under a name: an entry of the keeper's like any other; None where it has nothing."""
        ...

    def with_part(self, folder: Entry, name: Path, part: Entry | None) -> Entry:
        """The entry of a folder that has `part` under a name, or nothing, and else what `folder` has; it is kept."""
        ...

    def tree(self, folder: Entry) -> Tree:
        """All that is in a kept folder."""
        ...

    def changes(self, before: Entry, after: Entry) -> Sequence[FileChange]:
        """In what two kept folders differ."""
        ...


class Carrier(Protocol):
    """Carries what is kept to a remote, and back."""

    def send(self, entries: Iterable[Entry]) -> Moved:
        """The remote has all of these entries; what can't be had is told."""
        ...

    def fetch(self, entries: Iterable[Entry]) -> Moved:
        """All of these entries are kept here, as far as the remote has them; what it lacks is told."""
        ...

    def part(self, folder: Entry, name: Path) -> Entry | None:
        """As that of `Parts`, for a folder of which the remote may have what is missing here."""
        ...


class Way(NamedTuple):
    """One way of tracking paths: how they are pointed to, and where their bytes are."""

    pointers: Pointers
    keeper: Keeper
    parts: Parts
    carrier: Callable[[str, Tell], Carrier]
    """What carries to the remote of this name; an empty one means the first. Raises `NoRemote`."""
    settle: Callable[[], None]
    """What was kept survives a loss of power, and what was looked at is remembered."""
    remote: str = ""
    """The name of the remote that is meant where none is named; empty where there is none."""
