"""What a server offers: endpoints as values, so that all of them can be listed, and each says the role it needs."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.model import Digest
from outdo.core.tracking import Milliseconds
from outdo.store.tracking.points import Keys

Role = Literal["viewer", "developer", "maintainer", "admin"]
"""Each may do what those before it may."""

Json = Mapping[str, Any]


class Desk(Protocol):
    """What handlers share beside the database."""

    keys: Keys

    def now(self) -> Milliseconds:
        """The time."""
        ...

    def pin(self, connection: Connection, folder: str) -> Digest | None:
        """The digest of the tree of all artifacts in a folder, which the store then holds; None where none is."""
        ...


class Endpoint(Struct, frozen=True):
    """One call that clients can make."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Behind the protocol's prefix; parts of it in braces go into the question."""
    role: Role
    asks: type[Struct]
    """The shape of what is asked: the body's JSON, or the query of a GET."""
    answer: Callable[[Connection, Any, Desk], Json]
    """Raises `Refusal`; then nothing that it has changed stays."""
    writes: bool = True
