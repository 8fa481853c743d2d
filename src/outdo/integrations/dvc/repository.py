"""A repository that DVC keeps too: what it knows is taken over, and what was run here it is told of."""

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence

from outdo.core import document
from outdo.core.digest import stage_key
from outdo.core.errors import UserError
from outdo.core.graph import is_glob
from outdo.core.model import Entry, Key, Param, Path, Record, Stage, StageName, Value
from outdo.integrations.dvc.cache import Cache
from outdo.integrations.dvc.config import read_settings
from outdo.integrations.dvc.hashes import Found, Hashes
from outdo.integrations.dvc.lockfile import NAME, DvcLock
from outdo.integrations.dvc.records import Item, StageLock
from outdo.integrations.dvc.runcache import RunCache, may_be_kept
from outdo.store.atomic import write_atomic
from outdo.store.statcache import StatCache

FILE = "dvc.yaml"


class Repository:
    """The DVC repository at `root`; `state` is a folder of Outdo's own, for what was hashed."""

    def __init__(self, root: str, state: str, environ: Mapping[str, str]) -> None:
        self._root = root
        self._hashes = Hashes(root, StatCache(os.path.join(state, "dvc")))
        settings = read_settings(root, environ)
        self._cache = Cache(settings.cache)
        self._runs = RunCache(settings.cache)

    def records(
        self,
        stages: Sequence[Stage],
        entries: Mapping[Path, Entry],
        value_of: Callable[[Param], Value],
    ) -> dict[Key, Record]:
        """Results by key for the stages whose entry in `dvc.lock` the workspace still holds to the byte.

        `entries` is what the paths hold now: the same bytes under our digests."""
        known = DvcLock(self._text(NAME)).stages
        found: dict[Key, Record] = {}
        for stage in stages:
            lock = known.get(stage.name)
            paths = [*stage.deps, *(out.path for out in stage.outs)]
            if lock is None or any(path not in entries for path in paths):
                continue
            values = {param: value_of(param) for param in stage.params}
            if self._holds(stage, lock, values):
                deps = {path: entries[path] for path in stage.deps}
                params = {str(param): value for param, value in values.items()}
                key = stage_key(stage, deps, params)
                outs = {out.path: entries[out.path] for out in stage.outs}
                found[key] = Record(key, stage.cmd, deps, params, stage.env, outs)
        self._hashes.save()
        return found

    def settle(
        self,
        stages: Sequence[Stage],
        records: Mapping[StageName, Record],
        entries: Mapping[Path, Entry],
    ) -> list[StageName]:
        """DVC's cache, its run cache and then `dvc.lock` hold the results that the workspace holds, with what they
        were made from. A stage that failed, or waits for a run, keeps the entry it had.

        Returns the stages that can't be told of: those whose command stands in `dvc.yaml` in a way that can't be
        known from here, and those that read a glob, which DVC has no word for."""
        lock = DvcLock(self._text(NAME))
        texts = self._commands()
        told: dict[str, StageLock] = {}
        untold: list[StageName] = []
        for stage in stages:
            record = records.get(stage.name)
            if record is None or not _in_place(stage, record, entries):
                continue
            cmd = _command(stage, texts.get(stage.name), lock.stages.get(stage.name))
            entry = None if cmd is None else self._entry(stage, record, cmd)
            if entry is None:
                untold.append(stage.name)
            else:
                told[stage.name] = entry
        text = lock.with_stages(told)
        if text != lock.text:
            write_atomic(os.path.join(self._root, NAME), text.encode(), durable=True)
        self._hashes.save()
        return untold

    def _holds(self, stage: Stage, lock: StageLock, values: Mapping[Param, Value]) -> bool:
        """Whether a stage as it is now is the one in the lock, with the same command, params and bytes."""
        if lines(lock.cmd) != stage.cmd or dict(_params(stage, values)) != lock.params:
            return False
        return _paths(stage, stage.deps) == {item.path for item in lock.deps} and all(
            self._same(stage, item) for item in (*lock.deps, *lock.outs)
        )

    def _same(self, stage: Stage, item: Item) -> bool:
        found = self._hashes.look(posixpath.normpath(posixpath.join(stage.wdir, item.path)), item.hash)
        return found is not None and found.md5 == item.md5

    def _entry(self, stage: Stage, record: Record, cmd: str | tuple[str, ...]) -> StageLock | None:
        """What `dvc.lock` says of a result, once the cache holds it; None where DVC has no words for it."""
        deps = {path: self._hashes.look(path) for path in stage.deps if not is_glob(path)}
        outs = {out.path: self._hashes.look(out.path) for out in stage.outs}
        if len(deps) < len(stage.deps) or None in (*deps.values(), *outs.values()):
            return None
        values = {param: record.params[str(param)] for param in stage.params if str(param) in record.params}
        entry = StageLock(
            cmd,
            tuple(_item(stage, path, found) for path, found in deps.items() if found),
            dict(_params(stage, values)),
            tuple(_item(stage, path, found) for path, found in outs.items() if found),
        )
        kept = may_be_kept(stage, entry) and all(out.cache or out.role != "out" for out in stage.outs)
        for out in stage.outs:
            found = outs[out.path]
            if found and (out.cache or kept):
                self._keep(out.path, found)
        if kept:
            self._runs.put(entry)
        return entry

    def _keep(self, path: Path, found: Found) -> None:
        """DVC's cache has what the path holds; of a folder its files first, as the listing promises them."""
        place = os.path.join(self._root, path)
        if found.files is None:
            self._cache.put_file(place, found.md5)
            return
        for name, md5 in found.files.items():
            self._cache.put_file(f"{place}/{name}", md5)
        self._cache.put_listing(found.files)

    def _commands(self) -> dict[str, Value]:
        """The commands as `dvc.yaml` has them, by stage; those that a template makes can't be known from here."""
        try:
            stages = document.parse(FILE, self._text(FILE), templates=True).value["stages"]
        except (UserError, TypeError, KeyError):
            return {}
        named = stages.items() if isinstance(stages, dict) else ()
        return {name: stage.get("cmd") for name, stage in named if isinstance(stage, dict)}

    def _text(self, name: str) -> str:
        try:
            with open(os.path.join(self._root, name), encoding="utf-8", newline="") as file:
                return file.read()
        except FileNotFoundError:
            return ""


def lines(cmd: str | Sequence[str]) -> tuple[str, ...]:
    """A command as the stage has it: one a line, for a shell of its own; a backslash at the end joins two."""
    if not isinstance(cmd, str):
        return tuple(cmd)
    done: list[str] = []
    open_line = False
    for line in cmd.split("\n"):
        if open_line:
            done[-1] += f"\n{line}"
        elif line.strip() and line.lstrip()[0] != "#":
            done.append(line)
        else:
            continue
        open_line = (len(line) - len(line.rstrip("\\"))) % 2 == 1
    return tuple(line.strip() for line in done)


def _in_place(stage: Stage, record: Record, entries: Mapping[Path, Entry]) -> bool:
    """Whether the stage is as it was when it gave this result, and the workspace has all that it read and wrote."""
    paths = {*stage.deps, *(out.path for out in stage.outs)}
    known = {**record.deps, **record.outs}
    return (
        record.cmd == stage.cmd
        and paths == set(known)
        and all(entries.get(path) == known[path] for path in paths)
    )


def _command(stage: Stage, written: Value, former: StageLock | None) -> str | tuple[str, ...] | None:
    """The command to the blank, as DVC compares it: as the file has it, else as the lock has."""
    if isinstance(written, str) and lines(written) == stage.cmd:
        return written
    if isinstance(written, list) and tuple(written) == stage.cmd:
        return stage.cmd
    if former is not None and lines(former.cmd) == stage.cmd:
        return former.cmd
    if isinstance(written, list):
        return stage.cmd
    return stage.cmd[0] if len(stage.cmd) == 1 else None


def _params(stage: Stage, values: Mapping[Param, Value]) -> Iterator[tuple[str, dict[str, Value]]]:
    """Values by file and key, with files named from the stage's folder."""
    files: dict[str, dict[str, Value]] = {}
    for param, value in values.items():
        keys = files.setdefault(posixpath.relpath(param.file, stage.wdir), {})
        if param.key:
            keys[param.key] = value
        elif isinstance(value, Mapping):
            keys.update(value)
    yield from files.items()


def _paths(stage: Stage, paths: Sequence[Path]) -> set[str]:
    return {posixpath.relpath(path, stage.wdir) for path in paths}


def _item(stage: Stage, path: Path, found: Found) -> Item:
    name = posixpath.relpath(path, stage.wdir)
    return Item(name, found.md5, size=found.size, nfiles=found.nfiles, isexec=found.isexec)
