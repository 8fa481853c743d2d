"""A program of another tool, run beside a check: by itself, for so long at most, without the network where that works.

What it says is kept for the reason of a verdict; whatever becomes of it, a check goes on.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping

from msgspec import Struct

from outdo.run.bubblewrap import TMP, Bubblewrap, arguments, machine, tools

_TOLD = 20_000
"""Bytes of what it says last that are kept."""
_SECRET = ("TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "API_KEY", "AWS_", "AZURE_", "GOOGLE_", "MLFLOW_")
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PYTHONIOENCODING": "utf-8",
    "NO_COLOR": "1",
}


class Outside(Struct, frozen=True):
    """How to run it."""

    words: tuple[str, ...]
    folder: str
    """Where it works."""
    variables: Mapping[str, str]
    seconds: float
    """How long at most."""
    shown: tuple[str, ...] = ()
    """Files and folders beside the system that it may read where it is shut in; none: it is not."""
    filled: tuple[str, ...] = ()
    """Folders that it may write to."""


class Said(Struct, frozen=True):
    """How it ended."""

    code: int | None
    """None where it took too long or could not be started."""
    text: str
    """What it said last; or why it could not be started."""

    @property
    def last_line(self) -> str:
        """The last thing it said, which is where an error stands."""
        return next((line.strip() for line in reversed(self.text.splitlines()) if line.strip()), "nothing")


def run_outside(wanted: Outside) -> Said:
    """Runs it to its end, and all that it started with it."""
    env = {**clean(os.environ), **_QUIET, **wanted.variables}
    with tempfile.TemporaryDirectory() as room, open(os.path.join(room, "said"), "w+b") as said:
        words = _shut_in(wanted, env, room) if wanted.shown else list(wanted.words)
        try:
            running = subprocess.Popen(
                words,
                cwd=wanted.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            return Said(None, f"'{wanted.words[0]}' can't be started: {error.strerror}")
        code: int | None = None
        try:
            code = running.wait(wanted.seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end(running)
        said.seek(max(0, os.fstat(said.fileno()).st_size - _TOLD))
        text = said.read().decode("utf-8", "replace")
    return Said(code, text if code is not None else f"it took longer than {wanted.seconds:g} s")


def clean(env: Mapping[str, str]) -> dict[str, str]:
    """The variables but for those that hold secrets, or belong to the Python that runs us."""
    return {
        name: value
        for name, value in env.items()
        if not any(word in name.upper() for word in _SECRET) and name not in ("VIRTUAL_ENV", "PYTHONHOME")
    }


def _shut_in(wanted: Outside, env: Mapping[str, str], room: str) -> list[str]:
    """The words that start it where it sees the system, what it is shown and what it fills; as they are where this
    machine has no means for that."""
    box = Bubblewrap.find()
    if box is None:
        return list(wanted.words)
    own = os.path.join(room, "tmp")
    os.mkdir(own)
    prefix = os.path.dirname(os.path.dirname(wanted.words[0]))
    known = tools(env, wanted.folder, (prefix,))
    words = [*machine(wanted.folder, env.get("HOME", ""), own, known)]
    for path in wanted.shown:
        words += ["--ro-bind", path, path]
    for path in wanted.filled:
        words += ["--bind", path, path]
    words += ["--setenv", "TMPDIR", TMP, "--chdir", wanted.folder]
    listed = os.path.join(room, "arguments")
    with open(listed, "wb") as file:
        file.write(arguments(words))
    return [*box.before(listed), *wanted.words]


def _end(running: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    running.wait()
