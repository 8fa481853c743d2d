"""Pointer files: `data.csv.outdo` stands in Git for `data.csv` beside it.

    outdo: 1
    digest: blake3:3f2a…
    size: 1048576
    kind: tree
    files: 12

One key a line, in a fixed order, so that Git merges what can be merged and shows what can't. The path is not in it: a
pointer that is renamed tracks the renamed path. Keys that this Outdo does not know are kept.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import DecodeError, ValidationError, convert, json

from outdo.core import document, paths
from outdo.core.errors import BadPointer, Mistakes
from outdo.core.model import Digest, Entry, Path, Place, Value
from outdo.core.tracked import Origin, Tracked

SUFFIX = ".outdo"
LIMIT = 1_000_000
"""Bytes of the largest pointer that is read."""

_LINE = r'(  )?([a-z]+):(?: (\d{1,18}|true|false|tree|"(?:[^"\\]|\\.)*"|blake3:[0-9a-f]{64}))?'
_DIGEST = r"blake3:[0-9a-f]{64}"
_OWN = {"outdo", "digest", "size", "kind", "files", "executable", "desc", "remote", "push", "frozen", "from"}
_PROJECT = ("outdo.yaml", "outdo.lock", "dvc.yaml", "dvc.lock", ".gitignore", ".gitattributes")
_MARKS = ("<<<<<<<", "=======", ">>>>>>>")


def pointer_of(path: Path) -> Path:
    """The pointer of a path."""
    return f"{path}{SUFFIX}"


def path_of(pointer: Path) -> Path:
    """The path that a pointer of this name tracks; raises `BadPointer` where it would be none that may be."""
    try:
        return trackable(pointer.removesuffix(SUFFIX))
    except ValueError as error:
        fix = f"rename or remove '{pointer}'"
        raise BadPointer(f"it tracks a path that can't be: {error}", where=pointer, fix=fix) from None


def refuse_conflict(pointer: Path, text: str, fix: str) -> None:
    """Raises `BadPointer` for a pointer that Git could not merge."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(_MARKS):
            what = "two branches have changed this data, and Git has left its conflict marks"
            raise BadPointer(what, where=Place(pointer, number), fix=fix)


def restored(pointer: Path) -> str:
    """How a pointer that can't be read comes back."""
    return f"git checkout -- {pointer}"


def trackable(path: Path) -> Path:
    """The path, normalised, if one of this name may be tracked; raises `ValueError` that says why not."""
    if not path.isprintable() or "\\" in path:
        shown = (
            "a backslash" if "\\" in path else "a line break, a control character or bytes that are not UTF-8"
        )
        raise ValueError(f"{path!r} has {shown} in its name, which not every system and tool can hold")
    found = paths.inside(path)
    if found == ".":
        raise ValueError("it is the whole project")
    hidden = next((part for part in found.split("/") if part.lower() in (".git", ".outdo")), None)
    if hidden:
        raise ValueError(f"'{path}' is in '{hidden}', which is not the user's")
    if found in _PROJECT:
        raise ValueError(f"'{path}' describes the project itself, which Git keeps")
    if "*" in found:
        raise ValueError(f"'{path}' has a `*` in its name, which would mean a pattern to a stage")
    return found


def read_pointer(pointer: Path, text: str) -> Tracked:
    """What the pointer file of this name tracks; raises `BadPointer`, or `Mistakes` where it is no YAML at all."""
    path = path_of(pointer)
    values, found = _quick(text), None
    if values is None:
        ours = f"git checkout --ours (or --theirs) {pointer}"
        refuse_conflict(pointer, text, f"outdo data merge {path}; or {ours}")
        found = document.parse(pointer, text)
        if found.mistakes:
            raise Mistakes(found.mistakes)
        values = found.value
    if not isinstance(values, dict) or "outdo" not in values:
        raise BadPointer(
            "it is no pointer of Outdo's: there is no `outdo: 1` in it", where=pointer, fix=restored(pointer)
        )
    if isinstance(values["outdo"], int) and values["outdo"] > 1:
        what = f"it was written by a newer Outdo (version {values['outdo']} of the format)"
        raise BadPointer(what, where=pointer, fix="pip install --upgrade outdo")
    try:
        return _tracked(path, pointer, values)
    except _Wrong as wrong:
        place = (found or document.parse(pointer, text)).place((wrong.key,))
        raise BadPointer(str(wrong), where=place, fix=restored(pointer)) from None


def write_pointer(tracked: Tracked) -> str:
    """The text of a pointer."""
    return "".join(f"{line}\n" for line in _lines(tracked))


class _Wrong(Exception):
    """A value that is not what its key takes."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def _quick(text: str) -> dict[str, Value] | None:
    """The values of a text as Outdo writes it, at a hundredth of what a YAML parser costs; None for any other."""
    top: dict[str, Value] = {}
    values = top
    for line in text.removesuffix("\n").split("\n"):
        match = re.fullmatch(_LINE, line)
        if match is None:
            return None
        indent, key, word = match.groups()
        values = values if indent else top
        if (indent and values is top) or key in values:
            return None
        if word is None:
            values[key] = values = {}
        elif word == "tree" or word.startswith("blake3:"):
            values[key] = word
        else:
            try:
                values[key] = json.decode(word)
            except DecodeError:
                return None
    return top


def _tracked(path: Path, pointer: Path, values: Mapping[str, Value]) -> Tracked:
    rest = {key: value for key, value in values.items() if key not in _OWN}
    return Tracked(
        path,
        pointer,
        _entry(values),
        _origin(values.get("from")),
        _text(values, "desc"),
        _text(values, "remote"),
        _flag(values, "push", default=True),
        _flag(values, "frozen", default=False),
        rest,
    )


def _entry(values: Mapping[str, Value]) -> Entry | None:
    if "digest" not in values:
        if "from" in values:
            return None
        raise _Wrong("outdo", "it has no `digest`")
    digest, kind = values["digest"], values.get("kind", "file")
    if not isinstance(digest, str) or not re.fullmatch(_DIGEST, digest):
        raise _Wrong("digest", "`digest` has to be `blake3:` with 64 hex digits")
    if kind not in ("file", "tree"):
        raise _Wrong("kind", "`kind` has to be `file` or `tree`")
    size, files = _count(values, "size", 0), _count(values, "files", 1)
    executable = _flag(values, "executable", default=False)
    return Entry(Digest(digest.removeprefix("blake3:")), size, kind, files, executable)


def _origin(value: Value) -> Origin | None:
    if value is None:
        return None
    try:
        return convert(value, Origin)
    except ValidationError as error:
        raise _Wrong("from", f"`from` can't be read: {error}") from None


def _count(values: Mapping[str, Value], key: str, default: int) -> int:
    value = values.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _Wrong(key, f"`{key}` has to be a number")
    return value


def _text(values: Mapping[str, Value], key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise _Wrong(key, f"`{key}` has to be a text")
    return value


def _flag(values: Mapping[str, Value], key: str, *, default: bool) -> bool:
    value = values.get(key, default)
    if not isinstance(value, bool):
        raise _Wrong(key, f"`{key}` has to be true or false")
    return value


def _lines(tracked: Tracked) -> Iterator[str]:
    yield "outdo: 1"
    entry = tracked.entry
    if entry is not None:
        yield f"digest: blake3:{entry.digest}"
        yield f"size: {entry.size}"
        if entry.kind == "tree":
            yield "kind: tree"
            yield f"files: {entry.files}"
        if entry.executable:
            yield "executable: true"
    for key, text in (("desc", tracked.desc), ("remote", tracked.remote)):
        if text:
            yield f"{key}: {_quoted(text)}"
    if not tracked.push:
        yield "push: false"
    if tracked.frozen:
        yield "frozen: true"
    for key, value in tracked.rest.items():
        yield f"{key if re.fullmatch('[a-z][a-z_-]*', key) else _quoted(key)}: {_quoted(value)}"
    if tracked.origin:
        yield "from:"
        for key, value in json.decode(json.encode(tracked.origin)).items():
            yield f"  {key}: {_quoted(value)}"


def _quoted(value: Value) -> str:
    """A value as JSON, which is YAML too once what can't be printed is escaped."""
    text = json.encode(value).decode()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or ord(c) > 0xFFFF else f"\\u{ord(c):04x}" for c in text)
