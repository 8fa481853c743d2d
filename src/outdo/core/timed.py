"""How long a loaded model's calls took, and how much memory it holds, to verdicts."""

from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from outdo.core.gate import surely_within, within
from outdo.core.modelgates import Latency
from outdo.core.statistics.binomial import ranks
from outdo.core.verdict import Evidence, Verdict
from outdo.core.written import Bound, Bytes, SizeBound

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Timed(Struct, frozen=True):
    """Calls of a model in a process of its own, warmed up."""

    times: tuple[float, ...]
    """Seconds of each call."""
    batch: int
    """Rows of each call."""
    memory: int
    """Bytes that the process held more at its peak than before it loaded the model."""
    loading: float
    """Seconds that loading took."""


def judged_times(gate: Latency, found: Timed) -> list[Verdict]:
    """A verdict for each time that is bounded: on what was measured, or with `confidence` on its bound."""
    verdicts = []
    times = sorted(found.times)
    for name in ("mean", "p50", "p90", "p95", "p99", "max"):
        bound: Bound | None = getattr(gate, name)
        if bound is not None:
            verdicts.append(_time(f"latency {name}", name, bound, times, gate.confidence, found.batch))
    if gate.throughput is not None:
        rate = found.batch * len(times) / sum(times)
        evidence = Evidence(rows=len(times), method=f"{found.batch:,} rows a call")
        told = f"{rate:,.0f} rows a second"
        verdicts.append(within("latency throughput", rate, gate.throughput, evidence=evidence, told=told))
    return verdicts


def _time(
    title: str, name: str, bound: Bound, times: list[float], confidence: float | None, batch: int
) -> Verdict:
    many = len(times)
    evidence = Evidence(rows=many, method="one row a call" if batch == 1 else f"{batch:,} rows a call")
    if name not in _QUANTILES:
        value = times[-1] if name == "max" else sum(times) / many
        return within(title, value, bound, evidence=evidence, told=seconds(value))
    quantile = _QUANTILES[name]
    value = times[min(many - 1, max(0, ceil(quantile * many) - 1))]
    low, high = ranks(many, quantile, confidence or 0.95)
    evidence = replace(
        evidence,
        value=value,
        low=None if low is None else times[low],
        high=None if high is None else times[high],
        confidence=confidence or 0.95,
    )
    if confidence is None:
        return within(title, value, bound, evidence=evidence, told=seconds(value))
    if high is None or low is None:
        reason = f"{many:,} calls can't bound it with a confidence of {confidence:g}"
        return Verdict(title, "inconclusive", reason, replace(evidence, bound=str(bound)))
    found = surely_within(title, bound, evidence)
    span = f"{seconds(times[low])} to {seconds(times[high])}"
    words = {"passed": f"is {bound}", "failed": f"is not {bound}"}.get(found.outcome, f"is in part {bound}")
    return replace(found, reason=f"{span} {words}")


def judged_memory(bound: SizeBound, found: Timed) -> Verdict:
    """The verdict on the memory that the model takes beside its interpreter and the rows."""
    evidence = Evidence(rows=len(found.times))
    return within("memory", found.memory, bound, evidence=evidence, told=Bytes(found.memory).short())


def seconds(value: float) -> str:
    """A time as people say it: `3.21ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value * 1e6:.3g}us"
