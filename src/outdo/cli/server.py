"""`outdo server`: the ledger as a server that MLflow's clients log to."""

import os
import sys
from typing import TYPE_CHECKING

import click

from outdo.app.lazy import lazy
from outdo.cli.home import of_server, server
from outdo.cli.paint import Paint, plain, say

if TYPE_CHECKING:
    from outdo.server.log import Form
    from outdo.server.serve import Ready


@click.command(short_help="serve runs, metrics, models and artifacts to MLflow clients")
@of_server
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0: any free one."
)
@click.option(
    "--objects",
    default="",
    envvar="OUTDO_OBJECTS",
    help="A folder or s3://BUCKET/PREFIX for artifacts; else at home.",
)
@click.option(
    "--log",
    type=click.Choice(["text", "json", "off"]),
    default="text",
    show_default=True,
    help="One line a request, on stderr.",
)
@click.option("--private-webhooks", is_flag=True, help="Webhooks may be on this machine and its network.")
def command(
    home: str, host: str, port: int, database: str, objects: str, log: "Form", *, private_webhooks: bool
) -> None:
    """Serves runs, metrics and artifacts to every client of MLflow, until Ctrl-C.

    \b
    Examples:
      outdo server
      export MLFLOW_TRACKING_URI=http://127.0.0.1:5000      in the shell of the script that logs
    """
    place = server(home, database)
    objects = _objects(objects or (os.environ.get("OUTDO_STORE", "") if not home else ""))

    def ready(now: "Ready") -> None:
        paint = Paint(sys.stderr)
        kept = " and ".join(plain(one) for one in (place.folder, objects) if one)
        say(f"{paint('outdo server', 'bold')} at {now.address} · all is kept in {kept}")
        if now.users:
            people = "1 user" if now.users == 1 else f"{now.users} users"
            say(f"  {people} may sign in · MLFLOW_TRACKING_URI={now.address}")
        else:
            say(f"  open to everybody on this machine · MLFLOW_TRACKING_URI={now.address}")
        if not now.alone:
            say("  passwords and tokens travel as they are: put a proxy with TLS before it")

    serve = lazy("outdo.server.serve")
    try:
        serve.serve(
            serve.Listening(place.folder, host, port, place.database, objects, log, private_webhooks), ready
        )
    except KeyboardInterrupt:
        pass  # it is how a server ends; what it did last is in its log


def _objects(named: str) -> str:
    """A bucket's address as it is, a folder's whole path."""
    return named if "://" in named or not named else os.path.abspath(os.path.expanduser(named))
