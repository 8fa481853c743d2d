"""`python -m benchmarks.hashing`: hashing and storing, beside `b3sum`, DVC and `find`."""

import argparse
import os
import shutil
import subprocess
import sys

from benchmarks import worlds
from benchmarks.cases import Case, Grounds, beside, within
from benchmarks.measure import Contender, by_turns
from benchmarks.page import tell_measured
from benchmarks.peers import DVC_ENV, Missing, init_dvc, peer, version
from benchmarks.tables import head, measured

STORE = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "store.py")]
FILES = 100_000
TITLE = "Hashing and storing"
GIGABYTE = 1 << 30


def big(grounds: Grounds, size: int = 2 * GIGABYTE) -> Case:
    """One big file, looked at for the first time."""
    folder = grounds.new("big")
    os.makedirs(folder)
    block = os.urandom(1 << 20)
    with open(os.path.join(folder, "big"), "wb") as file:
        file.writelines(block for _ in range(size >> 20))

    def fresh() -> str:
        shutil.rmtree(os.path.join(folder, ".outdo"), ignore_errors=True)
        return folder

    return Case(
        f"hashing one file of {size / GIGABYTE:g} GB",
        [
            Contender("outdo", [*STORE, "look", "big"], fresh),
            Contender("b3sum", [peer("b3sum"), "big"], fresh),
            Contender("b3sum, one thread", [peer("b3sum"), "--num-threads", "1", "big"], fresh),
            Contender("cat", ["sh", "-c", "cat big > /dev/null"], fresh),
        ],
        [beside("outdo", "b3sum", "cpu", 1.3), within("outdo", "peak", 250e6)],
    )


def folder(grounds: Grounds, count: int = FILES) -> Case:
    """A folder of small files: stored, looked at again, looked at again after one of them changed."""

    def make(at: str) -> str:
        worlds.folder_of_files(os.path.join(at, "data"), count)
        return at

    def change_one(at: str) -> str:
        with open(os.path.join(at, "data", "changing"), "w", encoding="utf-8") as file:
            file.write(os.urandom(8).hex())
        return at

    saved = grounds.later_runs("saved", make, [*STORE, "save", "data"])()
    added = make(grounds.new("added"))
    subprocess.run(["git", "init", "-q"], cwd=added, check=True)
    init_dvc(added)
    dvc = {**DVC_ENV, "DVC_SITE_CACHE_DIR": os.path.join(grounds.root, "dvc-site")}
    return Case(
        f"a folder of {count:,} files of 1 KB",
        [
            Contender("outdo, stored", [*STORE, "save", "data"], grounds.first_runs("first", make)),
            Contender("dvc add", [peer("dvc"), "add", "-q", "data"], lambda: added, dvc, once=True),
            Contender("outdo, second look", [*STORE, "look", "data"], lambda: saved),
            Contender("outdo, one changed", [*STORE, "look", "data"], lambda: change_one(saved)),
            Contender("dvc status", [peer("dvc"), "status"], lambda: added, dvc, says="up to date"),
            Contender("find", ["find", "data", "-size", "+9k"], lambda: saved),
        ],
        [
            beside("outdo, stored", "dvc add", "cpu", 0.15),
            beside("outdo, second look", "dvc status", "cpu", 0.1),
            *(within(name, "peak", 250e6) for name in ("outdo, stored", "outdo, second look")),
        ],
        rounds=3,
    )


CASES = {"big": big, "folder": folder}


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks.hashing", description=__doc__)
    words.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{' or '.join(CASES)}; both if none is given"
    )
    words.add_argument(
        "--folder", help="where the files are made; a tmpfs tells the tools apart from the disk"
    )
    words.add_argument("--write", metavar="FILE", help="write the tables into this page too")
    said = words.parse_args()
    unknown = [name for name in said.names if name not in CASES]
    if unknown:
        words.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(CASES)}")

    def section(root: str) -> str:
        results = []
        for name in said.names or CASES:
            print(f"{name} …", file=sys.stderr)
            try:
                case = CASES[name](Grounds(root))
            except Missing as error:
                print(f"without {name}: {error}", file=sys.stderr)
                continue
            results.append((case, by_turns(case.contenders, case.rounds)))
        where = head([version(name) for name in ("outdo", "dvc", "b3sum")], root)
        return measured("Made by `python -m benchmarks.hashing --folder /dev/shm`.", where, results)

    return tell_measured(TITLE, said, section)


if __name__ == "__main__":
    sys.exit(main())
