"""The checks of a path as one node: what decides how they come out, and for how long that holds."""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import fields

from outdo.core.checks import others, reference
from outdo.core.digest import digest
from outdo.core.model import CheckedPath, Path
from outdo.core.paths import FilePath, OwnPath, file_of
from outdo.core.rules import OUTSIDERS, Asserted, Check, Fresh, Sql
from outdo.core.verdict import Verdict

_PASSING = re.compile(
    r"\b(now|today|current_\w+|get_current_\w+|localtime(stamp)?|transaction_timestamp|random|uuid)\b|\bage\s*\(",
    re.IGNORECASE,
)
"""Words of SQL that say something else another time."""


def checked_paths(checks: Mapping[Path, Sequence[Asserted]]) -> dict[Path, CheckedPath]:
    """What a run has to know of the checks of each path."""
    return {
        path: CheckedPath(digest("rules/1", asserted), _beside(asserted), not any(map(passes, asserted)))
        for path, asserted in checks.items()
        if asserted
    }


def holds_until(asserted: Iterable[Asserted], verdicts: Iterable[Verdict], now: float) -> float | None:
    """When data that is fresh enough `now` will be too old; None where no check asks for its age."""
    allowed: dict[str, float] = {}
    for each in asserted:
        if isinstance(each.check, Fresh):
            for name, age in each.check.ages.items():
                allowed[f"fresh {name}"] = min(age.seconds, allowed.get(f"fresh {name}", age.seconds))
    ends = [
        now + allowed[one.name] - one.evidence.value
        for one in verdicts
        if one.name in allowed and one.outcome == "passed" and one.evidence.value is not None
    ]
    return min(ends, default=None)


def _beside(asserted: Iterable[Asserted]) -> tuple[Path, ...]:
    """The other files that checks speak of, each once."""
    return tuple(dict.fromkeys(file_of(path) for each in asserted for path in _files(each.check)))


def _files(check: Check) -> list[Path]:
    named = [getattr(check, field.name) for field in fields(check) if field.type in (FilePath, OwnPath)]
    other = others(check)
    return named if other is None else [*named, other]


def passes(asserted: Asserted) -> bool:
    """Whether a check of the same data may come out otherwise another time, by its own words, by code that it runs, or
    beside another champion."""
    if isinstance(asserted.check, OUTSIDERS) or reference(asserted.check) == "champion":
        return True
    condition = asserted.check.condition if isinstance(asserted.check, Sql) else ""
    return _PASSING.search(f"{condition} {asserted.where}") is not None
