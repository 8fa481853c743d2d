"""Data judged by its checks: as it was judged before, else by a look at it."""

import os
from collections.abc import Sequence
from time import time

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.core.checks import others
from outdo.core.digest import check_key
from outdo.core.errors import UserError
from outdo.core.inspection import checked_paths, holds_until
from outdo.core.model import Path
from outdo.core.paths import file_of
from outdo.core.rules import Asserted, Expectations
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
    checked = checked_paths({path: asserted}).get(path)
    file = file_of(path)
    found = project.workspace.look([file, *(checked.beside if checked else ())])
    entry = found.pop(file, None)
    if checked is None or entry is None:
        return Inspected(tuple(look(project, path, asserted, time())))
    key = check_key(path, checked.rules, entry, found)
    known = project.judgements.get(entry.digest, key)
    if known is not None and known.holds(time()) and checked.lasting and not force:
        return Inspected(known.verdicts, kept=True)
    now = time()
    verdicts = tuple(look(project, path, asserted, now))
    until = holds_until(asserted, verdicts, now)
    if project.workspace.look([file]).get(file) == entry:  # else it was written to meanwhile
        judgement = Judgement("data", path, entry.digest, key, verdicts, now, until=until)
        keep(project, judgement)
    return Inspected(verdicts)


def keep(project: Project, judgement: Judgement) -> None:
    """The store knows a judgement, if it can be written to; else it is made again another time."""
    try:
        project.make_state()
        project.judgements.put(judgement)
    except UserError:
        pass


def look(project: Project, path: Path, asserted: Sequence[Asserted], now: float) -> list[Verdict]:
    """The verdicts on what is at a path now; one that is not there was not evaluated, which is not passed."""
    absolute = os.path.join(project.root, path)
    if not os.path.exists(file_of(absolute)):
        return [Verdict("file", "not_evaluated", "it is not here")]
    named = {other for each in asserted if (other := others(each.check))}
    beside = {other: os.path.join(project.root, other) for other in named}
    named_suites = any(isinstance(each.check, Expectations) for each in asserted)
    suites = lazy("outdo.app.suites").suites(project.root, asserted) if named_suites else None
    found: list[Verdict] = lazy("outdo.run.checking").check_table(
        absolute, asserted, now=now, beside=beside, scratch=_scratch(project), suites=suites
    )
    return found


def _scratch(project: Project) -> str | None:
    """A folder for what does not fit into memory; the system's own where the project can't be written to."""
    try:
        project.make_state()
        return project.objects.scratch.name()
    except (UserError, OSError):
        return None
