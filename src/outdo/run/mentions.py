"""Which paths a command's complaint names: the fallback where what it opened was not traced, and the only way to know
of a Python module, which is looked up in a list of its folder and never opened when it is not there."""

import os
import re
from collections.abc import Iterator

_QUOTED = re.compile(r"'((?:[^'\\\n]|\\.)+)'|\"((?:[^\"\\\n]|\\.)+)\"|[‘`]([^’`'\n]+)[’`']")
_COMPLAINT = re.compile(
    r"no such|not found|cannot|can['’]t|could not|couldn['’]t|unable|errno|error|denied|does ?n[o'’]t exist|missing"
    r"|failed|no module",
    re.IGNORECASE,
)
_MODULE = re.compile(r"No module named '?([\w.]+)")
_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)")
_PLAIN = {"n": "\n", "t": "\t", "r": "\r"}
_LONGEST = 4096
_TAIL = 64 << 10


def tail(log: str, start: int) -> str:
    """The end of what was added to a log after `start` bytes of it."""
    try:
        with open(log, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - _TAIL))
            return file.read().decode(errors="surrogateescape")
    except OSError:
        return ""


def paths(text: str) -> Iterator[tuple[str, bool]]:
    """What may be a path, and whether it stands out as a name: all that is quoted, and each clause of a line that
    complains; its single words don't."""
    for line in text.splitlines():
        shown = line.replace("'$'\\n''", "\\n")  # how ls and cat quote a newline
        for quoted in _QUOTED.finditer(shown):
            name = quoted[1] or quoted[2] or quoted[3]
            if len(name) <= _LONGEST:
                yield name, True
                if "\\" in name:
                    yield _ESCAPE.sub(_unescape, name), True
        if len(line) <= _LONGEST and _COMPLAINT.search(line):
            for clause in line.split(": "):
                yield clause.strip(), True
                for word in clause.split():
                    yield word.strip("'\"`‘’.,:;()[]{}<>="), False
                    if "=" in word:
                        yield word.partition("=")[2], False


def modules(text: str) -> Iterator[str]:
    """The Python modules that could not be imported, as paths: `pkg.part` is `pkg/part`."""
    for found in _MODULE.finditer(text):
        yield found[1].strip(".").replace(".", "/")
    for found in _NAME.finditer(text):
        yield f"{found[2]}.{found[1]}".strip(".").replace(".", "/")


def _unescape(escape: "re.Match[str]") -> str:
    code = escape[1]
    if code[0] in "xuU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if len(code) == 3 else _PLAIN.get(code, code)
