"""What DVC knows of a project's stages is taken over, and of what was run here DVC is told."""

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from outdo.core.graph import is_glob, is_url
from outdo.core.model import Entry, Path, Record, Stage, StageName, Value
from outdo.integrations.dvc.hashes import Found
from outdo.integrations.dvc.lockfile import DvcLock
from outdo.integrations.dvc.records import DOS2UNIX, MD5, Item, StageLock
from outdo.integrations.dvc.repository import Repository
from outdo.integrations.dvc.runcache import may_be_kept, run_key
from outdo.integrations.dvc.twins import Twins
from outdo.store.files import each
from outdo.store.objects import Objects
from outdo.store.workspace import Workspace


class Adoption:
    """The stages of a project in a DVC repository: all of `Adopted`."""

    def __init__(self, repository: Repository, workspace: Workspace, objects: Objects) -> None:
        self.repository = repository
        self.twins = Twins(repository.cache, objects)
        self._workspace = workspace
        self._objects = objects

    # ---------------------------------------------------------------- from DVC

    def result(self, stage: Stage, asked: Record) -> Record | None:
        """What `dvc.lock` or DVC's run cache says of a stage with these inputs, if its outputs are in the workspace or
        in DVC's cache."""
        return next(filter(None, (self._record(stage, asked, one) for one in self.known(stage, asked))), None)

    def recorded(self, stages: Sequence[Stage], lock: str) -> Mapping[StageName, Mapping[Path, Entry | None]]:
        """What a `dvc.lock` of this text says that outputs held; None for what DVC's cache lacks."""
        named = DvcLock(lock).stages
        found = {
            stage.name: {_path(stage, item): self.twins.entry(item) for item in named[stage.name].outs}
            for stage in stages
            if stage.name in named
        }
        self.repository.save()
        return found

    def known(self, stage: Stage, asked: Record) -> Iterator[StageLock]:
        """What DVC knows to come out of a stage with these inputs: that in `dvc.lock`, then those in the run cache."""
        locked = self.repository.lock.stages.get(stage.name)
        if locked is not None and (stage.frozen or self._matches(stage, asked, locked)):
            yield locked
        inputs = self.inputs(stage, asked)
        if inputs is not None and may_be_kept(stage, inputs):
            yield from self.repository.runs.get(run_key(inputs))

    def inputs(self, stage: Stage, asked: Record) -> StageLock | None:
        """A stage as the run cache would have it, with the paths of its outputs alone; None where one of its inputs
        is nothing that DVC has a word for."""
        deps = [self._dep(stage, path, entry, MD5) for path, entry in asked.deps.items()]
        if None in deps:
            return None
        outs = tuple(Item(_name(stage, out.path)) for out in stage.outs)
        return StageLock(stage.script, tuple(filter(None, deps)), params_of(stage, asked.params), outs)

    def _matches(self, stage: Stage, asked: Record, locked: StageLock) -> bool:
        """Whether a stage as it is now is the one in the lock, with the same command, params and bytes."""
        if lines(locked.cmd) != stage.cmd or params_of(stage, asked.params) != locked.params:
            return False
        items = {_path(stage, item): item for item in locked.deps}
        if set(asked.deps) != set(items):
            return False
        for path, entry in asked.deps.items():
            dep = self._dep(stage, path, entry, items[path].hash)
            if dep is None or dep.md5 != items[path].md5:
                return False
            if any(items[path].rest.get(key) != value for key, value in dep.rest.items()):
                return False
        return True

    def _dep(self, stage: Stage, path: Path, entry: Entry, kind: str) -> Item | None:
        """A dependency that holds `entry`, as DVC says it; None where that is not known."""
        if is_url(path):
            return far_item(path, entry)
        name = _name(stage, path)
        twin = self.twins.item(name, entry, kind)
        if twin is not None or is_glob(path) or self._workspace.look([path]).get(path) != entry:
            return twin
        found = self.repository.look(path, kind)
        return None if found is None else Item(name, found.md5, kind)

    def _record(self, stage: Stage, asked: Record, known: StageLock) -> Record | None:
        """What DVC knows as a result of ours; None where an output is nowhere."""
        items = {_path(stage, item): item for item in known.outs}
        if set(items) != {out.path for out in stage.outs}:
            return None
        outs: dict[Path, Entry] = {}
        for path, item in items.items():
            here = self.repository.look(path, item.hash)
            same = here is not None and here.md5 == item.md5
            entry = self._workspace.look([path]).get(path) if same else self.twins.entry(item)
            if entry is None:
                return None
            outs[path] = entry
        return Record(asked.key, stage.cmd, asked.deps, asked.params, stage.env, outs)

    def look(self, path: Path, entry: Entry) -> Found | None:
        """What an entry is to DVC, where the workspace holds just that at a path."""
        if self._workspace.look([path]).get(path) != entry:
            return None
        return self.repository.look(path)

    def holds(self, entry: Entry) -> bool:
        """Whether the entry came from DVC's cache."""
        return self.twins.holds(entry)

    def bring(self, entry: Entry) -> None:
        """Our store holds the entry, if it came from DVC's cache."""
        self.twins.bring(entry)

    # ---------------------------------------------------------------- to DVC

    def settle(
        self,
        stages: Sequence[Stage],
        records: Mapping[StageName, Record],
        entries: Mapping[Path, Entry],
    ) -> list[StageName]:
        """DVC's cache, its run cache and then `dvc.lock` hold the results that the workspace holds, with what they
        were made from. A stage that failed, or waits for a run, keeps the entry it had.

        Returns the stages that can't be told of: those that read a glob, which DVC has no word for."""
        told: dict[str, StageLock] = {}
        untold: list[StageName] = []
        for stage in stages:
            record = records.get(stage.name)
            if record is None or not _in_place(stage, record, entries) or self._said_by_dvc_2(stage, record):
                continue
            entry = self._told(stage, record)
            if entry is None:
                untold.append(stage.name)
            else:
                told[stage.name] = entry
        self.repository.write_lock(told)
        self.repository.save()
        return untold

    def _said_by_dvc_2(self, stage: Stage, record: Record) -> bool:
        """Whether the lock says it already in the words of DVC 2, which stay as long as they hold."""
        said = self.repository.lock.stages.get(stage.name)
        if said is None or all(item.hash != DOS2UNIX for item in (*said.deps, *said.outs)):
            return False
        return self._matches(stage, record, said) and all(
            (found := self.repository.look(posixpath.join(stage.wdir, item.path), item.hash)) is not None
            and found.md5 == item.md5
            for item in said.outs
        )

    def _told(self, stage: Stage, record: Record) -> StageLock | None:
        """What `dvc.lock` says of a result, once the cache holds it; None where DVC has no words for it."""
        look = self.repository.look
        deps = {path: self._read(stage, path, record.deps[path]) for path in stage.deps}
        outs = {out.path: look(out.path) for out in stage.outs}
        if None in (*deps.values(), *outs.values()):
            return None
        entry = StageLock(
            stage.script,
            tuple(filter(None, deps.values())),
            params_of(stage, record.params),
            tuple(item_of(stage, path, found) for path, found in outs.items() if found),
        )
        kept = may_be_kept(stage, entry) and all(out.cache or out.role != "out" for out in stage.outs)
        for out in stage.outs:
            found = outs[out.path]
            if found and (out.cache or kept):
                self.keep(out.path, found, record.outs[out.path])
        if kept:
            self.repository.runs.put(entry)
        return entry

    def _read(self, stage: Stage, path: Path, entry: Entry) -> Item | None:
        """What a dependency holds, which is `entry`, as `dvc.lock` says it; None for what it has no words for."""
        if is_url(path):
            return far_item(path, entry)
        found = None if is_glob(path) else self.repository.look(path)
        return None if found is None else item_of(stage, path, found)

    def keep(self, path: Path, found: Found, entry: Entry) -> None:
        """DVC's cache has what the path holds; of a folder its files first, as the listing promises them."""
        cache = self.repository.cache
        place = os.path.join(self.repository.root, path)
        if found.files is None:
            if not cache.has(found.md5):
                self._put(place, found.md5, entry)
            return
        new = [name for name, md5 in found.files.items() if not cache.has(md5)]
        if new:
            files = found.files
            tree = {
                name: Entry(digest, size) for name, digest, size, _ in self._workspace.listing(path).files
            }
            each(lambda name: self._put(f"{place}/{name}", files[name], tree.get(name)), new)
        cache.put_listing(found.files)

    def _put(self, place: str, md5: str, entry: Entry | None) -> None:
        """DVC's cache has the file: by a link to our object, where it is a file of its own, so that it is kept once."""
        held = self._objects.place(entry.digest) if entry is not None else ""
        if entry is not None and os.path.exists(held):
            self.repository.cache.put_file(self._objects.path(entry.digest), md5, entry.digest)
        else:
            self.repository.cache.put_file(place, md5)


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


def params_of(stage: Stage, values: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    """Values by file and key, with files named from the stage's folder."""
    files: dict[str, dict[str, Value]] = {}
    for param in stage.params:
        if str(param) not in values:
            continue
        value = values[str(param)]
        keys = files.setdefault(posixpath.relpath(param.file, stage.wdir), {})
        if param.key:
            keys[param.key] = value
        elif isinstance(value, Mapping):
            keys.update(value)
    return files


def _in_place(stage: Stage, record: Record, entries: Mapping[Path, Entry]) -> bool:
    """Whether the stage is as it was when it gave this result, and the workspace has all that it read and wrote."""
    paths = {*stage.deps, *(out.path for out in stage.outs)}
    known = {**record.deps, **record.outs}
    return (
        record.cmd == stage.cmd
        and paths == set(known)
        and all(entries.get(path) == known[path] for path in paths)
    )


def _name(stage: Stage, path: Path) -> str:
    """A path as the file has it, and so DVC: seen from the stage's folder."""
    spelled = stage.spelled.get(path)
    return spelled or (path if path.startswith("/") or is_url(path) else posixpath.relpath(path, stage.wdir))


def _path(stage: Stage, item: Item) -> Path:
    return item.path if is_url(item.path) else posixpath.normpath(posixpath.join(stage.wdir, item.path))


def far_item(url: Path, entry: Entry) -> Item | None:
    """What is at an address, as `dvc.lock` says it; None where DVC calls its state in another way than its server."""
    word, _, state = entry.state.partition(":")
    size = entry.size if entry.files else None
    match word:
        case "md5":
            return Item(url, state, MD5, size, entry.files if state.endswith(".dir") else None)
        case "etag" | "checksum":
            return Item(url, "", MD5, size, rest={word: state})
    return None


def item_of(stage: Stage, path: Path, found: Found) -> Item:
    """A path of a stage with what it holds, as `dvc.lock` says it."""
    return Item(_name(stage, path), found.md5, size=found.size, nfiles=found.nfiles, isexec=found.isexec)
