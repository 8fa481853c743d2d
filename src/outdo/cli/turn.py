"""The turn in a workspace, for commands that change it."""

import os
import sys

from outdo.app.project import make_state
from outdo.cli.run import tell_wait
from outdo.store.turn import Turn


def my_turn() -> Turn:
    """The right to change the workspace that the current folder is in, for the command that was called."""
    return Turn(os.path.join(make_state(os.curdir), "turn"), " ".join(["outdo", *sys.argv[1:]]), tell_wait)
