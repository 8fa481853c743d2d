"""What the engine asks of an executor: carry one attempt at one stage's commands out, and end it when told."""

import threading
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from msgspec import Struct

from outdo.core.model import StageName


class Reached(Struct, frozen=True):
    """How a stage's command reaches the line that stages log on."""

    env: Mapping[str, str]
    """Variables that tell a client of MLflow so; they are in the environment of the job too."""
    port: int
    """Of loopback."""
    socket: str = ""
    """A path that leads there too, for a command that is cut off the network; empty where there is none."""


class Job(Struct, frozen=True):
    """One attempt at a stage, ready to be carried out."""

    stage: StageName
    attempt: int
    commands: tuple[str, ...]
    """Run in order, each as by `/bin/sh -c`, until one exits with another code than 0."""
    cwd: str
    """Absolute folder."""
    env: Mapping[str, str]
    """The whole environment of the command."""
    log: str
    """Absolute path of the file that receives stdout and stderr; written by the processes themselves."""
    timeout: float | None = None
    """Seconds for all commands together."""
    wrapper: tuple[str, ...] = ()
    """Words put before `/bin/sh -c COMMAND`: a sandbox."""
    line: Reached | None = None
    """How it reaches the line that stages log on; None where it must not."""


Ending = Literal["exited", "signalled", "timeout", "cancelled", "unstartable"]


class Outcome(Struct, frozen=True):
    """How an attempt ended."""

    ending: Ending
    exit_code: int | None = None
    """Of the last command that ran; None unless `exited`."""
    signal: int | None = None
    message: str = ""
    """For `unstartable`: why."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """User and system time of the command and all that it waited for."""
    peak_memory: int = 0
    """Bytes, of the largest process."""

    @property
    def ok(self) -> bool:
        return self.ending == "exited" and self.exit_code == 0


class Cancel:
    """A request to stop, made once by the engine and waited for by every running attempt."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wakers: list[Callable[[], None]] = []
        self._lock = threading.RLock()  # a signal may ask for the stop while this thread watches

    def request(self) -> None:
        """Asks every attempt that watches, now or later, to end; a second call changes nothing."""
        with self._lock:
            self._event.set()
            wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def watch(self, wake: Callable[[], None]) -> None:
        """Has `wake` called once when a stop is requested, at once where it already was."""
        with self._lock:
            self._wakers.append(wake)  # before the question, as a signal may come in between
            if not self._event.is_set():
                return
            late = wake in self._wakers
            if late:
                self._wakers.remove(wake)
        if late:
            wake()

    def forget(self, wake: Callable[[], None]) -> None:
        """Takes back a `watch`."""
        with self._lock:
            if wake in self._wakers:
                self._wakers.remove(wake)


class Executor(Protocol):
    """Carries attempts out; called from several threads at once."""

    def run(self, job: Job, cancel: Cancel) -> Outcome:
        """Returns once the attempt has ended and no process of it is left, whatever the outcome."""
        ...

    def close(self) -> None:
        """Ends whatever is left."""
        ...
