"""What carries tracked data between DVC's cache and a remote of DVC's."""

from collections.abc import Iterable, Iterator, Mapping

from outdo.core.errors import NotInStore
from outdo.core.model import Entry, Path
from outdo.integrations.dvc import listing
from outdo.integrations.dvc.exchange import Exchange
from outdo.integrations.dvc.names import name_of
from outdo.integrations.dvc.parts import Folders
from outdo.integrations.dvc.records import Item
from outdo.integrations.dvc.remotes import reach
from outdo.integrations.dvc.repository import Repository
from outdo.store.travel import Moved, Tell


def carrier_to(
    repository: Repository, environ: Mapping[str, str], folders: Folders, remote: str, tell: Tell
) -> "DvcCarrier":
    """What carries between the repository's cache and its remote of this name; raises `NoRemote` or `BadRemote`."""
    reached = reach(repository.settings, remote, environ)
    return DvcCarrier(Exchange(repository.cache, repository.runs, reached, tell), folders)


class DvcCarrier:
    """Carries entries, of which `folders` know what is in them, by an `exchange` of DVC's objects."""

    def __init__(self, exchange: Exchange, folders: Folders) -> None:
        self._exchange = exchange
        self._folders = folders

    def send(self, entries: Iterable[Entry]) -> Moved:
        """The remote has all of these entries; what can't be had is told."""
        return self._exchange.send(self._items(entries))

    def fetch(self, entries: Iterable[Entry]) -> Moved:
        """The cache has all of these entries, as far as the remote has them; what it lacks is told."""
        return self._exchange.fetch(self._items(entries))

    def part(self, folder: Entry, name: Path) -> Entry | None:
        """What a folder has under a name; its listing is asked of the remote where the cache lacks it, and not kept: a
        listing in the cache promises that its files are there too."""
        try:
            return self._folders.part(folder, name)
        except NotInStore:
            content = self._exchange.listing(*name_of(folder.digest))
            if content is None:
                raise
            self._folders.learn(folder, listing.decode(content))
            return self._folders.part(folder, name)

    def _items(self, entries: Iterable[Entry]) -> Iterator[Item]:
        """The objects of entries; of a part of a folder those of its files, as it has no object of its own."""
        for entry in entries:
            made = self._folders.made(entry)
            name, kind = name_of(entry.digest)
            yield from (Item(name, name, kind) for name in ([name] if made is None else made.values()))
