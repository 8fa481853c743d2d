"""Signing in to a real server: who gets in with what, what is remembered, and what no longer holds."""

import base64
import socket
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import pytest

from outdo.app import accounts
from outdo.app.accounts import Home
from outdo.cli.group import call
from outdo.core.access import EVERY, Limit
from outdo.store.database import writing
from outdo.store.tracking.home import open_home
from outdo.store.tracking.tables import tokens
from tests.contracts.served import API, Served, served

PASSWORD = "correct horse battery"
ME = "experiments/get"


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


ANNA = basic("anna", PASSWORD)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path / "home"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(str(tmp_path_factory.mktemp("shared")))
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    return home


@pytest.fixture(scope="module")
def server(shared: Home) -> Iterator[Served]:
    with served(Path(shared.folder)) as running:
        yield running


def status(server: Served, credential: str) -> int:
    return server.as_(credential).get(ME, experiment_id="0").status


def token(home: Home, user: str, limit: Limit = Limit(), days: float | None = 1) -> str:  # noqa: B008
    return f"Bearer {accounts.new_token(home, user, '', limit, days).text}"


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def outdo(*words: str) -> Done:
    said, told = TextIOWrapper(BytesIO()), StringIO()
    with redirect_stdout(said), redirect_stderr(told):
        code = call(words)
    said.flush()
    return Done(code, said.buffer.getvalue().decode(), told.getvalue())


# Open and closed.


def test_without_users_a_server_on_loopback_is_open_and_closes_with_the_first(home: Home) -> None:
    with served(Path(home.folder)) as running:
        assert status(running, "") == 200
        accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
        assert status(running, "") == 401
        assert status(running, ANNA) == 200


def test_another_address_is_refused_while_there_is_no_admin(home: Home) -> None:
    accounts.add_user(home, "ben", PASSWORD, {EVERY: "maintainer"})
    done = outdo("server", "--home", home.folder, "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "E802" in done.stderr
    assert "outdo user add NAME --admin" in done.stderr


def test_with_an_admin_it_serves_there_and_under_any_name(home: Home) -> None:
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    with served(Path(home.folder), "--host", "0.0.0.0") as running:
        path = f"{API}/{ME}?experiment_id=0"
        assert running.ask("GET", path, headers={"Host": "ml.example.com"}).status == 401
        called = {"Host": "ml.example.com", "Authorization": ANNA}
        assert running.ask("GET", path, headers=called).status == 200


def test_a_page_of_another_site_can_change_nothing_there(home: Home) -> None:
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    with served(Path(home.folder), "--host", "0.0.0.0") as running:
        from_page = {"Host": "ml.example.com", "Origin": "https://evil.example", "Authorization": ANNA}
        assert running.ask("POST", f"{API}/runs/create", b"{}", from_page).status == 403


# What is said to who has not signed in.


def test_who_has_not_signed_in_is_told_how_in_the_protocols_form(server: Served) -> None:
    reply = server.get(ME, experiment_id="0")
    assert (reply.status, reply.code) == (401, "UNAUTHENTICATED")
    assert "MLFLOW_TRACKING_TOKEN" in reply.said["message"]
    assert reply.headers["www-authenticate"] == 'Bearer realm="Outdo", Basic realm="Outdo", charset="UTF-8"'


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_health_and_version_are_for_everybody(server: Served, path: str) -> None:
    assert server.ask("GET", path).status == 200


@pytest.mark.parametrize(
    "credential",
    [
        basic("anna", "wrong horse battery"),
        basic("anna", ""),
        basic("", PASSWORD),
        basic("ANNA", PASSWORD),
        basic("nobody", PASSWORD),
        "Basic",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"anna").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"anna\0:" + PASSWORD.encode()).decode(),
        "Bearer",
        "Bearer outdo_",
        "Bearer outdo_0123456789ab_" + "0" * 64,
        "Bearer ' OR 1=1 --",
        "Digest username=anna",
        "Negotiate abc",
        PASSWORD,
        "Basic " + "A" * 100_000,
        "Bearer \xe9\xe8",
        ANNA.replace("Basic ", "Basic=") + ",",
    ],
)
def test_what_is_no_credential_is_refused_and_breaks_nothing(server: Served, credential: str) -> None:
    try:
        assert status(server, credential) in (400, 401, 429, 431)
    except ConnectionError:  # a header that is too long for any server
        assert len(credential) > 60_000
    assert status(server, ANNA) == 200


def test_two_authorization_headers_are_refused(server: Served) -> None:
    lines = [
        f"GET {API}/{ME}?experiment_id=0 HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {ANNA}",
        f"Authorization: {ANNA}",
        "Connection: close",
    ]
    with socket.create_connection(("127.0.0.1", server.port), 10) as raw:
        raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        assert raw.recv(1000).startswith(b"HTTP/1.1 401")


# Tokens.


def test_a_token_signs_in(server: Served, shared: Home) -> None:
    assert status(server, token(shared, "anna")) == 200


def test_a_token_with_another_secret_does_not(server: Served, shared: Home) -> None:
    good = token(shared, "anna")
    last = "0" if good[-1] != "0" else "1"
    assert status(server, good[:-1] + last) == 401


def test_the_secret_of_one_token_does_not_hold_for_another(server: Served, shared: Home) -> None:
    one, other = token(shared, "anna").split("_"), token(shared, "anna").split("_")
    assert status(server, f"{one[0]}_{one[1]}_{other[2]}") == 401


def test_a_revoked_token_does_not_hold_from_the_next_request_on(server: Served, shared: Home) -> None:
    held = token(shared, "anna")
    assert status(server, held) == 200
    accounts.revoke_token(shared, held.removeprefix("Bearer "))
    assert status(server, held) == 401


def test_an_expired_token_does_not_hold(server: Served, shared: Home) -> None:
    reply = server.as_(token(shared, "anna", days=0)).get(ME, experiment_id="0")
    assert reply.status == 401
    assert "expired" in reply.said["message"]


def test_a_token_may_do_no_more_than_it_was_made_for(server: Served, shared: Home) -> None:
    reader = server.as_(token(shared, "anna", Limit("viewer")))
    assert reader.get(ME, experiment_id="0").status == 200
    reply = reader.post("runs/create", experiment_id="0")
    assert (reply.status, reply.code) == (403, "PERMISSION_DENIED")


def test_the_database_holds_no_token_and_no_password(server: Served, shared: Home) -> None:
    held = token(shared, "anna")
    assert status(server, held) == 200
    secret = held.rpartition("_")[2]
    kept = b"".join(path.read_bytes() for path in Path(shared.folder).glob("tracking.db*"))
    assert secret.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_the_use_of_a_token_is_noted(server: Served, shared: Home) -> None:
    held = token(shared, "anna")
    assert status(server, held) == 200
    assert server.as_(ANNA).post("experiments/create", name="after the use").status == 200
    assert accounts.everybody(shared).tokens[held.split("_")[1]].used is not None


# What changes while the server runs.


def test_another_password_ends_the_one_before_though_it_was_remembered(server: Served, shared: Home) -> None:
    accounts.add_user(shared, "cleo", PASSWORD, {EVERY: "viewer"})
    before, after = basic("cleo", PASSWORD), basic("cleo", "another long password")
    assert status(server, before) == 200
    accounts.set_password(shared, "cleo", "another long password")
    assert (status(server, before), status(server, after)) == (401, 200)


def test_a_removed_user_has_no_way_in(server: Served, shared: Home) -> None:
    accounts.add_user(shared, "dan", PASSWORD, {EVERY: "viewer"})
    held, typed = token(shared, "dan"), basic("dan", PASSWORD)
    assert (status(server, held), status(server, typed)) == (200, 200)
    accounts.remove_user(shared, "dan")
    assert (status(server, held), status(server, typed)) == (401, 401)


def test_a_user_of_the_same_name_does_not_get_the_tokens_of_the_one_before(
    server: Served, shared: Home
) -> None:
    accounts.add_user(shared, "finn", PASSWORD, {EVERY: "viewer"})
    held = token(shared, "finn")
    accounts.remove_user(shared, "finn")
    accounts.add_user(shared, "finn", PASSWORD, {EVERY: "viewer"})
    assert status(server, held) == 401


def test_a_role_that_was_taken_does_not_hold_from_the_next_request_on(server: Served, shared: Home) -> None:
    accounts.add_user(shared, "gil", "", {EVERY: "developer"})
    held = server.as_(token(shared, "gil"))
    assert held.post("runs/create", experiment_id="0").status == 200
    accounts.grant(shared, "gil", EVERY, "viewer")
    assert held.post("runs/create", experiment_id="0").status == 403
    accounts.revoke(shared, "gil", EVERY)
    assert held.get(ME, experiment_id="0").status == 403


def test_a_user_without_a_password_has_none_that_is_empty(server: Served, shared: Home) -> None:
    accounts.add_user(shared, "robot", "", {EVERY: "admin"})
    assert status(server, basic("robot", "")) == 401


def test_one_who_guesses_at_a_password_is_slowed_down_and_nobody_else(server: Served, shared: Home) -> None:
    accounts.add_user(shared, "hana", PASSWORD, {EVERY: "viewer"})
    assert status(server, ANNA) == 200
    tried = [server.as_(basic("hana", f"wrong guess {at}")).get(ME, experiment_id="0") for at in range(8)]
    assert [reply.status for reply in tried] == [401] * 5 + [429] * 3
    assert tried[-1].code == "REQUEST_LIMIT_EXCEEDED"
    assert 1 <= int(tried[-1].headers["retry-after"]) <= 2
    accounts.add_user(shared, "ida", PASSWORD, {EVERY: "viewer"})
    assert (status(server, ANNA), status(server, basic("ida", PASSWORD))) == (200, 200)


# The command line.


def test_a_password_comes_from_a_file_and_never_from_the_words(home: Home, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{PASSWORD}\nmore\n")
    done = outdo(
        "user", "add", "anna", "--admin", "--password-file", str(tmp_path / "secret"), "--home", home.folder
    )
    assert done.returncode == 0, done.stderr
    with served(Path(home.folder)) as running:
        assert status(running, ANNA) == 200


def test_without_a_terminal_and_a_file_nobody_is_asked(home: Home) -> None:
    done = outdo("user", "add", "anna", "--home", home.folder)
    assert done.returncode == 2
    assert "--password-file" in done.stderr


def test_a_token_stands_on_stdout_alone(home: Home) -> None:
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    done = outdo("token", "new", "anna", "--home", home.folder)
    assert done.stdout.startswith("outdo_")
    assert len(done.stdout.splitlines()) == 1
    listed = outdo("token", "list", "--json", "--home", home.folder)
    assert done.stdout.strip().rpartition("_")[2] not in listed.stdout


@pytest.mark.parametrize("words", [["remove", "anna"], ["grant", "anna", "viewer"], ["revoke", "anna"]])
def test_the_last_admin_stays(home: Home, words: list[str]) -> None:
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    done = outdo("user", *words, "--home", home.folder)
    assert (done.returncode, "E806" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-x", "ünï", "a\nb", "x" * 129])
def test_a_name_that_would_not_fit_a_header_is_refused(home: Home, name: str) -> None:
    done = outdo("user", "add", "--no-password", "--home", home.folder, "--", name)
    assert done.returncode == 2, done.stderr


def test_a_name_is_taken_however_it_is_capitalised(home: Home) -> None:
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    done = outdo("user", "add", "Anna", "--no-password", "--home", home.folder)
    assert (done.returncode, "E805" in done.stderr) == (2, True)


def test_a_short_password_is_refused(home: Home, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short\n")
    done = outdo("user", "add", "anna", "--password-file", str(tmp_path / "secret"), "--home", home.folder)
    assert (done.returncode, "E805" in done.stderr) == (2, True)


def test_what_is_kept_of_a_token_is_its_digest(home: Home) -> None:
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    accounts.new_token(home, "anna", "", Limit(), 1)
    engine = open_home(home.folder)
    with writing(engine) as connection:
        (row,) = connection.execute(tokens.select()).all()
    engine.dispose()
    assert len(row.secret) == 32
