"""Metrics beside scikit-learn's: the same value for the same rows, to 1e-9, also when rows have weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from outdo.core.metrics.scored import Array, Scored
from outdo.core.metrics.table import METRICS, metric

Peer = Callable[[Any, Any, Any], float]

DECIDED: Mapping[str, Peer] = {
    "accuracy": lambda t, d, w: sk.accuracy_score(t, d, sample_weight=w),
    "balanced_accuracy": lambda t, d, w: sk.balanced_accuracy_score(t, d, sample_weight=w),
    "mcc": lambda t, d, w: sk.matthews_corrcoef(t, d, sample_weight=w),
    "kappa": lambda t, d, w: sk.cohen_kappa_score(t, d, sample_weight=w),
}
AVERAGED: Mapping[str, Callable[..., float]] = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
}
SCORED: Mapping[str, Peer] = {
    "auc": lambda t, s, w: sk.roc_auc_score(t, s, sample_weight=w),
    "average_precision": lambda t, s, w: sk.average_precision_score(t, s, sample_weight=w),
    "log_loss": lambda t, s, w: sk.log_loss(t, s, sample_weight=w),
    "brier": lambda t, s, w: sk.brier_score_loss(t, s, sample_weight=w),
}
VALUED: Mapping[str, Peer] = {
    "mae": lambda t, s, w: sk.mean_absolute_error(t, s, sample_weight=w),
    "mse": lambda t, s, w: sk.mean_squared_error(t, s, sample_weight=w),
    "rmse": lambda t, s, w: sk.root_mean_squared_error(t, s, sample_weight=w),
    "r2": lambda t, s, w: sk.r2_score(t, s, sample_weight=w),
    "mape": lambda t, s, w: sk.mean_absolute_percentage_error(t, s, sample_weight=w),
    "quantile_loss@0.9": lambda t, s, w: sk.mean_pinball_loss(t, s, sample_weight=w, alpha=0.9),
}

sizes = st.integers(2, 60)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def world(seed: int, rows: int, classes: int) -> tuple[np.random.Generator, Array]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    assume(len(np.unique(truth)) == classes)
    return random, truth.astype(np.float64)


def ours(name: str, rows: Scored, weights: Array) -> float:
    found = metric(name)
    assert found is not None
    return float(found.prepare(rows)(weights))


def close(one: float, other: float) -> bool:
    return one == pytest.approx(other, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", DECIDED)
@pytest.mark.parametrize("classes", [2, 5])
@few
@given(seed=seeds, rows=sizes)
def test_decisions(name: str, classes: int, seed: int, rows: int) -> None:
    random, truth = world(seed, rows, classes)
    decided, weights = random.integers(0, classes, rows), random.random(rows) + 0.1
    found = ours(name, Scored(truth, decision=decided, classes=classes), weights)
    assert close(found, DECIDED[name](truth, decided, weights))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("name", AVERAGED)
@pytest.mark.parametrize(("classes", "average"), [(2, "binary"), (4, "macro")])
@few
@given(seed=seeds, rows=sizes)
def test_precision_and_recall(name: str, classes: int, average: str, seed: int, rows: int) -> None:
    random, truth = world(seed, rows, classes)
    decided, weights = random.integers(0, classes, rows), random.random(rows) + 0.1
    found = ours(name, Scored(truth, decision=decided, classes=classes), weights)
    assert close(found, AVERAGED[name](truth, decided, average=average, sample_weight=weights))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("name", AVERAGED)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@few
@given(seed=seeds, rows=sizes, classes=st.integers(2, 4))
def test_averages_of_classes(name: str, average: str, seed: int, rows: int, classes: int) -> None:
    random, truth = world(seed, rows, classes)
    decided, weights = random.integers(0, classes, rows), random.random(rows) + 0.1
    found = ours(f"{name}_{average}", Scored(truth, decision=decided, classes=classes), weights)
    assert close(found, AVERAGED[name](truth, decided, average=average, sample_weight=weights))


@pytest.mark.parametrize("name", SCORED)
@few
@given(seed=seeds, rows=sizes, places=st.sampled_from([1, 2, 8]))
def test_scores_of_two_classes_with_and_without_ties(name: str, seed: int, rows: int, places: int) -> None:
    random, truth = world(seed, rows, 2)
    score, weights = random.random(rows).round(places), random.random(rows) + 0.1
    assert close(ours(name, Scored(truth, score, classes=2), weights), SCORED[name](truth, score, weights))


@few
@given(seed=seeds, rows=st.integers(8, 60))
def test_scores_of_many_classes(seed: int, rows: int) -> None:
    random, truth = world(seed, rows, 4)
    score = random.dirichlet(np.ones(4), rows)
    rows_, ones = Scored(truth, score, classes=4), np.ones(rows)
    assert close(ours("auc", rows_, ones), sk.roc_auc_score(truth, score, multi_class="ovr"))
    assert close(ours("log_loss", rows_, ones), sk.log_loss(truth, score))
    assert close(ours("brier", rows_, ones), sk.brier_score_loss(truth, score, labels=range(4)))


@few
@given(seed=seeds, rows=sizes)
def test_calibration_is_what_its_curve_says(seed: int, rows: int) -> None:
    random, truth = world(seed, rows, 2)
    score = random.random(rows)
    true, said = calibration_curve(truth, score, n_bins=10)
    inner = np.searchsorted(np.linspace(0, 1, 11)[1:-1], score)
    many = np.bincount(inner, minlength=10)
    gap = float(np.abs(true - said) @ many[many > 0] / rows)
    assert close(ours("ece", Scored(truth, score, classes=2), np.ones(rows)), gap)


@pytest.mark.parametrize("name", VALUED)
@few
@given(seed=seeds, rows=sizes)
def test_values(name: str, seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth, score, weights = random.normal(3, 2, rows), random.normal(3, 2, rows), random.random(rows) + 0.1
    assert close(ours(name, Scored(truth, score), weights), VALUED[name](truth, score, weights))


@few
@given(seed=seeds, rows=sizes)
def test_the_median_error(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth, score = random.normal(size=rows), random.normal(size=rows)
    times = random.multinomial(rows, np.full(rows, 1 / rows))
    drawn = np.repeat(np.arange(rows), times)
    found = ours("median_ae", Scored(truth, score), times.astype(np.float64))
    assert close(found, sk.median_absolute_error(truth[drawn], score[drawn]))


@few
@given(seed=seeds, queries=st.integers(1, 8), places=st.sampled_from([1, 8]))
def test_orders(seed: int, queries: int, places: int) -> None:
    random = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), 6)
    relevant, score = random.integers(0, 3, 6 * queries), random.random(6 * queries).round(places)
    rows, ones = Scored(relevant.astype(np.float64), score, query=query), np.ones(6 * queries)
    grid = relevant.reshape(-1, 6), score.reshape(-1, 6)
    assert close(ours("ndcg", rows, ones), sk.ndcg_score(*grid))
    hits = [(t > 0, s) for t, s in zip(*grid, strict=True) if (t > 0).any()]
    assume(hits)
    assert close(ours("map", rows, ones), float(np.mean([sk.average_precision_score(t, s) for t, s in hits])))


@pytest.mark.parametrize("name", [name for name, one in METRICS.items() if one.needs != "order"])
@few
@given(seed=seeds)
def test_weights_are_how_often_a_row_was_drawn(name: str, seed: int) -> None:
    random, truth = world(seed, 40, 2)
    score = random.random(40)
    decided = (score > 0.5).astype(np.int64)
    times = np.stack([random.multinomial(40, np.full(40, 1 / 40)) for _ in range(3)])
    prepared = METRICS[name].prepare(Scored(truth, score, decided, classes=2))
    for row, found in zip(times, prepared(times), strict=True):
        drawn = np.repeat(np.arange(40), row)
        again = METRICS[name].of(Scored(truth[drawn], score[drawn], decided[drawn], classes=2))
        assert close(float(found), again)
