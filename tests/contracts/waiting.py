"""Waiting in tests for what another process or thread does."""

import time
from collections.abc import Callable


def until(
    happened: Callable[[], object], seconds: float = 20, told: Callable[[], str] = lambda: "it never happened"
) -> None:
    """Returns once it has happened; after so many seconds the test fails, and this is told."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)
