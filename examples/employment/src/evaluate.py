"""Stage `evaluate`: scores the people of later years, and tells the same numbers of each group in each year."""

import json
from pathlib import Path

import joblib
import pandas as pd
import yaml
from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

GROUPS = ["sex", "race", "disability", "native"]
LEAST = 100
"""People of a group in a year, below which it is not told."""
AGES = {"18 to 24": (18, 24), "25 to 44": (25, 44), "45 to 64": (45, 64)}


def rates(people: pd.DataFrame) -> dict[str, float]:
    """Shares of people taken for employed: of all of a group, of those who are, and of those who are not."""
    return {
        "people": len(people),
        "employed": people["employed"].mean(),
        "taken": people["taken"].mean(),
        "taken_of_employed": people.loc[people["employed"] == 1, "taken"].mean(),
        "taken_of_others": people.loc[people["employed"] == 0, "taken"].mean(),
    }


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())["evaluate"]
    test = pd.read_parquet("data/test.parquet")
    model = joblib.load("model/model.joblib")
    test["p"] = model.predict_proba(test[list(model.feature_names_in_)])[:, 1]
    for name, (low, high) in AGES.items():
        test.loc[test["age"].between(low, high), "ages"] = name
    test[["id", "year", "employed", "p", *GROUPS, "ages"]].to_parquet("predictions.parquet", index=False)

    test["taken"] = test["p"] >= params["threshold"]
    metrics = {
        "auc": roc_auc_score(test["employed"], test["p"]),
        "accuracy": accuracy_score(test["employed"], test["taken"]),
        "brier": brier_score_loss(test["employed"], test["p"]),
        "employed_rate": test["employed"].mean(),
    }
    metrics = {name: round(float(value), 5) for name, value in metrics.items()} | {"people": len(test)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")

    rows = []
    for by in GROUPS:
        for (year, group), people in test.groupby(["year", by]):
            if len(people) >= LEAST:
                rows.append({"year": year, "by": by, "group": f"{by}: {group}", **rates(people)})
    Path("plots").mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv("plots/groups.csv", index=False, float_format="%.4f")
    print(f"auc {metrics['auc']:.4f} on {len(test):,} people")


if __name__ == "__main__":
    main()
