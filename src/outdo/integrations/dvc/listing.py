"""`.dir` objects: the listing of a folder, whose MD5 is the folder's. So its text has to be exact to the byte."""

from collections.abc import Mapping

from msgspec import DecodeError, Struct, ValidationError, json

from outdo.core.errors import Damaged
from outdo.integrations.dvc.md5 import md5


class _Row(Struct, frozen=True):
    relpath: str
    md5: str = ""


_decode = json.Decoder(list[_Row]).decode


def encode(files: Mapping[str, str]) -> bytes:
    """The listing of a folder from its files' MD5s by path: sorted by path, all ASCII, a blank behind `,` and `:`."""
    from json.encoder import encode_basestring_ascii

    rows = [
        f'{{"md5": "{files[name]}", "relpath": {encode_basestring_ascii(name)}}}' for name in sorted(files)
    ]
    return f"[{', '.join(rows)}]".encode("ascii")


def decode(content: bytes) -> dict[str, str]:
    """The MD5s by path in a listing; raises `Damaged` where it is none, or names a path outside the folder."""
    try:
        rows = _decode(content)
    except (DecodeError, ValidationError, UnicodeDecodeError) as error:
        raise Damaged(f"a `.dir` object in DVC's cache is no listing: {error}") from None
    files = {row.relpath: row.md5 for row in rows}
    if len(files) != len(rows) or any(map(_leads_out, files)) or not all(map(_is_md5, files.values())):
        raise Damaged("a `.dir` object in DVC's cache holds a name or a hash that can't be")
    return files


def digest(content: bytes) -> str:
    """What the object of this listing is called."""
    return f"{md5(content).hexdigest()}.dir"


def _leads_out(name: str) -> bool:
    return not name or "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/"))


def _is_md5(word: str) -> bool:
    return len(word) == 32 and set(word) <= set("0123456789abcdef")
