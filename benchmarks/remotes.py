"""`python -m benchmarks.remotes`: push and pull, to a folder and to S3 with latency, beside DVC.

The S3 is a real server on this machine, behind a proxy that adds 1 ms to each answer; server and proxy take from the
same processors, so that of the wall time to S3 a good part is theirs. CPU is that of the command alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from benchmarks import worlds
from benchmarks.cases import Case, Grounds, Samples, beside, within
from benchmarks.measure import Broken, Contender, by_turns
from benchmarks.page import tell_measured
from benchmarks.peers import init_dvc, outdo, peer, version
from benchmarks.tables import figures, head, measured
from tests.contracts.s3 import BUCKET, SECRETS, Proxy, s3_server

TITLE = "Remotes"
GIGABYTE = 1 << 30
LATENCY = 0.001


class Kind(Struct, frozen=True):
    """What is pushed and pulled."""

    title: str
    make: Callable[[str], None]
    """Makes `data` in a folder."""


class Place(Struct, frozen=True):
    """Where it is pushed to."""

    title: str
    url: Callable[[str], str]
    """The address of a remote of this name, with nothing in it yet."""
    endpoint: str
    bar: float
    env: Mapping[str, str]


def small(count: int) -> Kind:
    return Kind(
        f"{count:,} files of 1 KB", lambda at: worlds.folder_of_files(os.path.join(at, "data"), count)
    )


def large(size: int) -> Kind:
    def make(at: str) -> None:
        os.makedirs(os.path.join(at, "data"))
        for number in range(2):
            with open(os.path.join(at, "data", f"{number}.bin"), "wb", buffering=0) as file:
                file.writelines(os.urandom(1 << 20) for _ in range(size >> 21))

    return Kind(f"two files of {size / GIGABYTE / 2:g} GB", make)


class Side:
    """One tool with its project, whose data is added, and its remotes."""

    def __init__(self, tool: str, grounds: Grounds, kind: Kind, place: Place) -> None:
        self.folder = grounds.new(tool)
        self._tool = tool
        self._place = place
        self._words = [outdo(), "data"] if tool == "outdo" else [peer("dvc")]
        self._env = {**grounds.dvc_env, **place.env}
        self._turn = 0
        os.makedirs(self.folder)
        self._run("git", "init", "-q")
        kind.make(self.folder)
        if tool == "dvc":
            init_dvc(self.folder)
        self._point_to("first")
        self._run(*self._words, "add", "data")

    def pushing(self, *, once: bool) -> Contender:
        """Pushes all of it to a remote that has nothing."""

        def ground() -> str:
            if not self._place.endpoint:
                shutil.rmtree(self._place.url(f"{self._tool}-turn-{self._turn}"), ignore_errors=True)
            self._turn += 1
            self._point_to(f"turn-{self._turn}")
            return self.folder

        return Contender(self._tool, [*self._words, "push"], ground, self._env, once=once)

    def pulling(self, *, once: bool) -> Contender:
        """Pulls all of it into a clone that has nothing."""

        def ground() -> str:
            for name in (".outdo", "data", ".dvc/cache", ".dvc/tmp"):
                subprocess.run(["rm", "-rf", os.path.join(self.folder, name)], check=True)
            return self.folder

        return Contender(self._tool, [*self._words, "pull"], ground, self._env, once=once)

    def _point_to(self, name: str) -> None:
        url, endpoint = self._place.url(f"{self._tool}-{name}"), self._place.endpoint
        if self._tool == "outdo":
            more = f", endpoint: '{endpoint}'" if endpoint else ""
            Path(self.folder, "outdo.yaml").write_text(f"remotes:\n  team: {{url: '{url}'{more}}}\n")
            return
        self._run(*self._words, "remote", "add", "-q", "-f", "-d", "team", url)
        if endpoint:
            self._run(*self._words, "remote", "modify", "-q", "team", "endpointurl", endpoint)

    def _run(self, *words: str) -> None:
        env = {**os.environ, **self._env}
        done = subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True)
        if done.returncode:
            raise Broken(f"`{' '.join(words)}` in {self.folder}:\n{done.stdout}{done.stderr}")


def cases(grounds: Grounds, kind: Kind, place: Place, rounds: int) -> Iterator[tuple[Case, Samples]]:
    """Push, then pull, with what was measured."""
    sides = [Side(tool, grounds, kind, place) for tool in ("outdo", "dvc")]
    slow = bool(place.endpoint)
    for verb in ("push", "pull"):
        contenders = [
            getattr(side, f"{verb}ing")(once=slow and side is sides[1])  # DVC takes minutes there
            for side in sides
        ]
        bars = [beside("outdo", "dvc", "cpu", place.bar), beside("outdo", "dvc", "wall", place.bar)]
        if verb == "pull":
            bars.append(within("outdo", "peak", 1e9))
        case = Case(f"{verb} of {kind.title}, {place.title}", contenders, bars)
        print(f"{case.title} …", file=sys.stderr)
        samples = by_turns(contenders, rounds)
        print(figures(case, samples), file=sys.stderr)
        yield case, samples
    for side in sides:
        subprocess.run(["rm", "-rf", side.folder], check=True)


@contextmanager
def places(names: list[str], root: str) -> Iterator[list[Place]]:
    """The remotes that are asked for, running."""
    folder = Place("a folder", lambda name: os.path.join(root, "remotes", name), "", 0.2, {})
    if "s3" not in names:
        yield [folder]
        return
    at = Path(root, "s3")
    at.mkdir()
    with s3_server(at) as server:
        proxy = Proxy(server.port, LATENCY)
        try:
            bucket = Place(
                "S3 with 1 ms of latency",
                lambda name: f"s3://{BUCKET}/{name}",
                f"http://127.0.0.1:{proxy.port}",
                0.3,
                {**SECRETS, "AWS_DEFAULT_REGION": SECRETS["AWS_REGION"]},
            )
            yield [folder, bucket] if "folder" in names else [bucket]
        finally:
            proxy.close()


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m benchmarks.remotes", description=__doc__)
    words.add_argument("places", nargs="*", metavar="PLACE", help="folder or s3; both if none is given")
    words.add_argument("--files", type=int, default=100_000, help="small files; 0 leaves them out")
    words.add_argument("--size", type=float, default=2, help="GB of the large ones; 0 leaves them out")
    words.add_argument("--rounds", type=int, default=2, help="counted runs of each contender")
    words.add_argument("--folder", help="where all is made; a tmpfs tells the tools apart from the disk")
    words.add_argument("--write", metavar="FILE", help="write the tables into this page too")
    said = words.parse_args()
    unknown = [name for name in said.places if name not in ("folder", "s3")]
    if unknown:
        words.error(f"no place is named {', '.join(unknown)}; there are folder, s3")
    kinds = [small(said.files)] if said.files else []
    kinds += [large(int(said.size * GIGABYTE))] if said.size else []

    def section(root: str) -> str:
        results: list[tuple[Case, Samples]] = []
        with places(said.places or ["folder", "s3"], root) as there:
            for place in there:
                for kind in kinds:
                    results += cases(Grounds(root), kind, place, said.rounds)
        where = head([version(name) for name in ("outdo", "dvc")], root)
        given = {name: getattr(said, name) for name in ("files", "size", "rounds", "folder")}
        options = (f"--{name} {value}" for name, value in given.items() if value is not None)
        command = " ".join(["python -m benchmarks.remotes", *said.places, *options])
        return measured(f"Made by `{command}`.", where, results)

    return tell_measured(TITLE, said, section)


if __name__ == "__main__":
    sys.exit(main())
