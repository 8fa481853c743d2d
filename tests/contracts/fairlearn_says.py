"""What fairlearn says of groups: reads `{"truth", "decided", "group"}` lists from the standard input, writes JSON."""

import json
import sys

from fairlearn import metrics as fair
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

given = json.load(sys.stdin)
METRICS = {
    "selection_rate": fair.selection_rate,
    "true_positive_rate": fair.true_positive_rate,
    "false_positive_rate": fair.false_positive_rate,
    "true_negative_rate": fair.true_negative_rate,
    "false_negative_rate": fair.false_negative_rate,
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1": f1_score,
}
NOTIONS = ("demographic_parity", "equal_opportunity", "equalized_odds")

answers = []
for world in given:
    truth, decided, group = world["truth"], world["decided"], world["group"]
    frame = fair.MetricFrame(metrics=METRICS, y_true=truth, y_pred=decided, sensitive_features=group)
    found = {
        name: {
            "groups": frame.by_group[name].to_dict(),
            "difference": frame.difference()[name],
            "ratio": frame.ratio()[name],
        }
        for name in METRICS
    }
    for name in NOTIONS:
        found[name] = {
            word: getattr(fair, f"{name}_{word}")(truth, decided, sensitive_features=group)
            for word in ("difference", "ratio")
        }
    answers.append(found)
json.dump(answers, sys.stdout)
