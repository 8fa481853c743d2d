"""Where artifacts are: in a server's own store, or elsewhere, where clients alone look.

What a client calls a location is never a path of the server's disk, and no address that a server would open: it is a
path in the server's own table of files, or nothing to the server at all.
"""

import re

SCHEME = "mlflow-artifacts:/"
"""How the locations in a server's own store begin."""

_BUCKET = re.compile(
    r"(?:s3|gs|r2|b2|abfss?|wasbs?|hdfs|viewfs)://(?:[\w.\-$]+@)?[\w.\-]+(?::[0-9]+)?(?:/(?P<path>.*))?"
)
"""A store that clients open with what they sign in by. A password has no place in it: everybody is told locations."""
_FOLDER = re.compile(r"(?:file://)?/(?P<path>[^/].*)")


def inside(location: str) -> str | None:
    """The path in the server's store that a location means; None for one elsewhere."""
    return location.removeprefix(SCHEME).strip("/") if location.startswith(SCHEME) else None


def path_in_bucket(location: str) -> str | None:
    """The path that a location has in somebody's bucket; None where it is in none."""
    found = _BUCKET.fullmatch(location)
    return None if found is None else found["path"] or ""


def path_in_folder(location: str) -> str | None:
    """The path, without the slash that it begins with, that a location is on a machine; None where it is none."""
    found = _FOLDER.fullmatch(location)
    return None if found is None else str(found["path"])
