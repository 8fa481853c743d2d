"""Questions with nothing but names, answered without loading a parser of arguments: `outdo diff`, `metrics`, `params`
and `data status`."""

from collections.abc import Sequence

from outdo.app.lazy import lazy
from outdo.core.errors import UserError


def answer(words: Sequence[str]) -> int | None:
    """The exit code after the answer; None where something is wrong, for the command itself to tell."""
    word, *sides = words
    code: int
    try:
        if word == "data":
            code = lazy("outdo.cli.data.standing").tell(sides[1:], granular=False, as_json=False)
        elif word == "diff":
            comparing = lazy("outdo.cli.comparing")
            code = comparing.tell(word, comparing.compared(sides), as_markdown=False, as_json=False)
        else:
            code = lazy("outdo.cli.held").named(word, sides, as_markdown=False, as_json=False)
    except BrokenPipeError:
        raise
    except (UserError, OSError):
        return None
    return code
