"""How much better one model is than another on the same rows, and how sure that is."""

from math import inf, sqrt
from statistics import NormalDist

from msgspec import Struct

_NORMAL = NormalDist()


class Difference(Struct, frozen=True):
    """Challenger minus champion in one metric, turned so that more is better, with its interval and evidence."""

    value: float
    low: float
    """The lower confidence bound, at `confidence` on this side alone."""
    high: float
    """The upper one, likewise."""
    error: float
    """The standard error of `value`."""
    p: float
    """How likely a value this high is, or a higher one, if the true one were the margin asked for."""
    rows: int
    """Independent units: rows, or clusters of them."""
    method: str
    """Such as `DeLong`."""

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError("the value has to lie within its interval")


def z(confidence: float) -> float:
    """The quantile of the normal distribution below which `confidence` of it lies."""
    return _NORMAL.inv_cdf(confidence)


def stretched(point: float, freedom: float) -> float:
    """The quantile of Student's distribution for the normal's (the first terms of Cornish and Fisher's series)."""
    free = max(freedom, 1.0)
    return (
        point + (point**3 + point) / (4 * free) + (5 * point**5 + 16 * point**3 + 3 * point) / (96 * free**2)
    )


def above(value: float, error: float, margin: float) -> float:
    """The one-sided p of `value` against `margin`, by the normal distribution."""
    if error == 0:
        return 0.0 if value > margin else 1.0
    return 1 - _NORMAL.cdf((value - margin) / error)


def normal(
    value: float, error: float, rows: int, *, confidence: float, margin: float, method: str
) -> Difference:
    """A difference whose estimate is normal, as sums over many rows are."""
    reach = z(confidence) * error
    return Difference(value, value - reach, value + reach, error, above(value, error, margin), rows, method)


def detectable(error: float, confidence: float, power: float) -> float:
    """The smallest true lead over the margin that this many rows would show with the given power."""
    return (z(confidence) + z(power)) * error


def needed(rows: int, error: float, lead: float, *, confidence: float, power: float) -> float:
    """About how many rows a lead over the margin of this size needs; infinite where there is no lead.

    The error falls with the root of the rows, so the rows grow with the square of what the error has to shrink by.
    """
    if lead <= 0:
        return inf
    return rows * (detectable(error, confidence, power) / lead) ** 2


def holm(chances: list[float]) -> list[float]:
    """P-values corrected for being many, in the same order (Holm 1979): comparing each with alpha keeps the chance of
    any false alarm at alpha, whatever depends on what."""
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    corrected = [0.0] * len(chances)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = highest
    return corrected


def wilson(hits: float, rows: float, confidence: float) -> tuple[float, float]:
    """The interval of a share, two-sided (Wilson 1927): right even for small samples and shares near 0 or 1."""
    return wilson_within(hits / rows, rows, z((1 + confidence) / 2))


def wilson_within(share: float, rows: float, reach: float) -> tuple[float, float]:
    """Wilson's bounds of a share of so many rows, so many standard errors apart from it."""
    middle = (share + reach**2 / (2 * rows)) / (1 + reach**2 / rows)
    half = reach * sqrt(share * (1 - share) / rows + reach**2 / (4 * rows**2)) / (1 + reach**2 / rows)
    return middle - half, middle + half
