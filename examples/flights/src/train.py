"""Stage `train`: gradient-boosted trees on the train set."""

import json
from pathlib import Path

import joblib
import pandas as pd
import sklearn
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier

NOT_FEATURES = ["flight_id", "date", "month", "late"]

params = yaml.safe_load(Path("params.yaml").read_text())["train"]
train = pd.read_parquet("data/train.parquet")
features = [column for column in train.columns if column not in NOT_FEATURES]

model = HistGradientBoostingClassifier(
    learning_rate=params["learning_rate"],
    max_iter=params["max_iter"],
    max_leaf_nodes=params["max_leaf_nodes"],
    min_samples_leaf=params["min_samples_leaf"],
    categorical_features="from_dtype",
    early_stopping=False,  # it would hold out random rows, and rows of one day know each other's outcome
    random_state=params["seed"],
)
model.fit(train[features], train["late"])

card = {
    "predicts": "the probability that a flight arrives late",
    "features": features,
    "params": params,
    "trained_on": {
        "flights": len(train),
        "from": str(train["date"].min().date()),
        "to": str(train["date"].max().date()),
        "late": round(float(train["late"].mean()), 5),
    },
    "scikit-learn": sklearn.__version__,
}
folder = Path("model")
folder.mkdir(exist_ok=True)
joblib.dump(model, folder / "model.joblib")
(folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
print(f"trained on {len(train):,} flights with {len(features)} features")
