"""`outdo data ls`."""

import os
import sys
from collections.abc import Sequence

import click

from outdo.app.data.anywhere import room
from outdo.app.data.ls import here, there
from outdo.app.data.source import is_address, is_repository
from outdo.app.data.tracking import from_here
from outdo.app.project import open_project
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.data.options import JSON
from outdo.cli.data.words import print_data
from outdo.cli.paint import Paint, say
from outdo.core.errors import Usage
from outdo.core.holdings import Held
from outdo.core.wording import size

EXAMPLES = """
\b
Examples:
  outdo data ls                                   what is tracked here
  outdo data ls raw -R                            every file in a folder
  outdo data ls . --rev v1.0                      what was there at a tag
  outdo data ls https://example.com/lab.git data  what another repository has
"""


@click.command(
    epilog=EXAMPLES, help="What is tracked here; what another repository, or a former commit, has."
)
@click.argument("words", nargs=-1, metavar="[URL] [PATH]")
@click.option("--rev", default="", metavar="REV", help="A branch, a tag or a commit.")
@click.option("--recursive", "-R", is_flag=True, help="Every file, also those in folders.")
@JSON
def command(words: tuple[str, ...], rev: str, recursive: bool, as_json: bool) -> int:
    found = _listed(words, rev, recursive)
    if as_json:
        return print_data("data.ls", {"files": found})
    if not found:
        say("nothing is tracked yet · next: outdo data add PATH")
    else:
        print("\n".join(_lines(found, Paint(sys.stdout))))
    return 0


def _listed(words: Sequence[str], rev: str, recursive: bool) -> list[Held]:
    if len(words) > 2:
        raise Usage("one repository and one path in it are listed at most", fix="outdo data ls --help")
    if words and (is_address(words[0]) or (is_repository(words[0]) and words[0] != ".")):
        url, path = words[0], words[1] if len(words) == 2 else "."
    else:
        project = open_project(os.curdir)
        url, word = project.root, words[-1] if words else "."
        path = "." if word == "." else from_here(project.root, [word])[0]
        if not rev:
            return here(project, path, recursive=recursive)
    with room(os.curdir) as place:
        return there(place.objects, place.cache, url, path, rev, recursive=recursive)


def _lines(found: Sequence[Held], paint: Paint) -> list[str]:
    columns = [
        Column("", tuple(Cell(f"{one.path}/" if one.kind == "folder" else one.path) for one in found)),
        Column("", tuple(Cell(_files(one), ("dim",)) for one in found), True),
        Column("", tuple(Cell(size(one.size), ("dim",)) for one in found), True),
        Column("", tuple(Cell(one.keeper, ("cyan",) if one.tracked else ("dim",)) for one in found)),
    ]
    return aligned(columns, paint)


def _files(one: Held) -> str:
    return f"{one.files:,} file{'' if one.files == 1 else 's'}" if one.kind == "folder" else ""
