"""All that was logged with MLflow comes over: whole, once, and with nothing that a hostile folder or server wants."""

import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec import json

from outdo.app.import_mlflow import Home, import_mlflow
from outdo.core.brought import Brought
from outdo.core.errors import CantImport, Usage
from outdo.core.refusals import Unknown
from outdo.integrations.mlflow.source import Left, check_path
from outdo.store.database import writing
from outdo.store.tracking import files, registry, runs
from outdo.store.tracking.home import opened
from outdo.store.tracking.points import history
from tests.contracts.served import served
from tests.contracts.web import Quiet

RUN, MODEL = "a" * 32, f"m-{'b' * 32}"
RUN_META = f"""
artifact_uri: file:///elsewhere/mlruns/7/{RUN}/artifacts
end_time: 2000
experiment_id: '7'
lifecycle_stage: active
run_id: {RUN}
run_name: first
start_time: 1000
status: 3
user_id: ann
"""
TREE = {
    "7/meta.yaml": "name: tune\nexperiment_id: '7'\nlifecycle_stage: active\ncreation_time: 5\n",
    "7/tags/team": "a",
    f"7/{RUN}/meta.yaml": RUN_META,
    f"7/{RUN}/params/lr": "0.1",
    f"7/{RUN}/params/deep/er": "x",
    f"7/{RUN}/tags/mlflow.runName": "first",
    f"7/{RUN}/tags/note": "two\nlines",
    f"7/{RUN}/metrics/loss": "10 0.5 0\n11 0.25 1\n11 0.25 1\n",
    f"7/{RUN}/metrics/val/odd": "10 nan 0\n11 inf 1\n",
    f"7/{RUN}/artifacts/model/MLmodel": "flavors: {}\n",
    f"7/{RUN}/artifacts/a b.txt": "é",
    f"7/{RUN}/inputs/i/meta.yaml": "source_type: DATASET\nsource_id: d\ndestination_type: RUN\n"
    "tags: {mlflow.data.context: train}\n",
    "7/datasets/d/meta.yaml": "name: data\ndigest: abc\nsource_type: local\nsource: '{}'\nschema: '{}'\n",
    f"7/{RUN}/outputs/{MODEL}/meta.yaml": f"destination_type: MODEL_OUTPUT\ndestination_id: {MODEL}\nstep: 1\n",
    f"7/models/{MODEL}/meta.yaml": f"model_id: {MODEL}\nname: m\nstatus: 2\nsource_run_id: {RUN}\nmodel_type: null\n"
    f"artifact_location: file:///elsewhere/mlruns/7/models/{MODEL}/artifacts\ncreation_timestamp: 1\n",
    f"7/models/{MODEL}/artifacts/MLmodel": "flavors: {a: {}}\n",
    f"7/models/{MODEL}/metrics/auc": f"10 0.7 0 {RUN}\n",
    ".trash/8/meta.yaml": "name: gone\nexperiment_id: '8'\nlifecycle_stage: deleted\n",
    "models/delay/meta.yaml": "name: delay\ndescription: late or not\ncreation_timestamp: 1\n",
    "models/delay/tags/owner": "ann",
    "models/delay/aliases/champion": "1",
    "models/delay/version-1/meta.yaml": f"name: delay\nversion: 1\nrun_id: {RUN}\nsource: models:/{MODEL}\n"
    f"model_id: {MODEL}\ncurrent_stage: Production\ncreation_timestamp: 3\nlast_updated_timestamp: 3\n",
    "models/delay/version-3/meta.yaml": f"name: delay\nversion: 3\nrun_id: {RUN}\ncurrent_stage: None\n"
    f"source: file:///elsewhere/mlruns/7/{RUN}/artifacts/model\ncreation_timestamp: 4\nlast_updated_timestamp: 4\n",
    "models/delay/version-3/tags/q": "1",
}  # fmt: skip


def folder(root: Path, tree: Mapping[str, str] = TREE) -> Path:
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    return folder(tmp_path / "mlruns")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def bring(home: Path, place: Path | str) -> Brought:
    return import_mlflow(Home(str(home)), str(place), lambda _thing, _done: None)


def counts(found: Brought) -> dict[str, int]:
    return {one.kind: one.here for one in found.counts}


# ------------------------------------------------------------------ a folder


def test_all_that_a_folder_holds_comes_over_and_both_sides_are_counted(mlruns: Path, home: Path) -> None:
    found = bring(home, mlruns)
    assert found.whole
    assert counts(found) == {
        "experiments": 2, "runs": 1, "params": 2, "points": 4, "datasets": 1, "logged models": 1, "model metrics": 1,
        "artifacts": 3, "bytes": 31, "registered models": 1, "versions": 2, "aliases": 1, "tags": 4,
    }  # fmt: skip


def test_a_run_is_what_it_was(mlruns: Path, home: Path) -> None:
    bring(home, mlruns)
    with opened(str(home)) as engine, engine.connect() as connection:
        number = runs.number_of(connection, RUN)
        [run] = runs.read(connection, [number])
        loss, _ = history(connection, RUN, "loss")
    assert (run.info.name, run.info.user, run.info.status, run.info.ended) == (
        "first",
        "ann",
        "FINISHED",
        2000,
    )
    assert run.params == {"lr": "0.1", "deep/er": "x"}
    assert run.tags == {"mlflow.runName": "first", "note": "two\nlines"}
    assert [(point.value, point.timestamp, point.step) for point in loss] == [(0.5, 10, 0), (0.25, 11, 1)]
    assert [(one.dataset.name, one.tags) for one in run.inputs] == [
        ("data", {"mlflow.data.context": "train"})
    ]
    assert [(use.model, use.role, use.step) for use in run.models] == [(MODEL, "output", 1)]


def test_clients_find_runs_files_and_versions(mlruns: Path, home: Path) -> None:
    bring(home, mlruns)
    with served(home) as server:
        said = server.get("experiments/get-by-name", experiment_name="tune").said["experiment"]
        assert (said["experiment_id"], said["tags"]) == ("7", [{"key": "team", "value": "a"}])
        assert server.file(f"7/{RUN}/artifacts/a b.txt").said == "é".encode()
        champion = server.get("registered-models/alias", name="delay", alias="champion").said["model_version"]
        assert (champion["version"], champion["current_stage"]) == ("1", "Production")
        places = [
            server.get("model-versions/get-download-uri", name="delay", version=version).said["artifact_uri"]
            for version in ("1", "3")
        ]
        assert places == [
            f"mlflow-artifacts:/7/models/{MODEL}/artifacts", f"mlflow-artifacts:/7/{RUN}/artifacts/model",
        ]  # fmt: skip
        made = server.post("model-versions/create", name="delay", source=f"runs:/{RUN}/model").said
        assert made["model_version"]["version"] == "4"


def test_again_nothing_is_doubled_and_what_is_done_is_skipped(mlruns: Path, home: Path) -> None:
    first = bring(home, mlruns)
    again = bring(home, mlruns)
    assert (first.skipped, again.skipped) == (0, 2)
    assert again.counts == first.counts


def test_what_was_changed_here_since_is_left_as_it_is(mlruns: Path, home: Path) -> None:
    bring(home, mlruns)
    with opened(str(home)) as engine, writing(engine) as connection:
        registry.set_alias(connection, "delay", "champion", 3)
    bring(home, mlruns)
    with opened(str(home)) as engine, engine.connect() as connection:
        assert registry.by_alias(connection, "delay", "champion").version == 3


def test_a_run_that_went_on_is_brought_again(mlruns: Path, home: Path) -> None:
    folder(mlruns, {f"7/{RUN}/meta.yaml": RUN_META.replace("status: 3", "status: 1").replace("2000", "null")})
    bring(home, mlruns)
    folder(
        mlruns, {f"7/{RUN}/meta.yaml": RUN_META, f"7/{RUN}/metrics/loss": "10 0.5 0\n11 0.25 1\n12 0.1 2\n"}
    )
    found = bring(home, mlruns)
    assert found.whole
    assert counts(found)["points"] == 5


def test_what_is_here_already_under_the_same_name_is_joined(mlruns: Path, home: Path) -> None:
    with served(home) as server:
        number = server.experiment("tune")
        server.post("registered-models/create", name="delay")
        server.post("model-versions/create", name="delay", source=f"runs:/{server.run(number)}/m")
    found = bring(home, mlruns)
    assert found.left == ("delay/1 is delay/2 here: another one had its number",)
    with opened(str(home)) as engine, engine.connect() as connection:
        assert runs.find_info(connection, RUN).experiment == int(number)
        assert registry.by_alias(connection, "delay", "champion").version == 2


def test_whoever_stops_it_can_go_on(mlruns: Path, home: Path) -> None:
    stop = [False]

    def tell(_thing: str, done: int) -> None:
        stop[0] = done == 1
        if stop[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_mlflow(Home(str(home)), str(mlruns), tell)
    found = bring(home, mlruns)
    assert (found.whole, found.skipped) == (True, 1)


# ------------------------------------------------------------------ what is refused


def test_links_are_not_followed(mlruns: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (mlruns / "7" / RUN / "artifacts" / "link").symlink_to(tmp_path / "secret")
    (mlruns / "7" / RUN / "artifacts" / "folder").symlink_to(tmp_path)
    found = bring(home, mlruns)
    assert not found.whole
    assert [one.partition(": ")[2] for one in found.left] == ["'folder' is a link", "'link' is a link"]
    with opened(str(home)) as engine, engine.connect() as connection, pytest.raises(Unknown):
        files.find(connection, f"7/{RUN}/artifacts/link")


@pytest.mark.parametrize("name", [f"7/{RUN}/params", f"7/{RUN}/meta.yaml", f"7/{RUN}/tags"])
def test_facts_that_are_links_are_refused(mlruns: Path, home: Path, tmp_path: Path, name: str) -> None:
    place = mlruns / name
    (tmp_path / "moved").parent.mkdir(exist_ok=True)
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    with pytest.raises(CantImport, match="a link in such a folder leads elsewhere"):
        bring(home, mlruns)


def test_addresses_in_a_folder_are_never_opened(mlruns: Path, home: Path) -> None:
    folder(mlruns, {f"7/{RUN}/meta.yaml": RUN_META.replace(f"/elsewhere/mlruns/7/{RUN}/artifacts", "/etc")})
    for path in sorted((mlruns / "7" / RUN / "artifacts").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (mlruns / "7" / RUN / "artifacts").rmdir()
    found = bring(home, mlruns)
    assert f"{RUN}: its files lie at file:///etc, which is not in this folder" in found.left
    assert counts(found)["artifacts"] == 1


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "!!python/object/apply:os.system ['touch bomb']",
        "[1, 2]",
        "{",
        "x" * (1 << 21),
        "a: " + "[" * 5000,
    ],
)
def test_facts_that_are_none_are_one_message(mlruns: Path, home: Path, text: str) -> None:
    folder(mlruns, {f"7/{RUN}/meta.yaml": text})
    with pytest.raises(CantImport):
        bring(home, mlruns)
    assert not Path("bomb").exists()


@pytest.mark.parametrize("line", ["one", "1 2 3 x y", "a 0.5 0", "1 zero 0"])
def test_lines_that_are_no_points_are_one_message(mlruns: Path, home: Path, line: str) -> None:
    folder(mlruns, {f"7/{RUN}/metrics/loss": f"{line}\n"})
    if line.startswith("1 2"):
        assert bring(home, mlruns).whole
    else:
        with pytest.raises(CantImport):
            bring(home, mlruns)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "..",
        "../a",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "./a",
        "a\\b",
        "C:/a",
        "a\0b",
        "a\nb",
        "/".join("a" * 100),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(Left):
        check_path(path)


@pytest.mark.parametrize(
    "place", ["mlflow.db", "sqlite:///mlflow.db", "postgresql://a/b", "s3://bucket/mlruns"]
)
def test_what_is_neither_a_folder_nor_a_server_is_told(home: Path, place: str) -> None:
    with pytest.raises(Usage):
        bring(home, place)
    with pytest.raises(CantImport, match="no such folder"):
        bring(home, "/nowhere")


# ------------------------------------------------------------------ a server that is none, or worse

ANSWERS: Mapping[str, object] = {
    "experiments/search": {
        "experiments": [{"experiment_id": "7", "name": "tune", "lifecycle_stage": "active"}]
    },
    "runs/search": {
        "runs": [
            {
                "info": {"run_id": RUN, "artifact_uri": "s3://b/x", "status": "FINISHED", "start_time": 1},
                "data": {},
            }
        ]
    },
    "artifacts/list": {"files": [{"path": "../../etc/passwd", "is_dir": False, "file_size": 5}]},
    "logged-models/search": {},
    "model-versions/search": {},
    "registered-models/search": {},
}


class Hostile(ThreadingHTTPServer):
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.heard: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        assert isinstance(self.server, Hostile)
        call = urlsplit(self.path).path.removeprefix("/api/2.0/mlflow/")
        self.server.heard.append((self.path, self.headers.get("Authorization", "")))
        found = self.server.answers.get(call)
        status = found if isinstance(found, int) else 404 if found is None else 200
        body = (
            found if isinstance(found, bytes) else json.encode(found if status == 200 else {"message": "no"})
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile(dict(ANSWERS))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_listing_that_leads_out_is_left(hostile: Hostile, home: Path) -> None:
    found = bring(home, hostile.address)
    assert [one.partition(": ")[2] for one in found.left] == [
        "'../../etc/passwd' is no path of a file, or leads elsewhere"
    ]
    assert not found.whole


def test_a_file_is_never_larger_than_it_was_told(hostile: Hostile, home: Path) -> None:
    hostile.answers = {
        **ANSWERS, "artifacts/list": {"files": [{"path": "a", "file_size": 5}]}, "/get-artifact": b"x" * 100,
    }  # fmt: skip
    [left] = bring(home, hostile.address).left
    assert "has more than the 5 bytes" in left


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"experiments/search": b"<html>"}, "no MLflow server"),
        ({"experiments/search": 401}, "wants somebody who may read it"),
        ({"experiments/search": 302}, "sends elsewhere"),
        ({"experiments/search": {"experiments": [], "next_page_token": "x"}}, "have no end"),
        ({}, "no MLflow server"),
    ],
)
def test_a_server_that_answers_otherwise_is_one_message(
    hostile: Hostile, home: Path, answers: Mapping[str, object], told: str
) -> None:
    hostile.answers = answers
    with pytest.raises(CantImport, match=told):
        bring(home, hostile.address)


def test_credentials_come_from_the_environment_alone(
    hostile: Hostile, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token")
    bring(home, hostile.address)
    assert {heard for _, heard in hostile.heard} == {"Bearer token"}
    with pytest.raises(Usage, match="seen by everybody"):
        bring(home, hostile.address.replace("//", "//me:secret@"))


def test_a_server_that_is_not_there_is_one_message(home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(CantImport, match="can't be reached"):
        bring(home, f"http://127.0.0.1:{port}")


def test_another_outdo_server_can_be_brought_too(mlruns: Path, home: Path, tmp_path: Path) -> None:
    first = bring(home, mlruns)
    with served(home) as server:
        again = bring(tmp_path / "other", server.address)
    told = counts(again)
    assert again.whole
    assert {kind: told[kind] for kind in ("runs", "points", "artifacts", "bytes", "versions", "aliases")} == {
        kind: counts(first)[kind] for kind in ("runs", "points", "artifacts", "bytes", "versions", "aliases")
    }
