"""In what the outputs of two sides differ: the files of folders, the rows and columns of tables."""

import os
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.data.sides import both
from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.app.sides import Held
from outdo.core import compare
from outdo.core.compare import DataChange, FileChange
from outdo.core.errors import UserError
from outdo.core.model import Digest, Entry, Path
from outdo.core.tablediff import TableDiff
from outdo.core.tablekind import table_kind
from outdo.run.comparing import Here
from outdo.store import trees

MOST_TABLES = 20
"""How many tables of one folder are looked into."""

Files = Mapping[Path, tuple[Digest, bool]]


def contents(
    project: Project, old: Held, new: Held, key: Sequence[str] = (), here: Here | None = None
) -> tuple[DataChange, ...]:
    """One change for each output or tracked path that differs, with what differs in it as far as its bytes are here.
    `here` is what Git has told of the workspace beside a commit."""
    look = _Look(project, old, new, tuple(key))
    before, after = both(project, old, new, here)
    found = compare.data_changes({**before, **old.side.outs}, {**after, **new.side.outs})
    return tuple(look.into(change) for change in found)


class _Look(Struct, frozen=True):
    """A look into what two sides hold."""

    project: Project
    old: Held
    new: Held
    key: tuple[str, ...]

    def into(self, change: DataChange) -> DataChange:
        """The change with what differs in the folder, or in the table."""
        path, before, after = change.path, change.before, change.after
        if any(entry.kind == "tree" for entry in (before, after) if entry):
            self._take_in(before, after)
            one, other = self._files(self.old, path, before), self._files(self.new, path, after)
            return replace(change, files=None if one is None or other is None else self._in(path, one, other))
        if before is None or after is None:
            return change
        self._take_in(before, after)
        return replace(change, table=self._table(path, before.digest, after.digest))

    def _take_in(self, *entries: Entry | None) -> None:
        """The store has what DVC's cache has of these entries; what it lacks is told as lost when it is looked at."""
        for entry in filter(None, entries):
            try:
                self.project.take_in(entry)
            except UserError:
                continue

    def _in(self, folder: Path, before: Files, after: Files) -> tuple[FileChange, ...]:
        found = list(compare.file_changes(before, after))
        tables = (i for i, one in enumerate(found) if one.kind == "changed" and table_kind(one.path))
        for i in list(tables)[:MOST_TABLES]:
            name = found[i].path
            place = f"{folder.rstrip('/')}/{name}"
            found[i] = replace(found[i], table=self._table(place, before[name][0], after[name][0]))
        return tuple(found)

    def _files(self, held: Held, path: Path, entry: Entry | None) -> Files | None:
        """The files in a folder; none in what is no folder, and None where the store has lost what was in it."""
        if entry is None or entry.kind != "tree":
            return {}
        try:
            tree = (
                self.project.workspace.listing(path)
                if held.here
                else trees.read(self.project.objects.get, entry.digest)
            )
        except (UserError, OSError):
            return None
        links = {name: (Digest(f"link to {target}"), False) for name, target in tree.links}
        return {name: (digest, executable) for name, digest, _, executable in tree.files} | links

    def _table(self, path: Path, before: Digest, after: Digest) -> TableDiff | None:
        """In what the table in a file differs; None where it is none, or the store has lost it."""
        kind = table_kind(path)
        if kind is None or before == after:
            return None
        try:
            old, new = self._place(self.old, path, before), self._place(self.new, path, after)
            scratch = self.project.objects.scratch.name()
            found: TableDiff | None = lazy("outdo.run.tables").compare_tables(
                old, new, kind, scratch, self.key
            )
        except (UserError, OSError):
            return None
        return found

    def _place(self, held: Held, path: Path, digest: Digest) -> str:
        if not held.here:
            self.project.take_in(Entry(digest, 0))
        return os.path.join(self.project.root, path) if held.here else self.project.objects.path(digest)
