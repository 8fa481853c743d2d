"""What came out, set beside what is on record: each output judged by the kind of thing it is."""

import os
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from msgspec import Struct

from outdo.app.project import Project
from outdo.app.reproduce.inputs import files_of, same_content
from outdo.app.reproduce.target import Target
from outdo.core.errors import UserError
from outdo.core.events import StageFinished
from outdo.core.model import Digest, Entry, Path, Record, StageName, Value
from outdo.core.params import parse
from outdo.core.reproduction import (
    Judged,
    Number,
    Tolerance,
    Verdict,
    numbers,
    numbers_clause,
    same_but_numbers,
    scores_clause,
    scores_verdict,
    table_verdict,
    worst,
)
from outdo.core.sections import Model, Predictions
from outdo.core.tablediff import TableDiff, clause
from outdo.core.tablekind import table_kind
from outdo.core.values import numbers as numbers_in
from outdo.core.wording import size
from outdo.run.predictions import compare_scores
from outdo.run.revisions import contents
from outdo.run.tables import compare_tables

METRICS_LIMIT = 16_000_000
TEXT_LIMIT = 1_000_000
"""Bytes up to which two texts are compared line by line."""
MOST_FILES = 3
"""How many files of a folder a clause names."""
MOST_LOOKED = 50
"""How many files of a folder are looked into."""
MOST_LINES = 4_000
"""Lines of two texts up to which those that came and went are told apart."""
_PIECE = 1 << 20


class Made(Struct, frozen=True):
    """What was made again."""

    project: Project
    """The user's."""
    tree: Project
    """The work tree."""
    target: Target
    stages: Mapping[StageName, StageFinished]
    models: Mapping[str, Model]
    tolerance: Tolerance


def judge(made: Made) -> tuple[Judged, ...]:
    """One verdict for each output on record, in the order of the stages; models are judged by their predictions."""
    found = [_output(made, *each) for each in _outputs(made)]
    by_path = {one.path: one for one in found}
    return tuple(_by_predictions(made, one, by_path) for one in found)


def _outputs(made: Made) -> Iterator[tuple[StageName, Path, Entry, Entry | None]]:
    for stage in made.tree.graph.stages:
        if stage not in made.target.stages:
            continue
        ended = made.stages.get(stage)
        record = ended.record if ended is not None and ended.status == "ran" else None
        for path, entry in made.target.stages[stage].outs.items():
            yield stage, path, entry, _wrote(record, path)


def _wrote(record: Record | None, path: Path) -> Entry | None:
    return None if record is None else record.outs.get(path)


def _output(made: Made, stage: StageName, path: Path, before: Entry, after: Entry | None) -> Judged:
    declared = next((out for out in made.tree.graph.stages[stage].outs if out.path == path), None)
    role = declared.role if declared else "out"
    if after is None:
        return Judged(path, stage, role, "missing", "was not written again", before)
    if same_content(made.tree, after, before):
        return Judged(path, stage, role, "identical", "", before, after)
    look = _Look(made, path)
    if "tree" in (before.kind, after.kind):
        verdict, how = look.folder(before, after)
        return Judged(path, stage, role, verdict, how, before, after)
    old, new = look.place(path, before.digest, before=True), look.place(path, after.digest, before=False)
    if old is None or new is None:
        how = "what it held is not in the store, so it can't be told in what"
        return Judged(path, stage, role, "differs", how, before, after)
    if role == "metric" and (judged := _metrics(made, path, old, new)) is not None:
        return Judged(path, stage, role, *judged[:2], before, after, numbers=judged[2])
    verdict, how, table = look.file(path, old, new)
    return Judged(path, stage, role, verdict, how, before, after, table=table)


def _metrics(made: Made, path: Path, old: str, new: str) -> tuple[Verdict, str, tuple[Number, ...]] | None:
    sides: list[Value] = []
    for place in (old, new):
        try:
            with open(place, encoding="utf-8") as file:
                sides.append(parse(path, file.read(METRICS_LIMIT)))
        except (UserError, OSError, UnicodeDecodeError):
            return None
    found = numbers(numbers_in(sides[0]), numbers_in(sides[1]), made.tolerance)
    told = numbers_clause(found) or "the same numbers"
    if not same_but_numbers(*sides):
        return "differs", f"{told}; what is no number differs", found
    verdict: Verdict = "within" if all(one.within for one in found) else "differs"
    return verdict, told if found else f"{told} in other bytes", found


class _Look(Struct, frozen=True):
    """A look into an output."""

    made: Made
    path: Path

    def place(self, path: Path, digest: Digest, *, before: bool) -> str | None:
        """A file with these bytes; None where they are lost."""
        made = self.made
        try:
            return made.tree.objects.path(digest)
        except UserError:
            pass
        if not before:
            return os.path.join(made.tree.root, path)
        commit = made.target.revision.commit
        content = contents(made.project.root, commit, [path]).get(path) if commit else None
        if content is None:
            return None
        kept = made.tree.objects.put_bytes(content)
        return made.tree.objects.path(kept) if kept == digest else None

    def folder(self, before: Entry, after: Entry) -> tuple[Verdict, str]:
        if before.kind != after.kind:
            return "differs", "a folder became a file" if before.kind == "tree" else "a file became a folder"
        try:
            old, new = files_of(self.made.tree, before), files_of(self.made.tree, after)
        except UserError:
            return "differs", "the store does not hold what was in it, so it can't be told in what"
        verdicts: list[Verdict] = []
        told: list[str] = []
        changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        if len(changed) > MOST_LOOKED:
            verdicts.append("differs")
        for name in changed[:MOST_LOOKED]:
            verdict, how = self._member(name, old.get(name), new.get(name))
            verdicts.append(verdict)
            told.append(f"{name} {how}".strip())
        more = f", and {len(changed) - MOST_FILES} more" if len(changed) > MOST_FILES else ""
        count = f"{len(changed)} of {len({*old, *new})} files"
        return worst(verdicts), f"{count}: {', '.join(told[:MOST_FILES])}{more}"

    def _member(
        self, name: Path, old: tuple[Digest, bool] | None, new: tuple[Digest, bool] | None
    ) -> tuple[Verdict, str]:
        if old is None or new is None:
            return "differs", "is new" if old is None else "is gone"
        path = f"{self.path.rstrip('/')}/{name}"
        one, other = self.place(path, old[0], before=True), self.place(path, new[0], before=False)
        if one is None or other is None:
            return "differs", ""
        verdict, how, _ = self.file(path, one, other)
        return verdict, f"({how})" if how else ""

    def file(self, path: Path, old: str, new: str) -> tuple[Verdict, str, TableDiff | None]:
        """How two files differ: as tables, as texts, or as bytes."""
        kind = table_kind(path)
        if kind is not None:
            key = self._key(path)
            scratch = self.made.tree.objects.scratch.name()
            table = compare_tables(old, new, kind, scratch, key)
            if table is not None:
                return table_verdict(table, self.made.tolerance), clause(table), table
        return "differs", _bytes(old, new), None

    def _key(self, path: Path) -> tuple[str, ...]:
        for model in self.made.models.values():
            if model.predictions is not None and model.predictions.path == path:
                return _key_of(model.predictions)
        return ()


def _key_of(predictions: Predictions) -> tuple[str, ...]:
    key = predictions.key
    return (key,) if isinstance(key, str) else key


def _bytes(old: str, new: str) -> str:
    sizes = (os.path.getsize(old), os.path.getsize(new))
    if max(sizes) <= TEXT_LIMIT:
        with open(old, "rb") as one, open(new, "rb") as other:
            texts = _texts(one.read(), other.read())
        if texts is not None:
            return _lines(*texts)
    where = _first_difference(old, new)
    change = size(sizes[1]) if sizes[0] == sizes[1] else f"{size(sizes[0])} → {size(sizes[1])}"
    return f"{change}, first at byte {where + 1:,}"


def _texts(old: bytes, new: bytes) -> tuple[list[str], list[str]] | None:
    if b"\0" in old or b"\0" in new:
        return None
    try:
        return old.decode().splitlines(), new.decode().splitlines()
    except UnicodeDecodeError:
        return None


def _lines(old: list[str], new: list[str]) -> str:
    from difflib import SequenceMatcher

    if len(old) + len(new) > MOST_LINES:
        differ = sum(one != other for one, other in zip_longest(old, new))
        return f"{differ:,} lines"
    parts = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    gone = sum(j - i for word, i, j, _, _ in parts if word != "equal")
    came = sum(j - i for word, _, _, i, j in parts if word != "equal")
    first = next((i + 1 for word, i, _, _, _ in parts if word != "equal"), 0)
    return f"+{came} −{gone} lines, first at line {first}" if first else "line ends alone"


def _first_difference(old: str, new: str) -> int:
    at = 0
    with open(old, "rb") as one, open(new, "rb") as other:
        while True:
            a, b = one.read(_PIECE), other.read(_PIECE)
            if a != b:
                return at + next(
                    (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
                )
            if not a:
                return at
            at += len(a)


# ------------------------------------------------------------------ models


def _by_predictions(made: Made, one: Judged, others: Mapping[Path, Judged]) -> Judged:
    """A model's file or folder is judged by what it predicts, where the file says where that is."""
    model = next((m for m in made.models.values() if _holds(one.path, m.path)), None)
    if model is None or one.verdict in ("identical", "missing"):
        return _as_model(one) if model is not None else one
    predictions = model.predictions
    other = others.get(predictions.path) if predictions is not None else None
    if predictions is None or other is None or other.before is None or other.after is None:
        why = (
            "no predictions are declared"
            if predictions is None
            else f"'{predictions.path}' was not made again"
        )
        return _as_model(one, how=f"{one.how}; {why} to judge it by")
    if other.verdict == "identical":
        return _as_model(one, "within", f"its bytes differ ({one.how}), its predictions are identical")
    look = _Look(made, predictions.path)
    old = look.place(predictions.path, other.before.digest, before=True)
    new = look.place(predictions.path, other.after.digest, before=False)
    kind = table_kind(predictions.path)
    if old is None or new is None or kind is None:
        return _as_model(one)
    key, scratch = _key_of(predictions), made.tree.objects.scratch.name()
    scores = compare_scores(old, new, kind, scratch, predictions.score, key)
    if scores is None:
        return _as_model(one, how=f"{one.how}; '{predictions.path}' can't be compared row by row")
    verdict = scores_verdict(scores, made.tolerance, predictions.score)
    told = f"{one.how}; {scores_clause(scores)}"
    return Judged(
        one.path, one.stage, "model", "within" if verdict == "identical" else verdict, told, one.before, one.after,
        scores=scores,
    )  # fmt: skip


def _as_model(one: Judged, verdict: Verdict | None = None, how: str | None = None) -> Judged:
    return Judged(
        one.path, one.stage, "model", verdict or one.verdict, one.how if how is None else how, one.before, one.after
    )  # fmt: skip


def _holds(out: Path, model: Path) -> bool:
    return out == model or model.startswith(f"{out}/") or out.startswith(f"{model}/")
