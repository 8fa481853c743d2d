"""Checks as text: a file of their own that `schema:` names, and an entry of `outdo.yaml` written among the others."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import yaml

from outdo.core import rules
from outdo.core.checks import others, reference
from outdo.core.document import Slip, parse
from outdo.core.errors import CantRewrite, HasChecks, Mistakes, WrongType
from outdo.core.model import Path
from outdo.core.profile import Line
from outdo.core.rules import Asserted
from outdo.core.shapes import UNREADABLE, reader

_OTHER_FILES = rules.Schema | rules.Expectations | rules.OUTSIDERS
_WIDTH = 90
"""Characters of a check that stands in one line."""


def read_saved(name: str, text: str) -> tuple[Asserted, ...]:
    """The checks in the text of the file `name`, a list as it stands under a path; raises `Mistakes`.

    They speak of one table alone, so that the file and the table decide how they come out."""
    document = parse(name, text)
    slips: list[Slip] = []
    got = reader(tuple[Asserted, ...])(document.value, (), slips)
    found: tuple[Asserted, ...] = () if got is UNREADABLE else got
    for place, each in enumerate(found):
        if isinstance(each.check, _OTHER_FILES) or others(each.check) or reference(each.check):
            what = "a schema speaks of one table alone, so this check can't stand in it"
            slips.append(Slip(WrongType, what, (place,)))
    mistakes = [*document.mistakes, *map(document.error, slips)]
    if mistakes:
        raise Mistakes(mistakes)
    return found


def within(outer: Asserted, inner: Sequence[Asserted]) -> list[Asserted]:
    """The checks of a schema as the check says that names it: as a warning, of some rows."""
    return [
        Asserted(
            each.check,
            "warn" if outer.level == "warn" else each.level,
            " AND ".join(f"({where})" for where in (outer.where, each.where) if where),
            each.mostly,
            outer.doubt if each.doubt == "stop" else each.doubt,
        )
        for each in inner
    ]


def written(lines: Sequence[Line]) -> str:
    """Checks as a file of their own."""
    return "".join(_line(word, said) for line in lines for word, said in line.items())


def _line(word: str, said: Any) -> str:
    """One check; the columns of a long one each on a line of their own."""
    whole = _flow(said, inf)
    if len(whole) <= _WIDTH:
        return f"- {word}: {whole}\n"
    if isinstance(said, Mapping):
        rows = [f"    {_flow(name, inf)}: {_flow(value, inf)}\n" for name, value in said.items()]
        return "".join([f"- {word}:\n", *rows])
    return f"- {word}: {_flow(said, _WIDTH)}\n".replace("\n  ", "\n      ")


def _flow(value: Any, width: float) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=width)
    return str(text).removesuffix("\n").removesuffix("\n...")


def with_checks(name: str, text: str, path: Path, lines: Sequence[Line], *, force: bool = False) -> str:
    """The text of `outdo.yaml` with these checks of a path, all else as it stood; raises `HasChecks` for one that has
    some, unless `force`, and `CantRewrite`."""
    before = parse(name, text, templates=True)
    value = before.value if isinstance(before.value, dict) else {}
    checks = value.get("checks")
    rows = text.splitlines(keepends=True)
    if rows and not rows[-1].endswith("\n"):
        rows[-1] += "\n"
    fix = f"outdo check {path} --save --to schemas/{path.rpartition('/')[2].partition('.')[0]}.yaml"
    if "checks" not in value:
        at, indent, head = len(rows), 2, ["\nchecks:\n"] if rows else ["checks:\n"]
    else:
        start = before.place(("checks",), at_key=True)
        at, indent, head = _end(rows, start.line, start.column), start.column + 1, []
        if isinstance(checks, dict) and checks:
            place = before.place(("checks", next(iter(checks))), at_key=True)
            if place.line == start.line:
                raise CantRewrite("its 'checks' stand in one line", where=start, fix=fix)
            indent = place.column - 1
        elif rows[start.line - 1].partition(":")[2].partition("#")[0].strip():
            raise CantRewrite("its 'checks' stand in one line", where=start, fix=fix)
    if isinstance(checks, dict) and path in checks:
        place = before.place(("checks", path), at_key=True)
        if not force:
            raise HasChecks(
                f"'{path}' has checks already", where=place, fix="--force writes others in their place"
            )
        at = place.line - 1
        del rows[at : _end(rows, place.line, place.column)]
    body = written(lines).splitlines(keepends=True)
    entry = [f"{' ' * indent}{_flow(path, inf)}:\n", *(f"{' ' * (indent + 2)}{line}" for line in body)]
    after = "".join([*rows[:at], *head, *entry, *rows[at:]])
    _only(name, after, {**value, "checks": {**(checks or {}), path: [dict(line) for line in lines]}}, fix)
    return after


def _end(rows: Sequence[str], line: int, column: int) -> int:
    """The row behind the last one of the entry whose key stands there."""
    end = line
    for place in range(line, len(rows)):
        content = rows[place].strip()
        deep = len(rows[place]) - len(rows[place].lstrip())
        if content and not content.startswith("#"):
            if deep < column and not (deep == column - 1 and content.startswith("- ")):
                break
            end = place + 1
    return end


def _only(name: str, after: str, wanted: Mapping[str, Any], fix: str) -> None:
    """Raises `CantRewrite` unless the text says what it said, and these checks."""
    try:
        found = parse(name, after, templates=True)
    except Mistakes:
        found = None
    if found is None or found.mistakes or found.value != wanted:
        raise CantRewrite(f"'{name}' is laid out in a way that checks can't be put into", where=name, fix=fix)
