"""What files a command opened, by strace: the words to put before it, and the reading of its notes."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from msgspec import Struct

_CALLS = "open,openat,openat2,creat,execve,execveat,chdir,fchdir,rename,renameat,renameat2"
IGNORED = {".git", ".hg", ".outdo", "__pycache__", "node_modules", ".ipynb_checkpoints", ".pytest_cache"}
"""Folders that no stage need declare."""

_LINE = re.compile(
    r"(?P<pid>\d+) +(?P<call>\w+)\("
    r"(?:(?P<fd>AT_FDCWD|\d+)(?:<(?P<folder>(?:[^>\\]|\\.)*)>(?:\(deleted\))?)?(?:, )?)?"
    r'(?:"(?P<path>(?:[^"\\]|\\.)*)")?(?P<rest>.*)'
)
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)")
_RESULT = re.compile(r"= (?P<result>-?\d+)(?:<.*>)?(?: E\w+ \(.*\))?\s*$")
_SECOND = re.compile(
    r', (?:(?:AT_FDCWD|\d+)(?:<(?P<folder>(?:[^>\\]|\\.)*)>)?, )?"(?P<path>(?:[^"\\]|\\.)*)"'
)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)")
_PLAIN = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12}


class Opened(Struct, frozen=True):
    """One attempt to open, execute or create a file."""

    path: str
    """Absolute and normalised."""
    found: bool
    """Whether it succeeded."""
    reads: bool
    """Whether its former content could be read by it."""


class Tracer(Struct, frozen=True):
    """An strace that may be used here."""

    words: tuple[str, ...]

    @staticmethod
    def find() -> "Tracer | None":
        """The strace of this machine; None where there is none, or processes may not be traced."""
        strace = shutil.which("strace")
        if strace is None:
            return None
        for speed in (
            ("--seccomp-bpf",),
            (),
        ):  # stops the command at the calls we want only, not at every one
            tracer = Tracer((strace, "-f", "-y", "-qq", *speed, "-e", "signal=none", "-e", f"trace={_CALLS}"))
            try:
                done = subprocess.run(
                    tracer.before("/dev/null", "true"), check=False, capture_output=True, timeout=10
                )
            except (OSError, subprocess.SubprocessError):
                continue
            if done.returncode == 0 and not done.stderr:
                return tracer
        return None

    def before(self, notes: str, *command: str) -> tuple[str, ...]:
        """The words that start `command` and have what it opens noted in the file `notes`."""
        # -A: each command of a stage adds to the notes of those before it
        return (*self.words, "-A", "-o", notes, "--", *command)


def read_notes(notes: str, cwd: str) -> Iterator[Opened]:
    """All files that were asked for, in the order of the answers; `cwd` is where the command began."""
    reader = _Reader(cwd)
    try:
        with open(notes, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for line in lines:
                yield from reader.read(line)
    except FileNotFoundError:
        return


class _Reader:
    """Reads notes line by line; remembers the folder each process is in and the calls that are not answered yet."""

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd
        self._folders: dict[str, str] = {}
        self._begun: dict[str, str] = {}
        self._programs: dict[str, str] = {}

    def read(self, line: str) -> Iterator[Opened]:
        if line.endswith("<unfinished ...>\n"):
            self._begun[line.partition(" ")[0]] = line.removesuffix("<unfinished ...>\n")
            return
        if resumed := _RESUMED.match(line):
            line = self._begun.pop(resumed["pid"], "") + resumed["rest"]
        call = _LINE.match(line)
        result = None if call is None else _RESULT.search(call["rest"])
        if call is None or result is None:
            return
        pid, name, found = call["pid"], call["call"], int(result["result"]) >= 0
        if call["fd"] == "AT_FDCWD" and call["folder"] is not None:
            self._folders[pid] = _plain(call["folder"])
            if program := self._programs.pop(pid, ""):
                yield Opened(self._absolute(pid, None, program), True, True)
        if name == "fchdir":
            if found and call["folder"] is not None:
                self._folders[pid] = _plain(call["folder"])
        elif call["path"] is not None:
            yield from self._opened(call, found)

    def _opened(self, call: "re.Match[str]", found: bool) -> Iterator[Opened]:
        pid, name = call["pid"], call["call"]
        path = self._absolute(pid, call["folder"], call["path"])
        if name == "chdir":
            if found:
                self._folders[pid] = path
        elif name.startswith("rename"):
            if found and (to := _SECOND.match(call["rest"])):
                yield Opened(self._absolute(pid, to["folder"], to["path"]), True, False)
        elif not name.startswith("exec"):
            yield Opened(path, found, name != "creat" and _reads(call["rest"]))
        elif call["path"].startswith("/") or pid in self._folders:
            yield Opened(path, found, True)
        elif found:
            self._programs[pid] = call["path"]  # the first library it opens tells the folder it is in

    def _absolute(self, pid: str, folder: str | None, path: str) -> str:
        at = self._folders.get(pid, self._cwd) if folder is None else _plain(folder)
        return os.path.normpath(os.path.join(at, _plain(path)))


def _reads(flags: str) -> bool:
    creates_anew = "O_TRUNC" in flags or "O_EXCL" in flags or ("O_CREAT" in flags and "O_WRONLY" in flags)
    return not creates_anew and "O_WRONLY" not in flags and "O_DIRECTORY" not in flags


def _plain(text: str) -> str:
    """The path behind strace's escapes."""
    if "\\" not in text:
        return text
    parts = bytearray()
    end = 0
    for escape in _ESCAPE.finditer(text):
        parts += os.fsencode(text[end : escape.start()])
        code = escape[1]
        if code[0] in "01234567":
            parts.append(int(code, 8) & 255)
        elif code[0] == "x" and len(code) == 3:
            parts.append(int(code[1:], 16))
        else:
            parts.append(_PLAIN.get(code, ord(code) & 255))
        end = escape.end()
    return os.fsdecode(bytes(parts + os.fsencode(text[end:])))


class Ground:
    """The project's folder as a stage may know it: under its path, or under the one behind its links."""

    def __init__(self, root: str, also: tuple[str, ...] = ()) -> None:
        """`also`: other folders that stand for the root, such as a copy."""
        self.root = root
        self._roots = tuple(dict.fromkeys((*also, root, os.path.realpath(root))))
        self._environments: dict[str, bool] = {}

    def inside(self, path: str) -> str | None:
        """The path from the project's folder; None for one outside, or one that no stage need declare: what Git,
        Python and Outdo keep for themselves, and virtual environments."""
        path = _source(path)
        for root in self._roots:
            if path.startswith(root + "/"):
                relative = path[len(root) + 1 :]
                return None if self._is_ignored(relative) else relative
        return None

    def _is_ignored(self, relative: str) -> bool:
        parts = relative.split("/")
        if not IGNORED.isdisjoint(parts) or parts[-1].endswith(".pyc"):
            return True
        if any(part.endswith((".egg-info", ".dist-info")) for part in parts):
            return True
        folder = ""
        for part in parts[:-1]:
            folder += part + "/"
            if folder not in self._environments:
                config = os.path.join(self.root, folder, "pyvenv.cfg")
                self._environments[folder] = os.path.exists(config)
            if self._environments[folder]:
                return True
        return False


def _source(path: str) -> str:
    """The Python file that a compiled one stands for: it is read in its stead."""
    folder, _, name = path.rpartition("/__pycache__/")
    return f"{folder}/{name.partition('.')[0]}.py" if folder and name.endswith(".pyc") else path
