"""`outdo attest`."""

import os
import sys
from collections.abc import Iterator

import click
from msgspec import json

from outdo.app.attest import Attested, Withheld, attest
from outdo.app.exporting import bill_of_materials, model_signature
from outdo.cli.evidence import hindrances, judged, passed, untrusted
from outdo.cli.paint import Paint, plain, say
from outdo.cli.passphrase import asking, in_file, with_key
from outdo.core.errors import CantWrite

EXAMPLES = """
\b
Examples:
  outdo attest delay                              sign what is known of the latest version
  outdo attest delay@7 --output delay.attestation.json
  outdo attest delay --form model-signing --key release --output model.sig
  outdo attest delay --form cyclonedx --output bom.json
"""
FORMS = ("in-toto", "model-signing", "cyclonedx")


@click.command(
    epilog=EXAMPLES,
    help="Sign what is known of a version that passed its gates: lineage and verdicts. Else exits with 1.",
)
@click.argument("name", metavar="MODEL[/VERSION|@ALIAS]")
@with_key
@in_file
@click.option(
    "--form", type=click.Choice(FORMS), default=FORMS[0], show_default=True, help="What is written."
)
@click.option("--output", default="", metavar="FILE", help="Write it to a file too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(name: str, key: str, passphrase_file: str, form: str, output: str, as_json: bool) -> int:
    if form != FORMS[0]:
        return _export(name, key, passphrase_file, form, output)
    done = attest(os.curdir, name, key, asking(passphrase_file))
    if output and isinstance(done, Attested):
        write(output, done.envelope)
    good = isinstance(done, Attested)
    if as_json:
        print(
            json.encode(
                {"schema": "outdo.attest/1", "status": "ok" if good else "failed", "data": _data(done)}
            ).decode()
        )
    else:
        print("\n".join(_told(done, Paint(sys.stdout))))
    if output and good:
        say(f"  wrote {plain(output)}")
    return 0 if good else 1


def _export(name: str, key: str, passphrase_file: str, form: str, output: str) -> int:
    """Writes what others read; nothing is kept here."""
    made = (
        bill_of_materials(os.curdir, name)
        if form == "cyclonedx"
        else model_signature(os.curdir, name, key, asking(passphrase_file))
    )
    if isinstance(made, Withheld):
        print("\n".join(_told(made, Paint(sys.stdout))))
        return 1
    if not output:
        click.echo(made, nl=False)
        return 0
    write(output, made)
    say(f"{Paint(sys.stderr)('✓', 'green')} wrote {plain(output)}")
    return 0


def write(path: str, content: bytes) -> None:
    """The file holds this; raises `CantWrite`."""
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise CantWrite(f"'{path}' can't be written: {error.strerror}", fix="--output FILE") from None


def _data(done: Attested | Withheld) -> dict[str, object]:
    if isinstance(done, Withheld):
        return {"version": done.version, "judgement": done.judgement, "hindrances": done.hindrances}
    return {"version": done.version, "attestation": done.digest, "key": done.key, "key_id": done.key_id}


def _told(done: Attested | Withheld, paint: Paint) -> Iterator[str]:
    name = paint(plain(done.version), "bold")
    if isinstance(done, Withheld):
        yield f"{paint('✗', 'red')} {name} is not attested"
        yield from hindrances(done.hindrances, paint)
        return
    yield f"{paint('✓', 'green')} {name} is attested by {plain(done.key)} {done.key_id[:12]}"
    if done.judgement is not None:
        yield f"  {paint('gates', 'dim')} {passed(done.judgement)}, {judged(done.judgement)}"
    yield from untrusted(done, paint)
