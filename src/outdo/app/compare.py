"""In what workspaces, commits and runs differ: the verbs `diff` and `compare`, and those for params and metrics."""

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.lazy import lazy
from outdo.app.project import STATE, Project, open_project
from outdo.app.sides import WORKSPACE, Held, held, held_all, written
from outdo.core import compare
from outdo.core.compare import Comparison, DataChange, FileChange, LineChange
from outdo.core.errors import UserError
from outdo.core.model import Digest, Entry, Path, Value
from outdo.core.tables import Table, shape_of, table_change
from outdo.run.git import Refused, in_repository
from outdo.run.revisions import line_changes
from outdo.store import trees
from outdo.store.lock import NAME as LOCK

TABLE_LIMIT = 200_000_000
"""Bytes up to which a table of text is read for its shape."""
_DELIMITERS = {".csv": ",", ".tsv": "\t"}

Part = Literal["code", "params", "metrics", "data"]
PARTS: tuple[Part, ...] = ("code", "params", "metrics", "data")


class Row(Struct, frozen=True):
    """One side in a table of several."""

    name: str
    params: Mapping[str, Value]
    metrics: Mapping[str, float]


class Beside(Struct, frozen=True):
    """Several sides beside each other; the first is the one that others are measured against."""

    rows: tuple[Row, ...]
    params: tuple[str, ...]
    """The names of the params that are shown: those that differ, or all."""
    metrics: tuple[str, ...]
    notices: tuple[str, ...] = ()


def sides(project: Project, words: Sequence[str]) -> tuple[str, str]:
    """What up to two words compare: the last commit, or outside Git the last run, with the workspace by default."""
    before = words[0] if words else "HEAD" if in_repository(project.root) else "last"
    return before, words[1] if len(words) > 1 else WORKSPACE


def diff(start: str, words: Sequence[str], parts: Sequence[Part] = PARTS) -> Comparison:
    """All in which the second of two sides differs from the first; raises `UnknownRevision`."""
    project = open_project(start)
    old, new = (held(project, word, code="code" in parts) for word in sides(project, words))
    both = [old.side, new.side]
    notices = [*old.side.notices, *new.side.notices]
    code, lost = _code(project, old, new) if "code" in parts else ((), ())
    return Comparison(
        old.side.name,
        new.side.name,
        code,
        compare.value_changes(*compare.params_of(both)) if "params" in parts else (),
        compare.value_changes(*compare.metrics_of(both)) if "metrics" in parts else (),
        _data(project, old, new) if "data" in parts else (),
        tuple(dict.fromkeys([*notices, *lost])),
    )


def beside(start: str, words: Sequence[str], *, every: bool = False) -> Beside:
    """The params and metrics of several sides; with `every` also the params that are the same for all."""
    project = open_project(start)
    found = held_all(project, words)
    params, metrics = compare.params_of(found), compare.metrics_of(found)
    rows = tuple(
        Row(side.name, its_params, its_metrics)
        for side, its_params, its_metrics in zip(found, params, metrics, strict=True)
    )
    names = dict.fromkeys(name for each in params for name in each)
    first = params[0]
    shown = [name for name in names if every or not all(_same(name, first, each) for each in params[1:])]
    return Beside(
        rows,
        tuple(shown),
        tuple(dict.fromkeys(name for each in metrics for name in each)),
        tuple(dict.fromkeys(notice for side in found for notice in side.notices)),
    )


def values(start: str, part: Literal["params", "metrics"], word: str = WORKSPACE) -> Mapping[str, Value]:
    """The params, or the metrics, that one side holds."""
    side = held(open_project(start), word, code=False).side
    return (compare.params_of if part == "params" else compare.metrics_of)([side])[0]


def _same(name: str, one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    return (name in one) == (name in other) and compare.same(one.get(name), other.get(name))


def _code(project: Project, old: Held, new: Held) -> tuple[tuple[LineChange, ...], tuple[str, ...]]:
    if old.code is None or new.code is None:
        unknown = [held.side.name for held in (old, new) if held.code is None]
        known = in_repository(project.root)
        return (), (f"the code of {' and of '.join(unknown)} is not on record",) if known else ()
    without = [*written(project.pipeline), *old.side.outs, *new.side.outs, LOCK, STATE]
    try:
        return tuple(line_changes(project.root, old.code, new.code, list(dict.fromkeys(without)))), ()
    except Refused as refused:
        return (), (f"the code could not be compared: {refused}",)


# Data.


def _data(project: Project, old: Held, new: Held) -> tuple[DataChange, ...]:
    found = compare.data_changes(old.side.outs, new.side.outs)
    return tuple(_detailed(project, old, new, change) for change in found)


def _detailed(project: Project, old: Held, new: Held, change: DataChange) -> DataChange:
    before, after = change.before, change.after
    folders = [entry.kind == "tree" for entry in (before, after) if entry]
    if any(folders):
        files = _files(project, old, change.path, before), _files(project, new, change.path, after)
        return replace(change, files=None if None in files else _file_changes(*files))
    shapes = _shape(project, old, change.path, before), _shape(project, new, change.path, after)
    one, other = shapes
    return replace(change, table=table_change(one, other)) if one and other else change


def _file_changes(
    before: Mapping[Path, tuple[Digest, bool]] | None, after: Mapping[Path, tuple[Digest, bool]] | None
) -> tuple[FileChange, ...]:
    return compare.file_changes(before or {}, after or {})


def _files(
    project: Project, held: Held, path: Path, entry: Entry | None
) -> Mapping[Path, tuple[Digest, bool]] | None:
    """The files in a folder; none in what is no folder, and None where the store has lost what was in it."""
    if entry is None or entry.kind != "tree":
        return {}
    try:
        tree = (
            project.workspace.listing(path) if held.here else trees.decode(project.objects.get(entry.digest))
        )
    except (UserError, OSError):
        return None
    links = {name: (Digest(f"link to {target}"), False) for name, target in tree.links}
    return {name: (digest, executable) for name, digest, _, executable in tree.files} | links


def _shape(project: Project, held: Held, path: Path, entry: Entry | None) -> Table | None:
    """The shape of the table in a file; None where it is none, is too large, or the store has lost it."""
    suffix = os.path.splitext(path)[1].lower()
    if entry is None or suffix not in (*_DELIMITERS, ".parquet"):
        return None
    try:
        place = os.path.join(project.root, path) if held.here else project.objects.path(entry.digest)
        if suffix == ".parquet":
            found: Table | None = lazy("outdo.app.parquet").shape(place)
            return found
        if entry.size > TABLE_LIMIT:
            return None
        with open(place, encoding="utf-8", errors="replace", newline="") as lines:
            return shape_of(lines, _DELIMITERS[suffix])
    except (UserError, OSError):
        return None
