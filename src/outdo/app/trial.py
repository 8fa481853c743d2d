"""Trials: other params than those of the workspace, run in work trees of their own that share the store.

Several go on at once within one budget of the machine. What two of them need is computed by one: the other waits and
takes it over. docs/design/trials.md says why it is built so.
"""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from time import gmtime, monotonic, strftime, time

from msgspec import Struct
from msgspec.structs import replace

from outdo.app.capture import describe_environment
from outdo.app.plan import make_plan
from outdo.app.project import Project
from outdo.app.run import Commons, Options, Result, Run, open_line
from outdo.core.errors import BadSet, NoTrial, UserError
from outdo.core.events import AnyEvent, Trial
from outdo.core.model import Path, RunId
from outdo.core.plan import Request
from outdo.core.rewrite import set_values
from outdo.core.sweep import Draw, Point, parse, points
from outdo.run.budget import Budget, measure
from outdo.run.claims import Bell, Claims
from outdo.run.git import Refused, git, in_repository
from outdo.run.local import Local
from outdo.run.ports import Cancel, Executor, Job, Outcome
from outdo.run.worktree import copy_worktree, make_worktree, remove_worktree
from outdo.store.atomic import write_atomic

FOLDER = "trials"
"""In the project's folder for state: a folder for each sweep, with a work tree for each trial."""


class Asked(Struct, frozen=True):
    """What shall be tried, as a person wrote it."""

    sets: tuple[str, ...]
    trials: int | None = None
    seed: int | None = None
    """None: any, which is then told and recorded."""


class Ended(Struct, frozen=True):
    """How a trial went; without a result it never came to a run."""

    result: Result | None
    failure: str = ""


class Told(Struct, frozen=True):
    """What happened in a trial."""

    number: int
    event: AnyEvent | Ended


class Sweep:
    """All trials of one command. Iterate over `events()` once; `stop` ends them from any thread.

    The caller has the turn in the workspace. Raises, before anything is made, `BadSet` for params that can't be set,
    and `NoTrial` outside Git."""

    def __init__(self, project: Project, asked: Asked, request: Request, options: Options) -> None:
        choices = [parse(text) for text in asked.sets]
        if not in_repository(project.root):
            raise NoTrial("a trial needs a Git repository, which is not here", fix="git init, add, commit")
        drawn = any(isinstance(one, Draw) for one in choices)
        seed = int.from_bytes(os.urandom(2)) if asked.seed is None else asked.seed
        self.points = points(choices, asked.trials, seed)
        self.seed = seed if drawn or asked.trials else None
        self.id = RunId(f"{strftime('%Y%m%d-%H%M%S', gmtime(time()))}-{os.urandom(2).hex()}")
        self.seconds = 0.0
        self._project = project
        self._request = request
        self._options = options
        self._texts = _Texts(project)
        for point in self.points:
            self._texts.written(point)
        self._folder = os.path.join(project.state, FOLDER, self.id)
        self._lock = threading.RLock()  # a signal may stop the sweep while this thread holds it
        self._live: dict[int, Run] = {}
        self._next = 1
        self._stopping = False
        self._told: SimpleQueue[Told | None] = SimpleQueue()

    def trial(self, number: int) -> Trial:
        """The place of a trial in the sweep."""
        settings = {one.name: one.value for one in self.points[number - 1]}
        return Trial(self.id, number, len(self.points), settings, self.seed)

    def stop(self) -> None:
        """Ends every command that runs and starts no other trial; the stream of events then ends."""
        with self._lock:
            self._stopping = True
            live = list(self._live.values())
        for run in live:
            run.stop()

    @contextmanager
    def projects(self) -> Iterator["Trees"]:
        """Makes work trees of trials, which are gone at the end; raises `NoTrial`."""
        _refuse_hydra(self._project)
        with _trees(self._project, self._folder) as base:
            yield Trees(self._project, base, self._texts, self.points)

    def events(self) -> Iterator[Told]:
        """Runs all trials and yields what happens in any of them, each one's end last. One that fails does not keep
        the others from running. Whatever becomes of the consumer, nothing runs any more when this has ended."""
        started = monotonic()
        machine = measure()
        jobs = 1 if self._options.audit else self._options.jobs
        at_once = min(len(self.points), jobs or max(1, int(machine.cpu)))
        bell = Bell()
        executor = Local(self.id)
        line = open_line(self._project, self._options)
        with self.projects() as trees:
            commons = Commons(
                Budget(machine, jobs, bell.ring),
                Claims(bell, self._project.results.claims),
                _Lent(executor),
                _Environment(self._project.root),
                _branch(self._project.root),
                line,
            )
            work = partial(self._work, trees, commons)
            threads = [threading.Thread(target=work, name=f"outdo-trial-{n}") for n in range(at_once)]
            for thread in threads:
                thread.start()
            try:
                yield from self._tell(len(threads))
            finally:
                self.stop()
                for thread in threads:
                    thread.join()
                executor.close()
                line.close()
                commons.claims.close()
        self.seconds = monotonic() - started

    def _tell(self, working: int) -> Iterator[Told]:
        while working:
            try:
                told = self._told.get()
            except KeyboardInterrupt:
                self.stop()
                continue
            if told is None:
                working -= 1
            else:
                yield told

    def _work(self, trees: "Trees", commons: Commons) -> None:
        try:
            while (number := self._pick()) is not None:
                try:
                    ended = Ended(self._run(number, trees, commons))
                except (UserError, Refused, OSError) as error:
                    ended = Ended(None, getattr(error, "what", "") or str(error))
                except Exception as error:
                    ended = Ended(None, f"internal error: {error!r}")
                self._told.put(Told(number, ended))
        finally:
            self._told.put(None)

    def _pick(self) -> int | None:
        with self._lock:
            if self._stopping or self._next > len(self.points):
                return None
            self._next += 1
            return self._next - 1

    def _run(self, number: int, trees: "Trees", commons: Commons) -> Result:
        with trees.project(number) as project:
            options = replace(self._options, trial=self.trial(number))
            run = Run(project, make_plan(project, self._request), options, commons=commons)
            with self._lock:
                self._live[number] = run
                if self._stopping:
                    run.stop()
            try:
                for event in run.events():
                    self._told.put(Told(number, event))
            finally:
                with self._lock:
                    del self._live[number]
            return run.result


class Trees:
    """Makes work trees of trials out of one that holds the code as it was at the start."""

    def __init__(self, project: Project, base: str, texts: "_Texts", points: Sequence[Point]) -> None:
        self._project = project
        self._base = base
        self._texts = texts
        self._points = points
        self._lock = threading.Lock()

    @contextmanager
    def project(self, number: int) -> Iterator[Project]:
        """The project with the params of a trial, in a work tree that is there until the end."""
        home = self._project
        folder = os.path.join(os.path.dirname(self._base), str(number))
        try:
            with self._lock:  # two that make work trees at once would meet in Git's own files
                root = copy_worktree(home.root, self._base, folder)
            for file, text in self._texts.written(self._points[number - 1]).items():
                write_atomic(os.path.join(root, file), text.encode("utf-8", "surrogateescape"))
            lend(home.state, os.path.join(root, os.path.basename(home.state)))
            yield Project(root, home.file, home.state)
        finally:
            with self._lock:
                remove_worktree(home.root, folder)


def remove_left(project: Project) -> None:
    """No work tree is left of a sweep that was killed; the caller has the turn in the workspace."""
    folder = os.path.join(project.state, FOLDER)
    if os.path.isdir(folder):
        remove_worktree(project.root, folder)


@contextmanager
def _trees(project: Project, folder: str) -> Iterator[str]:
    """A work tree of the code as it stands now, in `folder`, of which nothing is left at the end."""
    try:
        remove_left(project)
        written = [out.path for stage in project.pipeline.stages for out in stage.outs if out.cache]
        base = os.path.join(folder, "base")
        make_worktree(project.root, base, written)
        yield base
    except Refused as refused:
        raise NoTrial(f"no work tree could be made: {refused}", fix="git commit, then again") from None
    finally:
        remove_left(project)


class _Texts:
    """The params files as they were at the start, and with other values in them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[Path, str] = {}

    def written(self, point: Point) -> dict[Path, str]:
        """Each file that a point sets a param of; raises `BadSet`."""
        return {
            file: set_values(file, self._text(file), [one for one in point if one.file == file])
            for file in dict.fromkeys(one.file for one in point)
        }

    def _text(self, file: Path) -> str:
        if file not in self._known:
            try:
                with open(os.path.join(self._project.root, file), encoding="utf-8", newline="") as opened:
                    self._known[file] = opened.read()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise BadSet(f"the params file '{file}' can't be read: {why}", fix=f"write {file}") from None
        return self._known[file]


class _Lent:
    """An executor that outlives the run that it is lent to."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def run(self, job: Job, cancel: Cancel) -> Outcome:
        return self._executor.run(job, cancel)

    def close(self) -> None:
        pass


class _Environment:
    """The description of the environment, made once, when it is first asked for."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._told = b""

    def __call__(self) -> bytes:
        with self._lock:
            self._told = self._told or describe_environment(self._root)
            return self._told


def _refuse_hydra(project: Project) -> None:
    """Raises `NoTrial` where the file of params is not what a person writes."""
    repository = project.repository
    if repository is not None and repository.settings.hydra:
        what = "`hydra.enabled` is set, so DVC composes the params of an experiment with Hydra, which only DVC does"
        raise NoTrial(
            what, where=".dvc/config", fix="dvc exp run --set-param …, or dvc config --unset hydra.enabled"
        )


def _branch(root: str) -> str | None:
    try:
        return git(root, ["symbolic-ref", "--quiet", "--short", "HEAD"]).decode().strip() or None
    except Refused:
        return None


def lend(state: str, other: str) -> None:
    """What is known of files and of the pipeline is known in the other folder for state too. Its files are replaced
    and never written to, so a link does; and what is linked into a work tree keeps its marks, so it is not hashed."""
    os.makedirs(other, exist_ok=True)
    _link(os.path.join(state, ".gitignore"), os.path.join(other, ".gitignore"))
    for name in ("stat", "cache"):
        known = os.path.join(state, name)
        if os.path.isdir(known):
            shutil.copytree(known, os.path.join(other, name), copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
