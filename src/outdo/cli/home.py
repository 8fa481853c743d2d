"""What commands on a server have in common: which server, and secrets that never stand in the command line."""

import os
import re
import sys
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from outdo.app.accounts import Home
from outdo.app.lazy import lazy
from outdo.core.errors import CantWrite, NoProject, Usage

HOME = "~/.outdo"
_SECRET = re.compile(r"://[^/@]*:[^/@]+@|[?&]password=", re.IGNORECASE)


def of_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which server is meant."""
    database = click.option(
        "--database",
        default="",
        envvar="OUTDO_DATABASE",
        callback=_without_password,
        help="postgresql://USER@HOST/NAME; else a file at home. Its password stands in $OUTDO_DATABASE, $PGPASSWORD "
        "or ~/.pgpass.",
    )
    home = click.option(
        "--home",
        type=click.Path(file_okay=False),
        envvar="OUTDO_HOME",
        default="",
        help=f"Where the server keeps everything; else $OUTDO_HOME, the project's .outdo, or {HOME}.",
    )
    return home(database(command))


def server(home: str, database: str) -> Home:
    """The server that the options name."""
    if home:
        return Home(os.path.abspath(os.path.expanduser(home)), database)
    try:
        state: str = lazy("outdo.app.project").make_state(os.getcwd())
    except NoProject:
        return Home(os.path.expanduser(HOME), database)
    return Home(state, database)


def _without_password(context: click.Context, option: click.Parameter, value: str) -> str:
    """The address as it was said, which on the command line may hold no secret; raises `Usage`."""
    source = context.get_parameter_source(option.name or "")
    if source == ParameterSource.COMMANDLINE and _SECRET.search(value):
        raise Usage(
            "a password on the command line can be read by everybody on this machine",
            fix="leave it out there; set PGPASSWORD, or write it to ~/.pgpass",
        )
    return value


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
