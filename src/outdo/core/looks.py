"""How the state of a stage looks, on the terminal as in a picture: an icon, a word, a hue."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from outdo.core.events import Status
from outdo.core.model import Verb
from outdo.core.wording import VERBS

State = Verb | Status | Literal["running"]
"""A word of a plan (`run`), of a run (`ran`), or `running`."""

Hue = Literal["green", "blue", "orange", "red", "plum", "grey"]


class Look(Struct, frozen=True):
    """How a state is shown: never by its colour alone."""

    icon: str
    word: str
    hue: Hue


LOOKS: Mapping[State, Look] = {
    "ran": Look("✓", "ran", "green"),
    "restored": Look("↺", "restored", "blue"),
    "restore": Look("↺", VERBS["restore"], "blue"),
    "kept": Look("=", "fresh", "grey"),
    "keep": Look("=", VERBS["keep"], "grey"),
    "running": Look("◌", "running", "orange"),
    "run": Look("○", VERBS["run"], "orange"),
    "wait": Look("…", VERBS["wait"], "plum"),
    "failed": Look("✕", "failed", "red"),
    "skipped": Look("⊘", "left out", "grey"),
    "skip": Look("⊘", VERBS["skip"], "grey"),
    "cancelled": Look("⊘", "stopped", "grey"),
}
