"""Whether a store holds many objects: by listing its folders, where that is less work than asking for each."""

import os
from collections.abc import Iterable

from outdo.core.model import Digest
from outdo.store.objects import Objects

_FEW = 16
"""Objects of one shard up to which each is asked for."""
_DEARER = 8
"""How many names can be listed in the time in which one object is asked for."""


def lacking(objects: Objects, digests: Iterable[Digest]) -> Digest | None:
    """One of these objects that the store does not hold; None where it holds them all."""
    shards: dict[str, list[Digest]] = {}
    for digest in digests:
        shards.setdefault(digest[:2], []).append(digest)
    listed = True
    for shard, wanted in shards.items():
        there: set[str] = set()
        if listed and len(wanted) > _FEW:
            there = _names(os.path.join(objects.folder, shard))
            listed = len(there) <= _DEARER * len(wanted)
        for digest in wanted:
            if digest[2:] not in there and not objects.has(digest):
                return digest
    return None


def _names(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
