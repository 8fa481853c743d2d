"""Data outside the pipeline, kept in Outdo's own store and in a DVC repository, each beside DVC.

Three worlds hold the same files: one of Outdo's own (`own`), a DVC repository that Outdo works in (`shared`), and one
that DVC works in. Before each run a world is set back to how the work finds it.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from benchmarks import worlds
from benchmarks.cases import Bar, Case, Grounds, beside, within
from benchmarks.measure import Contender
from benchmarks.peers import init_dvc, outdo, peer

FILES = 100_000
MANY = 1_000_000
GIGABYTE = 1 << 30
OURS = ("own", "shared")


class Place(Struct, frozen=True):
    """A world, and who works in it."""

    name: str
    folder: str
    env: dict[str, str]

    @property
    def tool(self) -> str:
        return peer("dvc") if self.name == "dvc" else outdo()

    def said(self, verb: str) -> list[str]:
        """The command for a word that both tools have."""
        if self.name != "dvc":
            return [outdo(), "data", *verb.split()]
        return [peer("dvc"), *("data status" if verb == "status" else verb).split()]

    def run(self, *verbs: str) -> None:
        for verb in verbs:
            subprocess.run(
                self.said(verb),
                cwd=self.folder,
                env={**os.environ, **self.env},
                check=True,
                stdout=subprocess.DEVNULL,
            )

    def drop(self, *names: str) -> str:
        """None of these is there any more; returns the folder."""
        for name in names:
            path = os.path.join(self.folder, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
        return self.folder

    def forget(self) -> str:
        """Nothing has been added yet."""
        shutil.rmtree(self.env.get("DVC_SITE_CACHE_DIR", ""), ignore_errors=True)
        kept = (".outdo", ".dvc/cache", ".dvc/tmp", "data.outdo", "data.dvc", ".gitignore")
        return self.drop(*kept)

    def lose_cache(self) -> str:
        """What was added is at the remote alone."""
        cache = ".outdo/objects" if self.name == "own" else ".dvc/cache"
        return self.drop("data", cache)


def add_many(grounds: Grounds, count: int = FILES) -> Case:
    """A folder of small files, added for the first time."""
    places = _places(grounds, lambda at: worlds.folder_of_files(os.path.join(at, "data"), count))
    return Case(
        f"add {count:,} files of 1 KB",
        [_contender(place, "add data", place.forget) for place in places],
        [_bar("own", 0.15), _bar("shared", 0.3)],
        rounds=3,
    )


def add_big(grounds: Grounds, size: int = 2 * GIGABYTE) -> Case:
    """One large file, added for the first time."""

    def make(at: str) -> None:
        block = os.urandom(1 << 20)
        with open(os.path.join(at, "data"), "wb") as file:
            file.writelines(number.to_bytes(8, "little") + block[8:] for number in range(size >> 20))

    places = _places(grounds, make)
    return Case(
        f"add one file of {size / GIGABYTE:g} GB",
        [_contender(place, "add data", place.forget) for place in places],
        [_bar("own", 0.4), _bar("shared", 0.8)],
        rounds=3,
    )


def status(grounds: Grounds, count: int = FILES) -> Case:
    """How an added folder stands that nobody has changed."""
    places = _added(grounds, count)
    for place in places:
        place.run("status")
    return Case(
        f"status of {count:,} files",
        [_contender(place, "status", place.drop) for place in places],
        [_bar(name, 0.1) for name in OURS],
    )


def checkout(grounds: Grounds, count: int = FILES) -> Case:
    """An added folder is put back after it was deleted."""
    places = _added(grounds, count)
    return Case(
        f"checkout of {count:,} files after deleting them",
        [_contender(place, "checkout", partial(place.drop, "data")) for place in places],
        [_bar(name, 0.2) for name in OURS],
        rounds=3,
    )


def push(grounds: Grounds, count: int = FILES) -> Case:
    """An added folder is sent to an empty remote, which is a folder."""
    places = _added(grounds, count)
    return Case(
        f"push {count:,} files to a folder",
        [_contender(place, "push", partial(place.drop, "remote")) for place in places],
        [_bar(name, 0.2) for name in OURS],
        rounds=3,
    )


def pull(grounds: Grounds, count: int = FILES) -> Case:
    """An added folder is had back from a remote."""
    places = _added(grounds, count)
    for place in places:
        place.run("push")
    return Case(
        f"pull {count:,} files from a folder",
        [_contender(place, "pull", place.lose_cache) for place in places],
        [_bar(name, 0.2) for name in OURS],
        rounds=3,
    )


def million(grounds: Grounds, count: int = MANY) -> Case:
    """Memory at a million files, without DVC, which takes minutes."""
    places = _places(grounds, lambda at: worlds.folder_of_files(os.path.join(at, "data"), count, 16), OURS)
    contenders = []
    for place in places:
        contenders.append(_contender(place, "add data", place.forget, name=f"{place.name}, add", once=True))
        contenders.append(_contender(place, "status", place.drop, name=f"{place.name}, status"))
    return Case(
        f"{count:,} files of 16 bytes",
        contenders,
        [within(contender.name, "peak", 1e9) for contender in contenders],
        rounds=1,
    )


CASES = {
    "data-add": add_many,
    "data-add-big": add_big,
    "data-status": status,
    "data-checkout": checkout,
    "data-push": push,
    "data-pull": pull,
    "data-million": million,
}


def _places(
    grounds: Grounds, make: Callable[[str], None], names: Sequence[str] = (*OURS, "dvc")
) -> list[Place]:
    """A world for each, with the same files in it and a remote that is a folder beside them."""
    places = []
    for name in names:
        folder = grounds.new(f"data-{name}")
        os.makedirs(folder)
        make(folder)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        env = {} if name == "own" else {**grounds.dvc_env, "DVC_SITE_CACHE_DIR": f"{folder}-site"}
        if name == "own":
            with open(os.path.join(folder, "outdo.yaml"), "w", encoding="utf-8") as file:
                file.write("remotes: {folder: remote}\n")
        else:
            init_dvc(folder)
            words = [peer("dvc"), "remote", "add", "-q", "-d", "folder", os.path.join(folder, "remote")]
            subprocess.run(words, cwd=folder, check=True, env={**os.environ, **env})
        places.append(Place(name, folder, env))
    return places


def _added(grounds: Grounds, count: int) -> list[Place]:
    places = _places(grounds, lambda at: worlds.folder_of_files(os.path.join(at, "data"), count))
    for place in places:
        place.run("add data")
    return places


def _contender(
    place: Place, verb: str, ground: Callable[[], str], *, name: str = "", once: bool = False
) -> Contender:
    name = name or ("dvc" if place.name == "dvc" else f"outdo, {place.name}")
    return Contender(
        name, place.said(verb), ground, place.env, once=once or (place.name == "dvc" and "add" in verb)
    )


def _bar(name: str, at_most: float) -> Bar:
    return beside(f"outdo, {name}", "dvc", "cpu", at_most)
