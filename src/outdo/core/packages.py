"""The files that say what is installed for stages: which kinds there are, what belongs to one, what it leaves open."""

import re
from collections.abc import Iterator, Mapping
from posixpath import basename, dirname, join, normpath
from typing import Any, ClassVar, Literal, Self

from msgspec.structs import replace

from outdo.core.document import Slip, Steps, dotted
from outdo.core.errors import UnknownName
from outdo.core.hints import did_you_mean, nearest
from outdo.core.model import Packages, Path
from outdo.core.values import MISSING, lookup
from outdo.core.variables import Files
from outdo.core.written import Written

VARIABLE = "OUTDO_ENVIRONMENT"
"""Tells a stage which environment it runs in; as a variable it is in the stage's key."""

Kind = Literal["uv", "pylock", "pyproject", "requirements", "conda-lock", "conda"]

_KINDS: Mapping[Kind, str] = {
    "uv": r"uv\.lock",
    "pylock": r"pylock(\.[^.]+)?\.toml",
    "pyproject": r"pyproject\.toml",
    "requirements": r".*requirements.*\.(txt|in)|(.*/)?requirements/.*\.(txt|in)",
    "conda-lock": r"(.*[.-])?conda-lock\.ya?ml",
    "conda": r"environment([.-].+)?\.ya?ml",
}
KNOWN = ("uv.lock", "pylock.toml", "conda-lock.yml", "requirements.txt", "pyproject.toml", "environment.yml")
"""How such files are usually called, those first that pin the most."""
_WITH_PARTS: tuple[Kind, ...] = ("uv", "pylock", "pyproject")
_PART = re.compile(r"(group:)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_MOST_INCLUDED = 100
_PINNED = re.compile(r"\s*(===?\s*[^\s*,]+|@.+)\s*")


class PackagesFile(Written, frozen=True):
    """The file of an environment: `uv.lock`, `pylock.toml`, `requirements.txt`, `pyproject.toml`, `conda-lock.yml` or
    `environment.yml`; with extras and groups in brackets: `uv.lock[gpu, group:dev]`."""

    file: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    expected: ClassVar[str] = "the file of an environment, such as 'uv.lock' or 'uv.lock[gpu, group:dev]'"
    json: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"(\.lock|\.toml|\.txt|\.in|\.ya?ml)\s*(\[[^\]]*\])?$",
    }

    @classmethod
    def written(cls, value: Any) -> Self:
        found = re.fullmatch(r"\s*(.*?)\s*(?:\[([^\]]*)\])?\s*", value, re.DOTALL)
        file = found[1] if found else ""
        kind = kind_of(file)
        if found is None or kind is None:
            raise ValueError(cls.expected)
        if found[2] is not None and kind not in _WITH_PARTS:
            raise ValueError(f"a file without brackets, as '{basename(file)}' has no extras or groups")
        parts = [part.strip() for part in found[2].split(",")] if found[2] else []
        if any(not _PART.fullmatch(part) for part in parts):
            raise ValueError("the file with extras and groups in brackets, such as 'uv.lock[gpu, group:dev]'")
        extras = dict.fromkeys(part for part in parts if not part.startswith("group:"))
        groups = dict.fromkeys(part.removeprefix("group:") for part in parts if part.startswith("group:"))
        return cls(file, tuple(extras), tuple(groups))

    @classmethod
    def hint(cls, value: Any) -> str:
        near = nearest(basename(str(value).partition("[")[0].strip()), KNOWN)
        return f"did you mean '{near}'?" if near and kind_of(str(value)) is None else ""

    def __str__(self) -> str:
        return str(Packages(self.file, self.extras, self.groups))


def kind_of(file: Path) -> Kind | None:
    """Which kind of file it is, by its name; None for one that says nothing of an environment."""
    for kind, pattern in _KINDS.items():
        if re.fullmatch(pattern, file if kind == "requirements" else basename(file)):
            return kind
    return None


def whole(packages: Packages, files: Files, path: Steps, slips: list[Slip]) -> Packages:
    """`packages` with all files that decide what is installed; extras and groups that are not there are told."""
    kind = kind_of(packages.file)
    also: list[Path] = []
    if kind == "requirements":
        also += included(packages.file, files)
    if kind not in ("conda-lock", "conda"):
        pinned = normpath(join(dirname(packages.file), ".python-version"))
        also += [pinned] if files.text(pinned) is not None else []
    if kind in ("uv", "pyproject") and (packages.extras or packages.groups):
        slips.extend(_unknown_parts(packages, files, path))
    return replace(packages, also=tuple(also))


def _unknown_parts(packages: Packages, files: Files, path: Steps) -> Iterator[Slip]:
    project = normpath(join(dirname(packages.file), "pyproject.toml"))
    values = files.values(project)
    if not isinstance(values, dict):
        return  # told where it is needed
    for word, names, key in (
        ("extra", packages.extras, "project.optional-dependencies"),
        ("group", packages.groups, "dependency-groups"),
    ):
        known = lookup(values, key)
        known = known if known is not MISSING and isinstance(known, dict) else {}
        plain = {_normal(name): name for name in known}
        for name in names:
            if _normal(name) not in plain:
                what = f"{dotted(path)}: '{project}' has no {word} '{name}'"
                fix = did_you_mean(name, list(known)) or f"declare it under '{key}', or take it out"
                yield Slip(UnknownName, what, path, fix, text=name)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ------------------------------------------------------------------ requirements files


def included(file: Path, files: Files) -> list[Path]:
    """The files that a requirements file takes in by `-r` and `-c`, and those that they do."""
    found: dict[Path, None] = {}
    todo = [file]
    while todo and len(found) < _MOST_INCLUDED:
        each = todo.pop(0)
        for line in _lines(files.text(each) or ""):
            taken = re.match(r"(?:-r|-c|--requirements?|--constraints?)(?:\s+|=|(?=\S))(\S+)", line)
            if taken and "://" not in taken[1]:
                path = normpath(join(dirname(each), taken[1]))
                if path != file and path not in found:
                    found[path] = None
                    todo.append(path)
    return list(found)


def pins(text: str) -> tuple[dict[str, bool], list[str]]:
    """What the text of a requirements file asks for: whether each distribution is pinned to one version, by its
    normalised name; and the folders that are installed as they stand."""
    asked: dict[str, bool] = {}
    local: list[str] = []
    for line in _lines(text):
        editable = re.match(r"(?:-e|--editable)[\s=]+(\S+)", line)
        if editable or re.match(r"\.{0,2}/", line) or line == ".":
            local.append(editable[1] if editable else line)
        elif not line.startswith("-"):
            name, rest = re.match(r"([A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?(.*)", line).groups()  # type: ignore[union-attr]
            if name:
                asked[_normal(name)] = bool(_PINNED.fullmatch(re.split(r";|\s--", rest)[0]))
    return asked, local


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if plain:
            yield plain
