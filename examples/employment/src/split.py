"""Stage `split`: people of working age, the first year to learn from and the later ones to test on."""

from pathlib import Path

import pandas as pd
import yaml

params = yaml.safe_load(Path("params.yaml").read_text())["split"]
people = pd.read_parquet("data/people.parquet")
people = people[people["age"].between(*params["ages"])]
for name in ("train", "test"):
    part = people[people["year"].isin(params[name])]
    part.to_parquet(f"data/{name}.parquet", index=False)
    print(f"{name}: {len(part):,} people, {part['employed'].mean():.1%} employed")
