"""Where `data get` and `data ls` keep what they fetch: the project's store, or one for a moment outside any."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from outdo.app.project import find_root, make_state
from outdo.core.errors import NoProject
from outdo.store.objects import Objects


class Room(NamedTuple):
    """A store, and a folder for clones of repositories."""

    objects: Objects
    cache: str


@contextmanager
def room(start: str) -> Iterator[Room]:
    """A place for what is fetched; gone afterwards where `start` is in no project."""
    import tempfile

    try:
        find_root(start)
    except NoProject:
        folder = tempfile.mkdtemp(prefix="outdo-")
        try:
            yield Room(Objects(folder), repositories(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    state = make_state(start)
    yield Room(Objects(os.environ.get("OUTDO_STORE") or state), repositories(state))


def repositories(state: str) -> str:
    """The folder for clones of other repositories."""
    return os.path.join(state, "repos")


def addresses(state: str) -> str:
    """The folder for what is known of addresses."""
    return os.path.join(state, "cache", "sources")
