"""`outdo key`."""

import os
import sys

import click
from msgspec import json

from outdo.app import keys
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.paint import Paint, plain, say
from outdo.cli.passphrase import in_file, new_passphrase
from outdo.core.keys import KINDS, TRUSTED, Kind

EXAMPLES = """
\b
Examples:
  outdo key new                       your key, named after you; asks for a passphrase
  outdo key trust ana                 what ana signs counts in this project
  outdo key show ana > ana.pub        for others: outdo key trust ana.pub
  outdo key new release --kind p256   for tools that verify OpenSSF model signatures
"""


@click.group(epilog=EXAMPLES, help="Keys that sign attestations, and those that a project trusts.")
def command() -> None:
    pass


@command.command(help="Make a key of your own, in your folder of settings.")
@click.argument("name", default="")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="ed25519",
    show_default=True,
    help="p256 is what model-signing verifies.",
)
@in_file
def new(name: str, kind: Kind, passphrase_file: str) -> int:
    made = keys.new_key(name, kind, new_passphrase(passphrase_file))
    say(f"{Paint(sys.stderr)('✓', 'green')} key {plain(made.name)}  {made.id[:12]}")
    say(f"  next: outdo key trust {plain(made.name)}")
    return 0


@command.command("list", help="Your own keys, and those that the project trusts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(as_json: bool) -> int:
    found = keys.keys(os.curdir)
    if as_json:
        print(json.encode({"schema": "outdo.keys/1", "status": "ok", "data": found}).decode())
        return 0
    columns = [
        Column("key", tuple(Cell(one.name, ("bold",)) for one in found)),
        Column("kind", tuple(Cell(one.kind) for one in found)),
        Column("id", tuple(Cell(one.id[:12], ("cyan",)) for one in found)),
        Column("yours", tuple(Cell("✓" if one.own else "", ("green",)) for one in found)),
        Column("trusted", tuple(Cell("✓" if one.trusted else "", ("green",)) for one in found)),
    ]
    if found:
        print("\n".join(aligned(columns, Paint(sys.stdout))))
    else:
        say("no key yet · next: outdo key new")
    return 0


@command.command(help="The public half of a key as PEM, for others.")
@click.argument("name", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(name: str, as_json: bool) -> int:
    found = keys.find_public(os.curdir, name)
    if as_json:
        data = {"name": found.name, "kind": found.kind, "id": found.id, "pem": found.pem}
        print(json.encode({"schema": "outdo.key/1", "status": "ok", "data": data}).decode())
        return 0
    say(f"{plain(found.name or name)}  {found.kind}  {found.id}")
    print(found.pem, end="")
    return 0


@command.command(help=f"Let what a key signs count in the project: {TRUSTED} names it.")
@click.argument("key", metavar="NAME|FILE")
@click.option("--name", default="", help="What it is called here.")
def trust(key: str, name: str) -> int:
    done = keys.trust(os.curdir, key, name)
    say(f"{Paint(sys.stderr)('✓', 'green')} {plain(done.name)} is trusted  {done.id[:12]}")
    say(f"  next: git add {TRUSTED}")
    return 0


@command.command(help="Let what a key signs, or has signed, count no more.")
@click.argument("name")
def untrust(name: str) -> int:
    done = keys.untrust(os.curdir, name)
    say(f"{Paint(sys.stderr)('✓', 'green')} {plain(done.name)} is trusted no more  {done.id[:12]}")
    return 0
