"""DVC's run cache: what came out of a command with these inputs, in `runs/ab/<key>/<value>`."""

import os
from collections.abc import Collection, Mapping

from outdo.core import document
from outdo.core.errors import Mistakes
from outdo.core.graph import is_url
from outdo.core.model import Stage, Value
from outdo.integrations.dvc.records import DOS2UNIX, Misshapen, StageLock, stage_from, stage_value
from outdo.integrations.dvc.text import dump
from outdo.store.atomic import write_atomic

_NOT_HASHED = ("size", "nfiles")
_HEX = 64
_GROUP_FOLDER = 0o2775
_GROUP_FILE = 0o664


class RunCache:
    """The entries under `folder/runs`; `folder` is the cache's."""

    def __init__(self, folder: str, *, shared: bool = False) -> None:
        """`shared`: the user's group may write there too."""
        self._folder = f"{folder}/runs"
        self._shared = shared

    def get(self, key: str) -> list[StageLock]:
        """The results of a key, newest first; one that can't be read counts as none."""
        folder = self._place(key)
        try:
            names = sorted(os.listdir(folder), key=lambda name: -os.path.getmtime(f"{folder}/{name}"))
        except OSError:
            return []
        read = (self.read(f"runs/{key[:2]}/{key}/{name}") for name in names)
        return [found[1] for found in read if found is not None]

    def put(self, stage: StageLock) -> None:
        """Remembers a result under its key; one that is there already is left as it is."""
        place = f"{self._place(run_key(stage))}/{run_value(stage)}"
        if not os.path.exists(place):
            self.write(place, dump(stage_value(stage)).encode())

    def read(self, name: str) -> tuple[bytes, StageLock] | None:
        """A result by its name, as it is kept and what it says; None where it can't be read."""
        try:
            with open(f"{os.path.dirname(self._folder)}/{name}", "rb") as file:
                content = file.read()
            found = parse_result(name, content.decode())
        except (OSError, UnicodeDecodeError):
            return None
        return None if found is None else (content, found)

    def names(self) -> list[str]:
        """All results as they are called in a cache and at a remote: `runs/ab/<key>/<value>`."""
        top = os.path.dirname(self._folder)
        return sorted(
            os.path.relpath(f"{folder}/{name}", top)
            for folder, _, names in os.walk(self._folder)
            for name in names
            if len(name) == _HEX
        )

    def write(self, place: str, content: bytes) -> None:
        """The file of a result holds these bytes."""
        if self._shared:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            for folder in (os.path.dirname(place), os.path.dirname(os.path.dirname(place)), self._folder):
                _open_to_group(folder, _GROUP_FOLDER)
        write_atomic(place, content)
        if self._shared:
            _open_to_group(place, _GROUP_FILE)

    def _place(self, key: str) -> str:
        return f"{self._folder}/{key[:2]}/{key}"


def parse_result(name: str, text: str) -> StageLock | None:
    """The result in the text of a file of the run cache; None where it is none."""
    try:
        return stage_from(document.parse(name, text).value, ())
    except (Mistakes, Misshapen):
        return None


def _open_to_group(place: str, mode: int) -> None:
    try:
        os.chmod(place, mode)
    except OSError:
        pass  # it is someone else's, who has done so


def run_key(stage: StageLock) -> str:
    """The key of all that decides what a stage writes: its command, inputs, params, and the paths it writes."""
    value = stage_value(stage)
    value["outs"] = [item.path for item in sorted(stage.outs, key=lambda item: item.path)]
    return _digest(value)


def run_value(stage: StageLock) -> str:
    """The name of a result: it stands for what went in and what came out."""
    return _digest(stage_value(stage))


def may_be_kept(stage: Stage, lock: StageLock) -> bool:
    """Whether DVC would keep and use results of a stage: it has a command, outputs, and inputs that are all hashed
    here, and nothing that outlives a run."""
    hashed = all(item.md5 and item.hash != DOS2UNIX and not is_url(item.path) for item in lock.deps)
    inputs = bool(lock.deps or lock.params)
    lasting = any(out.persist for out in stage.outs)
    return bool(stage.cmd and inputs and lock.outs and hashed) and not lasting and not stage.always_changed


def _digest(value: Value) -> str:
    import json
    from hashlib import sha256

    return sha256(json.dumps(_hashed(value), sort_keys=True).encode()).hexdigest()


def _hashed(value: Value) -> Value:
    """What goes into a key: sizes and counts do not, wherever they stand."""
    if isinstance(value, Mapping):
        return {key: _hashed(part) for key, part in value.items() if key not in _NOT_HASHED}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [_hashed(part) for part in value]
    return value
