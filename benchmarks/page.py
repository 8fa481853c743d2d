"""The page of all tables: each command tells its own section and leaves the others as they are."""

import os
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable

from benchmarks.measure import Broken
from benchmarks.peers import Missing

TITLE = "# Speed and memory, beside the peers"
INTRODUCTION = """CPU is the user and system time of a command and all its children. Figures are medians of several runs
in which the contenders take turns, with the least and the most in brackets, and every ratio is of two figures of the
same table: the peers are measured again each time. CPU repeats within some per cent on a busy machine; wall time does
not. Each section names the command that makes it. A bar that is missed stays in the table as missed."""


def _write(path: str, title: str, text: str) -> None:
    """Puts a section in place of the one of this title, or at the end of the page."""
    page = f"{TITLE}\n\n{INTRODUCTION}\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            page = file.read()
    first, *others = page.rstrip("\n").split("\n## ")
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip("\n") for part in others}
    sections[title] = text.strip("\n")
    parts = [first.rstrip("\n"), *(f"## {name}\n\n{body}" for name, body in sections.items())]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(parts) + "\n")


def tell_measured(title: str, said: Namespace, measure: Callable[[str], str]) -> int:
    """Tells the section that `measure` makes in a new folder, which then goes; the exit code of a command with the
    options `--folder` and `--write`: 1 where a contender broke or is missing."""
    root = tempfile.mkdtemp(prefix="outdo-bench-", dir=said.folder)
    try:
        text = measure(root)
    except (Broken, Missing) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        subprocess.run(["chmod", "-R", "u+w", root], check=False)
        shutil.rmtree(root, ignore_errors=True)
    tell_section(said.write, title, text)
    return 0


def tell_section(path: str | None, title: str, text: str) -> None:
    """Prints a section, and puts it into the page at `path`, if there is one to write."""
    print(f"## {title}\n\n{text}")
    if path:
        _write(path, title, text)
