"""The line that stages log on: where a run listens for them, and asks what they have logged.

The socket is bound before the first command starts. A process that answers on it is started when the first connection
comes in, so a run in which nobody logs pays for a socket and a waiting thread. docs/design/ledger.md says why.
"""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from time import time

from msgspec import DecodeError, Struct, msgpack

from outdo.core.digest import stage_run_id
from outdo.core.events import RunStarted
from outdo.core.model import Key, StageName
from outdo.core.record import Run, StageRun, fold
from outdo.run.ports import Reached

SERVER = "outdo.server.stages"
CLOSE_SECONDS = 20.0
ANSWER_SECONDS = 60.0
"""How long the values of a stage are waited for."""
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


class Opening(Struct, frozen=True, tag=True):
    """What the process that answers needs to know first."""

    home: str
    """The folder with the database, and the journal of what is no mere rehearsal."""
    objects: str
    """The folder of the store."""
    sockets: tuple[int, ...]
    """Descriptors of what it listens on."""


class Admitted(Struct, frozen=True, tag=True):
    """A stage begins, and may log."""

    token: str
    run: Run
    stage: StageRun
    named: bool
    """Whether its command was told the id of its run."""


class Asked(Struct, frozen=True, tag=True):
    """What are the last values that were logged to this run?"""

    id: str


class Values(Struct, frozen=True, tag=True):
    """The answer to it; with why nothing could be logged, if so."""

    metrics: Mapping[str, float]
    trouble: str = ""


class Home(Struct, frozen=True):
    """Where what is logged is kept, and the run that it belongs to."""

    state: str
    """The project's folder for state."""
    objects: str
    project: str
    scratch: Callable[[], str]
    """A path that nothing has, for what lasts as long as the run."""
    boxed: bool = False
    """Whether stages may be cut off the network."""
    rehearsed: bool = False
    """Nothing is kept."""


class Line:
    """Open from the first stage that begins to the end of the run; may be used by several threads at once."""

    def __init__(self, home: Home, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = environment
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._port = 0
        self._path = ""
        self._waiting: list[Admitted] = []
        self._served: _Served | None = None
        self._wake = (-1, -1)
        self._thread: threading.Thread | None = None
        self.trouble = ""
        """Why nothing could be logged, if so."""

    def admit(self, run: Run, stage: StageRun, *, named: bool) -> Reached:
        """A stage may log from now on; raises OSError where there is no listening here."""
        token = os.urandom(24).hex()
        admitted = Admitted(token, run, stage, named)
        with self._lock:
            if self._thread is None:
                self._open()
            if self._served is None:
                self._waiting.append(admitted)
            else:
                self._served.send(admitted)
        env = {
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self._port}",
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_TRACKING_USERNAME": "outdo",  # else those of a file in the home would be sent
            "MLFLOW_TRACKING_PASSWORD": token,
            "MLFLOW_EXPERIMENT_NAME": self._home.project,
        }
        if named:
            env["MLFLOW_RUN_ID"] = stage_run_id(run.id, stage.stage)
        if any(self._environment.get(name) for name in _PROXIES):
            for name in ("no_proxy", "NO_PROXY"):
                env[name] = ",".join(filter(None, [self._environment.get(name), "127.0.0.1"]))
        return Reached(env, self._port, self._path)

    def values(self, id_: str) -> Mapping[str, float]:
        """The last values that a stage has logged; none where it logged none."""
        with self._lock:
            served = self._served
            if served is None:
                return {}
            values = served.ask(id_)
        self.trouble = self.trouble or values.trouble
        return values.metrics

    def close(self) -> None:
        """What was logged is on the disk, and nobody listens any more."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        os.write(self._wake[1], b"!")
        thread.join()
        if self._served is not None:
            self._served.close()
        for end in self._wake:
            os.close(end)

    def _open(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._sockets = [listener]
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        self._port = listener.getsockname()[1]
        if self._home.boxed:
            self._path = self._home.scratch()
            self._sockets.append(_bound(self._path))
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="outdo-line", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        """Starts the process that answers when the first connection comes in."""
        poll = select.poll()
        for fd in (self._wake[0], *(listener.fileno() for listener in self._sockets)):
            poll.register(fd, select.POLLIN)
        if not any(fd == self._wake[0] for fd, _ in poll.poll()):
            self._serve()
        for listener in self._sockets:  # those of the process that answers: when it is gone, so is the line
            listener.close()

    def _serve(self) -> None:
        home, objects = self._home.state, self._home.objects
        if self._home.rehearsed:
            home = objects = self._home.scratch()
        sockets = tuple(listener.fileno() for listener in self._sockets)
        with self._lock:
            try:
                served = _Served(Opening(home, objects, sockets))
            except OSError as error:
                self.trouble = f"what stages log can't be taken in: {error.strerror}"
                return
            for admitted in self._waiting:
                served.send(admitted)
            self._served = served


class RunLine:
    """The line as one run uses it."""

    def __init__(self, line: Line, started: RunStarted) -> None:
        self._line = line
        self._told = False
        (self._run,) = fold([started]).values()

    def admit(self, stage: StageName, key: Key | None, *, named: bool) -> Reached:
        """A stage of the run may log from now on; raises OSError."""
        one = StageRun(self._run.id, stage, self._run.id, started=time(), key=key)
        return self._line.admit(self._run, one, named=named)

    def values(self, stage: StageName) -> tuple[Mapping[str, float], str]:
        """The last values that a stage has logged; and, once in a run, why nothing could be logged, if so."""
        found = self._line.values(stage_run_id(self._run.id, stage))
        trouble = "" if self._told else self._line.trouble
        self._told = self._told or bool(trouble)
        return found, trouble


class _Served:
    """The engine's end of the process that answers."""

    def __init__(self, opening: Opening) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_SECONDS)
        with theirs:
            number = theirs.fileno()
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", SERVER, str(number)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                    pass_fds=(number, *opening.sockets),
                )
            except BaseException:
                ours.close()
                raise
        self._socket = ours
        self.send(opening)

    def send(self, message: Opening | Admitted | Asked) -> None:
        try:
            send(self._socket, message)
        except OSError:
            pass  # it has ended; whoever asks is told so

    def ask(self, id_: str) -> Values:
        self.send(Asked(id_))
        try:
            answer = receive(self._socket)
        except (OSError, DecodeError):
            answer = None
            self._socket.close()  # what came late would be taken for the next answer
        return answer if isinstance(answer, Values) else Values({}, "what the stages logged is not known")

    def close(self) -> None:
        """It has written down all that it acknowledged, and is gone."""
        self._socket.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


Message = Opening | Admitted | Asked | Values
_encode = msgpack.Encoder().encode


def send(to: socket.socket, message: Message) -> None:
    """Sends a message whole."""
    content = _encode(message)
    to.sendall(len(content).to_bytes(4, "little") + content)


def receive(source: socket.socket) -> Message | None:
    """The next message; None at the end."""
    size = _take(source, 4)
    if not size:
        return None
    message: Message = msgpack.decode(_take(source, int.from_bytes(size, "little")), type=Message)
    return message


def _take(source: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        piece = source.recv(size - len(parts))
        if not piece:
            return b""
        parts += piece
    return bytes(parts)


def _bound(path: str) -> socket.socket:
    """A socket at a path of any length, that nobody else can reach."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(place := f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        os.chmod(place, 0o600)
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener
