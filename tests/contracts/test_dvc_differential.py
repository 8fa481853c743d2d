"""What real DVC runs, Outdo runs: pipelines that are made and edited at random, carried out by both side by side.

Where the two are known to differ, `docs/design/dvc.md` says so, and `spared` here."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import json, yaml

from benchmarks.peers import peer
from outdo.integrations.dvc.lockfile import DvcLock
from tests.contracts.real_dvc import dvc_python

pytestmark = pytest.mark.slow

OUTDO = os.path.join(os.path.dirname(sys.executable), "outdo")
DRIVER = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from dvc.repo import Repo
for line in sys.stdin:
    folder, verb = json.loads(line)
    os.chdir(folder)
    try:
        with Repo(folder) as repo:
            if verb == "repro":
                said = [stage.addressing for stage in repo.reproduce()]
            elif verb == "status":
                said = repo.status()
            else:
                found = repo.data_status()
                said = {key: found.get(key) for key in ("uncommitted", "not_in_cache")}
        answer = ["fine", said]
    except Exception as error:
        answer = ["failed", repr(error)]
    answers.write(json.dumps(answer) + "\\n")
    answers.flush()
"""
VALUES = st.sampled_from(["1", "2"])


class Dvc:
    """One process of real DVC that answers many questions."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [dvc_python(), "-c", DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(home),
        )

    def ask(self, folder: Path, verb: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.encode([str(folder), verb]) + b"\n")
        self._process.stdin.flush()
        how, said = json.decode(self._process.stdout.readline())
        assert how == "fine", said
        return said

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def environment(home: Path) -> dict[str, str]:
    quiet = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": f"{home}/site", "HOME": str(home)}
    places = {"XDG_CONFIG_HOME": str(home), "XDG_CONFIG_DIRS": str(home), "LC_ALL": "C.UTF-8"}
    return {**os.environ, **quiet, **places, "RAN": f"{home}/ran"}


class Step(NamedTuple):
    """A stage of a pipeline that is made at random: it reads some of what stands above it."""

    reads: tuple[int, ...]
    raw: bool
    param: bool
    folder: bool
    wdir: bool
    persist: bool = False
    always: bool = False
    frozen: bool = False


STEPS = st.builds(
    Step,
    st.lists(st.integers(0, 5), max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([False, False, False, True]),
)
EDITS = st.tuples(
    st.sampled_from(
        [
            "raw",
            "raw",
            "param",
            "param",
            "cmd",
            "delete",
            "change",
            "touch",
            "lock",
            "drop",
            "md5",
            "rename",
            "desc",
            "out",
        ]
    ),
    st.integers(0, 5),
    VALUES,
)


class World:
    """A pipeline with what was edited, written to any folder."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.raw = "1"
        self.param = "1"
        self.cmds = dict.fromkeys(range(len(steps)), "1")
        self.names = {index: f"s{index}" for index in range(len(steps))}
        self.outs = {index: f"o{index}" for index in range(len(steps))}
        self.desc = ""

    def out(self, index: int) -> str:
        return self.outs[index]

    def reads(self, index: int) -> list[int]:
        return sorted({at for at in self.steps[index].reads if at < index})

    def stage(self, index: int) -> dict[str, Any]:
        step, up = self.steps[index], "../" if self.steps[index].wdir else ""
        deps = [f"{up}{self.out(at)}" for at in self.reads(index)] + ([f"{up}raw"] if step.raw else [])
        out = f"{up}{self.out(index)}"
        read = " ".join(f"$(find {dep} -type f | sort | xargs cat)" for dep in deps)
        value = f"$(cat {up}params.yaml)" if step.param else ""
        target = f"{out}/x" if step.folder else out
        make = f"mkdir -p {out}\n" if step.folder else ""
        cmd = f"{make}echo {index} {self.cmds[index]} {read} {value} > {target}\necho {index} >> $RAN\n"
        made: dict[str, Any] = {"cmd": cmd, "outs": [{out: {"persist": True}} if step.persist else out]}
        made |= {"deps": deps} if deps else {}
        made |= {"params": [{f"{up}params.yaml": ["p"]}]} if step.param else {}
        made |= {"wdir": "sub"} if step.wdir else {}
        made |= {"always_changed": True} if step.always else {}
        made |= {"frozen": True} if step.frozen else {}
        return made | ({"desc": self.desc} if self.desc else {})

    def write(self, folder: Path, *, thaw: bool = False) -> None:
        stages = {self.names[index]: self.stage(index) for index in range(len(self.steps))}
        for stage in stages.values() if thaw else ():
            stage.pop("frozen", None)
        texts = {
            "dvc.yaml": yaml.encode({"stages": stages}),
            "raw": self.raw.encode(),
            "params.yaml": f"p: {self.param}\n".encode(),
        }
        for name, text in texts.items():
            if not (folder / name).exists() or (folder / name).read_bytes() != text:
                (folder / name).write_bytes(text)

    def edit(self, kind: str, index: int, value: str) -> None:
        """Edits what is written the same for all."""
        match kind:
            case "raw":
                self.raw = value
            case "param":
                self.param = value
            case "cmd":
                self.cmds[index] = value
            case "rename":
                self.names[index] = f"s{index}-{value}"
            case "desc":
                self.desc = value
            case "out" if not any(one.frozen for one in self.steps):
                self.outs[index] = f"o{index}-{value}"

    def spoil(self, kind: str, index: int, folder: Path) -> None:
        """Edits what a run has written in one folder."""
        out, lock = folder / self.out(index), folder / "dvc.lock"
        step = self.steps[index]
        match kind:
            case "delete" if not step.frozen and not step.persist:
                shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
            case "change" if not step.frozen and not step.persist:
                place = out / "x" if out.is_dir() else out
                place.unlink(missing_ok=True)
                place.write_text("by hand")
            case "touch":
                os.utime(out)
            case "lock" if not any(one.frozen for one in self.steps):
                lock.unlink()
            case "drop" | "md5" if not step.frozen:
                value = yaml.decode(lock.read_bytes())
                entry = value["stages"].get(self.names[index])
                if entry and kind == "drop":
                    del value["stages"][self.names[index]]
                elif entry:
                    entry["outs"][0]["md5"] = "0" * 32
                lock.write_bytes(yaml.encode(value))

    def spared(self) -> set[int]:
        """Stages that DVC runs again where Outdo still knows their result: they read nothing that is hashed, or what
        they wrote outlives a run and is still in place."""
        steps = enumerate(self.steps)
        return {at for at, one in steps if one.persist or not (self.reads(at) or one.raw or one.param)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("differential")


@pytest.fixture(scope="module")
def dvc(home: Path) -> Iterator[Dvc]:
    made = Dvc(home)
    yield made
    made.close()


@pytest.fixture(scope="module")
def blank(home: Path) -> Path:
    """An empty DVC repository."""
    place = home / "blank"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "keep").touch()
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    subprocess.run([peer("dvc"), "init", "-q"], cwd=place, env=environment(home), check=True)
    return place


def ran(home: Path) -> list[str]:
    """The stages whose commands ran since this was last asked."""
    log = home / "ran"
    found = sorted(log.read_text().split()) if log.exists() else []
    log.unlink(missing_ok=True)
    return found


def outdo(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [OUTDO, *words], cwd=folder, env=environment(folder.parent), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for out in folder.glob("o[0-9]*")
        for path in (out.rglob("*") if out.is_dir() else [out])
        if path.is_file()
    }


def check(world: World, theirs: Path, ours: Path, dvc: Dvc) -> None:
    """Both carry out what is to be done, and agree on what that was and on where they stand."""
    home = theirs.parent
    dvc.ask(theirs, "repro")
    by_dvc = ran(home)
    outdo(ours, "run")
    by_outdo = ran(home)
    assert {int(name) for name in set(by_dvc) ^ set(by_outdo)} <= world.spared(), (by_dvc, by_outdo)
    assert set(by_outdo) <= set(by_dvc)
    assert contents(ours) == contents(theirs)
    always = {world.names[at] for at, step in enumerate(world.steps) if step.always}
    assert set(dvc.ask(ours, "status")) <= always
    assert not any(dvc.ask(ours, "data_status").values())
    plan = json.decode(outdo(theirs, "run", "--dry", "--json"))["data"]["actions"]
    assert {one["stage"] for one in plan if one["verb"] not in ("keep", "wait")} <= always
    if not always:
        assert {one["verb"] for one in plan} == {"keep"}
    known = DvcLock((ours / "dvc.lock").read_text()).stages, DvcLock((theirs / "dvc.lock").read_text()).stages
    for name in world.names.values():
        assert known[0].get(name) == known[1].get(name)


@settings(
    max_examples=int(os.environ.get("OUTDO_EXAMPLES", "5")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(steps=st.lists(STEPS, min_size=2, max_size=6), edits=st.lists(EDITS, min_size=2, max_size=4))
def test_what_dvc_runs_outdo_runs(
    steps: list[Step], edits: list[tuple[str, int, str]], home: Path, blank: Path, dvc: Dvc
) -> None:
    theirs, ours = home / "theirs", home / "ours"
    for folder in (theirs, ours):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(blank, folder, symlinks=True)
    world = World(steps)
    for folder in (theirs, ours):
        world.write(folder, thaw=True)
    check(world, theirs, ours, dvc)
    for kind, at, value in edits:
        index = at % len(steps)
        world.edit(kind, index, value)
        for folder in (theirs, ours):
            world.write(folder)
            world.spoil(kind, index, folder)
        check(world, theirs, ours, dvc)
