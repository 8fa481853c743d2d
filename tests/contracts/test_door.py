"""The door: what argon2id is asked, how often, and what is remembered."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from outdo.core.access import EVERY, Actor
from outdo.core.refusals import NotSignedIn, Refusal
from outdo.server.book import Book
from outdo.server.door import Door
from outdo.store.database import writing
from outdo.store.tracking import accounts, passwords
from outdo.store.tracking.accounts import User
from outdo.store.tracking.opening import open_tracking
from outdo.store.tracking.writer import Writer

PASSWORD = "correct horse battery"
HERE = "127.0.0.1"


class Counted:
    """Looks at passwords, and counts how often."""

    def __init__(self, look: Callable[[str, str], bool] = passwords.matches) -> None:
        self.look = look
        self.count = 0

    def __call__(self, password: str, kept: str) -> bool:
        self.count += 1
        return self.look(password, kept)


def quickly(password: str, kept: str) -> bool:
    """For tests of what comes before a look."""
    return password == PASSWORD


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_tracking(f"sqlite:///{tmp_path}/tracking.db")
    with writing(made) as connection:
        accounts.add_user(connection, User("anna", passwords.keep(PASSWORD), 0, {EVERY: "admin"}))
        accounts.add_user(connection, User("robot", "", 0, {EVERY: "viewer"}))
    yield made
    made.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    made = Writer(engine)
    yield made
    made.close()


@pytest.fixture
def looks() -> Counted:
    return Counted()


@pytest.fixture
def quick() -> Counted:
    return Counted(quickly)


@pytest.fixture
def quick_door(engine: Engine, writer: Writer, quick: Counted) -> Iterator[Door]:
    book = Book(engine, writer)
    yield Door(book, may_be_open=True, matches=quick)
    book.close()


@pytest.fixture
def door(engine: Engine, writer: Writer, looks: Counted) -> Iterator[Door]:
    book = Book(engine, writer)
    yield Door(book, may_be_open=True, matches=looks)
    book.close()


def admit(door: Door, user: str, password: str = PASSWORD, address: str = HERE) -> Actor | None:
    header = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    try:
        return asyncio.run(door.admit([header], address))
    except Refusal:
        return None


def test_a_password_is_looked_at_once_and_then_remembered(door: Door, looks: Counted) -> None:
    assert [admit(door, "anna") is not None for _ in range(5)] == [True] * 5
    assert looks.count == 1


def test_several_at_once_wait_for_one_look(door: Door, looks: Counted) -> None:
    header = f"Basic {base64.b64encode(f'anna:{PASSWORD}'.encode()).decode()}"

    async def together() -> list[Actor]:
        return await asyncio.gather(*(door.admit([header], HERE) for _ in range(8)))

    assert len(asyncio.run(together())) == 8
    assert looks.count == 1


@pytest.mark.parametrize("user", ["anna", "nobody", "robot"])
def test_a_wrong_password_costs_the_same_look_whether_the_user_is_there_or_not(
    door: Door, looks: Counted, user: str
) -> None:
    assert admit(door, user, "wrong horse battery") is None
    assert looks.count == 1


def test_what_nobody_has_costs_as_much_as_what_somebody_has() -> None:
    assert passwords.nobodys().rpartition("$")[0].split("$")[:4] == passwords.keep(PASSWORD).split("$")[:4]
    assert not passwords.matches(PASSWORD, passwords.nobodys())


def test_a_wrong_password_is_not_remembered_as_right(door: Door) -> None:
    assert admit(door, "anna") is not None
    assert admit(door, "anna", "wrong horse battery") is None


def test_another_password_is_looked_at_anew(door: Door, engine: Engine, looks: Counted) -> None:
    assert admit(door, "anna") is not None
    with writing(engine) as connection:
        accounts.set_password(connection, "anna", passwords.keep("another long password"))
    assert admit(door, "anna") is None
    assert admit(door, "anna", "another long password") is not None
    assert looks.count == 3


def test_a_change_of_rights_needs_no_other_look(door: Door, engine: Engine, looks: Counted) -> None:
    assert admit(door, "anna") is not None
    with writing(engine) as connection:
        accounts.grant(connection, "anna", "flights", "viewer")
    actor = admit(door, "anna")
    assert actor is not None
    assert actor.grants["flights"] == "viewer"
    assert looks.count == 1


def test_a_pause_costs_no_look(quick_door: Door, quick: Counted) -> None:
    for at in range(20):
        assert admit(quick_door, "anna", f"wrong guess {at}") is None
    assert quick.count == 5


def test_who_guesses_from_elsewhere_holds_up_nobody_here(quick_door: Door) -> None:
    for at in range(20):
        admit(quick_door, "anna", f"wrong guess {at}", "10.0.0.9")
    assert admit(quick_door, "anna") is not None


def test_who_guesses_at_names_is_slowed_down_by_the_address(quick_door: Door, quick: Counted) -> None:
    assert admit(quick_door, "anna") is not None
    for at in range(40):
        admit(quick_door, f"user{at}")
    assert quick.count == 1 + 25
    assert admit(quick_door, "anna") is not None


def test_a_password_that_was_kept_with_less_is_kept_anew(door: Door, engine: Engine, writer: Writer) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with writing(engine) as connection:
        accounts.set_password(connection, "anna", weak)
    assert admit(door, "anna") is not None
    writer.close()
    with engine.connect() as connection:
        kept = accounts.read(connection).users["anna"].password
    assert kept != weak
    assert not passwords.is_old(kept)
    assert passwords.matches(PASSWORD, kept)


def test_a_database_that_can_not_be_read_lets_nobody_in(door: Door, engine: Engine) -> None:
    assert admit(door, "anna") is not None
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE access RENAME TO elsewhere")
    with pytest.raises(OperationalError):
        admit(door, "anna")


def test_a_server_that_others_reach_is_not_open_without_users(tmp_path: Path) -> None:
    engine = open_tracking(f"sqlite:///{tmp_path}/empty.db")
    writer = Writer(engine)
    book = Book(engine, writer)
    try:
        assert asyncio.run(Door(book, may_be_open=True).admit([], HERE)).via == "open"
        with pytest.raises(NotSignedIn):
            asyncio.run(Door(book, may_be_open=False).admit([], HERE))
    finally:
        book.close()
        writer.close()
        engine.dispose()
