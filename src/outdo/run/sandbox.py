"""A sandbox: a stage sees its declared dependencies, the folders it writes to, and nothing else of the project.

Where bubblewrap works, the project's folder is replaced by an empty one, the dependencies are mounted in it read-only,
and there is no network and no other file of yours. Elsewhere the dependencies are copied into a folder of their own.
Either way the outputs are moved into the project afterwards, and what else was written is dropped, and told.
docs/design/processes.md says why.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import msgspec
from msgspec import Struct

from outdo.core.model import Path, Stage
from outdo.run import bubblewrap, mentions, relay
from outdo.run.bubblewrap import Bubblewrap
from outdo.run.enclosure import Enclosure, covers, to_bind
from outdo.run.ports import Job, Outcome
from outdo.run.trace import Ground, Tracer, read_notes
from outdo.store.files import Scratch

_KEPT = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "NO_COLOR", "FORCE_COLOR",
    "VIRTUAL_ENV", "JAVA_HOME", "LD_LIBRARY_PATH", "OUTDO_ROOT", "OUTDO_RUN", "OUTDO_STAGE",
    "OUTDO_ATTEMPT", "OUTDO_GUARD", "DVC_ROOT", "DVC_STAGE",
}  # fmt: skip
_KEPT_FAMILIES = (
    "LC_",
    "PYTHON",
    "CONDA_",
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "NUMEXPR_",
    "R_",
    "JULIA_",
)
_SECRET = ("TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "API_KEY")
_NOTES = "/run/outdo"
_RELAY = "/run/outdo-relay.py"
_LINE = "/run/outdo-line"


class Sandbox(Struct, frozen=True):
    """What this machine has to shut a stage in, and how to tell what it missed."""

    bubblewrap: Bubblewrap | None
    tracer: Tracer | None
    shown: tuple[str, ...] = ()
    """Folders that every stage may read, such as the store where links in the workspace lead to it."""
    scratch: str = ".outdo/tmp"
    """Where boxes are made, from the project's folder; on the same file system."""

    @staticmethod
    def find(*, shown: Sequence[str] = (), scratch: str = ".outdo/tmp") -> "Sandbox":
        """The best sandbox that works here; each candidate is tried once, which takes some 20 ms."""
        return Sandbox(Bubblewrap.find(), Tracer.find(), tuple(shown), scratch)

    @property
    def kind(self) -> Literal["bubblewrap", "folder"]:
        return "folder" if self.bubblewrap is None else "bubblewrap"

    @property
    def limits(self) -> str:
        """What this sandbox can't do, as a sentence for people; empty where it does all."""
        said = []
        if self.bubblewrap is None:
            said.append(
                "bubblewrap does not work here, so a sandboxed stage runs in a folder with just its files: "
                "the network is not cut, and files elsewhere are within reach of absolute paths"
            )
        if self.tracer is None:
            said.append(
                "strace does not work here, so an undeclared file is named only if the stage's log names it"
            )
        return "; ".join(said)

    @contextmanager
    def enter(
        self, root: str, stage: Stage, reads: Sequence[str], writes: Sequence[str], job: Job
    ) -> Iterator["Box"]:
        """A box for one attempt: run its `job`, then `collect`, then ask what was `undeclared`. Paths may be absolute
        or relative to `root`; all in reads is there already, with globs expanded. Raises OSError."""
        box = Box(self, root, stage, Declared.of(root, reads, writes), job)
        try:
            box.fill()
            yield box
        finally:
            box.close()


class Declared(Struct, frozen=True):
    """What a stage may see, relative to the project's folder; `/…` and `../…` are outside of it."""

    reads: frozenset[Path]
    writes: frozenset[Path]

    @staticmethod
    def of(root: str, reads: Sequence[str], writes: Sequence[str]) -> "Declared":
        return Declared(
            frozenset(_relative(root, path) for path in reads),
            frozenset(_relative(root, path) for path in writes),
        )

    def covers(self, path: Path) -> bool:
        """Whether the path, or a folder it is in, is declared."""
        return covers(self.reads, path) or covers(self.writes, path)


class Box:
    """One attempt at a stage in its sandbox."""

    def __init__(self, sandbox: Sandbox, root: str, stage: Stage, declared: Declared, job: Job) -> None:
        self._sandbox = sandbox
        self._root = root
        self._stage = stage
        self._declared = declared
        self._given = job
        self._log_start = os.path.getsize(job.log) if os.path.exists(job.log) else 0
        self._scratch = Scratch(os.path.join(root, sandbox.scratch))
        self._inside = Enclosure(self._scratch.name(), root, declared.reads, declared.writes)
        self._environments = _environments(root, job.env)
        self._seen_outside: list[str] = []
        self.job = job
        """The attempt as it is to be run in the box."""

    def fill(self) -> None:
        """Puts what the stage may see where it expects it."""
        inside = self._inside
        inside.make_folder(self._stage.wdir)
        for path in self._declared.writes:
            inside.make_folder(os.path.dirname(path))
        present = [path for path in self._declared.writes if os.path.lexists(os.path.join(self._root, path))]
        reads = [path for path in self._declared.reads if os.path.exists(os.path.join(self._root, path))]
        reads = [path for path in bubblewrap.outermost(reads) if not covers(self._declared.writes, path)]
        inside.copy_in(present)
        if self._sandbox.bubblewrap is None:
            self._fill_folder(reads)
        else:
            self._fill_bubble(self._sandbox.bubblewrap, reads)

    def collect(self) -> list[Path]:
        """Moves the outputs into the project; returns what was written elsewhere in it, and is dropped."""
        return self._inside.collect()

    def undeclared(self, outcome: Outcome) -> list[Path]:
        """The files that the stage asked for and that are there, but not declared: a failed attempt's; in a folder
        also those that it reached by the project's own path, whatever the outcome. Sorted."""
        found = set(self._traced(ok=outcome.ok))
        if not outcome.ok:
            found.update(self._mentioned())
        return sorted(found)

    def close(self) -> None:
        self._scratch.close()

    def _fill_bubble(self, bwrap: Bubblewrap, reads: list[Path]) -> None:
        inside, root = self._inside, self._root
        env = self._small_environment() | {"TMPDIR": bubblewrap.TMP}
        tools = bubblewrap.tools(env, root, (sys.prefix, sys.base_prefix))
        mounts, copies = to_bind(root, reads, self._declared.writes)
        inside.copy_in(copies)
        shown = [path for path in self._sandbox.shown if os.path.isdir(path)]
        self._seen_outside = [*bubblewrap.SYSTEM, *tools, *shown, "/proc", "/dev", bubblewrap.TMP]
        words = [
            *bubblewrap.machine(root, env.get("HOME", ""), inside.scratch, tools),
            "--bind",
            inside.top,
            root,
        ]
        for source in [
            os.path.normpath(os.path.join(root, path)) for path in (*self._environments, *mounts)
        ] + shown:
            words += ("--ro-bind", source, source)
            if bubblewrap.under(source, [root]):
                inside.leave_place(os.path.relpath(source, root))
        line = self._given.line
        relaying: tuple[str, ...] = ()
        if line is not None and line.socket:
            words += ("--ro-bind", relay.__file__, _RELAY, "--ro-bind", line.socket, _LINE)
            relaying = (sys.executable, "-I", "-S", _RELAY, str(line.port), _LINE)
        words += ("--bind", inside.notes, _NOTES, "--remount-ro", "/", "--chdir", self._given.cwd)
        listed = f"{inside.folder}/arguments"
        with open(listed, "wb") as file:
            file.write(bubblewrap.arguments(words))
        before = bwrap.before(listed) + relaying + self._tracing(f"{_NOTES}/opened")
        self.job = msgspec.structs.replace(self._given, env=env, wrapper=before)

    def _fill_folder(self, reads: list[Path]) -> None:
        inside = self._inside
        inside.copy_in(path for path in reads if not os.path.isabs(path))
        for path in self._environments:
            inside.link(path)
        env = self._small_environment()
        for name in {"PYTHONPATH", "OUTDO_ROOT", *self._stage.env} & env.keys():
            env[name] = os.pathsep.join(map(self._moved, env[name].split(os.pathsep)))
        cwd = inside.place(os.path.relpath(self._given.cwd, self._root))
        before = self._tracing(f"{inside.notes}/opened")
        self.job = msgspec.structs.replace(self._given, env=env, cwd=cwd, wrapper=before)

    def _tracing(self, notes: str) -> tuple[str, ...]:
        return () if self._sandbox.tracer is None else self._sandbox.tracer.before(notes)

    def _moved(self, path: str) -> str:
        if not bubblewrap.under(path, [self._root]) or self._is_environment(
            os.path.relpath(path, self._root)
        ):
            return path
        return self._inside.place(os.path.relpath(path, self._root))

    def _is_environment(self, path: Path) -> bool:
        return covers(self._environments, path)

    def _small_environment(self) -> dict[str, str]:
        """The variables that say how to run, and the stage's own; neither secrets nor what it happens to depend on."""
        given = self._given.env
        plain = {name for name in given if name in _KEPT or name.startswith(_KEPT_FAMILIES)}
        harmless = {name for name in plain if not any(word in name.upper() for word in _SECRET)}
        small = {name: given[name] for name in given if name in harmless or name in self._stage.env}
        return {**(self._given.line.env if self._given.line else {}), **small}

    def _traced(self, *, ok: bool) -> Iterator[Path]:
        inside = self._inside
        boxed = Ground(self._root, (inside.top,) if self._sandbox.bubblewrap is None else ())
        for opened in read_notes(f"{inside.notes}/opened", self.job.cwd):
            if not opened.reads or (path := boxed.inside(opened.path)) is None:
                continue
            escaped = opened.found and self._sandbox.bubblewrap is None and not self._is_in_box(opened.path)
            missed = not opened.found and not ok and self._is_hidden(path)
            if (missed or (escaped and not self._declared.covers(path))) and os.path.isfile(
                f"{self._root}/{path}"
            ):
                yield path

    def _is_in_box(self, path: str) -> bool:
        return bubblewrap.under(path, [self._inside.folder])

    def _is_hidden(self, path: Path) -> bool:
        """Whether the project has it, and the box has not."""
        return (
            os.path.lexists(os.path.join(self._root, path))
            and not self._declared.covers(path)
            and not self._inside.has(path)
        )

    def _mentioned(self) -> Iterator[Path]:
        said = mentions.tail(self._given.log, self._log_start)
        ground = Ground(self._root, (self._inside.top,))
        for text, stands_out in mentions.paths(said):
            for path in self._readings(ground, text):
                if stands_out or (not os.path.isdir(os.path.join(self._root, path)) and not text.isalnum()):
                    yield path
        for module in mentions.modules(said):
            yield from self._module(module)

    def _readings(self, ground: Ground, text: str) -> Iterator[Path]:
        """The hidden paths that a text may mean."""
        if not text or "\0" in text:
            return
        if os.path.isabs(text):
            path = ground.inside(os.path.normpath(text))
            if path is not None and self._is_hidden(path):
                yield path
            elif path is None and self._is_hidden_outside(os.path.normpath(text)):
                yield os.path.normpath(text)
            return
        for folder in dict.fromkeys((self._stage.wdir, ".")):
            path = os.path.normpath(os.path.join(folder, text))
            if not path.startswith("..") and ground.inside(f"{self._root}/{path}") and self._is_hidden(path):
                yield path

    def _is_hidden_outside(self, path: str) -> bool:
        within = bubblewrap.under(path, [*self._seen_outside, self._root])
        return (
            bool(self._seen_outside)
            and not within
            and not self._declared.covers(path)
            and os.path.isfile(path)
        )

    def _module(self, module: Path) -> Iterator[Path]:
        """Where the project has a Python module that was not found."""
        scripts = [word for command in self._stage.cmd for word in command.split() if word.endswith(".py")]
        folders = [
            os.path.dirname(path) for path in (*scripts, *self._declared.reads) if path.endswith(".py")
        ]
        searched = self._given.env.get("PYTHONPATH", "").split(os.pathsep)
        folders += [_relative(self._root, os.path.join(self._given.cwd, entry)) for entry in searched]
        for folder in dict.fromkeys((self._stage.wdir, ".", "src", *folders)):
            for name in (f"{module}.py", module):
                path = os.path.normpath(os.path.join(folder, name))
                if not path.startswith(("..", "/")) and self._is_hidden(path):
                    yield path
                    return


def _relative(root: str, path: str) -> Path:
    """A path as a stage declares it: from the project's folder, absolute where it was given so and lies outside."""
    absolute = os.path.normpath(os.path.join(root, path))
    if os.path.isabs(path) and not bubblewrap.under(absolute, [root]):
        return absolute
    return os.path.relpath(absolute, root)


def _environments(root: str, env: Mapping[str, str]) -> list[Path]:
    """The virtual environments in the project's folder, which a stage sees without declaring them."""
    named = [os.path.dirname(folder) for folder in env.get("PATH", "").split(os.pathsep)]
    folders = [f"{root}/.venv", f"{root}/venv", env.get("VIRTUAL_ENV", ""), sys.prefix, *named]
    signs = ("pyvenv.cfg", "conda-meta", ".bin")
    found = [
        os.path.relpath(folder, root)
        for folder in folders
        if folder.startswith(f"{root}/") and any(os.path.exists(f"{folder}/{sign}") for sign in signs)
    ]
    return bubblewrap.outermost(found)
