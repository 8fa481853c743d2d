"""Whole commands, measured by turns: CPU time and memory as the kernel counts them, children included.

CPU time is what is compared: on a shared machine it repeats within a few per cent, while wall time does not. The
commands of one case take turns (A B A B …), so that what disturbs the machine disturbs all of them.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Literal

from msgspec import Struct

Unit = Literal["cpu", "wall", "peak"]


class Sample(Struct, frozen=True):
    """One run of a command: seconds of CPU (user + system) and of the clock, and bytes of memory at its peak."""

    cpu: float
    wall: float
    peak: int
    """Of the largest process. A child's count begins with ours, so about 25 MB is the least it can be."""


class Contender(Struct, frozen=True):
    """A command that takes part in a case."""

    name: str
    words: Sequence[str]
    ground: Callable[[], str]
    """Called before each run, not timed; returns the folder to run in, made as the run has to find it."""
    env: Mapping[str, str] = {}
    once: bool = False
    """It has one run, before all others and without a warm-up: it takes minutes, or can't be repeated."""
    says: str = ""
    """What its output must hold, so that a run that did something else is not taken for a fast one."""


class Broken(Exception):
    """A command failed, so there is nothing to compare."""


class Spread(Struct, frozen=True):
    """The median of some numbers, and how far they lie apart."""

    middle: float
    low: float
    high: float


def spread(numbers: Sequence[float]) -> Spread:
    """The median, the least and the greatest."""
    return Spread(median(numbers), min(numbers), max(numbers))


def by_turns(contenders: Sequence[Contender], rounds: int) -> dict[str, list[Sample]]:
    """`rounds` samples of each contender after a warm-up that does not count, all taking turns."""
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for turn in range(rounds + 1):
        for contender in contenders:
            if contender.once and turn:
                continue
            sample = once(contender)
            if turn or contender.once:
                samples[contender.name].append(sample)
    return samples


def once(contender: Contender) -> Sample:
    """One run; raises `Broken` with the end of its output if it fails or does not say what it should."""
    folder = contender.ground()
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            contender.words,
            cwd=folder,
            env={**os.environ, **contender.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if process.returncode or contender.says not in text:
        words = " ".join(contender.words)
        raise Broken(
            f"{contender.name}: `{words}` in {folder} ended with {process.returncode}:\n{text[-2000:]}"
        )
    return Sample(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024)


def floor() -> int:
    """Bytes below which a peak can't be told: a child's count begins with our own."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def of(samples: Sequence[Sample], unit: Unit) -> list[float]:
    """One figure of each sample."""
    return [float(getattr(sample, unit)) for sample in samples]


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], unit: Unit) -> Spread:
    """The ratio of the medians; how far it lies apart from turn to turn where both had as many."""
    one, other = of(ours, unit), of(theirs, unit)
    pairs = [a / b for a, b in zip(one, other, strict=False)]
    return Spread(median(one) / median(other), min(pairs), max(pairs))
