"""A command that tests a model, run as a stage would be: no shell, a limit of time, and no process of it left."""

import os
import shlex
import tempfile
from collections.abc import Mapping

from msgspec import Struct

from outdo.core.junit import LARGEST, NotJunit, TestCase, read_junit
from outdo.core.modelgates import TestCommand
from outdo.core.tested import Tested
from outdo.run.local import Local
from outdo.run.ports import Cancel, Job, Outcome


class Bench(Struct, frozen=True):
    """Where commands and models are measured."""

    root: str
    """The project's folder, absolute."""
    env: Mapping[str, str]
    """The whole environment of the command."""
    logs: str
    """The folder that logs are kept in."""
    cancel: Cancel


def words_of(asked: TestCommand) -> list[str]:
    """The words of the command; raises `ValueError` where a quote is left open."""
    return shlex.split(asked.cmd) if isinstance(asked.cmd, str) else list(asked.cmd)


def run_tests(bench: Bench, asked: TestCommand, name: str) -> Tested:
    """How the command ended, with the tests that it told of; `name` is that of its log."""
    try:
        words = words_of(asked)
    except ValueError as error:
        return Tested("unstartable", message=f"the command can't be read: {error}")
    if not words:
        return Tested("unstartable", message="the command is empty")
    pytest = _is_pytest(words)
    with tempfile.TemporaryDirectory() as scratch:
        file = os.path.join(bench.root, asked.junit) if asked.junit else ""
        if pytest and not file and not any(word.startswith(("--junitxml", "--junit-xml")) for word in words):
            file = os.path.join(scratch, "junit.xml")
            words.append(f"--junitxml={file}")
        before = _stamp(file)
        outcome, log = execute(bench, words, name, asked.timeout.seconds)
        cases, trouble = _cases(file, before, wanted=asked.junit is not None)
    return Tested(
        outcome.ending,
        outcome.signal if outcome.ending == "signalled" else outcome.exit_code,
        str(asked.timeout) if outcome.ending == "timeout" else outcome.message,
        cases,
        trouble,
        pytest,
        os.path.relpath(log, bench.root),
    )


def execute(bench: Bench, words: list[str], name: str, timeout: float) -> tuple[Outcome, str]:
    """Runs a command to its end; returns how it ended, and its log."""
    os.makedirs(bench.logs, exist_ok=True)
    log = os.path.join(bench.logs, f"{name}.log")
    if os.path.lexists(log):
        os.unlink(log)
    executor = Local(f"check-{os.getpid()}")
    try:
        job = Job("check", 1, (shlex.join(words),), bench.root, bench.env, log, timeout)  # type: ignore[arg-type]
        return executor.run(job, bench.cancel), log
    finally:
        executor.close()


def _is_pytest(words: list[str]) -> bool:
    program = os.path.basename(words[0])
    return program in ("pytest", "py.test") or words[1:3] == ["-m", "pytest"]


def _stamp(file: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _cases(file: str, before: object, *, wanted: bool) -> tuple[list[TestCase] | None, str]:
    """The tests in the results, and why there are none; results of a former run are no results."""
    name = os.path.basename(file)
    if not file or _stamp(file) in (None, before):
        return None, f"it did not write '{name}'" if wanted else ""
    try:
        with open(file, "rb") as opened:
            return read_junit(opened.read(LARGEST + 1)), ""
    except OSError as error:
        return None, f"'{name}' can't be read: {error.strerror}"
    except NotJunit as error:
        return None, f"'{name}' can't be read: {error}"
