"""What a curve is drawn of: so many points of a metric, evenly over all of them; and which data experiments read."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from outdo.core.tracking import Point
from outdo.store.tracking.runs import find_info
from outdo.store.tracking.tables import datasets, inputs, logged_runs, metric_keys, points


def sample(
    connection: Connection, id_: str, name: str, size: int, steps: tuple[int, int] | None = None
) -> list[Point]:
    """At most `size` points of a metric by step, the first and the last among them; with `steps` only of those from
    the first to the second. Raises `Unknown` for the run."""
    find_info(connection, id_)
    these = [logged_runs.c.id == id_, metric_keys.c.name == name]
    if steps is not None:
        these += [points.c.step >= steps[0], points.c.step <= steps[1]]
    joined = points.join(logged_runs, logged_runs.c.number == points.c.run).join(
        metric_keys, metric_keys.c.id == points.c.key
    )
    total = connection.scalar(select(func.count()).select_from(joined).where(*these)) or 0
    order = (points.c.step, points.c.timestamp, points.c.value, points.c.nan)
    place = (func.row_number().over(order_by=order) - 1).label("place")
    numbered = select(*order, place).select_from(joined).where(*these).subquery()
    query = select(numbered).order_by(numbered.c.place)
    if total > size:
        query = query.where(numbered.c.place.in_(_places(total, size)))
    return [
        Point(name, float("nan") if row.nan else row.value, row.timestamp, row.step)
        for row in connection.execute(query)
    ]


def read_data(connection: Connection, within: Sequence[int], most: int) -> list[tuple[int, str, str, str]]:
    """Experiment, name, digest and context of the datasets that runs of these experiments read; at most so many."""
    query = (
        select(datasets.c.experiment, datasets.c.name, datasets.c.digest, inputs.c.context)
        .join(inputs, inputs.c.dataset == datasets.c.number)
        .where(datasets.c.experiment.in_(within))
        .distinct()
        .order_by(datasets.c.experiment, datasets.c.name, datasets.c.digest, inputs.c.context)
        .limit(most)
    )
    return [(row.experiment, row.name, row.digest, row.context or "") for row in connection.execute(query)]


def _places(total: int, size: int) -> list[int]:
    """Where the first of each of `size` equal parts is, and in place of the last one's the very last."""
    each, over = divmod(total, size)
    return [*(at * each + min(at, over) for at in range(size - 1)), total - 1]
