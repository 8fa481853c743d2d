"""Who calls: from what a request presents to an actor, without slowing down who is known.

A password is looked at with argon2id once; that it matched is then remembered for a short time, in memory, under a key
that only this process has. What users may do is read anew as soon as anything of it has changed, by whichever process.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Protocol

from anyio import Lock, to_thread
from blake3 import blake3

from outdo.core.access import EVERYBODY, FREE_TRIES, FREE_TRIES_OF_ADDRESS, Actor, pause
from outdo.core.refusals import NotSignedIn, TooOften
from outdo.core.tracking import Milliseconds
from outdo.server.credentials import HOW, Claimed, Presented, read_credential
from outdo.store.tracking import passwords
from outdo.store.tracking.accounts import Accounts, Token, User

REMEMBERED_SECONDS = 300.0
MOST_REMEMBERED = 10_000
USE_NOTED_EVERY: Milliseconds = 60_000
WRONG = "the user or the password is wrong"


class Book(Protocol):
    """Where users and tokens are written."""

    def now(self) -> Milliseconds:
        """The time."""
        ...

    async def accounts(self, *, at_once: bool = False) -> Accounts:
        """All users and tokens as they are now, or with a database elsewhere were up to a second ago; `at_once`: as
        they are now in any case."""
        ...

    def note_use(self, token: str, now: Milliseconds) -> None:
        """A token was used."""
        ...

    def put_password(self, user: str, before: str, kept: str) -> None:
        """The same password of a user is kept in another way from now on, unless it was changed meanwhile."""
        ...


class Door:
    """Lets in who may come in."""

    def __init__(
        self, book: Book, *, may_be_open: bool, matches: Callable[[str, str], bool] = passwords.matches
    ) -> None:
        self._book = book
        self._matches = matches
        self._may_be_open = may_be_open
        self._key = os.urandom(32)
        self._turn = Lock()
        self._matched: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._failed: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        self._noted: OrderedDict[str, Milliseconds] = OrderedDict()
        self._nobodys = passwords.nobodys()

    async def admit(self, headers: Sequence[str], address: str) -> Actor:
        """Who calls with these `Authorization` headers from this address; raises `NotSignedIn` or `TooOften`."""
        accounts = await self._book.accounts()
        if not accounts.users and self._may_be_open:
            return EVERYBODY
        credential = read_credential(headers)
        try:
            return await self._let_in(accounts, credential, address)
        except NotSignedIn:
            newer = await self._book.accounts(at_once=True)
            if newer.version == accounts.version:
                raise
            return await self._let_in(newer, credential, address)

    async def _let_in(self, accounts: Accounts, credential: Presented | Claimed, address: str) -> Actor:
        match credential:
            case Presented() as presented:
                return self._by_token(accounts, presented)
            case Claimed() as claimed:
                user = await self._by_password(accounts, claimed, address)
                return Actor(user.name, "password", user.grants)

    def _by_token(self, accounts: Accounts, presented: Presented) -> Actor:
        now = self._book.now()
        token = accounts.tokens.get(presented.id)
        user = accounts.users.get(token.user) if token else None
        if token is None or user is None or not token.matches(presented.secret):
            raise NotSignedIn("the token does not hold: it was revoked, or is none of this server's")
        if token.is_over(now):
            raise NotSignedIn("the token has expired; `outdo token new` makes another one")
        self._note_use(token, now)
        return Actor(token.user, f"token {token.id}", user.grants, token.limit)

    async def _by_password(self, accounts: Accounts, claimed: Claimed, address: str) -> User:
        user = accounts.users.get(claimed.user)
        kept = user.password if user and user.password else self._nobodys
        if user and self._remembers(claimed, kept):
            return user
        async with self._turn:  # one at a time: each takes memory, and a core
            if user and self._remembers(claimed, kept):
                return user
            self._check_pause(claimed.user, address)
            matched = len(claimed.password) <= passwords.MOST and await to_thread.run_sync(
                self._matches, claimed.password, kept
            )
            if user is None or not matched:
                self._failed_once(claimed.user, address)
                raise NotSignedIn(f"{WRONG}: {HOW}")
            self._failed[claimed.user, address] = (0, monotonic())
            self._remember(claimed, kept)
            if passwords.is_old(kept):
                again = await to_thread.run_sync(passwords.keep, claimed.password)
                self._book.put_password(user.name, kept, again)
        return user

    # ------------------------------------------------------------------ what is remembered

    def _mark(self, claimed: Claimed) -> bytes:
        told = f"{len(claimed.user)}:{claimed.user}{claimed.password}".encode()
        return blake3(told, key=self._key).digest()

    def _remembers(self, claimed: Claimed, kept: str) -> bool:
        """Whether this password was found to match what is kept of it, a short time ago."""
        found = self._matched.get(self._mark(claimed))
        return found is not None and found[0] == kept and monotonic() - found[1] < REMEMBERED_SECONDS

    def _remember(self, claimed: Claimed, kept: str) -> None:
        self._matched[self._mark(claimed)] = (kept, monotonic())
        _shorten(self._matched)

    def _check_pause(self, user: str, address: str) -> None:
        """Raises `TooOften`. Who guesses at names is slowed down by the address; that holds up nobody who has signed in
        from there before, nor whom a token or a remembered password lets in."""
        known = (user, address) in self._failed
        key, free = ((user, address), FREE_TRIES) if known else (("", address), FREE_TRIES_OF_ADDRESS)
        count, last = self._failed.get(key, (0, 0.0))
        left = last + pause(count, free) - monotonic()
        if left > 0:
            raise TooOften("too many failed attempts to sign in; wait before the next", left)

    def _failed_once(self, user: str, address: str) -> None:
        now = monotonic()
        for key in ((user, address), ("", address)):
            count, last = self._failed.pop(key, (0, now))
            self._failed[key] = (1 if now - last > REMEMBERED_SECONDS else count + 1, now)
        _shorten(self._failed)

    def _note_use(self, token: Token, now: Milliseconds) -> None:
        if now - self._noted.get(token.id, token.used or 0) >= USE_NOTED_EVERY:
            self._noted[token.id] = now
            _shorten(self._noted)
            self._book.note_use(token.id, now)


def _shorten(remembered: "OrderedDict[Any, Any]") -> None:
    while len(remembered) > MOST_REMEMBERED:
        remembered.popitem(last=False)
