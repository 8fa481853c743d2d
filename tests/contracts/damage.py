"""Damage to a store."""

import os
from pathlib import Path

from outdo.core.model import Digest
from outdo.store.objects import Objects


def overwrite(objects: Objects, digest: Digest, content: bytes) -> None:
    """Changes an object's bytes as a failing disk does: without a trace in its stamps."""
    place = objects.place(digest)
    status = os.stat(place)
    os.chmod(place, 0o644)
    Path(place).write_bytes(content)
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.chmod(place, 0o444)
