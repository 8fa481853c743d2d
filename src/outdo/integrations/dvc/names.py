"""How DVC's hashes stand in an entry: an MD5 as it is (`….dir` for a folder), one of DVC 2 marked as such."""

from outdo.core.model import Digest
from outdo.integrations.dvc.records import DOS2UNIX, MD5

_OLD = ".dvc2"


def entry_digest(name: str, kind: str = MD5) -> Digest:
    """What an entry's digest is for an object of this name and hash."""
    return Digest(f"{name}{_OLD}" if kind == DOS2UNIX else name)


def name_of(digest: Digest) -> tuple[str, str]:
    """The name and the hash of the object that an entry's digest stands for."""
    old = digest.endswith(_OLD)
    return digest.removesuffix(_OLD), DOS2UNIX if old else MD5
