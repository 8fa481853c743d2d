"""`python -m benchmarks [NAME…]`: measures Outdo beside its peers and prints the tables as Markdown."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping

from benchmarks import cases, data, gates
from benchmarks.cases import Case, Grounds
from benchmarks.measure import Broken, by_turns
from benchmarks.page import tell_section
from benchmarks.peers import Missing, version
from benchmarks.tables import head, measured

SUITES: Mapping[str, tuple[str, Mapping[str, Callable[[Grounds], Case]]]] = {
    "runs": ("Runs", cases.CASES),
    "data": ("Data and experiments", {**data.CASES, **cases.EXPERIMENTS}),
    "gates": ("Statistics of gates", gates.CASES),
}
"""What is told in one section of the page."""

CASES = {name: case for _, suite in SUITES.values() for name, case in suite.items()}

GROUND = """All tools read the same stages; DVC's lock and cache are written for it where its own first run would take
an hour, and `dvc status` has to call them clean."""


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"one of {', '.join(CASES)}, or all of {' or '.join(SUITES)}; everything if none is given",
    )
    words.add_argument("--full", action="store_true", help="also peers that take minutes (DVC's first run)")
    words.add_argument("--rounds", type=int, help="counted runs of each contender")
    words.add_argument(
        "--folder", help="where the worlds are made; a tmpfs tells the tools apart from the disk"
    )
    words.add_argument("--write", metavar="FILE", help="write the tables into this page too")
    said = words.parse_args()
    unknown = [name for name in said.names if name not in CASES and name not in SUITES]
    if unknown:
        words.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(CASES)}")
    chosen = {
        each: case
        for suite, (_, suited) in SUITES.items()
        for each, case in suited.items()
        if not said.names or each in said.names or suite in said.names
    }
    root = tempfile.mkdtemp(prefix="outdo-bench-", dir=said.folder)
    results = {}
    broken = False
    try:
        for name, make in chosen.items():
            print(f"{name} …", file=sys.stderr)
            ground = tempfile.mkdtemp(prefix=f"{name}-", dir=root)
            try:
                case = make(Grounds(ground, said.full))
                results[name] = (case, by_turns(case.contenders, said.rounds or case.rounds))
            except Broken as error:  # what others took some minutes for is told all the same
                print(f"{name}: {error}", file=sys.stderr)
                broken = True
            shutil.rmtree(ground, ignore_errors=True)  # a case may fill the memory that a tmpfs is in
        where = head([version(name) for name in ("outdo", "dvc", "make", "ninja")], root)
    except Missing as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for suite, (title, suited) in SUITES.items():
        told = [results[name] for name in suited if name in results]
        if told:
            command = f"Made by `{_command(said)}`."
            ground = f" {GROUND}" if suite != "gates" else ""
            tell_section(said.write, title, measured(f"{command}{ground}", where, told))
            print()
    return 1 if broken else 0


def _command(said: argparse.Namespace) -> str:
    """How these figures can be made again."""
    words = ["python -m benchmarks", *said.names, *(["--full"] if said.full else [])]
    words += [f"--{name} {value}" for name in ("rounds", "folder") if (value := getattr(said, name))]
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
