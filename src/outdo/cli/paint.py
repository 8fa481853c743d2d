"""Colour where a person looks at a terminal that has it, and none elsewhere."""

import os
import sys
from typing import TextIO

CODES = {
    "bold": 1,
    "dim": 2,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "cyan": 36,
    "orange": 33,
    "plum": 35,
    "grey": 90,
}
"""Styles, colours, and the hues of `core.looks`."""


class Paint:
    """Paints words for one stream."""

    def __init__(self, stream: TextIO) -> None:
        self.on = has_colour(stream)

    def __call__(self, text: str, *styles: str) -> str:
        if not self.on or not text:
            return text
        return f"\x1b[{';'.join(str(CODES[style]) for style in styles)}m{text}\x1b[0m"


def has_colour(stream: TextIO) -> bool:
    """Whether to paint: `NO_COLOR` forbids it, `FORCE_COLOR` or `CLICOLOR_FORCE` demands it, else a terminal does."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return is_live(stream) and os.environ.get("TERM") != "dumb"


def is_live(stream: TextIO) -> bool:
    """Whether a person watches this stream as it is written: a terminal, and not in CI."""
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return stream.isatty() and not in_ci


def plain(text: str) -> str:
    """A text of others (a path, a log line) with its control characters made visible, so that it can't move the
    cursor or forge a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else "�" for c in text)


def say(text: str) -> None:
    """Writes a line for people, beside the data on stdout."""
    print(text, file=sys.stderr, flush=True)
