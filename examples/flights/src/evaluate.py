"""Stage `evaluate`: scores the test set and compares with a baseline that knows only carrier and hour."""

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import yaml
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

ROC_POINTS = 200
PREDICTION_COLUMNS = ["flight_id", "late", "p", "carrier", "origin", "dest", "month"]


def baseline(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """Returns, for each test flight, the late rate of its carrier in its hour in the train set."""
    rates = train.groupby(["carrier", train["departure_minute"] // 60], observed=True)["late"].mean()
    wanted = pd.MultiIndex.from_arrays([test["carrier"], test["departure_minute"] // 60])
    return rates.reindex(wanted).fillna(train["late"].mean()).to_numpy()


def quality(late: pd.Series, p: np.ndarray) -> dict[str, float]:
    return {
        "auc": roc_auc_score(late, p),
        "average_precision": average_precision_score(late, p),
        "log_loss": log_loss(late, p),
        "brier": brier_score_loss(late, p),
    }


def calibration_table(late: pd.Series, p: np.ndarray, bins: int) -> pd.DataFrame:
    """Returns equally large groups of flights by score: the mean score of each and its share of late flights."""
    table = pd.DataFrame(
        {"bin": pd.qcut(p, bins, labels=False, duplicates="drop"), "p": p, "late": late.to_numpy()}
    )
    groups = table.groupby("bin")
    return pd.DataFrame(
        {"predicted": groups["p"].mean(), "observed": groups["late"].mean(), "flights": groups.size()}
    )


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())["evaluate"]
    train = pd.read_parquet("data/train.parquet", columns=["carrier", "departure_minute", "late"])
    test = pd.read_parquet("data/test.parquet")
    model = joblib.load("model/model.joblib")
    late = test["late"]
    test["p"] = model.predict_proba(test[list(model.feature_names_in_)])[:, 1]
    p = test["p"].to_numpy()
    test[PREDICTION_COLUMNS].to_parquet("predictions.parquet", index=False)

    calibration = calibration_table(late, p, params["calibration_bins"])
    gap = (calibration["predicted"] - calibration["observed"]).abs()
    flagged = p >= params["threshold"]
    metrics = {
        **quality(late, p),
        "calibration_error": np.average(gap, weights=calibration["flights"]),
        "flagged_rate": flagged.mean(),
        "precision": precision_score(late, flagged, zero_division=0),
        "recall": recall_score(late, flagged),
        **{f"baseline_{name}": value for name, value in quality(late, baseline(train, test)).items()},
        "late_rate": late.mean(),
    }
    metrics = {name: round(float(value), 5) for name, value in metrics.items()} | {"flights": len(test)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")

    plots = Path("plots")
    plots.mkdir(exist_ok=True)
    false_positives, true_positives, _ = roc_curve(late, p)
    grid = np.linspace(0, 1, ROC_POINTS)
    roc = pd.DataFrame({"fpr": grid, "tpr": np.interp(grid, false_positives, true_positives)})
    roc.to_csv(plots / "roc.csv", index=False, float_format="%.5f")
    calibration.to_csv(plots / "calibration.csv", index=False, float_format="%.5f")
    print(f"auc {metrics['auc']:.4f} on {len(test):,} flights, baseline {metrics['baseline_auc']:.4f}")


if __name__ == "__main__":
    main()
