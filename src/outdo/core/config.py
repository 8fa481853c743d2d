"""The text of `outdo.yaml`, or of a `dvc.yaml`, to a typed project, or to every mistake in it with its line."""

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from outdo.core import crosscheck
from outdo.core.aims import aims
from outdo.core.document import Document, Slip, Steps, parse
from outdo.core.errors import BadPath, Mistakes, TooDeep, UserError, WrongType
from outdo.core.file import File
from outdo.core.inspection import checked_paths
from outdo.core.model import Packages, Path, Pipeline, Place, Stage, Value
from outdo.core.outputs import model_outputs
from outdo.core.packages import VARIABLE, whole
from outdo.core.paths import anywhere, output
from outdo.core.remotes import read_remotes
from outdo.core.rules import Asserted
from outdo.core.sections import Artifact, Environment, Model, Monitor, Notify, Plot, Triggers
from outdo.core.shapes import UNREADABLE, describe, reader, unknown_key
from outdo.core.stages import Body, StageText, bodies, folder_of, installed, stage, variables
from outdo.core.template import MAX_STAGES, Budget, Scope, resolve
from outdo.core.variables import Files, ReadText, with_params, with_vars

_READ_APART = ("vars", "stages")
_TEMPLATE = re.compile(r"\$\{(?!\s*secret\.)")


class Project(Struct, frozen=True):
    """All that a file declares, typed, with paths from the project's folder."""

    pipeline: Pipeline
    env: Mapping[str, str] = {}
    """Of every stage; it is in each stage's `env` already."""
    packages: Packages | None = None
    """What stages find installed that do not say it themselves; it is in each of them already."""
    plots: Mapping[str, Plot] = {}
    """How plots are drawn, by path or name: those of stages and those of the file."""
    artifacts: Mapping[str, Artifact] = {}
    checks: Mapping[Path, tuple[Asserted, ...]] = {}
    models: Mapping[str, Model] = {}
    environments: Mapping[str, Environment] = {}
    monitors: Mapping[str, Monitor] = {}
    triggers: Triggers = Triggers()
    notify: Notify = Notify()


def read_project(name: str, text: str, read: ReadText, default_name: str = "project") -> Project:
    """The project that `text`, the file `name`, declares; raises `Mistakes` with all that is wrong in it.

    `read` gives the files that it refers to: those of `vars`, and params.yaml where there are templates. Each is
    told in `Pipeline.sources`, with the file itself, so that a caller knows when to read anew."""
    with _no_collection():
        return _read_project(name, text, read, default_name)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keeps the garbage collector from walking a large file's values again and again: they hold no cycles, and
    it would take two thirds of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_project(name: str, text: str, read: ReadText, default_name: str) -> Project:
    document = parse(name, text, templates=True)
    files = Files(read)
    files.note(name, text)
    raw = {} if document.value is None else document.value
    if not isinstance(raw, dict):
        what = f"the file has to be a mapping with 'stages', not {describe(raw)}"
        raise Mistakes([*document.mistakes, document.error(Slip(WrongType, what, ()))])
    reading = _Reading(document, files)
    project = reading.project(raw, default_name)
    found = [*document.mistakes, *files.errors, *map(document.error, reading.slips)]
    if found:
        raise Mistakes(_in_order(found, name))
    return project


def _in_order(mistakes: list[UserError], name: str) -> list[UserError]:
    """Each mistake once, by its place, those of the file itself first."""
    distinct = {(error.code, str(error.where), error.what): error for error in mistakes}

    def place(error: UserError) -> tuple[bool, str, int, int]:
        where = error.where
        if not isinstance(where, Place):
            return (True, str(where), 0, 0)
        return (where.file != name, where.file, where.line, where.column)

    return sorted(distinct.values(), key=place)


class _Reading:
    """One reading of one file, and what is wrong so far."""

    def __init__(self, document: Document, files: Files) -> None:
        self.document = document
        self.files = files
        self.slips: list[Slip] = []
        self.resolved: dict[str, Value] = {}
        self.plots: dict[str, Plot] = {}
        self.env: dict[str, str] = {}
        self.packages: Packages | None = None

    def project(self, raw: dict[str, Value], default_name: str) -> Project:
        scope = self._scope(raw)
        found = self._sections(raw, scope)
        env = found.pop("env", {})
        self.env = variables(env)
        self.packages = self._whole(installed(env, ".", ("env",), self.slips), ("env",))
        stages = self._stages(raw.get("stages"), scope)
        self.slips.extend(crosscheck.slips(self.resolved, stages))
        pipeline = Pipeline(
            project=found.pop("project", default_name),
            stages=tuple(made for made in stages.values() if made is not None),
            metrics=found.pop("metrics", ()),
            plots=tuple(dict.fromkeys(self._drawn(found.pop("plots", ())))),
            params=found.pop("params", ()),
            sources=tuple(self.files.sources.values()),
            remotes=read_remotes(found.pop("remotes", {}), self.slips),
            aims=aims(found.get("models", {})),
            models=model_outputs(found.get("models", {}), stages, self.slips),
            checks=checked_paths(found.get("checks", {})),
        )
        return Project(pipeline, self.env, self.packages, self.plots, **found)

    def _scope(self, raw: dict[str, Value]) -> Scope:
        scope = Scope({}, Budget())
        if "vars" in raw or _TEMPLATE.search(self.document.text):
            scope = with_params(scope, self.files)
        return with_vars(scope, raw.get("vars", []), ".", ("vars",), self.files, self.slips)

    def _sections(self, raw: dict[str, Value], scope: Scope) -> dict[str, Any]:
        """The sections that could be read, by name."""
        kinds = {field.name: field.type for field in fields(File)}
        found: dict[str, Any] = {}
        for key, value in raw.items():
            if key not in kinds:
                self.slips.append(unknown_key(key, (), kinds))
            elif key not in _READ_APART:
                resolved = self.resolved[key] = resolve(value, scope, (key,), self.slips)
                got = reader(kinds[key])(resolved, (key,), self.slips)
                if got is not UNREADABLE:
                    found[key] = got
        return found

    def _stages(self, raw: Value, scope: Scope) -> dict[str, Stage | None]:
        """The stages by name, None for one that could not be read."""
        stages: dict[str, Stage | None] = {}
        if not isinstance(raw, dict):
            if raw is not None:
                what = f"stages has to be a mapping of names to stages, not {describe(raw)}"
                self.slips.append(Slip(WrongType, what, ("stages",)))
            return stages
        for name, entry in raw.items():
            before = len(self.slips)
            for body in bodies(name, entry, scope, self.slips):
                if len(stages) == MAX_STAGES:
                    what = f"foreach and matrix make more than {MAX_STAGES} stages"
                    self.slips.append(Slip(TooDeep, what, body.path))
                    return stages
                stages[body.name] = self._stage(body)
            if len(self.slips) > before:
                stages.setdefault(name, None)
        return stages

    def _stage(self, body: Body) -> Stage | None:
        folder = folder_of(body, self.slips)
        if folder is None:
            return None
        scope, path = body.scope, body.path
        if "vars" in body.raw:
            scope = with_vars(scope, body.raw["vars"], folder, (*path, "vars"), self.files, self.slips)
        resolved = {
            key: resolve(value, scope, (*path, key), self.slips, command=key == "cmd")
            for key, value in body.raw.items()
            if key not in ("vars", "wdir")
        }
        text = reader(StageText)(resolved, path, self.slips)
        if text is UNREADABLE:
            text = self._readable(resolved, path)
        place = self.document.place(path[:2], at_key=True)
        made = stage(body.name, text, folder, path, place, self.slips)
        self._note_plots(text, folder)
        packages = self._whole(made.packages, (*path, "env")) or self.packages
        env = {**self.env, **made.env}
        if packages is None:
            return replace(made, env=env) if self.env else made
        deps = dict.fromkeys((*made.deps, packages.file, *packages.also))
        return replace(made, deps=tuple(deps), packages=packages, env={**env, VARIABLE: str(packages)})

    def _whole(self, packages: Packages | None, path: Steps) -> Packages | None:
        return None if packages is None else whole(packages, self.files, path, self.slips)

    def _readable(self, resolved: dict[str, Value], path: Steps) -> StageText:
        """The part of a stage that can be read, so that its paths are looked at all the same."""
        found: dict[str, Any] = {"cmd": "unreadable"}
        for field in fields(StageText):
            if field.name in resolved:
                got = reader(field.type)(resolved[field.name], path, [])
                if got is not UNREADABLE:
                    found[field.name] = got
        return StageText(**found)

    def _note_plots(self, text: StageText, folder: Path) -> None:
        for entry in text.plots:
            for written, flags in entry.items() if isinstance(entry, Mapping) else ():
                try:
                    path = output(written, folder)
                except ValueError:
                    continue  # told with the stage
                drawn = {name: getattr(flags, name) for name in Plot.__struct_fields__}
                self.plots[path] = Plot(**drawn)

    def _drawn(self, entries: tuple[str | Mapping[str, Plot], ...]) -> Iterator[Path]:
        """The files that the file's own plots draw; how is noted."""
        for index, entry in enumerate(entries):
            for name, plot in ({entry: Plot()} if isinstance(entry, str) else entry).items():
                if plot != Plot() or name not in self.plots:
                    self.plots[name] = plot
                named = [*_files_of(plot)] or [name]
                for written in named:
                    try:
                        yield anywhere(written)
                    except ValueError as error:
                        self.slips.append(Slip(BadPath, str(error), ("plots", index)))


def _files_of(plot: Plot) -> Iterator[str]:
    for axis in (plot.x, plot.y):
        if isinstance(axis, Mapping):
            yield from axis
