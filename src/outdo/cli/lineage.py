"""The way back as a tree: below each artifact the stage run that made it, and below that what it read."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from outdo.app.trace import Source, Trace, Traced, TracedRun
from outdo.cli.paint import Paint, plain
from outdo.core.model import Value
from outdo.core.values import short
from outdo.core.wording import size

FEW = 5
"""How many params of a stage are told on its line."""


def tree(found: Trace, paint: Paint, title: str = "") -> Iterator[str]:
    """The lines of the tree; `title` stands for the first artifact."""
    shown: set[int] = set()
    told: set[tuple[str, str]] = set()
    todo: list[tuple[int, str, str]] = [(0, "", "")]
    """Place, what stands before its line, and before those below it."""
    while todo:
        place, before, below = todo.pop()
        one = found.artifacts[place]
        head = title if title and place == 0 else _artifact(one, paint)
        if place in shown:
            yield f"{before}{head}{paint(' (see above)', 'dim') if one.run else ''}"
            continue
        shown.add(place)
        yield f"{before}{head}"
        if one.run is None or one.stage is None:
            continue
        inner = f"{below}   "
        stage = f"{below}{paint('└─', 'dim')} {paint(plain(one.stage), 'green')}"
        if (one.run, one.stage) in told:
            yield f"{stage}  {paint('as above', 'dim')}"
            continue
        run = found.runs[one.run]
        known = any(one.run == id_ for id_, _ in told)
        yield f"{stage}  {paint(f'run {run.number}', 'dim') if known else run_line(run, paint)}"
        told.add((one.run, one.stage))
        if one.params:
            branch = "├─" if one.made_of else "└─"
            yield f"{inner}{paint(branch, 'dim')} params {paint(_params(one.params), 'cyan')}"
        last = one.made_of[-1:] and one.made_of[-1]
        for each in reversed(one.made_of):
            branch, bar = ("└─ ", "   ") if each == last else ("├─ ", "│  ")
            todo.append((each, f"{inner}{paint(branch, 'dim')}", f"{inner}{paint(bar, 'dim')}"))


def run_line(run: TracedRun, paint: Paint) -> str:
    """Which run, when, with which code and environment."""
    parts = [f"run {run.number}", f"{run.started.astimezone():%Y-%m-%d %H:%M}", code(run)]
    if run.python:
        parts.append(f"Python {run.python}, {run.packages} packages")
    return paint(plain(" · ".join(parts)), "dim")


def code(run: TracedRun) -> str:
    """The code of a run, in words."""
    if run.commit is None:
        return "not in Git"
    return f"commit {run.commit[:8]}" + (" with changes" if run.dirty else "")


def when(moment: datetime) -> str:
    """A time as it is on this machine's clock."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def amount(one: Traced) -> str:
    """How large an artifact is."""
    files = (
        f" in {one.entry.files} file{'' if one.entry.files == 1 else 's'}" if one.entry.kind == "tree" else ""
    )
    return size(one.entry.size) + files


def _artifact(one: Traced, paint: Paint) -> str:
    path = plain(one.path) or "files"
    name = paint(path, "bold") if one.run else path
    facts = [paint(one.entry.digest[:12], "cyan"), paint(amount(one), "dim")]
    if one.source is not None:
        facts.append(_source(one.source, paint))
    return "  ".join([name, *filter(None, facts)])


def _params(params: Mapping[str, Value]) -> str:
    told = [f"{name}={short(value, 24)}" for name, value in list(params.items())[:FEW]]
    more = len(params) - len(told)
    return plain(" ".join([*told, *([f"and {more} more"] if more > 0 else [])]))


def _source(source: Source, paint: Paint) -> str:
    match source.kind:
        case "code":
            return paint("as committed", "dim")
        case "changed":
            return paint("differs from the commit", "yellow")
        case "tracked":
            origin = source.origin
            told = f"tracked by {source.pointer}"
            if origin is not None:
                state = origin.commit[:8] or origin.rev or origin.etag
                told = f"imported from {origin.url}{f' {origin.path}' if origin.path else ''}"
                told += f" at {state}" if state else ""
            return paint(plain(told), "dim")
        case _:
            return paint("from outside: nothing on record made it", "yellow")


def sources(found: Trace) -> Sequence[Traced]:
    """What the way ends at."""
    return [one for one in found.artifacts if one.run is None]
