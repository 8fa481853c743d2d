"""A folder's scripts to stages: what each reads and writes, in which order they follow, and what stays in doubt."""

import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import basename, dirname, join, splitext
from shlex import quote

from msgspec import DecodeError, Struct, field, json

from outdo.core import paths
from outdo.core.errors import UserError
from outdo.core.graph import glob_pattern, is_glob
from outdo.core.model import Path
from outdo.core.params import parse
from outdo.core.sketch import visible
from outdo.core.traces import Script, Trace, commands, read_command, read_python

PARAMS = "params.yaml"


class Folder(Struct, frozen=True):
    """What was found in a folder. Only of scripts, notebooks and a few small files the text is there."""

    name: str
    files: frozenset[Path] = frozenset()
    texts: Mapping[Path, str] = {}
    tracked: frozenset[Path] = frozenset()
    """The files that Git tracks."""
    python: str = "python"
    """The interpreter's name on this machine."""

    def holds(self, path: Path) -> bool:
        """Whether a file, a folder, or anything that a glob means is there."""
        if is_glob(path):
            return any(map(glob_pattern(path).match, self.files))
        return path in self.files or any(file.startswith(f"{path}/") for file in self.files)


class Guess(Struct):
    """A stage as it seems to be; paths with the reason for each."""

    name: str
    cmd: str
    script: Path
    about: str = ""
    deps: dict[Path, str] = field(default_factory=dict)
    params: list[str] = field(default_factory=list)
    outs: dict[Path, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    traces: tuple[Trace, ...] = ()
    base: Path = "."
    """The folder in which it runs."""
    after: set[str] = field(default_factory=set)
    """Names of the stages whose outputs it reads."""


_STEPS = (
    "download fetch import ingest get collect extract acquire generate scrape simulate",
    "clean prepare prep preprocess process transform dataset data munge merge",
    "split",
    "feature features featurize embed tokenize augment",
    "train fit tune learn model",
    "predict infer inference score",
    "evaluate eval evaluation test validate metrics benchmark",
    "plot report visualize visualise explain export",
)
_NO_STAGE = {"setup.py", "conftest.py", "noxfile.py", "manage.py", "tasks.py", "__init__.py", "__main__.py"}
_NO_STAGE_IN = {"test", "tests", "doc", "docs"}
_SERVERS = {"flask", "fastapi", "streamlit", "gradio", "dash", "uvicorn", "django", "pytest", "unittest"}


def guess(folder: Folder) -> list[Guess]:
    """The stages that the folder's scripts seem to be, each after those whose outputs it reads.

    Where there are no scripts, its notebooks are looked at instead."""
    known = _known_commands(folder)
    found = [stage for path in sorted(folder.texts) if (stage := _stage_of(path, folder, known))]
    found = found or [stage for path in sorted(folder.texts) if (stage := _notebook(path, folder))]
    found.sort(key=lambda stage: (_number(stage.script), _step(stage.script), stage.script))
    _name_all(found)
    _claim_outs(found, folder)
    for stage in found:
        _add_deps(stage, found, folder, forward=True)
    for stage in found:
        _add_deps(stage, found, folder, forward=False)
        if not stage.outs:
            stage.doubts.append(
                "no output was seen: list what it writes under `outs`, so that others can depend on it"
            )
    return _ordered(found)


def _known_commands(folder: Folder) -> dict[Path, str]:
    """The command lines with which shell scripts, a Makefile or an MLproject run the folder's scripts."""
    known: dict[Path, str] = {}
    for path, text in sorted(folder.texts.items()):
        if path.endswith(".sh") or basename(path) == "Makefile":
            known |= commands(text)
        elif basename(path) == "MLproject":
            known |= commands("\n".join(_entry_points(text)))
    return {path: cmd for path, cmd in known.items() if path in folder.files and visible(cmd) == cmd}


def _entry_points(text: str) -> Iterator[str]:
    """The commands of an MLproject with the defaults of their parameters filled in."""
    try:
        project = parse("MLproject.yaml", text)
    except UserError:
        return
    points = project.get("entry_points") if isinstance(project, dict) else None
    for point in points.values() if isinstance(points, dict) else ():
        command = point.get("command") if isinstance(point, dict) else None
        if not isinstance(command, str):
            continue
        params = point.get("parameters")
        for name, value in params.items() if isinstance(params, dict) else ():
            default = value.get("default") if isinstance(value, dict) else None
            if isinstance(default, str | int | float):
                command = command.replace(f"{{{name}}}", str(default))
        yield command


def _stage_of(path: Path, folder: Folder, known: Mapping[Path, str]) -> Guess | None:
    if (
        not _usable(path)
        or is_glob(path)
        or basename(path) in _NO_STAGE
        or set(dirname(path).split("/")) & _NO_STAGE_IN
    ):
        return None
    if basename(path).startswith("test_") or splitext(path)[0].endswith("_test"):
        return None
    if path.endswith(".sh"):
        return _shell(path, folder)
    script = read_python(folder.texts[path], path) if path.endswith(".py") else None
    if script is None or not script.acts or {name.partition(".")[0] for name in script.modules} & _SERVERS:
        return None
    cmd = known.get(path, f"{folder.python} {quote(path)}")
    traces = (*script.traces, *read_command(cmd))
    uses = [t for t in traces if t.use == "write" or folder.holds(_dep(t.path, ".") or "")]
    if not uses and _step(path) == len(_STEPS):
        return None
    stage = Guess("", cmd, path, script.about, traces=traces)
    stage.deps[path] = ""
    modules = _modules(path, script, folder)
    stage.deps |= dict.fromkeys(modules, "imported")
    _track_params(stage, [script, *modules.values()], folder)
    if script.needs and path not in known:
        stage.doubts.append("the script asks for arguments: add them to cmd")
    return stage


def _shell(path: Path, folder: Folder) -> Guess | None:
    """A shell script that does the work itself rather than run other scripts."""
    text = folder.texts[path]
    if commands(text) or _step(path) == len(_STEPS):
        return None
    traces: list[Trace] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0]
        for arrow, word in re.findall(r"(>>?|-o|)\s*([\w./*-]+\.\w+|[\w.-]+/[\w./-]+)", line):
            traces.append(
                Trace(word, "write" if arrow else "named", "redirected" if arrow else "named", number)
            )
    stage = Guess("", f"bash {quote(path)}", path, traces=tuple(traces))
    stage.deps[path] = ""
    return stage


def _notebook(path: Path, folder: Folder) -> Guess | None:
    """A notebook as a stage that runs it and keeps the page that comes out."""
    if not path.endswith(".ipynb") or not _usable(path) or is_glob(path):
        return None
    try:
        cells = json.decode(folder.texts[path])["cells"]
        lines = [
            line
            for cell in cells
            if cell["cell_type"] == "code"
            for line in "".join(cell["source"]).split("\n")
        ]
    except (DecodeError, KeyError, TypeError):
        return None
    script = read_python("\n".join("" if line.lstrip()[:1] in "%!?" else line for line in lines), path)
    pages = join("reports", dirname(path)).rstrip("/")
    page = f"{pages}/{splitext(basename(path))[0]}.html"
    cmd = f"jupyter nbconvert --to html --execute --output-dir {quote(pages)} {quote(path)}"
    stage = Guess("", cmd, path, traces=script.traces if script else (), base=dirname(path) or ".")
    stage.deps[path] = ""
    stage.outs[page] = "the notebook with its results"
    _track_params(stage, [script] if script else [], folder)
    return stage


def _modules(path: Path, script: Script, folder: Folder) -> dict[Path, Script]:
    """The folder's own modules that a script imports, and those that they import."""
    found: dict[Path, Script] = {}
    todo = [(path, script)]
    while todo:
        at, told = todo.pop()
        for name in told.modules:
            for base in (dirname(at), dirname(path), "", "src", "lib"):
                stem = join(base, name.replace(".", "/"))
                for file in (f"{stem}.py", f"{stem}/__init__.py"):
                    if file in folder.files and file not in (path, *found) and _usable(file):
                        found[file] = read_python(folder.texts.get(file, ""), file) or Script()
                        todo.append((file, found[file]))
    return dict(sorted(found.items()))


def _track_params(stage: Guess, scripts: Sequence[Script], folder: Folder) -> None:
    """Lists the keys of params.yaml that are read, in place of the whole file as a dependency."""
    if not any(_dep(trace.path, stage.base) == PARAMS for script in scripts for trace in script.traces):
        return
    try:
        values = parse(PARAMS, folder.texts.get(PARAMS, ""))
    except UserError:
        return
    names = [key for key in values if re.fullmatch(r"[A-Za-z_]\w*", key)] if isinstance(values, dict) else []
    used = frozenset[str]().union(*(script.keys for script in scripts))
    stage.params = [key for key in names if key in used] or names


def _name_all(stages: list[Guess]) -> None:
    """Names each for its script: `train` for `src/02_train.py`; with its folder or a number where that is taken."""
    taken: set[str] = set()
    for stage in stages:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", splitext(basename(stage.script))[0]).strip("-_")
        plain = re.sub(r"^\d+[-_]+", "", stem) or stem or "stage"
        inner = re.sub(r"[^A-Za-z0-9_-]+", "-", basename(dirname(stage.script))).strip("-_")
        options = [
            plain,
            *([f"{inner}-{plain}"] if inner else []),
            *(f"{plain}-{n}" for n in range(2, len(stages) + 2)),
        ]
        stage.name = next(name for name in options if name not in taken)
        taken.add(stage.name)


def _claim_outs(stages: list[Guess], folder: Folder) -> None:
    """Gives each written path to one stage; what can't be an output is said."""
    claimed: dict[Path, Guess] = {out: stage for stage in stages for out in stage.outs}
    own = {path for stage in stages for path in stage.deps}
    for stage in stages:
        reads = {_dep(t.path, stage.base): t.line for t in reversed(stage.traces) if t.use != "write"}
        for trace in stage.traces:
            if trace.use != "write":
                continue
            path = _out(trace.path, stage.base)
            other = next((claimed[made] for made in claimed if path and _overlap(made, path)), None)
            if path is None or path == PARAMS or any(_overlap(path, mine) for mine in own):
                stage.doubts.append(f"it writes '{visible(trace.path)}', which can't be an output here")
            elif path in folder.files and reads.get(path, trace.line + 1) <= trace.line:
                stage.doubts.append(
                    f"it changes '{path}', which it reads: give what it writes a path of its own"
                )
            elif other is not None and other is not stage:
                stage.doubts.append(
                    f"it writes '{path}' too, as '{other.name}' does: an output has one stage"
                )
            elif other is None:
                claimed[path] = stage
                stage.outs[path] = _reason(trace)


def _add_deps(stage: Guess, stages: list[Guess], folder: Folder, *, forward: bool) -> None:
    """Adds what a stage reads: first what earlier stages write and what is there, then the rest but for rings."""
    earlier = stages[: stages.index(stage)]
    for trace in stage.traces:
        path = _dep(trace.path, stage.base)
        if trace.use == "write" or (path == PARAMS and stage.params) or path in stage.deps:
            continue
        if path is None or path.startswith(("/", "../")):
            if trace.use == "read" and not forward:
                stage.doubts.append(f"it reads '{visible(trace.path)}', which is not in this folder")
            continue
        if any(_overlap(out, path) for out in stage.outs):
            continue
        makers = [other for other in stages if any(_overlap(out, path) for out in other.outs)]
        if forward and not all(maker in earlier for maker in makers):
            continue
        if any(_comes_after(maker, stage, stages) for maker in makers):
            stage.doubts.append(f"it reads '{path}' of '{makers[0].name}', which comes after it")
        elif makers or folder.holds(path):
            stage.deps[path] = _reason(trace)
            stage.after |= {maker.name for maker in makers}
        elif trace.use == "read" and not forward:
            stage.doubts.append(f"it reads '{path}', which is not here yet: add it to deps once it is")


def _comes_after(stage: Guess, other: Guess, stages: list[Guess]) -> bool:
    by_name = {each.name: each for each in stages}
    todo, seen = [stage.name], set[str]()
    while todo:
        name = todo.pop()
        if name == other.name:
            return True
        if name not in seen:
            seen.add(name)
            todo.extend(by_name[name].after)
    return False


def _ordered(stages: list[Guess]) -> list[Guess]:
    """The stages in their order, but each after those it reads from."""
    done: dict[str, Guess] = {}
    while len(done) < len(stages):
        ready = next(stage for stage in stages if stage.name not in done and stage.after <= done.keys())
        done[ready.name] = ready
    return list(done.values())


def _overlap(one: Path, other: Path) -> bool:
    """Whether two paths are the same, or one is in the other; a glob overlaps with what it means."""
    if is_glob(other):
        return glob_pattern(other).match(one) is not None
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/") or other == "."


def _reason(trace: Trace) -> str:
    return f"{trace.call}, line {trace.line}" if trace.line else trace.call


def _usable(path: str) -> bool:
    """Whether a path can stand in the file as it is, with no escape and no template in it."""
    return bool(path) and len(path) < 250 and visible(path) == path and "${" not in path and "\\" not in path


def _dep(path: str, base: Path) -> Path | None:
    try:
        return paths.anywhere(path, base) if _usable(path) else None
    except ValueError:
        return None


def _out(path: str, base: Path) -> Path | None:
    try:
        return paths.output(path, base) if _usable(path) and not is_glob(path) else None
    except ValueError:
        return None


def _number(script: Path) -> int:
    digits = re.match(r"\d{1,4}(?=[-_. ])", basename(script))
    return int(digits[0]) if digits else 10_000


def _step(script: Path) -> int:
    """How late in a pipeline a script of this name usually comes; the number of steps where its name says nothing."""
    words = re.split(r"[^a-z]+", splitext(basename(script))[0].lower())
    steps = [i for i, known in enumerate(_STEPS) if set(words) & set(known.split())]
    return 2 if 2 in steps else max(steps, default=len(_STEPS))
