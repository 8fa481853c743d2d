"""The models that were judged on the same rows, for each such set of rows that this store has seen.

An empty file each, named for the model's bytes, in a folder named for the rows, so that several processes add to them
at once and a model counts once however often it is judged.
"""

import os

from outdo.store.atomic import write_atomic


class Holdouts:
    """Models under `root/holdouts`, by the rows that they were judged on."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "holdouts")

    def add(self, rows: str, model: str) -> None:
        """Remembers that a model was judged on these rows; raises `StoreUnwritable`."""
        place = os.path.join(self._root, rows, model)
        if not os.path.exists(place):
            write_atomic(place, b"")

    def models(self, rows: str) -> int:
        """How many different models were judged on these rows, as far as is known here."""
        try:
            return sum(not name.startswith(".") for name in os.listdir(os.path.join(self._root, rows)))
        except OSError:
            return 0
