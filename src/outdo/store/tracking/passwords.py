"""Passwords, as argon2id keeps them. Its library is loaded when the first one is looked at."""

import base64
import os
from typing import Any

MEMORY_KIB = 32 * 1024
PASSES = 3
LANES = 1
LEAST = 12
MOST = 1000
"""Characters that a password may have."""


def keep(password: str) -> str:
    """What is kept of a password: from it nobody gets the password back, but by trying."""
    kept: str = _hasher().hash(password)
    return kept


def matches(password: str, kept: str) -> bool:
    """Whether this is the password; as slow, and as much memory, for every answer."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return bool(_hasher().verify(kept, password))
    except (VerificationError, InvalidHashError):
        return False


def is_old(kept: str) -> bool:
    """Whether it was kept with other parameters than a new one would be."""
    return bool(_hasher().check_needs_rehash(kept))


def nobodys() -> str:
    """What no password matches: looked at for a user who is not there, it takes as long as any other."""
    salt, digest = (base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
