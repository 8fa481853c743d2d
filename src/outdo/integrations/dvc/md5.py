"""MD5, by which DVC calls what it keeps."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import _Hash


def md5(content: bytes | memoryview = b"") -> "_Hash":
    """A hash that begins with this content; it protects from nothing, as DVC's names do not."""
    made: _Hash = _md5()(content, usedforsecurity=False)
    return made


@cache
def _md5() -> Any:
    """Loaded with the first hash: OpenSSL takes two milliseconds, and where nothing changed nothing is hashed."""
    import hashlib

    return hashlib.md5
