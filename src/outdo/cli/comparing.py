"""What differs between two sides that a person named, and how it is told."""

import os
import sys
from collections.abc import Sequence

from msgspec import json

from outdo.app.compare import PARTS, Part, diff
from outdo.cli.changes import markdown, text
from outdo.cli.paint import Paint, plain, say
from outdo.core.compare import Comparison
from outdo.core.errors import Usage


def compared(
    sides: Sequence[str], parts: Sequence[Part] = PARTS, key: Sequence[str] = (), *, patch: bool = False
) -> Comparison:
    """What differs between the one or two sides that a person named."""
    if len(sides) > 2:
        raise Usage("two sides at the most are compared", fix="for several runs: outdo compare RUN RUN …")
    return diff(os.curdir, sides, parts, key=key, patch=patch)


def tell(name: str, found: Comparison, *, as_markdown: bool, as_json: bool) -> int:
    """Prints a comparison in the form that was asked for."""
    if as_json and as_markdown:
        raise Usage("--md and --json exclude each other", fix=f"outdo {name} --help")
    if as_json:
        print(json.encode({"schema": "outdo.diff/1", "status": "ok", "data": found}).decode())
    elif as_markdown:
        print(markdown(found))
    else:
        for notice in found.notices:
            say(f"warning: {plain(notice)}")
        print(text(found, Paint(sys.stdout)))
    return 0
