"""Runs on parallel axes: what `outdo log --html` and `outdo compare --html` write."""

from collections.abc import Mapping, Sequence

from outdo.app.project import open_project
from outdo.core.errors import Usage, UserError
from outdo.core.model import Aim
from outdo.core.parallel import Shown, axes, page
from outdo.core.ranking import chosen

PARAMS, METRICS = 10, 6
"""How many axes of each kind a page has at most."""


def aims_of(start: str) -> Mapping[str, Aim]:
    """The metrics that gates of the project speak of; none where its file can't be read."""
    try:
        return open_project(start).pipeline.aims
    except UserError:
        return {}


def picture(start: str, title: str, runs: Sequence[Shown], params: Sequence[str]) -> str:
    """A page of runs, with those params and the metrics that matter most; raises `Usage` where there is nothing to
    draw."""
    aims = aims_of(start)
    metrics = [name for name in chosen([run.metrics for run in runs], aims) if _varies(runs, name)]
    shown = axes(runs, params[:PARAMS], metrics[:METRICS], aims)
    if not shown:
        raise Usage("there is nothing to draw: these runs are all alike", fix="name other runs")
    left = [*params[PARAMS:], *metrics[METRICS:]]
    told = f"{len(runs)} runs" + (f"; no room for {', '.join(left[:8])}" if left else "")
    return page(title, told, [run.name for run in runs], shown)


def _varies(runs: Sequence[Shown], name: str) -> bool:
    return len(runs) < 3 or len({run.metrics.get(name) for run in runs}) > 1
