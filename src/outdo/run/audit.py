"""An audit: which files of the project a stage reads without declaring them, told without failing it.

By strace, which knows the stage that read; where that does not work by watching the project's folders, for which the
stages have to run one at a time.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import msgspec
from msgspec import Struct

from outdo.core.model import Path
from outdo.run.enclosure import covers
from outdo.run.inotify import Inotify
from outdo.run.ports import Job
from outdo.run.trace import IGNORED, Ground, Tracer, read_notes
from outdo.store.files import Scratch


class Audit(Struct, frozen=True):
    """How stages can be observed on this machine."""

    kind: Literal["strace", "inotify", "none"]
    tracer: Tracer | None = None
    scratch: str = ".outdo/tmp"
    """Where notes are kept meanwhile, from the project's folder."""

    @staticmethod
    def find(*, scratch: str = ".outdo/tmp") -> "Audit":
        """The best way that works here; tried once, which takes some 10 ms."""
        tracer = Tracer.find()
        if tracer is not None:
            return Audit("strace", tracer, scratch)
        try:
            Inotify(()).stop()
        except OSError:
            return Audit("none")
        return Audit("inotify")

    @property
    def one_at_a_time(self) -> bool:
        """Whether it can't tell two stages apart that run side by side."""
        return self.kind == "inotify"

    @property
    def limits(self) -> str:
        """What it can't see, as a sentence for people; empty where it sees all."""
        if self.kind == "inotify":
            return (
                "strace does not work here, so the audit watches the project's folders: stages run one at a time, "
                "and whoever else reads there meanwhile is taken for the stage"
            )
        return (
            ""
            if self.kind == "strace"
            else "neither strace nor inotify works here, so nothing can be audited"
        )

    @contextmanager
    def enter(self, root: str, job: Job, declared: Sequence[str]) -> Iterator["Trail"]:
        """Observes one attempt: run its `job`, then ask for the `findings`. Declared are reads and writes, absolute
        or relative to `root`, globs expanded. Raises OSError."""
        known = frozenset(os.path.relpath(os.path.join(root, path), root) for path in declared)
        trail = Trail(root, known, job)
        try:
            if self.tracer is not None:
                trail.trace(self.tracer, os.path.join(root, self.scratch))
            elif self.kind == "inotify":
                trail.watch()
            yield trail
        finally:
            trail.close()


class Trail:
    """What one attempt at a stage left behind for the audit."""

    def __init__(self, root: str, declared: frozenset[Path], job: Job) -> None:
        self.job = job
        """The attempt as it is to be run."""
        self._root = root
        self._declared = declared
        self._ground = Ground(root)
        self._notes = ""
        self._scratch: Scratch | None = None
        self._watch: Inotify | None = None

    def trace(self, tracer: Tracer, scratch: str) -> None:
        self._scratch = Scratch(scratch)
        self._notes = self._scratch.name()
        self.job = msgspec.structs.replace(self.job, wrapper=(*self.job.wrapper, *tracer.before(self._notes)))

    def watch(self) -> None:
        self._watch = Inotify(self._folders(self._root))

    def findings(self) -> list[Path]:
        """The undeclared files of the project that the stage read and did not make itself, sorted."""
        if self._watch is not None:
            self._watch.stop()
            return self._undeclared(self._watch.read, self._watch.made)
        read: set[str] = set()
        made: set[str] = set()
        for opened in read_notes(self._notes, self.job.cwd) if self._notes else ():
            if opened.found and opened.path not in made:
                (read if opened.reads else made).add(opened.path)
        return self._undeclared(read, made - read)

    @property
    def incomplete(self) -> bool:
        """Whether more happened than could be observed."""
        return self._watch is not None and self._watch.incomplete

    def close(self) -> None:
        if self._watch is not None:
            self._watch.stop()
        if self._scratch is not None:
            self._scratch.close()

    def _undeclared(self, read: set[str], made: set[str]) -> list[Path]:
        found = {path for path in map(self._ground.inside, read - made) if path is not None}
        return sorted(path for path in found if self._counts(path))

    def _counts(self, path: Path) -> bool:
        place = os.path.join(self._root, path)
        if covers(self._declared, path) or not os.path.isfile(place):
            return False
        behind = os.path.relpath(os.path.realpath(place), os.path.realpath(self._root))
        return not covers(self._declared, behind)

    def _folders(self, folder: str) -> Iterator[str]:
        """The folders to watch: all but declared ones and those no stage need declare."""
        yield folder
        with os.scandir(folder) as entries:
            folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        for entry in folders:
            compiled = entry.name == "__pycache__"
            kept_out = entry.name in IGNORED or os.path.exists(f"{entry.path}/pyvenv.cfg")
            if compiled or not (kept_out or covers(self._declared, os.path.relpath(entry.path, self._root))):
                try:
                    yield from self._folders(entry.path)
                except OSError:
                    continue
