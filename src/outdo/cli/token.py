"""`outdo token`: what programs sign in with."""

import sys
from time import time

import click
from msgspec import json

from outdo.app import accounts
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.home import of_server, server
from outdo.cli.log import ago
from outdo.cli.paint import Paint, plain, say
from outdo.core.access import EVERY, ROLES, Limit, Role
from outdo.core.errors import Usage

EXAMPLES = """
\b
Examples:
  outdo token new anna --name laptop                 shown once: keep it
  export MLFLOW_TRACKING_TOKEN=$(outdo token new ci --role developer --project flights)
  outdo token revoke 3f9c2a71b0de
"""
DAYS = 90


@click.group(epilog=EXAMPLES, help="Tokens: what programs sign in to a server with.")
def command() -> None:
    pass


@command.command("new", help="Make a token for a user. It is shown once; only a digest of it is kept.")
@click.argument("user")
@click.option("--name", default="", help="What it is for.")
@click.option(
    "--role", type=click.Choice(ROLES), default="admin", help="The most that it may do; else as the user."
)
@click.option("--project", default=EVERY, metavar="NAME", help="In this project only.")
@click.option("--expires", default=f"{DAYS}d", show_default=True, metavar="DAYS", help="30d, or `never`.")
@of_server
def new(user: str, name: str, role: Role, project: str, expires: str, home: str, database: str) -> int:
    made = accounts.new_token(server(home, database), user, name, Limit(role, project), _days(expires))
    click.echo(made.text)
    until = "it never expires" if expires == "never" else f"it expires in {expires.removesuffix('d')} days"
    say(f"token {made.token.id} of {plain(made.token.user)}: shown only now; {until}")
    return 0


@command.command("list", help="Tokens, of one user or of all; never their secrets.")
@click.argument("user", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@of_server
def list_(user: str | None, as_json: bool, home: str, database: str) -> int:
    everything = accounts.everybody(server(home, database)).tokens.values()
    found = [token for token in everything if user in (None, token.user)]
    if as_json:
        data = [
            {
                "id": token.id,
                "user": token.user,
                "name": token.name,
                "role": token.limit.role,
                "project": token.limit.project,
                "created": token.created,
                "expires": token.expires,
                "used": token.used,
            }
            for token in found
        ]
        click.echo(json.encode({"schema": "outdo.tokens/1", "status": "done", "data": data}))
        return 0
    if not found:
        say("no tokens · next: outdo token new USER")
        return 0
    now = time()
    columns = [
        Column("token", tuple(Cell(token.id, ("bold",)) for token in found)),
        Column("user", tuple(Cell(token.user) for token in found)),
        Column("for", tuple(Cell(token.name or "–") for token in found)),
        Column("at most", tuple(Cell(_limit(token.limit)) for token in found)),
        Column("expires", tuple(_expiry(token.expires, now) for token in found)),
        Column(
            "used", tuple(Cell(ago(now - token.used / 1000) if token.used else "never") for token in found)
        ),
    ]
    click.echo("\n".join(aligned(columns, Paint(sys.stdout))))
    return 0


@command.command("revoke", help="End a token: it does not hold any more from now on.")
@click.argument("token", metavar="ID")
@of_server
def revoke(token: str, home: str, database: str) -> int:
    ended = accounts.revoke_token(server(home, database), token)
    say(f"token {ended.id} of {plain(ended.user)} does not hold any more")
    return 0


def _days(expires: str) -> float | None:
    if expires == "never":
        return None
    number = expires.removesuffix("d")
    if not (number.isascii() and number.isdigit()) or not 1 <= int(number) <= 3650:
        raise Usage(
            f"'{expires}' is no time to expire in", fix="a number of days up to 3650, as 30d, or never"
        )
    return float(number)


def _limit(limit: Limit) -> str:
    where = "" if limit.project == EVERY else f" in {limit.project}"
    return f"{'as the user' if limit.role == 'admin' else limit.role}{where}"


def _expiry(expires: int | None, now: float) -> Cell:
    if expires is None:
        return Cell("never", ("yellow",))
    left = expires / 1000 - now
    return Cell("expired", ("red",)) if left <= 0 else Cell(f"in {max(1, round(left / 86400))}d")
