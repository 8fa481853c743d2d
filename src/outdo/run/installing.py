"""The words that have `uv`, or a conda, build an environment."""

import os
from collections.abc import Iterator, Mapping

from msgspec import Struct

from outdo.core.errors import NoEnvironment
from outdo.core.model import Packages
from outdo.core.packages import Kind
from outdo.run.environment import program

SECONDS = 60.0
"""How long uv may take to name an interpreter."""


class Recipe(Struct, frozen=True):
    """What is to be built, from what, by which program; all paths absolute."""

    kind: Kind
    packages: Packages
    file: str
    folder: str
    tool: str
    python: str = ""


def commands(recipe: Recipe) -> Iterator[list[str]]:
    """The commands that build it, one after the other, to be run in the folder of its file."""
    if recipe.kind in ("conda-lock", "conda"):
        yield _conda(recipe)
        return
    uv, python = recipe.tool, recipe.python
    yield [uv, "venv", "--quiet", "--no-project", "--python", python, recipe.folder]
    extras = [word for extra in recipe.packages.extras for word in ("--extra", extra)]
    groups = list(recipe.packages.groups)
    if recipe.kind == "uv":
        alone = ["--locked", "--no-default-groups", "--no-install-project", "--no-editable"]
        wanted = [word for group in groups for word in ("--group", group)]
        yield [uv, "sync", *alone, "--python", python, *extras, *wanted]
        return
    file = os.path.basename(recipe.file)
    beside = f"{file}:" if recipe.kind == "pyproject" else ""
    wanted = [word for group in groups for word in ("--group", f"{beside}{group}")]
    inside = os.path.join(recipe.folder, "bin", "python")
    yield [uv, "pip", "install", "--python", inside, "--requirements", file, *extras, *wanted]


def _conda(recipe: Recipe) -> list[str]:
    name, file = os.path.basename(recipe.tool), os.path.basename(recipe.file)
    if name == "conda-lock":
        return [recipe.tool, "install", "--prefix", recipe.folder, file]
    if name == "conda":
        return [recipe.tool, "env", "create", "--yes", "--prefix", recipe.folder, "--file", file]
    return [recipe.tool, "create", "--yes", "--prefix", recipe.folder, "--file", file]


def tool(kind: Kind, env: Mapping[str, str]) -> str:
    """The program that builds this kind of environment; raises `NoEnvironment` where there is none."""
    if kind in ("conda-lock", "conda"):
        names = ["micromamba", "mamba", "conda-lock" if kind == "conda-lock" else "conda"]
        found = next((path for name in names if (path := program(name, "/", env))), None)
        if found is None:
            what = f"a conda environment is built by {names[0]}, {names[1]} or {names[2]}, and none of them is here"
            raise NoEnvironment(what, fix="install micromamba, or name a file that uv knows, such as uv.lock")
        return found
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, OSError):  # a distribution of Outdo without it; uv may be installed by other ways
        there = program("uv", "/", env)
    if there is None:
        raise NoEnvironment("environments are built by uv, which is not here", fix="pip install uv")
    return there


def find_python(uv: str, folder: str, env: Mapping[str, str]) -> str:
    """The interpreter that uv would take for what is in `folder`, by its own rules: `.python-version`, then what
    pyproject.toml requires, then the first one found. Virtual environments are passed over."""
    import subprocess

    words = [uv, "python", "find", "--system", "--no-progress", "--color", "never"]
    try:
        done = subprocess.run(
            words, cwd=folder, env=dict(env), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoEnvironment(f"uv does not answer: {error}") from None
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    if done.returncode:
        # uv breaks long lines, in some of its versions also those of its errors.
        told = " ".join(" ".join(said).split()).rpartition("error: ")[2]
        what = f"no interpreter fits: {told or 'uv gives no reason'}"
        raise NoEnvironment(what, fix="uv python install VERSION, or mend .python-version or requires-python")
    return done.stdout.decode().strip()
