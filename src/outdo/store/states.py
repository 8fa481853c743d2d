"""What is at an address, as its server calls that state: asked for, and never fetched."""

import json
import re
from collections.abc import Mapping
from hashlib import md5
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from outdo.core.digest import digest
from outdo.core.errors import SourceFailed
from outdo.core.model import Entry
from outdo.store.bucket import Bucket

SECONDS = 60.0
"""How long a server may be silent."""
_SOON = 10.0
"""The same, where someone waits to hear what there is to do."""
_PLAIN = "%/:?#[]@!$&'()*+,;=~"
"""What stands in an address for itself, beside letters and digits."""
_STATES = ("ETag", "Content-MD5")
_WORDS = {"s3": "etag", "az": "etag", "gs": "tag"}
"""What we call an ETag; that of Google's is another than the one that DVC calls so, and notes."""


def state_entry(state: str, size: int | None, files: int = 1) -> Entry:
    """What stands for all that is at an address in this state; without a size, it counts no files."""
    return Entry(digest("state/1", state), size or 0, "file", 0 if size is None else files, state=state)


def of_page(url: str, headers: Mapping[str, str], *, weak: bool = False) -> Entry:
    """The state of a page of the web, after all that it redirects to; raises `SourceFailed`.

    Only where it may be `weak` it is enough that its size and type are told, which may stay as they are in a change."""
    with open_page(url, "HEAD", headers, _SOON) as answer:
        size = _length(answer)
        state = page_state(url, answer) or (_summed(url, answer) if weak else "")
    if state:
        return state_entry(f"checksum:{state}", size)
    what = (
        f"the server of '{url}' does not say when it changes: it sends no ETag, Content-MD5 or Last-Modified"
    )
    raise SourceFailed(what, fix="fetch it in a stage of its own, with `always_changed: true`")


def page_state(url: str, answer: HTTPResponse) -> str:
    """What a server calls the state of a page; empty where it does not say when that changes."""
    named = next((told for name in _STATES if (told := answer.headers.get(name))), "")
    return named or (_summed(url, answer) if answer.headers.get("Last-Modified") else "")


def _summed(url: str, answer: HTTPResponse) -> str:
    """A number for all that a server tells of a page that it has no word for; DVC makes the same of it."""
    headers = answer.headers
    told: dict[str, object] = {"name": url, "size": _length(answer)}
    if "Content-Type" in headers:
        told["mimetype"] = headers["Content-Type"].partition(";")[0]
    if headers.get("Accept-Ranges") == "none":
        told["partial"] = False
    told["url"] = answer.geturl()
    told.update({name: headers[name] for name in ("Digest", "Last-Modified") if headers.get(name)})
    told["type"] = "file"
    return str(int(md5(str((told,)).encode(), usedforsecurity=False).hexdigest(), 16))


def _length(answer: HTTPResponse) -> int | None:
    told = answer.headers.get("Content-Length", "")
    return int(told) if re.fullmatch("[0-9]{1,18}", told) else None


def of_bucket(bucket: Bucket, name: str, url: str, kind: str) -> Entry:
    """The state of an object, or of all in the folder of this name; raises `SourceFailed` or `RemoteFailed`.

    A folder's is the MD5 of what it lists, in the form that DVC writes of one, so that both mean the same by it."""
    top = name.strip("/")
    listed = {path: (etag.strip('"'), size) for path, (etag, size) in bucket.states(top).items()}
    if not listed:
        raise SourceFailed(f"nothing is at '{url}'", fix="check the name")
    quote = '"' if kind == "az" else ""
    if set(listed) == {top}:
        etag, size = listed[top]
        return state_entry(f"{_WORDS[kind]}:{quote}{etag}{quote}", size)
    rows = [
        {"etag": f"{quote}{etag}{quote}", "relpath": path[len(top) + 1 :] if top else path}
        for path, (etag, _) in sorted(listed.items())
    ]
    word = "md5" if kind != "gs" else _WORDS[kind]
    found = md5(json.dumps(rows, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    return state_entry(f"{word}:{found}.dir", sum(size for _, size in listed.values()), len(rows))


def open_page(
    url: str, method: str, headers: Mapping[str, str] = {}, seconds: float = SECONDS
) -> HTTPResponse:
    """A server's answer, nothing of which is read yet; raises `SourceFailed`."""
    asked = {"Accept-Encoding": "identity", "User-Agent": "outdo", **headers}
    whole = quote(url, safe=_PLAIN)
    try:
        answer: HTTPResponse = _open(Request(whole, headers=asked, method=method), timeout=seconds)  # noqa: S310
    except HTTPError as error:
        error.close()
        if method == "HEAD" and error.code in (403, 405, 501):
            return open_page(url, "GET", headers, seconds)  # some servers sign or know only this
        raise page_failed(url, f"{error.code} {error.reason}") from None
    except (URLError, OSError, ValueError, HTTPException) as error:
        why = getattr(error, "reason", error)
        raise page_failed(url, str(why) or type(error).__name__) from None
    return answer


class _Following(HTTPRedirectHandler):
    """Goes on asking as it began: a server that is asked for a state need not send what it is the state of."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None:
            following.method = req.get_method()
        return following


_open = build_opener(_Following).open


def page_failed(url: str, why: str) -> SourceFailed:
    """Says that a page can't be had."""
    return SourceFailed(f"'{url}' can't be had: {why}", fix="check the address and the network; then again")
