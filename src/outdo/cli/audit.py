"""`outdo audit`: who changed what on a server, and whether that record is whole."""

import re
import shutil
import sys
from datetime import UTC, datetime

import click
from msgspec import DecodeError, json

from outdo.app import trail
from outdo.cli.columns import Cell, Column, aligned, fitting
from outdo.cli.home import of_server, server
from outdo.cli.paint import Paint, plain, say
from outdo.core.errors import Usage
from outdo.core.query import moment
from outdo.core.trail import Entry, Head
from outdo.store.tracking.trail import Wanted

EXAMPLES = """
\b
Examples:
  outdo audit log --user ben --since 7d
  outdo audit log --action registered-models/alias --json
  outdo audit verify                           and note the head that it tells
  outdo audit verify --head 1024:5be1…          nothing up to there was cut off
"""
BROKEN = 1
FEW = 20
WIDEST = 80
_ID = re.compile(r"[0-9a-f]{32,64}")


@click.group(epilog=EXAMPLES, help="Who changed what on a server, and whether that record is whole.")
def command() -> None:
    pass


@command.command("verify", help="Look at every row of the record: edited, removed and moved ones are named.")
@click.option(
    "--head", default="", metavar="NUMBER:SEAL", help="One that was told before: nothing up to it is gone."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_server
def verify(head: str, as_json: bool, home: str, database: str) -> int:
    found = trail.verify(server(home, database), _head(head) if head else None)
    whole = not found.breaks
    if as_json:
        data = {
            "head": str(found.head),
            "breaks": [{"row": one.number, "what": one.what} for one in found.breaks],
        }
        status = "done" if whole else "failed"
        click.echo(json.encode({"schema": "outdo.audit/1", "status": status, "data": data}))
        return 0 if whole else BROKEN
    paint = Paint(sys.stdout)
    for one in found.breaks[:FEW]:
        click.echo(f"{paint('✕', 'red', 'bold')} {one.what}")
    if len(found.breaks) > FEW:
        click.echo(f"  and {len(found.breaks) - FEW} more")
    if whole:
        rows = "1 row" if found.head.number == 1 else f"{found.head.number:,} rows"
        click.echo(f"{paint('✓', 'green', 'bold')} {rows}, each as it was written")
    click.echo(f"  head {found.head}")
    say("note the head elsewhere: by the rows alone nobody can tell that the last ones were cut off")
    return 0 if whole else BROKEN


@command.command("log", help="The last changes, the newest last.")
@click.option("--user", default="", metavar="NAME", help="Of this user.")
@click.option("--action", default="", metavar="NAME", help="Whose action begins so: runs/, users/grant …")
@click.option("--object", "thing", default="", metavar="TEXT", help="Of an object with this in its name.")
@click.option("--since", default="", metavar="WHEN", help="From then on: 7d, 2026-11-23, 2026-11-23T14:00.")
@click.option("--limit", "-n", type=click.IntRange(min=0), default=FEW, show_default=True, help="0: all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_server
def log(
    user: str, action: str, thing: str, since: str, limit: int, as_json: bool, home: str, database: str
) -> int:
    wanted = Wanted(user, action, thing, _since(since), limit or None)
    found = trail.entries(server(home, database), wanted)[::-1]
    if as_json:
        data = [_as_data(number, entry) for number, entry in found]
        click.echo(json.encode({"schema": "outdo.audit/1", "status": "done", "data": data}))
        return 0
    if not found:
        say("nothing that was asked for is on record")
        return 0
    columns = [
        Column("row", tuple(Cell(str(number), ("dim",)) for number, _ in found), right=True),
        Column("when", tuple(Cell(_when(entry.time)) for _, entry in found)),
        Column("who", tuple(Cell(entry.who or "anybody", ("bold",)) for _, entry in found)),
        Column("action", tuple(Cell(entry.action) for _, entry in found)),
        Column("object", tuple(Cell(_brief(entry.thing)) for _, entry in found)),
        Column("what", tuple(Cell(_brief(_what(entry.detail)), ("dim",)) for _, entry in found)),
        Column("by", tuple(Cell(_by(entry)) for _, entry in found)),
    ]
    if sys.stdout.isatty():
        columns = fitting(columns, shutil.get_terminal_size().columns)
    click.echo("\n".join(aligned(columns, Paint(sys.stdout))))
    return 0


def _head(text: str) -> Head:
    number, _, seal = text.partition(":")
    try:
        return Head(int(number), bytes.fromhex(seal))
    except ValueError:
        raise Usage(
            f"'{plain(text)}' is no head", fix="NUMBER:SEAL, as `outdo audit verify` tells it"
        ) from None


def _since(text: str) -> int | None:
    if not text:
        return None
    seconds = moment(text, datetime.now().astimezone())
    if seconds is None:
        raise Usage(f"'{plain(text)}' is no time", fix="7d, 12h, 2026-11-23, 2026-11-23T14:00")
    return round(seconds * 1000)


def _when(time: int) -> str:
    return _moment(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _moment(time: int) -> datetime:
    try:
        return datetime.fromtimestamp(time / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):  # a row that somebody has edited
        return datetime.fromtimestamp(0, UTC)


def _brief(text: str) -> str:
    """The text with its long ids cut, for eyes."""
    text = _ID.sub(lambda found: f"{found[0][:8]}…", text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _by(entry: Entry) -> str:
    return f"{entry.via} {entry.address}".strip()


def _what(detail: str) -> str:
    """What changed, in a few words."""
    if not detail:
        return ""
    told = _decoded(detail)
    if not ({"before", "after"} & set(told)):
        return " ".join(f"{name}={value}" for name, value in told.items())
    before, after = told.get("before", {}), told.get("after", {})
    changes = [f"{name}: {_move(before, after, name)}" for name in {**before, **after}]
    return ", ".join(changes)


def _move(before: dict[str, object], after: dict[str, object], name: str) -> str:
    if name not in before:
        return str(after[name])
    return f"{before[name]} → {after.get(name, 'gone')}"


def _decoded(detail: str) -> dict[str, dict[str, object]]:
    try:
        told = json.decode(detail)
    except DecodeError:  # a row that somebody has edited
        return {}
    return told if isinstance(told, dict) else {}


def _as_data(number: int, entry: Entry) -> dict[str, object]:
    return {
        "row": number,
        "time": _moment(entry.time).isoformat(),
        "who": entry.who,
        "via": entry.via,
        "address": entry.address,
        "agent": entry.agent,
        "action": entry.action,
        "object": entry.thing,
        "detail": _decoded(entry.detail),
    }
