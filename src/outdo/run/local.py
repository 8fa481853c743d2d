"""The executor that runs commands as processes of this machine and leaves none of them behind.

Each command is a session of its own that writes to the log file itself. docs/design/processes.md says why.
"""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from itertools import count

from outdo.run import guard
from outdo.run.attempt import Attempt
from outdo.run.direct import direct
from outdo.run.ports import Cancel, Ending, Job, Outcome

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL at a timeout or a stop."""

GRACE_AT_END = 0.5
"""The same for what a command left in the background when it ended by itself."""

_KILOBYTE = 1 if sys.platform == "darwin" else 1024


class Local:
    """Runs each command of a job as `/bin/sh -c COMMAND`, or directly where no shell is needed.

    May be called from several threads at once."""

    def __init__(
        self,
        token: str,
        *,
        grace: float = GRACE,
        pidfds: bool = hasattr(os, "pidfd_open"),
        guarded: bool = True,
    ) -> None:
        """`token` names the engine in its processes' environment; a random part is added to it."""
        name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in token)
        self._token = f"{name}-{os.urandom(4).hex()}"
        self._grace = grace
        self._pidfds = pidfds
        self._guarded = guarded
        self._guard: _Guard | None = None
        self._numbers = count(1)
        self._closing = Cancel()
        self._state = threading.Condition()
        self._running = 0

    def run(self, job: Job, cancel: Cancel) -> Outcome:
        """Returns once the attempt has ended and no process of it is left, whatever the outcome."""
        with self._state:
            self._running += 1
        try:
            return self._run(job, cancel)
        except OSError as error:
            return Outcome("unstartable", message=str(error))
        finally:
            with self._state:
                self._running -= 1
                self._state.notify_all()

    def close(self) -> None:
        """Ends what still runs and waits for it. A job that comes later is cancelled."""
        self._closing.request()
        with self._state:
            self._state.wait_for(lambda: self._running == 0)
            if self._guard is not None:
                self._guard.dismiss()
                self._guard = None
            self._guarded = False

    def _run(self, job: Job, cancel: Cancel) -> Outcome:
        bell = _Bell()
        try:
            cancel.watch(bell.ring)
            self._closing.watch(bell.ring)
            try:
                log = os.open(job.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except (OSError, ValueError) as error:
                return Outcome("unstartable", message=f"the log can't be written: {error}")
            try:
                return self._carry_out(job, log, bell)
            finally:
                os.close(log)
        finally:
            cancel.forget(bell.ring)
            self._closing.forget(bell.ring)
            bell.close()

    def _carry_out(self, job: Job, log: int, bell: "_Bell") -> Outcome:
        began = time.monotonic()
        deadline = None if job.timeout is None else began + job.timeout
        mark = f"{self._token}/{next(self._numbers)};"
        attempt = Attempt(mark, job.env, wrapped=bool(job.wrapper), pidfds=self._pidfds)
        watch = self._watch()
        slots: list[int] = []
        ending: Ending = "exited"
        message = ""
        survivors: list[int] = []
        try:
            for command in job.commands:
                if bell.rung:
                    ending = "cancelled"
                    break
                try:
                    leader = _start(attempt, job, command, log)
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    ending, message = "unstartable", f"the command can't be started: {error}"
                    break
                if watch is not None:
                    slots.append(watch.note(leader))
                ending = attempt.wait(bell.fd, deadline)
                if ending != "exited" or attempt.status != 0:
                    break
        finally:
            survivors = attempt.end(self._grace if attempt.runs else GRACE_AT_END)
            if watch is not None:
                watch.forget(slots)
        if survivors:
            message = f"withstood SIGKILL: process {', '.join(map(str, survivors))}"
        if ending == "exited" and attempt.status < 0:
            ending = "signalled"
        hidden = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a child inherits our peak at its birth
        return Outcome(
            ending,
            exit_code=attempt.status if ending == "exited" else None,
            signal=-attempt.status if ending == "signalled" else None,
            message=message,
            seconds=time.monotonic() - began,
            cpu_seconds=attempt.cpu_seconds,
            peak_memory=attempt.peak_memory * _KILOBYTE if attempt.peak_memory > hidden else 0,
        )

    def _watch(self) -> "_Guard | None":
        if self._guard is None and self._guarded:
            with self._state:
                if self._guard is None and self._guarded:
                    self._guarded = False
                    try:
                        self._guard = _Guard(self._token)
                    except (OSError, ValueError, subprocess.SubprocessError):
                        return None
        return self._guard


def _start(attempt: Attempt, job: Job, command: str, log: int) -> int:
    words = None if job.wrapper else direct(command)
    if words is not None:
        try:
            return attempt.start(words, job.cwd, log)
        except OSError:
            pass  # not found, or a script that names no interpreter: the shell knows what to make of it
    return attempt.start((*job.wrapper, "/bin/sh", "-c", command), job.cwd, log)


class _Bell:
    """A file descriptor that can be read once it was rung; to ring it after the close does nothing."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        self.rung = False
        self._lock = threading.RLock()  # a signal handler may ring while this thread holds it

    def ring(self) -> None:
        with self._lock:
            if not self.rung:
                self.rung = True
                os.write(self._write, b"!")

    def close(self) -> None:
        with self._lock:
            self.rung = True
            os.close(self.fd)
            os.close(self._write)


class _Guard:
    """The engine's end of `outdo.run.guard`: a table of the groups that run, and a pipe that closes when we die."""

    def __init__(self, token: str) -> None:
        self._lock = threading.Lock()
        self._free: list[int] = []
        self._used = 0
        self._table = _unnamed_file()
        read, self._write = os.pipe()
        words = [sys.executable, "-I", "-S", guard.__file__, token, str(self._table), str(os.getpid())]
        unmoved = signal.pthread_sigmask(
            signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
        )
        try:
            self._process = subprocess.Popen(
                words,
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
                pass_fds=(self._table,),
            )
        except BaseException:
            os.close(self._table)
            os.close(self._write)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmoved)
            os.close(read)

    def note(self, group: int) -> int:
        """Has the group killed should the engine die; returns its slot."""
        with self._lock:
            if self._free:
                slot = self._free.pop()
            else:
                slot, self._used = self._used, self._used + 1
        os.pwrite(self._table, group.to_bytes(guard.SLOT, "little"), slot * guard.SLOT)
        return slot

    def forget(self, slots: list[int]) -> None:
        for slot in slots:
            os.pwrite(self._table, bytes(guard.SLOT), slot * guard.SLOT)
        with self._lock:
            self._free += slots

    def dismiss(self) -> None:
        """Ends the guard: nothing is left for it to do."""
        self._process.kill()
        self._process.wait()
        os.close(self._table)
        os.close(self._write)


def _unnamed_file() -> int:
    """A file that only those who were given its descriptor can reach."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("outdo-guard")
    name = f"{os.environ.get('TMPDIR', '/tmp')}/outdo-guard-{os.urandom(8).hex()}"  # noqa: S108
    table = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(name)
    return table
