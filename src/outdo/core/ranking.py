"""Which metrics matter most, and which way each is better."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from outdo.core.model import Aim
from outdo.core.values import short

_LOW = (
    r"(log)?loss|nll|err(ors?)?|r?m[as]p?e|s?mape|rmsle|[wc]er|brier|[em]ce|f[pn]r|eer|perplexity|ppl|deviance|[ab]ic"
    r"|regret|cost|size|bytes|memory|latency|time|seconds|duration|ms|misses"
)
_WORD = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+"


def guess(name: str) -> Aim:
    """Which way a metric is better, by its name: `val_loss` is better low, `auc` high."""
    return "low" if any(re.fullmatch(_LOW, word.lower()) for word in re.findall(_WORD, name)) else "high"


def aim(name: str, known: Mapping[str, Aim]) -> Aim:
    """Which way a metric is better, as gates say, else by its name; `STAGE:NAME` is known by its name too."""
    return known.get(name) or known.get(name.rpartition(":")[2]) or guess(name)


def best(values: Sequence[float | None], towards: Aim) -> int | None:
    """The place of the best value; None where all are the same, or fewer than two are numbers."""
    numbers = {place: value for place, value in enumerate(values) if value is not None and isfinite(value)}
    if len(set(numbers.values())) < 2:
        return None
    return (max if towards == "high" else min)(numbers, key=lambda place: numbers[place])


def chosen(
    rows: Sequence[Mapping[str, float]], known: Mapping[str, Aim], asked: Iterable[str] = ()
) -> list[str]:
    """All names of metrics, those first that were asked about, then those that gates speak of; then those that vary
    before those that do not, and short names before long ones, which are mostly parts of parts."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    wanted = [*asked]
    gated = [*known]

    def rank(name: str) -> tuple[int, int, bool, int, int]:
        inner = name.rpartition(":")[2]
        place = gated.index(inner) if inner in known else len(gated)
        told = wanted.index(name) if name in wanted else len(wanted)
        values = [row[name] for row in rows if name in row]
        varies = any(value != values[0] for value in values)
        return told, place, not varies, name.count(".") + name.count(":"), len(name)

    return sorted(names, key=rank)


def brief(settings: Mapping[str, object], names: Sequence[str]) -> str:
    """Some params with their values on one line."""
    return " ".join(f"{name}={short(settings[name], 24)}" for name in names if name in settings)
