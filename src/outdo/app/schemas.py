"""Checks that name a schema to the checks in it."""

import os
from collections.abc import Sequence

from outdo.core.errors import UserError
from outdo.core.rules import Asserted, Schema
from outdo.core.saved import read_saved, within
from outdo.core.verdict import Verdict

LARGEST = 4_000_000
"""Bytes of a schema."""


def expanded(root: str, asserted: Sequence[Asserted]) -> tuple[list[Asserted], dict[str, Verdict]]:
    """All checks, those of schemas in place of the checks that name them; and the verdicts on schemas that can't be
    read, by their paths."""
    found: list[Asserted] = []
    refused: dict[str, Verdict] = {}
    for each in asserted:
        if not isinstance(each.check, Schema):
            found.append(each)
            continue
        inner = _read(root, each.check.path)
        if isinstance(inner, str):
            refused[each.check.path] = Verdict(f"schema {each.check.path}", "not_evaluated", inner)
            found.append(each)
        else:
            found += within(each, inner)
    return found, refused


def _read(root: str, path: str) -> tuple[Asserted, ...] | str:
    try:
        with open(os.path.join(root, path), "rb") as file:
            text = file.read(LARGEST).decode()
        return read_saved(path, text) or f"'{path}' holds no checks"
    except UserError as error:
        return f"'{path}' can't be read: {str(error).partition(chr(10))[0]}"
    except (OSError, UnicodeDecodeError) as error:
        return f"'{path}' can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
