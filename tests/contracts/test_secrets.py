"""Secrets at rest: sealed with a key beside the database, opened in their own place, sealed anew with a new key."""

import base64
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from outdo.core.errors import NoSecretKey
from outdo.core.webhooks import Webhook
from outdo.server.service import Service
from outdo.store.secrets import FILE, Keyring
from outdo.store.tracking import webhooks

SECRET = "not told é"
PLACE = "webhook 1"


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


OLD, NEW = key("a"), key("b")


def test_a_secret_comes_back_from_what_does_not_show_it(tmp_path: Path) -> None:
    keys = Keyring(str(tmp_path))
    kept = keys.seal(SECRET, PLACE)
    assert keys.open(kept, PLACE) == SECRET
    assert SECRET not in kept
    assert keys.seal(SECRET, PLACE) != kept


def test_no_secret_is_kept_as_nothing_and_makes_no_key(tmp_path: Path) -> None:
    assert Keyring(str(tmp_path)).seal("", PLACE) == ""
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    kept = Keyring(str(tmp_path)).seal(SECRET, PLACE)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert Keyring(str(tmp_path)).open(kept, PLACE) == SECRET


def test_a_secret_opens_in_its_own_place_alone_and_unchanged(tmp_path: Path) -> None:
    keys = Keyring(str(tmp_path))
    kept = keys.seal(SECRET, PLACE)
    with pytest.raises(NoSecretKey, match="not as it was sealed"):
        keys.open(kept, "webhook 2")
    for at in range(len(kept)):
        with pytest.raises(NoSecretKey):
            keys.open(kept[:at] + chr(ord(kept[at]) ^ 2) + kept[at + 1 :], PLACE)


def test_all_keys_open_and_the_first_seals(tmp_path: Path) -> None:
    before = Keyring(str(tmp_path), OLD).seal(SECRET, PLACE)
    both = Keyring(str(tmp_path), f"{NEW},{OLD}")
    assert both.open(before, PLACE) == SECRET
    after = both.seal(SECRET, PLACE)
    assert (both.is_newest(before), both.is_newest(after)) == (False, True)
    assert Keyring(str(tmp_path), NEW).open(after, PLACE) == SECRET


def test_a_key_that_is_not_here_is_named(tmp_path: Path) -> None:
    kept = Keyring(str(tmp_path), OLD).seal(SECRET, PLACE)
    with pytest.raises(NoSecretKey, match=kept.split(".")[1]):
        Keyring(str(tmp_path), NEW).open(kept, PLACE)


@pytest.mark.parametrize("content", ["", "short\n", "ü" * 44, base64.b64encode(b"x" * 31).decode()])
def test_a_file_that_holds_no_key_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(NoSecretKey):
        Keyring(str(tmp_path))


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(OLD)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(NoSecretKey, match="read by others"):
        Keyring(str(tmp_path))


# A server.


def opened(home: Path) -> str:
    """The secret as a server that starts at this home sends with it."""
    service = Service(str(home))
    try:
        one = service.read(lambda connection: webhooks.find(connection, PLACE))
        return service.sending.keyring.open(one.secret, one.id)
    finally:
        service.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a server with a webhook whose secret was kept before there were keys."""
    service = Service(str(tmp_path))
    made = Webhook(PLACE, "ci", "", "https://example.com", (), "ACTIVE", 1, 1, f"plain:{SECRET}")
    service.writer.submit(lambda connection: webhooks.put(connection, made)).result()
    service.close()
    return tmp_path


def kept_in(home: Path) -> str:
    with sqlite3.connect(home / "tracking.db") as database:
        (found,) = database.execute("SELECT secret FROM webhooks").fetchone()
    return str(found)


@pytest.mark.slow
def test_what_was_kept_plain_is_sealed_when_the_server_starts(home: Path) -> None:
    assert opened(home) == SECRET
    assert SECRET not in kept_in(home)
    assert all(SECRET.encode() not in path.read_bytes() for path in home.iterdir() if path.is_file())


@pytest.mark.slow
def test_a_new_key_takes_over_at_the_next_start(home: Path) -> None:
    opened(home)
    first = (home / FILE).read_text()
    (home / FILE).write_text(f"{NEW}\n{first}")
    assert opened(home) == SECRET
    (home / FILE).write_text(NEW)
    assert opened(home) == SECRET


@pytest.mark.slow
def test_a_server_without_the_key_starts_and_leaves_the_secret_alone(home: Path) -> None:
    opened(home)
    before = kept_in(home)
    os.remove(home / FILE)
    with pytest.raises(NoSecretKey):
        opened(home)
    assert kept_in(home) == before
