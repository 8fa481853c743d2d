"""`python -m benchmarks.mlflow_server`: Outdo's server beside MLflow's, doing the same work by turns.

Both have their homes on the same disk and acknowledge a write only when it is there (SQLite with `synchronous=FULL`).
MLflow is at its leanest: one worker, and without its runner of jobs. Requests go over one kept connection, where
nothing else is said. CPU is the server's own, with all its processes.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from subprocess import PIPE

from msgspec import Struct, json

from benchmarks.measure import Broken, Spread, spread
from benchmarks.mlflow_calls import (
    create_run,
    deep_page,
    download,
    each,
    history,
    log_batch,
    log_metric,
    search,
    upload,
)
from benchmarks.mlflow_fill import RUN, fill
from benchmarks.mlflow_sides import FILES, Name, Side, running, version
from benchmarks.page import tell_measured
from benchmarks.peers import version as own_version
from benchmarks.tables import head

NAMES: tuple[Name, Name] = ("mlflow", "outdo")
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mlflow_client.py")
CLIENTS = 8
SEARCH = {"filter": "metrics.m1 > 0.5", "order_by": ["metrics.m2 DESC"], "max_results": 100}

Samples = dict[Name, list[float]]


class Sizes(Struct, frozen=True):
    """How much there is, and how much is done."""

    runs: int = 10_000
    points: int = 100_000
    artifact: int = 200 << 20
    grown_runs: int = 100_000
    grown_points: int = 1_000_000
    calls: int = 150
    logged: int = 40
    """Metrics that each of eight clients logs; and four batches of 100."""
    rounds: int = 3


SMALL = Sizes(500, 5_000, 20 << 20, 5_000, 50_000, 30, 10, 1)


class Bar(Struct, frozen=True):
    """One row of the table: what was measured of both, and what has to hold."""

    work: str
    samples: Samples
    show: Callable[[float], str]
    text: str = ""
    """In words; empty where nothing has to hold."""
    times: float = 0.0
    """At most (for what shall be small) or at least (for rates) so many times MLflow's; 0: an absolute bar."""
    rate: bool = False
    at_most: float = 0.0

    def line(self) -> str:
        """The row as Markdown."""
        ours, theirs = self.samples["outdo"], self.samples.get("mlflow", [])
        cells = [_spread(self.show, one) if one else "" for one in (theirs, ours)]
        factor = median(ours) / median(theirs) if theirs else 0.0
        if self.at_most:
            met = median(ours) <= self.at_most
        else:
            met = factor >= self.times if self.rate else factor <= self.times
        cells += [f"{factor:.3g} ×" if factor else "", self.text]
        cells.append(("met" if met else "**MISSED**") if self.text else "")
        return f"| {self.work} | {' | '.join(cells)} |"


def _spread(show: Callable[[float], str], numbers: Sequence[float]) -> str:
    found: Spread = spread(numbers)
    middle, low, high = show(found.middle), show(found.low), show(found.high)
    return middle if low == high else f"{middle} ({low} – {high})"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB"


def rate(value: float) -> str:
    return f"{value:,.0f}/s"


def speed(value: float) -> str:
    return f"{value / 1e6:.0f} MB/s"


def empty() -> Samples:
    return {"mlflow": [], "outdo": []}


# ------------------------------------------------------------------ what is measured


def starting(root: str, rounds: int) -> list[Bar]:
    """A first start, with nothing at home yet."""
    took, memory = empty(), empty()
    for turn in range(rounds):
        for name in NAMES:
            with running(name, os.path.join(root, f"first-{name}-{turn}")) as side:
                took[name].append(side.started)
                time.sleep(1)
                memory[name].append(side.memory())
    return [
        Bar("start to the first answer", took, ms, "≤ 1.5 s", at_most=1.5),
        Bar("memory after the start", memory, mb, "≤ 150 MB", at_most=150e6),
    ]


def writing(sides: Sequence[Side], sizes: Sizes) -> list[Bar]:
    """One client on one connection."""
    cpu, middle, metrics, batches, created = empty(), empty(), empty(), empty(), empty()
    for _ in range(sizes.rounds):
        for side in sides:
            run = side.run()
            before = side.cpu()
            took = each(sizes.calls, log_metric, side, run)
            cpu[side.name].append((side.cpu() - before) / sizes.calls)
            middle[side.name].append(median(took))
            metrics[side.name].append(sizes.calls / sum(took))
            many = max(3, sizes.calls // 20)
            batches[side.name].append(1000 * many / sum(each(many, log_batch, side, run)))
            many = max(10, sizes.calls // 3)
            created[side.name].append(many / sum(each(many, create_run, side)))
    return [
        Bar("log_metric: CPU of the server", cpu, ms, "≤ 0.2 ×", times=0.2),
        Bar("log_metric: median time", middle, ms),
        Bar("log_metric: rate", metrics, rate, "≥ 5 ×", times=5, rate=True),
        Bar("log_batch of 1000 metrics: metrics", batches, rate, "≥ 5 ×", times=5, rate=True),
        Bar("create_run: rate", created, rate, "≥ 8 ×", times=8, rate=True),
    ]


def crowding(sides: Sequence[Side], sizes: Sizes) -> list[Bar]:
    """Eight clients at once, each a process of its own: metrics one by one, and batches of 100 between them."""
    rates, worst = empty(), empty()
    for _ in range(max(1, sizes.rounds - 1)):
        for side in sides:
            wall, took = _crowd(side, sizes.logged)
            rates[side.name].append(len(took) / wall)
            worst[side.name].append(quantiles(took, n=100)[98])
    return [
        Bar("8 clients logging: requests", rates, rate, "≥ 8 ×", times=8, rate=True),
        Bar("8 clients logging: p99", worst, ms, "≤ 0.1 ×", times=0.1),
    ]


def _crowd(side: Side, metrics: int) -> tuple[float, list[float]]:
    """How long all of it took, and each request."""
    words = [sys.executable, "-I", "-S", CLIENT, str(side.port)]
    clients = [
        subprocess.Popen([*words, side.run(), str(metrics), "4"], stdin=PIPE, stdout=PIPE, text=True)
        for _ in range(CLIENTS)
    ]
    for client in clients:
        assert client.stdout is not None
        client.stdout.readline()
    began = time.perf_counter()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    said = [client.communicate()[0] for client in clients]
    wall = time.perf_counter() - began
    if any(client.returncode for client in clients):
        raise Broken(f"a client of {side.name} failed")
    return wall, [one for text in said for one in json.decode(text, type=list[float])]


def reading(sides: Sequence[Side], sizes: Sizes) -> list[Bar]:
    """Searches, and the history of one metric."""
    first, deep, whole = empty(), empty(), empty()
    for turn in range(max(1, sizes.rounds - 1)):
        for side in sides:
            asked = {**SEARCH, "experiment_ids": [side.many()]}
            times = 1 if side.name == "mlflow" else 9
            first[side.name] += each(times, search, side, asked)
            if side.name == "outdo" or not turn:
                token = deep_page(side, asked, _page(sizes.runs))
                deep[side.name] += each(times, search, side, {**asked, "page_token": token})
            whole[side.name] += each(1, history, side, sizes.points)
    what = f"search of {sizes.runs:,} runs × 10 metrics, filter and order by metrics"
    return [
        Bar(f"{what}: page 1", first, ms, "≤ 50 ms", at_most=0.05),
        Bar(f"{what}: page {_page(sizes.runs)}", deep, ms, "≤ 50 ms", at_most=0.05),
        Bar(f"history of {sizes.points:,} points", whole, ms, "≤ 0.1 ×", times=0.1),
    ]


def carrying(sides: Sequence[Side], sizes: Sizes) -> list[Bar]:
    """A large artifact up, and down again."""
    up, down = empty(), empty()
    for turn in range(max(1, sizes.rounds - 1)):
        content = os.urandom(1 << 20) * (sizes.artifact >> 20)
        for side in sides:
            place = f"{FILES}/0/{RUN}/artifacts/{turn}.bin"
            (took,) = each(1, upload, side, place, content)
            up[side.name].append(len(content) / took)
            (took,) = each(1, download, side, place, len(content))
            down[side.name].append(len(content) / took)
    what = f"artifact of {sizes.artifact >> 20} MB"
    return [
        Bar(f"{what}: up", up, speed, "≥ 3 ×", times=3, rate=True),
        Bar(f"{what}: down", down, speed, "≥ 3 ×", times=3, rate=True),
    ]


def growing(root: str, sizes: Sizes, before: Sequence[Bar]) -> list[Bar]:
    """The same searches among ten times as many runs, and a metric more of a run with ten times as many points."""
    home = os.path.join(root, "grown")
    os.makedirs(home)
    fill("outdo", home, sizes.grown_runs, sizes.grown_points)
    pages = (1, _page(sizes.grown_runs))
    bars = []
    with running("outdo", home) as side:
        asked = {**SEARCH, "experiment_ids": [side.many()]}
        for page, bar in zip(pages, before, strict=True):
            token = deep_page(side, asked, page)
            took: Samples = {"outdo": each(15, search, side, {**asked, "page_token": token})}
            limit = 3 * median(bar.samples["outdo"])
            what = f"search of {sizes.grown_runs:,} runs × 10 metrics: page {page}"
            bars.append(Bar(what, took, ms, f"≤ 3 × that of {sizes.runs:,}: {ms(limit)}", at_most=limit))
        took = {"outdo": each(sizes.calls, log_metric, side, RUN)}
        bars.append(Bar(f"log_metric to a run of {sizes.grown_points:,} points", took, ms))
    return bars


def _page(runs: int) -> int:
    """A page in the middle of all that match, which are half of the runs."""
    return runs // 4 // 100 + 1


# ------------------------------------------------------------------ all of it


def measure(root: str, sizes: Sizes) -> list[Bar]:
    """All rows of the table."""
    print("starts …", file=sys.stderr)
    bars = starting(root, min(2, sizes.rounds))
    homes = {name: os.path.join(root, f"first-{name}-0") for name in NAMES}
    for name, home in homes.items():
        fill(name, home, sizes.runs, sizes.points)
    with running("mlflow", homes["mlflow"]) as theirs, running("outdo", homes["outdo"]) as ours:
        sides = (theirs, ours)
        print("writes …", file=sys.stderr)
        for side in sides:
            each(5, log_metric, side, side.run())  # what is made at the first call is made now
        bars += writing(sides, sizes)
        print("clients at once …", file=sys.stderr)
        bars += crowding(sides, sizes)
        print("searches …", file=sys.stderr)
        searches = reading(sides, sizes)
        bars += [*searches, *carrying(sides, sizes)]
    print("growth …", file=sys.stderr)
    return bars + growing(root, sizes, searches[:2])


TITLE = "The server, beside MLflow's"
TEXT = """Made by `python -m benchmarks.mlflow_server`. Both work by turns, with
their homes on the same disk; an acknowledged write is on it. MLflow is at its leanest: one worker, no runner of jobs.
Medians, with the least and the most in brackets."""


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks.mlflow_server", description=__doc__)
    words.add_argument("--small", action="store_true", help="a tenth of it, to try the benchmark itself")
    words.add_argument("--folder", help="where the homes are; on a disk, as a flush to a tmpfs costs nothing")
    words.add_argument("--write", metavar="FILE", help="write the table into this page too")
    said = words.parse_args()

    def section(root: str) -> str:
        bars = measure(root, SMALL if said.small else Sizes())
        where = head([own_version("outdo"), version()], root)
        rows = ["| work | MLflow | Outdo | | bar | |", "| --- | --- | --- | --- | --- | --- |"]
        rows += [bar.line() for bar in bars]
        return "\n".join([TEXT, "", where, "", *rows])

    return tell_measured(TITLE, said, section)


if __name__ == "__main__":
    sys.exit(main())
