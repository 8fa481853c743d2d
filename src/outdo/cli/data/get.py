"""`outdo data get`."""

import os
import posixpath
import sys

import click

from outdo.app.data.anywhere import room
from outdo.app.data.imports import Asked, Imported, get
from outdo.cli.data.options import JSON
from outdo.cli.data.words import for_git, print_data, shown, sized
from outdo.cli.paint import Paint, plain, say
from outdo.cli.sharing import Meter

EXAMPLES = """
\b
Examples:
  outdo data get https://example.com/lab.git data/raw         a folder of another repository
  outdo data get ../lab model.bin --rev v1.0 -o lab.bin       a file of it, at a tag, under another name

\b
Exit codes: 0 done, 1 it can't be had or something is in the way, 2 a mistake in the words.
"""
REV = click.option(
    "--rev", default="", metavar="REV", help="A branch, a tag or a commit; else its own branch."
)
OUT = click.option("--out", "-o", default="", metavar="PATH", help="Where to; else its own name, here.")
FORCE = click.option("--force", "-f", is_flag=True, help="Overwrite what is there.")


@click.command(epilog=EXAMPLES, help="Get a file or folder of another repository, and nothing else of it.")
@click.argument("url")
@click.argument("path")
@REV
@OUT
@FORCE
@JSON
def command(url: str, path: str, rev: str, out: str, force: bool, as_json: bool) -> int:
    path = posixpath.normpath(path)
    meter = Meter("↓")
    with room(os.curdir) as place:
        try:
            asked = Asked(url, path, rev, target(path, out, url))
            done = get(place.objects, place.cache, asked, meter, force=force)
        finally:
            meter.clear()
    return tell("data.get", done, as_json=as_json)


def target(path: str, out: str, url: str) -> str:
    """Where what is asked for goes, from the current folder."""
    own = posixpath.basename(path if path not in ("", ".") else url.rstrip("/").removesuffix(".git"))
    if not out:
        return own
    return os.path.join(out, own) if os.path.isdir(out) and out.endswith("/") else out


def tell(name: str, done: Imported, *, as_json: bool) -> int:
    """Prints what was put in place, and what Git is to be told of; for programs as the object of this name."""
    if as_json:
        return print_data(name, done)
    paint = Paint(sys.stdout)
    at = f" at {done.commit[:10]}" if done.commit else ""
    what = f"{sized(done.entry)} from {plain(done.url)}{plain(at)}"
    print(f"{paint('+', 'green')} {shown(done.path, done.entry)}  {paint(what, 'dim')}", flush=True)
    if done.files:
        say(for_git(done.files, Paint(sys.stderr)))
    return 0
