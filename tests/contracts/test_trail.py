"""The audit trail of a real server: what each change tells, that none goes without, and what tampering shows."""

import base64
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from outdo.app import accounts, trail
from outdo.app.accounts import Home
from outdo.app.telling import telling
from outdo.cli.group import call
from outdo.core.access import EVERY, Limit, Thing
from outdo.core.trail import Head
from outdo.store.database import writing
from outdo.store.tracking import experiments
from outdo.store.tracking.home import open_home
from outdo.store.tracking.trail import Wanted
from tests.contracts.served import Served, served

NOW = 1_700_000_000_000
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, database: str) -> Home:
    home = Home(str(tmp_path_factory.mktemp("home")), database)
    accounts.add_user(home, "anna", PASSWORD, {EVERY: "admin"})
    accounts.add_user(home, "vera", "", {EVERY: "viewer"})
    return home


def token(home: Home, user: str) -> str:
    return f"Bearer {accounts.new_token(home, user, 'tests', Limit(), 1).text}"


@pytest.fixture(scope="module")
def running(home: Home) -> Iterator[Served]:
    with served(Path(home.folder), database=home.database) as server:
        yield server


@pytest.fixture(scope="module")
def server(running: Served, home: Home) -> Served:
    return running.as_(token(home, "anna"))


def last(home: Home) -> tuple[str, str, Any]:
    """Action, object and detail of the last row."""
    (_, entry) = trail.entries(home, Wanted(most=1))[0]
    return entry.action, entry.thing, json.decode(entry.detail) if entry.detail else None


def count(home: Home) -> int:
    return trail.verify(home).head.number


# What is told.


def test_a_row_says_who_how_and_from_where(server: Served, home: Home) -> None:
    server.experiment("who")
    (_, entry) = trail.entries(home, Wanted(most=1))[0]
    assert (entry.who, entry.via.partition(" ")[0], entry.address) == ("anna", "token", "127.0.0.1")


def test_what_is_made_is_told_as_it_is(server: Served, home: Home) -> None:
    id_ = server.experiment("made")
    told = {"after": {"name": "made", "active": True}}
    assert last(home) == ("experiments/create", f"experiment:{id_}", told)


def test_what_is_changed_is_told_before_and_after(server: Served, home: Home) -> None:
    run = server.run(run_name="one")
    server.post("runs/update", run_id=run, status="FAILED", end_time=NOW)
    told = {"before": {"status": "RUNNING"}, "after": {"status": "FAILED", "ended": NOW}}
    assert last(home) == ("runs/update", f"run:{run}", told)


def test_a_tag_is_told_when_it_is_set_and_when_it_goes(server: Served, home: Home) -> None:
    run = server.run()
    server.post("runs/set-tag", run_id=run, key="note", value="a")
    server.post("runs/set-tag", run_id=run, key="note", value="b")
    assert last(home)[2] == {"before": {"tags.note": "a"}, "after": {"tags.note": "b"}}
    server.post("runs/delete-tag", run_id=run, key="note")
    assert last(home)[2] == {"before": {"tags.note": "b"}}


def test_a_batch_is_one_row_that_counts(server: Served, home: Home) -> None:
    run = server.run()
    before = count(home)
    metrics = [{"key": "loss", "value": 1.0, "timestamp": NOW + at, "step": at} for at in range(500)]
    server.post("runs/log-batch", run_id=run, metrics=metrics, params=[{"key": "lr", "value": "1"}])
    assert count(home) == before + 1
    assert last(home) == ("runs/log-batch", f"run:{run}", {"metrics": 500, "params": 1})


def test_an_alias_is_told_as_it_moves(server: Served, home: Home) -> None:
    run = server.run()
    server.post("registered-models/create", name="delay")
    for _ in range(2):
        server.post("model-versions/create", name="delay", source=f"runs:/{run}/model")
    server.post("registered-models/alias", name="delay", alias="champion", version="1")
    server.post("registered-models/alias", name="delay", alias="champion", version="2")
    told = {"before": {"aliases.champion": 1}, "after": {"aliases.champion": 2}}
    assert last(home) == ("registered-models/alias", "model:delay", told)


def test_what_was_deleted_is_told_as_it_was(server: Served, home: Home) -> None:
    server.post("registered-models/create", name="gone", description="of no use")
    headers = {"Content-Type": "application/json"}
    server.ask("DELETE", "/api/2.0/mlflow/registered-models/delete", b'{"name": "gone"}', headers)
    told = {"before": {"name": "gone", "description": "of no use"}}
    assert last(home) == ("registered-models/delete", "model:gone", told)


def test_an_artifact_that_is_written_over_is_told_by_both_digests(server: Served, home: Home) -> None:
    server.put_file("0/x/artifacts/a.txt", b"one")
    server.put_file("0/x/artifacts/a.txt", b"two!")
    _, thing, told = last(home)
    assert thing == "artifact:0/x/artifacts/a.txt"
    assert (told["before"]["size"], told["after"]["size"]) == (3, 4)
    assert told["before"]["digest"] != told["after"]["digest"]


def test_users_and_tokens_are_told_without_their_secrets(home: Home) -> None:
    accounts.add_user(home, "uma", PASSWORD, {"flights": "viewer"})
    made = accounts.new_token(home, "uma", "laptop", Limit("viewer", "flights"), None)
    assert last(home) == (
        "tokens/new",
        f"token:{made.token.id}",
        {
            "after": {
                "user": "uma",
                "name": "laptop",
                "role": "viewer",
                "project": "flights",
                "expires": "never",
            }
        },
    )
    accounts.set_password(home, "uma", "another long password")
    assert last(home) == ("users/password", "user:uma", None)


def test_what_is_refused_or_only_looked_at_leaves_no_row(running: Served, server: Served, home: Home) -> None:
    vera = running.as_(token(home, "vera"))
    before = count(home)
    assert vera.post("runs/create", experiment_id="0").status == 403
    assert running.post("runs/create", experiment_id="0").status == 401
    assert server.post("runs/update", run_id="0" * 32, status="FAILED").status == 404
    assert server.post("runs/search", experiment_ids=["0"]).status == 200
    assert count(home) == before


def test_no_secret_is_in_the_trail(running: Served, home: Home) -> None:
    held = token(home, "anna")
    typed = f"Basic {base64.b64encode(f'anna:{PASSWORD}'.encode()).decode()}"
    for credential in (held, typed):
        assert running.as_(credential).post("runs/create", experiment_id="0").status == 200
    told = json.encode([entry for _, entry in trail.entries(home, Wanted())])
    for secret in (PASSWORD, held.rpartition("_")[2], typed.partition(" ")[2]):
        assert secret.encode() not in told


def test_a_long_name_of_a_program_is_cut(server: Served, home: Home) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "x" * 5000}
    server.ask("POST", "/api/2.0/mlflow/runs/create", b'{"experiment_id": "0"}', headers)
    (_, entry) = trail.entries(home, Wanted(most=1))[0]
    assert entry.agent == "x" * 200


def test_many_at_once_and_the_command_line_beside_them_make_one_chain(server: Served, home: Home) -> None:
    run = server.run()
    before = count(home)

    def log(key: str) -> None:
        for at in range(20):
            reply = server.post("runs/log-metric", run_id=run, key=key, value=at, timestamp=NOW, step=at)
            assert reply.status == 200

    threads = [threading.Thread(target=log, args=(f"m{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for at in range(5):
        accounts.grant(home, "vera", f"p{at}", "viewer")
    for thread in threads:
        thread.join()
    found = trail.verify(home)
    assert (found.breaks, found.head.number) == ((), before + 85)


def test_a_webhook_is_told_without_its_secret(server: Served, home: Home) -> None:
    events = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    hook = {"name": "w", "url": "https://example.com/hook", "events": events, "secret": "very secret words"}
    reply = server.post("webhooks", **hook)
    assert reply.status == 200, reply.said
    told = json.encode([entry for _, entry in trail.entries(home, Wanted())])
    assert b"very secret words" not in told
    assert last(home)[0] == "webhooks"


def test_what_the_command_line_changes_is_told_too(home: Home) -> None:
    engine = open_home(home.folder, home.database)
    with writing(engine) as connection, telling(connection, "experiments/note", Thing("experiment", "0")):
        experiments.set_tags(connection, 0, {"note": "by hand"})
    engine.dispose()
    assert last(home) == ("experiments/note", "experiment:0", {"after": {"tags.note": "by hand"}})


# What tampering shows.


@pytest.fixture
def other(tmp_path: Path) -> Home:
    """A home with ten rows."""
    home = Home(str(tmp_path / "other"))
    for number in range(10):
        accounts.add_user(home, f"user{number}", "", {EVERY: "admin"})
    return home


def tamper(home: Home, *statements: str) -> None:
    database = sqlite3.connect(Path(home.folder) / "tracking.db")
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["UPDATE trail SET who = 'nobody' WHERE number = 4"], ["row 4 was changed"]),
        (["UPDATE trail SET detail = '' WHERE number = 10"], ["row 10 was changed"]),
        (["UPDATE trail SET previous = 'x' WHERE number = 4"], None),
        (["UPDATE trail SET seal = 'x' WHERE number = 4"], None),
        (["UPDATE trail SET time = 'never' WHERE number = 4"], ["row 4 was changed"]),
        (["DELETE FROM trail WHERE number = 4"], ["row 4 is missing"]),
        (["DELETE FROM trail WHERE number < 4"], ["rows 1 to 3 are missing"]),
        (
            [
                "UPDATE trail SET number = 99 WHERE number = 4",
                "UPDATE trail SET number = 4 WHERE number = 5",
                "UPDATE trail SET number = 5 WHERE number = 99",
            ],
            None,
        ),
    ],
)
def test_what_was_tampered_with_is_named(other: Home, statements: list[str], told: list[str] | None) -> None:
    tamper(other, *statements)
    found = [one.what for one in trail.verify(other).breaks]
    assert found == told if told else any("row 4 was" in what for what in found)


def test_a_cut_off_end_is_told_by_the_head_that_was_noted(other: Home) -> None:
    head = trail.verify(other).head
    tamper(other, "DELETE FROM trail WHERE number > 8")
    assert trail.verify(other).breaks == ()
    (one,) = trail.verify(other, head).breaks
    assert one.what == "rows 9 to 10, up to the head that was noted, are missing"


def test_a_broken_trail_goes_on_and_stays_broken(other: Home) -> None:
    tamper(other, "UPDATE trail SET who = 'nobody' WHERE number = 10")
    accounts.grant(other, "user3", "flights", "viewer")
    assert [one.number for one in trail.verify(other).breaks] == [10]


# The command line.


def outdo(*words: str) -> tuple[int, str]:
    said = TextIOWrapper(BytesIO())
    with redirect_stdout(said):
        code = call(words)
    said.flush()
    return code, said.buffer.getvalue().decode()


def test_verify_tells_the_head_and_takes_it_back(other: Home) -> None:
    code, said = outdo("audit", "verify", "--json", "--home", other.folder)
    head = json.decode(said)["data"]["head"]
    assert (code, head.partition(":")[0]) == (0, "10")
    assert outdo("audit", "verify", "--head", head, "--home", other.folder)[0] == 0
    forged = str(Head(10, bytes(32)))
    assert outdo("audit", "verify", "--head", forged, "--home", other.folder)[0] == 1


def test_verify_fails_and_names_the_row(other: Home) -> None:
    tamper(other, "UPDATE trail SET who = 'nobody' WHERE number = 4")
    code, said = outdo("audit", "verify", "--home", other.folder)
    assert code == 1
    assert "row 4 was changed" in said


def test_the_log_is_filtered(other: Home) -> None:
    accounts.grant(other, "user3", "flights", "viewer")
    _, said = outdo("audit", "log", "--action", "users/grant", "--json", "--home", other.folder)
    (row,) = json.decode(said)["data"]
    assert (row["row"], row["object"], row["detail"]) == (11, "user:user3", {"after": {"flights": "viewer"}})
    assert (
        json.decode(outdo("audit", "log", "--user", "x", "--json", "--home", other.folder)[1])["data"] == []
    )
    assert len(outdo("audit", "log", "--object", "user7", "--home", other.folder)[1].splitlines()) == 2
    future = outdo("audit", "log", "--since", "2999-01-01", "--json", "--home", other.folder)[1]
    assert json.decode(future)["data"] == []


def test_the_log_of_an_edited_row_is_told_all_the_same(other: Home) -> None:
    tamper(other, "UPDATE trail SET detail = '{', time = 'x', who = char(27) || '[31m' WHERE number = 4")
    code, said = outdo("audit", "log", "--home", other.folder)
    assert code == 0
    assert "\x1b" not in said
