"""`outdo trace`."""

import os
import sys

import click
from msgspec import json

from outdo.app.trace import trace_back
from outdo.cli.lineage import tree
from outdo.cli.paint import Paint, plain

EXAMPLES = """
\b
Examples:
  outdo trace delay@champion      a model: which stage run made it, of what, and so on to code and data
  outdo trace delay/7 --json      the same for a program
  outdo trace predictions.csv     what is at a path now
  outdo trace 8b581717            an object, by the beginning of its digest
"""


@click.command(
    epilog=EXAMPLES, help="The whole way back from a model, an object or a path to what it was made of."
)
@click.argument("what", metavar="MODEL|OBJECT|PATH")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(what: str, as_json: bool) -> int:
    found = trace_back(os.curdir, what)
    if as_json:
        print(json.encode({"schema": "outdo.trace/1", "status": "ok", "data": found}).decode())
        return 0
    paint = Paint(sys.stdout)
    title = ""
    if found.version is not None:
        one = found.version
        aliases = f"  {paint(plain(', '.join(one.aliases)), 'yellow')}" if one.aliases else ""
        digest = paint((one.digest or "")[:12], "cyan")
        title = f"{paint(plain(f'{one.model} {one.version}'), 'bold')}{aliases}  {digest}"
    print("\n".join(tree(found, paint, title)))
    return 0
