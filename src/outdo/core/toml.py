"""Where values stand in a text of TOML, as the standard library reads TOML but does not tell places."""

import re
import tomllib
from collections.abc import Generator, Iterator

Steps = tuple[str, ...]
Found = tuple[Steps, int, int]
"""A value's dotted name, and where it starts and ends."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_SIMPLE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'" r"|[^,\]}\n#]+",
    re.DOTALL,
)


def spans(text: str) -> Iterator[Found]:
    """Every value of a well-formed text, those in arrays and inline tables too; items are named by their index."""
    prefix: Steps = ()
    counts: dict[Steps, int] = {}
    at = _end(_BLANK, text, 0)
    while at < len(text):
        if text[at] == "[":
            many = text.startswith("[[", at)
            steps, at = _key(text, _end(_SPACE, text, at + (2 if many else 1)))
            prefix = _known(steps, counts)
            if many:
                counts[prefix] = counts.get(prefix, -1) + 1
                prefix = (*prefix, str(counts[prefix]))
            at = text.index("]", at) + (2 if many else 1)
        else:
            at = yield from _pair(text, at, prefix)
        at = _end(_BLANK, text, at)


def _known(steps: Steps, counts: dict[Steps, int]) -> Steps:
    """The name of a table, where a part of it names the last one of an array of tables."""
    name: Steps = ()
    for number, step in enumerate(steps, 1):
        name = (*name, step)
        if name in counts and number < len(steps):
            name = (*name, str(counts[name]))
    return name


def _pair(text: str, at: int, prefix: Steps) -> Generator[Found, None, int]:
    """The value of `key = value`; the generator returns where it ends."""
    steps, at = _key(text, at)
    at = _end(_SPACE, text, text.index("=", at) + 1)
    return (yield from _value(text, at, (*prefix, *steps)))


def _value(text: str, at: int, name: Steps) -> Generator[Found, None, int]:
    start = at
    if text[at] == "[":
        at = _end(_BLANK, text, at + 1)
        number = 0
        while text[at] != "]":
            at = yield from _value(text, at, (*name, str(number)))
            at = _after_comma(text, at)
            number += 1
        at += 1
    elif text[at] == "{":
        at = _end(_BLANK, text, at + 1)
        while text[at] != "}":
            at = yield from _pair(text, at, name)
            at = _after_comma(text, at)
        at += 1
    else:
        found = _SIMPLE.match(text, at)
        at = at + len(found[0].rstrip()) if found else len(text)
    yield name, start, at
    return at


def _key(text: str, at: int) -> tuple[Steps, int]:
    steps: list[str] = []
    while found := _PART.match(text, at):
        word = found[0]
        steps.append(_unquoted(word))
        at = found.end()
        dot = _DOT.match(text, at)
        if not dot:
            break
        at = dot.end()
    return tuple(steps), at


def _unquoted(word: str) -> str:
    return str(tomllib.loads(f"it = {word}")["it"]) if word[0] in "\"'" else word


def _after_comma(text: str, at: int) -> int:
    at = _end(_BLANK, text, at)
    return _end(_BLANK, text, at + 1) if text[at] == "," else at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
