"""Writes the parts of `docs/reference` that follow from the code: `python docs/generate.py`.

`tests/core/test_docs.py` fails where a file is not what this would write.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import get_args

import click
from msgspec import Struct, structs

from outdo.cli.group import COMMANDS, outdo
from outdo.core.errors import UserError
from outdo.core.events import AnyEvent, Event
from outdo.core.report.told import WORDS, Judged
from outdo.core.schema import field_words
from outdo.core.verdict import Evidence, Verdict
from outdo.server.hooks import PATH as TRIED
from outdo.server.mlflow.routes import PREFIXES, PROXY_PREFIXES, endpoints
from outdo.server.spans import PATH
from outdo.server.web import IN_PARTS, PROXIED, SPOKEN

FOLDER = Path(__file__).parent / "reference"
ROUTES = Path(__file__).parent / "mlflow_routes.txt"
"""What a stock MLflow server can be asked; `tests/contracts/test_mlflow_routes.py` holds it against one."""


def words(text: str | None) -> str:
    return " ".join((text or "").split())


def errors() -> Iterator[str]:
    yield "# Error codes"
    yield ""
    yield "`outdo why CODE` prints these without a network. Exit codes: 0 done, 1 a stage or the machine failed,"
    yield "2 a mistake in the file or the words, 3 a gate failed, 4 not signed in, 5 waits for approval,"
    yield "130 interrupted."
    yield ""
    yield "| code | name | what it means | exit |"
    yield "| --- | --- | --- | --- |"
    for kind in sorted(UserError.__subclasses__(), key=lambda kind: kind.code):
        yield f"| {kind.code} | {kind.__name__} | {words(kind.__doc__)} | {kind.exit_code} |"


def commands() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "Text for people goes to stderr while a run is followed, data to stdout. `--json` prints one object"
    yield "`{schema, status, data}`, `outdo run --json` an object a line for each [event](events.md). Colour is left"
    yield "out where stdout is no terminal, with `NO_COLOR`, and in CI."
    yield ""
    yield "Stages, groups and outputs are completed by the shell: put"
    yield '`eval "$(_OUTDO_COMPLETE=bash_source outdo)"` into `~/.bashrc` (`zsh_source`, `fish_source` for the others).'
    yield ""
    yield "| variable | meaning |"
    yield "| --- | --- |"
    yield "| `OUTDO_STORE` | the folder of the store, to share it between workspaces; `.outdo` if not said |"
    yield "| `OUTDO_KEYS` | the folder of your own keys; else `outdo/keys` in `$XDG_CONFIG_HOME` or `~/.config` |"
    yield "| `OUTDO_KEY` | the key to sign with, by name or file, where `--key` says none |"
    yield "| `OUTDO_KEY_PASSPHRASE` | its passphrase, which is asked for on a terminal else |"
    yield "| `OUTDO_HOME` | its `environments/` holds what `env:` has built, to share it; `.outdo` if not said |"
    yield "| `OUTDO_CHUNKS` | the size from which on files are kept as chunks: `64MB`; `0` for none |"
    yield "| `OUTDO_LINKS` | how files come out of the store, the first that works: `reflink,hardlink,copy` |"
    yield "| `NO_COLOR`, `FORCE_COLOR`, `CI` | no colour; colour; no live region |"
    for name in COMMANDS:
        settings = outdo.context_settings["help_option_names"]  # as when it is called: others go by it
        context = click.Context(outdo, info_name="outdo", help_option_names=settings)
        yield from helps(context, outdo, name, "##")


def mlflow() -> Iterator[str]:
    answered = dict(calls())
    known = ROUTES.read_text().splitlines()
    yield "# What the server answers of MLflow's protocol"
    yield ""
    count = sum(one in answered for one in known)
    yield f"`outdo server` answers clients of MLflow {SPOKEN.rpartition('.')[0]} and before: {count} of the"
    yield f"{len(known)} calls that a stock server of that version knows. Each says the role that it needs; each below"
    yield "`/api` is answered below `/ajax-api` too. What is not offered gets 404 `ENDPOINT_NOT_FOUND` in MLflow's own"
    yield "JSON. In filters `RLIKE` is not offered: a pattern can hold a processor for hours."
    yield ""
    yield "| call | role |"
    yield "| --- | --- |"
    for name, role in sorted(answered.items(), key=lambda one: one[0].split(" ")[::-1]):
        if not name.split(" ")[1].startswith("/ajax-api") or name in known:
            yield f"| `{name}` | {role} |"
    yield ""
    yield "## Not offered"
    for area, missing in groupby(sorted((one for one in known if one not in answered), key=_area), key=_area):
        yield ""
        yield f"**{area}**"
        yield from (f"- `{one}`" for one in missing)


def calls() -> Iterator[tuple[str, str]]:
    """Every call of MLflow's protocol that is answered, and the role that it needs."""
    yield "GET /health", "none"
    yield "GET /version", "none"
    yield f"POST {PATH}", "developer"
    for path, endpoint in endpoints():
        yield f"{endpoint.method} {re.sub('{[^}]*}', '{}', path)}", endpoint.role
    for prefix in PREFIXES:
        yield f"POST {prefix}/{re.sub('{[^}]*}', '{}', TRIED)}", "admin"
    for prefix in PROXY_PREFIXES:
        for method, role, _ in PROXIED:
            yield f"{method} {prefix}/artifacts/{{}}", role
        for part, _ in IN_PARTS:
            yield f"POST {prefix}/mpu/{part}/{{}}", "developer"


def _area(call: str) -> str:
    """What a call is about: the part of its path behind the prefix."""
    path = re.sub(r"^/(ajax-)?api/\d\.0/(mlflow-artifacts|mlflow)/", "", call.split(" ")[1])
    return path.strip("/").split("/")[0]


def helps(above: click.Context, group: click.Group, name: str, heading: str) -> Iterator[str]:
    """The help of a command, and of those in it where it is a group."""
    command = group.get_command(above, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=above, max_content_width=100)
    yield from ("", f"{heading} {context.command_path}", "", "```text")
    yield command.get_help(context)
    yield "```"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from helps(context, command, inner, f"{heading}#")


def events() -> Iterator[str]:
    yield "# Events"
    yield ""
    yield "What a run yields, in order: to the terminal, to `outdo run --json`, to `Pipeline.stream()`, to the journal"
    yield "(`.outdo/journal.jsonl`). Every event has `event` (its kind), `run` (the run's id) and `at` (seconds since"
    yield "1970)."
    for kind in get_args(AnyEvent):
        yield from ("", f"## {kind.__struct_config__.tag}", "", words(inspect.getdoc(kind)), "")
        common = {field.name for field in structs.fields(Event)}
        own = [field.name for field in structs.fields(kind) if field.name not in common]
        yield f"Fields: {', '.join(f'`{name}`' for name in own)}."


def verdicts() -> Iterator[str]:
    yield "# Verdicts as JSON"
    yield ""
    yield "`outdo check --json` prints one object: `schema` is `outdo.check/1`; `status` is `ok` if it exits with 0,"
    yield "else `failed`; `data` has the fields below. Fields may come to be added; none is taken away or means"
    yield "something else under the same `schema`."
    yield ""
    yield "| field of `data` | is |"
    yield "| --- | --- |"
    yield "| `project` | its name |"
    yield "| `outcome` | the gravest of all: `passed`, `failed`, `inconclusive` or `not_evaluated` |"
    yield "| `lets_through` | whether what follows may go on |"
    yield f"| `counts` | how many verdicts there are of each: {', '.join(f'`{word}`' for word in WORDS)} |"
    yield "| `judged` | a list of what was judged |"
    yield from _fields_of(Judged, "what was judged")
    yield from _fields_of(Verdict, "a verdict")
    yield ""
    yield "`subject` and `champion` are null where there is none. Of the evidence those fields are there that apply."
    yield from _fields_of(Evidence, "`evidence`")


def _fields_of(kind: type[Struct], name: str) -> Iterator[str]:
    yield ""
    yield f"| field of {name} | is |"
    yield "| --- | --- |"
    for each in structs.fields(kind):
        yield f"| `{each.encode_name}` | {field_words(kind, each.name) or 'as its name says'} |"


FILES: dict[str, Callable[[], Iterator[str]]] = {
    "errors.md": errors,
    "commands.md": commands,
    "events.md": events,
    "mlflow.md": mlflow,
    "verdicts.md": verdicts,
}


def text(name: str) -> str:
    """What a generated file should hold."""
    return "\n".join(line.rstrip() for part in FILES[name]() for line in part.split("\n")) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        stale = [file for file in FILES if (FOLDER / file).read_text() != text(file)]
        sys.exit(f"run: python docs/generate.py (for {', '.join(stale)})" if stale else 0)
    for file in FILES:
        (FOLDER / file).write_text(text(file))
