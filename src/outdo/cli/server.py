"""`outdo server`: the ledger as a server that MLflow's clients log to."""

import sys
from typing import TYPE_CHECKING

import click

from outdo.app.lazy import lazy
from outdo.cli.home import of_server, server
from outdo.cli.paint import Paint, plain, say

if TYPE_CHECKING:
    from outdo.server.serve import Ready


@click.command(short_help="serve runs, metrics, models and artifacts to MLflow clients")
@of_server
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0: any free one."
)
def command(home: str, host: str, port: int, database: str) -> None:
    """Serves runs, metrics and artifacts to every client of MLflow, until Ctrl-C.

    \b
    Examples:
      outdo server
      export MLFLOW_TRACKING_URI=http://127.0.0.1:5000      in the shell of the script that logs
    """
    place = server(home, database)

    def ready(now: "Ready") -> None:
        paint = Paint(sys.stderr)
        say(f"{paint('outdo server', 'bold')} at {now.address} · all is kept in {plain(place.folder)}")
        if now.users:
            people = "1 user" if now.users == 1 else f"{now.users} users"
            say(f"  {people} may sign in · MLFLOW_TRACKING_URI={now.address}")
        else:
            say(f"  open to everybody on this machine · MLFLOW_TRACKING_URI={now.address}")
        if not now.alone:
            say("  passwords and tokens travel as they are: put a proxy with TLS before it")

    serve = lazy("outdo.server.serve")
    serve.serve(serve.Listening(place.folder, host, port, place.database), ready)
