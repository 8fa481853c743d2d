"""Results as Markdown."""

import os
import platform
import subprocess
import time
from collections.abc import Sequence

from benchmarks.cases import Case, Samples, megabytes, seconds
from benchmarks.measure import Spread, of, spread


def head(versions: Sequence[str], folder: str) -> str:
    """Where and with whom the figures were made."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    machine = f"{len(os.sched_getaffinity(0))} × {cpu or platform.machine()}, {platform.system()} {platform.release()}"
    day = time.strftime("%Y-%m-%d")
    disk = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout.strip()
    where = f", projects on {disk}" if disk else ""
    return f"{day}, {machine}, Python {platform.python_version()}{where}; {', '.join(versions)}."


def measured(command: str, where: str, results: Sequence[tuple[Case, Samples]]) -> str:
    """A section on some cases: by which command and where it was made, all their bars, then the figures of each."""
    return "\n\n".join([command, where, verdicts(results), *(figures(*result) for result in results)])


def verdicts(results: Sequence[tuple[Case, Samples]]) -> str:
    """Every bar with the figure it was held against."""
    rows = ["| work | bar | measured | |", "| --- | --- | --- | --- |"]
    for case, samples in results:
        for bar in case.bars:
            figure = bar.figure(samples)
            if figure is None:
                rows.append(f"| {case.title} | {bar.text} | not measured: `--full` | |")
                continue
            verdict = "met" if figure.middle <= bar.at_most else "**MISSED**"
            rows.append(f"| {case.title} | {bar.text} | {_range(figure, bar.show)} | {verdict} |")
    return "\n".join(rows)


def figures(case: Case, samples: Samples) -> str:
    """What each contender of a case took: medians, and from least to most."""
    rows = [f"### {case.title}", "", "| | CPU | wall | peak memory |", "| --- | --- | --- | --- |"]
    for name, taken in samples.items():
        if not taken:
            continue
        cpu, wall, peak = (spread(of(taken, unit)) for unit in ("cpu", "wall", "peak"))
        memory = megabytes(peak.middle)
        rows.append(f"| {name} | {_range(cpu, seconds)} | {_range(wall, seconds)} | {memory} |")
    return "\n".join(rows)


def _range(figure: Spread, show: object) -> str:
    assert callable(show)
    low, middle, high = (show(value) for value in (figure.low, figure.middle, figure.high))
    return middle if low == high else f"{middle} ({low} – {high})"


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except OSError:
        return []
