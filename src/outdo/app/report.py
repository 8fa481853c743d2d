"""What was judged in one call, for those who want it told, and files of it."""

import os
import tempfile
from collections.abc import Iterator, Sequence

from outdo.app.check import check
from outdo.app.checked import Checked, JudgedModel
from outdo.app.lazy import lazy
from outdo.app.project import Project, declared, open_project
from outdo.core.report.told import Judged, Report
from outdo.core.rules import Drift

DRAWN = 12
"""Columns of a table whose drift is drawn, those that moved furthest."""


def report(start: str = ".", words: Sequence[str] = (), *, force: bool = False) -> Report:
    """The verdicts on all that the file speaks of, or on the paths and models named; with `force` also on what was
    judged before. Raises `NothingToCheck`."""
    found = tuple(map(_judged, check(start, words, force=force)))
    return Report(open_project(start).pipeline.project, found)


def html(start: str, made: Report, told: str) -> str:
    """A report as one page, its charts drawn from the data that were judged; `told` is the line below its title."""
    project = open_project(start)
    charts = {one.name: list(_charts(project, one)) for one in made.judged}
    page: str = lazy("outdo.core.report.page").report_page(made, charts, told)
    return page


def results(start: str, made: Report) -> str:
    """The verdicts on suites of Great Expectations as JSON in its own form."""
    project = open_project(start)
    told: str = lazy("outdo.app.suites").results(project, [one for one in made.judged if one.kind == "data"])
    return told


def _judged(one: Checked | JudgedModel) -> Judged:
    if isinstance(one, Checked):
        return Judged("data", one.path, one.outcome, one.seconds, one.verdicts, kept=one.kept)
    return Judged(
        "model", one.model, one.outcome, one.seconds, one.verdicts, one.champion, one.kept, one.models
    )


def _charts(project: Project, one: Judged) -> Iterator[object]:
    figures = lazy("outdo.core.report.figures")
    if one.kind == "data":
        yield from _drift(project, one)
        return
    rows, champion = lazy("outdo.app.judged").both(project, one.name)
    if not isinstance(rows, str):
        yield from figures.of_scores(one.name, rows.predicted, champion)
    yield from figures.of_verdicts(one)


def _drift(project: Project, one: Judged) -> Iterator[object]:
    """The columns whose drift was judged, over what they were held against, with what was said of them."""
    said: dict[str, dict[str, list[str]]] = {}
    judged = [
        verdict for verdict in one.verdicts if verdict.name.startswith("drift ") and verdict.evidence.compared
    ]
    for verdict in sorted(judged, key=lambda verdict: -(verdict.evidence.value or 0.0))[:DRAWN]:
        _, distance, column = verdict.name.split(" ", 2)
        columns = said.setdefault(verdict.evidence.compared, {})
        columns.setdefault(column, []).append(f"{distance}: {verdict.reason}")
    asserted = declared(project).checks.get(one.name, ())
    partly = {each.check.against for each in asserted if isinstance(each.check, Drift) and each.where}
    with tempfile.TemporaryDirectory() as room:
        known = lazy("outdo.app.references").references(project, one.name, asserted, room) if said else {}
        for before, columns in said.items():
            there = known.get(before, os.path.join(project.root, before))
            if before in partly or not isinstance(
                there, str
            ):  # of some rows alone, all of them would mislead
                continue
            tables = os.path.join(project.root, one.name), there
            found = lazy("outdo.run.histograms").histograms(*tables, columns, (one.name, before))
            yield from map(lazy("outdo.core.charthistogram").histogram, found)
