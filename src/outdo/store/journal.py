"""What happened, appended to one file that shows when any of it was changed.

Each event is one line of JSON that carries the digest of the line before it, so that a line that is edited, taken
out, put in or moved breaks the chain at that place. Imported whenever something runs: nothing heavy belongs here.
"""

import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, Protocol

from blake3 import blake3
from msgspec import DecodeError, Raw, Struct, ValidationError, json, to_builtins
from msgspec.structs import replace

from outdo.core.errors import DamagedLedger, UserError
from outdo.core.events import AnyEvent, RunFinished, RunStarted, StageFinished
from outdo.core.model import Digest

START = Digest("")
"""What the first line carries in place of a digest."""


class Mark(Struct, frozen=True):
    """A place between two lines."""

    offset: int = 0
    """Bytes before it."""
    lines: int = 0
    head: Digest = START
    """Digest of the line before it."""


class Line(Struct, frozen=True):
    """One line that was read."""

    end: Mark
    event: AnyEvent | None
    """None: an event that this version does not know, or a line that is no line."""
    linked: bool = True
    """Whether it carries the digest of the line before it."""


class _Written(Struct, frozen=True, omit_defaults=True):
    seq: int
    prev: Digest
    event: Raw
    odd: dict[str, str] = {}
    """Metrics that are no finite numbers, which JSON can't say."""


_encode = json.Encoder().encode
_decode_line = json.Decoder(_Written).decode
_decode_event = json.Decoder(AnyEvent).decode
_BLOCK = 1 << 16


class Journal:
    """The journal at `path`, which several processes and threads may append to at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._end = Mark()
        self._lock = threading.Lock()
        self._living = -1

    def append(self, events: Sequence[AnyEvent]) -> None:
        """Appends all of `events` or, where that fails, none; once a run has finished it is on the disk itself.

        Bytes that a killed process or a power cut left behind the last whole line are moved to `path`.torn."""
        with self._lock:
            if any(isinstance(event, RunStarted) for event in events):
                self._live()
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                end = self._settle(fd)
                lines, after = _lines(events, end)
                _write(fd, lines, end.offset)
                self._end = after
                if any(isinstance(event, RunFinished) for event in events):
                    os.fsync(fd)
                    _sync_folder(self.path)
                    self._die()
            finally:
                os.close(fd)

    def read(self, after: Mark = Mark()) -> Iterator[Line]:  # noqa: B008 -- frozen
        """Yields the whole lines behind `after`, in order; an unfinished last one is left out."""
        try:
            file = open(self.path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            return
        with file:
            file.seek(after.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset, lines = after.offset + len(line), after.lines + 1
                event, linked = _read(line, after)
                after = Mark(offset, lines, _digest(line))
                yield Line(after, event, linked)

    def verify(self) -> Mark:
        """The end of the journal, whose every line is as it was written; raises `DamagedLedger` at the first
        that does not fit the one before it. What was cut off at the end only an older mark can show."""
        end = Mark()
        for line in self.read():
            if not line.linked:
                raise DamagedLedger(
                    f"line {line.end.lines} of the journal does not follow from the one before it: one of "
                    "the two was changed, or lines between them were taken out",
                    where=self.path,
                )
            end = line.end
        return end

    def size(self) -> int:
        """Bytes of the journal, an unfinished last line with them."""
        try:
            return os.path.getsize(self.path)
        except FileNotFoundError:
            return 0

    def holds(self, mark: Mark) -> bool:
        """Whether the journal still has what it had when `mark` was taken, as far as the last line tells."""
        if mark.offset == 0:
            return True
        try:
            with open(self.path, "rb") as file:
                return _digest(_line_before(file.fileno(), mark.offset)) == mark.head
        except FileNotFoundError:
            return False

    def nobody_records(self) -> bool:
        """Whether no process is in the middle of a run, so that a run without an end has none to come."""
        try:
            fd = os.open(self.path + ".live", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    def _live(self) -> None:
        """Holds a lock until the run finishes; the kernel lets it go when the process dies."""
        if self._living < 0:
            self._living = os.open(self.path + ".live", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._living, fcntl.LOCK_SH)

    def _die(self) -> None:
        if self._living >= 0:
            os.close(self._living)
            self._living = -1

    def _settle(self, fd: int) -> Mark:
        """The end of the last whole line, with nothing behind it."""
        size = os.fstat(fd).st_size
        if size == self._end.offset and (size == 0 or _digest(_line_before(fd, size)) == self._end.head):
            return self._end
        end = size
        mark = None
        while mark is None:
            line = _line_before(fd, end)
            mark = self._mark(line, end) if line.endswith(b"\n") or not line else None
            end -= len(line) if mark is None else 0
        if end < size:
            self._set_aside(fd, end, size)
        return mark

    def _mark(self, line: bytes, end: int) -> Mark | None:
        """The mark behind a last line; None where the line is no JSON at all."""
        if not line:
            return Mark()
        try:
            return Mark(end, _decode_line(line).seq, _digest(line))
        except ValidationError:
            raise DamagedLedger("the last line of the journal is not of a journal", where=self.path) from None
        except (DecodeError, UnicodeDecodeError):
            return None

    def _set_aside(self, fd: int, start: int, end: int) -> None:
        with open(self.path + ".torn", "ab") as torn:
            torn.write(os.pread(fd, end - start, start) + b"\n")
        os.ftruncate(fd, start)


def _lines(events: Sequence[AnyEvent], end: Mark) -> tuple[bytes, Mark]:
    """The text of `events` behind `end`, and the end after it."""
    parts: list[bytes] = []
    for event in events:
        odd = {}
        if isinstance(event, StageFinished):
            odd = {name: str(value) for name, value in event.metrics.items() if not isfinite(value)}
            if odd:
                finite = {name: value for name, value in event.metrics.items() if name not in odd}
                event = replace(event, metrics=finite)
        line = _encode(_Written(end.lines + 1, end.head, Raw(_json(event)), odd)) + b"\n"
        parts.append(line)
        end = Mark(end.offset + len(line), end.lines + 1, _digest(line))
    return b"".join(parts), end


def _json(event: AnyEvent) -> bytes:
    """The event as JSON; what JSON can't say (bytes of a name that are no UTF-8, keys that are no text) is put
    in words rather than lost."""
    try:
        return _encode(event)
    except (TypeError, ValueError):
        return _encode(_sayable(to_builtins(event, enc_hook=repr)))


def _sayable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {
            _sayable(key if isinstance(key, str) else repr(key)): _sayable(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [_sayable(inner) for inner in value]
    return value


def _write(fd: int, content: bytes, offset: int) -> None:
    """Writes all, or leaves nothing behind `offset`."""
    try:
        done = 0
        while done < len(content):
            done += os.pwrite(fd, content[done:] if done else content, offset + done)
    except OSError:
        os.ftruncate(fd, offset)
        raise


def _sync_folder(path: str) -> None:
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _line_before(fd: int, end: int) -> bytes:
    """The line whose last byte stands before `end`."""
    size = _BLOCK
    while True:
        start = max(0, end - size)
        block = os.pread(fd, end - start, start)
        cut = block.rfind(b"\n", 0, max(0, len(block) - 1))
        if cut >= 0 or start == 0:
            return block[cut + 1 :]
        size *= 4


def _digest(line: bytes) -> Digest:
    return Digest(blake3(line).hexdigest())


def _read(line: bytes, before: Mark) -> tuple[AnyEvent | None, bool]:
    try:
        written = _decode_line(line)
    except (DecodeError, UnicodeDecodeError):
        return None, False
    linked = written.prev == before.head and written.seq == before.lines + 1
    try:
        event = _decode_event(written.event)
    except (DecodeError, UnicodeDecodeError):
        return None, linked
    if written.odd and isinstance(event, StageFinished):
        odd = {name: float(value) for name, value in written.odd.items()}
        event = replace(event, metrics={**event.metrics, **odd})
    return event, linked


class Appender(Protocol):
    """Where a recorder writes to."""

    def append(self, events: Sequence[AnyEvent]) -> None: ...


class Recorder:
    """Writes the events it is called with to a journal, from a thread of its own.

    A call takes microseconds and never fails: what the journal can't take, or not in time, is counted and left
    out, and `close` says so. Events are gathered for `linger` seconds, or until a run finishes.
    """

    def __init__(self, journal: Appender, *, limit: int = 100_000, linger: float = 0.05) -> None:
        self._journal = journal
        self._limit = limit
        self._linger = linger
        self._waiting: deque[AnyEvent] = deque()
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._hurry = False
        self._closing = False
        self._lost = 0
        self._left = 0
        """Events given to the recorder that are neither written nor lost."""
        self._error: Exception | None = None

    def __call__(self, event: AnyEvent) -> None:
        """Takes note of an event; `RunFinished` always finds room."""
        with self._turn:
            finished = isinstance(event, RunFinished)
            if self._closing or (len(self._waiting) >= self._limit and not finished):
                self._lost += 1
                return
            self._waiting.append(event)
            self._left += 1
            if finished or len(self._waiting) == 1:
                self._hurry = self._hurry or finished
                self._turn.notify()
            if self._thread is None:
                self._start()

    def close(self, timeout: float = 5.0) -> str | None:
        """Writes what is left and returns None, or a sentence that says what is not on record and why.

        Takes `timeout` seconds at the longest; what is written later than that is not waited for."""
        with self._turn:
            self._closing = True
            self._turn.notify()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._turn:
            if self._left:
                return f"{_events(self._left)} of this run may not be on record: the journal is too slow"
            if self._lost:
                cause = f": {_cause(self._error)}" if self._error else ", as too many came at once"
                return f"{_events(self._lost)} of this run {'is' if self._lost == 1 else 'are'} not on record{cause}"
            return None

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._lost, self._left, self._closing, self._error = self._left, 0, True, error
            return
        self._thread = thread

    def _work(self) -> None:
        while batch := self._next():
            error = self._write(batch)
            with self._turn:
                self._left -= len(batch)
                if error is not None:
                    self._lost += len(batch)
                    self._error = error

    def _next(self) -> list[AnyEvent]:
        """The next events to write, none once all are and no more will come."""
        with self._turn:
            while not self._waiting and not self._closing:
                self._turn.wait()
            if not self._hurry and not self._closing:
                self._turn.wait_for(lambda: self._hurry or self._closing, self._linger)
            batch = list(self._waiting)
            self._waiting.clear()
            self._hurry = False
            return batch

    def _write(self, batch: list[AnyEvent]) -> Exception | None:
        try:
            self._journal.append(batch)
        except Exception as error:
            return error
        return None


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = error.what if isinstance(error, UserError) else str(error)
    return told or type(error).__name__
