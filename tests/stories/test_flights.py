"""The flights example: its numbers are sane, nothing leaks from after the departure, the same bytes come each time."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.stories.telling import CONSOLE, holds

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/examples/gates.md"
NUMBERS = re.compile(r"\d+\.\ds|[+−]?\d\.\d{3,}(e-\d+)?")
"""Durations, and what another version of a library may compute a little otherwise."""

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
SCRIPTS = ["fetch.py", "features.py", "train.py", "evaluate.py"]
OUTPUTS = [
    "data/train.parquet",
    "data/test.parquet",
    "model/model.joblib",
    "model/card.json",
    "predictions.parquet",
    "metrics.json",
    "plots/roc.csv",
    "plots/calibration.csv",
]
KNOWN_AFTER_DEPARTURE = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
LATE_RATES = ["origin_late_yesterday", "carrier_late_yesterday", "carrier_late", "dest_late", "flight_late"]
DAY = "2013-11-15"
NOON = "2013-11-15T17:00Z"


def copy_example(folder: Path) -> Path:
    outputs = shutil.ignore_patterns(
        "data", "model", "plots", "*.parquet", "metrics.json", ".outdo", "outdo.lock"
    )
    shutil.copytree(EXAMPLE, folder, ignore=outputs)
    return folder


def run_scripts(folder: Path, scripts: list[str]) -> None:
    for script in scripts:
        command = [sys.executable, "-W", "error", f"src/{script}"]
        subprocess.run(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)


@cache
def table(path: Path) -> Any:
    import pandas

    return pandas.read_parquet(path)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_example(tmp_path_factory.mktemp("flights") / "flights")
    run_scripts(folder, SCRIPTS)
    return folder


@pytest.fixture(scope="module")
def metrics(result: Path) -> dict[str, float]:
    numbers: dict[str, float] = json.loads((result / "metrics.json").read_text())
    return numbers


def features_after(result: Path, folder: Path, name: str, change: Callable[[Any], None]) -> Any:
    """The features of all flights, in the order of `features_of`, had the table `name` been another."""
    copy_example(folder)
    (folder / "data").mkdir()
    for kept in ("flights", "weather", "airports"):
        shutil.copy(result / f"data/{kept}.parquet", folder / "data")
    changed = table(result / f"data/{name}.parquet").copy()
    change(changed)
    changed.to_parquet(folder / f"data/{name}.parquet", index=False)
    run_scripts(folder, ["features.py"])
    return both(folder)


def both(folder: Path) -> Any:
    import pandas

    parts = [table(folder / "data/train.parquet"), table(folder / "data/test.parquet")]
    return pandas.concat(parts, ignore_index=True).astype({"carrier": str, "origin": str, "dest": str})


def scramble(flights: Any, chosen: Any) -> None:
    """Gives the chosen flights the outcomes of other ones among them; all still arrive."""
    flown = flights.index[chosen & flights["arr_delay"].notna()]
    flights.loc[flown, KNOWN_AFTER_DEPARTURE] = (
        flights.loc[flown, KNOWN_AFTER_DEPARTURE].sample(frac=1, random_state=0).to_numpy()
    )


# ------------------------------------------------------------------ the numbers


def test_the_model_is_good_but_not_too_good_to_be_true(metrics: dict[str, float]) -> None:
    assert 0.69 < metrics["auc"] < 0.78


def test_the_model_beats_the_baseline_by_a_margin(metrics: dict[str, float]) -> None:
    assert metrics["auc"] > metrics["baseline_auc"] + 0.05
    assert metrics["average_precision"] > metrics["baseline_average_precision"] + 0.08
    assert metrics["log_loss"] < metrics["baseline_log_loss"] - 0.03
    assert metrics["brier"] < metrics["baseline_brier"] - 0.01


def test_the_baseline_is_no_straw_man(metrics: dict[str, float]) -> None:
    assert metrics["baseline_auc"] > 0.60


def test_scores_are_probabilities_that_come_true(metrics: dict[str, float], result: Path) -> None:
    predictions = table(result / "predictions.parquet")
    assert metrics["calibration_error"] < 0.03
    assert abs(predictions["p"].mean() - predictions["late"].mean()) < 0.03


def test_every_flight_that_arrived_is_there_once(metrics: dict[str, float], result: Path) -> None:
    flights = both(result)
    assert len(flights) == 336_776 - 9_430
    assert flights["flight_id"].is_unique
    assert metrics["flights"] == len(table(result / "predictions.parquet")) == 82_609


def test_late_means_a_quarter_of_an_hour(result: Path) -> None:
    raw = table(result / "data/flights.parquet")
    assert both(result)["late"].sum() == (raw["arr_delay"] >= 15).sum()


def test_the_readme_tells_these_numbers(metrics: dict[str, float]) -> None:
    rows = (EXAMPLE / "README.md").read_text().splitlines()
    auc = next(row for row in rows if row.startswith("| AUC |"))
    told = [float(cell) for cell in auc.split("|")[2:4]]
    assert told == pytest.approx([metrics["auc"], metrics["baseline_auc"]], abs=0.005)


def test_curves_are_small_and_rise(result: Path) -> None:
    import pandas

    roc = pandas.read_csv(result / "plots/roc.csv")
    assert len(roc) == 200
    assert roc["fpr"].is_monotonic_increasing
    assert roc["tpr"].is_monotonic_increasing
    assert len(pandas.read_csv(result / "plots/calibration.csv")) == 20


# ------------------------------------------------------------------ no leak


def test_train_and_test_do_not_overlap_in_time(result: Path) -> None:
    assert (
        table(result / "data/train.parquet")["date"].max() < table(result / "data/test.parquet")["date"].min()
    )


def test_no_feature_is_known_only_after_departure(result: Path) -> None:
    features = json.loads((result / "model/card.json").read_text())["features"]
    assert not {"late", *KNOWN_AFTER_DEPARTURE} & set(features)


def test_no_feature_alone_tells_the_outcome(result: Path) -> None:
    test = table(result / "data/test.parquet")
    numbers = test.drop(columns=["late"]).select_dtypes(["number"])
    assert numbers.corrwith(test["late"], method="spearman").abs().max() < 0.3


def test_only_the_late_rates_are_made_of_outcomes(result: Path, tmp_path: Path) -> None:
    before = both(result)
    after = features_after(result, tmp_path / "all", "flights", lambda f: scramble(f, f["month"] > 0))
    changed = {column for column in before if not before[column].equals(after[column])}
    assert changed == {"late", *LATE_RATES}


def test_a_flight_is_not_told_outcomes_of_its_own_day(result: Path, tmp_path: Path) -> None:
    before = both(result)
    year, month, day = (int(part) for part in DAY.split("-"))
    after = features_after(
        result,
        tmp_path / "day",
        "flights",
        lambda f: scramble(f, (f["year"] == year) & (f["month"] == month) & (f["day"] == day)),
    )
    until = before["date"] <= DAY
    assert not before[until]["late"].equals(after[until]["late"])
    assert before[until].drop(columns=["late"]).equals(after[until].drop(columns=["late"]))
    assert not before[~until].equals(after[~until])


def test_a_flight_is_not_told_outcomes_of_flights_that_left_after_midnight(
    result: Path, tmp_path: Path
) -> None:
    def arrive_in_time(flights: Any) -> None:
        evening = (flights["month"] == 12) & (flights["day"] == 17) & (flights["sched_dep_time"] > 2000)
        flights.loc[evening & (flights["dep_time"] < 400), "arr_delay"] = 0

    before = both(result)
    after = features_after(result, tmp_path / "night", "flights", arrive_in_time)
    features = before.columns.drop("late")
    until = before["date"] <= "2013-12-18"
    assert not before[until]["late"].equals(after[until]["late"])
    assert before[until][features].equals(after[until][features])
    assert not before[~until][features].equals(after[~until][features])


def test_training_is_not_told_outcomes_of_the_test_months(result: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    features_after(result, changed, "flights", lambda f: scramble(f, f["month"] >= 10))
    assert (changed / "data/train.parquet").read_bytes() == (result / "data/train.parquet").read_bytes()
    assert (changed / "data/test.parquet").read_bytes() != (result / "data/test.parquet").read_bytes()


def test_a_flight_is_not_told_weather_of_its_own_hour_or_the_one_before(result: Path, tmp_path: Path) -> None:
    import pandas

    def storm(weather: Any) -> None:
        weather.loc[weather["time_hour"] >= pandas.Timestamp(NOON), "wind_speed"] = 99.0

    before = both(result)
    after = features_after(result, tmp_path / "storm", "weather", storm)
    scheduled = pandas.to_datetime(before["flight_id"].str.slice(0, 11), format="%Y%m%dT%H", utc=True)
    sees_it = scheduled >= pandas.Timestamp(NOON) + pandas.Timedelta(hours=2)
    assert before[~sees_it].equals(after[~sees_it])
    assert (after[sees_it]["wind_speed"].dropna() == 99.0).all()


# ------------------------------------------------------------------ the same, by outdo run


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_example(tmp_path_factory.mktemp("outdo") / "flights")
    assert run(folder) == dict.fromkeys(["import", "features", "train", "evaluate"], "ran")
    return folder


def committed(project: Path, tmp_path: Path) -> Path:
    """A copy of the project, as the one commit of a repository."""
    mine = shutil.copytree(project, tmp_path / "mine")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=mine, check=True)
    return mine


def run(folder: Path) -> dict[str, str]:
    """What became of each stage; of none if there was nothing to do."""
    bin_ = Path(sys.executable).parent
    env = {name: value for name, value in os.environ.items() if not name.startswith("OUTDO_")}
    env["PATH"] = f"{bin_}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        [bin_ / "outdo", "run", "--json"], cwd=folder, env=env, stdout=subprocess.PIPE, check=True
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {event["stage"]: event["status"] for event in events if event["event"] == "stage_finished"}


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))


def test_outdo_run_writes_what_the_scripts_write(project: Path, result: Path) -> None:
    different = [path for path in OUTPUTS if (project / path).read_bytes() != (result / path).read_bytes()]
    assert different == []


def test_a_second_run_has_nothing_to_do(project: Path) -> None:
    assert run(project) == {}


def test_a_threshold_runs_only_the_evaluation(project: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(project, tmp_path / "mine")
    edit(mine / "params.yaml", "threshold: 0.4", "threshold: 0.3")
    assert run(mine) == {"import": "kept", "features": "kept", "train": "kept", "evaluate": "ran"}


def test_a_learning_rate_runs_training_and_evaluation_and_back_again_restores(
    project: Path, tmp_path: Path
) -> None:
    mine = shutil.copytree(project, tmp_path / "mine")
    edit(mine / "params.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
    assert run(mine) == {"import": "kept", "features": "kept", "train": "ran", "evaluate": "ran"}
    edit(mine / "params.yaml", "learning_rate: 0.1", "learning_rate: 0.05")
    assert run(mine) == {"import": "kept", "features": "kept", "train": "restored", "evaluate": "restored"}
    assert (mine / "metrics.json").read_bytes() == (project / "metrics.json").read_bytes()


def test_a_comment_in_the_features_stops_at_the_features(project: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(project, tmp_path / "mine")
    edit(mine / "src/features.py", "def main() -> None:", "# a remark\ndef main() -> None:")
    assert run(mine) == {"import": "kept", "features": "ran", "train": "kept", "evaluate": "kept"}


def test_a_commit_is_reproduced_to_the_byte(project: Path, tmp_path: Path) -> None:
    mine = committed(project, tmp_path)
    bin_ = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
    asked = [f"{bin_}/outdo", "reproduce", "HEAD", "--json", "-q"]
    done = subprocess.run(asked, cwd=mine, env=env, stdout=subprocess.PIPE, check=True)
    outputs = json.loads(done.stdout)["data"]["outputs"]
    assert {one["path"]: one["verdict"] for one in outputs} == {
        path: "identical" for path in [*OUTPUTS, "data/flights.parquet"] if not path.startswith("model/")
    } | dict.fromkeys(["model", "data/weather.parquet", "data/airports.parquet"], "identical")


# ------------------------------------------------------------------ checks, gates, promotion


def test_the_page_on_gates_is_true(project: Path, tmp_path: Path) -> None:
    mine = committed(project, tmp_path)
    holds("".join(CONSOLE.findall(PAGE.read_text())), mine, NUMBERS, seconds=300)


# ------------------------------------------------------------------ the file


def test_two_runs_give_the_same_bytes(result: Path, tmp_path: Path) -> None:
    again = copy_example(tmp_path / "again")
    run_scripts(again, SCRIPTS)
    different = [path for path in OUTPUTS if (again / path).read_bytes() != (result / path).read_bytes()]
    assert different == []


def test_the_checks_of_the_file_are_true(result: Path) -> None:
    train = table(result / "data/train.parquet")
    assert len(train) >= 200_000
    assert train[["flight_id", "late", "carrier", "origin", "dest", "distance"]].notna().all(axis=None)
    assert train["distance"].between(0, 6000).all()
    assert set(train["origin"]) == {"EWR", "JFK", "LGA"}


def test_the_gates_of_the_file_are_true(metrics: dict[str, float], result: Path) -> None:
    from sklearn.metrics import roc_auc_score

    predictions = table(result / "predictions.parquet")
    carriers = [rows for _, rows in predictions.groupby("carrier", observed=True) if len(rows) >= 200]
    assert metrics["auc"] >= 0.70
    assert metrics["calibration_error"] <= 0.03
    assert min(roc_auc_score(rows["late"], rows["p"]) for rows in carriers) >= 0.60
    assert sum(file.stat().st_size for file in (result / "model").iterdir()) <= 10_000_000


# ------------------------------------------------------------------ the demo


def test_the_demo_keeps_its_promises(tmp_path: Path) -> None:
    demo = EXAMPLE.parent / "demo.py"
    shown = subprocess.run(
        [sys.executable, demo, tmp_path / "demo"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert "All as promised" in shown.stdout
    assert shown.returncode == 0
