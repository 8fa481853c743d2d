"""Which way a metric is better, which value is best, and which metrics come first."""

import pytest

from outdo.core.config import read_project
from outdo.core.ranking import aim, best, chosen, guess

GATES = """
stages: {evaluate: {cmd: x, outs: [m]}}
models:
  delay:
    path: m
    evaluate: evaluate
    gates:
      - metric: {churn: "<= 0.70"}
      - beats: {champion: auc, confidence: 0.95}
"""


@pytest.mark.parametrize(
    "name", ["loss", "val_loss", "logLoss", "test.RMSE", "train:mae", "latency.p99", "WER"]
)
def test_errors_and_costs_are_better_low(name: str) -> None:
    assert guess(name) == "low"


@pytest.mark.parametrize("name", ["auc", "accuracy", "f1", "r2", "blossom", "precision.0"])
def test_all_else_is_better_high(name: str) -> None:
    assert guess(name) == "high"


def test_gates_say_it_for_sure() -> None:
    aims = read_project("outdo.yaml", GATES, lambda _: None).pipeline.aims
    assert aims == {"churn": "low", "auc": "high"}
    assert aim("evaluate:churn", aims) == "low"


def test_the_best_value_is_none_where_all_are_the_same() -> None:
    assert best([0.1, None, 0.3, float("nan")], "high") == 2
    assert best([0.1, None, 0.3], "low") == 0
    assert best([0.2, 0.2], "high") is None
    assert best([None, 0.2], "high") is None


def test_the_metrics_of_gates_come_first_then_what_varies_then_short_names() -> None:
    rows = [{"a": 1.0, "by.carrier.AA": 0.1, "by.x": 0.3, "longer": 1.0, "auc": 0.7},
            {"a": 1.0, "by.carrier.AA": 0.2, "by.x": 0.4, "longer": 2.0, "auc": 0.7}]  # fmt: skip
    assert chosen(rows, {"auc": "high"}) == ["auc", "longer", "by.x", "by.carrier.AA", "a"]
    assert chosen(rows, {}, ["a"])[0] == "a"
