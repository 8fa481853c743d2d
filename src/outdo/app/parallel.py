"""Runs on parallel axes: what `outdo log --html` and `outdo compare --html` write."""

from collections.abc import Mapping, Sequence

from outdo.app.draw import save
from outdo.app.project import aims_of
from outdo.core.errors import Usage
from outdo.core.model import Value
from outdo.core.parallel import Shown, axes, page
from outdo.core.ranking import chosen

PARAMS, METRICS = 10, 6
"""How many axes of each kind a page has at most."""


Run = tuple[str, Mapping[str, Value], Mapping[str, float]]
"""Its name, its params, its metrics."""


def draw(start: str, file: str, title: str, rows: Sequence[Run], params: Sequence[str]) -> None:
    """Writes a page of runs, with those params and the metrics that matter most; raises `Usage` where there is nothing
    to draw, and `CantWrite`."""
    runs = [Shown(*row) for row in rows]
    aims = aims_of(start)
    metrics = [name for name in chosen([run.metrics for run in runs], aims) if _varies(runs, name)]
    shown = axes(runs, params[:PARAMS], metrics[:METRICS], aims)
    if not shown:
        raise Usage("there is nothing to draw: these runs are all alike", fix="name other runs")
    left = [*params[PARAMS:], *metrics[METRICS:]]
    told = f"{len(runs)} runs" + (f"; no room for {', '.join(left[:8])}" if left else "")
    save(file, page(title, told, [run.name for run in runs], shown))


def _varies(runs: Sequence[Shown], name: str) -> bool:
    return len(runs) < 3 or len({run.metrics.get(name) for run in runs}) > 1
