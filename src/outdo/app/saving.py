"""Checks that a table passes, written for a person to edit: `outdo check --save`."""

import os
from collections.abc import Mapping
from posixpath import normpath
from typing import Any

from msgspec import Struct

from outdo.app.project import open_project
from outdo.core.errors import CantWrite, HasChecks, NothingToCheck, Usage
from outdo.core.model import Path
from outdo.core.profile import proposed
from outdo.core.saved import with_checks, written
from outdo.run.profiling import profile
from outdo.run.sources import Unreadable
from outdo.store.atomic import write_atomic

_SUFFIXES = (".yaml", ".yml")


class Saved(Struct, frozen=True):
    """What was written."""

    path: Path
    file: Path
    """`outdo.yaml`, or the schema."""
    rows: int
    columns: int
    checks: tuple[Mapping[str, Any], ...]


def save(start: str, path: str, to: str = "", *, force: bool = False) -> Saved:
    """Writes checks of the table at `path` into `outdo.yaml`, or into the schema `to`.

    Raises `NothingToCheck` for what can't be read, `HasChecks` where there are some already, unless `force`, and
    `CantRewrite`."""
    project = open_project(start)
    own = normpath(os.path.relpath(os.path.abspath(path), project.root))
    if to and not to.endswith(_SUFFIXES):
        raise Usage(f"a schema is a YAML file, and '{to}' is none", fix=f"--to {to}.yaml")
    target = os.path.abspath(to) if to else os.path.join(project.root, project.file)
    name = normpath(os.path.relpath(target, project.root))
    try:
        found = profile(os.path.join(project.root, own))
    except Unreadable as error:
        raise NothingToCheck(f"'{own}' can't be read: {error}", where=own) from None
    lines = proposed(found)
    if to and os.path.lexists(target) and not force:
        raise HasChecks(f"'{name}' is there already", where=name, fix="--force writes over it")
    try:
        if to:
            text = written(lines)
            os.makedirs(os.path.dirname(target), exist_ok=True)
        else:
            with open(target, encoding="utf-8") as file:
                text = with_checks(name, file.read(), own, lines, force=force)
        write_atomic(target, text.encode(), durable=True)
    except OSError as error:
        raise CantWrite(f"'{name}' can't be written: {error.strerror}") from None
    return Saved(own, name, found.rows, len(found.columns), tuple(lines))
