"""Whether a text is what another program would read: JSON, or a time in a format of `strptime`."""

from datetime import datetime
from json import loads


def is_json(text: str) -> bool:
    """Whether Python's reader of JSON takes the text."""
    try:
        loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_time(text: str, form: str) -> bool:
    """Whether the text is a time in this format."""
    try:
        datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return False
    return True
