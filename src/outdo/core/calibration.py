"""Whether a probability means what it says: the slope and the intercept of the labels on it, and the mean error."""

from math import exp, inf, isfinite, sqrt

import numpy as np
from msgspec import Struct

from outdo.core.gate import short, surely_within, together
from outdo.core.metrics.scored import Array, Scored, Unscored
from outdo.core.modelgates import Calibration
from outdo.core.parts import computed
from outdo.core.predicted import Predicted
from outdo.core.statistics.difference import z
from outdo.core.statistics.estimate import estimate
from outdo.core.verdict import Evidence, Outcome, Verdict

_NEAREST = 1e-6
"""How near to 0 or 1 a probability counts: its logit has to be finite."""
_ROUNDS = 50


class Recalibrated(Struct, frozen=True):
    """The logistic regression of labels on the logit of their probabilities: log odds = a + b logit(p)."""

    slope: float
    slope_error: float
    intercept: float
    """With a slope of 1, which is calibration in the large: above 0, the probabilities are too low."""
    intercept_error: float
    p: float
    """How likely labels so far from a = 0 and b = 1 are by chance (likelihood ratio, 2 degrees of freedom)."""


def recalibrated(truth: Array, said: Array) -> Recalibrated:
    """Cox's regression (1958), which finds a slope of 1 and an intercept of 0 where probabilities are true; below 1
    they are too extreme. Raises `Unscored` where it has no solution.

    Unlike the test of Hosmer and Lemeshow it needs no bins, on which that one's verdict hangs, and says how far off."""
    if said.min() < 0 or said.max() > 1:
        raise Unscored("the scores are no probabilities")
    if truth.min() == truth.max():
        raise Unscored("all labels are the same")
    kept = np.clip(said, _NEAREST, 1 - _NEAREST)
    logit = np.log(kept / (1 - kept))
    if np.ptp(logit) == 0:
        raise Unscored("all scores are the same")
    ones = np.ones_like(logit)
    joint, joint_cov = _fit(np.stack([ones, logit], axis=1), truth, np.zeros_like(logit))
    large, large_cov = _fit(ones[:, np.newaxis], truth, logit)
    gain = _likelihood(joint[0] + joint[1] * logit, truth) - _likelihood(logit, truth)
    return Recalibrated(
        float(joint[1]), sqrt(joint_cov[1, 1]), float(large[0]), sqrt(large_cov[0, 0]), exp(-max(gain, 0.0))
    )


def _fit(design: Array, truth: Array, offset: Array) -> tuple[Array, Array]:
    """Coefficients of a logistic regression and their covariance, by Newton's steps."""
    found = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip((design * found).sum(axis=1) + offset, -500, 500)))
        weights = chance * (1 - chance)
        slope = (design * (truth - chance)[:, np.newaxis]).sum(axis=0)
        curve = np.array([[(weights * a * b).sum() for a in design.T] for b in design.T])
        try:
            covariance = np.linalg.inv(curve)
        except np.linalg.LinAlgError:
            break
        step = (covariance * slope).sum(axis=1)
        found = found + step
        if not np.isfinite(found).all():
            break
        if np.abs(step).max() < 1e-9:
            return found, covariance
    raise Unscored("the scores part the labels so well that no slope fits")


def _likelihood(logit: Array, truth: Array) -> float:
    return float(-np.logaddexp(0, np.where(truth > 0, -logit, logit)).sum())


def calibration(gate: Calibration, _: Predicted, rows: Scored, seed: int) -> Verdict:
    """The verdict on each bound, by the interval of what it bounds; raises `Unscored`."""
    if rows.classes != 2:
        raise Unscored("only the probability of one of two classes can be held against the labels")
    parts = []
    if gate.ece is not None:
        found = estimate(computed("ece"), rows, seed)
        low, high = found.bounds(gate.confidence)
        evidence = Evidence(
            value=found.value, low=max(low, 0.0), high=high, confidence=gate.confidence, rows=rows.rows,
            method=found.method,
        )  # fmt: skip
        parts.append(_named("ece", surely_within("ece", gate.ece, evidence)))
    if gate.slope or gate.intercept:
        fitted = recalibrated(rows.truth, rows.scores())
        many = rows.rows
        if gate.slope:
            parts.append(_inside("slope", fitted.slope, fitted.slope_error, gate.slope, gate, fitted.p, many))
        if gate.intercept:
            value, error = fitted.intercept, fitted.intercept_error
            parts.append(_inside("intercept", value, error, gate.intercept, gate, fitted.p, many))
    whole = together("calibration", parts, nothing="")
    return (
        whole if len(parts) > 1 else Verdict("calibration", whole.outcome, _told(parts[0]), parts[0].evidence)
    )


def _inside(
    name: str, value: float, error: float, ends: tuple[float, ...], gate: Calibration, p: float, many: int
) -> Verdict:
    """Passes where all of the interval lies within the range, and fails where none of it does."""
    reach = z(gate.confidence) * error
    low, high = value - reach, value + reach
    assert isfinite(low + high) or high == inf
    outcome: Outcome = (
        "passed"
        if ends[0] <= low and high <= ends[1]
        else "failed"
        if high < ends[0] or low > ends[1]
        else "inconclusive"
    )
    words = {"passed": "surely within", "failed": "surely not within"}.get(outcome, "within or not")
    span = f"{short(value)} ({short(low)} to {short(high)}) is {words} {ends[0]:g} to {ends[1]:g}"
    evidence = Evidence(
        value=value, low=low, high=high, confidence=gate.confidence, bound=f"{ends[0]:g} to {ends[1]:g}", rows=many,
        p=p, method="logistic recalibration",
    )  # fmt: skip
    return _named(name, Verdict(name, outcome, span, evidence))


def _named(name: str, verdict: Verdict) -> Verdict:
    return Verdict(name, verdict.outcome, verdict.reason, verdict.evidence, subject=name)


def _told(verdict: Verdict) -> str:
    return f"{verdict.name} {verdict.reason}"
