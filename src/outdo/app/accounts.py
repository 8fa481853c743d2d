"""The verbs on users and tokens of a server, done in its database whether it runs or not, and told to its trail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import gmtime, strftime, time_ns

from msgspec import Struct
from sqlalchemy import Connection

from outdo.app.telling import tell
from outdo.core.access import EVERY, Limit, Role
from outdo.core.errors import BadAccount, LastAdmin, UnknownAccount
from outdo.core.tracking import Milliseconds
from outdo.store.database import writing
from outdo.store.tracking import accounts, passwords
from outdo.store.tracking.accounts import Accounts, Token, User
from outdo.store.tracking.home import open_home

_NAME = re.compile(r"[\w][\w.@+-]{0,127}", re.ASCII)
_PROJECT = re.compile(r"[^/\x00-\x1f\x7f]{1,250}")


class Home(Struct, frozen=True):
    """Which server's users are meant."""

    folder: str
    database: str = ""


class Fresh(Struct, frozen=True):
    """A new token. Its text is kept nowhere."""

    text: str
    token: Token


@contextmanager
def reading(home: Home) -> Iterator[Connection]:
    """A look into a server's database; it is made where there is none."""
    engine = open_home(home.folder, home.database)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def everybody(home: Home) -> Accounts:
    """All users and tokens."""
    with reading(home) as connection:
        return accounts.read(connection)


def add_user(home: Home, name: str, password: str, grants: dict[str, Role]) -> bool:
    """Adds a user, with an empty password one who signs in by tokens alone; says whether it is the first.

    Raises `BadAccount`."""
    if not _NAME.fullmatch(name):
        raise BadAccount(
            f"'{name}' can't be the name of a user", fix="letters, digits and . _ @ + - · at most 128"
        )
    kept = _kept(password) if password else ""
    for project in grants:
        _check_project(project)
    with _changing(home) as connection:
        before = accounts.read(connection).users
        if (other := accounts.find_user(connection, name)) is not None:
            raise BadAccount(f"there is a user '{other.name}' already", fix="outdo user list")
        accounts.add_user(connection, User(name, kept, _now(), grants))
        tell(connection, "users/add", f"user:{name}", {}, dict(grants))
        return not before


def remove_user(home: Home, name: str) -> int:
    """Removes a user, and with them their tokens; returns how many users are left. Raises `UnknownAccount`, and
    `LastAdmin`."""
    with _changing(home) as connection:
        user = _user(connection, name)
        _keep_an_admin(connection, user)
        accounts.remove_user(connection, user.name)
        tell(connection, "users/remove", f"user:{user.name}", dict(user.grants), {})
        return len(accounts.read(connection).users)


def set_password(home: Home, name: str, password: str) -> None:
    """Gives a user another password; raises `UnknownAccount` or `BadAccount`."""
    kept = _kept(password)
    with _changing(home) as connection:
        user = _user(connection, name)
        accounts.set_password(connection, user.name, kept)
        tell(connection, "users/password", f"user:{user.name}", {}, {})


def grant(home: Home, name: str, project: str, role: Role) -> Role | None:
    """Gives a user a role in a project; returns the one before. Raises `UnknownAccount`, `BadAccount`, `LastAdmin`."""
    _check_project(project)
    with _changing(home) as connection:
        user = _user(connection, name)
        if project == EVERY and role != "admin":
            _keep_an_admin(connection, user)
        accounts.grant(connection, user.name, project, role)
        before = user.grants.get(project)
        tell(connection, "users/grant", f"user:{user.name}", {project: before}, {project: role})
        return before


def revoke(home: Home, name: str, project: str) -> Role:
    """Takes the role that a user has in a project; returns it. Raises `UnknownAccount` and `LastAdmin`."""
    with _changing(home) as connection:
        user = _user(connection, name)
        before = user.grants.get(project)
        if before is None:
            where = "all projects" if project == EVERY else f"project '{project}'"
            raise UnknownAccount(f"'{user.name}' was given no role in {where}", fix="outdo user list")
        if project == EVERY:
            _keep_an_admin(connection, user)
        accounts.revoke(connection, user.name, project)
        tell(connection, "users/revoke", f"user:{user.name}", {project: before}, {})
        return before


def new_token(home: Home, name: str, purpose: str, limit: Limit, days: float | None) -> Fresh:
    """A token for a user, which can do no more than that user and its limit; raises `UnknownAccount`, `BadAccount`."""
    _check_project(limit.project)
    text, id_, secret = accounts.new_token()
    with _changing(home) as connection:
        user = _user(connection, name)
        now = _now()
        expires = None if days is None else now + int(days * 86_400_000)
        token = Token(id_, user.name, purpose, accounts.digest(secret), limit, now, expires)
        accounts.add_token(connection, token)
        told = {"user": user.name, "name": purpose, "role": limit.role, "project": limit.project}
        tell(connection, "tokens/new", f"token:{id_}", {}, {**told, "expires": _day(expires)})
        return Fresh(text, token)


def revoke_token(home: Home, id_: str) -> Token:
    """Ends a token; raises `UnknownAccount`. Its whole text is taken as well as its id."""
    wanted = id_.removeprefix(f"{accounts.PREFIX}_").partition("_")[0]
    with _changing(home) as connection:
        token = accounts.read(connection).tokens.get(wanted)
        if token is None:
            raise UnknownAccount(f"there is no token '{wanted}'", fix="outdo token list")
        accounts.remove_token(connection, wanted)
        tell(connection, "tokens/revoke", f"token:{wanted}", {"user": token.user, "name": token.name}, {})
        return token


@contextmanager
def _changing(home: Home) -> Iterator[Connection]:
    engine = open_home(home.folder, home.database)
    try:
        with writing(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def _user(connection: Connection, name: str) -> User:
    user = accounts.find_user(connection, name)
    if user is None:
        raise UnknownAccount(f"there is no user '{name}'", fix="outdo user list")
    return user


def _keep_an_admin(connection: Connection, user: User) -> None:
    if user.is_admin and accounts.admins(connection) == 1:
        raise LastAdmin(
            f"'{user.name}' is the only admin", fix="outdo user grant NAME admin, for another one"
        )


def _kept(password: str) -> str:
    if not passwords.LEAST <= len(password) <= passwords.MOST:
        raise BadAccount(
            f"the password has {len(password)} characters",
            fix=f"{passwords.LEAST} at least, {passwords.MOST} at most",
        )
    return passwords.keep(password)


def _check_project(project: str) -> None:
    if not _PROJECT.fullmatch(project):
        raise BadAccount(
            f"'{project}' can't be a project", fix="the first part of an experiment's name, without /"
        )


def _now() -> Milliseconds:
    return time_ns() // 1_000_000


def _day(time: Milliseconds | None) -> str:
    return "never" if time is None else strftime("%Y-%m-%d", gmtime(time / 1000))
