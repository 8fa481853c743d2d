"""Users, what they may do, and their tokens, as rows. Each change is told to the audit trail in its own transaction."""

import os
from collections import defaultdict
from collections.abc import Mapping
from hmac import compare_digest

from blake3 import blake3
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from outdo.core.access import EVERY, Limit, Role
from outdo.core.tracking import Milliseconds
from outdo.store.tracking import tables
from outdo.store.tracking.tables import access, grants, tokens
from outdo.store.tracking.writing import upsert

PREFIX = "outdo"
ID_BYTES = 6
SECRET_BYTES = 32


class User(Struct, frozen=True):
    """Somebody who may sign in."""

    name: str
    password: str
    """As argon2id keeps it; empty for who has none."""
    created: Milliseconds
    grants: Mapping[str, Role] = {}

    @property
    def is_admin(self) -> bool:
        """Whether they may do everything."""
        return self.grants.get(EVERY) == "admin"


class Token(Struct, frozen=True):
    """What a program signs in with in a user's name."""

    id: str
    user: str
    name: str
    """What it is for."""
    secret: bytes
    """The digest of its secret part."""
    limit: Limit
    created: Milliseconds
    expires: Milliseconds | None
    used: Milliseconds | None = None

    def matches(self, secret: str) -> bool:
        """Whether this is its secret part; takes the same time wherever it differs."""
        return compare_digest(self.secret, digest(secret))

    def is_over(self, now: Milliseconds) -> bool:
        """Whether it has expired."""
        return self.expires is not None and self.expires <= now


class Accounts(Struct, frozen=True):
    """All users and tokens at one moment."""

    version: int
    users: Mapping[str, User]
    tokens: Mapping[str, Token]


def digest(secret: str) -> bytes:
    """What is kept of a token's secret part: it is random enough that a fast hash can't be turned back."""
    return blake3(secret.encode()).digest()


def new_token() -> tuple[str, str, str]:
    """The whole text of a new token, its id and its secret part."""
    id_, secret = os.urandom(ID_BYTES).hex(), os.urandom(SECRET_BYTES).hex()
    return f"{PREFIX}_{id_}_{secret}", id_, secret


def version(connection: Connection) -> int:
    """Counts the changes of users, grants and tokens."""
    found: int | None = connection.scalar(select(access.c.version))
    return found or 0


def read(connection: Connection) -> Accounts:
    """All users and tokens."""
    counted = version(connection)  # first: what changes while the rest is read makes another one
    granted: dict[str, dict[str, Role]] = defaultdict(dict)
    for row in connection.execute(select(grants)):
        granted[row.user][row.project] = row.role
    people = {
        row.name: User(row.name, row.password, row.created, granted.get(row.name, {}))
        for row in connection.execute(select(tables.users).order_by(tables.users.c.name))
    }
    held = {
        row.id: Token(
            row.id,
            row.user,
            row.name,
            row.secret,
            Limit(row.role, row.project),
            row.created,
            row.expires,
            row.used,
        )
        for row in connection.execute(select(tokens).order_by(tokens.c.created))
    }
    return Accounts(counted, people, held)


def find_user(connection: Connection, name: str) -> User | None:
    """The user of this name, however it is capitalised."""
    people = read(connection).users
    return next((user for user in people.values() if user.name.casefold() == name.casefold()), None)


def add_user(connection: Connection, user: User) -> None:
    """The user is there, with these grants."""
    row = {"name": user.name, "password": user.password, "created": user.created}
    connection.execute(insert(tables.users).values(row))
    for project, role in user.grants.items():
        grant(connection, user.name, project, role)
    _changed(connection)


def remove_user(connection: Connection, name: str) -> None:
    """The user is gone, with grants and tokens."""
    connection.execute(delete(tables.users).where(tables.users.c.name == name))
    _changed(connection)


def set_password(connection: Connection, name: str, password: str) -> None:
    """The user has this password; as argon2id keeps it."""
    connection.execute(update(tables.users).where(tables.users.c.name == name).values(password=password))
    _changed(connection)


def keep_anew(connection: Connection, name: str, before: str, kept: str) -> None:
    """The user's password, which does not change, is kept in another way; unless it was changed meanwhile."""
    here = (tables.users.c.name == name) & (tables.users.c.password == before)
    if connection.execute(update(tables.users).where(here).values(password=kept)).rowcount:
        _changed(connection)


def grant(connection: Connection, name: str, project: str, role: Role) -> None:
    """The user has this role in the project, and no other there."""
    upsert(connection, grants, [{"user": name, "project": project, "role": role}], ["role"])
    _changed(connection)


def revoke(connection: Connection, name: str, project: str) -> None:
    """The user has no role of their own in the project."""
    connection.execute(delete(grants).where((grants.c.user == name) & (grants.c.project == project)))
    _changed(connection)


def add_token(connection: Connection, token: Token) -> None:
    """The token can be used."""
    row = {
        "id": token.id,
        "user": token.user,
        "name": token.name,
        "secret": token.secret,
        "role": token.limit.role,
        "project": token.limit.project,
        "created": token.created,
        "expires": token.expires,
    }
    connection.execute(insert(tokens).values(row))
    _changed(connection)


def remove_token(connection: Connection, id_: str) -> None:
    """The token can't be used any more."""
    connection.execute(delete(tokens).where(tokens.c.id == id_))
    _changed(connection)


def note_use(connection: Connection, id_: str, now: Milliseconds) -> None:
    """The token was used at this time. This is no change that anybody has to notice."""
    connection.execute(update(tokens).where(tokens.c.id == id_).values(used=now))


def users(connection: Connection) -> int:
    """How many users there are."""
    found: int | None = connection.scalar(select(func.count()).select_from(tables.users))
    return found or 0


def admins(connection: Connection) -> int:
    """How many users may do everything."""
    here = (grants.c.project == EVERY) & (grants.c.role == "admin")
    found: int | None = connection.scalar(select(func.count()).select_from(grants).where(here))
    return found or 0


def _changed(connection: Connection) -> None:
    connection.execute(update(access).values(version=access.c.version + 1))
