"""What a stage's code does with MLflow, as far as it can be read: whether it chooses a server by itself."""

import os
from itertools import islice

from outdo.core.model import Stage

CALL = b"set_tracking_uri"
MOST_BYTES = 256 * 1024
MOST_FILES = 200
MOST_ENTRIES = 2000
_CODE = (".py", ".ipynb")


def chooses_server(root: str, stage: Stage) -> bool:
    """Whether code that the stage runs or reads says where to log. A client that goes to another server must not be
    told of a run that is not there."""
    words = [os.path.join(stage.wdir, word) for command in stage.cmd for word in command.split()]
    files = [path for path in dict.fromkeys((*words, *stage.deps)) if path.endswith(_CODE)]
    folders = [path for path in stage.deps if os.path.isdir(os.path.join(root, path))]
    for folder in folders:
        files += _code_in(root, folder)
    return any(CALL in _start(os.path.join(root, path)) for path in files[:MOST_FILES])


def _code_in(root: str, folder: str) -> list[str]:
    """Code in a folder and those in it, as far as that is quickly found."""
    found: list[str] = []
    folders = [os.path.join(root, folder)]
    left = MOST_ENTRIES
    while folders and left > 0:
        with os.scandir(folders.pop()) as entries:
            for entry in islice(entries, left):
                left -= 1
                if entry.name.endswith(_CODE):
                    found.append(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return found


def _start(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return b""
