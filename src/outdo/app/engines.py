"""Other tools that judge data, each in an environment of its own, so that a broken one breaks no check."""

import os

from outdo.app.project import Project
from outdo.core.errors import UserError
from outdo.core.model import Packages
from outdo.run.building import Build, Built, Environments
from outdo.run.ports import Cancel
from outdo.store.atomic import write_atomic

ENGINES = "engines"
"""The folder in `.outdo` with what each engine is built from, and what was said while it was."""


def own(project: Project, name: str, requirements: bytes) -> Built | str:
    """The environment of an engine, built from what it requires where it is not there yet; or why there is none."""
    file = os.path.join(project.state, ENGINES, name, "requirements.txt")
    try:
        project.make_state()
        write_atomic(file, requirements)
    except (UserError, OSError) as error:
        return f"its environment can't be made: {error}"
    return environment(project, Packages(os.path.relpath(file, project.root)))


def environment(project: Project, packages: Packages) -> Built | str:
    """The environment that a file describes; or why there is none."""
    folder = os.path.join(project.state, ENGINES)
    log = os.path.join(folder, "build.log")
    try:
        os.makedirs(folder, exist_ok=True)
        variables = {**os.environ, "UV_COMPILE_BYTECODE": "1"}  # who runs in it can't write it there
        environments = Environments(project.root, project.environments, variables)
        return environments.of(packages, Build(log, Cancel(), lambda: None, lambda _: None))
    except UserError as error:
        return f"{error.what} (see {os.path.relpath(log, project.root)})"
    except OSError as error:
        return f"its environment can't be made: {error.strerror}"
