"""What commands on a server have in common: which server, and secrets that never stand in the command line."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from outdo.app.accounts import Home
from outdo.core.errors import CantWrite, Usage

HOME = "~/.outdo"


def of_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which server is meant."""
    database = click.option(
        "--database", default="", envvar="OUTDO_DATABASE", help="postgresql://…; else a file at home."
    )
    home = click.option(
        "--home",
        type=click.Path(file_okay=False),
        envvar="OUTDO_HOME",
        default=HOME,
        help=f"Where the server keeps everything; else $OUTDO_HOME, else {HOME}.",
    )
    return home(database(command))


def server(home: str, database: str) -> Home:
    """The server that the options name."""
    return Home(os.path.abspath(os.path.expanduser(home)), database)


def read_password(file: str) -> str:
    """A password from the first line of a file, `-` for stdin, or from the terminal, where it is not shown."""
    if file:
        return _first_line(file)
    if not sys.stdin.isatty():
        raise Usage(
            "nobody is at a terminal to type the password", fix="--password-file FILE, or - for stdin"
        )
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
    return password


def _first_line(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.readline().rstrip("\r\n")
        with open(file, encoding="utf-8") as opened:
            return opened.readline().rstrip("\r\n")
    except OSError as error:
        raise CantWrite(
            f"'{file}' can't be read: {error.strerror}", fix="name a file with the password in it"
        ) from None
    except UnicodeDecodeError:
        raise Usage(f"'{file}' is no text", fix="name a file with the password in it") from None
