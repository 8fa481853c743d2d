"""Which part of a file a request wants: what is left of a download that broke off."""

import re
from typing import NamedTuple

_ONE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


class Part(NamedTuple):
    """Bytes from `start` up to and without `end`."""

    start: int
    end: int


class NoSuchPart(Exception):
    """The file ends before the part that is wanted begins."""


def wanted(asked: str, on_condition: str, tag: str, size: int) -> Part | None:
    """The part of a file of this size and tag that a request asks for by its headers `Range` and `If-Range`.

    None where all of it is to be given: none was asked for, or several, or in words that say nothing, or on the
    condition that the file is still one that it is not. Raises `NoSuchPart`."""
    found = _ONE.fullmatch(asked.strip())
    if found is None or (on_condition and on_condition.strip() != tag):
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise NoSuchPart
    return Part(start, end)
