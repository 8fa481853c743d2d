"""Models of the file as versions: registered by good runs alone, once for the same bytes, told where they came from."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

import outdo
from outdo.app.project import open_project
from outdo.app.registered import Output
from outdo.app.registering import By, register
from outdo.app.run import Options
from outdo.core.digest import stage_run_id
from outdo.core.events import AnyEvent, Registered, Trial, Warned
from outdo.core.model import Record, RunId, StageName
from tests.contracts.served import served

FILE = """
project: flights
stages:
  train: {cmd: "mkdir -p model && cp rate model/weights && ln -sf weights model/best", deps: [rate], outs: [model/]}
  score: {cmd: "grep -q . model/weights && cp rate scores", deps: [model/, rate], outs: [scores], retries: 1}
models:
  delay: {path: model/, evaluate: score}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outdo.yaml").write_text(FILE)
    (tmp_path / "rate").write_text("0.1")
    return tmp_path


def run(root: Path, *targets: str, **options: object) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    outdo.load(root).run(*targets, options=Options(**options), listener=events.append)  # type: ignore[arg-type]
    return events


def told(events: list[AnyEvent]) -> list[tuple[str, int, bool]]:
    return [(one.model, one.version, one.new) for one in events if isinstance(one, Registered)]


def ask(root: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(root / ".outdo" / "tracking.db")) as database:
        return database.execute(query).fetchall()


def train(root: Path, rate: str) -> list[tuple[str, int, bool]]:
    (root / "rate").write_text(rate)
    return told(run(root))


def test_each_new_model_is_a_version(root: Path) -> None:
    assert train(root, "0.1") == [("delay", 1, True)]
    assert train(root, "0.2") == [("delay", 2, True)]


def test_the_same_bytes_are_the_same_version_also_where_they_were_restored(root: Path) -> None:
    train(root, "0.1")
    train(root, "0.2")
    assert train(root, "0.1") == [("delay", 1, False)]
    assert ask(root, "select version from model_versions") == [(1,), (2,)]


def test_a_version_is_of_the_run_and_the_stage_that_computed_it(root: Path) -> None:
    events = run(root)
    assert ask(root, "select run, registrar, stage, path, kind from made_versions") == [
        (events[0].run, events[0].run, "train", "model", "tree")
    ]
    assert ask(root, "select run from model_versions") == [(stage_run_id(events[0].run, StageName("train")),)]


def test_a_run_that_fails_registers_nothing(root: Path) -> None:
    (root / "rate").write_text("")
    assert told(run(root)) == []
    assert not (root / ".outdo" / "tracking.db").exists()


def test_a_run_that_does_not_come_to_the_model_registers_nothing(root: Path) -> None:
    (root / "outdo.yaml").write_text(FILE.replace("stages:", "stages:\n  other: {cmd: touch x, outs: [x]}"))
    assert told(run(root, "other")) == []
    assert told(run(root, "train")) == [("delay", 1, True)]


def test_neither_trials_nor_rehearsals_register(root: Path) -> None:
    assert told(run(root, trial=Trial(RunId("sweep"), 1, 2))) == []
    (root / "rate").write_text("0.2")
    assert told(run(root, rehearse=("score=fail:1",))) == []


def test_a_model_that_is_declared_later_is_registered_by_a_run_with_nothing_to_do(root: Path) -> None:
    (root / "outdo.yaml").write_text(FILE.partition("models:")[0])
    first = run(root)
    (root / "outdo.yaml").write_text(FILE)
    assert told(run(root)) == [("delay", 1, True)]
    assert ask(root, "select run, registrar from made_versions") == [(first[0].run, "")]
    assert told(run(root)) == []


def test_a_run_with_nothing_to_do_opens_no_database(root: Path) -> None:
    run(root)
    words = [sys.executable, "-X", "importtime", "-m", "outdo.cli.main", "run"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "outdo.app.registered" in loaded
    assert not loaded & {"sqlalchemy", "sqlite3", "click", "outdo.app.registering"}


def test_a_database_that_was_lost_is_made_anew(root: Path) -> None:
    run(root)
    for path in (root / ".outdo").glob("tracking.db*"):
        path.unlink()
    assert told(run(root)) == [("delay", 1, True)]


def test_a_damaged_database_costs_a_warning_and_no_run(root: Path) -> None:
    (root / ".outdo").mkdir()
    (root / ".outdo" / "tracking.db").write_bytes(b"no database" * 1000)
    events = run(root)
    [warned] = [one.message for one in events if isinstance(one, Warned)]
    assert warned.startswith("not every model was registered: this is not a SQLite database")


def test_runs_at_the_same_time_make_one_version(root: Path) -> None:
    run(root)
    for path in (root / ".outdo").glob("tracking.db*"):
        path.unlink()
    found: list[tuple[str, int, bool]] = []
    project = open_project(str(root))
    [record] = [one for name, one in project.lock.records.items() if name == "train"]
    threads = [threading.Thread(target=lambda: found.extend(_again(root, record))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == [("delay", 1, False)] * 3 + [("delay", 1, True)]


def _again(root: Path, record: Record) -> list[tuple[str, int, bool]]:
    project = open_project(str(root))
    return told(list(register(project, {"delay": Output(project.pipeline.models["delay"], record)}, By("a"))))


def test_a_part_of_an_output_and_what_is_left_to_git_can_be_models(root: Path) -> None:
    (root / "outdo.yaml").write_text("""
stages:
  train: {cmd: mkdir -p model/a && cp rate model/a/w && cp rate small, outs: [model, small: {cache: false}]}
models: {part: {path: model/a}, small: {path: small}}
""")
    assert told(run(root)) == [("part", 1, True), ("small", 1, True)]
    assert [str(path).rpartition("/")[2] for (path,) in ask(root, "select path from files")] == ["w", "small"]


# What clients of MLflow get of it.


def test_clients_download_a_version_file_by_file_and_cannot_change_it(root: Path) -> None:
    run(root)
    with served(root / ".outdo") as server:
        said = server.get("model-versions/get-download-uri", name="delay", version="1").said["artifact_uri"]
        folder = said.removeprefix("mlflow-artifacts:/")
        assert [server.file(f"{folder}/{name}").said for name in ("weights", "best")] == [b"0.1", b"0.1"]
        for reply in (
            server.put_file(f"{folder}/weights", b"other"),
            server.put_file("versions/other/weights", b"other"),
            server.ask("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{folder}"),
        ):
            assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE")
        assert server.file(f"{folder}/weights").said == b"0.1"


def test_bytes_that_a_run_has_saved_are_not_stored_again(root: Path) -> None:
    (root / "outdo.yaml").write_text(FILE.partition("models:")[0])
    run(root)
    before = {path for path in (root / ".outdo" / "objects").rglob("*") if path.is_file()}
    (root / "outdo.yaml").write_text(FILE)
    run(root)
    assert {path for path in (root / ".outdo" / "objects").rglob("*") if path.is_file()} == before
