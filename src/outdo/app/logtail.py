"""The end of a log, also while a stage still writes it."""

import os


def tail_of(path: str, lines: int, limit: int = 64 * 1024) -> list[str]:
    """The last lines of a log, read from its last `limit` bytes only; none where there is no log."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - limit))
            content = file.read(limit)
    except OSError:
        return []
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    # A progress bar rewrites its line by carriage returns: only its last state counts.
    found = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in found if line][-lines:]


def last_line(path: str) -> str:
    """The last line of a log that is not empty."""
    return next(iter(tail_of(path, 1, 4096)), "")
