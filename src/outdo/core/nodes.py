"""YAML text to nodes with marks, within limits; PyYAML does the reading, by libyaml where it is there.

Scalars get their kind as YAML 1.2 has it: only `true` and `false` are booleans, a date stays a text.
"""

import re
from functools import cache
from typing import Any, Final

from outdo.core.errors import Mistakes, NotYaml, TooDeep, UserError
from outdo.core.model import Place, Value

MAX_CHARACTERS: Final = 4 << 20
MAX_NODES: Final = 300_000
"""Values in one file, those that aliases repeat counted each time."""
MAX_DEPTH: Final = 64

Restore = dict[int, str]
"""A table for `str.translate` that undoes `shield`; empty where nothing was changed."""


def read(name: str, text: str, loader: Any = None) -> Any:
    """The root node of the one document in `text`, None where it is empty; raises `Mistakes` where it is not YAML."""
    if len(text) > MAX_CHARACTERS:
        what = f"the file is larger than {MAX_CHARACTERS >> 20} MB"
        raise Mistakes([TooDeep(what, where=Place(name, 1, 1))])
    if bad := re.search(_UNREADABLE_ASCII if text.isascii() else _UNREADABLE, text):
        raise Mistakes([_unreadable(name, text, bad)])
    return _compose(name, text, loader or fast_loader() or pure_loader())


def position(name: str, text: str, offset: int) -> Place:
    """The line and column of a character of `text`."""
    line = text.count("\n", 0, offset)
    return Place(name, line + 1, offset - text.rfind("\n", 0, offset))


def mark_place(name: str, mark: Any) -> Place:
    """The place of a mark, whose counts begin at zero."""
    return Place(name, mark.line + 1, mark.column + 1)


# Patterns stay texts until they are used, as a run with nothing to do reads no YAML and compiles none.
_UNREADABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_UNREADABLE_ASCII = "[^\t\n\r\x20-\x7e]"
"""The same of a text without other characters: the other pattern takes milliseconds to be compiled."""
_INNERMOST = r"\$\{([^{}\n,'\"]*)\}"
_MAX_NESTED: Final = 8


def _unreadable(name: str, text: str, bad: re.Match[str]) -> UserError:
    place = position(name, text, bad.start())
    if "\ud800" <= bad.group() <= "\udfff":
        return NotYaml("the file is not UTF-8 text", where=place, fix="save it with the encoding UTF-8")
    return NotYaml(f"a control character stands here: {bad.group()!r}", where=place, fix="remove it")


def shield(text: str) -> tuple[str, Restore]:
    """`text` with the brackets of templates as characters that mean nothing to YAML, and the way back.

    Length and lines stay, so that all marks hold for the text as it was."""
    free = [chr(n) for n in range(0xE000, 0xE400) if chr(n) not in text][:4]
    if len(free) < 4:
        return text, {}
    opened, closed = str.maketrans("{[]", "".join(free[:3])), free[3]
    for _ in range(_MAX_NESTED):
        shielded = re.sub(_INNERMOST, lambda found: f"${free[0]}{found[1].translate(opened)}{closed}", text)
        if shielded == text:
            break
        text = shielded
    return text, dict(zip(map(ord, free), "{[]}", strict=True))


class _TooMuch(Exception):
    def __init__(self, what: str, mark: Any) -> None:
        super().__init__(what)
        self.what = what
        self.mark = mark


class _Limits:
    """The part of a YAML loader that names kinds of scalars, and sees every node begin and end."""

    depth = 0
    nodes = 0

    def descend_resolver(self, parent: Any, _index: Any) -> None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH:
            raise _TooMuch(f"values nest deeper than {MAX_DEPTH} levels", parent.start_mark)
        if self.nodes > MAX_NODES:
            raise _TooMuch(f"the file holds more than {MAX_NODES} values", parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def check_resolver_prefix(self, *_: Any) -> bool:
        return False

    def resolve(self, _kind: Any, text: str, implicit: Any) -> str:
        if text is None or not implicit[0]:
            return "str"
        if not text:
            return "null"
        return kind_of(text) if text[0] in _FIRST else "str"


@cache
def fast_loader() -> Any:
    """The loader on libyaml, or None where PyYAML was built without it."""
    try:
        from yaml._yaml import CParser
    except ImportError:
        return None

    class FastLoader(_Limits, CParser):
        pass

    return FastLoader


@cache
def pure_loader() -> Any:
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureLoader(_Limits, Reader, Scanner, Parser, Composer):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)

    return PureLoader


def _compose(name: str, text: str, loader: Any) -> Any:
    from yaml import MarkedYAMLError, YAMLError

    try:
        return loader(text).get_single_node()
    except _TooMuch as much:
        raise Mistakes([TooDeep(much.what, where=mark_place(name, much.mark))]) from None
    except MarkedYAMLError as error:
        raise Mistakes([_not_yaml(name, text, error)]) from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise Mistakes([NotYaml(f"the file can't be read: {error}", where=Place(name, 1, 1))]) from None


def _not_yaml(name: str, text: str, error: Any) -> NotYaml:
    mark = error.problem_mark or error.context_mark
    line = text.splitlines()[mark.line] if mark.line < text.count("\n") + (not text.endswith("\n")) else ""
    if "another document" in error.problem:
        return NotYaml("a second document begins here", where=mark_place(name, mark), fix="remove the '---'")
    what, fix = f"not valid YAML: {error.problem}", ""
    opened = error.context_mark
    if opened and opened.line != mark.line and error.context:
        what += f" ({error.context} that begins at line {opened.line + 1})"
    if re.search(r"^(<{7}|={7}|>{7})", text, re.MULTILINE):
        fix = "Git left conflict marks in the file: choose one side and remove them"
    elif "\t" in line[: mark.column + 1]:
        fix = "indent with spaces: YAML allows no tabs there"
    elif line[mark.column : mark.column + 1] in ("@", "`", "%"):
        fix = "put the value in quotes"
    elif "alias" in f"{error.context} {error.problem}":
        fix = "put a text that begins with '*' in quotes"
    elif "mapping values" in error.problem:
        fix = "put a value that contains ': ' in quotes, and look for a missing ':' or wrong indent one line above"
    return NotYaml(what, where=mark_place(name, mark), fix=fix)


# ------------------------------------------------------------------ scalars, as YAML 1.2 has them

_FIRST = frozenset("-+.0123456789tTfFnN~<")
_INTEGER = r"[-+]?(?:[0-9][0-9_]*|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)"
_FLOAT = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
_SPECIAL = {
    **dict.fromkeys(("~", "null", "Null", "NULL"), "null"),
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), "bool"),
    **{sign + dot: "float" for sign in ("", "+", "-") for dot in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), "float"),
    "<<": "merge",
}
TAGS = {f"tag:yaml.org,2002:{kind}": kind for kind in ("str", "int", "float", "bool", "null", "seq", "map")}


def kind_of(text: str) -> str:
    """What an unquoted scalar is: null, bool, int, float, merge or str."""
    if special := _SPECIAL.get(text):
        return special
    if re.fullmatch(_INTEGER, text):
        return "int"
    return "float" if re.fullmatch(_FLOAT, text) else "str"


def scalar(kind: str, text: str) -> Value:
    """The value of a scalar of this kind."""
    match kind:
        case "null":
            return None
        case "bool":
            return text[0] in "tT"
        case "int":
            return _integer(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan").replace("_", ""))
        case _:
            return text


def _integer(text: str) -> int | str:
    """The number, or the text as it is where it exceeds 64 bits: identity matters more than arithmetic there."""
    digits = text.replace("_", "")
    if len(digits) > 66:
        return text
    bare = digits.lstrip("+-")
    base = {"0o": 8, "0x": 16, "0b": 2}.get(bare[:2], 10)
    number = int(bare if base == 10 else bare[2:] or "0", base) * (-1 if digits[0] == "-" else 1)
    return number if -(1 << 63) <= number < 1 << 64 else text
