"""A project on disk: found, read, and everything a plan needs to know of it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import proxy

from msgspec import DecodeError, Struct, ValidationError, msgpack

from outdo.app.lazy import lazy
from outdo.app.params import ParamFiles
from outdo.core.digest import digest_bytes
from outdo.core.errors import NoProject, NotYaml, UserError
from outdo.core.graph import Graph, build, is_url
from outdo.core.model import Aim, Entry, Param, Path, Pipeline, Place, Record, Source, Stage, StageName
from outdo.core.plan import Facts
from outdo.core.version import VERSION
from outdo.store.atomic import write_atomic
from outdo.store.chunks import chunked_from
from outdo.store.holdouts import Holdouts
from outdo.store.judgements import Judgements
from outdo.store.lock import Lock, lock_path
from outdo.store.looks import Elsewhere
from outdo.store.objects import Objects
from outdo.store.results import Results
from outdo.store.statcache import StatCache
from outdo.store.workspace import Workspace

if TYPE_CHECKING:
    from outdo.core.config import Project as Declared
    from outdo.integrations.dvc.config import Settings
    from outdo.integrations.dvc.repository import Repository
    from outdo.integrations.ports import Adopted

DVC = "dvc.yaml"
FILES = ("outdo.yaml", DVC)
STATE = ".outdo"
POINTERS = (".outdo", ".dvc")
"""How the names of files end that stand in Git for data."""


class _Compiled(Struct, frozen=True):
    """A pipeline as it was read, and by which Outdo."""

    version: str
    file: str
    pipeline: Pipeline


_encode = msgpack.Encoder().encode


class Project:
    """A project's pipeline with its store, its lock and its workspace."""

    def __init__(
        self, root: str, file: str, home: str | None = None, borrows: "Project | None" = None
    ) -> None:
        """`home` is the folder with the store, the journal and the logs, where that is not the project's own.

        One that `borrows` from another project uses its objects and environments, but neither its results nor its
        journal."""
        self.root = root
        self.file = file
        self.state = os.path.join(root, STATE)
        self.home = home or self.state
        self._top = dvc_top(os.path.dirname(self.home)) if file == DVC and borrows is None else ""
        """The folder with `.dvc` in it, of a trial that of its project; empty where DVC does not keep it."""
        dvc = self._settings()
        self.pipeline = _pipeline(self)
        self.graph: Graph = build(self.pipeline.stages)
        store = os.environ.get("OUTDO_STORE") or self.home
        chunked = chunked_from(os.environ.get("OUTDO_CHUNKS", ""))
        # DVC keeps a large file whole, so as chunks it would be kept twice.
        own = Objects(store, 0, (dvc.cache,)) if dvc else Objects(store, chunked)
        self.objects: Objects = borrows.objects if borrows else own
        if not borrows and home is None and os.path.realpath(store) != os.path.realpath(self.state):
            self.objects.lease.user = os.path.realpath(root)
        self.results = Results(self.home if borrows else store)
        self.judgements = Judgements(self.home if borrows else store)
        self.holdouts = Holdouts(self.home if borrows else store)
        self.environments: str = borrows.environments if borrows else _environments(self.home)
        """The folder of the environments that are built for stages: the project's own, or `OUTDO_HOME`'s."""
        self.stat = StatCache(self.state)
        # Proxies, as in a cycle the project would keep its hold on the store until some collection of garbage.
        mine: Project = proxy(self)
        self.workspace = Workspace(root, self.objects, self.stat, _links(dvc), lambda: mine.elsewhere)
        self.lock = Lock(lock_path(root), durable=home is None)
        self._params = ParamFiles(root, os.path.join(self.state, "cache", "params"))

    def facts(self, paths: Sequence[Path], params: Sequence[Param]) -> Facts:
        """What these paths and params hold now, with all that is known of former runs."""
        return Facts(
            self.workspace.look(paths),
            {param: self._params.get(param) for param in params},
            self.lock.records,
            self._result,
            self._holds,
            self.is_tracked,
            self.elsewhere.unreached if any(map(is_url, paths)) else {},
        )

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """What is asked for dependencies that are addresses."""
        found: Elsewhere = lazy("outdo.app.elsewhere").Elsewhere(proxy(self))
        return found

    def is_tracked(self, path: Path) -> bool:
        """Whether a pointer stands beside a path, or beside a folder around it."""
        while path:
            if any(os.path.lexists(os.path.join(self.root, f"{path}{suffix}")) for suffix in POINTERS):
                return True
            path = path.rpartition("/")[0]
        return False

    @cached_property
    def repository(self) -> "Repository | None":
        """The repository of DVC's that the project is in; None where there is none."""
        if not self._top:
            return None
        dvc = lazy("outdo.integrations.dvc.repository")
        found: Repository = dvc.Repository(self.root, self._top, self.state, os.environ)
        return found

    @property
    def dvc_root(self) -> str:
        """The folder of the DVC repository that stages run in, of a trial its own work tree; empty without."""
        return dvc_top(self.root) if self.file == DVC else ""

    def for_git(self, paths: Iterable[Path]) -> list[Path]:
        """The paths that Git is to leave to us: none where DVC's config says that Git is nothing to the project."""
        return [] if self.repository is not None and self.repository.settings.no_scm else list(paths)

    def _settings(self) -> "Settings | None":
        """What DVC's config says; None where DVC does not keep the project."""
        if not self._top:
            return None
        found: Settings = lazy("outdo.integrations.dvc.config").read_settings(self._top, os.environ)
        return found

    def remember(self) -> None:
        """What was looked at need not be read again by the next process."""
        self.stat.save()
        if "repository" in self.__dict__ and self.repository is not None:
            self.repository.save()

    @cached_property
    def adopted(self) -> "Adopted | None":
        """What DVC knows of the project; None where DVC does not keep it."""
        if self.repository is None:
            return None
        dvc = lazy("outdo.integrations.dvc.adoption")
        found: Adopted = dvc.Adoption(self.repository, self.workspace, self.objects)
        return found

    def entries(self) -> Mapping[Path, Entry]:
        """What every path of the pipeline holds now."""
        stages = self.pipeline.stages
        return self.workspace.look(
            {path for one in stages for path in (*one.deps, *(o.path for o in one.outs))}
        )

    def _result(self, stage: Stage, asked: Record) -> Record | None:
        """What a stage gives with these inputs: from the run cache, or as DVC has computed it."""
        known = self.results.get(asked.key)
        if self.file != DVC or (known and all(map(self.workspace.holds, known.outs.values()))):
            return known
        return (self.adopted.result(stage, asked) if self.adopted else None) or known

    def _holds(self, entry: Entry) -> bool:
        return self.workspace.holds(entry) or (self.adopted is not None and self.adopted.holds(entry))

    def take_in(self, entry: Entry) -> None:
        """The store holds the entry, if DVC's cache does; raises `NotInStore` or `Damaged`."""
        if self.adopted is not None and not self.workspace.holds(entry) and self.adopted.holds(entry):
            self.adopted.bring(entry)

    @property
    def dvc_knows(self) -> bool:
        """Whether DVC was told of what the lock says, and neither its lock nor ours was touched since."""
        return not self._top or self.home != self.state or _read(self._told) == self._locks()

    def refuse_bad_locks(self) -> None:
        """Raises `BadLock` where DVC could not be told of what a run does, before the run does it."""
        if not self.dvc_knows and self.repository is not None:
            self.repository.lock  # noqa: B018  to read it is to find out

    def tell_dvc(self) -> list[StageName]:
        """DVC knows what the lock says, in a repository that it keeps too; returns the stages that it can't know."""
        if self.adopted is None or self.home != self.state:
            return []  # what is only tried is not DVC's to know
        untold = self.adopted.settle(self.pipeline.stages, self.lock.records, self.entries())
        if "elsewhere" not in self.__dict__ or not self.elsewhere.unreached:  # else it was not told all
            write_atomic(self._told, self._locks())
        return untold

    @property
    def _told(self) -> str:
        return os.path.join(self.state, "dvc", "told")

    def _locks(self) -> bytes:
        """Stands for what both locks say."""
        both = [_read(os.path.join(self.root, "dvc.lock")), _read(lock_path(self.root))]
        return "\n".join(map(digest_bytes, both)).encode()

    @property
    def base(self) -> str:
        """The folder that relative remotes start at: the project's, and of a trial that of its project."""
        return os.path.dirname(self.home) if os.path.basename(self.home) == STATE else self.root

    def make_state(self) -> None:
        """Makes sure that `.outdo` is there, and that Git does not see it."""
        _make_state(self.state)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _environments(home: str) -> str:
    return os.path.join(os.environ.get("OUTDO_HOME") or home, "environments")


def make_state(start: str) -> str:
    """The folder for Outdo's own files in the project that `start` is in, made if need be; raises `NoProject`."""
    state = os.path.join(find_root(start), STATE)
    _make_state(state)
    return state


def _make_state(state: str) -> None:
    ignore = os.path.join(state, ".gitignore")
    if not os.path.exists(ignore):
        write_atomic(ignore, b"*\n")


def find_root(start: str) -> str:
    """The folder of the project that `start` is in; raises `NoProject`."""
    return _find(start)[0]


def open_project(start: str = ".") -> Project:
    """The project that `start` is in; raises `NoProject`, or `Mistakes` with all that is wrong in its file."""
    return Project(*_find(start))


def aims_of(start: str) -> Mapping[str, Aim]:
    """The metrics that gates of the project speak of; none where its file can't be read."""
    try:
        return open_project(start).pipeline.aims
    except UserError:
        return {}


def _find(start: str) -> tuple[str, str]:
    folder = os.path.abspath(start)
    while True:
        for name in FILES:
            if os.path.isfile(os.path.join(folder, name)):
                return folder, name
        above = os.path.dirname(folder)
        if above == folder:
            break
        folder = above
    top = dvc_top(os.path.abspath(start))  # a repository of DVC's may have data alone
    if top and os.path.isfile(os.path.join(top, ".dvc", "config")):
        return top, DVC
    what = "no outdo.yaml here or in any folder above"
    raise NoProject(what, where=os.path.abspath(start), fix="outdo init")


def _links(dvc: "Settings | None") -> tuple[str, ...]:
    """How a file in the workspace may share its bytes with the store, the best first."""
    told = os.environ.get("OUTDO_LINKS")
    if told is None and dvc is not None:
        return dvc.links
    return tuple((told or "reflink,hardlink,copy").split(","))


def dvc_top(folder: str) -> str:
    """The nearest folder from here upwards with a `.dvc` in it; empty where there is none."""
    while not os.path.isdir(os.path.join(folder, ".dvc")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return folder


def _pipeline(project: Project) -> Pipeline:
    """The pipeline of the project's file, from the cache while none of its sources changed."""
    kept = os.path.join(project.state, "cache", "pipeline")
    try:
        with open(kept, "rb") as file:
            compiled = msgpack.decode(file.read(), type=_Compiled)
    except (OSError, DecodeError, ValidationError):
        compiled = None
    if compiled is not None and compiled.version == VERSION and compiled.file == project.file:
        unchanged = all(
            source.digest == _digest(os.path.join(project.root, source.path))
            for source in compiled.pipeline.sources
        )
        if unchanged:
            return compiled.pipeline
    pipeline = declared(project).pipeline
    try:
        project.make_state()
        write_atomic(kept, _encode(_Compiled(VERSION, project.file, pipeline)))
    except UserError:
        pass  # it is only a cache, and a read-only project can still be looked at
    return pipeline


def declared(project: Project) -> "Declared":
    """All that the project's file declares, beside its pipeline too."""

    def read(path: str) -> str | None:
        try:
            with open(os.path.join(project.root, path), "rb") as file:
                content = file.read()
        except OSError:
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise NotYaml(
                f"'{path}' is not UTF-8 text", where=Place(path, line), fix="save it as UTF-8"
            ) from None

    text = read(project.file)
    config = lazy("outdo.core.config")
    if text is None and project.file == DVC:
        empty = Pipeline(os.path.basename(project.root), (), sources=(Source(DVC, None),))
        bare: Declared = config.Project(empty)
        return bare
    if text is None:
        raise NoProject(f"'{project.file}' can't be read", where=project.root)
    found: Declared = config.read_project(project.file, text, read, os.path.basename(project.root))
    return found


def _digest(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return digest_bytes(file.read())
    except OSError:
        return None
