"""Addresses that a stage may read from, beside the paths of the project."""

import re

from outdo.core.model import Path

KINDS = ("s3", "gs", "az", "azure", "http", "https", "remote")
"""What can be asked for its state; `remote://NAME/path` is a path at a remote that is declared."""

_SECRET = re.compile(
    r"[a-z0-9+.-]+://[^/?#]*@"
    r"|.*[?&](X-Amz-Signature|X-Goog-Signature|Signature|sig|token|access_token|api_?key|password|secret)=",
    re.IGNORECASE | re.DOTALL,
)
_FORMS = {"http": "HOST/path", "https": "HOST/path", "remote": "NAME/path"}
_HOST = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#].*)?")
_REST = {
    **dict.fromkeys(KINDS, re.compile(r"[\w.$-]+(/.*)?")),
    "http": _HOST,
    "https": _HOST,
    "remote": re.compile(r"[^/]+/.+"),
}


class Barred(ValueError):
    """A stage can't be run here, though nothing is wrong with its file."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def tells_secret(url: str) -> bool:
    """Whether a password, a token or a signature stands in an address."""
    return _SECRET.match(url) is not None


def address(written: str) -> Path:
    """An address that a stage reads, as it is written; raises `ValueError` for what is none, `Barred` for what can't
    be asked."""
    kind, _, rest = written.partition("://")
    if tells_secret(written):
        what = "it reads an address with a password, a token or a signature in it, which its lock would tell everyone"
        raise Barred(
            what,
            "leave it out of the address; credentials come from the environment, or from a remote's config",
        )
    if kind not in KINDS:
        what = f"it reads '{written}', and Outdo can't ask what is at {kind}://"
        raise Barred(what, "mount it, and name the path; or take it in with a stage of its own")
    if not written.isprintable():
        raise ValueError(f"{written!r} holds a character that no address may have")
    if not _REST[kind].fullmatch(rest):
        form = f"{kind}://{_FORMS.get(kind, 'BUCKET/path')}"
        raise ValueError(f"'{written}' names no place: write {form}")
    return written
