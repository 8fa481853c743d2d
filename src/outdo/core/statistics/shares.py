"""Two models' decisions on the same rows: who was right where the other was wrong."""

from math import exp, lgamma, log, sqrt

from outdo.core.statistics.difference import Difference, above, z

_EXACT = 10_000
"""Up to so many rows on which the two differ, the test is exact."""


def accuracy(gained: int, lost: int, rows: int, *, confidence: float, margin: float = 0.0) -> Difference:
    """The difference of two accuracies on `rows` rows: challenger right alone on `gained`, champion alone on `lost`.

    The interval adds half a row to each cell of the table, which keeps its coverage where few rows differ (Agresti and
    Min 2005). With no margin the p is McNemar's with the mid-p correction (Fagerland 2013), exact by the binomial.
    """
    value = (gained - lost) / rows
    wide = rows + 2
    middle = (gained - lost) / wide
    error = sqrt(max((gained + lost + 1) / wide - middle**2, 0.0) / wide)
    reach = z(confidence) * error
    low, high = max(-1.0, middle - reach), min(1.0, middle + reach)
    p = mid_p(gained, lost) if margin == 0 and gained + lost <= _EXACT else above(middle, error, margin)
    return Difference(value, min(low, value), max(high, value), error, p, rows, "McNemar")


def mid_p(gained: int, lost: int) -> float:
    """How likely it is to gain so many of the rows that differ, or more, by a fair coin; this count itself by half."""
    many = gained + lost
    if many == 0:
        return 0.5
    tails = [_coin(many, wins) for wins in range(gained, many + 1)]
    return min(1.0, sum(tails) - tails[0] / 2)


def _coin(throws: int, wins: int) -> float:
    return exp(lgamma(throws + 1) - lgamma(wins + 1) - lgamma(throws - wins + 1) - throws * log(2))
