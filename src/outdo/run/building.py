"""Environments that stages declare: built once for each content of their files, by `uv`, and then only used.

An environment is a folder named by the digest of all that decides what is in it. It counts as built once a note lies
in it, which is written last; a folder without one is what a killed build has left, and is built anew. Whoever builds
holds a lock, and so does the program that it started, so that nobody clears a folder that is still being written.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import DecodeError, Struct, json

from outdo.core.digest import digest, digest_bytes
from outdo.core.errors import NoEnvironment
from outdo.core.model import Digest, Packages
from outdo.core.packages import kind_of, pins
from outdo.run.environment import installed, interpreter
from outdo.run.installing import Recipe, commands, find_python, tool
from outdo.run.ports import Cancel
from outdo.store.atomic import write_atomic
from outdo.store.files import remove

NOTE = "outdo.json"
FOLDER_DIGITS = 24
"""How many digits of its digest an environment's folder is named by."""
LOCK_SUFFIX = ".lock"
"""Behind that name: the lock of whoever builds it."""
USED_SUFFIX = ".used"
"""Behind that name: the lock that all share who use it."""
POLL = 0.1
"""Seconds between two looks at a lock, or at whether the run is to be stopped."""
_MOST_NAMED = 5


class Built(Struct, frozen=True):
    """An environment that is there."""

    name: str
    """Its file, such as `uv.lock[gpu]`."""
    digest: Digest
    folder: str
    variables: Mapping[str, str]
    """What a command needs to run in it."""
    distributions: int = 0
    seconds: float = 0.0
    """How long it took to build; 0 where it was there."""
    notices: tuple[str, ...] = ()
    """What keeps it from being the same if it is built again."""


class _Note(Struct, frozen=True):
    name: str
    python: str
    distributions: int


class Build(Struct, frozen=True):
    """Who wants an environment, and how they hear of it."""

    log: str
    """The file that takes what the building program says."""
    cancel: Cancel
    begun: Callable[[], None]
    """Called when it turns out that something has to be built."""
    built: Callable[[Built], None]
    """Called once for each environment, when it is there."""


class Environments:
    """The environments of a project; may be asked by several threads at once."""

    def __init__(self, root: str, folder: str, env: Mapping[str, str]) -> None:
        """`folder` holds the environments, `env` are the variables that commands are started with."""
        self._root = root
        self._folder = folder
        self._env = {name: value for name, value in env.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME")}
        self._locks: dict[str, threading.Lock] = {}
        self.used: dict[str, Built] = {}
        """By the name of their file."""
        self._failed: dict[str, str] = {}

    def of(self, packages: Packages, build: Build) -> Built:
        """The environment, built if need be; raises `NoEnvironment`, or `StoreUnwritable`."""
        name = str(packages)
        with self._locks.setdefault(name, threading.Lock()):
            if name in self._failed:
                raise NoEnvironment(self._failed[name], fix="see the stage that failed for it first")
            if name not in self.used:
                try:
                    made = self._made(packages, build)
                except NoEnvironment as error:
                    if not build.cancel.requested:
                        self._failed[name] = error.what
                    raise
                build.built(made)
                self.used[name] = made
            return self.used[name]

    def _made(self, packages: Packages, build: Build) -> Built:
        kind = kind_of(packages.file)
        assert kind is not None
        env, top = self._env, os.path.normpath(os.path.join(self._root, os.path.dirname(packages.file)))
        program_path = tool(kind, env)
        conda = kind in ("conda-lock", "conda")
        python = "" if conda else find_python(program_path, top, env)
        told = interpreter(python, self._root, env) if python else None
        contents = {path: self._read(path) for path in (packages.file, *packages.also)}
        version = f"{told.implementation} {told.version}" if told else ""
        mark = digest(
            "environment/1",
            kind,
            sorted((path, digest_bytes(content)) for path, content in contents.items()),
            sorted(packages.extras),
            sorted(packages.groups),
            version,
            _platform(),
        )
        folder = os.path.join(self._folder, mark[:FOLDER_DIGITS])
        recipe = Recipe(kind, packages, os.path.join(self._root, packages.file), folder, program_path, python)
        started = time.monotonic()
        there = self._used(folder)
        note = there or self._build(recipe, version, build)
        if there is None and self._used(folder) is None:  # a collection came in between
            note = self._build(recipe, version, build)
        seconds = 0.0 if there else time.monotonic() - started
        notices = () if there else tuple(_notices(packages, kind, contents, folder))
        variables = _variables(folder, top, env, kind)
        return Built(str(packages), mark, folder, variables, note.distributions, seconds, notices)

    def _used(self, folder: str) -> _Note | None:
        """The note in an environment that is built, which nobody clears away while this process lives."""
        import fcntl

        os.makedirs(self._folder, exist_ok=True)
        fd = os.open(f"{folder}{USED_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            note = _note(folder)
        except OSError:
            note = None  # it is being cleared away
        if note is None:
            os.close(fd)
        else:
            weakref.finalize(self, os.close, fd)
        return note

    def _build(self, recipe: Recipe, version: str, build: Build) -> _Note:
        """Builds in the folder, unless someone else has meanwhile."""
        os.makedirs(self._folder, exist_ok=True)
        with _held(f"{recipe.folder}{LOCK_SUFFIX}", build.cancel) as held:
            note = _note(recipe.folder)
            if note is not None:
                return note
            build.begun()
            remove(recipe.folder)
            for words in commands(recipe):
                self._call(words, recipe, build, held)
            os.sync()  # the note must not outlive what it vouches for
            note = _Note(str(recipe.packages), version, len(installed(recipe.folder)))
            write_atomic(os.path.join(recipe.folder, NOTE), json.encode(note), durable=True)
            return note

    def _call(self, words: Sequence[str], recipe: Recipe, build: Build, held: int) -> None:
        import signal
        import subprocess

        env = {**self._env, "UV_PROJECT_ENVIRONMENT": recipe.folder, "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
        top = os.path.dirname(recipe.file)
        with open(build.log, "ab") as log:
            try:
                running = subprocess.Popen(
                    words,
                    cwd=top,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=[held],
                )
            except OSError as error:
                raise NoEnvironment(f"'{words[0]}' can't be started: {error.strerror}") from None
            while running.poll() is None:
                if build.cancel.requested:
                    os.killpg(running.pid, signal.SIGKILL)
                    running.wait()
                    raise NoEnvironment("stopped")
                try:
                    running.wait(POLL)
                except subprocess.TimeoutExpired:
                    continue
        if running.returncode:
            what = f"its environment can't be built from '{recipe.packages.file}'"
            raise NoEnvironment(what, fix=_advice(build.log, recipe))

    def _read(self, path: str) -> bytes:
        try:
            with open(os.path.join(self._root, path), "rb") as file:
                return file.read()
        except OSError as error:
            raise NoEnvironment(f"'{path}' can't be read: {error.strerror}") from None


def _variables(folder: str, top: str, env: Mapping[str, str], kind: str) -> dict[str, str]:
    found = {"PATH": os.pathsep.join([os.path.join(folder, "bin"), env.get("PATH", os.defpath)])}
    found["CONDA_PREFIX" if kind.startswith("conda") else "VIRTUAL_ENV"] = folder
    own = _own_code(top) if kind in ("uv", "pyproject") else ""
    if own:
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [own, env.get("PYTHONPATH", "")]))
    return found


def _own_code(top: str) -> str:
    """Where the modules of a project are that is a package itself. It is found there instead of being installed: its
    code belongs to the work tree that a stage runs in, and an environment serves many."""
    import tomllib

    try:
        with open(os.path.join(top, "pyproject.toml"), "rb") as file:
            if "build-system" not in tomllib.load(file):
                return ""
    except (OSError, ValueError):
        return ""
    source = os.path.join(top, "src")
    return source if os.path.isdir(source) else top


def _notices(packages: Packages, kind: str, contents: Mapping[str, bytes], folder: str) -> Iterator[str]:
    if kind in ("pyproject", "conda"):
        lock = "uv lock, then env: uv.lock" if kind == "pyproject" else "conda-lock, then env: conda-lock.yml"
        yield f"'{packages.file}' does not pin what is installed, so a later build may differ ({lock})"
    if kind == "uv":
        yield from map(_as_it_stands, _local(contents[packages.file]))
    if kind != "requirements":
        return
    asked: dict[str, bool] = {}
    local: list[str] = []
    for path in (packages.file, *packages.also):
        if not path.endswith(".python-version"):
            pinned, folders = pins(contents[path].decode("utf-8", "replace"))
            asked |= {name: pinned[name] or asked.get(name, False) for name in pinned}
            local += folders
    there = installed(folder)
    loose = [name for name in there if not asked.get(name, False)]
    if loose:
        named = ", ".join(loose[:_MOST_NAMED]) + (" …" if len(loose) > _MOST_NAMED else "")
        what = f"'{packages.file}' does not pin {len(loose)} of {len(there)} distributions ({named})"
        yield f"{what}, so a later build may differ (uv pip compile pins them)"
    yield from map(_as_it_stands, local)


def _as_it_stands(folder: str) -> str:
    return f"'{folder}' is installed as it stands; what changes in it does not build the environment anew"


def _local(lock: bytes) -> list[str]:
    """The folders that a lock of uv names as sources, but for the project's own."""
    import tomllib

    try:
        found = tomllib.loads(lock.decode("utf-8", "replace")).get("package", [])
    except ValueError:
        return []
    sources = [package.get("source", {}) for package in found]
    folders = [source.get("editable") or source.get("directory") for source in sources]
    return [folder for folder in folders if folder and folder != "."]


def _advice(log: str, recipe: Recipe) -> str:
    try:
        with open(log, "rb") as file:
            said = file.read()[-20_000:].decode("utf-8", "replace")
    except OSError:
        return ""
    if "lockfile" in said and "needs to be updated" in said:
        return "uv lock: pyproject.toml asks for something else than the lock holds"
    if any(sign in said for sign in ("error sending request", "dns error", "the network was disabled")):
        return "is the package index within reach? uv's own settings say which it is (uv.toml, UV_INDEX, UV_OFFLINE)"
    return f"mend '{recipe.packages.file}'; what uv says of it stands in the stage's log"


def _note(folder: str) -> _Note | None:
    try:
        with open(os.path.join(folder, NOTE), "rb") as file:
            return json.decode(file.read(), type=_Note)
    except (OSError, DecodeError):
        return None


def _platform() -> list[str]:
    named = os.uname()
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    return [named.sysname, named.machine, libc or ""]


@contextmanager
def _held(path: str, cancel: Cancel) -> Iterator[int]:
    """The lock at `path`, as its open file; raises `NoEnvironment` where the run is stopped while it waits."""
    import fcntl

    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if cancel.requested:
                    raise NoEnvironment("stopped") from None
                time.sleep(POLL)
        yield fd
    finally:
        os.close(fd)
