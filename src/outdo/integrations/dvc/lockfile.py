"""`dvc.lock`, schema 2.0: read into values, and written so that only what changed changes in the text.

DVC 1's, which has the stages at its top, is read, and written as schema 2.0."""

import re
from collections.abc import Mapping

from outdo.core import document
from outdo.core.errors import BadLock, Mistakes, UserError
from outdo.core.model import Place, Value
from outdo.integrations.dvc.records import Misshapen, StageLock, stage_from, stage_value
from outdo.integrations.dvc.text import dump, dump_entry

NAME = "dvc.lock"


class DvcLock:
    """The stages in a lock's text, and the text they came from."""

    def __init__(self, text: str, name: str = NAME) -> None:
        self.text = text
        try:
            self._read = document.parse(name, text)
        except Mistakes as found:
            raise _unreadable(name, text, found.mistakes[0]) from None
        if self._read.mistakes:
            raise _unreadable(name, text, self._read.mistakes[0])
        value = {} if self._read.value is None else self._read.value
        self._old = isinstance(value, dict) and bool(value) and "schema" not in value
        self._value = _checked({"schema": "2.0", "stages": value} if self._old else value, name)
        try:
            self.stages: dict[str, StageLock] = {
                stage: stage_from(entry, ("stages", stage))
                for stage, entry in (self._value.get("stages") or {}).items()
            }
        except Misshapen as found:
            raise found.at(self._read.place(found.path[1:] if self._old else found.path)) from None

    def with_stages(self, stages: Mapping[str, StageLock]) -> str:
        """The text with these stages in it: each in its old place, new ones last. All others stay as they are,
        also those that no `dvc.yaml` names any more, as DVC leaves them too."""
        written: dict[str, Value] = self._value.get("stages") or {}
        values = {name: stage_value(stage) for name, stage in stages.items()}
        changed = {name: value for name, value in values.items() if not _same(written.get(name), value)}
        if not changed:
            return self.text
        if self._old or not written:
            return self._whole({**written, **changed})
        blocks = self._blocks(list(written))
        if blocks is None:
            return self._whole({**written, **changed})
        head, parts, tail = blocks
        for name, value in changed.items():
            parts[name] = f"  {dump_entry(name, value, 2)}"
        return "".join([head, *parts.values(), tail])

    def _whole(self, stages: Mapping[str, Value]) -> str:
        """The text written from its values, for a file that no one has written yet, or not in DVC's own way."""
        return dump({"schema": "2.0", **self._value, "stages": stages})

    def _blocks(self, names: list[str]) -> tuple[str, dict[str, str], str] | None:
        """The text before the stages, that of each, and that behind; None where it is not laid out like that."""
        lines = self.text.splitlines(keepends=True)
        if not self.text.endswith("\n") or "".join(lines).count("\n") != len(lines):
            return None
        places = [self._read.place(("stages", name), at_key=True) for name in names]
        starts = [place.line - 1 for place in places]
        if any(place.column != 3 for place in places) or starts != sorted(set(starts)):
            return None
        if any(not lines[start].startswith("  ") for start in starts) or _anchored(lines):
            return None
        behind = (n for n in range(starts[-1] + 1, len(lines)) if lines[n][:1] not in (" ", "\n", "#"))
        ends = [*starts[1:], next(behind, len(lines))]
        parts = {
            name: "".join(lines[start:end]) for name, start, end in zip(names, starts, ends, strict=True)
        }
        return "".join(lines[: starts[0]]), parts, "".join(lines[ends[-1] :])


def _anchored(lines: list[str]) -> bool:
    """Whether a part of the file may be repeated by another one, so that it can't be replaced alone."""
    return any(re.search(r"[:-] &\w", line) for line in lines)


def _checked(value: Value, name: str) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise BadLock("the lock file holds no mapping", where=Place(name, 1), fix=f"git checkout -- {name}")
    if value and value["schema"] != "2.0":
        what = f"the lock file has the schema {value['schema']!r}, and only '2.0' is known"
        raise BadLock(what, where=Place(name, 1), fix="upgrade outdo: pip install --upgrade outdo")
    if not isinstance(value.get("stages") or {}, dict):
        raise BadLock("`stages` is no mapping", where=Place(name, 1), fix=f"git checkout -- {name}")
    return value


def _unreadable(name: str, text: str, mistake: UserError) -> BadLock:
    lines = list(enumerate(text.splitlines(), 1))
    starts = [number for number, line in lines if line.startswith("<<<<<<<")]
    ends = [number for number, line in lines if line.startswith(">>>>>>>")]
    marks = [*starts, *ends, *(number for number, line in lines if line == "=======")]
    if marks:
        pairs = zip(starts, ends, strict=False) if len(starts) == len(ends) else [(min(marks), max(marks))]
        told = " and ".join(
            f"lines {start} to {end}" if start < end else f"line {end}" for start, end in pairs
        )
        fix = f"git checkout --theirs {name} (or --ours), then outdo run"
        what = f"Git's conflict marks are in the lock file, {told}"
        return BadLock(what, where=Place(name, min(marks)), fix=fix)
    return BadLock(f"the lock file can't be read: {mistake.what}", where=mistake.where, fix=mistake.fix)


def _same(before: Value, after: Value) -> bool:
    """Whether two entries say the same, 1 and true and 1.0 told apart."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return list(before) == list(after) and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)
