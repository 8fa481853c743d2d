"""A few threads that work jobs off; lighter than an executor of the standard library, and made only as needed."""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Crew:
    """Runs what it is handed, each in a thread of its own or one that has become idle."""

    def __init__(self) -> None:
        self._todo: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def hand(self, job: Callable[[], None]) -> None:
        """Has `job` run soon; called from one thread only, which also calls `done` once per job."""
        self._busy += 1
        if self._busy > len(self._threads):
            thread = threading.Thread(target=self._work, name=f"outdo-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._todo.put(job)

    def done(self) -> None:
        """Says that one job has ended, so that its thread is free."""
        self._busy -= 1

    def close(self) -> None:
        """Lets the threads end once they are idle, and waits for them."""
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while (job := self._todo.get()) is not None:
            job()
