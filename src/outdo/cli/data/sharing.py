"""What `outdo data push`, `fetch` and `pull` have in common."""

import os
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TypeVar

from outdo.app.data.share import Asked
from outdo.app.data.tracking import Tracking, from_here
from outdo.app.project import open_project
from outdo.cli.data.words import print_data
from outdo.cli.sharing import Meter, tell_moved
from outdo.store.travel import Moved, Tell

Answer = TypeVar("Answer")
ICONS = {"push": "↑", "fetch": "↓", "pull": "↓"}


def carried(
    verb: str, words: Sequence[str], remote: str, work: Callable[[Tracking, Asked, Tell], Answer]
) -> tuple[Answer, float]:
    """What one of the verbs answers, with its progress on a terminal; and the seconds it took."""
    started = monotonic()
    project = open_project(os.curdir)
    asked = Asked(tuple(from_here(project.root, words)), remote)
    meter = Meter(ICONS[verb])
    try:
        answer = work(Tracking(project), asked, meter)
    finally:
        meter.clear()
    return answer, monotonic() - started


def sent(
    verb: str,
    words: Sequence[str],
    remote: str,
    work: Callable[[Tracking, Asked, Tell], Mapping[str, Moved]],
    *,
    as_json: bool,
) -> int:
    """Carries out a verb that touches no workspace, and tells what went where."""
    moved, seconds = carried(verb, words, remote, work)
    if as_json:
        return print_data(f"data.{verb}", {"remotes": moved})
    tell_moved(verb, moved, seconds)
    return 0
