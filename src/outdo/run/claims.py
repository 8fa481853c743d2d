"""Who computes what, among runs that go on at once: what one computes another does not, but waits for."""

import threading
from collections.abc import Callable

from outdo.core.model import Key, RunId


class Bell:
    """Tells all who listen that something may have become possible; may be rung from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Has `listener` called at each ring from now on."""
        with self._lock:
            self._listeners.append(listener)

    def leave(self, listener: Callable[[], None]) -> None:
        """Takes back a `listen`."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def ring(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()


class Claims:
    """The keys that are being computed now, each by one run."""

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self._lock = threading.Lock()
        self._owners: dict[Key, RunId] = {}

    def take(self, key: Key, run: RunId) -> bool:
        """Whether `run` may compute this key: no other one does at the moment."""
        with self._lock:
            return self._owners.setdefault(key, run) == run

    def free(self, key: Key, run: RunId) -> None:
        """Says that `run` computes this key no more, whether or not it has come to a result."""
        with self._lock:
            mine = self._owners.get(key) == run
            if mine:
                del self._owners[key]
        if mine:
            self.bell.ring()
