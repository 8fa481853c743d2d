"""The files of `outdo init --demo`: a small complete pipeline that needs nothing but Python.

Invented customers, a logistic regression written out, and its score on customers it has not seen.
"""

from collections.abc import Iterator, Mapping
from math import exp, log

from outdo.core.model import Path


def starter(python: str = "python") -> Mapping[Path, str]:
    """The demo's files by path; the same on every machine but for the name of its interpreter."""
    return {
        "outdo.yaml": _PIPELINE.replace("cmd: python ", f"cmd: {python} "),
        "params.yaml": _PARAMS,
        "data/churn.csv": _customers(400),
        "prepare.py": _PREPARE,
        "train.py": _TRAIN,
        "evaluate.py": _EVALUATE,
    }


def _customers(count: int) -> str:
    """A table of invented customers: how long they are here, what they pay, how often they call, whether they left."""
    rows = ["id,months,bill,calls,left"]
    draws = _draws()
    for number in range(1, count + 1):
        months = 1 + int(72 * next(draws))
        bill = round(15 + 95 * next(draws), 2)
        calls = min(9, int(-log(1 - next(draws)) / 0.8))
        lure = -1.2 - 0.045 * (months - 30) + 0.02 * (bill - 60) + 0.55 * calls
        left = int(next(draws) < 1 / (1 + exp(-lure)))
        rows.append(f"{number},{months},{bill},{calls},{left}")
    return "\n".join(rows) + "\n"


def _draws() -> Iterator[float]:
    """Numbers from 0 up to 1 that look drawn by chance and are the same everywhere (Park and Miller, 1988)."""
    state = 7
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


_PIPELINE = """\
# Which customers will leave? A small pipeline to try Outdo with; it needs nothing but Python.
# Each stage is a command with what it reads (deps, params) and what it writes (outs).
#
#   outdo run       runs everything once; again, it finds nothing to do
#   outdo graph     the stages as a picture
# Then change `rate` in params.yaml and say `outdo run`: prepare is kept, train and evaluate run again.

project: churn

stages:
  prepare:
    desc: Splits the customers into those to learn from and those to test on
    cmd: python prepare.py
    deps: [prepare.py, data/churn.csv]
    params: [prepare]
    outs: [build/train.csv, build/test.csv]

  train:
    desc: A logistic regression
    cmd: python train.py --rate ${train.rate} --rounds ${train.rounds}    # values of params.yaml
    deps: [train.py, build/train.csv]
    params: [train.rate, train.rounds]
    outs: [build/model.json]

  evaluate:
    desc: Scores the customers that it has not seen
    cmd: python evaluate.py
    deps: [evaluate.py, build/model.json, build/test.csv]
    metrics: [metrics.json]
    plots: [build/roc.csv]
"""

_PARAMS = """\
prepare:
  test_every: 4    # every fourth customer is kept for the test

train:
  rate: 0.3        # how far each round moves the weights
  rounds: 60
"""

_PREPARE = '''\
"""Splits the customers into those to learn from and those to test on."""

import csv
import os
import re

with open("params.yaml") as file:
    test_every = int(re.search(r"test_every: (\\d+)", file.read())[1])

with open("data/churn.csv", newline="") as file:
    customers = list(csv.DictReader(file))

parts = {
    "build/train.csv": [c for c in customers if int(c["id"]) % test_every],
    "build/test.csv": [c for c in customers if not int(c["id"]) % test_every],
}
os.makedirs("build", exist_ok=True)
for path, rows in parts.items():
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, customers[0].keys())
        table.writeheader()
        table.writerows(rows)
    print(f"{path}: {len(rows)} customers")
'''

_TRAIN = '''\
"""Fits a logistic regression by gradient descent."""

import argparse
import csv
import json
from math import exp
from statistics import fmean, pstdev

FEATURES = ["months", "bill", "calls"]

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.3)
parser.add_argument("--rounds", type=int, default=60)
args = parser.parse_args()

with open("build/train.csv", newline="") as file:
    rows = list(csv.DictReader(file))
columns = [[float(row[name]) for row in rows] for name in FEATURES]
means = [fmean(column) for column in columns]
scales = [pstdev(column) for column in columns]
examples = [[(x - m) / s for x, m, s in zip(values, means, scales)] for values in zip(*columns)]
left = [int(row["left"]) for row in rows]

bias, weights = 0.0, [0.0] * len(FEATURES)
for number in range(1, args.rounds + 1):
    errors = [1 / (1 + exp(-bias - sum(w * x for w, x in zip(weights, xs)))) - y for xs, y in zip(examples, left)]
    bias -= args.rate * fmean(errors)
    weights = [w - args.rate * fmean(e * xs[i] for e, xs in zip(errors, examples)) for i, w in enumerate(weights)]
    if number % 20 == 0:
        print(f"round {number}: mean error {fmean(map(abs, errors)):.4f}")

with open("build/model.json", "w") as file:
    json.dump({"features": FEATURES, "means": means, "scales": scales, "bias": bias, "weights": weights}, file)
'''

_EVALUATE = '''\
"""Scores the customers that the model has not seen."""

import csv
import json

with open("build/model.json") as file:
    model = json.load(file)
with open("build/test.csv", newline="") as file:
    rows = list(csv.DictReader(file))


def score(row):
    scaled = [(float(row[n]) - m) / s for n, m, s in zip(model["features"], model["means"], model["scales"])]
    return model["bias"] + sum(w * x for w, x in zip(model["weights"], scaled))


scored = sorted(((score(row), int(row["left"])) for row in rows), reverse=True)
leavers = [s for s, left in scored if left]
stayers = [s for s, left in scored if not left]
auc = sum((a > b) + (a == b) / 2 for a in leavers for b in stayers) / (len(leavers) * len(stayers))
accuracy = sum((s > 0) == bool(left) for s, left in scored) / len(scored)

with open("metrics.json", "w") as file:
    json.dump({"auc": round(auc, 4), "accuracy": round(accuracy, 4)}, file)
with open("build/roc.csv", "w") as file:
    file.write("fpr,tpr\\n")
    for n in range(len(scored) + 1):
        found = sum(left for _, left in scored[:n])
        file.write(f"{(n - found) / len(stayers):.4f},{found / len(leavers):.4f}\\n")
print(f"auc {auc:.4f}, accuracy {accuracy:.4f}, {len(rows)} customers")
'''
