"""What tests run on: SQLite in the fast ring, a real PostgreSQL in the slow one; and a Git of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.postgres import Postgres, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> str:
    """The address of a new database of PostgreSQL; empty for SQLite."""
    if request.param == "sqlite":
        return ""
    found: Postgres = request.getfixturevalue("postgres")
    return found.database()


@pytest.fixture
def git_author(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows who commits, and nothing of the settings of whoever runs the tests."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


@pytest.fixture
def no_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config of this machine's, or its user's, is read."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
