"""What a run would do, and why: the verbs `plan` and `status`."""

from collections.abc import Mapping

from msgspec import Struct

from outdo.app.lazy import lazy
from outdo.app.project import Project
from outdo.core.model import Action, Plan, StageName
from outdo.core.plan import Request, needed, plan, select


def make_plan(project: Project, request: Request) -> Plan:
    """The plan for what is asked, from what is there now; raises `UserError`s for what can't be planned."""
    paths, params = needed(project.graph, select(project.graph, request))
    return plan(project.graph, project.facts(paths, params), request)


def nothing_to_do(made: Plan) -> bool:
    """Whether every stage is fresh."""
    return all(action.verb == "keep" for action in made.actions)


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
