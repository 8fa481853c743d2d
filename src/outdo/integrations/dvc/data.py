"""The way in which a DVC repository's paths are tracked."""

import os
import posixpath
from collections.abc import Mapping

from outdo.integrations.dvc.bytes import Bytes
from outdo.integrations.dvc.carrier import DvcCarrier
from outdo.integrations.dvc.exchange import Exchange
from outdo.integrations.dvc.links import Links
from outdo.integrations.dvc.looking import Looking
from outdo.integrations.dvc.parts import Folders
from outdo.integrations.dvc.remotes import reach
from outdo.integrations.dvc.repository import Repository
from outdo.integrations.dvc.tracked import DvcPointers
from outdo.integrations.ports import Carrier, Way
from outdo.store.census import Census
from outdo.store.files import Scratch
from outdo.store.statcache import StatCache
from outdo.store.travel import Tell


def way(repository: Repository, state: str, environ: Mapping[str, str]) -> Way:
    """How paths of a project in a DVC repository are tracked; `state` is a folder of Outdo's own."""
    pointers = DvcPointers()
    memory = StatCache(os.path.join(state, "dvc"))
    looking = Looking(
        repository.top, posixpath.relpath(repository.root, repository.top), memory, pointers.known
    )
    links = Links(repository.cache, repository.settings.links, Scratch(os.path.join(state, "dvc", "tmp")))
    census = Census(f"{memory.folder}/whole", [f"{repository.cache.folder}/files/md5"], memory.clock)
    folders = Folders(links, census)

    def carrier(remote: str, tell: Tell) -> Carrier:
        reached = reach(repository.settings, remote, environ)
        return DvcCarrier(Exchange(repository.cache, repository.runs, reached, tell), folders)

    def settle() -> None:
        memory.save()
        repository.save()

    return Way(pointers, Bytes(looking, links, folders), folders, carrier, settle, repository.settings.remote)
