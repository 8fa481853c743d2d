"""A repository that DVC keeps too: what it knows is taken over, and what was run here it is told of."""

import os
import posixpath
from collections.abc import Mapping

from outdo.core.model import Path
from outdo.integrations.dvc.cache import Cache
from outdo.integrations.dvc.config import Settings, read_settings
from outdo.integrations.dvc.hashes import Found, Hashes
from outdo.integrations.dvc.lockfile import NAME, DvcLock
from outdo.integrations.dvc.records import MD5, StageLock
from outdo.integrations.dvc.runcache import RunCache
from outdo.store.atomic import write_atomic
from outdo.store.statcache import StatCache


class Repository:
    """The DVC repository that the project at `root` is in; `top` is its folder, with `.dvc` in it.

    `state` is a folder of Outdo's own, for what was hashed."""

    def __init__(self, root: str, top: str, state: str, environ: Mapping[str, str]) -> None:
        self.root = root
        self.top = top
        self.settings: Settings = read_settings(top, environ)
        self._inside = posixpath.relpath(root, top)
        self._stat = StatCache(os.path.join(state, "dvc"))
        self._seals = StatCache(os.path.join(state, "dvc", "cache"))
        self._hashes = Hashes(top, self._stat)
        shared = self.settings.sections.get("cache", {}).get("shared") == "group"
        self.cache = Cache(self.settings.cache, shared=shared, seals=self._seals)
        self.runs = RunCache(self.settings.cache, shared=shared)
        self._lock: DvcLock | None = None

    @property
    def lock(self) -> DvcLock:
        """The project's `dvc.lock`; raises `BadLock`."""
        if self._lock is None:
            self._lock = DvcLock(self._text(NAME))
        return self._lock

    def look(self, path: Path, kind: str = MD5) -> Found | None:
        """What a path of the project holds, as DVC says it."""
        return self._hashes.look(posixpath.normpath(posixpath.join(self._inside, path)), kind)

    def write_lock(self, stages: Mapping[str, StageLock]) -> bool:
        """Whether `dvc.lock` had to be written to say this of these stages."""
        self._lock = None  # what it says now counts
        lock = self.lock
        text = lock.with_stages(stages)
        if text == lock.text:
            return False
        write_atomic(os.path.join(self.root, NAME), text.encode(), durable=True)
        self._lock = None
        return True

    def save(self) -> None:
        """What was hashed is remembered by the next process."""
        self._stat.save()
        self._seals.save()

    def _text(self, name: str) -> str:
        try:
            with open(os.path.join(self.root, name), encoding="utf-8", newline="") as file:
                return file.read()
        except FileNotFoundError:
            return ""
