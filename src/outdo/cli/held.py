"""The values that one side holds, or in what two sides' differ: what `outdo params` and `outdo metrics` tell.

Here is no parser of arguments: mostly names alone are given, and loading it costs a fifth of the answer."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import json

from outdo.app.compare import values
from outdo.cli.changes import number, value_table
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.comparing import compared, tell
from outdo.cli.paint import Paint, say
from outdo.core.errors import Usage
from outdo.core.model import Value


def named(
    part: Literal["params", "metrics"], sides: Sequence[str], *, as_markdown: bool, as_json: bool
) -> int:
    """Prints the values of the workspace, or where sides are named in what they differ."""
    if sides:
        return tell(part, compared(sides, [part]), as_markdown=as_markdown, as_json=as_json)
    if as_json and as_markdown:
        raise Usage("--md and --json exclude each other", fix=f"outdo {part} --help")
    found = values(os.curdir, part)
    if as_json:
        print(json.encode({"schema": f"outdo.{part}/1", "status": "ok", "data": {part: found}}).decode())
    elif not found:
        say(f"there are no {part} here" + (" · next: outdo run" if part == "metrics" else ""))
    elif as_markdown:
        print(value_table(part, found))
    else:
        print("\n".join(_lines(found, Paint(sys.stdout))))
    return 0


def _lines(found: Mapping[str, Value], paint: Paint) -> list[str]:
    names = Column("", tuple(Cell(name) for name in found))
    return aligned(
        [names, Column("", tuple(Cell(number(value), ("cyan",)) for value in found.values()))], paint
    )
