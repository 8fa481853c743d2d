"""`python -m benchmarks.checks`: checks of a table by `outdo check`, beside the same checks by hand and by others.

The table has ten columns, of which seven are asked about; the unique one holds 64-bit numbers that lie far apart, in no
order. Each contender is a process of its own, imports included, and reads the same Parquet file. `outdo check --force`
looks at data that it has judged before; without `--force` it does not.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from benchmarks.cases import megabytes, seconds
from benchmarks.checks_peers import CARRIERS, ORIGINS, TAIL
from benchmarks.measure import Contender, Sample, Unit, by_turns, of
from benchmarks.page import tell_measured
from benchmarks.peers import outdo, peer_python
from benchmarks.peers import version as own_version
from benchmarks.tables import head

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checks_peers.py")
CHECKS = f"""
    - rows: ">= 1000"
    - not_null: [id, origin]
    - between: {{distance: [0, 6000], score: [0, 1]}}
    - one_of: {{origin: [{", ".join(ORIGINS)}], carrier: [{", ".join(CARRIERS)}]}}
    - matches: {{tail: "{TAIL}"}}
    - statistic: {{column: dep_delay, is: mean, bound: "< 1000"}}
    - statistic: {{column: score, is: std, bound: "< 1"}}
    - null_share: {{dep_delay: "< 5%"}}
"""
ENVIRONMENTS = {"gx": "great_expectations"}
UNIQUE = "    - unique: [id]\n"
PRIME = 9223372036854775783
QUERY = f"""SELECT ((range + 1) * 104729::HUGEINT * 15485863 * 32452843 % {PRIME})::BIGINT AS id,
{ORIGINS}[1 + (hash(range) % 3)::INT] AS origin, {CARRIERS}[1 + (hash(range, 1) % 16)::INT] AS carrier,
'N' || (100 + hash(range, 2) % 9900) AS tail, (hash(range, 3) % 6000)::INTEGER AS distance,
CASE WHEN hash(range, 4) % 50 <> 0 THEN (hash(range, 5) % 100000) / 100.0 - 60 END::DOUBLE AS dep_delay,
((hash(range, 6) % 1000000) / 1000000.0)::DOUBLE AS score, hash(range, 7) % 5 = 0 AS late,
TIMESTAMP '2013-01-01' + to_seconds(range) AS time, (hash(range, 8) % 28)::TINYINT AS day"""


Taken = dict[str, list[Sample]]


class Bar(Struct, frozen=True):
    """What has to hold of two contenders, or of one."""

    work: str
    text: str
    value: float
    at_most: float
    unit: str = "×"

    def line(self) -> str:
        """The row as Markdown."""
        shown = f"{self.value:.2f} ×" if self.unit == "×" else megabytes(self.value)
        return f"| {self.work} | {self.text} | {shown} | {'met' if self.value <= self.at_most else '**MISSED**'} |"


def make(file: str, rows: int) -> None:
    """Writes the table."""
    import duckdb

    with duckdb.connect() as database:
        database.execute("SET preserve_insertion_order = false")
        database.execute(f"COPY ({QUERY} FROM range({rows})) TO '{file}' (COMPRESSION zstd)")


def project(root: str, name: str, file: str, checks: str) -> str:
    """A project whose data is the table."""
    folder = os.path.join(root, name)
    os.makedirs(folder)
    os.link(file, os.path.join(folder, "data.parquet"))
    with open(os.path.join(folder, "outdo.yaml"), "w", encoding="utf-8") as written:
        written.write(f"checks:\n  data.parquet:{checks}")
    return folder


def ours(name: str, folder: str, *, force: bool = True) -> Contender:
    """`outdo check` in a project; its first run, which hashes the data, is the warm-up."""
    words = [outdo(), "check", *(["--force"] if force else [])]
    return Contender(name, words, lambda: folder, says=" passed")


def theirs(name: str, peer: str, file: str, *, once: bool = False) -> Contender:
    """A peer, in its own environment."""
    python = sys.executable if peer in ("duckdb", "bare") else peer_python(ENVIRONMENTS.get(peer, peer))
    return Contender(
        name, [python, SCRIPT, peer, file], lambda: os.path.dirname(file), once=once, says="passed"
    )


TITLE = "Checks of data"
TEXT = """Made by `python -m benchmarks.checks`. Each contender is a process of its own, imports included; `outdo check
--force` is the whole command in a project. The unique column holds 64-bit numbers that lie far apart, in no order. CPU
is compared, medians of turns; pandera and Great Expectations have one run. The bare scan takes the least value of each
column that is asked about."""


def measure(root: str, rows: int, many: int, rounds: int) -> tuple[list[Bar], list[tuple[str, Taken]]]:
    """All bars, and what every contender took."""
    file = os.path.join(root, "data.parquet")
    print("the table …", file=sys.stderr)
    make(file, rows)
    whole = project(root, "whole", file, CHECKS + UNIQUE)
    without = project(root, "without", file, CHECKS)
    print("the checks …", file=sys.stderr)
    exact = by_turns(
        [
            ours("Outdo", whole),
            theirs("DuckDB, by hand", "duckdb", file),
            theirs("Polars, by hand", "polars", file),
            theirs("pandera on pandas", "pandera", file, once=True),
            theirs("Great Expectations on pandas", "gx", file, once=True),
        ],
        rounds,
    )
    plain = by_turns([ours("Outdo", without), theirs("a bare scan", "bare", file)], rounds)
    kept = by_turns([ours("Outdo, unchanged", whole, force=False)], rounds)
    found = [
        (f"Twelve checks, {rows:,} rows", exact),
        ("Without uniqueness", plain),
        ("Unchanged data", kept),
    ]
    bars = _bars(exact, plain)
    if many:
        os.unlink(file)
        print("the large table …", file=sys.stderr)
        make(file, many)
        large = by_turns([ours("Outdo", project(root, "large", file, CHECKS + UNIQUE))], 1)
        found.append((f"Twelve checks, {many:,} rows", large))
        peak = median(of(large["Outdo"], "peak"))
        bars.append(Bar(f"{many:,} rows: memory", "< 2 GB", peak, 2e9, "bytes"))
    return bars, found


def _bars(exact: Taken, plain: Taken) -> list[Bar]:
    def times(samples: Taken, other: str, unit: Unit) -> float:
        return median(of(samples["Outdo"], unit)) / median(of(samples[other], unit))

    best = max(times(exact, name, "cpu") for name in ("DuckDB, by hand", "Polars, by hand"))
    gx = "Great Expectations on pandas"
    return [
        Bar("twelve checks, exact", "≤ 1.3 × the CPU of the better scan by hand", best, 1.3),
        Bar("the same", "≤ 0.15 × the CPU of Great Expectations on pandas", times(exact, gx, "cpu"), 0.15),
        Bar("the same", "≤ 0.3 × its memory", times(exact, gx, "peak"), 0.3),
        Bar("without uniqueness", "≤ 1.2 × the CPU of a bare scan", times(plain, "a bare scan", "cpu"), 1.2),
        Bar("the same: memory", "< 300 MB", median(of(plain["Outdo"], "peak")), 300e6, "bytes"),
    ]


def table(title: str, samples: Taken) -> str:
    """What each took, as Markdown."""
    lines = [f"### {title}", "", "| | CPU | wall | peak memory |", "| --- | --- | --- | --- |"]
    for name, taken in samples.items():
        cpu, wall, peak = (median(of(taken, unit)) for unit in ("cpu", "wall", "peak"))
        lines.append(f"| {name} | {seconds(cpu)} | {seconds(wall)} | {megabytes(peak)} |")
    return "\n".join(lines)


def report(bars: Sequence[Bar], found: Sequence[tuple[str, Taken]], where: str) -> str:
    """All of it as Markdown."""
    rows = ["| work | bar | measured | |", "| --- | --- | --- | --- |", *(bar.line() for bar in bars)]
    return "\n\n".join([TEXT, where, "\n".join(rows), *(table(*one) for one in found)])


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks.checks", description=__doc__)
    words.add_argument("--folder", help="where the tables are made")
    words.add_argument("--rows", type=int, default=10_000_000)
    words.add_argument("--many", type=int, default=100_000_000, help="rows of the large table; 0 for none")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--write", metavar="FILE", help="write the tables into this page too")
    said = words.parse_args()

    def section(root: str) -> str:
        bars, found = measure(root, said.rows, said.many, said.rounds)
        return report(bars, found, head([own_version("outdo")], root))

    return tell_measured(TITLE, said, section)


if __name__ == "__main__":
    sys.exit(main())
