"""Whole commands, measured by turns: CPU time and memory as the kernel counts them, children included.

CPU time is what is compared: on a shared machine it repeats within a few per cent, while wall time does not. The
commands of one case take turns (A B A B …), so that what disturbs the machine disturbs all of them.
"""

import os
import subprocess
import sys
import tempfile
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
    """Of the largest process; about 9 MB is the least that can be told."""


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


SPAWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spawn.py")

ENV = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""An installed program keeps its bytecode and is not traced, whatever the shell of who measures says; and the
environment that Outdo is installed in is active."""
ENV["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), ENV.get("PATH", os.defpath)])


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
    read, told = os.pipe()
    with tempfile.TemporaryFile() as output, open(read, encoding="ascii") as answer:
        try:
            subprocess.run(
                [sys.executable, "-I", "-S", SPAWN, str(told), *contender.words],
                cwd=folder,
                env={**ENV, **contender.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[told],
                check=True,
            )
        finally:
            os.close(told)
        status, cpu, wall, peak = answer.read().split()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status != "0" or contender.says not in text:
        words = " ".join(contender.words)
        raise Broken(f"{contender.name}: `{words}` in {folder} ended with {status}:\n{text[-2000:]}")
    return Sample(float(cpu), float(wall), int(peak))


def of(samples: Sequence[Sample], unit: Unit) -> list[float]:
    """One figure of each sample."""
    return [float(getattr(sample, unit)) for sample in samples]


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], unit: Unit) -> Spread:
    """The ratio of the medians; how far it lies apart from turn to turn where both had as many."""
    one, other = of(ours, unit), of(theirs, unit)
    pairs = [a / b for a, b in zip(one, other, strict=False)]
    return Spread(median(one) / median(other), min(pairs), max(pairs))
