"""Long series to few points that look the same, and noisy ones to a smooth curve."""

from bisect import bisect_left
from collections.abc import Sequence

Point = tuple[float, float]

SPAN = 0.3
"""The share of all points that a point of a smooth curve is drawn from."""
_AT = 120
"""In how many places a smooth curve is computed."""


def thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """At most `most` of the points, the first and the last among them, that keep the shape of the line.

    Of each of equally many neighbouring points the one that spans the largest triangle with the point chosen before
    and the mean of those after: S. Steinarsson, Downsampling Time Series for Visual Representation (2013), 4.2."""
    count = len(points)
    if count <= most or most < 3:
        return points
    chosen = [points[0]]
    size = (count - 2) / (most - 2)
    for i in range(most - 2):
        start, end = int(i * size) + 1, int((i + 1) * size) + 1
        after = points[end : int((i + 2) * size) + 1] or points[-1:]
        mean_x = sum(x for x, _ in after) / len(after)
        mean_y = sum(y for _, y in after) / len(after)
        x0, y0 = chosen[-1]
        width, height = x0 - mean_x, mean_y - y0
        sizes = [abs(width * (y - y0) - (x0 - x) * height) for x, y in points[start:end]]
        chosen.append(points[start + sizes.index(max(sizes))])
    return [*chosen, points[-1]]


def smooth(points: Sequence[Point], span: float = SPAN) -> list[Point]:
    """A smooth curve through points sorted by x: in each place the line that fits its nearest points best.

    Locally weighted regression of first degree with tricube weights, without the robust steps: W. S. Cleveland,
    Robust Locally Weighted Regression and Smoothing Scatterplots, JASA 74 (1979), section 2."""
    points = thinned(points, 2_000)
    count = len(points)
    near = max(2, round(span * count))
    if count < 3 or near >= count * 2:
        return list(points)
    xs = [x for x, _ in points]
    places = xs if count <= _AT else [xs[0] + (xs[-1] - xs[0]) * i / (_AT - 1) for i in range(_AT)]
    found: list[Point] = []
    for place in dict.fromkeys(places):
        start = _window(xs, place, near)
        found.append((place, _fit(points[start : start + near], place)))
    return found


def _window(xs: Sequence[float], place: float, near: int) -> int:
    """Where the `near` points that are next to `place` begin."""
    low, high = 0, len(xs) - near
    guess = bisect_left(xs, place)
    start = min(max(guess - near // 2, low), high)
    while start < high and place - xs[start] > xs[start + near] - place:
        start += 1
    while start > low and xs[start + near - 1] - place > place - xs[start - 1]:
        start -= 1
    return start


def _fit(points: Sequence[Point], place: float) -> float:
    """The height at `place` of the line that fits the points best, nearer ones counting more."""
    reach = max(abs(x - place) for x, _ in points) or 1.0
    reach *= 1.000001  # the farthest point still counts a little, or two equal ones would leave nothing
    weights = [(1 - (abs(x - place) / reach) ** 3) ** 3 for x, _ in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    across = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
    if across <= 1e-12 * reach * reach:
        return mean_y
    along = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True))
    return mean_y + along / across * (place - mean_x)
