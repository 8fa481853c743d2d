"""`outdo gc`."""

import os
import sys
from collections.abc import Iterator, Sequence

import click
from msgspec import json

from outdo.app.collect import RUNS, Asked, Survey, collect, survey
from outdo.app.collect_remote import GRACE, Collection, There
from outdo.app.leftovers import Leftover, clear
from outdo.app.project import open_project
from outdo.cli.paint import Paint, is_live, plain, say
from outdo.core.keeping import Span
from outdo.core.wording import size
from outdo.store.collect import Waste

EXAMPLES = """
\b
Examples:
  outdo gc                            what would go, and what stays for whose sake; then asks
  outdo gc --yes                      removes it
  outdo gc --all-branches --runs 5    keeps less: the tips of branches, and the five newest runs
  outdo gc --keep-best auc            and the best run, however old it is
  outdo gc --remote team              what would go at a remote; run `git fetch --all` first
"""


@click.command(
    epilog=EXAMPLES,
    help="Free space: remove from the store what no commit, run, model or workspace needs.\n\n"
    "By default whatever any commit of any branch, tag, stash or reflog names is kept, and the newest runs.",
)
@click.option("--rev", "-r", "revisions", multiple=True, metavar="REV", help="Of the history, keep this.")
@click.option(
    "--all-branches", "-a", "branches", is_flag=True, help="Of the history, keep the branches' tips."
)
@click.option("--all-tags", "-T", "tags", is_flag=True, help="Of the history, keep the tags.")
@click.option("--all-commits", "-A", "commits", is_flag=True, help="Of the history, keep all; the default.")
@click.option(
    "--runs",
    "-n",
    type=click.IntRange(0),
    default=RUNS,
    metavar="N",
    help=f"Keep the newest N runs, a sweep being one; {RUNS} by default.",
)
@click.option("--keep-run", "named", multiple=True, metavar="RUN", help="Keep this run too.")
@click.option(
    "--keep-best", "best", multiple=True, metavar="METRIC", help="Keep the best run of a metric too."
)
@click.option(
    "--forget",
    multiple=True,
    metavar="PROJECT",
    help="The folder of a project that used this store, and is gone for good; at a remote its name.",
)
@click.option("--remote", metavar="NAME", help="At this remote, in place of the store.")
@click.option(
    "--grace",
    type=click.IntRange(0),
    metavar="DAYS",
    help=f"At a remote, keep what is newer; {GRACE} days by default.",
)
@click.option("--dry", is_flag=True, help="Only say what would go.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; removes nothing without --yes.")
def command(
    revisions: tuple[str, ...],
    branches: bool,
    tags: bool,
    commits: bool,
    runs: int,
    named: tuple[str, ...],
    best: tuple[str, ...],
    forget: tuple[str, ...],
    remote: str | None,
    grace: int | None,
    dry: bool,
    yes: bool,
    as_json: bool,
) -> int:
    asked = Asked(Span(revisions, branches, tags, commits), runs, named, best, forget)
    project = open_project(os.curdir)
    if grace is not None and remote is None:
        raise click.UsageError("--grace is for a --remote: here nothing goes that a process may need")
    there = None if remote is None else There(remote, GRACE if grace is None else grace)
    far = None if there is None else Collection(project, asked, there)
    found = far.survey if far else survey(project, asked)
    waste = found.waste
    if not as_json:
        paint = Paint(sys.stdout)
        extra = _there(far, there, paint) if far and there else ()
        print("\n".join([*_lines(found, asked, paint), *extra]), flush=True)
    any_waste = bool(waste.objects or waste.recipes or waste.results or found.folders)
    removes = any_waste and not dry and (yes or _agreed(as_json))
    gone, folders = Waste(), list[Leftover]()
    if removes:
        gone = far.carry_out() if far else collect(project, asked, found)
        folders = clear(project, found.folders)
    if as_json:
        would, removed = _data(waste, found.folders), _data(gone, folders)
        data = {"would": would, "removed": removed, "kept": waste.kept, "projects": found.projects}
        print(json.encode({"schema": "outdo.gc/1", "status": "ok", "data": data}).decode())
    elif removes:
        say(f"{Paint(sys.stderr)('✓', 'green')} removed {_amount(gone, folders)}")
    elif any_waste and not dry:
        say(f"nothing was removed · next: outdo gc{f' --remote {plain(remote)}' if remote else ''} --yes")
    return 0


def _agreed(as_json: bool) -> bool:
    """Whether a person at a terminal says yes."""
    if as_json or not (is_live(sys.stdout) and sys.stdin.isatty()):
        return False
    return click.confirm("remove it?", default=False)


def _lines(found: Survey, asked: Asked, paint: Paint) -> Iterator[str]:
    span = asked.span
    parts = ["every commit"] if span.all else []
    if not span.all:
        parts += [f"`{plain(word)}`" for word in span.revisions]
        parts += ["the branches' tips"] * span.branches + ["the tags"] * span.tags
    runs = f"{found.runs} of {found.of_runs} runs" if found.of_runs else ""
    models = f"every version of {', '.join(map(plain, found.models))}" if found.models else ""
    named = list(filter(None, ["the workspace", *parts, runs, models]))
    kept = f"{', '.join(named[:-1])} and {named[-1]}" if named[1:] else named[0]
    need = "need" if named[1:] else "needs"
    yield f"{paint('kept', 'green')}  {_count(found.waste.kept, 'object')}: what {kept} {need}"
    for folder in found.projects:
        yield f"      and whatever {plain(folder)} needs, which uses this store too"
    if found.working:
        pids = ", ".join(str(one.pid) for one in sorted(found.working, key=lambda one: one.since))
        yield f"      and all results, as others work with the store now (process {pids})"
    yield f"{paint('goes', 'yellow')}  {_amount(found.waste, found.folders)}"
    if found.waste.shared:
        told = f"{size(found.waste.shared)} of that are one with files in a workspace"
        yield f"      {told}, and free once those are gone too"


def _there(far: Collection, there: There, paint: Paint) -> Iterator[str]:
    """What is to be known of a remote beside that."""
    days = "1 day" if there.days == 1 else f"{there.days:g} days"
    yield f"{paint('at', 'cyan')}    {plain(far.remote.url)}, where all stays that is newer than {days}"
    yield "      only what this clone knows counts: git fetch --all, so that no branch of a colleague's is forgotten"


def _amount(waste: Waste, folders: Sequence[Leftover] = ()) -> str:
    parts: list[str] = []
    if waste.objects or waste.results:
        parts.append(f"{_count(len(waste.objects), 'object')} ({size(waste.size)})")
    parts += [f"{_count(len(waste.results), 'result')} of the run cache"] if waste.results else []
    for kind in dict.fromkeys(one.kind for one in folders):
        some = [one.size for one in folders if one.kind == kind]
        parts.append(f"{_count(len(some), kind)} ({size(sum(some))})")
    return ", ".join(parts) or "nothing"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _data(waste: Waste, folders: Sequence[Leftover]) -> dict[str, int]:
    return {
        "objects": len(waste.objects),
        "size": waste.size,
        "results": len(waste.results),
        "folders": len(folders),
        "folders_size": sum(one.size for one in folders),
    }
