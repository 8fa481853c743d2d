"""The processes of one attempt at a stage: started, waited for, and ended to the last one.

What a command leaves running is found in two ways: it is in the process group of the command, or it carries the
attempt's mark in its environment. As process numbers are given in ascending order, only those given since the attempt
began are looked at, which costs a short command some 30 µs. docs/design/processes.md has the reasons.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from outdo.run import guard
from outdo.run.ports import Ending

_FEW = 512
"""So many process numbers are tried one by one; beyond, /proc is listed."""

_SHORT = 2.0
"""Seconds in which process numbers can't have come round."""

_LOOKS = 100
_PAUSE = 0.05
_UNKILLABLE = 5.0
_PROC = os.path.exists("/proc/loadavg")


class Attempt:
    """Runs commands one at a time. Their first processes stay unreaped until `end`, so that the number of a group
    can't come to mean another one."""

    def __init__(self, mark: str, env: Mapping[str, str], *, wrapped: bool, pidfds: bool) -> None:
        self.status = 0
        """The last command's exit code, or minus the signal that killed it."""
        self.runs = False
        """Whether the last command's first process is still there."""
        self.cpu_seconds = 0.0
        self.peak_memory = 0
        self._mark = f";{mark}".encode()
        self._env = {**env, guard.MARK: env.get(guard.MARK, "") + mark}
        self._wrapped = wrapped
        self._pidfds = pidfds
        self._leaders: list[subprocess.Popen[bytes]] = []
        self._began = time.monotonic()

    def start(self, words: Sequence[str], cwd: str, log: int) -> int:
        """Starts a command that appends to `log`; returns its number. Raises OSError or ValueError."""
        leader = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd,
            env=self._env,
            start_new_session=True,
        )
        self._leaders.append(leader)
        self.runs = True
        return leader.pid

    def wait(self, bell: int, deadline: float | None) -> Ending:
        """Returns `exited` once the command has, `cancelled` when `bell` can be read, `timeout` at the deadline."""
        if not self._pidfds:
            return self._wait_by_asking(bell, deadline)
        leader = self._leaders[-1]
        end = os.pidfd_open(leader.pid)
        try:
            poll = select.poll()
            poll.register(end, select.POLLIN)
            poll.register(bell, select.POLLIN)
            ready = {fd for fd, _ in poll.poll(_milliseconds(deadline))}
        finally:
            os.close(end)
        if end not in ready:
            return "cancelled" if ready else "timeout"
        self.runs = False
        try:
            found = os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            self.status = self._reap(leader) or 0
        else:
            assert found is not None
            self.status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return "exited"

    def _wait_by_asking(self, bell: int, deadline: float | None) -> Ending:
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        pause = 1.0
        while (status := self._reap(self._leaders[-1], os.WNOHANG)) is None:
            if poll.poll(pause):
                return "cancelled"
            if deadline is not None and time.monotonic() >= deadline:
                return "timeout"
            pause = min(pause * 1.5, _PAUSE * 1000)
        self.runs = False
        self.status = status
        return "exited"

    def end(self, grace: float) -> list[int]:
        """Ends all that is left, by SIGTERM and after `grace` by SIGKILL, and reaps it; returns what withstood."""
        left = self._left()
        if left:
            left = self._end(left, signal.SIGTERM, grace)
        if left:
            left = self._end(left, signal.SIGKILL, _UNKILLABLE)
        for leader in self._leaders:
            if leader.pid not in left:
                self._reap(leader)
        return left

    def _end(self, left: list[int], with_signal: signal.Signals, seconds: float) -> list[int]:
        """Sends each process the signal, those too that appear meanwhile, and waits; returns what is left."""
        deadline = time.monotonic() + seconds
        kill = with_signal == signal.SIGKILL
        told: set[int] = set()
        while left and (remaining := deadline - time.monotonic()) > 0:
            if kill:
                for leader in self._leaders:
                    _send(os.killpg, leader.pid, with_signal)
            for pid in left:
                if kill or (pid not in told and not self._spared(pid)):
                    told.add(pid)
                    _send(os.kill if _PROC else os.killpg, pid, with_signal)
            self._await(left, min(remaining, _PAUSE) if kill else remaining)
            left = self._left()
        return left

    def _spared(self, pid: int) -> bool:
        """A sandbox's own process gets no SIGTERM: it would take the command with it at once."""
        return self._wrapped and any(pid == leader.pid for leader in self._leaders)

    def _await(self, pids: Iterable[int], seconds: float) -> None:
        """Returns when all of the processes are gone, or the seconds are over."""
        deadline = time.monotonic() + seconds
        if not self._pidfds:
            time.sleep(min(seconds, _PAUSE / 5))
            return
        poll = select.poll()
        fds = set()
        for pid in pids:
            try:
                fds.add(fd := os.pidfd_open(pid))
            except OSError:
                continue
            poll.register(fd, select.POLLIN)
        try:
            while fds and (ready := poll.poll(_milliseconds(deadline))):
                for fd, _ in ready:
                    poll.unregister(fd)
                    os.close(fd)
                    fds.remove(fd)
        finally:
            for fd in fds:
                os.close(fd)

    def _left(self) -> list[int]:
        """The living processes of the attempt, by group or mark."""
        if not self._leaders:
            return []
        last = guard.last_pid()
        if last is None:
            return self._living_groups()
        since = self._leaders[0].pid - self.runs
        quick = time.monotonic() - self._began < _SHORT
        found: list[int] = []
        for _ in range(_LOOKS):
            pids = range(since + 1, last + 1) if quick and 0 <= last - since <= _FEW else guard.processes()
            found = [pid for pid in pids if self._is_ours(pid)]
            since, last, quick = last, guard.last_pid() or last, True
            if found or last == since:
                break
        return found

    def _is_ours(self, pid: int) -> bool:
        try:
            group = os.getpgid(pid)
        except OSError:
            return False
        if any(group == leader.pid for leader in self._leaders):
            return guard.alive(pid)
        for _ in range(20):
            carried = guard.carries(pid, self._mark)
            if carried is not None:
                return carried and guard.alive(pid)
            time.sleep(0.001)
        return False

    def _living_groups(self) -> list[int]:
        living = []
        for leader in self._leaders:
            self._reap(leader, os.WNOHANG)
            if _send(os.killpg, leader.pid, 0):
                living.append(leader.pid)
        return living

    def _reap(self, leader: "subprocess.Popen[bytes]", flags: int = 0) -> int | None:
        if leader.returncode is not None:
            return leader.returncode
        try:
            pid, status, usage = os.wait4(leader.pid, flags)
        except ChildProcessError:  # the program around us reaps every child, or ignores SIGCHLD
            leader.returncode = 255
            return leader.returncode
        if pid == 0:
            return None
        leader.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        self.peak_memory = max(self.peak_memory, usage.ru_maxrss)
        return leader.returncode


def _send(send: Callable[[int, int], None], number: int, with_signal: int) -> bool:
    try:
        send(number, with_signal)
    except OSError:
        return False
    return True


def _milliseconds(deadline: float | None) -> int | None:
    if deadline is None:
        return None
    return int(min(max(0.0, deadline - time.monotonic()) * 1000 + 1, 2**31 - 1))
