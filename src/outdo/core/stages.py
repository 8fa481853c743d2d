"""The section `stages`: what it may hold, its `foreach` and `matrix` written out, its texts to `Stage`s.

The docstrings of these classes and fields are what editors and the reference show.
"""

from collections.abc import Iterator, Mapping
from posixpath import relpath
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from outdo.core import model, paths, urls
from outdo.core.document import Slip, Steps, dotted
from outdo.core.errors import BadPath, DuplicateKey, MissingKey, TooDeep, UnknownKey, WrongType
from outdo.core.graph import is_url
from outdo.core.kinds import Count, Names, Scalar
from outdo.core.model import Bar, Output, Packages, Param, Path, Place, Stage, StageName, Value
from outdo.core.packages import PackagesFile
from outdo.core.sections import Resources
from outdo.core.shapes import UNREADABLE, describe, unknown_key
from outdo.core.template import Scope, foreach_items, matrix_items, resolve
from outdo.core.written import Duration

VariableName = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Variables = Mapping[VariableName, Scalar]
Env = PackagesFile | Variables | tuple[PackagesFile | Variables, ...]


Role = Literal["out", "metric", "plot"]


class OutFlags(Struct, frozen=True):
    """How an output is kept."""

    cache: bool = True
    """Kept in the store; `false` leaves the file to Git."""
    persist: bool = False
    """Not removed before the stage runs."""
    remote: str | None = None
    """The remote it is pushed to, where it is not the default."""
    push: bool = True
    """Sent to the remote by a push."""
    desc: str = ""
    type: str = ""
    labels: Names = ()
    meta: Any = None
    """Whatever you like; Outdo doesn't look into it."""


class PlotFlags(OutFlags, frozen=True):
    """How a plot is kept, and drawn."""

    template: str = ""
    """linear, smooth, scatter, confusion or another of `outdo plots --help`; or a file of Vega-Lite."""
    x: str = ""
    """The field of the horizontal axis."""
    y: str | Names = ""
    """The field or fields of the vertical axis."""
    x_label: str = ""
    y_label: str = ""
    title: str = ""
    header: bool = True
    """Whether the first line of a CSV or TSV file holds the names of its columns."""


class StageText(Struct, frozen=True):
    """One command with what it reads and writes."""

    cmd: str | Names
    """The command, or several: a list, or a text with one on each line. They run one after the other."""
    wdir: str = "."
    """The folder that the command runs in and the paths are seen from."""
    deps: Names = ()
    """Files, folders, patterns (`data/*.csv`) or addresses (`s3://bucket/data.csv`, `https://…`) that it reads: when
    one changes, it runs again. What is at an address is not fetched: its server is asked whether it changed."""
    params: tuple[str | Mapping[str, Names | None], ...] = ()
    """Values that it reads: keys of params.yaml, or `{file: [keys]}`, or `{file: null}` for a whole file."""
    outs: tuple[str | Mapping[str, OutFlags], ...] = ()
    """Files and folders that it writes; they are kept in the store."""
    metrics: tuple[str | Mapping[str, OutFlags], ...] = ()
    """Files of numbers that it writes, JSON or YAML."""
    plots: tuple[str | Mapping[str, PlotFlags], ...] = ()
    """Files to draw that it writes, such as CSV or JSON."""
    vars: tuple[str | Mapping[str, Any], ...] = ()
    """Values for this stage's templates: files, `file:key,key`, or mappings."""
    frozen: bool = False
    """Never runs by itself: its outputs are taken as they are."""
    always_changed: bool = False
    """Runs each time, whatever changed."""
    desc: str = ""
    meta: Any = None
    """Whatever you like; Outdo doesn't look into it."""
    resources: Resources = Resources()
    timeout: Duration | None = None
    """How long one attempt may take, such as `2h`."""
    retries: Count = 0
    """How often it is tried again when it fails."""
    env: Env = {}
    """Environment variables of the command, or the file of the environment that it runs in (`uv.lock`), or a list of
    both; when one changes, it runs again."""
    sandbox: bool = False
    """It sees its declared dependencies only, and no network."""


class MatrixStage(StageText, frozen=True, kw_only=True):
    """A stage for every combination of values, named `stage@v1-v2`."""

    matrix: Mapping[str, tuple[Any, ...]]
    """The values of each axis, as `${item.axis}` in the stage; `${key}` is the combination's name."""


class ForeachStage(Struct, frozen=True):
    """A stage for every item of a list or mapping, named `stage@item` or `stage@key`."""

    foreach: tuple[Any, ...] | Mapping[str, Any]
    """The items, as `${item}` in the stage; `${key}` is the item's name."""
    do: StageText
    """The stage."""


class Body(Struct, frozen=True):
    """A stage before its templates are resolved: one of the file, or one of a `foreach` or `matrix`."""

    name: StageName
    raw: dict[str, Value]
    scope: Scope
    path: Steps


# ------------------------------------------------------------------ foreach and matrix, written out


def bodies(name: str, raw: Value, scope: Scope, slips: list[Slip]) -> Iterator[Body]:
    """The stages that one entry of `stages` stands for."""
    path: Steps = ("stages", name)
    if not name.strip() or "@" in name or name.startswith("-") or not name.isprintable():
        what = f"'{name}' can't be a stage's name"
        slips.append(Slip(WrongType, what, path, "take letters, digits, '-', '_', '.'", at_key=True))
        return
    if not isinstance(raw, dict):
        slips.append(Slip(WrongType, f"{dotted(path)} has to be a mapping, not {describe(raw)}", path))
    elif "foreach" in raw or "do" in raw:
        yield from _foreach(name, raw, scope, path, slips)
    elif "matrix" in raw:
        yield from _matrix(name, raw, scope, path, slips)
    else:
        yield Body(StageName(name), raw, scope, path)


def _foreach(
    name: str, raw: dict[str, Value], scope: Scope, path: Steps, slips: list[Slip]
) -> Iterator[Body]:
    before = len(slips)
    for key in raw:
        if key in StageText.__struct_fields__ or key == "matrix":
            what = f"'{key}' stands beside 'foreach' in {dotted(path)}"
            slips.append(Slip(UnknownKey, what, (*path, key), "put it under 'do:'", at_key=True))
        elif key not in ("foreach", "do"):
            slips.append(unknown_key(key, path, ("foreach", "do")))
    slips.extend(
        Slip(MissingKey, f"{dotted(path)} has no '{key}'", path, f"add '{key}:'", at_key=True)
        for key in ("foreach", "do")
        if key not in raw
    )
    body = raw.get("do", {})
    if not isinstance(body, dict):
        what = f"{dotted((*path, 'do'))} has to be a mapping, not {describe(body)}"
        slips.append(Slip(WrongType, what, (*path, "do")))
    here = (*path, "foreach")
    values = resolve(raw.get("foreach", []), scope, here, slips)
    if len(slips) == before and not isinstance(values, list | dict):
        what = f"{dotted(here)} has to be a list or a mapping, not {describe(values)}"
        slips.append(Slip(WrongType, what, here))
    if len(slips) > before:
        return
    try:
        items = foreach_items(values)
    except ValueError as error:
        slips.append(Slip(DuplicateKey, f"{dotted(here)} has {error}", here))
        return
    for key, item in items:
        yield Body(StageName(f"{name}@{key}"), body, scope.within(key, item), (*path, "do"))


def _matrix(name: str, raw: dict[str, Value], scope: Scope, path: Steps, slips: list[Slip]) -> Iterator[Body]:
    before = len(slips)
    here = (*path, "matrix")
    axes = resolve(raw["matrix"], scope, here, slips)
    if len(slips) == before and not isinstance(axes, dict):
        what = f"{dotted(here)} has to be a mapping of lists, not {describe(axes)}"
        slips.append(Slip(WrongType, what, here))
    if len(slips) > before:
        return
    for axis, values in axes.items():
        if not isinstance(values, list):
            what = f"{dotted((*here, axis))} has to be a list, not {describe(values)}"
            slips.append(Slip(WrongType, what, (*here, axis)))
    if len(slips) > before:
        return
    try:
        items = matrix_items(axes)
    except ValueError as error:
        kind = DuplicateKey if "name" in str(error) else TooDeep
        slips.append(Slip(kind, f"{dotted(here)} has {error}", here))
        return
    body = {key: value for key, value in raw.items() if key != "matrix"}
    for key, item in items:
        yield Body(StageName(f"{name}@{key}"), body, scope.within(key, item), path)


# ------------------------------------------------------------------ texts to stages


def folder_of(body: Body, slips: list[Slip]) -> Path | None:
    """The folder that the body's paths are seen from, from the project's; None once it is told why not."""
    path = (*body.path, "wdir")
    written = resolve(body.raw.get("wdir", "."), body.scope, path, slips)
    if not isinstance(written, str):
        if written is not UNREADABLE:
            what = f"{dotted(path)} has to be a text, not {describe(written)}"
            slips.append(Slip(WrongType, what, path))
        return None
    try:
        return paths.inside(written)
    except ValueError as error:
        slips.append(Slip(BadPath, f"{dotted(path)}: {error}", path))
        return None


def stage(
    name: StageName, text: StageText, folder: Path, path: Steps, place: Place, slips: list[Slip]
) -> Stage:
    """The stage with its paths normalised; those that can't be used are told and left out."""
    memory = text.resources.memory.count
    bars: list[Bar] = []
    return Stage(
        name=name,
        cmd=_commands(text.cmd, path, slips),
        wdir=folder,
        deps=tuple(dict.fromkeys(_deps(text.deps, folder, (*path, "deps"), slips, bars))),
        params=tuple(dict.fromkeys(_params(text, folder, path, slips))),
        outs=tuple(dict.fromkeys(_outputs(text, folder, path, slips, bars))),
        frozen=text.frozen,
        always_changed=text.always_changed,
        desc=text.desc,
        resources=model.Resources(text.resources.cpu, text.resources.gpu, memory),
        timeout=None if text.timeout is None else text.timeout.seconds,
        retries=text.retries,
        env=variables(text.env),
        packages=installed(text.env, folder, (*path, "env"), slips),
        sandbox=text.sandbox,
        place=place,
        written=_written(text.cmd),
        barred=bars[0] if bars else None,
        spelled=dict(_spelled(text, folder)),
    )


def variables(env: Env) -> dict[str, str]:
    """Environment variables as texts; `true` and `false` as they are written."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for part in (env if isinstance(env, tuple) else (env,))
        if not isinstance(part, PackagesFile)
        for name, value in part.items()
    }


def installed(env: Env, folder: Path, path: Steps, slips: list[Slip]) -> Packages | None:
    """The file of the environment, its path seen from `folder`; more than one is told."""
    parts = env if isinstance(env, tuple) else (env,)
    files = [part for part in parts if isinstance(part, PackagesFile)]
    if len(files) > 1:
        what = f"{dotted(path)} names two environments, '{files[0]}' and '{files[1]}'"
        slips.append(Slip(WrongType, what, path, "a stage runs in one: take the other out"))
    if not files:
        return None
    try:
        return Packages(paths.anywhere(files[0].file, folder), files[0].extras, files[0].groups)
    except ValueError as error:
        slips.append(Slip(BadPath, f"{dotted(path)}: {error}", path))
        return None


def _commands(cmd: str | Names, path: Steps, slips: list[Slip]) -> tuple[str, ...]:
    lines = _lines(cmd) if isinstance(cmd, str) else cmd
    if not lines or not all(line.strip() for line in lines):
        slips.append(Slip(WrongType, f"{dotted((*path, 'cmd'))} holds an empty command", (*path, "cmd")))
    return tuple(lines)


def _written(cmd: str | Names) -> str | tuple[str, ...] | None:
    """The command as it stands in the file, where its lines do not tell that."""
    if isinstance(cmd, str):
        return None if _lines(cmd) == [cmd] else cmd
    return None if len(cmd) > 1 else tuple(cmd)


def _spelled(text: StageText, folder: Path) -> Iterator[tuple[Path, str]]:
    """The paths that are written in another way than the shortest from `folder`."""
    entries = (entry for _, _, part in _roles(text) for entry in part)
    outs = (written for entry in entries for written in ([entry] if isinstance(entry, str) else entry))
    for written in (*text.deps, *outs):
        try:
            path = paths.anywhere(written, folder)
        except ValueError:
            continue  # told where it is used
        if written != (path if path.startswith("/") else relpath(path, folder)):
            yield path, written


def _lines(text: str) -> list[str]:
    """One command a line; a line that ends with a backslash goes on in the next."""
    lines: list[str] = []
    going_on = False
    for line in text.split("\n"):
        if going_on:
            lines[-1] += f"\n{line}"
        elif line.strip() and not line.lstrip().startswith("#"):
            lines.append(line)
        else:
            continue
        going_on = (len(line) - len(line.rstrip("\\"))) % 2 == 1
    return [line.strip() for line in lines]


def _deps(written: Names, folder: Path, path: Steps, slips: list[Slip], bars: list[Bar]) -> Iterator[Path]:
    for index, each in enumerate(written):
        try:
            yield urls.address(each) if is_url(each) else paths.anywhere(each, folder)
        except urls.Barred as found:
            bars.append(Bar(found.what, found.fix))
        except ValueError as error:
            slips.append(Slip(BadPath, str(error), (*path, index)))


def _params(text: StageText, folder: Path, path: Steps, slips: list[Slip]) -> Iterator[Param]:
    for index, entry in enumerate(text.params):
        here = (*path, "params", index)
        if isinstance(entry, str):
            yield Param(paths.anywhere("params.yaml", folder), entry)
            continue
        for written, keys in entry.items():
            try:
                file = paths.anywhere(written, folder)
            except ValueError as error:
                slips.append(Slip(BadPath, str(error), (*here, written), at_key=True))
                continue
            for key in keys or ("",):
                yield Param(file, key)


def _outputs(
    text: StageText, folder: Path, path: Steps, slips: list[Slip], bars: list[Bar]
) -> Iterator[Output]:
    for section, role, entries in _roles(text):
        for index, entry in enumerate(entries):
            here: Steps = (*path, section, index)
            flagged = {entry: OutFlags()} if isinstance(entry, str) else entry
            for written, flags in flagged.items():
                if is_url(written):
                    bars.append(_far(written))
                    continue
                try:
                    file = paths.output(written, folder)
                except ValueError as error:
                    at = here if isinstance(entry, str) else (*here, written)
                    slips.append(Slip(BadPath, str(error), at, at_key=True))
                    continue
                yield Output(file, role, flags.cache, flags.persist, flags.push, flags.remote, flags.desc)


def _far(written: str) -> Bar:
    named = "an address with a secret in it" if urls.tells_secret(written) else f"'{written}'"
    what = f"it writes {named}, and Outdo keeps only what is written in the project"
    return Bar(what, "write a file here; a command may send it on, or `outdo push` does")


def _roles(text: StageText) -> Iterator[tuple[str, Role, tuple[str | Mapping[str, OutFlags], ...]]]:
    yield "outs", "out", text.outs
    yield "metrics", "metric", text.metrics
    yield "plots", "plot", text.plots
