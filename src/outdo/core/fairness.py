"""A metric in groups of the rows: how far the lowest is from the highest."""

from collections.abc import Mapping
from math import isfinite

import numpy as np
from msgspec.structs import replace

from outdo.core import rules
from outdo.core.gate import short, together, within
from outdo.core.metrics.scored import Array, Scored
from outdo.core.parts import computed, drawn, listed, parts
from outdo.core.predicted import Column
from outdo.core.verdict import Evidence, Verdict

SURE = 0.95


def fairness(gate: rules.Fairness, rows: Scored, by: Mapping[str, Column], seed: int) -> Verdict:
    """The verdict on the groups; raises `Unscored`."""
    title = fairness_title(gate)
    known, groups = computed(gate.metric), parts(rows, by, gate.by, gate.min_rows)
    values = {value: known.of(rows) for value, rows in groups.items()}
    spread = [drawn(known, rows, seed) for rows in groups.values()]
    if len(values) < 2:
        return Verdict(title, "not_evaluated", f"fewer than two groups have {gate.min_rows} rows")
    if not all(map(isfinite, values.values())):
        return Verdict(title, "not_evaluated", "a group has no value of it")
    low, high = min(values, key=lambda v: values[v]), max(values, key=lambda v: values[v])
    told = f"{low} {short(values[low])}, {high} {short(values[high])}"
    table, verdicts = np.stack(spread), []
    for word, bound in (("ratio", gate.ratio), ("difference", gate.difference)):
        if bound is None:
            continue
        each = _disparity(word, table)
        point = float(_disparity(word, np.array([[v] for v in values.values()]))[0])
        ends = np.nanquantile(each, [1 - SURE, SURE])
        evidence = Evidence(
            low=float(ends[0]),
            high=float(ends[1]),
            confidence=SURE,
            rows=sum(one.rows for one in groups.values()),
        )
        verdict = within(word, point, bound, evidence=evidence)
        verdicts.append(replace(verdict, reason=f"{word} {verdict.reason} ({told})", subject=""))
    return replace(together(title, verdicts, nothing=""), reason="; ".join(v.reason for v in verdicts))


def fairness_title(gate: rules.Fairness) -> str:
    """Such as `fairness selection_rate by origin`."""
    return f"fairness {gate.metric} by {listed(gate.by)}"


def _disparity(word: str, values: Array) -> Array:
    """The lowest group's value divided by the highest's, or their difference, down the columns."""
    low, high = values.min(axis=0), values.max(axis=0)
    if word == "difference":
        return np.asarray(high - low)
    return np.asarray(np.divide(low, high, out=np.ones_like(high), where=high != 0))
