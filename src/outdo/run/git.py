"""Questions to Git, asked of its command line."""

import os
from collections.abc import Mapping, Sequence

from outdo.run.spawn import ask

SECONDS = 60.0
"""How long one question to Git may take."""

_LOCAL = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
)
"""Set while Git runs a hook; they would make it speak of another place than the one asked about."""


class Refused(Exception):
    """Git did not answer a question."""


def in_repository(root: str) -> bool:
    """Whether a folder from `root` upwards has a `.git`, so that asking Git is worth a process."""
    folder = os.path.abspath(root)
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def git(
    folder: str,
    words: Sequence[str],
    given: bytes = b"",
    env: Mapping[str, str] | None = None,
    accepted: Sequence[int] = (0,),
    seconds: float = SECONDS,
) -> bytes:
    """What one Git process answers; raises `Refused` where it does not."""
    inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    quiet = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", folder, "-c", "core.quotePath=false", *words]
    try:
        answer = ask(command, {**inherited, **quiet, **(env or {})}, given, seconds)
    except FileNotFoundError:
        raise Refused("Git is not installed, so the commit is not known") from None
    except OSError as error:
        raise Refused(f"Git did not answer: {error}") from None
    if answer.code not in accepted:
        told = answer.err.decode("utf-8", "replace").strip().partition("\n")[0]
        raise Refused(f"Git did not answer: {told or f'it ended with {answer.code}'}")
    return answer.out
