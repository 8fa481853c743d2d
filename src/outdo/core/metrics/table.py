"""All metrics by their names."""

import re
from collections.abc import Callable, Mapping

from outdo.core.metrics import decisions, numbers, orders, probabilities
from outdo.core.metrics.decisions import of_share, of_table
from outdo.core.metrics.scored import Array, Metric, Needs, Scored, mean
from outdo.core.model import Aim


def _mean(name: str, aim: Aim | None, needs: Needs, losses: Callable[[Scored], Array]) -> Metric:
    return Metric(name, aim, needs, lambda rows: mean(losses(rows)), losses=losses)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        of_share("accuracy", decisions.accuracy),
        of_table("balanced_accuracy", decisions.balanced_accuracy),
        of_table("precision", decisions.of_class("precision")),
        of_table("recall", decisions.of_class("recall")),
        of_table("f1", decisions.of_class("f1")),
        of_table("mcc", decisions.mcc),
        of_table("kappa", decisions.kappa),
        of_share("selection_rate", decisions.selected, None),
        of_share("true_positive_rate", decisions.rightly(1)),
        of_share("true_negative_rate", decisions.rightly(0)),
        of_share("false_positive_rate", decisions.wrongly(0), "low"),
        of_share("false_negative_rate", decisions.wrongly(1), "low"),
        Metric("auc", "high", "score", probabilities.auc),
        Metric("average_precision", "high", "score", probabilities.average_precision),
        _mean("log_loss", "low", "probability", probabilities.surprise),
        _mean("brier", "low", "probability", probabilities.distance),
        Metric("ece", "low", "probability", probabilities.ece),
        _mean("mae", "low", "value", numbers.absolute),
        _mean("mse", "low", "value", numbers.squared),
        Metric("rmse", "low", "value", numbers.rmse),
        Metric("r2", "high", "value", numbers.r2),
        _mean("mape", "low", "value", numbers.relative),
        Metric("median_ae", "low", "value", numbers.median_ae),
        _mean("bias", None, "value", numbers.error),
        Metric("ndcg", "high", "order", orders.ndcg),
        Metric("map", "high", "order", orders.mean_average_precision),
    )
}
_QUANTILE = re.compile(r"quantile_loss@(0?\.\d+)")
_AVERAGED = re.compile(r"(precision|recall|f1)_(macro|micro|weighted)")


def metric(name: str) -> Metric | None:
    """The metric of this name, also `quantile_loss@0.9` and `f1_macro`; None where there is none."""
    if found := _QUANTILE.fullmatch(name):
        return _mean(name, "low", "value", numbers.pinball(float(found[1])))
    if found := _AVERAGED.fullmatch(name):
        return of_table(name, decisions.averaged(found[1], found[2]))
    return METRICS.get(name)
