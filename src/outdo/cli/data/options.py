"""The options that commands of `outdo data` have in common."""

import click

TARGETS = click.argument("targets", nargs=-1, metavar="[PATH]...")
REMOTE = click.option("--remote", "-r", default="", metavar="NAME", help="Another remote, or its address.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
FORCE = click.option("--force", "-f", is_flag=True, help="Overwrite what is neither kept nor committed.")
LINK = click.option(
    "--link", is_flag=True, help="Let files share their bytes with the store; they are read-only then."
)
