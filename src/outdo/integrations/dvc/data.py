"""The way in which a DVC repository's paths are tracked."""

import os
import posixpath
from collections.abc import Callable
from functools import partial

from outdo.integrations.dvc.bytes import Bytes
from outdo.integrations.dvc.links import Links
from outdo.integrations.dvc.looking import Looking
from outdo.integrations.dvc.parts import Folders
from outdo.integrations.dvc.repository import Repository
from outdo.integrations.dvc.tracked import DvcPointers
from outdo.integrations.ports import Carrier, Way
from outdo.store.census import Census
from outdo.store.files import Scratch
from outdo.store.statcache import StatCache
from outdo.store.travel import Tell

Carry = Callable[[Folders, str, Tell], Carrier]
"""What carries to the remote of a name, given what is known of folders."""


def way(repository: Repository, state: str, carry: Carry) -> Way:
    """How paths of a project in a DVC repository are tracked; `state` is a folder of Outdo's own."""
    pointers = DvcPointers()
    memory = StatCache(os.path.join(state, "dvc"))
    looking = Looking(
        repository.top, posixpath.relpath(repository.root, repository.top), memory, pointers.known
    )
    links = Links(repository.cache, repository.settings.links, Scratch(os.path.join(state, "dvc", "tmp")))
    census = Census(f"{memory.folder}/whole", [f"{repository.cache.folder}/files/md5"], memory.clock)
    folders = Folders(links, census)

    def settle() -> None:
        memory.save()
        repository.save()

    return Way(
        pointers,
        Bytes(looking, links, folders),
        folders,
        partial(carry, folders),
        settle,
        repository.settings.remote,
    )
