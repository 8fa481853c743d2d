"""`python -m benchmarks [NAME…]`: measures Outdo beside its peers and prints the tables as Markdown."""

import argparse
import shutil
import sys
import tempfile

from benchmarks.cases import CASES, Grounds
from benchmarks.measure import Broken, by_turns
from benchmarks.peers import Missing, version
from benchmarks.tables import figures, head, verdicts


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
            case = CASES[name](Grounds(root, said.full))
            results.append((case, by_turns(case.contenders, said.rounds or case.rounds)))
        versions = [version(name) for name in ("outdo", "dvc", "make", "ninja")]
    except (Broken, Missing) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    text = "\n\n".join([head(versions), verdicts(results), *(figures(*result) for result in results)])
    print(text)
    if said.write:
        with open(said.write, "w", encoding="utf-8") as file:
            file.write(f"{INTRODUCTION}\n{text}\n")
    return 0


INTRODUCTION = """# Speed and memory, beside the peers

Made by `make bench`. CPU is user and system time of a command and all its children; medians of several runs that
take turns, from the least to the most in brackets. Every ratio is of two figures of the same run on one machine.
"""

if __name__ == "__main__":
    sys.exit(main())
