"""`outdo reproduce`."""

import os
import sys
from typing import TYPE_CHECKING

import click
from msgspec import json

from outdo.app.lazy import lazy
from outdo.app.project import make_state, open_project
from outdo.app.reproduce.verb import Asked, prepared
from outdo.cli import complete
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.cli.reproduction import markdown, text
from outdo.cli.run import stopped_by_signals
from outdo.core.errors import Usage
from outdo.core.reproduction import parse_tolerance
from outdo.store.turn import Holder

if TYPE_CHECKING:
    from outdo.app.reproduce.verb import Ready
    from outdo.core.reproduction import Reproduction

EXAMPLES = """
\b
Examples:
  outdo reproduce last                    the last run again, from its commit, data and environment
  outdo reproduce 12 --stage train        only `train` of run 12, and what leads to it
  outdo reproduce v1.0                    a commit, measured by the outdo.lock in it
  outdo reproduce delay                   the model `delay` of the file: the run that made it
  outdo reproduce delay@champion          a registered version, as delay/7 is
  outdo reproduce 12 --tolerance 1e-4 --tolerance auc=0.001
  outdo reproduce 12 --keep /tmp/again    and look at what came out
  outdo reproduce main --md               a comment for a pull request

\b
Works in a tree of its own: your workspace stays as it is. Nothing is taken from the cache.
Exit codes: 0 identical or within the tolerance, 1 differs or failed, 130 interrupted.
"""


@click.command(
    epilog=EXAMPLES,
    help="Make a run, a commit or a model again from what is on record, and tell what differs.",
)
@click.argument("what", metavar="RUN|COMMIT|MODEL")
@click.option(
    "--stage", "-s", "stages", multiple=True, metavar="STAGE", shell_complete=complete.targets,
    help="Only this stage and what leads to it; repeatable.",
)  # fmt: skip
@click.option(
    "--tolerance", "-t", "tolerances", multiple=True, metavar="[METRIC=]NUMBER",
    help="How far numbers may be off, absolutely or above 1 relative: 1e-6 if not said; repeatable.",
)  # fmt: skip
@click.option("--keep", metavar="DIR", default="", help="Make the work tree there, and leave it.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Stages at once; as many as fit if not said.")
@click.option("--sandbox", is_flag=True, help="A stage sees only what it declares, and no network.")
@click.option("--md", "as_markdown", is_flag=True, help="Markdown, for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--quiet", "-q", is_flag=True, help="Not what happens meanwhile.")
def command(
    what: str, stages: tuple[str, ...], tolerances: tuple[str, ...], keep: str, jobs: int | None,
    sandbox: bool, as_markdown: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    if as_json and as_markdown:
        raise Usage("--md and --json exclude each other", fix="outdo reproduce --help")
    words = ("outdo", *sys.argv[1:])
    asked = Asked(what, stages, parse_tolerance(tolerances), keep, jobs, sandbox, words)
    make_state(os.curdir)
    project = open_project(os.curdir)
    with prepared(project, asked, _wait) as ready:
        _begin(ready)
        with stopped_by_signals(ready.run.stop):
            _follow(ready, quiet=quiet)
        if ready.run.result.status == "interrupted":
            raise KeyboardInterrupt
        found = ready.report()
    _tell(found, as_markdown=as_markdown, as_json=as_json)
    return 0 if found.ok else 1


def _wait(holder: Holder | None) -> None:
    told = f"`{plain(holder.command)}` (process {holder.pid})" if holder else "another reproduction"
    say(f"waiting for {told}")


def _begin(ready: "Ready") -> None:
    revision = ready.target.revision
    code = f"{str(revision.commit)[:8]}{' and what differed from it' if revision.patch else ''}"
    count = len(ready.target.stages)
    stages = "1 stage" if count == 1 else f"{count} stages"
    say(f"making {Paint(sys.stderr)(plain(ready.target.name), 'bold')} again · {code} · {stages}")
    for notice in ready.notices:
        say(f"warning: {plain(notice)}")


def _follow(ready: "Ready", *, quiet: bool) -> None:
    progress = lazy("outdo.cli.progress").Progress(
        ready.run, ready.tree, live=is_live(sys.stderr) and not quiet, quiet=quiet, inner=True
    )
    progress.follow()


def _tell(found: "Reproduction", *, as_markdown: bool, as_json: bool) -> None:
    if as_json:
        print(json.encode({"schema": "outdo.reproduce/1", "status": found.verdict, "data": found}).decode())
    elif as_markdown:
        print(markdown(found))
    else:
        print(f"\n{text(found, Paint(sys.stdout))}")
    if found.folder:
        sys.stdout.flush()
        say(
            f"kept in {plain(found.folder)} · to be rid of it: git worktree remove --force {plain(found.folder)}"
        )
