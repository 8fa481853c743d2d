"""The champion scored: the evaluating stage run with one dependency replaced, in a work tree of its own.

Its result is kept by its key like any other, so it is computed once for a champion on the same data by the same code.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

from outdo.app.gated import Unscored
from outdo.app.plan import make_plan
from outdo.app.project import Project
from outdo.app.run import Options, watch_for
from outdo.app.trial import lend
from outdo.core.errors import UserError
from outdo.core.events import AnyEvent, StageFinished
from outdo.core.graph import is_url
from outdo.core.model import Action, Plan, RunId
from outdo.core.plan import Request
from outdo.run.budget import Budget, measure
from outdo.run.building import Environments
from outdo.run.execute import Engine, Order
from outdo.run.git import Refused
from outdo.run.ports import Cancel, Executor
from outdo.run.workbench import Folders, Stores, Workbench
from outdo.run.worktree import make_worktree, remove_worktree

FOLDER = "champions"
"""In the project's folder for state: the logs of what scored champions, and `TREES`."""
TREES = "champions/trees"
TURN = "champions/turn"
"""Locked by the one that scores, which is told from what was killed by that."""
_LOOK_AGAIN = 0.1


class Scorer:
    """Scores champions for one run."""

    def __init__(self, project: Project, run: RunId, executor: Executor, cancel: Cancel) -> None:
        self._project = project
        self._run = run
        self._executor = executor
        self._cancel = cancel

    def __call__(self, wanted: Unscored) -> str:
        """Has the champion scored; returns why that failed, nothing where its result is known now."""
        project = self._project
        try:
            with self._turn(), _tree(project, self._run) as tree:
                _lay_out(project, tree, wanted)
                return self._evaluate(tree, wanted)
        except Refused as refused:
            return f"no work tree could be made for it: {refused}"
        except UserError as error:
            return error.what
        except OSError as error:
            return str(error)

    def log(self, wanted: Unscored) -> str:
        """The file that receives what the evaluating stage prints."""
        return os.path.join(self._folder, "logs", self._run, f"{wanted.stage.name}.log")

    @property
    def _folder(self) -> str:
        return os.path.join(self._project.home, FOLDER)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Waits until nobody else scores a champion here, or a stop is asked for."""
        os.makedirs(self._folder, exist_ok=True)
        fd = os.open(os.path.join(self._project.home, TURN), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            while not self._cancel.requested:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    sleep(_LOOK_AGAIN)
            yield
        finally:
            os.close(fd)

    def _evaluate(self, tree: Project, wanted: Unscored) -> str:
        stage = wanted.stage.name
        made = make_plan(tree, Request((stage,), single=True))
        [action] = made.actions
        if action.key != wanted.key:
            return f"what '{stage}' reads can't be put in place as it was"
        engine = self._engine(tree, action)
        self._cancel.watch(engine.stop)
        try:
            ended = _end(engine.events())
        finally:
            self._cancel.forget(engine.stop)
        if engine.status == "interrupted" and not self._cancel.requested:
            raise KeyboardInterrupt
        self._project.objects.sync()
        if ended is None or ended.status in ("ran", "restored", "kept"):
            return "" if self._project.results.get(wanted.key) else "its result is not one that is kept"
        return f"stage '{stage}' failed: {ended.failure}" if ended.failure else "it was stopped"

    def _engine(self, tree: Project, action: Action) -> Engine:
        bring = tree.adopted.bring if tree.adopted else None
        environments = Environments(tree.root, tree.environments, os.environ)
        stores = Stores(tree.workspace, tree.objects, tree.results, None, bring, environments)
        bench = Workbench(Folders(tree.root, self._folder, tree.dvc_root), stores, self._executor)
        order = Order(self._run, tree.graph, Plan((action,)))
        watch = watch_for(tree, [tree.graph.stages[action.stage]], Options())
        return Engine(order, tree, bench, Budget(measure()), watch)


def _end(events: Iterator[AnyEvent]) -> StageFinished | None:
    """How the one stage ended."""
    return next((one for one in reversed(list(events)) if isinstance(one, StageFinished)), None)


@contextmanager
def _tree(project: Project, run: RunId) -> Iterator[Project]:
    """A work tree of the code as it stands, without what stages write; it is gone at the end, and so is what a killed
    one has left. Raises `Refused`."""
    written = [out.path for stage in project.pipeline.stages for out in stage.outs if out.cache]
    above = os.path.join(project.home, TREES)
    folder = os.path.join(above, run)
    try:
        for left in os.listdir(above) if os.path.isdir(above) else ():
            remove_worktree(project.root, os.path.join(above, left))
        root = make_worktree(project.root, folder, written)
        lend(project.state, os.path.join(root, os.path.basename(project.state)))
        yield Project(root, project.file, project.state)
    finally:
        try:
            remove_worktree(project.root, folder)
        except Refused:
            pass


def _lay_out(project: Project, tree: Project, wanted: Unscored) -> None:
    """Puts in place what the stage reads, the champion among it; raises `UserError`."""
    there = tree.workspace.look(wanted.deps)
    for path, entry in wanted.deps.items():
        if there.get(path) != entry and not is_url(path):
            project.take_in(entry)
            tree.workspace.restore(path, entry)
