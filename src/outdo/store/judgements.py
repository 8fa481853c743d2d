"""The judgements that this store knows: what was checked, by which rules, and with what outcome.

One small file each, in a folder for what was judged, so that several processes add to them at once, a check that was
made is found by its key, and everything ever said of a model's bytes is found by its digest.
"""

import os

from msgspec import DecodeError, ValidationError, json

from outdo.core.verdict import Judgement
from outdo.store.atomic import write_atomic

_encode = json.Encoder(order="deterministic").encode
_decode = json.Decoder(Judgement).decode


class Judgements:
    """Judgements under `root/judgements`."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "judgements")

    def get(self, digest: str, key: str) -> Judgement | None:
        """What was found by this key of these bytes; None where it is unknown, or its file is damaged."""
        try:
            with open(self._place(digest, key), "rb") as file:
                found = _decode(file.read())
        except (OSError, DecodeError, ValidationError):
            return None
        return found if (found.digest, found.key) == (digest, key) else None

    def put(self, judgement: Judgement) -> None:
        """Remembers a judgement in place of any former one of its key; raises `StoreUnwritable`."""
        write_atomic(self._place(judgement.digest, judgement.key), _encode(judgement))

    def of(self, digest: str) -> list[Judgement]:
        """All that is known of these bytes, oldest first."""
        try:
            keys = os.listdir(os.path.join(self._root, digest))
        except FileNotFoundError:
            return []
        found = [one for key in keys if (one := self.get(digest, key)) is not None]
        return sorted(found, key=lambda one: (one.at, one.key))

    def _place(self, digest: str, key: str) -> str:
        return os.path.join(self._root, digest, key)
