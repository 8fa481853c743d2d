"""Files that a person asked for by name."""

import os

from outdo.core.errors import CantWrite


def write(path: str, content: bytes) -> None:
    """Writes a file, and its folder if need be; raises `CantWrite`."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as opened:
            opened.write(content)
    except OSError as error:
        raise CantWrite(f"'{path}' can't be written: {error.strerror}", fix="name another file") from None
