"""The code and the environment that a run had, as they are recorded with it."""

import os
from collections.abc import Callable, Iterator, Sequence
from time import time

from msgspec import json, structs

from outdo.app.project import Project
from outdo.core.events import Captured, Warned
from outdo.core.model import RunId
from outdo.run.building import Built
from outdo.run.environment import read_environment
from outdo.run.source import read_code
from outdo.store.lock import NAME

DVC_SECRETS = ".dvc/config.local"
"""Never kept with the code, also where Git was not told to ignore it."""


def describe_environment(root: str) -> bytes:
    """The environment that stages run in, as it is recorded."""
    return json.encode(read_environment(root, os.environ), order="sorted")


def capture(project: Project, run: RunId, environment: Callable[[], bytes]) -> Iterator[Captured | Warned]:
    """The code and the environment of a run; what can't be read costs a warning."""
    try:
        written = [out.path for stage in project.graph.stages.values() for out in stage.outs]
        code = read_code(project.root, without=[*written, NAME, DVC_SECRETS])
        for trouble in filter(None, [code.trouble, _left_out(code.left_out)]):
            yield Warned(run, time(), trouble)
        described = environment()
        patch = project.objects.put_bytes(code.patch) if code.patch else None
        kept = project.objects.put_bytes(described)
        yield Captured(run, time(), code.commit, code.branch, code.dirty, patch, kept)
    except Exception as error:
        yield Warned(run, time(), f"code and environment were not recorded: {error}")


def with_built(project: Project, captured: Captured, used: Sequence[Built]) -> Captured | Warned:
    """What was captured, with the environment that stages ran in: the first of those that were built for them."""
    try:
        found = read_environment(project.root, {**os.environ, **used[0].variables})
        found["built"] = {each.name: each.digest for each in used}
        for each in used[1:]:
            other = read_environment(project.root, {**os.environ, **each.variables})
            found.setdefault("others", {})[each.name] = other.get("python")
        kept = project.objects.put_bytes(json.encode(found, order="sorted"))
    except Exception as error:
        return Warned(captured.run, time(), f"the environment was not recorded: {error}")
    return structs.replace(captured, at=time(), environment=kept)


def _left_out(paths: Sequence[str]) -> str:
    return f"too large to be recorded with the code: {', '.join(paths[:5])}" if paths else ""
