"""A folder becomes a project: the verb `init`."""

import os
import shutil
from collections.abc import Iterator, Mapping

from msgspec import Struct

from outdo.core.config import read_project
from outdo.core.errors import AlreadyThere, CantWrite, Mistakes, NotYaml, StoreUnwritable
from outdo.core.graph import Graph, build
from outdo.core.guess import Folder
from outdo.core.model import Path, Place
from outdo.core.scaffold import Draft, example, scaffold
from outdo.core.starter import starter
from outdo.run.source import tracked
from outdo.store.atomic import write_atomic

FILE = "outdo.yaml"
_DVC = "dvc.yaml"
_MOST_FILES = 5_000
_MOST_FOLDERS_DEEP = 4
_MOST_BYTES = 400_000
_READ = (".py", ".sh", ".ipynb")
_READ_NAMES = ("params.yaml", "Makefile", "MLproject")
_NOT_OURS = (
    "__pycache__",
    "node_modules",
    "site-packages",
    "venv",
    "env",
    "build",
    "dist",
    "mlruns",
    "wandb",
)


class Created(Struct, frozen=True):
    """What `init` did."""

    folder: str
    files: tuple[Path, ...]
    """Those it wrote; none where the folder was a project already."""
    stages: tuple[str, ...]
    doubts: int
    """How many guesses in the file are marked as worth a look."""
    note: str
    """What a person should know besides, as one sentence."""
    graph: Graph
    """The pipeline as it is now."""


def init(start: str, *, demo: bool = False, force: bool = False) -> Created:
    """Writes a first `outdo.yaml` that fits the folder, or the demo; never over a file that is there.

    A folder with a `dvc.yaml` is a project already and stays as it is; `force` takes its stages into an
    `outdo.yaml`. Raises `AlreadyThere` and `CantWrite`."""
    root = os.path.abspath(start)
    if os.path.lexists(os.path.join(root, FILE)):
        raise AlreadyThere(f"there is an {FILE} here already", where=FILE, fix="outdo status")
    python = "python" if shutil.which("python") else "python3"
    if demo:
        return _written(root, starter(python))
    if os.path.isfile(os.path.join(root, _DVC)):
        return _beside_dvc(root, force)
    draft = scaffold(look(root, python))
    try:
        return _written(root, {FILE: draft.text}, draft)
    except Mistakes:
        # A guess that does not hold together is worth less than an example that does.
        return _written(root, {FILE: example(look(root, python))}, Draft(""))


def look(root: str, python: str = "python") -> Folder:
    """What is in the folder, as far as is worth knowing for a first pipeline."""
    files = frozenset(_files(root))
    texts = {
        path: text
        for path in files
        if path.endswith(_READ) or os.path.basename(path) in _READ_NAMES
        if (text := _text(root, path)) is not None
    }
    data = sorted(path for path in files if not path.endswith(_READ))
    return Folder(os.path.basename(root), files, texts, frozenset(tracked(root, data)), python)


_FROM_DVC = """\
# Taken over from dvc.yaml: its vocabulary is Outdo's. Outdo reads this file now, and DVC the other.

"""


def _beside_dvc(root: str, force: bool) -> Created:
    text = _text(root, _DVC, limit=None)
    if text is None:
        raise NotYaml(f"'{_DVC}' is not UTF-8 text", where=Place(_DVC), fix="save it as UTF-8")
    if force:
        return _written(
            root, {FILE: _FROM_DVC + text}, note=f"the stages are those of {_DVC}, which Outdo reads no more"
        )
    graph = _graph(root, _DVC, text, {})
    note = f"{_DVC} is a valid pipeline as it is, so nothing was written"
    return Created(root, (), tuple(graph.stages), 0, note, graph)


def _written(root: str, files: Mapping[Path, str], draft: Draft | None = None, note: str = "") -> Created:
    """Writes files that make a valid project; raises `Mistakes` and writes none where they do not."""
    there = [path for path in files if os.path.lexists(os.path.join(root, path))]
    if there:
        what = f"'{there[0]}' is here already, and nothing is written over it"
        raise AlreadyThere(what, where=there[0], fix="mkdir churn && cd churn && outdo init --demo")
    graph = _graph(root, FILE, files[FILE], files)
    ignore = os.path.join(root, ".outdo", ".gitignore")
    if not os.path.exists(ignore):
        _write(ignore, "*\n")
    # The pipeline's file comes last: where it is, all that it names is.
    for path in sorted(files, key=lambda path: path == FILE):
        _write(os.path.join(root, path), files[path])
    if draft and not draft.stages:
        note = "no script here looks like a stage, so the file has an example"
    stages = draft.stages if draft else tuple(graph.stages)
    return Created(root, tuple(files), stages, draft.doubts if draft else 0, note, graph)


def _graph(root: str, name: str, text: str, files: Mapping[Path, str]) -> Graph:
    def read(path: str) -> str | None:
        return files[path] if path in files else _text(root, path, limit=None)

    return build(read_project(name, text, read, os.path.basename(root)).pipeline.stages)


def _write(path: str, text: str) -> None:
    try:
        write_atomic(path, text.encode())
    except StoreUnwritable as error:
        raise CantWrite(error.what, fix=error.fix) from None
    except OSError as error:
        raise CantWrite(f"'{path}' can't be written: {error.strerror}", fix="use another folder") from None


def _text(root: str, path: str, limit: int | None = _MOST_BYTES) -> str | None:
    """A file's text; None where it is not there, no UTF-8, or beyond the limit."""
    try:
        with open(os.path.join(root, path), "rb") as file:
            content = file.read() if limit is None else file.read(limit + 1)
        return None if limit is not None and len(content) > limit else content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _files(root: str) -> Iterator[Path]:
    """The first files found, from `root`, without what is hidden, made by tools, or in a virtual environment."""
    count = 0
    for folder, folders, names in os.walk(root):
        inner = os.path.relpath(folder, root)
        deep = 0 if inner == "." else inner.count(os.sep) + 1
        if "pyvenv.cfg" in names:
            folders[:] = []
            continue
        keep = [name for name in sorted(folders) if not name.startswith(".") and name not in _NOT_OURS]
        folders[:] = keep if deep < _MOST_FOLDERS_DEEP else []
        for name in sorted(names):
            if not name.startswith("."):
                yield os.path.normpath(os.path.join(inner, name))
                count += 1
                if count >= _MOST_FILES:
                    return
