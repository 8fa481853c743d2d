"""Tracked paths: data outside the pipeline, of which Git keeps a pointer and the store the bytes."""

from collections.abc import Mapping

from msgspec import Struct

from outdo.core.model import Entry, Path, Value


class Origin(Struct, frozen=True, omit_defaults=True):
    """Where an import came from, and which state of it was taken."""

    url: str
    """Of a Git repository, where `path` or `rev` is said; else of the data itself."""
    path: Path = ""
    """In the repository."""
    rev: str = ""
    """The branch, tag or commit that was asked for; empty means the repository's own branch."""
    commit: str = ""
    """What `rev` meant when the data was taken."""
    etag: str = ""
    """What the server called the state that was taken; it says whether there is a newer one."""

    @property
    def in_git(self) -> bool:
        """Whether it came from a repository, and not from an address of its own."""
        return bool(self.path or self.rev or self.commit)


class Tracked(Struct, frozen=True):
    """A path that the store keeps in place of Git."""

    path: Path
    pointer: Path
    """The file that Git keeps in its place, from the project's folder."""
    entry: Entry | None
    """What the path shall hold; None where that is not known yet, as of an import that nobody has taken."""
    origin: Origin | None = None
    desc: str = ""
    remote: str = ""
    """The remote it is shared through, where that is not the project's first."""
    push: bool = True
    frozen: bool = False
    """Whether `update` leaves an import as it is."""
    rest: Mapping[str, Value] = {}
    """What else stands in the pointer, by key; it is kept."""
