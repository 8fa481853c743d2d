"""What every executor keeps to, and what the one of real processes adds: nothing of a stage outlives its attempt."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from outdo.core.errors import BadRehearsal, Mistakes
from outdo.core.model import StageName
from outdo.run import guard
from outdo.run.local import Local
from outdo.run.ports import Cancel, Executor, Job, Outcome
from outdo.run.rehearsal import Fault, Pretend, Rehearsal, Work, hang, parse_faults, rehearse

GOOD, BAD, STUCK = StageName("good"), StageName("bad"), StageName("stuck")
LEAVES_NOTHING = 5.0
"""Seconds after which nothing may be left of a killed engine."""


def write_out(job: Job, cancel: Cancel) -> None:
    Path(job.cwd, "out").write_text("made")


COMMANDS = {GOOD: "printf made > out", BAD: "exit 3", STUCK: "while :; do sleep 60; done"}
WORK: Mapping[StageName, Work] = {GOOD: write_out, BAD: lambda job, cancel: 3, STUCK: hang}

linux = pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="/proc tells who carries a mark")


def job(folder: Path, *commands: str, stage: StageName = GOOD, timeout: float | None = None) -> Job:
    """One attempt in `folder`, with the log beside what it writes."""
    env = {"PATH": os.environ["PATH"], "FOLDER": str(folder)}
    return Job(stage, 1, commands or (COMMANDS[stage],), str(folder), env, str(folder / "log"), timeout)


def log_of(folder: Path) -> str:
    return (folder / "log").read_text()


def is_there(pid: int) -> bool:
    """Whether a process lives; a zombie, which only waits for its parent to look, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def written_pids(folder: Path, count: int) -> list[int]:
    """The numbers that processes of a stage put into `folder`/pids, once there are `count`."""
    pids: list[int] = []
    deadline = time.monotonic() + 30
    while len(pids) < count and time.monotonic() < deadline:
        time.sleep(0.01)
        if (folder / "pids").exists():
            pids = [int(line) for line in (folder / "pids").read_text().split()]
    assert len(pids) >= count
    return pids


def in_thread(executor: Executor, one: Job, cancel: Cancel) -> Callable[[], Outcome]:
    """Starts the job beside the test; the returned function waits for its outcome."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(executor.run(one, cancel)))
    thread.start()

    def wait() -> Outcome:
        thread.join(30)
        return outcomes[0]

    return wait


@pytest.fixture(params=["local", "local without pidfd", "rehearsal", "pretend"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    kinds: dict[str, Callable[[], Executor]] = {
        "local": lambda: Local("test"),
        "local without pidfd": lambda: Local("test", pidfds=False),
        "rehearsal": lambda: Rehearsal(Local("test"), {}),
        "pretend": lambda: Pretend(WORK),
    }
    executor = kinds[request.param]()
    yield executor
    executor.close()


@pytest.fixture(params=[True, False], ids=["pidfd", "no pidfd"])
def local(request: pytest.FixtureRequest) -> Iterator[Local]:
    local = Local("test", grace=0.3, pidfds=request.param)
    yield local
    local.close()


# what every executor keeps to


def test_a_good_stage_is_ok_and_has_written(executor: Executor, tmp_path: Path) -> None:
    outcome = executor.run(job(tmp_path), Cancel())
    assert outcome.ok
    assert outcome.ending == "exited"
    assert (tmp_path / "out").read_text() == "made"


def test_an_exit_code_is_told(executor: Executor, tmp_path: Path) -> None:
    outcome = executor.run(job(tmp_path, stage=BAD), Cancel())
    assert (outcome.ending, outcome.exit_code, outcome.ok) == ("exited", 3, False)


def test_a_stage_that_never_ends_ends_at_its_timeout(executor: Executor, tmp_path: Path) -> None:
    outcome = executor.run(job(tmp_path, stage=STUCK, timeout=0.1), Cancel())
    assert (outcome.ending, outcome.exit_code) == ("timeout", None)
    assert 0.1 <= outcome.seconds < 5


def test_a_stop_ends_what_runs(executor: Executor, tmp_path: Path) -> None:
    cancel = Cancel()
    wait = in_thread(executor, job(tmp_path, stage=STUCK), cancel)
    time.sleep(0.05)
    cancel.request()
    assert wait().ending == "cancelled"


def test_after_a_stop_nothing_starts(executor: Executor, tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.request()
    assert executor.run(job(tmp_path), cancel).ending == "cancelled"
    assert not (tmp_path / "out").exists()


def test_after_the_close_nothing_starts(executor: Executor, tmp_path: Path) -> None:
    executor.close()
    assert executor.run(job(tmp_path), Cancel()).ending == "cancelled"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", ["cwd", "log"])
def test_what_cannot_start_is_an_outcome(executor: Executor, tmp_path: Path, missing: str) -> None:
    one = job(tmp_path)
    absent = str(tmp_path / "absent" / "x")
    bent = Job(one.stage, 1, one.commands, absent if missing == "cwd" else one.cwd, one.env, absent)
    outcome = executor.run(bent, Cancel())
    assert outcome.ending == "unstartable"
    assert "absent" in outcome.message


def test_a_log_is_there_even_of_a_silent_stage(executor: Executor, tmp_path: Path) -> None:
    executor.run(job(tmp_path), Cancel())
    assert log_of(tmp_path) == ""


# real processes: what they are given


def test_commands_run_in_order_until_one_fails(local: Local, tmp_path: Path) -> None:
    outcome = local.run(job(tmp_path, "echo one", "echo two >&2; exit 7", "echo three"), Cancel())
    assert outcome.exit_code == 7
    assert log_of(tmp_path) == "one\ntwo\n"


def test_a_stage_without_commands_is_ok(local: Local, tmp_path: Path) -> None:
    nothing = Job(GOOD, 1, (), str(tmp_path), {}, str(tmp_path / "log"))
    assert local.run(nothing, Cancel()).ok


def test_the_environment_is_the_job_s_and_the_mark(local: Local, tmp_path: Path) -> None:
    local.run(job(tmp_path, "env -u PWD -u _ -u SHLVL -u OLDPWD | cut -d= -f1 | sort"), Cancel())
    assert log_of(tmp_path).split() == ["FOLDER", "OUTDO_GUARD", "PATH"]


def test_stdin_is_at_its_end(local: Local, tmp_path: Path) -> None:
    local.run(job(tmp_path, "wc -c"), Cancel())
    assert log_of(tmp_path).strip() == "0"


def test_a_stage_is_in_a_session_of_its_own(local: Local, tmp_path: Path) -> None:
    local.run(job(tmp_path, f"{sys.executable} -c 'import os; print(os.getsid(0))'"), Cancel())
    assert int(log_of(tmp_path)) != os.getsid(0)


@linux
def test_no_file_of_the_engine_is_open_in_a_stage(local: Local, tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(lock, True)
    try:
        local.run(job(tmp_path, "for fd in /proc/$$/fd/*; do readlink $fd; done"), Cancel())
    finally:
        os.close(lock)
    assert not {str(tmp_path / "lock"), "pipe", "anon_inode"} & set(log_of(tmp_path).split())


def test_the_wrapper_stands_before_the_shell(local: Local, tmp_path: Path) -> None:
    one = job(tmp_path, "echo $SEEN")
    wrapped = Job(one.stage, 1, one.commands, one.cwd, one.env, one.log, wrapper=("env", "SEEN=yes"))
    assert local.run(wrapped, Cancel()).ok
    assert log_of(tmp_path) == "yes\n"


def test_an_attempt_adds_to_the_log(local: Local, tmp_path: Path) -> None:
    local.run(job(tmp_path, "echo one"), Cancel())
    local.run(job(tmp_path, "echo two"), Cancel())
    assert log_of(tmp_path) == "one\ntwo\n"


# real processes: how they end


def test_death_by_a_signal_is_told(local: Local, tmp_path: Path) -> None:
    outcome = local.run(job(tmp_path, "kill -9 $$"), Cancel())
    assert (outcome.ending, outcome.signal, outcome.exit_code) == ("signalled", 9, None)


def test_the_timeout_covers_all_commands_together(local: Local, tmp_path: Path) -> None:
    outcome = local.run(job(tmp_path, *["sleep 0.2"] * 10, timeout=0.5), Cancel())
    assert outcome.ending == "timeout"
    assert outcome.seconds < 5


@pytest.mark.parametrize(
    "command", ["true " * 100_000, "true\0", "\udcff\ud800"], ids=["long", "null", "surrogate"]
)
def test_a_command_no_system_takes_is_an_outcome(local: Local, tmp_path: Path, command: str) -> None:
    outcome = local.run(job(tmp_path, command), Cancel())
    assert outcome.ending == "unstartable"
    assert outcome.message.startswith("the command can't be started: ")


def test_cpu_time_and_memory_are_those_of_the_command(local: Local, tmp_path: Path) -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10  # what is below it would be hidden
    size = own + (200 << 20)
    burn = f"{sys.executable} -c 'x = b\"x\" * {size}; sum(range(3_000_000))'"
    outcome = local.run(job(tmp_path, burn), Cancel())
    assert 0.02 < outcome.cpu_seconds < 10
    assert size < outcome.peak_memory < size + (200 << 20)


def test_memory_that_the_engine_s_own_would_hide_is_not_told(local: Local, tmp_path: Path) -> None:
    assert local.run(job(tmp_path, "true"), Cancel()).peak_memory == 0


def test_sigterm_comes_first_and_leaves_time_to_save(local: Local, tmp_path: Path) -> None:
    saves = "trap 'sleep 0.1; echo saved > out; exit' TERM; while :; do sleep 0.01; done"
    assert local.run(job(tmp_path, saves, timeout=0.1), Cancel()).ending == "timeout"
    assert (tmp_path / "out").read_text() == "saved\n"


def test_who_is_deaf_to_sigterm_is_killed(local: Local, tmp_path: Path) -> None:
    deaf = "trap '' TERM; echo $$ > pids; while :; do sleep 60; done"
    outcome = local.run(job(tmp_path, deaf, timeout=0.1), Cancel())
    assert outcome.ending == "timeout"
    assert outcome.seconds < 5
    assert not is_there(written_pids(tmp_path, 1)[0])


def test_a_stopped_stage_is_ended_too(local: Local, tmp_path: Path) -> None:
    assert local.run(job(tmp_path, "kill -STOP $$", timeout=0.1), Cancel()).ending == "timeout"


def test_a_log_of_one_line_of_10_mb_costs_no_memory(local: Local, tmp_path: Path) -> None:
    outcome = local.run(job(tmp_path, "head -c 10000000 /dev/zero | tr '\\0' x"), Cancel())
    assert outcome.ok
    assert (tmp_path / "log").stat().st_size == 10_000_000


def test_a_log_that_is_removed_meanwhile_stops_nobody(local: Local, tmp_path: Path) -> None:
    assert local.run(job(tmp_path, "rm log; echo x", "echo y"), Cancel()).ok
    assert not (tmp_path / "log").exists()


def test_a_background_process_may_serve_the_commands_after_it(local: Local, tmp_path: Path) -> None:
    outcome = local.run(job(tmp_path, "sleep 60 & echo $! > pids", "kill -0 $(cat pids)"), Cancel())
    assert outcome.ok
    assert not is_there(written_pids(tmp_path, 1)[0])


# real processes: nothing is left of them

BACKGROUND = {
    "child": "sleep 61 & echo $! >> pids",
    "grandchild": "(sh -c 'sleep 62 & echo $! >> pids' &)",
    "nohup": "nohup sleep 63 >/dev/null 2>&1 & echo $! >> pids",
    "setsid": "setsid sh -c 'echo $$ >> pids; sleep 64' >/dev/null &",
    "daemon": "(setsid sh -c '(echo 0; exec sh -c \"echo \\$\\$ >> pids; exec sleep 65\") &' &) >/dev/null",
    "no environment": "env -i sleep 66 & echo $! >> pids",
    "deaf": "(trap '' TERM HUP; sh -c 'echo $$ >> pids; exec sleep 67') &",
}


@linux
@pytest.mark.parametrize("kind", BACKGROUND)
def test_what_runs_on_in_the_background_ends_with_its_stage(local: Local, tmp_path: Path, kind: str) -> None:
    waits = "while [ ! -s pids ]; do sleep 0.01; done"
    outcome = local.run(job(tmp_path, f"{BACKGROUND[kind]}\n{waits}"), Cancel())
    assert outcome.ok
    assert not [pid for pid in written_pids(tmp_path, 1) if is_there(pid)]


@linux
def test_all_of_them_end_at_a_stop(local: Local, tmp_path: Path) -> None:
    cancel = Cancel()
    wait = in_thread(local, job(tmp_path, "\n".join([*BACKGROUND.values(), "sleep 60"])), cancel)
    pids = written_pids(tmp_path, len(BACKGROUND))
    cancel.request()
    assert wait().ending == "cancelled"
    assert not [pid for pid in pids if is_there(pid)]


@linux
def test_a_tree_of_fifty_processes_ends_at_the_timeout(local: Local, tmp_path: Path) -> None:
    (tmp_path / "fork").write_text(
        'echo $$ >> "$FOLDER/pids"\n'
        "[ $1 = 0 ] && { trap '' TERM; exec sleep 60; }\n"
        'setsid sh "$FOLDER/fork" $(($1 - 1)) & sh "$FOLDER/fork" $(($1 - 1)) & wait\n'
    )
    outcome = local.run(job(tmp_path, 'sh "$FOLDER/fork" 5', timeout=1.0), Cancel())
    assert outcome.ending == "timeout"
    assert not [pid for pid in written_pids(tmp_path, 50) if is_there(pid)]


@linux
def test_a_process_of_another_stage_is_left_alone(local: Local, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cancel = Cancel()
    wait = in_thread(local, job(other, "setsid sh -c 'echo $$ > pids; exec sleep 60' & sleep 60"), cancel)
    (pid,) = written_pids(other, 1)
    local.run(job(tmp_path, "sleep 60 & true"), Cancel())
    assert is_there(pid)
    cancel.request()
    wait()
    assert not is_there(pid)


@linux
def test_close_ends_what_still_runs(tmp_path: Path) -> None:
    local = Local("test")
    wait = in_thread(local, job(tmp_path, "echo $$ > pids; sleep 60"), Cancel())
    (pid,) = written_pids(tmp_path, 1)
    local.close()
    assert wait().ending == "cancelled"
    assert not is_there(pid)


@linux
def test_a_run_inside_a_run_is_found_by_the_outer_one(local: Local, tmp_path: Path) -> None:
    inner = "OUTDO_GUARD=\"${OUTDO_GUARD}inner-1/1;\" setsid sh -c 'echo $$ > pids; exec sleep 60' &"
    local.run(job(tmp_path, f"{inner} while [ ! -s pids ]; do sleep 0.01; done"), Cancel())
    assert not is_there(written_pids(tmp_path, 1)[0])


@linux
@pytest.mark.slow
def test_of_a_thousand_stages_side_by_side_no_daemon_is_left(tmp_path: Path) -> None:
    local, cancel = Local("test"), Cancel()

    def work(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        for _ in range(250):
            assert local.run(job(folder, "setsid sleep 60 & true"), cancel).ok

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [number for number in range(4) if not is_empty(tmp_path / str(number))] == []
    local.close()


# the engine itself is killed

ENGINE = """
import os, sys, threading
from outdo.run.local import Local
from outdo.run.ports import Cancel, Job

folder, command = sys.argv[1:]
local, cancel = Local("engine"), Cancel()
jobs = [
    Job("s", 1, (command,), folder, {"PATH": os.environ["PATH"]}, f"{folder}/log"),
    Job("t", 1, ("echo $$ >> pids; sleep 60",), folder, {"PATH": os.environ["PATH"]}, f"{folder}/log"),
]
threads = [threading.Thread(target=local.run, args=(job, cancel)) for job in jobs]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
local.close()
"""


@contextmanager
def engine(folder: Path, command: str, program: str = ENGINE) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that runs two stages; killed at the end if not before."""
    process = subprocess.Popen([sys.executable, "-c", program, str(folder), command])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def guards(parent: int) -> list[int]:
    """The guard processes that an engine has."""
    words = {pid: _words(pid) for pid in guard.processes()}
    return [
        pid for pid, line in words.items() if "guard.py" in line and line.split("\0")[-2:-1] == [str(parent)]
    ]


def guard_of(parent: int) -> int:
    """The one guard an engine has, once its words can be read."""
    assert soon(lambda: len(guards(parent)) == 1)
    return guards(parent)[0]


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LEAVES_NOTHING
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def held_by(pid: int) -> set[str]:
    """The folder a process is in and the files it has open."""
    held = set()
    for name in ("cwd", *(f"fd/{number}" for number in range(64))):
        try:
            held.add(os.readlink(f"/proc/{pid}/{name}"))
        except OSError:
            continue
    return {path for path in held if path.startswith("/") and "memfd" not in path}


@linux
def test_kill_9_of_the_engine_leaves_nothing_running(tmp_path: Path) -> None:
    with engine(tmp_path, "\n".join([*BACKGROUND.values(), "sleep 60"])) as process:
        pids = written_pids(tmp_path, len(BACKGROUND) + 1)
        watcher = guard_of(process.pid)
    assert soon(lambda: not [pid for pid in [*pids, watcher] if is_there(pid)])


@linux
def test_the_guard_is_deaf_to_what_ends_a_terminal_s_programs(tmp_path: Path) -> None:
    with engine(tmp_path, "echo $$ >> pids; sleep 60") as process:
        pids = written_pids(tmp_path, 2)
        watcher = guard_of(process.pid)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(watcher, number)
    assert soon(lambda: not [pid for pid in [*pids, watcher] if is_there(pid)])


@linux
def test_the_guard_holds_no_folder_and_no_file(tmp_path: Path) -> None:
    with engine(tmp_path, "echo $$ >> pids; sleep 60") as process:
        written_pids(tmp_path, 2)
        watcher = guard_of(process.pid)
        assert soon(lambda: held_by(watcher) == {"/", "/dev/null"})


@linux
def test_the_guard_is_gone_once_the_engine_has_closed(tmp_path: Path) -> None:
    local = Local("test")
    local.run(job(tmp_path), Cancel())
    watcher = guard_of(os.getpid())
    local.close()
    assert not is_there(watcher)


@linux
def test_without_a_job_there_is_no_guard() -> None:
    local = Local("test")
    assert guards(os.getpid()) == []
    local.close()


@linux
@pytest.mark.slow
def test_kill_9_at_random_moments_leaves_nothing_running(tmp_path: Path) -> None:
    for number in range(50):
        folder = tmp_path / str(number)
        folder.mkdir()
        with engine(folder, "\n".join([*BACKGROUND.values(), "sleep 60"])):
            time.sleep(0.05 + number * 0.005)
        assert soon(partial(is_empty, folder)), number


SLOW_TO_BEGIN = """
import subprocess, sys, time

class Slow(subprocess.Popen):
    def __init__(self, words, **options):
        if options["cwd"] == sys.argv[1]:
            options["preexec_fn"] = lambda: time.sleep(0.7)
        super().__init__(words, **options)

subprocess.Popen = Slow
"""


@linux
def test_what_an_engine_was_just_about_to_start_ends_too(tmp_path: Path) -> None:
    with engine(tmp_path, "sleep 60", SLOW_TO_BEGIN + ENGINE) as process:
        assert soon(lambda: not is_empty(tmp_path))
        assert not (tmp_path / "pids").exists()
        process.kill()
    assert soon(partial(is_empty, tmp_path))


def is_empty(folder: Path) -> bool:
    """Whether no process works in `folder`."""
    for pid in guard.processes():
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(folder) and is_there(pid):
                return False
        except OSError:
            continue
    return True


# rehearsals


def test_faults_are_read() -> None:
    assert parse_faults(["train=fail", "x@0.1=hang", "a=die:2", "lr=1=flood", "c=lose"]) == {
        "train": Fault("fail"),
        "x@0.1": Fault("hang"),
        "a": Fault("die", 2),
        "lr=1": Fault("flood"),
        "c": Fault("lose"),
    }


@pytest.mark.parametrize(
    "word", ["train", "=fail", "train=explode", "train=", "train=fail:", "train=fail:0", "t=die:x"]
)
def test_a_bad_fault_says_how_it_is_written(word: str) -> None:
    with pytest.raises(BadRehearsal) as raised:
        parse_faults([word])
    assert "train=fail:2" in raised.value.fix


def test_all_bad_faults_are_told_at_once() -> None:
    with pytest.raises(Mistakes) as raised:
        parse_faults(["train", "b=fail", "b=hang", "c=burn"])
    assert len(raised.value.mistakes) == 3


def test_a_fault_is_over_after_its_attempts(tmp_path: Path) -> None:
    first = job(tmp_path)
    third = Job(first.stage, 3, first.commands, first.cwd, first.env, first.log)
    assert rehearse(first, Fault("fail", 2)) != first
    assert rehearse(third, Fault("fail", 2)) is third
    assert rehearse(third, Fault("fail")) != third


def rehearsed(folder: Path, fault: Fault, timeout: float | None = None) -> Outcome:
    executor = Rehearsal(Local("test", grace=0.2), {GOOD: fault})
    try:
        return executor.run(job(folder, timeout=timeout), Cancel())
    finally:
        executor.close()


def test_a_rehearsed_failure_fails(tmp_path: Path) -> None:
    assert rehearsed(tmp_path, Fault("fail")).exit_code == 1
    assert log_of(tmp_path) == "rehearsal: fails\n"
    assert not (tmp_path / "out").exists()


def test_a_rehearsed_hang_is_deaf_to_sigterm(tmp_path: Path) -> None:
    outcome = rehearsed(tmp_path, Fault("hang"), timeout=0.1)
    assert outcome.ending == "timeout"
    assert outcome.seconds >= 0.3


def test_a_rehearsed_death_is_one_by_sigkill(tmp_path: Path) -> None:
    assert rehearsed(tmp_path, Fault("die")).signal == signal.SIGKILL


def test_a_rehearsed_flood_comes_before_the_work(tmp_path: Path) -> None:
    assert rehearsed(tmp_path, Fault("flood")).ok
    assert (tmp_path / "out").read_text() == "made"
    assert (tmp_path / "log").stat().st_size > 19_000_000
    assert max(map(len, log_of(tmp_path).splitlines())) == 10_000_000


def test_a_rehearsed_loss_takes_the_log_and_not_the_work(tmp_path: Path) -> None:
    assert rehearsed(tmp_path, Fault("lose")).ok
    assert (tmp_path / "out").read_text() == "made"
    assert not (tmp_path / "log").exists()


def test_a_stage_without_a_fault_is_as_ever(tmp_path: Path) -> None:
    executor = Rehearsal(Pretend(WORK), {BAD: Fault("fail")})
    assert executor.run(job(tmp_path), Cancel()).ok


def test_pretend_remembers_what_it_was_asked(tmp_path: Path) -> None:
    pretend = Pretend({})
    assert pretend.run(job(tmp_path), Cancel()).ok
    assert pretend.jobs == [job(tmp_path)]
