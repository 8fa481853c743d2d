"""One peer's twelve checks of a table: `python checks_peers.py NAME FILE`, in the environment of the peer.

Each says `passed` once all of them have; nothing of Outdo is imported here.
"""

import sys
from collections.abc import Callable

ORIGINS = ["EWR", "JFK", "LGA"]
CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
TAIL = "N[0-9A-Z]+"
COLUMNS = ["id", "origin", "carrier", "tail", "distance", "dep_delay", "score"]


def duckdb_scan(file: str) -> bool:
    """By one SELECT, written by hand."""
    import duckdb

    said = duckdb.sql(
        f"""SELECT count(*) >= 1000, count(*) = count(id), count(*) = count(origin), count(DISTINCT id) = count(id),
        count(*) FILTER (distance NOT BETWEEN 0 AND 6000) = 0, count(*) FILTER (score NOT BETWEEN 0 AND 1) = 0,
        count(*) FILTER (origin NOT IN {tuple(ORIGINS)}) = 0, count(*) FILTER (carrier NOT IN {tuple(CARRIERS)}) = 0,
        count(*) FILTER (NOT regexp_full_match(tail, '{TAIL}')) = 0, avg(dep_delay) < 1000, stddev_samp(score) < 1,
        1 - count(dep_delay) / count(*) < 0.05 FROM '{file}'"""
    ).fetchone()
    return all(said or [False])


def bare(file: str) -> bool:
    """A scan of the same columns by DuckDB, each of which is looked at once; what their file says of them is not taken
    for an answer."""
    import duckdb

    with duckdb.connect() as database:
        database.execute("SET disabled_optimizers = 'statistics_propagation'")
        row = database.execute(
            f"SELECT {', '.join(f'min({name})' for name in COLUMNS)} FROM '{file}'"
        ).fetchone()
    return row is not None


def polars_scan(file: str) -> bool:
    """By one select over the columns that are needed."""
    import polars as pl

    c = pl.col
    said = pl.scan_parquet(file).select(
        rows=pl.len() >= 1000,
        id=c("id").is_not_null().all(),
        origin=c("origin").is_not_null().all(),
        unique=c("id").n_unique() == pl.len(),
        distance=c("distance").is_between(0, 6000).all(),
        score=c("score").is_between(0, 1).all(),
        origins=c("origin").is_in(ORIGINS).all(),
        carriers=c("carrier").is_in(CARRIERS).all(),
        tail=c("tail").str.contains(f"^(?:{TAIL})$").all(),
        mean=c("dep_delay").mean() < 1000,
        std=c("score").std() < 1,
        nulls=c("dep_delay").null_count() / pl.len() < 0.05,
    )
    return all(said.collect().row(0))


def pandera_checks(file: str) -> bool:
    """By a schema, on pandas."""
    import pandas as pd
    import pandera.pandas as pa

    frame = pd.read_parquet(file, columns=COLUMNS)
    schema = pa.DataFrameSchema(
        {
            "id": pa.Column(unique=True, nullable=False),
            "origin": pa.Column(checks=pa.Check.isin(ORIGINS), nullable=False),
            "carrier": pa.Column(checks=pa.Check.isin(CARRIERS)),
            "tail": pa.Column(checks=pa.Check.str_matches(f"^(?:{TAIL})$")),
            "distance": pa.Column(checks=pa.Check.in_range(0, 6000)),
            "dep_delay": pa.Column(
                checks=[
                    pa.Check(lambda column: column.mean() < 1000),
                    pa.Check(lambda column: column.isna().mean() < 0.05, ignore_na=False),
                ],
                nullable=True,
            ),
            "score": pa.Column(checks=[pa.Check.in_range(0, 1), pa.Check(lambda column: column.std() < 1)]),
        },
        checks=pa.Check(lambda whole: len(whole) >= 1000),
    )
    schema.validate(frame, lazy=True)
    return True


def gx_checks(file: str) -> bool:
    """By a suite, on pandas."""
    import great_expectations as gx
    import pandas as pd
    from great_expectations import expectations as e

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    wanted = [
        e.ExpectTableRowCountToBeBetween(min_value=1000),
        e.ExpectColumnValuesToNotBeNull(column="id"),
        e.ExpectColumnValuesToNotBeNull(column="origin"),
        e.ExpectColumnValuesToBeUnique(column="id"),
        e.ExpectColumnValuesToBeBetween(column="distance", min_value=0, max_value=6000),
        e.ExpectColumnValuesToBeBetween(column="score", min_value=0, max_value=1),
        e.ExpectColumnValuesToBeInSet(column="origin", value_set=ORIGINS),
        e.ExpectColumnValuesToBeInSet(column="carrier", value_set=CARRIERS),
        e.ExpectColumnValuesToMatchRegex(column="tail", regex=f"^(?:{TAIL})$"),
        e.ExpectColumnMeanToBeBetween(column="dep_delay", max_value=1000),
        e.ExpectColumnStdevToBeBetween(column="score", max_value=1),
        e.ExpectColumnValuesToNotBeNull(column="dep_delay", mostly=0.95),
    ]
    suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=wanted))
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("d")
    batch = asset.add_batch_definition_whole_dataframe("all")
    frame = pd.read_parquet(file, columns=COLUMNS)
    return bool(batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite).success)


PEERS: dict[str, Callable[[str], bool]] = {
    "duckdb": duckdb_scan,
    "bare": bare,
    "polars": polars_scan,
    "pandera": pandera_checks,
    "gx": gx_checks,
}

if __name__ == "__main__":
    print("passed" if PEERS[sys.argv[1]](sys.argv[2]) else "failed")
