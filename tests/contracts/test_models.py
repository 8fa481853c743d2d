"""Registered versions as people ask for them: by number, alias and digest, with the whole way back."""

import subprocess
from pathlib import Path

import pytest
from msgspec import json

import outdo
from outdo.app.collect import Asked, collect, survey
from outdo.app.models import models, remove_alias, set_alias, version, versions
from outdo.app.project import open_project
from outdo.app.reproduce.target import find_target
from outdo.app.trace import Trace, trace_back
from outdo.core.digest import stage_run_id
from outdo.core.errors import BadAlias, NoLineage, UnknownVersion
from outdo.core.model import RunId, StageName
from outdo.core.pointer import write_pointer
from outdo.core.tracked import Origin, Tracked
from outdo.core.tracking import ModelVersion
from outdo.store.database import writing
from outdo.store.tracking import registry
from outdo.store.tracking.home import opened
from tests.contracts.served import served

FILE = """
project: flights
stages:
  clean: {cmd: "tr a-z A-Z < raw.txt > clean.txt", deps: [raw.txt], outs: [clean.txt]}
  train: {cmd: sh train.sh, deps: [train.sh, clean.txt], params: [rate], outs: [model/]}
  score: {cmd: "echo '{\\"auc\\": 0.7}' > m.json", deps: [model/], metrics: [m.json]}
models:
  delay: {path: model/, evaluate: score, desc: late or not}
"""
TRAIN = StageName("train")


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgSign=false"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def run(root: Path, rate: str = "0.1") -> RunId:
    (root / "params.yaml").write_text(f"rate: {rate}\n")
    finished = outdo.load(root).run()
    assert finished.run
    return finished.run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outdo.yaml").write_text(FILE)
    (tmp_path / "raw.txt").write_text("late\n")
    (tmp_path / "train.sh").write_text("mkdir -p model && cat clean.txt params.yaml > model/weights\n")
    (tmp_path / "params.yaml").write_text("rate: 0.1\n")
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text("/raw.txt\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def at(root: Path) -> str:
    return str(root)


# ------------------------------------------------------------------ versions


def test_the_latest_version_of_a_model_is_told_with_its_metrics_and_its_run(root: Path) -> None:
    run(root)
    second = run(root, "0.2")
    [found] = models(at(root))
    assert (found.name, found.metrics, found.description) == ("delay/2", {"auc": 0.7}, "late or not")
    assert found.by is not None
    assert (found.by.run, found.by.stage, found.by.number, found.by.dirty) == (second, "train", 2, True)


def test_a_version_is_meant_by_number_alias_and_digest(root: Path) -> None:
    run(root)
    run(root, "0.2")
    set_alias(at(root), "delay/1", "champion")
    first = version(at(root), "delay/1")
    assert first.digest
    for word in ("delay@champion", "delay@1", "models:/delay/1", first.digest, first.digest[:8]):
        assert version(at(root), word).version == 1
    assert [one.version for one in versions(at(root), "delay")] == [2, 1]


def test_an_alias_moves_and_can_be_taken_away(root: Path) -> None:
    run(root)
    run(root, "0.2")
    set_alias(at(root), "delay/1", "champion")
    assert set_alias(at(root), "delay", "champion").version == 2
    assert version(at(root), "delay/1").aliases == ()
    remove_alias(at(root), "delay@champion")
    with pytest.raises(UnknownVersion, match="no version with the alias 'champion'"):
        version(at(root), "delay@champion")
    with pytest.raises(BadAlias):
        set_alias(at(root), "delay", "latest")


def test_clients_see_an_alias_that_was_set_here(root: Path) -> None:
    run(root)
    set_alias(at(root), "delay/1", "champion")
    with served(root / ".outdo") as server:
        said = server.get("registered-models/alias", name="delay", alias="champion").said["model_version"]
    assert (said["version"], said["run_id"]) == ("1", version(at(root), "delay").logged_run)


def test_what_is_not_registered_is_told(root: Path) -> None:
    with pytest.raises(UnknownVersion, match="no model is registered here yet"):
        models(at(root))
    run(root)
    with pytest.raises(UnknownVersion, match="no version of a model 'delai'") as caught:
        version(at(root), "delai")
    assert caught.value.fix == "did you mean 'delay'?"


# ------------------------------------------------------------------ the way back


def kinds(found: Trace) -> dict[str, str]:
    """Each artifact by its path: the stage that made it, or what is known of it."""
    return {one.path: one.stage or (one.source.kind if one.source else "") for one in found.artifacts}


def test_a_model_is_traced_back_to_code_and_data(root: Path) -> None:
    run(root)
    found = trace_back(at(root), "delay@1")
    assert kinds(found) == {
        "model": "train", "clean.txt": "clean", "train.sh": "code", "raw.txt": "outside",
    }  # fmt: skip
    assert found.artifacts[0].params == {"rate": 0.1}
    [traced] = found.runs.values()
    assert (len(traced.commit or ""), bool(traced.environment)) == (40, True)


def test_code_that_differed_from_the_commit_is_told(root: Path) -> None:
    with (root / "train.sh").open("a") as file:
        file.write("# changed\n")
    run(root)
    assert kinds(trace_back(at(root), "delay"))["train.sh"] == "changed"


def test_data_is_told_with_where_it_was_imported_from(root: Path) -> None:
    project = open_project(at(root))
    entry = project.workspace.look(["raw.txt"])["raw.txt"]
    origin = Origin("https://example.com/data.git", "raw.txt", "v1", "a" * 40)
    (root / "raw.txt.outdo").write_text(write_pointer(Tracked("raw.txt", "raw.txt.outdo", entry, origin)))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    run(root)
    (root / "raw.txt.outdo").unlink()
    [source] = [one.source for one in trace_back(at(root), "delay").artifacts if one.path == "raw.txt"]
    assert source is not None
    assert (source.kind, source.origin) == ("tracked", origin)


def test_objects_and_paths_are_traced_too(root: Path) -> None:
    run(root)
    digest = open_project(at(root)).workspace.look(["model"])["model"].digest
    ways = [trace_back(at(root), word).artifacts for word in (str(root / "model"), digest, digest[:10])]
    assert ways == [trace_back(at(root), "delay").artifacts] * 3
    assert kinds(trace_back(at(root), str(root / "raw.txt"))) == {"raw.txt": "outside"}
    with pytest.raises(NoLineage):
        trace_back(at(root), "nothing")
    with pytest.raises(UnknownVersion):
        trace_back(at(root), "delay/9")


def test_a_model_that_a_client_logged_within_a_stage_is_traced_through_that_stage(root: Path) -> None:
    made = run(root)
    with opened(str(root / ".outdo")) as engine, writing(engine) as connection:
        one = ModelVersion(
            "delay", 0, "runs:/x/m", "mlflow-artifacts:/x", 1, 1, "d" * 64, stage_run_id(made, TRAIN)
        )
        registry.add_version(connection, one)
    found = version(at(root), "delay/2")
    assert found.by is not None
    assert (found.by.run, found.by.stage) == (made, "train")
    assert list(kinds(trace_back(at(root), "delay/2")).values()) == ["train", "code", "clean", "outside"]


def test_a_trace_is_json(root: Path) -> None:
    run(root)
    said = json.decode(json.encode(trace_back(at(root), "delay")))
    assert said["version"]["model"] == "delay"
    assert said["artifacts"][0]["made_of"] == [1, 2]


# ------------------------------------------------------------------ what builds on it


def test_a_version_names_the_run_to_make_again(root: Path) -> None:
    first = run(root)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    run(root, "0.2")
    set_alias(at(root), "delay/1", "champion")
    for word in ("delay/1", "delay@champion", "model:delay@champion"):
        target = find_target(open_project(at(root)), word)
        assert target.run is not None
        assert (target.run.id, target.model, set(target.stages)) == (
            first,
            "delay",
            {"clean", "train", "score"},
        )
    with pytest.raises(UnknownVersion):
        find_target(open_project(at(root)), "delay/9")


def test_what_a_version_reaches_is_not_collected(root: Path) -> None:
    run(root)
    before = trace_back(at(root), "delay/1")
    (root / "outdo.yaml").write_text(FILE.partition("models:")[0])
    (root / "raw.txt").write_text("on time\n")
    run(root, "0.2")
    run(root, "0.3")
    project = open_project(at(root))
    asked = Asked(runs=0)
    collect(project, asked, survey(project, asked))
    assert all(project.objects.has(one.entry.digest) for one in before.artifacts if one.stage)
    [traced] = before.runs.values()
    assert traced.environment is not None
    assert project.objects.has(traced.environment)
    assert [one for one in project.results.keys() if project.results.get(one)]  # noqa: SIM118
