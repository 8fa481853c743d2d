"""The verb `reproduce`: a work tree at the commit, its data in it, its stages run, what came out judged."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import gmtime, monotonic, strftime, time
from typing import Literal

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from outdo.app.plan import make_plan
from outdo.app.project import FILES, Project
from outdo.app.reproduce.inputs import put_inputs
from outdo.app.reproduce.judge import Made, judge
from outdo.app.reproduce.kept import FOLDER, REPORT
from outdo.app.reproduce.reasons import changed_inputs, reasons
from outdo.app.reproduce.target import Target, find_target, models_in, narrowed
from outdo.app.run import Options, Result, Run
from outdo.core.causes import changed_words, environment_changes
from outdo.core.compare import ValueChange
from outdo.core.errors import NoReproduction, UserError
from outdo.core.model import Digest, Value
from outdo.core.plan import Request
from outdo.core.reproduction import Judged, Reproduction, Tolerance, unknown_metrics, worst
from outdo.run.checkout import check_out
from outdo.run.environment import editable, read_environment
from outdo.run.git import in_repository
from outdo.run.worktree import remove_worktree
from outdo.store.atomic import write_atomic
from outdo.store.turn import Holder, Turn

_MOST_NAMED = 4


class Asked(Struct, frozen=True):
    """What is to be made again, and how."""

    word: str
    stages: tuple[str, ...] = ()
    """Only these and what leads to them; none means all."""
    tolerance: Tolerance = Tolerance()
    keep: str = ""
    """A folder that the work tree is made in, and stays in."""
    jobs: int | None = None
    sandbox: bool = False
    command: tuple[str, ...] = ()


class Ready(Struct, frozen=True):
    """All is in place: carry `run` out, then ask `report` what came of it."""

    project: Project
    tree: Project
    target: Target
    asked: Asked
    run: Run
    folder: str
    notices: tuple[str, ...]
    started: float

    def report(self) -> Reproduction:
        """What came out beside what is on record; it is written down beside the logs."""
        result = self.run.result
        made = Made(
            self.project, self.tree, self.target, result.stages, models_in(self.tree), self.asked.tolerance
        )
        outputs = judge(made)
        before, after = _recorded(self.project, self.target), self._environment()
        changed = changed_inputs(self.project, self.tree, self.target, result.stages)
        commit = self.target.revision.commit
        assert commit is not None
        found = Reproduction(
            name=self.target.name,
            commit=commit,
            patched=bool(self.target.revision.patch),
            run=self.target.run.id if self.target.run else None,
            verdict=_verdict(outputs, result),
            tolerance=self.asked.tolerance,
            outputs=outputs,
            failures={stage.stage: stage.failure for stage in result.failed},
            causes=reasons(made, outputs, changed, before, after),
            environment=environment_changes(before, after),
            notices=(*self.notices, *_unknown(self.asked.tolerance, outputs, result)),
            seconds=round(monotonic() - self.started, 3),
            folder=self.tree.root if self.asked.keep else "",
        )
        write_atomic(os.path.join(self.tree.home, REPORT), json.encode(found))
        return found

    def _environment(self) -> Mapping[str, Value] | None:
        captured = self.run.captured
        return _environment(self.project, captured.environment if captured else None)


@contextmanager
def prepared(project: Project, asked: Asked, waiting: Callable[[Holder | None], None]) -> Iterator[Ready]:
    """A work tree with all that is needed in it, which is gone at the end unless it is to be kept.

    Before anything runs raises `UnknownRevision`, or `NoReproduction` for what is lost. Nothing of the user's
    workspace is changed, whatever happens."""
    if not in_repository(project.root):
        raise NoReproduction("this needs the code's history, and there is no Git repository", fix="git init")
    target = find_target(project, asked.word)
    started = monotonic()
    with Turn(os.path.join(project.home, "reproduce.turn"), " ".join(asked.command), waiting):
        folder = _folder(project, asked.keep)
        if not asked.keep:
            remove_worktree(project.root, folder)  # what a killed one has left
        root = check_out(project.root, folder, target.revision)
        try:
            yield _ready(project, _open(project, root, target), target, asked, folder, started)
        except BaseException:
            remove_worktree(project.root, folder)
            raise
        if not asked.keep:
            remove_worktree(project.root, folder)


def _folder(project: Project, keep: str) -> str:
    if not keep:
        return os.path.join(project.home, "worktrees", "reproduce")
    folder = os.path.abspath(os.path.expanduser(keep))
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise NoReproduction(
            f"'{keep}' is there already, and not empty", fix="--keep a folder that is not there"
        )
    return folder


def _open(project: Project, root: str, target: Target) -> Project:
    file = next((name for name in FILES if os.path.isfile(os.path.join(root, name))), None)
    if file is None:
        raise NoReproduction(f"there is no {FILES[0]} in {target.name}", fix="name another run or commit")
    own = f"{strftime('%Y%m%d-%H%M%S', gmtime(time()))}-{os.urandom(2).hex()}"
    try:
        return Project(root, file, os.path.join(project.home, FOLDER, own), project)
    except UserError as error:
        first = getattr(error, "mistakes", (error,))[0]
        what = f"the pipeline of {target.name} can't be read: {first.what} ({first.where})"
        raise NoReproduction(what, fix="name another run or commit") from None


def _ready(
    project: Project, tree: Project, target: Target, asked: Asked, folder: str, started: float
) -> Ready:
    target, notices = _chosen(tree, target, asked)
    put_inputs(project, tree, target)
    request = Request(tuple(target.stages), single=True, force=True)
    try:
        plan = replace(make_plan(tree, request), checks=())  # whether data is good is another question
    except UserError as error:
        first = getattr(error, "mistakes", (error,))[0]
        raise NoReproduction(f"{target.name} can't be planned: {first.what}", fix=first.fix) from None
    options = Options(force=True, jobs=asked.jobs, sandbox=asked.sandbox, command=asked.command, remote=False)
    told = (*target.notices, *notices, *_installed(project, tree, target))
    return Ready(project, tree, target, asked, Run(tree, plan, options), folder, told, started)


def _chosen(tree: Project, target: Target, asked: Asked) -> tuple[Target, list[str]]:
    """The stages that can be made again, of those that were asked for."""
    graph = tree.graph
    notices = []
    known = [name for name in target.stages if name in graph.stages]
    notices += [f"the pipeline has no stage '{name}'" for name in target.stages if name not in graph.stages]
    frozen = [name for name in known if graph.stages[name].frozen]
    notices += [f"'{name}' is frozen, so its outputs are taken as they are" for name in frozen]
    wanted = graph.above(graph.named(asked.stages)) if asked.stages else set(known)
    chosen = [name for name in graph.stages if name in wanted and name in known and name not in frozen]
    if not chosen:
        raise NoReproduction(
            f"none of its stages is in {target.name}", fix=f"it has: {', '.join(target.stages)}"
        )
    return narrowed(target, chosen), notices


def _installed(project: Project, tree: Project, target: Target) -> list[str]:
    """What differs in the interpreter that stages without an environment of their own will run in."""
    if all(tree.graph.stages[name].packages for name in target.stages):
        return []
    notices = [
        f"'{name}' is installed as editable from {folder}, so stages import the code that is there now"
        for name, folder in editable(tree.root, os.environ).items()
        if f"{tree.root}/".startswith(f"{folder}/")
    ]
    before = _recorded(project, target)
    if before is None:
        return [*notices, "what was installed then is not on record; stages run in what is installed here"]
    changes = environment_changes(before, read_environment(tree.root, os.environ))
    told = [one for one in changes if one.name.startswith(("python", "distribution "))]
    if told:
        notices.append(f"stages run in what is installed here, which is not what was: {named(told)}")
    return notices


def named(changes: list[ValueChange]) -> str:
    """The first of some changes, and how many more there are."""
    more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    return ", ".join(changed_words(one) for one in changes[:_MOST_NAMED]) + more


def _recorded(project: Project, target: Target) -> Mapping[str, Value] | None:
    return _environment(project, target.run.environment if target.run else None)


def _environment(project: Project, digest: Digest | None) -> Mapping[str, Value] | None:
    if digest is None:
        return None
    try:
        found: dict[str, Value] = json.decode(project.objects.get(digest), type=dict[str, Value])
    except (UserError, DecodeError):
        return None
    return found


def _verdict(
    outputs: tuple[Judged, ...], result: Result
) -> Literal["identical", "within", "differs", "failed"]:
    if result.failed or not result.ok:
        return "failed"
    found = worst(one.verdict for one in outputs)
    return "failed" if found == "missing" else found


def _unknown(tolerance: Tolerance, outputs: tuple[Judged, ...], result: Result) -> list[str]:
    known = {name for stage in result.stages.values() for name in stage.metrics}
    known |= {change.name for one in outputs if one.table for change in one.table.changes}
    return [
        f"--tolerance names '{name}', and no number is called so"
        for name in unknown_metrics(tolerance, known)
    ]
