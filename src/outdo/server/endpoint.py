"""What a server offers: endpoints as values, so that all of them can be listed, and each says the role it needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct
from sqlalchemy import Connection

from outdo.core.access import Actor, Role, Thing
from outdo.core.model import Digest
from outdo.core.tracking import Milliseconds
from outdo.store.secrets import Keyring
from outdo.store.tracking.points import Keys

Json = Mapping[str, Any]


class Sending(Struct, frozen=True):
    """How webhooks are told of what happens."""

    keyring: Keyring
    """Seals what messages to them are signed with."""
    private: bool
    """Whether they may be on this machine or its network."""


class Desk(Protocol):
    """What handlers share beside the database."""

    @property
    def keys(self) -> Keys:
        """The numbers of metrics' names."""
        ...

    @property
    def actor(self) -> Actor:
        """Who calls."""
        ...

    @property
    def sending(self) -> Sending:
        """How webhooks are told."""
        ...

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
    narrows: bool = False
    """It tells each caller of what they may see alone, by `desk.actor.sight`."""
    makes: bool = False
    """It makes something in what it names, and changes nothing there."""
    counts: Callable[[Any], Mapping[str, Any]] | None = None
    """How much is logged, for the audit trail; None: it looks at what the call is about before and after."""


@runtime_checkable
class About(Protocol):
    """A question that says what it is about. One that does not is for those alone whose role is in all projects, unless
    its endpoint narrows the answer."""

    def things(self) -> Sequence[Thing]:
        """What the call is about, as far as it is there already; raises `Invalid`."""
        ...
