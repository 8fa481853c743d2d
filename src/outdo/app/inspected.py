"""Data judged by its checks: as it was judged before, else by a look at it."""

import os
from collections.abc import Mapping, Sequence
from tempfile import gettempdir
from time import time

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.core.checknodes import Case, case
from outdo.core.checks import others, reference
from outdo.core.errors import UserError
from outdo.core.inspection import checked_paths, holds_until, passes
from outdo.core.model import CheckedPath, Digest, Path
from outdo.core.paths import file_of
from outdo.core.rules import OUTSIDERS, Asserted, Expectations, Schema
from outdo.core.verdict import Judgement, Verdict


class Inspected(Struct, frozen=True):
    """What is known of some data."""

    verdicts: tuple[Verdict, ...]
    kept: bool = False
    """Whether it was known before."""


def inspected(
    project: Project, path: Path, asserted: Sequence[Asserted], *, force: bool = False
) -> Inspected:
    """The verdicts on what is at a path, from a former judgement of the same data by the same checks where there is
    one; with `force` by a look at it in any case. What was found is kept."""
    if not force and (known := _known(project, path, asserted)) is not None:
        return Inspected(known.verdicts, kept=True)
    found = judge(project, path, asserted)
    return Inspected(found.verdicts)


def judge(project: Project, path: Path, asserted: Sequence[Asserted]) -> Judgement:
    """What a look at a path finds, which is kept unless it was written to meanwhile."""
    before = _case(project, path, asserted)
    rules, refused = asserted, {}
    if any(isinstance(each.check, Schema) for each in asserted):
        rules, refused = lazy("outdo.app.schemas").expanded(project.root, asserted)
    now = time()
    verdicts = tuple(look(project, path, rules, now, refused))
    if before.data is None or before.key is None:
        return Judgement("data", path, "", "", verdicts, now)
    until = now if any(map(passes, rules)) else holds_until(rules, verdicts, now)
    found = Judgement("data", path, before.data.digest, before.key, verdicts, now, until=until)
    if _case(project, path, asserted) == before:
        keep(project, found)
    return found


def _known(project: Project, path: Path, asserted: Sequence[Asserted]) -> Judgement | None:
    return _case(project, path, asserted).known(project.judgements.get, time())


def _case(project: Project, path: Path, asserted: Sequence[Asserted]) -> Case:
    checks = checked_paths({path: asserted}).get(path) or CheckedPath(Digest(""))
    return case(path, checks, project.workspace.look([file_of(path), *checks.beside]))


def keep(project: Project, judgement: Judgement) -> None:
    """The store knows a judgement, if it can be written to; else it is made again another time."""
    try:
        project.make_state()
        project.judgements.put(judgement)
    except UserError:
        pass


def look(
    project: Project, path: Path, asserted: Sequence[Asserted], now: float, refused: Mapping[str, Verdict]
) -> list[Verdict]:
    """The verdicts on what is at a path now; one that is not there was not evaluated, which is not passed. `refused`
    are those on schemas that can't be read."""
    absolute = os.path.join(project.root, path)
    if not os.path.exists(file_of(absolute)):
        return [Verdict("file", "not_evaluated", "it is not here")]
    scanned = [each for each in asserted if not isinstance(each.check, OUTSIDERS)]
    outside = [each for each in asserted if isinstance(each.check, OUTSIDERS)]
    found = _scanned(project, path, scanned, now, refused) if scanned else []
    return [*found, *(lazy("outdo.app.outsiders").outsider(project, absolute, each) for each in outside)]


def _scanned(
    project: Project, path: Path, asserted: Sequence[Asserted], now: float, refused: Mapping[str, Verdict]
) -> list[Verdict]:
    """The verdicts of all checks that are asked in one scan."""
    absolute = os.path.join(project.root, path)
    named = {other for each in asserted if (other := others(each.check))}
    beside = {other: os.path.join(project.root, other) for other in named}
    named_suites = any(isinstance(each.check, Expectations) for each in asserted)
    suites = lazy("outdo.app.suites").suites(project.root, asserted) if named_suites else None
    scratch, known = _scratch(project), {}
    if any(reference(each.check) for each in asserted):
        known = lazy("outdo.app.references").references(project, path, asserted, scratch)
    found: list[Verdict] = lazy("outdo.run.checking").check_table(
        absolute,
        asserted,
        now=now,
        beside=beside | {word: place for word, place in known.items() if isinstance(place, str)},
        unknown={**refused, **{word: one for word, one in known.items() if isinstance(one, Verdict)}},
        scratch=scratch,
        suites=suites,
    )
    if named_suites:
        found = lazy("outdo.app.suites").settled(project, absolute, found)
    return found


def _scratch(project: Project) -> str:
    """A folder for what does not fit into memory; the system's own where the project can't be written to."""
    try:
        project.make_state()
        return project.objects.scratch.name()
    except (UserError, OSError):
        return os.path.join(gettempdir(), f"outdo-check-{os.urandom(8).hex()}")
