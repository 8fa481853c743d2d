"""`outdo show`."""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from msgspec import json

from outdo.app.project import find_root
from outdo.app.show import RunView, StageView, log_path, patch, show
from outdo.cli.columns import Cell, Column, aligned
from outdo.cli.log import MARKS, WORDS, ago
from outdo.cli.paint import Paint, plain, say
from outdo.cli.verdicts import HUES
from outdo.core.errors import Usage
from outdo.core.events import Artifact, Trial
from outdo.core.model import Value
from outdo.core.ranking import brief
from outdo.core.record import Found, StageState
from outdo.core.report.told import MARKS as OUTCOMES
from outdo.core.values import short
from outdo.core.wording import duration, phrase, size

EXAMPLES = """
\b
Examples:
  outdo show                          the last run
  outdo show 12                       the run that `outdo log` numbers 12
  outdo show last~1                   the one before the last
  outdo show 7f3a                     by the end, or the beginning, of its id
  outdo show 12 --log train           all that `train` printed
  outdo show 12 --patch | git apply   what differed from the commit
  outdo show 12 --json                for a program
"""

REPRODUCED = {"within": "within the tolerance", "failed": "could not be made again"}
STAGE_MARKS: Mapping[StageState, tuple[str, str]] = {
    "ran": ("✓", "green"),
    "restored": ("↺", "cyan"),
    "kept": ("=", "green"),
    "failed": ("✕", "red"),
    "skipped": ("⊘", "yellow"),
    "cancelled": ("⊘", "yellow"),
    "running": ("◌", "cyan"),
    "interrupted": ("!", "yellow"),
}
MANY = 40
"""How many artifacts, params and metrics are shown of each kind."""
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")


@click.command(
    epilog=EXAMPLES, help="All about one run: code, environment, stages, params, metrics, artifacts."
)
@click.argument("run", default="last")
@click.option("--log", "stage", metavar="STAGE", help="Only what this stage printed.")
@click.option("--patch", "as_patch", is_flag=True, help="Only what differed from the commit.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(run: str, stage: str | None, as_patch: bool, as_json: bool) -> int:
    if (stage is not None) + as_patch + as_json > 1:
        raise Usage("--log, --patch and --json exclude each other", fix="outdo show --help")
    root = find_root(os.curdir)
    if stage is not None:
        _print_log(log_path(root, run, stage))
    elif as_patch:
        sys.stdout.buffer.write(patch(root, run))
    elif as_json:
        print(json.encode({"schema": "outdo.show/1", "status": "ok", "data": show(root, run)}).decode())
    else:
        found = show(root, run)
        for notice in found.notices:
            say(f"warning: {notice}")
        print(_text(found, datetime.now().astimezone(), Paint(sys.stdout)))
    return 0


def _print_log(path: str) -> None:
    """The log as it is; on a terminal without what would move the cursor."""
    if not sys.stdout.isatty():
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                sys.stdout.buffer.write(block)
        return
    with open(path, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            shown = _ESCAPES.sub("", line).rstrip("\r\n").rpartition("\r")[2].expandtabs()
            print(plain(shown))


def _text(found: RunView, now: datetime, paint: Paint) -> str:
    parts = [
        _head(found, now, paint),
        _stages(found, paint),
        _values("params", ((one.stage, one.params) for one in found.stages), paint),
        _values("metrics", ((one.stage, one.metrics) for one in found.stages), paint),
        _artifacts(found.stages, paint),
        _judged(found.judged, paint),
        *(_failure(one, paint) for one in found.stages),
        "\n".join(f"{paint('warning', 'yellow')}: {plain(each)}" for each in found.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(found: RunView, now: datetime, paint: Paint) -> str:
    mark, colour = MARKS[found.status]
    took = f" in {duration(found.seconds)}" if found.finished else ""
    name = paint(plain(f"{found.project} #{found.number}"), "bold")
    started = found.started.astimezone(now.tzinfo)
    passed = ago((now - found.started).total_seconds())
    by = f" by {plain(found.user)}" if found.user else ""
    facts = [
        ("run", found.run),
        ("started", f"{started:%Y-%m-%d %H:%M:%S} ({passed}){by}"),
        ("command", plain(shlex.join(found.command))),
        ("trial", _trial(found.trial)),
        ("code", _code(found)),
        ("python", _python(found.environment or {})),
        ("machine", _machine(found.environment or {})),
        ("again", _again(found)),
    ]
    lines = [f"{paint(mark, colour, 'bold')} {name} {paint(f'{found.status}{took}', colour)}"]
    return "\n".join([*lines, *(f"  {paint(f'{word:<8}', 'dim')} {fact}" for word, fact in facts if fact)])


def _trial(trial: Trial | None) -> str:
    if trial is None:
        return ""
    settings = plain(brief(trial.settings, list(trial.settings)))
    seed = "" if trial.seed is None else f", seed {trial.seed}"
    return f"{trial.number} of {trial.of} in sweep {trial.sweep.rpartition('-')[2]}: {settings}{seed}"


def _again(found: RunView) -> str:
    if not found.reproduced:
        return ""
    last = found.reproduced[-1]
    day = f"{last.id[:4]}-{last.id[4:6]}-{last.id[6:8]}"
    times = "" if len(found.reproduced) == 1 else f", the last of {len(found.reproduced)} times"
    return plain(f"reproduced on {day}{times}: {REPRODUCED.get(last.verdict, last.verdict)}")


def _code(found: RunView) -> str:
    code = found.code
    if code.commit is None and code.patch is None:
        return "not in Git, or not recorded"
    told = code.commit[:12] if code.commit else "before the first commit"
    told += f" on {plain(code.branch)}" if code.branch else ""
    if not code.dirty:
        return told
    return f"{told}, with changes" + (f" (outdo show {found.number} --patch)" if code.patch else "")


def _python(environment: Mapping[str, Value]) -> str:
    python: Mapping[str, Any] = environment.get("python") or {}
    if not python:
        return ""
    installed = len(python.get("distributions", {})) + len(python.get("conda", {}))
    locks: Mapping[str, str] = environment.get("locks") or {}
    told = [f"{python.get('version')} ({python.get('path')})", f"{installed} packages"]
    return plain(", ".join([*told, *(f"{name} {digest[:8]}" for name, digest in locks.items())]))


def _machine(environment: Mapping[str, Value]) -> str:
    if not environment:
        return ""
    platform: Mapping[str, Any] = environment.get("platform") or {}
    cpu: Mapping[str, Any] = environment.get("cpu") or {}
    gpus: Sequence[Mapping[str, Any]] = environment.get("gpus") or []
    told = [
        platform.get("distribution") or platform.get("system", ""),
        platform.get("machine", ""),
        f"{cpu.get('usable', '?')} × {cpu.get('model', 'CPU')}",
        size(environment.get("memory", 0)),
        ", ".join(str(gpu.get("model")) for gpu in gpus) or "no GPU",
    ]
    return plain(", ".join(part for part in told if part))


def _stages(found: RunView, paint: Paint) -> str:
    rows = found.stages
    if not rows:
        return ""
    columns = [
        Column("", tuple(Cell(STAGE_MARKS[one.status][0], (STAGE_MARKS[one.status][1],)) for one in rows)),
        Column("stage", tuple(Cell(one.stage, ("bold",)) for one in rows)),
        Column(
            "", tuple(Cell(WORDS.get(one.status, one.status), (STAGE_MARKS[one.status][1],)) for one in rows)
        ),
        Column("took", tuple(Cell(_took(one.seconds, one)) for one in rows), right=True),
        Column("cpu", tuple(Cell(_took(one.cpu_seconds, one)) for one in rows), right=True),
        Column(
            "memory",
            tuple(Cell(size(one.peak_memory) if one.peak_memory else "") for one in rows),
            right=True,
        ),
        Column("why", tuple(Cell(_why(one, found), ("dim",)) for one in rows)),
    ]
    return "\n".join(aligned(columns, paint))


def _took(seconds: float, one: StageView) -> str:
    return duration(seconds) if one.status in ("ran", "failed", "restored", "cancelled") else ""


def _why(one: StageView, found: RunView) -> str:
    told = [phrase(reason) for reason in one.reasons[:3]]
    more = len(one.reasons) - len(told)
    if more > 0:
        told.append(f"{more} more")
    if one.source != found.run:
        told.append(f"computed in #{one.source_number}")
    if one.attempts > 1:
        told.append(f"attempt {one.attempts}")
    return ", ".join(told)


def _values(title: str, of: Iterable[tuple[str, Mapping[str, Value]]], paint: Paint) -> str:
    """A line for each name and value, with the stages that have it."""
    stages: dict[tuple[str, str], list[str]] = {}
    for stage, values in of:
        for name, value in values.items():
            told = f"{value:.6g}" if isinstance(value, float) else short(value, 60)
            stages.setdefault((name, told), []).append(stage)
    shown = sorted(stages)[:MANY]
    if not shown:
        return ""
    columns = [
        Column("", tuple(Cell("") for _ in shown)),
        Column("", tuple(Cell(name) for name, _ in shown)),
        Column("", tuple(Cell(told, ("cyan",)) for _, told in shown)),
        Column("", tuple(Cell(short(", ".join(stages[each]), 60), ("dim",)) for each in shown)),
    ]
    return "\n".join([paint(title, "bold"), *aligned(columns, paint), *_more(len(stages), paint)])


def _artifacts(stages: Sequence[StageView], paint: Paint) -> str:
    every = [(one.stage, each) for one in stages for each in one.artifacts]
    shown = every[:MANY]
    if not shown:
        return ""
    columns = [
        Column("", tuple(Cell("") for _ in shown)),
        Column("", tuple(Cell("→" if each.role != "dep" else "←", ("dim",)) for _, each in shown)),
        Column("", tuple(Cell(each.path) for _, each in shown)),
        Column("", tuple(Cell(each.entry.digest[:12], ("cyan",)) for _, each in shown)),
        Column("", tuple(Cell(_size(each)) for _, each in shown), right=True),
        Column(
            "",
            tuple(
                Cell(f"{'read by' if each.role == 'dep' else 'made by'} {of}", ("dim",)) for of, each in shown
            ),
        ),
    ]
    return "\n".join([paint("artifacts", "bold"), *aligned(columns, paint), *_more(len(every), paint)])


def _judged(found: Sequence[Found], paint: Paint) -> str:
    """A line for all that was judged, with what it was not passed for."""
    if not found:
        return ""
    lines = [paint("checks and gates", "bold")]
    for one in found:
        mark, colour = OUTCOMES[one.outcome], HUES[one.outcome]
        told = f"{one.outcome.replace('_', ' ')}, {one.verdicts} {'verdict' if one.verdicts == 1 else 'verdicts'}"
        told += ", known before" if one.kept else ""
        lines.append(f"  {paint(mark, colour)} {plain(one.subject)}  {paint(told, 'dim')}")
        lines += [f"      {plain(short(why, 110))}" for why in one.why]
    return "\n".join(lines)


def _verb(artifact: Artifact) -> str:
    return "read by" if artifact.role == "dep" else "made by"


def _size(artifact: Artifact) -> str:
    entry = artifact.entry
    return size(entry.size) + (f" in {entry.files} files" if entry.kind == "tree" else "")


def _more(count: int, paint: Paint) -> list[str]:
    return [paint(f"  … {count - MANY} more: --json has them all", "dim")] if count > MANY else []


def _failure(one: StageView, paint: Paint) -> str:
    if not one.failure and one.status not in ("interrupted", "running"):
        return ""
    mark, colour = STAGE_MARKS[one.status]
    told = plain(one.failure) or WORDS.get(one.status, one.status)
    lines = [f"{paint(mark, colour, 'bold')} {paint(plain(one.stage), 'bold')}: {told}"]
    lines += [f"  {paint('|', colour)} {plain(line)[:300]}" for line in one.tail]
    lines += [paint(f"  whole log: {os.path.relpath(one.log)}", "dim")] if one.log else []
    return "\n".join(lines)
