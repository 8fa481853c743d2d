"""`outdo`: the command group, its help, and what becomes of errors."""

import gc
import os
import signal
import sys
from types import FrameType

from outdo.app.lazy import lazy

_ASKED = (["diff"], ["metrics"], ["params"], ["data", "status"])
"""Commands that mostly are given names alone."""


def main(argv: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    # Loading modules makes many objects and hardly any garbage: looking for it every 700 is wasted.
    gc.set_threshold(100_000, 50, 50)
    _load_msgspec()
    words = sys.argv[1:] if argv is None else argv
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    code = 1
    try:
        code = _dispatch(words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        # The reader (`| head`) has left; nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    sys.stdout.flush()
    gc.freeze()  # the interpreter ends in order, but looks for no garbage in all that ends with it
    sys.exit(code)


def _load_msgspec() -> None:
    """msgspec is loaded without `typing_extensions`, from which it takes what `typing` has since Python 3.11, and
    which costs a fifth of a command that has nothing to do."""
    if "typing_extensions" in sys.modules or "msgspec" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # so that its import fails
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


def _dispatch(words: list[str]) -> int:
    # Most runs find nothing to do. That answer needs no argument parser, which costs as much as all the rest.
    code: int | None
    if words == ["run"]:
        code = lazy("outdo.cli.fresh").run_if_fresh()
        if code is not None:
            return code
    is_asked = any(words[: len(asked)] == asked for asked in _ASKED)
    if is_asked and not any(word.startswith("-") for word in words):
        code = lazy("outdo.cli.asked").answer(words)
        if code is not None:
            return code
    return int(lazy("outdo.cli.group").call(words))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A polite request to end is treated like Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
