"""The word that was probably meant, where an unknown one stands."""

from collections.abc import Collection
from typing import Final

_MAX_COMPARED: Final = 200
"""Words that one unknown word is compared with; beyond, only those of its first letter and about its length."""

GONE = {
    "checkpoint": "DVC 3 took checkpoints away; remove the key",
    "live": "DVC 3 took it away; declare its files under metrics and plots",
    "datasets": "datasets are not supported; make the file a dependency",
}
"""What to do about keys that DVC knew, or knows, and Outdo does not."""

_SYNONYMS = {
    "command": "cmd",
    "run": "cmd",
    "script": "cmd",
    "dependencies": "deps",
    "inputs": "deps",
    "outputs": "outs",
    "parameters": "params",
    "environment": "env",
    "workdir": "wdir",
    "working_dir": "wdir",
    "description": "desc",
    "variables": "vars",
    "name": "project",
}


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The fix for an unknown word: the nearest known one, else all of them where they are few."""
    if near := nearest(word, known):
        return f"did you mean '{near}'?"
    return f"known here: {', '.join(known)}" if 0 < len(known) <= 30 else ""


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant."""
    from difflib import get_close_matches  # only where there is a mistake to explain

    meant = _SYNONYMS.get(word.lower())
    if meant in known:
        return meant
    if len(known) > _MAX_COMPARED:
        close = (each for each in known if each[:1] == word[:1] and abs(len(each) - len(word)) <= 3)
        known = [each for each, _ in zip(close, range(_MAX_COMPARED), strict=False)]
    return next(iter(get_close_matches(word, known, n=1)), None)
