"""Values to the YAML text that DVC writes: block style, lines folded near 80 columns, quotes only where needed.

A lock that both tools write must not change with who wrote it, so the folding follows DVC's writer to the blank at
the end of a folded line. tests/contracts/test_dvc_real.py compares the two.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from outdo.core.model import Value

WIDTH = 80
_LONGEST_KEY = 122
"""DVC's writer counts the kind of a key into its length of at most 127: `!!str`."""
_BREAKS = "\n\x85\u2028\u2029"
_AFTER_BLANK = "\0 \t\r" + _BREAKS
_compiled = cache(re.compile)  # when the first text is written: most commands only read

_NOT_TEXT = r"""(?x)
    true|True|TRUE|false|False|FALSE|~|null|Null|NULL||<<|=|
    [-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|
    [-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|
    [-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+|
    [0-9]{4}-[0-9]{2}-[0-9]{2}|
    [0-9]{4}-[0-9]{2}?-[0-9]{2}?(?:[Tt]|[\ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}
    (?:\.[0-9]*)?(?:[\ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"""
"""What an unquoted scalar would be read as, if not as text."""
_MARKED = r"""[#,\[\]{}&*!|>'"%@`]|[?:-](?=[\0 \t\r\n\x85\u2028\u2029]|$)|---|\.\.\."""
_MARK_INSIDE = r"(?s)[\0 \t\r\n\x85\u2028\u2029]#|.:(?=[\0 \t\r\n\x85\u2028\u2029]|$)"
_PLAIN = (
    r"[\n\x20-\x7e\x85\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff\u2028\u2029]*"
)
_ESCAPES = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
    '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P",
}  # fmt: skip
_UNESCAPED = (
    r"[\x20-\x21\x23-\x5b\x5d-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def dump(value: Mapping[str, Value]) -> str:
    """The whole text of a file that holds `value`."""
    return "".join(_mapping(value, 0)) if value else "{}\n"


def dump_entry(key: str, value: Value, indent: int) -> str:
    """The lines of one key of a mapping that stands at `indent`."""
    return "".join(_pair(key, value, indent))


def _mapping(values: Mapping[str, Value], indent: int) -> Iterator[str]:
    for key, value in values.items():
        yield " " * indent
        yield from _pair(str(key), value, indent)


def _pair(key: str, value: Value, indent: int) -> Iterator[str]:
    """A key and its value; the caller has written the indent."""
    simple = len(key) <= _LONGEST_KEY and not any(char in key for char in _BREAKS)
    if simple:
        head = f"{scalar(key, indent, indent, fold=False)}:"
    else:
        head = f"? {scalar(key, indent + 2, indent + 2)}\n{' ' * indent}:"
    yield head
    if isinstance(value, Mapping) and value:
        if simple:
            yield "\n"
            yield from _mapping(value, indent + 2)
        else:
            yield " "
            yield from _inline(value, indent + 2)
    elif isinstance(value, list | tuple) and value:
        yield "\n" if simple else " "
        rows = _sequence(value, indent if simple else indent + 2)
        if not simple:
            next(rows)
        yield from rows
    else:
        yield from _leaf(
            value, indent + 2, indent + len(head.rpartition("\n")[2].lstrip() if not simple else head)
        )


def _inline(values: Mapping[str, Value], indent: int) -> Iterator[str]:
    """A mapping whose first key stands behind a `-` or `:` on the same line."""
    rows = _mapping(values, indent)
    next(rows)
    yield from rows


def _sequence(items: list[Value] | tuple[Value, ...], indent: int) -> Iterator[str]:
    for item in items:
        yield " " * indent
        yield "-"
        if isinstance(item, Mapping) and item:
            yield " "
            yield from _inline(item, indent + 2)
        elif isinstance(item, list | tuple) and item:
            yield " "
            rows = _sequence(item, indent + 2)
            next(rows)
            yield from rows
        elif item is None:
            yield " \n"
        else:
            yield from _leaf(item, indent + 2, indent + 1)


def _leaf(value: Value, indent: int, column: int) -> Iterator[str]:
    """A blank and a value on one line, as far as it does not fold."""
    match value:
        case None:
            text = ""
        case Mapping():
            text = "{}"
        case list() | tuple():
            text = "[]"
        case bool() | int() | float():
            text = _plain(_number(value), indent, column + 1)
        case _:
            text = scalar(str(value), indent, column + 1)
    yield f" {text}\n" if text else "\n"


def _number(value: float) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    return repr(value).lower()


def scalar(text: str, indent: int, column: int, *, fold: bool = True) -> str:
    """A text as it stands in a file from `column` on; lines that follow begin at `indent`."""
    if _may_be_plain(text):
        return _plain(text, indent, column) if fold else text
    awkward = "'" in text or any(char in text for char in _BREAKS) or not _compiled(_PLAIN).fullmatch(text)
    return _double(text, indent, column, fold) if awkward else _single(text, indent, column, fold)


def _may_be_plain(text: str) -> bool:
    return not (
        _compiled(_NOT_TEXT).fullmatch(text)
        or text[0] == " "
        or text[-1] == " "
        or any(char in text for char in _BREAKS)
        or _compiled(_MARKED).match(text)
        or _compiled(_MARK_INSIDE).search(text)
        or not _compiled(_PLAIN).fullmatch(text)
    )


def _plain(text: str, indent: int, column: int) -> str:
    """Words move to a line of their own where they would end beyond the width; the blank before them stays."""
    if column + len(text) <= WIDTH:
        return text
    done: list[str] = []
    for part in re.findall(" +|[^ ]+", text):
        if part[0] == " ":
            if len(part) == 1 and column >= WIDTH:
                done.append("\n" + " " * indent)
                column = indent
                continue
        elif column + len(part) > WIDTH and column > indent:
            done.append("\n" + " " * indent)
            column = indent
        done.append(part)
        column += len(part)
    return "".join(done)


def _single(text: str, indent: int, column: int, fold: bool) -> str:
    """Single quotes, folded at the first single blank beyond the width; the ends of the text never are."""
    done = ["'"]
    column += 1
    parts = re.findall(" +|[^ ]+", text)
    for index, part in enumerate(parts):
        if part == " " and fold and column > WIDTH and 0 < index < len(parts) - 1:
            done.append("\n" + " " * indent)
            column = indent
            continue
        done.append(part)
        column += len(part)
    return "".join([*done, "'"])


def _double(text: str, indent: int, column: int, fold: bool) -> str:
    """Double quotes with escapes, folded at a blank or behind an escape beyond the width."""
    done = ['"']
    column += 1
    start = 0
    for end, char in enumerate(text):
        if not _compiled(_UNESCAPED).fullmatch(char):
            piece = text[start:end] + _escape(char)
            done.append(piece)
            column += len(piece)
            start = end + 1
        over = column + end - start > WIDTH
        if fold and over and 0 < end < len(text) - 1 and (char == " " or start >= end):
            joined = not _folds_freely(text, start, end)
            done.append(text[start:end] + ("\\" if joined else "") + "\n" + " " * indent)
            column = indent
            start = max(start, end)
            if text[start] == " ":
                if joined:
                    done.append("\\")
                    column += 1
                else:
                    start += 1
    return "".join([*done, text[start:], '"'])


def _folds_freely(text: str, start: int, end: int) -> bool:
    """Whether the line may end before `end` without a backslash: then reading puts one blank there."""
    stop = text.find(" ", end)
    if stop < 0 or start == end or (start > end and text[start] != " "):
        return False
    line = text.find("\n", end, stop)
    stop = line if line >= 0 else stop
    after = text[stop + 1 : stop + 2]
    if not after or (line >= 0 and after != " "):
        return False
    quoted = '"' in text[end:stop] or "'" in text[end:stop]
    return not quoted and after not in " \n" and text[end - 1 : end + 1] != "  "


def _escape(char: str) -> str:
    if known := _ESCAPES.get(char):
        return f"\\{known}"
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
