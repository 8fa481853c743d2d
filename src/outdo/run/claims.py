"""Who computes what, among runs that go on at once: what one computes another does not, but waits for."""

import os
import threading
from collections.abc import Callable

from outdo.core.model import Key, RunId
from outdo.run.claimfile import ClaimFile, holder

POLL = 0.1
"""Seconds between two looks at what other processes compute."""


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
    """The keys that are being computed now, each by one run of this process, or by another process that has the same
    `folder` of claims; without a folder others are not asked."""

    def __init__(self, bell: Bell, folder: str = "") -> None:
        self.bell = bell
        self._folder = folder
        self._lock = threading.Lock()
        self._owners: dict[Key, RunId] = {}
        self._files: dict[Key, ClaimFile] = {}
        self._elsewhere: set[Key] = set()
        """Keys that other processes compute, and somebody here waits for."""
        self._over = threading.Event()

    def take(self, key: Key, run: RunId) -> bool:
        """Whether `run` may compute this key: no other one does at the moment. Where one does, the bell is rung when
        that is over."""
        with self._lock:
            if self._owners.setdefault(key, run) != run:
                return False
            if not self._folder or key in self._files:
                return True
            file = ClaimFile(self._place(key))
            if file.take():
                self._files[key] = file
                return True
            del self._owners[key]
            self._await(key)
            return False

    def free(self, key: Key, run: RunId) -> None:
        """Says that `run` computes this key no more, whether or not it has come to a result."""
        with self._lock:
            mine = self._owners.get(key) == run
            if mine:
                del self._owners[key]
                file = self._files.pop(key, None)
                if file is not None:
                    file.free()
        if mine:
            self.bell.ring()

    def process(self, key: Key) -> int | None:
        """The other process that computes this key; 0 where it is not known which, None where none does."""
        return holder(self._place(key)) if self._folder and key in self._elsewhere else None

    def close(self) -> None:
        """Nobody waits any more."""
        self._over.set()

    def _place(self, key: Key) -> str:
        return os.path.join(self._folder, key)

    def _await(self, key: Key) -> None:
        first = not self._elsewhere
        self._elsewhere.add(key)
        if first:
            threading.Thread(target=self._watch, name="outdo-claims", daemon=True).start()

    def _watch(self) -> None:
        """Rings when another process is done with a key; a lock that could be waited for can't be left alone."""
        while not self._over.wait(POLL):
            with self._lock:
                over = {key for key in self._elsewhere if holder(self._place(key)) is None}
                self._elsewhere -= over
                left = bool(self._elsewhere)
            if over:
                self.bell.ring()
            if not left:
                return
