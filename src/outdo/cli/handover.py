"""What `outdo import` and `outdo export` print."""

import sys
from collections.abc import Sequence

from msgspec import json

from outdo.app.handover import HandOver
from outdo.cli.data.words import for_git, shown, sized
from outdo.cli.paint import Paint, plain, say

MANY = 5


def tell(move: HandOver, before: str, after: str, *, dry: bool, as_json: bool) -> None:
    """What moves, or has; and what is to be done next."""
    if as_json:
        print(json.encode({"schema": "outdo.handover/1", "status": "ok", "data": move}).decode())
        return
    paint = Paint(sys.stdout)
    mark = paint("→", "blue") if dry else paint("✓", "green")
    if move.stages:
        known = (
            f"{move.fresh} of {move.stages} results go along"
            if move.fresh < move.stages
            else "nothing has to run"
        )
        print(
            f"{mark} pipeline  {before} → {after}  {move.stages} stage{'' if move.stages == 1 else 's'}, {known}"
        )
    elif not dry and after in move.files:
        print(f"{mark} pipeline  none; {after} is there for one")
    if move.paths:
        named = [
            f"{shown(one.path, one.entry)} ({sized(one.entry) or 'not taken yet'})" for one in move.paths
        ]
        print(f"{mark} data      {_listed(named)}")
    if move.remotes:
        print(
            f"{mark} remotes   {_listed([f'{plain(name)} {plain(one.url)}' for name, one in move.remotes.items()])}"
        )
    for name in move.left:
        print(f"{paint('!', 'yellow')} remote    {plain(name)} is of a kind that Outdo can't reach")
    sys.stdout.flush()
    if dry:
        say(paint("  nothing was touched; without --dry it is done", "dim"))
    elif move.files:
        say(for_git(["-A"], paint).replace("'-A'", "-A"))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more
