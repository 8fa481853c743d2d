"""`outdo run` where nothing is to be done: answered without loading anything that only work needs."""

import gc
import os
import sys
from time import monotonic

from outdo.app.passed import unjudged
from outdo.app.plan import make_plan, nothing_to_do, take_in
from outdo.app.project import open_project
from outdo.app.registered import behind
from outdo.cli.paint import Paint
from outdo.core.errors import UserError
from outdo.core.plan import Request


def run_if_fresh() -> int | None:
    """0 if every stage is fresh, after saying so; None if there is work, or a mistake, for the command itself."""
    started = monotonic()
    gc.disable()  # a short life leaves nothing to collect
    try:
        project = open_project(os.curdir)
        made = make_plan(project, Request())
        if not nothing_to_do(made) or any(stage.sandbox for stage in project.pipeline.stages):
            return None
        if not project.dvc_knows:
            return None  # telling it is work
        if behind(project, made) or unjudged(project, made):
            return None  # and so is registering, and judging
        take_in(project, made)
    except UserError:
        return None
    finally:
        gc.enable()
    print(unchanged(project.pipeline.project, len(made.actions), monotonic() - started), file=sys.stderr)
    return 0


def unchanged(project: str, stages: int, seconds: float) -> str:
    """The summary of a run that had nothing to do."""
    paint = Paint(sys.stderr)
    if not stages:
        return f"{paint(project, 'bold')}: no stages yet; add one to the file"
    count = "its one stage is" if stages == 1 else f"all {stages} stages are"
    return f"{paint('=', 'green')} {paint(project, 'bold')}: nothing to do, {count} fresh · {seconds:.2f}s"
