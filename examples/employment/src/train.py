"""Stage `train`: gradient-boosted trees on the features that `params.yaml` lists."""

from pathlib import Path

import joblib
import pandas as pd
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

params = yaml.safe_load(Path("params.yaml").read_text())["train"]
train = pd.read_parquet("data/train.parquet")
features = params["features"]
codes = [name for name in features if name != "age"]

encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
model = make_pipeline(
    ColumnTransformer([("codes", encoder, codes)], remainder="passthrough", verbose_feature_names_out=False),
    HistGradientBoostingClassifier(
        learning_rate=params["learning_rate"],
        max_iter=params["max_iter"],
        max_leaf_nodes=params["max_leaf_nodes"],
        min_samples_leaf=params["min_samples_leaf"],
        categorical_features=list(range(len(codes))),
        early_stopping=False,
        random_state=params["seed"],
    ),
)
model.fit(train[features], train["employed"])
Path("model").mkdir(exist_ok=True)
joblib.dump(model, "model/model.joblib")
print(f"trained on {len(train):,} people with {', '.join(features)}")
