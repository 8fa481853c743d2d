"""Azure beside real DVC, both ways: what one pushes the other pulls, and addresses stand in `dvc.lock` alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import AzureStore

from tests.contracts.azure import (
    ACCOUNT,
    CONTAINER,
    KEY,
    NODE,
    NPM,
    azure_server,
    connection_string,
)
from tests.contracts.real_dvc import both_say_the_same, dvc, init, outdo, reading, take_away

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None or NPM is None, reason="the server needs node and npm"),
]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with azure_server(tmp_path_factory.mktemp("azure")) as port:
        yield port


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with a remote in Azure, of which it is not said yet who asks."""
    repo = init(tmp_path / "repo")
    dvc(repo, "remote", "add", "-d", "team", f"azure://{CONTAINER}/{tmp_path.name}")
    return repo


def shared_both_ways(repo: Path) -> None:
    (repo / "data").mkdir()
    (repo / "data" / "a").write_text("1")
    (repo / "data" / "b").write_text("2")
    dvc(repo, "add", "data")
    dvc(repo, "push")
    take_away(repo, "data", ".dvc/cache")
    outdo(repo, "data", "pull")
    assert (repo / "data" / "b").read_text() == "2"
    (repo / "more").write_text("3")
    outdo(repo, "data", "add", "more")
    outdo(repo, "data", "push")
    take_away(repo, "data", "more", ".dvc/cache")
    dvc(repo, "pull")
    assert (repo / "more").read_text() == "3"


def test_a_connection_string_in_dvcs_config(repo: Path, port: int) -> None:
    dvc(repo, "remote", "modify", "--local", "team", "connection_string", connection_string(port))
    shared_both_ways(repo)


def test_a_connection_string_in_the_environment(
    repo: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection_string(port))
    shared_both_ways(repo)


def test_blobs_and_folders_as_dependencies(repo: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection_string(port))
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    store = AzureStore(
        CONTAINER,
        account_name=ACCOUNT,
        account_key=KEY,
        endpoint=endpoint,
        client_options={"allow_http": True},
    )
    for name in ("one.csv", "in/a.csv", "in/Z.csv", "in/sub/b.csv", f"{repo.parent.name}/x.csv"):
        store.put(name, name.encode())
    urls = [f"azure://{CONTAINER}/one.csv", f"azure://{CONTAINER}/in", "remote://team/x.csv"]
    both_say_the_same(reading(repo, *urls))
    store.put("in/a.csv", b"changed")
    assert "1 to run" in outdo(repo, "status")
    outdo(repo, "run")
    assert "up to date" in dvc(repo, "status")


def test_who_asks_has_to_be_said(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    (repo / "x").write_text("1")
    outdo(repo, "data", "add", "x")
    told = outdo(repo, "data", "push", code=1)
    assert "Account must be specified" in told
    assert "set AZURE_STORAGE_CONNECTION_STRING" in told
