"""DVC's run cache: what came out of a command with these inputs, in `runs/ab/<key>/<value>`."""

import json
import os
from collections.abc import Collection, Mapping
from hashlib import sha256

from outdo.core import document
from outdo.core.errors import Mistakes
from outdo.core.model import Stage, Value
from outdo.integrations.dvc.records import DOS2UNIX, Misshapen, StageLock, stage_from, stage_value
from outdo.integrations.dvc.text import dump
from outdo.store.atomic import write_atomic

_NOT_HASHED = ("size", "nfiles")


class RunCache:
    """The entries under `folder/runs`; `folder` is the cache's."""

    def __init__(self, folder: str) -> None:
        self._folder = f"{folder}/runs"

    def get(self, key: str) -> StageLock | None:
        """The newest result of a key; None where there is none, or it can't be read, which counts as none."""
        folder = self._place(key)
        try:
            names = sorted(os.listdir(folder), key=lambda name: os.path.getmtime(f"{folder}/{name}"))
            with open(f"{folder}/{names[-1]}", encoding="utf-8") as file:
                return stage_from(document.parse(names[-1], file.read()).value, ())
        except (OSError, IndexError, UnicodeDecodeError, Mistakes, Misshapen):
            return None

    def put(self, stage: StageLock) -> None:
        """Remembers a result under its key; one that is there already is left as it is."""
        place = f"{self._place(run_key(stage))}/{run_value(stage)}"
        if not os.path.exists(place):
            write_atomic(place, dump(stage_value(stage)).encode())

    def _place(self, key: str) -> str:
        return f"{self._folder}/{key[:2]}/{key}"


def run_key(stage: StageLock) -> str:
    """The key of all that decides what a stage writes: its command, inputs, params, and the paths it writes."""
    value = stage_value(stage)
    value["outs"] = [item.path for item in sorted(stage.outs, key=lambda item: item.path)]
    return _digest(value)


def run_value(stage: StageLock) -> str:
    """The name of a result: it stands for what went in and what came out."""
    return _digest(stage_value(stage))


def may_be_kept(stage: Stage, lock: StageLock) -> bool:
    """Whether DVC would keep and use results of a stage: it has a command, inputs and outputs, all hashed here,
    and nothing that outlives a run."""
    hashed = all(item.md5 and item.hash != DOS2UNIX for item in (*lock.deps, *lock.outs))
    inputs = bool(lock.deps or lock.params)
    lasting = any(out.persist for out in stage.outs)
    return bool(stage.cmd and inputs and lock.outs and hashed) and not lasting and not stage.always_changed


def _digest(value: Value) -> str:
    return sha256(json.dumps(_hashed(value), sort_keys=True).encode()).hexdigest()


def _hashed(value: Value) -> Value:
    """What goes into a key: sizes and counts do not, wherever they stand."""
    if isinstance(value, Mapping):
        return {key: _hashed(part) for key, part in value.items() if key not in _NOT_HASHED}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [_hashed(part) for part in value]
    return value
