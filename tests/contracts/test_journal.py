"""The journal on a real disk, and the recorder before it."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdo.core.errors import DamagedLedger
from outdo.core.events import AnyEvent, RunFinished, RunStarted, StageFinished, Warned
from outdo.core.model import Key, Record, RunId, StageName
from outdo.store.journal import Journal, Mark, Recorder

R1, R2 = RunId("r1"), RunId("r2")
STARTED = RunStarted(R1, 1.0, "flights", ("outdo", "run"))
WARNED = Warned(R1, 2.0, "a path with\na newline, “quotes” and ünïcode")
FINISHED = RunFinished(R1, 3.0, "done", 2.0)
EVENTS: list[AnyEvent] = [STARTED, WARNED, FINISHED]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(str(tmp_path / "journal.jsonl"))


def events(journal: Journal, after: Mark = Mark()) -> list[AnyEvent | None]:  # noqa: B008
    return [line.event for line in journal.read(after)]


def text(journal: Journal) -> bytes:
    return Path(journal.path).read_bytes()


def write(journal: Journal, content: bytes) -> None:
    Path(journal.path).write_bytes(content)


# What was appended.


def test_what_was_appended_is_read_in_order(journal: Journal) -> None:
    journal.append(EVENTS[:2])
    journal.append(EVENTS[2:])
    assert events(journal) == EVENTS


def test_a_journal_that_is_not_there_is_empty(journal: Journal) -> None:
    assert events(journal) == []
    assert journal.verify() == Mark()


def test_reading_goes_on_where_it_left_off(journal: Journal) -> None:
    journal.append(EVENTS)
    first = next(iter(journal.read()))
    assert events(journal, first.end) == EVENTS[1:]


def test_another_journal_of_the_same_file_goes_on_with_its_chain(journal: Journal) -> None:
    journal.append(EVENTS[:1])
    Journal(journal.path).append(EVENTS[1:2])
    journal.append(EVENTS[2:])
    assert events(journal) == EVENTS
    assert journal.verify().lines == 3


def test_metrics_that_are_no_finite_numbers_come_back(journal: Journal) -> None:
    metrics = {"auc": 0.7, "loss": float("inf"), "f1": float("nan")}
    journal.append([StageFinished(R1, 1.0, StageName("train"), "ran", metrics=metrics)])
    (back,) = events(journal)
    assert isinstance(back, StageFinished)
    assert back.metrics["auc"] == 0.7
    assert back.metrics["loss"] == float("inf")
    assert isnan(back.metrics["f1"])


def test_a_name_that_is_no_utf_8_is_put_in_words(journal: Journal) -> None:
    journal.append([Warned(R1, 1.0, "bad \udcff name")])
    assert events(journal) == [Warned(R1, 1.0, "bad \\udcff name")]


def test_a_param_with_keys_that_are_no_text_is_put_in_words(journal: Journal) -> None:
    record = Record(Key("k"), (), params={"p": {None: 1, 2: "two"}})
    journal.append([StageFinished(R1, 1.0, StageName("train"), "ran", record=record)])
    (back,) = events(journal)
    assert isinstance(back, StageFinished)
    assert back.record is not None
    assert back.record.params == {"p": {"None": 1, "2": "two"}}


def test_an_event_of_a_newer_outdo_is_passed_over(journal: Journal) -> None:
    journal.append([STARTED])
    write(journal, text(journal).replace(b"run_started", b"run_dreamt"))
    journal.append([FINISHED])
    assert events(journal) == [None, FINISHED]
    assert journal.verify().lines == 2


def test_processes_that_append_at_once_keep_one_chain(journal: Journal) -> None:
    code = (
        "import sys\n"
        "from outdo.core.events import Warned\n"
        "from outdo.core.model import RunId\n"
        "from outdo.store.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for number in range(100): journal.append([Warned(RunId(sys.argv[2]), 0.0, str(number))])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, journal.path, name]) for name in ("a", "b", "c")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert journal.verify().lines == 300
    for name in ("a", "b", "c"):
        told = [e.message for e in events(journal) if isinstance(e, Warned) and e.run == name]
        assert told == [str(number) for number in range(100)]


# What a killed process or a power cut leaves behind.


@pytest.mark.parametrize("torn", [b'{"seq":3,"prev":"ab', b"\0" * 5000, b"x" * 200_000])
def test_a_torn_last_line_is_not_read_and_set_aside_by_the_next_append(journal: Journal, torn: bytes) -> None:
    journal.append(EVENTS[:2])
    write(journal, text(journal) + torn)
    assert events(journal) == EVENTS[:2]
    Journal(journal.path).append(EVENTS[2:])
    assert events(journal) == EVENTS
    assert journal.verify().lines == 3
    assert Path(journal.path + ".torn").read_bytes() == torn + b"\n"


def test_garbage_that_ends_like_a_line_is_set_aside_too(journal: Journal) -> None:
    journal.append(EVENTS[:2])
    write(journal, text(journal) + b"\0\0\n")
    journal.append(EVENTS[2:])
    assert journal.verify().lines == 3


@given(cut=st.integers(min_value=0, max_value=500))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_wherever_the_file_was_cut_no_whole_line_is_lost(tmp_path: Path, cut: int) -> None:
    journal = Journal(str(tmp_path / "cut.jsonl"))
    write(journal, b"")
    journal.append(EVENTS)
    whole = text(journal)
    kept = whole[: max(0, len(whole) - cut)]
    write(journal, kept)
    Journal(journal.path).append([WARNED])
    assert events(journal) == [*EVENTS[: kept.count(b"\n")], WARNED]
    assert journal.verify().lines == kept.count(b"\n") + 1


def test_a_file_that_is_no_journal_is_left_alone(journal: Journal) -> None:
    write(journal, b'{"name": "something else"}\n')
    with pytest.raises(DamagedLedger):
        journal.append(EVENTS)
    assert text(journal) == b'{"name": "something else"}\n'


def test_a_full_disk_leaves_nothing_half_written(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(EVENTS[:1])
    pwrite = os.pwrite

    def full(fd: int, content: bytes, offset: int) -> int:
        if len(content) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(fd, content[:100], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            journal.append(EVENTS[1:])
    assert events(journal) == EVENTS[:1]
    journal.append(EVENTS[1:])
    assert journal.verify().lines == 3


# What was changed afterwards.


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


TAMPERINGS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "edited": lambda lines: [lines[0].replace(b"flights", b"flight"), *lines[1:]],
    "taken out": lambda lines: [lines[0], lines[2]],
    "taken out at the front": lambda lines: lines[1:],
    "put in": lambda lines: [lines[0], lines[0], *lines[1:]],
    "swapped": lambda lines: [lines[1], lines[0], lines[2]],
    "not a line": lambda lines: [lines[0], b"hello\n", lines[2]],
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_a_change_breaks_the_chain(journal: Journal, kind: str) -> None:
    journal.append(EVENTS)
    write(journal, b"".join(TAMPERINGS[kind](_lines(text(journal)))))
    with pytest.raises(DamagedLedger, match=r"line \d of the journal"):
        journal.verify()


@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
def test_a_flipped_bit_is_found_or_met_by_the_mark(tmp_path: Path, place: int, bit: int) -> None:
    journal = Journal(str(tmp_path / "flip.jsonl"))
    write(journal, b"")
    journal.append(EVENTS)
    end = journal.verify()
    content = bytearray(text(journal))
    content[place % len(content)] ^= 1 << bit
    write(journal, bytes(content))
    try:
        assert journal.verify() != end
    except DamagedLedger:
        pass


def test_a_journal_that_was_cut_short_does_not_hold_its_old_mark(journal: Journal) -> None:
    journal.append(EVENTS)
    end = journal.verify()
    assert journal.holds(end)
    write(journal, b"".join(_lines(text(journal))[:2]))
    assert not journal.holds(end)


# Who is still at it.


def test_nobody_records_before_the_first_run_and_after_the_last(journal: Journal) -> None:
    assert journal.nobody_records()
    journal.append(EVENTS)
    assert journal.nobody_records()


def test_a_process_in_the_middle_of_a_run_records(journal: Journal) -> None:
    journal.append([STARTED])
    assert not journal.nobody_records()


def test_a_killed_process_does_not_record(journal: Journal) -> None:
    code = (
        "import sys, time\n"
        "from outdo.core.events import RunStarted\n"
        "from outdo.core.model import RunId\n"
        "from outdo.store.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "journal.append([RunStarted(RunId('r1'), 0.0, 'flights')])\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, journal.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert not journal.nobody_records()
        process.send_signal(signal.SIGKILL)
    assert journal.nobody_records()


# The recorder.


class Memory:
    """A journal that does as told: takes what comes, fails, or takes its time."""

    def __init__(self, error: Exception | None = None, seconds: float = 0.0) -> None:
        self.taken: list[AnyEvent] = []
        self.error = error
        self.go_on = threading.Event()
        self.seconds = seconds

    def append(self, events: Sequence[AnyEvent]) -> None:
        self.go_on.wait(self.seconds)
        if self.error is not None:
            raise self.error
        self.taken += events


def test_the_recorder_writes_all_in_order() -> None:
    memory = Memory()
    recorder = Recorder(memory)
    for event in EVENTS * 100:
        recorder(event)
    assert recorder.close() is None
    assert memory.taken == EVENTS * 100


def test_a_recorder_that_was_never_called_closes() -> None:
    assert Recorder(Memory()).close() is None


def test_events_are_on_record_soon_without_a_close(journal: Journal) -> None:
    recorder = Recorder(journal, linger=0.01)
    recorder(STARTED)
    deadline = time.monotonic() + 5
    while not events(journal) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert events(journal) == [STARTED]
    recorder.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (DamagedLedger("the last line is not of a journal"), "the last line is not of a journal"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_journal_that_fails_costs_a_sentence(error: Exception, told: str) -> None:
    recorder = Recorder(Memory(error))
    for event in EVENTS:
        recorder(event)
    assert recorder.close() == f"3 events of this run are not on record: {told}"


def test_a_slow_journal_holds_nobody_up() -> None:
    memory = Memory(seconds=60)
    recorder = Recorder(memory, linger=0)
    before = time.monotonic()
    for event in EVENTS * 1000:
        recorder(event)
    assert time.monotonic() - before < 1
    assert recorder.close(0.05) == "3000 events of this run may not be on record: the journal is too slow"
    assert time.monotonic() - before < 2
    memory.go_on.set()


def test_beyond_its_limit_a_slow_journal_loses_events_but_never_the_end_of_the_run() -> None:
    memory = Memory(seconds=60)
    recorder = Recorder(memory, limit=10, linger=30)
    for _ in range(50):
        recorder(WARNED)
    recorder(FINISHED)
    memory.go_on.set()
    assert recorder.close() == "40 events of this run are not on record, as too many came at once"
    assert memory.taken == [*[WARNED] * 10, FINISHED]


def test_a_folder_that_can_not_be_written_costs_a_sentence(tmp_path: Path) -> None:
    recorder = Recorder(Journal(str(tmp_path / "missing" / "journal.jsonl")))
    recorder(STARTED)
    assert recorder.close() == "1 event of this run is not on record: No such file or directory"


def test_a_journal_that_another_process_holds_is_waited_for_no_longer_than_said(journal: Journal) -> None:
    fd = os.open(journal.path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    recorder = Recorder(journal)
    recorder(STARTED)
    told = recorder.close(0.2)
    os.close(fd)
    assert told == "1 event of this run may not be on record: the journal is too slow"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_costs_a_sentence_and_no_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    try:
        journal = Journal(str(disk / "journal.jsonl"))
        recorder = Recorder(journal, linger=0)
        for number in range(10_000):
            recorder(Warned(R1, float(number), "x" * 100))
        told = recorder.close()
        assert told is not None
        assert told.endswith("No space left on device")
        assert journal.verify().lines == len(events(journal))
    finally:
        subprocess.run(["umount", disk], check=True)
