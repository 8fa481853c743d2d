"""Stage `features`: what is known about a flight before it departs, split by time into train and test.

A flight's schedule and its outcome are kept in two tables. The features of a flight come from its schedule, from
weather observed before it, and from the outcomes of flights that had landed before its day began.
"""

from pathlib import Path

import pandas as pd
import yaml

SCHEDULE = ["date", "month", "time_hour", "carrier", "flight", "origin", "dest", "distance"]
SCHEDULE += ["sched_dep_time", "sched_arr_time"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


def minute_of_day(clock: pd.Series) -> pd.Series:
    """Returns 330 for half past five, which the data writes as 530."""
    return clock // 100 * 60 + clock % 100


def outcomes_of(flights: pd.DataFrame, late_minutes: int) -> pd.DataFrame:
    """Returns, for each flight that arrived, whether it was late and the day on which that was known.

    A flight still in the air at midnight is known on the next day. Taxiing after the landing is left out: the
    first departure of a day is at 5, long after.
    """
    flown = flights[flights["arr_delay"].notna()]
    departure = flown["date"] + pd.to_timedelta(minute_of_day(flown["sched_dep_time"]), unit="min")
    landing = departure + pd.to_timedelta(flown["dep_delay"] + flown["air_time"], unit="min")
    late = flown["arr_delay"] >= late_minutes
    return flown[["carrier", "flight", "origin", "dest"]].assign(late=late, known=landing.dt.normalize())


def late_rate(
    schedule: pd.DataFrame, outcomes: pd.DataFrame, by: list[str], days: int, prior: int
) -> pd.Series:
    """Returns each flight's share of late ones among those with the same `by` in the `days` before its day."""

    def before(daily: pd.DataFrame) -> pd.DataFrame:
        every_day = pd.date_range(daily.index.min(), schedule["date"].max())
        return daily.reindex(every_day).fillna(0).rolling(days, min_periods=1).sum().shift(1)

    overall = before(outcomes.groupby("known")["late"].agg(["sum", "size"]))
    overall = schedule["date"].map(overall["sum"] / overall["size"])
    counts = before(outcomes.groupby(["known", *by])["late"].agg(["sum", "size"]).unstack(by))
    counts = counts.stack(by, future_stack=True).rename_axis(["date", *by]).reset_index()
    same = schedule[["date", *by]].merge(counts, on=["date", *by], how="left").set_axis(schedule.index)
    return (same["sum"].fillna(0) + prior * overall) / (same["size"].fillna(0) + prior)


def weather_before(schedule: pd.DataFrame, weather: pd.DataFrame, lag_hours: int) -> pd.DataFrame:
    """Returns, for each flight, the weather at its origin `lag_hours` before its scheduled hour; NaN where missing.

    An observation carries the hour it falls in, so one of two hours before is at least an hour old at departure.
    """
    seen = weather.assign(time_hour=weather["time_hour"] + pd.Timedelta(hours=lag_hours))
    keys = ["origin", "time_hour"]
    return schedule[keys].merge(seen[keys + WEATHER], on=keys, how="left").set_axis(schedule.index)[WEATHER]


def features_of(
    schedule: pd.DataFrame,
    outcomes: pd.DataFrame,
    weather: pd.DataFrame,
    airports: pd.DataFrame,
    params: dict,
) -> pd.DataFrame:
    """Returns one row per scheduled flight, all of it known before the flight departs."""
    days, prior = params["history_days"], params["history_prior"]
    place = airports.set_index("faa")
    departure = minute_of_day(schedule["sched_dep_time"])
    arrival = minute_of_day(schedule["sched_arr_time"])
    features = pd.DataFrame(
        {
            "carrier": schedule["carrier"].astype("category"),
            "origin": schedule["origin"].astype("category"),
            "dest": schedule["dest"].astype("category"),
            "dest_lat": schedule["dest"].map(place["lat"]),
            "dest_lon": schedule["dest"].map(place["lon"]),
            "distance": schedule["distance"],
            "weekday": schedule["date"].dt.day_of_week,
            "departure_minute": departure,
            "arrival_minute": arrival,
            "clock_minutes": (arrival - departure) % (24 * 60),
            "departures_in_hour": schedule.groupby(["origin", "time_hour"])["flight"].transform("size"),
            "origin_late_yesterday": late_rate(schedule, outcomes, ["origin"], 1, prior),
            "carrier_late_yesterday": late_rate(schedule, outcomes, ["carrier"], 1, prior),
            "carrier_late": late_rate(schedule, outcomes, ["carrier"], days, prior),
            "dest_late": late_rate(schedule, outcomes, ["dest"], days, prior),
            "flight_late": late_rate(schedule, outcomes, ["carrier", "flight"], days, prior),
        }
    )
    return features.join(weather_before(schedule, weather, params["weather_lag_hours"]))


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    data = Path("data")
    flights = pd.read_parquet(data / "flights.parquet")
    flights["date"] = pd.to_datetime(flights[["year", "month", "day"]])
    schedule = flights[SCHEDULE]
    outcomes = outcomes_of(flights, params["features"]["late_minutes"])
    weather = pd.read_parquet(data / "weather.parquet")
    airports = pd.read_parquet(data / "airports.parquet")

    table = features_of(schedule, outcomes, weather, airports, params["features"])
    number = schedule["carrier"] + schedule["flight"].astype(str)
    flight_id = schedule["time_hour"].dt.strftime("%Y%m%dT%HZ") + "-" + number
    table.insert(0, "flight_id", flight_id)
    table.insert(1, "date", schedule["date"])
    table.insert(2, "month", schedule["month"])

    # A cancelled or diverted flight never arrived at its destination, so it is neither late nor on time.
    table = table.join(outcomes["late"], how="inner").sort_values(["date", "flight_id"])
    is_test = table["month"] >= params["split"]["month"]
    for name, part in (("train", table[~is_test]), ("test", table[is_test])):
        part.to_parquet(data / f"{name}.parquet", index=False)
        print(f"{name}: {len(part):,} flights, {part['late'].mean():.1%} late")


if __name__ == "__main__":
    main()
