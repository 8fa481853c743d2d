"""The passphrase of a key: from a file, from the environment, or from the terminal; never from the command line."""

import os
import sys
from collections.abc import Callable

import click

from outdo.cli.home import read_password
from outdo.core.errors import Usage

VARIABLE = "OUTDO_KEY_PASSPHRASE"

in_file = click.option(
    "--passphrase-file",
    default="",
    metavar="FILE",
    help="Read the key's passphrase from its first line; - for stdin.",
)
with_key = click.option(
    "--key",
    "key",
    default="",
    metavar="NAME|FILE",
    help="Sign with this key; else $OUTDO_KEY, or the only one.",
)


def asking(file: str) -> Callable[[str], str]:
    """Gives the passphrase of a key when it is asked for."""

    def ask(name: str) -> str:
        if file:
            return read_password(file)
        if VARIABLE in os.environ:
            return os.environ[VARIABLE]
        if not sys.stdin.isatty():
            raise Usage(
                f"the key '{name}' has a passphrase", fix=f"--passphrase-file FILE, or set {VARIABLE}"
            )
        said: str = click.prompt(f"Passphrase of {name}", hide_input=True, err=True)
        return said

    return ask


def new_passphrase(file: str) -> str:
    """The passphrase for a new key; empty for one without, as where nobody is at a terminal."""
    if file:
        return read_password(file)
    if VARIABLE in os.environ or not sys.stdin.isatty():
        return os.environ.get(VARIABLE, "")
    said: str = click.prompt(
        "Passphrase (empty for none)",
        default="",
        show_default=False,
        hide_input=True,
        confirmation_prompt="Again",
        err=True,
    )
    return said
