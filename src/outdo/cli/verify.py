"""`outdo verify`."""

import os
import sys
from collections.abc import Iterator

import click
from msgspec import json

from outdo.app.verify import VerifiedModel, verify
from outdo.cli.evidence import judged, passed
from outdo.cli.paint import Paint, plain

EXAMPLES = """
\b
Examples:
  outdo verify delay@production
  outdo verify delay.attestation.json --key ana.pub --files model/   no project is needed
"""


@click.command(
    epilog=EXAMPLES,
    help="Whether an attestation holds: signature, key, and every byte that it names. Offline. Else exits with 1.",
)
@click.argument("name", metavar="MODEL[/VERSION|@ALIAS]|FILE")
@click.option(
    "--key", default="", metavar="NAME|FILE", help="Only this public key counts; else those of outdo.keys."
)
@click.option("--files", default="", metavar="PATH", help="Compare this copy of the model too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(name: str, key: str, files: str, as_json: bool) -> int:
    found = verify(os.curdir, name, key, files)
    if as_json:
        print(json.encode({"schema": "outdo.verify/1", "status": "ok", "data": found}).decode())
    else:
        print("\n".join(_told(found, files, Paint(sys.stdout))))
    return 0


def _told(found: VerifiedModel, files: str, paint: Paint) -> Iterator[str]:
    signers = ", ".join(
        f"{plain(name)} {id_[:12]}" for name, id_ in zip(found.signers, found.key_ids, strict=True)
    )
    name = f"{paint('✓', 'green')} {paint(plain(found.version), 'bold')}"
    yield f"{name} is as it was signed by {signers} on {plain(found.attested)}"
    if found.judgement is not None:
        yield f"  {paint('gates', 'dim')} {passed(found.judgement)}, {judged(found.judgement)}"
    if found.checks:
        count = len(found.checks)
        good = sum(each.outcome == "passed" for each in found.checks)
        yield f"  {paint('data', 'dim')} {good} of {count} files that it was made of passed their checks"
    for each in found.promotions:
        yield f"  {paint('promoted', 'dim')} to {plain(each.to)} by {plain(each.by)} on {plain(each.on)}"
    for name in found.unsigned:
        yield f"  {paint('not signed', 'yellow')}: how it got into {plain(name)}"
    for over in found.overrides:
        yield f"  {paint('overridden', 'yellow')} for {plain(over.to)} by {plain(over.by)}: {plain(over.reason)}"
        yield from (f"    against {plain(each)}" for each in over.against)
    if files:
        yield f"  {paint('files', 'dim')} those in {plain(files)} are the model's"
    if found.objects:
        yield f"  {paint('objects', 'dim')} {found.objects:,} read again, all intact"
    elif not files:
        yield f"  {paint('not looked at', 'yellow')}: the model's files, which no store here has: --files PATH"
    if found.absent:
        names = ", ".join(map(plain, found.absent[:4])) + (" …" if len(found.absent) > 4 else "")
        yield f"  {paint('not kept here', 'yellow')}, so not looked at: {names}"
