"""`outdo promote`."""

import os
import sys
from collections.abc import Iterator

import click
from msgspec import json

from outdo.app.keys import signer, usual_key
from outdo.app.overriding import Overrider, overrider, person
from outdo.app.project import open_project
from outdo.app.promote import Plan, Promoted, plan, promote
from outdo.cli.evidence import hindrances, judged, passed, untrusted
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.cli.passphrase import asking, in_file, with_key
from outdo.core.errors import Usage
from outdo.core.sections import CHAMPION

EXAMPLES = """
\b
Examples:
  outdo promote delay@7 --to production
  outdo promote delay --to champion                  the version to beat from now on
  outdo promote delay --to production --dry          what is against it, and what would move
  outdo promote delay --to production --override "the old one fails for flights from EWR"
"""


@click.command(
    epilog=EXAMPLES, help="Let a version into an environment, if it passed all its gates. Else exits with 1."
)
@click.argument("name", metavar="MODEL[/VERSION|@ALIAS]")
@click.option("--to", required=True, metavar="ENVIRONMENT", help="An environment of the file, or champion.")
@click.option(
    "--override", "reason", default="", metavar="REASON", help="Do it all the same; only a maintainer may."
)
@click.option("--yes", is_flag=True, help="Go on where a gate could not tell and the file says to ask.")
@click.option("--dry", is_flag=True, help="Only say what would be done.")
@with_key
@in_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    name: str, to: str, reason: str, yes: bool, dry: bool, key: str, passphrase_file: str, as_json: bool
) -> int:
    if reason != reason.strip() or len(reason) > 1000:
        raise Usage("a reason is a text of 1,000 characters at most", fix='--override "why"')
    project = open_project(os.curdir)
    made = plan(project, name, to)
    over = overrider(project, reason) if reason and made.way != "open" else None
    goes = made.way == "open" or over is not None or (made.way == "asks" and (yes or _said_yes(made)))
    if reason and made.way == "open":
        say("nothing is against it, so nothing is overridden")
    done = None
    if goes and made.moves and not dry:
        key = key or usual_key(project.root)
        by = signer(project.root, key, asking(passphrase_file)) if key else None
        done = promote(project, made, person(project), over=over, signer=by)
    if as_json:
        print(_json(made, done, goes))
    else:
        print("\n".join(_told(made, done, over, goes, dry, Paint(sys.stdout))))
    return 0 if goes else 1


def _said_yes(made: Plan) -> bool:
    if not is_live(sys.stdin):
        return False
    say("\n".join(hindrances(made.hindrances, Paint(sys.stderr))))
    return click.confirm(f"Promote {made.version.name} in this doubt?", err=True)


def _json(made: Plan, done: Promoted | None, goes: bool) -> str:
    data = {
        "version": made.version.name,
        "to": made.to,
        "promoted": done is not None,
        "moves": made.moves,
        "hindrances": made.hindrances,
        "judgement": made.judgement,
        "override": done.override if done else None,
        "attestation": done.attestation.digest if done and done.attestation else None,
    }
    return json.encode(
        {"schema": "outdo.promotion/1", "status": "ok" if goes else "failed", "data": data}
    ).decode()


def _told(
    made: Plan, done: Promoted | None, over: Overrider | None, goes: bool, dry: bool, paint: Paint
) -> Iterator[str]:
    name, to = paint(plain(made.version.name), "bold"), plain(made.to)
    place = "the champion" if to == CHAMPION else f"in {to}"
    if not goes:
        yield f"{paint('✗', 'red')} {name} is not promoted to {to}"
        yield from hindrances(made.hindrances, paint)
        return
    if not made.moves:
        yield f"{paint('=', 'dim')} {name} is {place} already"
        return
    if done is None:
        yield f"{paint('·', 'dim')} {name} would be {place}"
    else:
        yield f"{paint('✓', 'green')} {name} is {place}"
    for each in made.moves:
        before = f", was {made.version.model}/{each.before}" if each.before else ""
        yield f"  {paint('moves', 'dim')} {plain(each.alias)}{before}"
    if made.judgement is not None:
        yield f"  {paint('gates', 'dim')} {passed(made.judgement)}, {judged(made.judgement)}"
    if over is not None:
        yield f"  {paint('override', 'yellow')} by {plain(over.name)} ({plain(over.known_by)}): {plain(over.reason)}"
        yield from hindrances(made.hindrances, paint)
    if done is not None and done.attestation is not None:
        yield f"  {paint('signed', 'dim')} by {plain(done.attestation.key)} {done.attestation.key_id[:12]}"
        yield from untrusted(done.attestation, paint)
    elif not dry:
        yield f"  {paint('not signed', 'yellow')}: no key of yours is to sign it: outdo key new, or --key NAME"
