"""`outdo server`: the ledger as a server that MLflow's clients log to."""

import os
import sys

import click

from outdo.app.lazy import lazy
from outdo.cli.paint import Paint, plain

HOME = "~/.outdo"


@click.command(short_help="serve runs, metrics, models and artifacts to MLflow clients")
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    envvar="OUTDO_HOME",
    default=HOME,
    help=f"Where everything is kept; else $OUTDO_HOME, else {HOME}.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0: any free one."
)
@click.option("--database", default="", envvar="OUTDO_DATABASE", help="postgresql://…; else a file at home.")
def command(home: str, host: str, port: int, database: str) -> None:
    """Serves runs, metrics and artifacts to every client of MLflow, until Ctrl-C.

    \b
    Examples:
      outdo server
      export MLFLOW_TRACKING_URI=http://127.0.0.1:5000      in the shell of the script that logs
    """
    home = os.path.abspath(os.path.expanduser(home))

    def ready(address: str) -> None:
        paint = Paint(sys.stderr)
        print(f"{paint('outdo server', 'bold')} at {address} · all is kept in {plain(home)}", file=sys.stderr)
        print(
            f"  open to everybody on this machine · MLFLOW_TRACKING_URI={address}",
            file=sys.stderr,
            flush=True,
        )

    serve = lazy("outdo.server.serve")
    serve.serve(serve.Listening(home, host, port, database), ready)
