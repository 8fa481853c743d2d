"""A short question to another program, without `subprocess`: loading that costs as much as two answers of Git's.

For programs that are known, which end by themselves and start nothing that outlives them.
"""

import os
import select
import signal
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import NamedTuple

_PIPE = 4096
"""Bytes that fit into any system's pipe before somebody reads them."""
_AT_ONCE = 1 << 16


class Answer(NamedTuple):
    """What a program has said, and how it ended: its exit code, or a negative number for a signal."""

    code: int
    out: bytes
    err: bytes


class TooLate(OSError):
    """A program did not end in time; it was killed."""


def ask(words: Sequence[str], env: Mapping[str, str], given: bytes, seconds: float) -> Answer:
    """What the program `words[0]` says to `given`; raises OSError, FileNotFoundError where it is not installed."""
    if len(given) > _PIPE:
        return _ask_at_length(words, env, given, seconds)
    pipes = [os.pipe() for _ in range(3)]
    (stdin, feed), (out, stdout), (err, stderr) = pipes
    mine, theirs = [feed, out, err], [stdin, stdout, stderr]
    try:
        os.write(feed, given)
        os.close(mine.pop(0))
        actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(theirs)]
        # Python ignores SIGPIPE, and a child would too.
        child = os.posix_spawnp(words[0], [*words], env, file_actions=actions, setsigdef=[signal.SIGPIPE])
        while theirs:
            os.close(theirs.pop())
        try:
            said = _read([out, err], monotonic() + seconds)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        return Answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), *said)
    finally:
        for fd in (*mine, *theirs):
            os.close(fd)


def _read(pipes: Sequence[int], end: float) -> list[bytes]:
    """All that comes from these pipes until they are closed."""
    said: dict[int, list[bytes]] = {fd: [] for fd in pipes}
    poll = select.poll()
    for fd in pipes:
        poll.register(fd, select.POLLIN)
    left = len(pipes)
    while left:
        ready = poll.poll(max(0.0, end - monotonic()) * 1000)
        if not ready:
            raise TooLate("it did not end in time")
        for fd, _ in ready:
            piece = os.read(fd, _AT_ONCE)
            said[fd].append(piece)
            if not piece:
                poll.unregister(fd)
                left -= 1
    return [b"".join(pieces) for pieces in said.values()]


def _ask_at_length(words: Sequence[str], env: Mapping[str, str], given: bytes, seconds: float) -> Answer:
    import subprocess

    try:
        done = subprocess.run(
            words, input=given, env=dict(env), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TooLate("it did not end in time") from None
    return Answer(done.returncode, done.stdout, done.stderr)
