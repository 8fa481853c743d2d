"""Every route says the role that it needs, and nobody with a lower one gets through it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from outdo.app import accounts
from outdo.app.accounts import Home
from outdo.core.access import EVERY, ROLES, Limit, Role
from outdo.server.endpoint import About
from outdo.server.mlflow.routes import PROXY_PREFIXES, endpoints
from outdo.server.service import Service
from outdo.server.uploads import PART
from outdo.server.web import Offered, application
from tests.contracts.served import Served, served

PUBLIC = {"/health", "/version", *(f"{prefix}/{PART}" for prefix in PROXY_PREFIXES)}
"""Parts of a file come with the secret of their upload."""
FILLED = re.compile(r"\{[^}]*\}")


class Call(NamedTuple):
    method: str
    path: str
    role: Role | None


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Offered]:
    service = Service(str(tmp_path_factory.mktemp("routes")))
    try:
        return application(service).routes  # type: ignore[return-value]
    finally:
        service.close()


@pytest.fixture(scope="module")
def calls(routes: list[Offered]) -> list[Call]:
    return [
        Call(method, FILLED.sub("x", route.path), route.role)
        for route in routes
        for method in sorted(route.methods or ())
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def people(home: Home) -> dict[Role, str]:
    """What each signs in with."""
    for role in ROLES:
        accounts.add_user(home, role, "", {EVERY: role})
    return {role: f"Bearer {accounts.new_token(home, role, '', Limit(), 1).text}" for role in ROLES}


@pytest.fixture(scope="module")
def server(home: Home, people: dict[Role, str]) -> Iterator[Served]:
    with served(Path(home.folder)) as running:
        yield running


def test_every_route_is_offered_to_a_role(routes: list[Offered]) -> None:
    assert [route.path for route in routes if not isinstance(route, Offered)] == []
    assert {route.path for route in routes if route.role is None} == PUBLIC
    assert all(route.role in ROLES for route in routes if route.path not in PUBLIC)


def test_every_endpoint_says_what_it_is_about_or_narrows_its_answer() -> None:
    for path, endpoint in endpoints():
        assert issubclass(endpoint.asks, About) or endpoint.narrows, path


def test_what_changes_something_needs_more_than_a_viewer() -> None:
    assert [path for path, endpoint in endpoints() if endpoint.writes and endpoint.role == "viewer"] == []


def test_nobody_gets_in_without_signing_in(server: Served, calls: list[Call]) -> None:
    for method, path, role in calls:
        assert (server.ask(method, path).status == 401) == (role is not None), (method, path)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_needs_it_and_nothing_else(
    server: Served, calls: list[Call], people: dict[Role, str], role: Role
) -> None:
    caller = server.as_(people[role])
    for method, path, needed in calls:
        status = caller.ask(method, path).status
        allowed = needed is None or ROLES.index(role) >= ROLES.index(needed)
        assert (status not in (401, 403)) == allowed, (method, path, status)
        assert status < 500, (method, path, status)
