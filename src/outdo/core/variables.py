"""The names that templates may use: those of `params.yaml` and of `vars`, and the files they come from."""

from collections.abc import Callable, Mapping
from typing import Any

from outdo.core import paths, template
from outdo.core.digest import digest_bytes
from outdo.core.document import Slip, Steps
from outdo.core.errors import BadParams, BadPath, DuplicateKey, UserError
from outdo.core.hints import did_you_mean
from outdo.core.model import Path, Source, Value
from outdo.core.params import parse
from outdo.core.shapes import UNREADABLE, describe, reader
from outdo.core.template import Scope, resolve
from outdo.core.values import MISSING, lookup

ReadText = Callable[[str], str | None]
"""The text of a file by its path from the project's folder, or None where it is not there."""


class Files:
    """The files that were consulted, each once: their digests, their values and what is wrong in them."""

    def __init__(self, read: ReadText) -> None:
        self.sources: dict[Path, Source] = {}
        self.errors: list[UserError] = []
        self._read = read
        self._values: dict[Path, Value] = {}
        self._texts: dict[Path, str | None] = {}

    def note(self, path: Path, text: str | None) -> None:
        """Remembers that the project was made from this file."""
        digest = None if text is None else digest_bytes(text.encode("utf-8", "surrogatepass"))
        self.sources[path] = Source(path, digest)

    def values(self, path: Path) -> Value:
        """What the file holds; `MISSING` where it is not there, `UNREADABLE` where it is wrong, which is told."""
        if path not in self._values:
            self._values[path] = self._parsed(path)
        return self._values[path]

    def text(self, path: Path) -> str | None:
        """The file's text; None where it is not there, or is no text, which is told."""
        if path not in self._texts:
            self._texts[path] = self._text(path)
        return self._texts[path]

    def _text(self, path: Path) -> str | None:
        try:
            text = self._read(path)
        except UserError as error:
            self.errors.append(error)
            text = None
        self.note(path, text)
        return text

    def _parsed(self, path: Path) -> Value:
        try:
            text = self._read(path)
            self.note(path, text)
            return MISSING if text is None else parse(path, text)
        except UserError as error:
            self.errors.append(error)
            self.sources.setdefault(path, Source(path, None))
            return UNREADABLE


def with_params(scope: Scope, files: Files) -> Scope:
    """`scope` with the names of params.yaml, where there is one."""
    values = files.values("params.yaml")
    return Scope(values, scope.budget) if isinstance(values, dict) else scope


def with_vars(
    scope: Scope, entries: Value, folder: Path, path: Steps, files: Files, slips: list[Slip]
) -> Scope:
    """`scope` with the names that a `vars` section adds; each entry may use those before it."""
    entries = reader(tuple[str | Mapping[str, Any], ...])(entries, path, slips)
    for index, entry in enumerate(() if entries is UNREADABLE else entries):
        here = (*path, index)
        if isinstance(entry, str):
            written = resolve(entry, scope, here, slips)
            more = _of_file(written, folder, here, files, slips) if isinstance(written, str) else {}
            scope = _merged(scope, more, here, slips)
            continue
        for key, value in entry.items():
            new = resolve(value, scope, (*here, key), slips)
            scope = _merged(scope, {} if new is UNREADABLE else {key: new}, (*here, key), slips)
    return scope


def _merged(scope: Scope, more: Mapping[str, Value], path: Steps, slips: list[Slip]) -> Scope:
    names, clashes = template.merge(scope.names, more)
    for name in clashes:
        before = lookup(dict(scope.names), name)
        what = f"'{name}' has another value already: {describe(before)}"
        fix = "rename one of them, or give both the same value"
        slips.append(Slip(DuplicateKey, what, path, fix, at_key=True))
    return Scope(names, scope.budget, scope.nearer)


def _of_file(entry: str, folder: Path, path: Steps, files: Files, slips: list[Slip]) -> Mapping[str, Value]:
    """The values that `file` or `file:key,key` means."""
    written, _, listed = entry.partition(":")
    try:
        file = paths.anywhere(written, folder)
    except ValueError as error:
        slips.append(Slip(BadPath, str(error), path))
        return {}
    values = files.values(file)
    if values is MISSING:
        slips.append(Slip(BadParams, f"there is no file '{file}'", path, f"write {file}, or mend its path"))
    elif values is not UNREADABLE and not isinstance(values, dict):
        what = f"'{file}' has to hold a mapping of names to values, not {describe(values)}"
        slips.append(Slip(BadParams, what, path))
    if not isinstance(values, dict):
        return {}
    return (
        _picked(values, [key.strip() for key in listed.split(",")], file, path, slips) if listed else values
    )


def _picked(
    values: dict[str, Value], keys: list[str], file: Path, path: Steps, slips: list[Slip]
) -> Mapping[str, Value]:
    picked: dict[str, Value] = {}
    for key in keys:
        value = lookup(values, key)
        if value is MISSING:
            fix = did_you_mean(key, list(values))
            slips.append(Slip(BadParams, f"'{file}' does not hold '{key}'", path, fix, text=key))
            continue
        for step in reversed(key.split(".")):
            value = {step: value}
        picked, _ = template.merge(picked, value)
    return picked
