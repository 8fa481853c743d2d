"""`outdo model`: one version of a model."""

import os
import sys
from collections.abc import Iterator, Mapping
from time import time

import click
from msgspec import Struct, json
from msgspec.structs import asdict

from outdo.app.attest import envelope_of
from outdo.app.models import Version, remove_alias, set_alias, version
from outdo.app.project import find_root, open_project
from outdo.app.standing import candidate
from outdo.app.trace import Trace, of_version
from outdo.app.verify import Signed, signed
from outdo.cli.evidence import judged, passed, verdicts
from outdo.cli.lineage import sources, tree, when
from outdo.cli.log import ago
from outdo.cli.models import made_by
from outdo.cli.paint import Paint, plain, say
from outdo.core.attestation import TAG
from outdo.core.errors import Usage
from outdo.core.promote import Proof
from outdo.core.wording import size

SHOW = """
\b
Examples:
  outdo model show delay              the latest version
  outdo model show delay/7            by its number
  outdo model show delay@champion     by an alias
  outdo model show 8b581717           by the beginning of its digest
  outdo model show delay --attestation > delay.attestation.json
"""
ALIAS = """
\b
Examples:
  outdo model alias delay/7 champion        delay@champion means version 7 from now on
  outdo model alias delay@champion previous
  outdo model alias delay@champion --remove
"""


@click.group(help="One version of a model: all about it, and its aliases.")
def command() -> None:
    pass


@command.command(epilog=SHOW, help="All about a version: what it is, what made it, and of what.")
@click.argument("name", metavar="MODEL[/VERSION|@ALIAS]")
@click.option("--attestation", is_flag=True, help="The signed statement of it, as it is kept.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(name: str, attestation: bool, as_json: bool) -> int:
    project = open_project(os.curdir)
    found = version(project.root, name)
    if attestation:
        click.echo(envelope_of(project, found), nl=False)
        return 0
    traced = of_version(project, found)
    one = candidate(project, found.name) if found.entry is not None else None
    proof, sign = one.proof if one else None, signed(project, found)
    if as_json:
        data = {**asdict(traced), "proof": proof, "signed": sign}
        print(json.encode({"schema": "outdo.model/1", "status": "ok", "data": data}).decode())
        return 0
    print(
        "\n".join(
            _text(found, traced, _Proven(proof, bool(one and one.standing.gates), sign), Paint(sys.stdout))
        )
    )
    return 0


@command.command(epilog=ALIAS, help="Let a name that moves, such as champion, mean a version.")
@click.argument("name", metavar="MODEL[/VERSION|@ALIAS]")
@click.argument("alias", required=False)
@click.option("--remove", is_flag=True, help="MODEL@ALIAS means no version any more.")
def alias(name: str, alias: str | None, remove: bool) -> int:
    if remove == (alias is not None):
        raise Usage("say an alias, or --remove", fix="outdo model alias delay/7 champion")
    root = find_root(os.curdir)
    done = remove_alias(root, name) if alias is None else set_alias(root, name, alias)
    told = f"{plain(name)} means no version now" if alias is None else f"{done.model}@{alias} is {done.name}"
    say(f"{Paint(sys.stderr)('✓', 'green')} {plain(told)}")
    return 0


class _Proven(Struct, frozen=True):
    proof: Proof | None
    """None for what no gate of the file can judge."""
    has_gates: bool
    signed: Signed


def _text(found: Version, traced: Trace, proven: _Proven, paint: Paint) -> Iterator[str]:
    aliases = f"  {paint(plain(', '.join(found.aliases)), 'yellow')}" if found.aliases else ""
    title = f"{paint(plain(f'{found.model} {found.version}'), 'bold')}{aliases}"
    yield title
    for word, fact in _facts(found, traced):
        yield f"  {paint(f'{word:<10}', 'dim')} {plain(fact)}"
    for word, fact in _proven(found, proven):
        yield f"  {paint(f'{word:<10}', 'dim')} {plain(fact)}"
    if proven.proof is not None and proven.proof.judgement is not None:
        yield ""
        yield paint("gates", "bold")
        yield from verdicts(proven.proof.judgement.verdicts, paint)
    for heading, values in (("metrics", found.metrics), ("tags", _others(found.tags))):
        if values:
            yield ""
            yield paint(heading, "bold")
            yield from _values(values)
    if len(traced.artifacts) > 1:
        yield ""
        yield paint("the way back", "bold")
        yield from (f"  {line}" for line in tree(traced, paint))


def _facts(found: Version, traced: Trace) -> Iterator[tuple[str, str]]:
    ago_ = ago(max(0.0, time() - found.created.timestamp()))
    by = f" by {found.user}" if found.user else ""
    yield "registered", f"{when(found.created)} ({ago_}){by}"
    if found.description:
        yield "about", found.description
    if found.entry is not None:
        files = f" in {_files(found.entry.files)}" if found.entry.kind == "tree" else ""
        yield "path", f"{found.path}, {size(found.entry.size)}{files}"
    yield "digest", found.digest or "it has no files"
    run = traced.runs.get(found.by.run) if found.by else None
    if found.by is not None:
        yield "made by", made_by(found) + ("" if run else ", which is not on record here")
    elif found.logged_run:
        yield "made by", f"a client's run {found.logged_run}"
    if run is not None and run.commit:
        change = f", with changes: outdo show {run.number} --patch" if run.dirty else ""
        yield "code", f"{run.commit[:12]}{f' on {run.branch}' if run.branch else ''}{change}"
    elif run is not None:
        yield "code", "not in Git"
    if run is not None and run.python:
        yield "python", f"{run.python}, {run.packages} packages"
    if traced.runs:
        names = [one.path for one in sources(traced)]
        yield "made of", ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    yield "clients", f"models:/{found.model}/{found.version}"


def _proven(found: Version, one: _Proven) -> Iterator[tuple[str, str]]:
    if not one.has_gates and TAG not in found.tags:
        return
    if one.proof is not None and one.proof.judgement is not None:
        yield "gates", f"{passed(one.proof.judgement)}, {judged(one.proof.judgement)}"
    elif one.proof is not None and one.proof.hindrances:
        yield "gates", one.proof.hindrances[0].what
    if one.signed.signers:
        yield "signed by", ", ".join(one.signed.signers)
    else:
        yield "signed", f"no: {one.signed.why}"


def _others(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name != TAG}


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _values(values: Mapping[str, object]) -> Iterator[str]:
    width = max(map(len, values))
    for name, value in values.items():
        told = f"{value:.6g}" if isinstance(value, float) else str(value)
        yield f"  {plain(name):<{width}}  {plain(told)[:200]}"
