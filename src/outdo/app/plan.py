"""What a run would do, and why: the verbs `plan` and `status`."""

from collections.abc import Mapping
from time import time

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.core.checknodes import chosen, halted, planned
from outdo.core.model import Action, Digest, Key, Plan, StageName
from outdo.core.paths import file_of
from outdo.core.plan import Request, needed, plan, select


def make_plan(project: Project, request: Request) -> Plan:
    """The plan for what is asked, from what is there now; raises `UserError`s for what can't be planned."""
    project.refuse_bad_locks()
    graph, selected = project.graph, select(project.graph, request)
    paths, params = needed(graph, selected)
    checks = chosen(graph, project.pipeline.checks, selected) if project.pipeline.checks else {}
    paths += [path for one, all_of in checks.items() for path in (file_of(one), *all_of.beside)]
    facts = project.facts(paths, params)
    made = plan(graph, facts, request)
    if not checks:
        return made
    known = _unknown if request.force else project.judgements.get
    inspections = planned(graph, checks, made.actions, facts.entries, known, time())
    return halted(graph, replace(made, checks=inspections))


def _unknown(_digest: Digest, _key: Key) -> None:
    """Nothing is known of data that is to be looked at again."""


def nothing_to_do(made: Plan) -> bool:
    """Whether every stage is fresh, and all data is known to be as it has to be."""
    stages = all(action.verb == "keep" for action in made.actions)
    return stages and all(one.verb == "keep" and not one.stops for one in made.checks)


def take_in(project: Project, made: Plan) -> None:
    """Writes down what a plan with nothing to do has found: a former run may have been killed before it could, files
    may have been looked at for the first time, and `dvc.lock` may say something else."""
    records = dict(project.lock.records)
    records.update({action.stage: action.record for action in made.actions if action.record is not None})
    project.lock.save({name: record for name, record in records.items() if name in project.graph.stages})
    project.remember()
    if not project.dvc_knows:
        lazy("outdo.app.data.stale").keep_changed(project)
        project.tell_dvc()


class Status(Struct, frozen=True):
    """Where a project stands: its plan, and what it was built from."""

    project: str
    root: str
    plan: Plan

    @property
    def fresh(self) -> bool:
        return nothing_to_do(self.plan)

    @property
    def actions(self) -> Mapping[StageName, Action]:
        return {action.stage: action for action in self.plan.actions}


def status(project: Project, request: Request = Request()) -> Status:  # noqa: B008  a frozen value
    """Where the project stands."""
    made = make_plan(project, request)
    project.remember()
    return Status(project.pipeline.project, project.root, made)
