"""What travels between a store and a remote: only what is missing, verified at both ends, parts before wholes.

Chunks go before the recipe of the file that is made of them, files before the folders that name them, and those before
the results that name them, each kind only once the former is settled. So whatever is there is complete, whenever a
transfer breaks off, and the next one goes on.
"""

from collections.abc import Callable, Iterable, Sequence

from outdo.core.errors import NotInRemote
from outdo.core.model import Digest, Entry, Key, Record
from outdo.store import results
from outdo.store.depot import Depot
from outdo.store.objects import Objects
from outdo.store.receiving import Receiving
from outdo.store.sending import Sending
from outdo.store.travel import Counter, Moved, Tell, result_name

Announce = Callable[[Iterable[Digest]], None]


class Transfer:
    """Moves objects and results between one store and one remote."""

    def __init__(
        self, objects: Objects, depot: Depot, tell: Tell, threads: int = 8, announce: Announce | None = None
    ) -> None:
        """`announce` is told what the remote is to have, before it is asked what it has."""
        counter = Counter(tell)
        self._announce = announce
        self._depot = depot
        self._there = Sending(objects, depot, counter, threads)
        self._back = Receiving(objects, depot, counter, threads)

    def send(self, entries: Iterable[Entry], records: Sequence[Record] = ()) -> Moved:
        """The remote has all that is in these entries, then the results; what this store lacks too is told, and a
        result that names it stays here."""
        entries = list(entries)
        if self._announce and entries:
            outs = (entry.digest for record in records for entry in record.outs.values())
            self._announce(dict.fromkeys([*(entry.digest for entry in entries), *outs]))
        return self._there.send(entries, records)

    def fetch(self, entries: Iterable[Entry]) -> Moved:
        """The store has all that is in these entries, as far as the remote has it; the rest is told."""
        return self._back.fetch(entries)

    def keys(self) -> list[Key]:
        """Of all results that the remote has."""
        names = self._depot.listing("results")
        return [Key(name.removeprefix("results/").replace("/", "")) for name in names]

    def result(self, key: Key) -> Record | None:
        """What the remote knows under a key; None where it knows nothing, or what it has can't be read."""
        try:
            content = b"".join(self._depot.read(result_name(key)))
        except NotInRemote:
            return None
        record = results.decode(content)
        return record if record is not None and record.key == key else None
