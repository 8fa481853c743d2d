"""Stage `fetch`: the answers of the American Community Survey, taken out of a package that carries them.

The wheel is downloaded and opened, never installed: `source.txt` pins it by its digest, and pip refuses any other.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

FILES = "nannyml/datasets/data/employment_MA_{}.pq"
NAMES = {
    "id": "id",
    "year": "year",
    "employed": "employed",
    "AGEP": "age",
    "SCHL": "education",
    "MAR": "marital",
    "RELP": "household",
    "ESP": "parents",
    "CIT": "citizenship",
    "NATIVITY": "native",
    "ANC": "ancestry",
    "MIG": "moved",
    "MIL": "military",
    "DIS": "disability",
    "DEAR": "hearing",
    "DEYE": "seeing",
    "DREM": "thinking",
    "SEX": "sex",
    "RAC1P": "race",
}
"""Names of the survey's columns, and what they are called here."""
WORDS = {
    "sex": {"1": "male", "2": "female"},
    "disability": {"1": "yes", "2": "no"},
    "native": {"1": "yes", "2": "no"},
    "race": {
        "1": "white",
        "2": "black",
        "3": "native american",
        "4": "native american",
        "5": "native american",
        "6": "asian",
        "7": "pacific islander",
        "8": "other",
        "9": "two or more",
    },
}
"""What the codes of the columns mean that groups are told by; the others stay codes."""


def table(wheel: zipfile.ZipFile, name: str) -> pd.DataFrame:
    with wheel.open(FILES.format(name)) as file:
        return pd.read_parquet(file)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", folder]
        subprocess.run([sys.executable, "-m", "pip", *asked, "--requirement", "source.txt"], check=True)
        [file] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(file) as wheel:
            first = table(wheel, "reference")
            later = table(wheel, "analysis").merge(table(wheel, "analysis_target"), on="id", validate="1:1")
    people = pd.concat([first, later], ignore_index=True).sort_values("id")[list(NAMES)].rename(columns=NAMES)
    for name, kind in people.dtypes.items():
        if not pd.api.types.is_numeric_dtype(kind):
            people[name] = people[name].astype(str).replace(WORDS.get(name, {}))
    people["age"] = people["age"].astype("int64")
    Path("data").mkdir(exist_ok=True)
    people.to_parquet("data/people.parquet", index=False)
    print(f"{len(people):,} people, {people['year'].min()} to {people['year'].max()}")


if __name__ == "__main__":
    main()
