"""`outdo`: the command group, its help, and what becomes of errors."""

import os
import signal
import sys
from types import FrameType

from outdo.app.lazy import lazy


def main(argv: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
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
    sys.exit(code)


def _dispatch(words: list[str]) -> int:
    # Most runs find nothing to do. That answer needs no argument parser, which costs as much as all the rest.
    if words == ["run"]:
        code: int | None = lazy("outdo.cli.fresh").run_if_fresh()
        if code is not None:
            return code
    return int(lazy("outdo.cli.group").call(words))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A polite request to end is treated like Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
