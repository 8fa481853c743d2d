"""Suites of Great Expectations that checks name: read from their files, and their verdicts told in its form."""

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import MsgspecError, json
from msgspec.structs import replace

from outdo.app.engines import own as own_environment
from outdo.app.project import Project, declared
from outdo.core.probes import Kinds, Probe
from outdo.core.report.told import Judged
from outdo.core.rules import Asserted, Expectations
from outdo.core.verdict import Verdict
from outdo.core.version import VERSION
from outdo.integrations.gx.asking import asked
from outdo.integrations.gx.engine import (
    REQUIREMENTS,
    WORKER,
    Answer,
    Wanted,
    answered,
    unanswered,
    wanted,
)
from outdo.integrations.gx.question import Left
from outdo.integrations.gx.results import checkpoint_result, gx_result
from outdo.integrations.gx.suite import LARGEST, BadSuite, Suite, read_suite
from outdo.run.exporting import export_rows
from outdo.run.outside import Outside, Said, run_outside

SECONDS = 600.0
"""How long Great Expectations may take."""

Ask = Callable[[Asserted, Kinds], list[Probe | Verdict]]


def suites(root: str, asserted: Sequence[Asserted]) -> dict[str, Ask]:
    """What the suites that checks name ask of a table, by their paths; one that can't be read asks nothing, and says so
    in one verdict."""
    named = {each.check.path for each in asserted if isinstance(each.check, Expectations)}
    return {path: partial(_ask, _read(root, path), path) for path in named}


def _read(root: str, path: str) -> Suite | str:
    """The suite at a path, or why it is none."""
    try:
        with open(os.path.join(root, path), "rb") as file:
            return read_suite(file.read(LARGEST + 1))
    except OSError as error:
        return f"'{path}' can't be read: {(error.strerror or 'it is no file').lower()}"
    except BadSuite as error:
        return f"'{path}' can't be read as a suite: {error}"


def _ask(suite: Suite | str, path: str, asserted: Asserted, kinds: Kinds) -> list[Probe | Verdict]:
    if isinstance(suite, str):
        return [Verdict(f"expectations {path}", "not_evaluated", suite, level=asserted.level)]
    return asked(suite, asserted, path, kinds)


def settled(project: Project, file: str, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on the table at the absolute path `file`, those that are left to Great Expectations by it: in an
    environment of its own, which is built the first time. Where that fails they are not evaluated, with the reason."""
    left = [one for one in verdicts if isinstance(one, Left)]
    if not left:
        return list(verdicts)
    answers = _by_gx(project, file, left)
    if isinstance(answers, str):
        found = [unanswered(one, answers) for one in left]
    else:
        found = [answered(one, answer) for one, answer in zip(left, answers, strict=True)]
    turn = iter(found)
    return [replace(next(turn), doubt=one.doubt) if isinstance(one, Left) else one for one in verdicts]


def _by_gx(project: Project, file: str, left: Sequence[Left]) -> list[Answer] | str:
    """What Great Expectations answers to each, or why it does not."""
    with open(REQUIREMENTS, "rb") as opened:
        built = own_environment(project, "great-expectations", opened.read())
    if isinstance(built, str):
        return built
    with tempfile.TemporaryDirectory() as room:
        scopes = list(dict.fromkeys(one.scope for one in left))
        tables = {scope: os.path.join(room, f"rows{place}.parquet") for place, scope in enumerate(scopes)}
        if problem := export_rows(file, {tables[scope]: scope for scope in scopes}, room):
            return problem
        asked_of: dict[str, Suite | str] = {one.subject: _read(project.root, one.subject) for one in left}
        requests = [_request(asked_of[one.subject], one, tables[one.scope]) for one in left]
        request, answer = os.path.join(room, "request.json"), os.path.join(room, "answer.json")
        with open(request, "wb") as opened:
            opened.write(json.encode(requests))
        python = os.path.join(built.folder, "bin", "python")
        words = (python, "-I", WORKER, request, answer)
        shown = (built.folder, os.path.dirname(WORKER))
        said = run_outside(Outside(words, room, {"HOME": room}, SECONDS, shown, (room,)))
        return _answers(answer, len(left), said)


def _request(suite: Suite | str, left: Left, table: str) -> Wanted:
    if isinstance(suite, str) or left.place >= len(suite.expectations):  # the file was written to meanwhile
        return Wanted(table, {"type": "", "kwargs": {}})
    return wanted(suite.expectations[left.place], table)


def _answers(file: str, count: int, said: Said) -> list[Answer] | str:
    if said.code != 0:
        return said.last_line[:200]
    try:
        with open(file, "rb") as opened:
            found = json.decode(opened.read(), type=list[Answer])
    except (OSError, MsgspecError) as error:
        return f"its answer can't be read: {error}"
    return found if len(found) == count else "its answer is of something else"


def results(project: Project, judged: Sequence[Judged]) -> str:
    """The verdicts on suites as JSON in the form of Great Expectations, one validation for each suite of each path."""
    checks = declared(project).checks
    found = [each for one in judged for each in told_as_gx(project.root, one, checks.get(one.name, ()))]
    return json.format(json.encode(checkpoint_result(found)), indent=2).decode() + "\n"


def told_as_gx(root: str, judged: Judged, asserted: Sequence[Asserted]) -> list[dict[str, Any]]:
    """Validation results in the form of Great Expectations, one for each check of a path that names a suite. One
    without verdicts of its own has only exceptions in it."""
    found: list[dict[str, Any]] = []
    named = [each.check.path for each in asserted if isinstance(each.check, Expectations)]
    for place, path in enumerate(named):
        suite = _read(root, path)
        if isinstance(suite, str):
            suite = Suite(path, ())
        size, before = len(suite.expectations), named[:place].count(path)
        own = [one for one in judged.verdicts if one.subject == path]
        if len(own) == size * named.count(path):
            own = own[before * size :][:size]
        else:
            reason = judged.verdicts[0].reason if judged.verdicts else "there is no verdict"
            own = [Verdict(each.title, "not_evaluated", reason) for each in suite.expectations]
        found.append(gx_result(suite, own, path=judged.name, version=VERSION))
    return found
