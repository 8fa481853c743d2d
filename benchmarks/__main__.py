"""`python -m benchmarks [NAME…]`: measures Outdo beside its peers and prints the tables as Markdown."""

import argparse
import shutil
import sys
import tempfile

from benchmarks import cases, data
from benchmarks.cases import Grounds
from benchmarks.measure import Broken, by_turns
from benchmarks.peers import Missing, version
from benchmarks.tables import figures, head, verdicts

CASES = {**cases.CASES, **data.CASES}


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(CASES)}; all if none is given"
    )
    words.add_argument("--full", action="store_true", help="also peers that take minutes (DVC's first run)")
    words.add_argument("--rounds", type=int, help="counted runs of each contender")
    words.add_argument(
        "--folder", help="where the worlds are made; a tmpfs tells the tools apart from the disk"
    )
    words.add_argument("--write", metavar="FILE", help="write the tables to a file too")
    said = words.parse_args()
    unknown = [name for name in said.names if name not in CASES]
    if unknown:
        words.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(CASES)}")
    root = tempfile.mkdtemp(prefix="outdo-bench-", dir=said.folder)
    results = []
    try:
        for name in said.names or CASES:
            print(f"{name} …", file=sys.stderr)
            ground = tempfile.mkdtemp(prefix=f"{name}-", dir=root)
            case = CASES[name](Grounds(ground, said.full))
            results.append((case, by_turns(case.contenders, said.rounds or case.rounds)))
            shutil.rmtree(ground, ignore_errors=True)  # a case may fill the memory that a tmpfs is in
        where = head([version(name) for name in ("outdo", "dvc", "make", "ninja")], root)
    except (Broken, Missing) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    text = "\n\n".join([where, verdicts(results), *(figures(*result) for result in results)])
    print(text)
    if said.write:
        with open(said.write, "w", encoding="utf-8") as file:
            file.write(f"{INTRODUCTION}\n{text}\n")
    return 0


INTRODUCTION = """# Speed and memory, beside the peers

Made by `python -m benchmarks --full --folder /dev/shm --write docs/benchmarks.md`; `make bench` prints the same tables
for your machine, without DVC's first run of a chain, which takes minutes.

CPU is the user and system time of a command and all its children. Figures are medians of several runs in which the
contenders take turns, with the least and the most in brackets, and every ratio is of two figures of the same table: the
peers are measured again each time. CPU repeats within some per cent on a busy machine; wall time does not. Projects are
made on a tmpfs, so that tools are compared and not the state of a disk. All tools read the same stages; DVC's lock and
cache are written for it where its own first run would take an hour, and `dvc status` has to call them clean.
"""

if __name__ == "__main__":
    sys.exit(main())
