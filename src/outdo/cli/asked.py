"""`outdo diff`, `metrics` and `params` with nothing but names: answered without loading a parser of arguments."""

from collections.abc import Sequence

from outdo.app.compare import PARTS
from outdo.cli.comparing import compared, tell
from outdo.cli.held import named
from outdo.core.errors import UserError


def answer(words: Sequence[str]) -> int | None:
    """The exit code after the answer; None where something is wrong, for the command itself to tell."""
    word, *sides = words
    try:
        if word == "diff":
            return tell("diff", compared(sides, PARTS), as_markdown=False, as_json=False)
        return named("params" if word == "params" else "metrics", sides, as_markdown=False, as_json=False)
    except BrokenPipeError:
        raise
    except (UserError, OSError):
        return None
