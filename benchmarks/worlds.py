"""The pipelines that are measured, and how each tool writes them down.

One list of steps becomes a `dvc.yaml` (which Outdo and DVC read alike), a Makefile or a `build.ninja`. DVC's first
run of a thousand stages takes an hour, so its lock and cache are written here, as its own run would leave them.
"""

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence

from msgspec import Struct

from benchmarks.peers import init_dvc, peer


class Step(Struct, frozen=True):
    """One stage: a shell command, what it reads, and the one file it writes with what that will hold."""

    name: str
    cmd: str
    deps: tuple[str, ...]
    out: str
    holds: str


class World(Struct, frozen=True):
    """A pipeline and the files that are there before it runs."""

    steps: tuple[Step, ...]
    files: Mapping[str, str] = {}


def five() -> World:
    """Five stages in the shape of a small project: a chain with one branch, and a script for each."""
    rows = "\n".join(f"{number},{number * 7919 % 101}" for number in range(1000)) + "\n"
    shape = [("import", ()), ("features", (0,)), ("train", (1,)), ("predict", (1, 2)), ("evaluate", (3,))]
    steps: list[Step] = []
    for at, (name, above) in enumerate(shape):
        deps = (f"{name}.sh", "rows.csv" if not above else "")
        made = tuple(steps[parent].out for parent in above)
        out = f"{name}.out"
        steps.append(Step(name, f"sh {name}.sh > {out}", (*filter(None, deps), *made), out, f"{name} {at}\n"))
    scripts = {f"{name}.sh": f"echo {name} {at}\n" for at, (name, _) in enumerate(shape)}
    return World(tuple(steps), {**scripts, "rows.csv": rows})


def chain(count: int) -> World:
    """Each stage reads what the one before it wrote."""
    steps = [_echo(number, (f"o{number - 1}",) if number else ("source",)) for number in range(count)]
    return World(tuple(steps), {"source": "x\n"})


def fan_out(count: int) -> World:
    """All stages read one file, and write one each."""
    return World(tuple(_echo(number, ("source",)) for number in range(count)), {"source": "x\n"})


def own_inputs(count: int) -> World:
    """Each stage reads a file of its own."""
    files = {f"i{number}": f"{number}\n" for number in range(count)}
    return World(tuple(_echo(number, (f"i{number}",)) for number in range(count)), files)


def independent(count: int) -> World:
    """Stages that read nothing and write one file each."""
    return World(tuple(_echo(number, ()) for number in range(count)))


def diamonds(count: int) -> World:
    """Each stage reads the outputs of two before it, so that paths through the graph double with every level."""
    steps = [
        _echo(number, tuple(f"o{n}" for n in {number - 1, number - 2} if n >= 0)) for number in range(count)
    ]
    return World((_echo(0, ("source",)), *steps[1:]), {"source": "x\n"})


def write_outdo(folder: str, world: World) -> str:
    """A Git repository with the world and its `dvc.yaml`, committed."""
    _write(folder, world, {"dvc.yaml": dvc_yaml(world)})
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]
    for words in (["init", "-q"], ["add", "--all"], [*who, "commit", "-q", "-m", "The world before"]):
        subprocess.run(["git", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def write_dvc(folder: str, world: World, *, done: bool) -> str:
    """The same for DVC; if `done`, as after a good run."""
    write_outdo(folder, world)
    init_dvc(folder)
    if done:
        made = {step.out: step.holds for step in world.steps}
        ignored = "".join(f"/{path}\n" for path in made)
        lock = dvc_lock(world, {**world.files, **made})
        _write(folder, World(()), {**made, "dvc.lock": lock, ".gitignore": ignored})
        for text in made.values():
            name = _md5(text)
            cached = os.path.join(folder, ".dvc", "cache", "files", "md5", name[:2], name[2:])
            _write_file(cached, text)
            os.chmod(cached, 0o444)
    return folder


def write_make(folder: str, world: World) -> str:
    """The same for make."""
    return _write(folder, world, {"Makefile": makefile(world)})


def write_ninja(folder: str, world: World) -> str:
    """The same for ninja."""
    return _write(folder, world, {"build.ninja": build_ninja(world)})


def run_in(folder: str, words: Sequence[str]) -> str:
    """Runs a command that prepares a folder, and returns the folder."""
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def dvc_is_clean(folder: str) -> bool:
    """Whether DVC agrees that nothing is to be done in a folder whose lock was written here."""
    done = subprocess.run([peer("dvc"), "status"], cwd=folder, capture_output=True, text=True, check=True)
    return "Data and pipelines are up to date." in done.stdout


def dvc_yaml(world: World) -> str:
    """The pipeline as Outdo and DVC read it."""
    lines = ["stages:"]
    for step in world.steps:
        lines += [f"  {step.name}:", f"    cmd: {step.cmd}"]
        if step.deps:
            lines += ["    deps:", *(f"    - {dep}" for dep in step.deps)]
        lines += ["    outs:", f"    - {step.out}"]
    return "\n".join(lines) + "\n"


def dvc_lock(world: World, held: Mapping[str, str]) -> str:
    """What DVC writes after it ran all stages."""
    lines = ["schema: '2.0'", "stages:"]
    for step in world.steps:
        lines += [f"  {step.name}:", f"    cmd: {step.cmd}"]
        for kind, paths in (("deps", sorted(step.deps)), ("outs", [step.out])):
            lines += [f"    {kind}:"] if paths else []
            for path in paths:
                text = held[path]
                lines += [
                    f"    - path: {path}",
                    "      hash: md5",
                    f"      md5: {_md5(text)}",
                    f"      size: {len(text)}",
                ]
    return "\n".join(lines) + "\n"


def makefile(world: World) -> str:
    """The pipeline for make."""
    goals = " ".join(step.out for step in world.steps)
    rules = "".join(f"{step.out}: {' '.join(step.deps)}\n\t@{step.cmd}\n" for step in world.steps)
    return f".PHONY: all\nall: {goals}\n{rules}"


def build_ninja(world: World) -> str:
    """The pipeline for ninja."""
    edges = "".join(
        f"build {step.out}: run {' '.join(step.deps)}\n  cmd = {step.cmd.replace('$', '$$')}\n"
        for step in world.steps
    )
    return f"rule run\n  command = $cmd\n{edges}"


def folder_of_files(folder: str, count: int, size: int = 1024) -> None:
    """`count` files of `size` bytes, no two alike, a thousand to a folder."""
    for number in range(count):
        below = os.path.join(folder, f"{number // 1000:04d}")
        if number % 1000 == 0:
            os.makedirs(below)
        line = hashlib.sha256(str(number).encode()).digest()
        with open(os.path.join(below, f"{number:07d}"), "wb", buffering=0) as file:
            file.write((line * (size // len(line) + 1))[:size])


def _echo(number: int, deps: tuple[str, ...]) -> Step:
    return Step(f"s{number}", f"echo {number} > o{number}", deps, f"o{number}", f"{number}\n")


def _write(folder: str, world: World, more: Mapping[str, str]) -> str:
    os.makedirs(folder, exist_ok=True)
    for path, text in {**world.files, **more}.items():
        _write_file(os.path.join(folder, path), text)
    return folder


def _write_file(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
