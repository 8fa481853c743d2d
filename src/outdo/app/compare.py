"""In what workspaces, commits and runs differ: the verbs `diff` and `compare`, and those for params and metrics."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.project import POINTERS, STATE, Project, open_project
from outdo.app.sides import DVC_LOCK, WORKSPACE, Held, held, held_all, with_code, written
from outdo.core import compare
from outdo.core.compare import Comparison, LineChange
from outdo.core.model import Path, Value
from outdo.core.ranking import chosen
from outdo.run import comparing
from outdo.run.comparing import Here
from outdo.run.git import Refused, in_repository
from outdo.run.revisions import line_changes, patch_between
from outdo.store.lock import NAME as LOCK

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


def diff(
    start: str,
    words: Sequence[str],
    parts: Sequence[Part] = PARTS,
    *,
    key: Sequence[str] = (),
    patch: bool = False,
) -> Comparison:
    """All in which the second of two sides differs from the first, with the lines of code where a `patch` is wanted;
    raises `UnknownRevision`.

    The rows of tables that have the columns of `key` are told apart by them."""
    project = open_project(start)
    old, new = (held(project, word, code=False) for word in sides(project, words))
    both = [old.side, new.side]
    notices = [*old.side.notices, *new.side.notices]
    code = _code(project, old, new, patch=patch) if "code" in parts else _Code()
    return Comparison(
        old.side.name,
        new.side.name,
        tuple(change for change in code.changes if not change.path.endswith(POINTERS)),
        compare.value_changes(*compare.params_of(both)) if "params" in parts else (),
        compare.value_changes(*compare.metrics_of(both)) if "metrics" in parts else (),
        lazy("outdo.app.contents").contents(project, old, new, key, code.here) if "data" in parts else (),
        tuple(dict.fromkeys([*notices, *code.lost])),
        code.lines,
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
    every = every or len(found) == 1
    shown = [name for name in names if every or not all(_same(name, first, each) for each in params[1:])]
    return Beside(
        rows,
        tuple(shown),
        tuple(chosen(metrics, project.pipeline.aims)),
        tuple(dict.fromkeys(notice for side in found for notice in side.notices)),
    )


def values(start: str, part: Literal["params", "metrics"], word: str = WORKSPACE) -> Mapping[str, Value]:
    """The params, or the metrics, that one side holds."""
    side = held(open_project(start), word, code=False).side
    return (compare.params_of if part == "params" else compare.metrics_of)([side])[0]


def _same(name: str, one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    return (name in one) == (name in other) and compare.same(one.get(name), other.get(name))


class _Code(Struct, frozen=True):
    """In what the code of two sides differs."""

    changes: Sequence[LineChange] = ()
    lines: str = ""
    lost: tuple[str, ...] = ()
    """What could not be told, as sentences."""
    here: Here | None = None
    """The workspace, where it was compared with a commit."""


def _code(project: Project, old: Held, new: Held, *, patch: bool) -> _Code:
    locks = [LOCK, DVC_LOCK] if project.adopted else [LOCK]
    without = list(dict.fromkeys([*written(project.pipeline), *old.side.outs, *new.side.outs, *locks, STATE]))
    try:
        here = None if patch else _here(project, old, new, without)
        return _Code(here.changes, here=here) if here else _between(project, old, new, without, patch=patch)
    except Refused as refused:
        return _Code(lost=(f"the code could not be compared: {refused}",))


def _here(project: Project, old: Held, new: Held, without: Sequence[Path]) -> Here | None:
    """The workspace beside a commit, which Git tells without a tree of it; None where it can't, or it is not this that
    is compared."""
    other = new if old.here else old
    if old.here == new.here or other.code is None or other.code.commit is None or other.code.patch:
        return None
    return comparing.beside(project.root, other.code.commit, without, POINTERS, back=old.here)


def _between(project: Project, old: Held, new: Held, without: Sequence[Path], *, patch: bool) -> _Code:
    old, new = with_code(project, old), with_code(project, new)
    if old.code is None or new.code is None:
        unknown = [held.side.name for held in (old, new) if held.code is None]
        known = in_repository(project.root)
        return _Code(lost=(f"the code of {' and of '.join(unknown)} is not on record",) if known else ())
    found = line_changes(project.root, old.code, new.code, without)
    told = [change.path for change in found if not change.path.endswith(POINTERS)]
    lines = patch_between(project.root, old.code, new.code, told) if patch and told else b""
    return _Code(found, lines.decode("utf-8", "replace"))
