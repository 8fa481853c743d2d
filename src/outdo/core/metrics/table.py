"""All metrics by their names."""

import re
from collections.abc import Mapping

from outdo.core.metrics import decisions, numbers, orders, probabilities
from outdo.core.metrics.scored import Metric

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "high", "decision", decisions.accuracy),
        Metric("balanced_accuracy", "high", "decision", decisions.balanced_accuracy),
        Metric("precision", "high", "decision", decisions.precision),
        Metric("recall", "high", "decision", decisions.recall),
        Metric("f1", "high", "decision", decisions.f1),
        Metric("mcc", "high", "decision", decisions.mcc),
        Metric("kappa", "high", "decision", decisions.kappa),
        Metric("selection_rate", "high", "decision", decisions.selection_rate),
        Metric("true_positive_rate", "high", "decision", decisions.true_positive_rate),
        Metric("false_positive_rate", "low", "decision", decisions.false_positive_rate),
        Metric("auc", "high", "score", probabilities.auc),
        Metric("average_precision", "high", "score", probabilities.average_precision),
        Metric("log_loss", "low", "probability", probabilities.log_loss),
        Metric("brier", "low", "probability", probabilities.brier),
        Metric("ece", "low", "probability", probabilities.ece),
        Metric("mae", "low", "value", numbers.mae),
        Metric("mse", "low", "value", numbers.mse),
        Metric("rmse", "low", "value", numbers.rmse),
        Metric("r2", "high", "value", numbers.r2),
        Metric("mape", "low", "value", numbers.mape),
        Metric("median_ae", "low", "value", numbers.median_ae),
        Metric("bias", "low", "value", numbers.bias),
        Metric("ndcg", "high", "order", orders.ndcg),
        Metric("map", "high", "order", orders.mean_average_precision),
    )
}
_QUANTILE = re.compile(r"quantile_loss@(0?\.\d+)")


def metric(name: str) -> Metric | None:
    """The metric of this name, also `quantile_loss@0.9`; None where there is none."""
    if found := _QUANTILE.fullmatch(name):
        return Metric(name, "low", "value", numbers.quantile_loss(float(found[1])))
    return METRICS.get(name)
