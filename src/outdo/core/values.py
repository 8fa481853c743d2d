"""Nested values as files hold them: their numbers, and short words for them."""

from collections.abc import Mapping, Sequence

from outdo.core.model import Value


def numbers(value: Value) -> dict[str, float]:
    """The numbers in a nested value by dotted name: `{"test": {"auc": 0.7}}` is `{"test.auc": 0.7}`.

    Booleans are no numbers; items of a list are named by their index.
    """
    found: dict[str, float] = {}
    todo: list[tuple[str, Value]] = [("", value)]
    while todo:
        name, part = todo.pop()
        if isinstance(part, Mapping):
            todo += [(f"{name}.{key}" if name else str(key), inner) for key, inner in part.items()]
        elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
            todo += [(f"{name}.{index}" if name else str(index), inner) for index, inner in enumerate(part)]
        elif isinstance(part, int | float) and not isinstance(part, bool):
            found[name] = float(part)
    return dict(sorted(found.items()))


def short(value: Value, width: int = 40) -> str:
    """A value as a person writes it, cut in the middle beyond `width` characters."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(str(value).split())
    return text if len(text) <= width else f"{text[: width // 2 - 1]}…{text[-(width // 2 - 1) :]}"
