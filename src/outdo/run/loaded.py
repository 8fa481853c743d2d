"""A model loaded in a process of its own: what it answers, how fast, and in how much memory.

Whoever calls this has looked through the model's files first (`run.unsafe`): a pickle is loaded there.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import DecodeError, Struct, json

from outdo.core.timed import Timed
from outdo.run import modelworker
from outdo.run.tested import Bench, execute

SECONDS = 30.0
"""How long calls are measured at the most."""
LIMIT = 600.0
"""Seconds after which the process is ended, whatever it does."""


class NotMeasured(Exception):
    """A model could not be loaded or asked; it says why."""


class Source(Struct, frozen=True):
    """A model, what loads it, and rows to ask it with."""

    file: str
    """Absolute."""
    by: str
    """`joblib`, `xgboost`, `lightgbm`, `onnx`, or `file.py:function`."""
    sample: str
    """An absolute path of a table."""
    features: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Columns that are no features, where neither the file nor the model says which are."""


class _Request(Struct):
    model: str
    by: str
    sample: str
    features: tuple[str, ...]
    without: tuple[str, ...]
    take: Sequence[int] | None = None
    batch: int = 1
    calls: int = 0
    seconds: float = SECONDS
    variants: Sequence[Mapping[str, Sequence[Any]]] | None = None


class _Found(Struct):
    error: str = ""
    loading: float = 0.0
    rows: int = 0
    times: list[float] = []
    memory: int = 0
    answers: list[list[float | str | None]] = []


def time_calls(bench: Bench, source: Source, name: str, *, batch: int, calls: int) -> Timed:
    """How long calls with so many rows take, and how much memory; raises `NotMeasured`."""
    found = _ask(bench, _request(source, batch=batch, calls=calls), name)
    if batch > found.rows:
        raise NotMeasured(f"the sample has {found.rows:,} rows, and a batch is {batch:,}")
    return Timed(tuple(found.times), batch, found.memory, found.loading)


def ask(
    bench: Bench,
    source: Source,
    name: str,
    take: Sequence[int],
    variants: Sequence[Mapping[str, Sequence[Any]]],
) -> list[list[float | str | None]]:
    """What the model answers to these rows of the sample, and then with other values in some columns; raises
    `NotMeasured`."""
    return _ask(bench, _request(source, take=take, variants=variants), name).answers


def guessed(path: str, file: str = "") -> tuple[str, str]:
    """The file at `path`, or in the folder there, that is the model, and what loads it; raises `NotMeasured`."""
    if file or not os.path.isdir(path):
        chosen = os.path.join(path, file) if file else path
        if by := _kind(chosen):
            return chosen, by
        raise NotMeasured(f"what loads '{os.path.basename(chosen)}' is not known: say load: {{by: …}}")
    files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    known = [(one, by) for one in files if (by := _kind(one))]
    if len(known) != 1:
        what = "no file is a model of a known kind" if not known else f"{len(known)} files may be the model"
        raise NotMeasured(f"{what}: say load: {{file: …, by: …}}")
    return known[0]


def _kind(file: str) -> str:
    suffix = os.path.splitext(file.lower())[1]
    if suffix in (".joblib", ".pkl", ".pickle", ".sav", ".p"):
        return "joblib"
    if suffix in (".onnx", ".ubj"):
        return {".onnx": "onnx", ".ubj": "xgboost"}[suffix]
    if suffix not in (".txt", ".json", ".lgb", ".xgb", ".bst"):
        return ""
    try:
        with open(file, "rb") as opened:
            start = opened.read(4096)
    except OSError:
        return ""
    if start.startswith(b"tree\n"):
        return "lightgbm"
    return "xgboost" if start.lstrip().startswith(b"{") and b'"learner"' in start else ""


def _request(source: Source, **more: Any) -> _Request:
    return _Request(source.file, source.by, source.sample, source.features, source.without, **more)


def _ask(bench: Bench, request: _Request, name: str) -> _Found:
    with tempfile.TemporaryDirectory() as scratch:
        asked, told = os.path.join(scratch, "request.json"), os.path.join(scratch, "result.json")
        with open(asked, "wb") as file:
            file.write(json.encode(request))
        path = bench.env.get("PATH")
        python = shutil.which("python", path=path) or shutil.which("python3", path=path) or sys.executable
        outcome, log = execute(bench, [python, modelworker.__file__, asked, told], name, LIMIT)
        try:
            with open(told, "rb") as file:
                found = json.decode(file.read(), type=_Found)
        except (OSError, DecodeError):
            how = f"{outcome.ending} {outcome.exit_code or outcome.signal or ''}".strip()
            where = os.path.relpath(log, bench.root)
            raise NotMeasured(f"the process that loads the model ended early ({how}): see {where}") from None
    if found.error:
        raise NotMeasured(found.error)
    return found
