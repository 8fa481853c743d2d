"""Two processes that need the same result, in two work trees with one store: it is computed once."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from outdo.core.model import Key, RunId
from outdo.run.claims import Bell, Claims
from tests.contracts.waiting import until

WAITS = """
stages:
  slow:
    cmd: echo $$ >> $OUTSIDE/started; until [ -e $OUTSIDE/go ]; do sleep 0.02; done; cp in out
    deps: [in]
    outs: [out]
"""
MANY = "stages:\n" + "".join(
    f"  s{n}: {{cmd: 'echo {n} >> $OUTSIDE/started; sleep 0.05; cp in out{n}', deps: [in], outs: [out{n}]}}\n"
    for n in range(10)
)
SAME = "computes the same now, and its result is taken over when it is there"
KEY = Key("1" * 64)
ONE, OTHER = RunId("one"), RunId("other")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTSIDE", str(tmp_path))
    monkeypatch.setenv("OUTDO_STORE", str(tmp_path / "store"))


def start(tmp_path: Path, name: str, pipeline: str, *words: str) -> "subprocess.Popen[str]":
    root = tmp_path / name
    root.mkdir()
    (root / "outdo.yaml").write_text(pipeline)
    (root / "in").write_text("1")
    command = [sys.executable, "-m", "outdo.cli.main", "run", *words]
    out = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, stdout=out, stderr=subprocess.STDOUT, text=True)


def started(tmp_path: Path) -> list[str]:
    """The stages' commands that have begun."""
    try:
        return (tmp_path / "started").read_text().split()
    except FileNotFoundError:
        return []


def until_one_has_started(tmp_path: Path) -> None:
    until(lambda: started(tmp_path))


def ended(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=60)
    return process.returncode


def until_it_waits(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    told = ""
    while SAME not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    return told


def test_the_second_waits_and_takes_over_what_the_first_has_made(tmp_path: Path) -> None:
    first = start(tmp_path, "first", WAITS)
    until_one_has_started(tmp_path)
    second = start(tmp_path, "second", WAITS)
    assert f"process {first.pid}" in until_it_waits(second)
    (tmp_path / "go").touch()
    assert "ran" in first.communicate(timeout=20)[0]
    assert "restored" in second.communicate(timeout=20)[0]
    assert len(started(tmp_path)) == 1
    assert (tmp_path / "second" / "out").read_text() == "1"
    assert not list((tmp_path / "store" / "claims").iterdir())


def test_when_the_first_is_killed_the_second_computes_it(tmp_path: Path) -> None:
    first = start(tmp_path, "first", WAITS)
    until_one_has_started(tmp_path)
    second = start(tmp_path, "second", WAITS)
    until_it_waits(second)
    first.send_signal(signal.SIGKILL)
    ended(first)
    (tmp_path / "go").touch()
    assert "ran" in second.communicate(timeout=20)[0]
    assert len(started(tmp_path)) == 2


def test_when_it_fails_in_the_first_the_second_tries_it(tmp_path: Path) -> None:
    failing = WAITS.replace("cp in out", "[ $(wc -l < $OUTSIDE/started) = 2 ] && cp in out")
    first = start(tmp_path, "first", failing)
    until_one_has_started(tmp_path)
    second = start(tmp_path, "second", failing)
    until_it_waits(second)
    (tmp_path / "go").touch()
    assert ended(first) == 1
    assert ended(second) == 0


def test_one_that_waits_can_be_ended(tmp_path: Path) -> None:
    first = start(tmp_path, "first", WAITS)
    until_one_has_started(tmp_path)
    second = start(tmp_path, "second", WAITS)
    until_it_waits(second)
    second.send_signal(signal.SIGINT)
    assert ended(second) != 0
    (tmp_path / "go").touch()
    assert ended(first) == 0


def test_by_force_it_is_computed_twice(tmp_path: Path) -> None:
    first = start(tmp_path, "first", WAITS)
    until_one_has_started(tmp_path)
    second = start(tmp_path, "second", WAITS, "--force")
    until(lambda: len(started(tmp_path)) >= 2)
    (tmp_path / "go").touch()
    assert (ended(first), ended(second)) == (0, 0)


def test_many_stages_of_three_processes_are_each_computed_once(tmp_path: Path) -> None:
    processes = [start(tmp_path, name, MANY, "--jobs", "3") for name in ("one", "two", "three")]
    assert [ended(process) for process in processes] == [0, 0, 0]
    assert sorted(started(tmp_path), key=int) == [str(n) for n in range(10)]


# ---------------------------------------------------------------- within one process


def test_a_key_is_had_by_one_run_and_the_bell_rings_when_it_is_free(tmp_path: Path) -> None:
    claims, rung = Claims(Bell(), str(tmp_path / "claims")), threading.Event()
    claims.bell.listen(rung.set)
    assert claims.take(KEY, ONE)
    assert claims.take(KEY, ONE)
    assert not claims.take(KEY, OTHER)
    claims.free(KEY, ONE)
    assert rung.is_set()
    assert claims.take(KEY, OTHER)


def test_where_nothing_can_be_written_it_may_be_computed(tmp_path: Path) -> None:
    (tmp_path / "claims").write_text("a file")
    claims = Claims(Bell(), str(tmp_path / "claims"))
    assert claims.take(KEY, ONE)
    claims.free(KEY, ONE)


def test_a_claim_is_not_handed_on_to_commands(tmp_path: Path) -> None:
    claims = Claims(Bell(), str(tmp_path / "claims"))
    assert claims.take(KEY, ONE)
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_link(fd)]
    assert str(tmp_path / "claims" / KEY) in held
    command = ["sh", "-c", "ls -l /proc/self/fd"]
    assert KEY not in subprocess.run(command, capture_output=True, text=True, close_fds=False).stdout


def _is_link(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")
