"""A server, and two of them, on a real PostgreSQL."""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from outdo.core.errors import DamagedLedger, ForeignDatabase, NewerLedger
from outdo.store.tracking.opening import FORM, open_tracking
from tests.contracts.postgres import Postgres
from tests.contracts.served import Reply, Served, served

pytestmark = pytest.mark.slow

NOW = 1_700_000_000_000


@pytest.fixture(scope="module")
def address(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture(scope="module")
def both(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Two servers on one database and one folder of artifacts, as behind a proxy that shares the load."""
    objects = str(tmp_path_factory.mktemp("objects"))
    first, second = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    with (
        served(first, "--objects", objects, database=address) as one,
        served(second, "--objects", objects, database=address) as two,
    ):
        yield one, two


def point(key: str, at: int) -> dict[str, object]:
    return {"key": key, "value": float(at), "timestamp": NOW + at, "step": at}


def by_turns(both: Sequence[Served], call: str, count: int, **asked: object) -> list[Reply]:
    """The answers to the same call, sent to one and the other at the same time."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda at: both[at % 2].post(call, **asked), range(count)))


def test_of_two_servers_only_one_makes_what_has_one_name(both: tuple[Served, Served]) -> None:
    answers = by_turns(both, "experiments/create", 12, name="the same")
    assert sorted(reply.status for reply in answers) == [200] + 11 * [400]
    assert {reply.code for reply in answers if reply.status == 400} == {"RESOURCE_ALREADY_EXISTS"}


def test_versions_that_two_servers_make_have_numbers_of_their_own(both: tuple[Served, Served]) -> None:
    both[0].post("registered-models/create", name="delay")
    answers = by_turns(both, "model-versions/create", 12, name="delay", source="mlflow-artifacts:/0/x")
    numbers = [int(reply.said["model_version"]["version"]) for reply in answers]
    assert sorted(numbers) == list(range(1, 13))


def test_what_two_servers_acknowledge_is_there_for_both(both: tuple[Served, Served]) -> None:
    runs = [both[at % 2].run() for at in range(8)]

    def work(at: int) -> None:
        for step in range(15):
            batch = [point(f"new{step}", at), point(f"other{at}", step)]
            assert both[(at + step) % 2].post("runs/log-batch", run_id=runs[at], metrics=batch).status == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for one in both:
        told = [
            one.get("metrics/get-history", run_id=run, metric_key=f"other{at}") for at, run in enumerate(runs)
        ]
        assert [len(reply.said["metrics"]) for reply in told] == 8 * [15]


def test_an_artifact_that_one_took_in_the_other_gives_out(both: tuple[Served, Served]) -> None:
    both[0].put_file("0/x/artifacts/a.bin", b"x" * 5000)
    assert both[1].file("0/x/artifacts/a.bin").said == b"x" * 5000


def test_changes_that_wait_together_share_a_commit(both: tuple[Served, Served]) -> None:
    before = counted(both[0])
    id_ = both[0].run()
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda at: both[0].post("runs/log-metric", run_id=id_, **point("loss", at)), range(200))
        )
    after = counted(both[0])
    commits, changes = (after[name] - before[name] for name in ("commits", "changes"))
    assert changes >= 201
    assert commits < changes


def counted(server: Served) -> dict[str, float]:
    lines = server.ask("GET", "/metrics").said.decode().splitlines()
    found = [line.split() for line in lines if line.startswith("outdo_writer_")]
    return {name.split("_")[2]: float(value) for name, value in found}


def test_what_was_acknowledged_is_there_after_a_kill(postgres: Postgres, tmp_path: Path) -> None:
    address = postgres.database()
    with served(tmp_path, database=address) as first:
        id_ = first.run()
        for at in range(20):
            assert first.post("runs/log-metric", run_id=id_, **point("loss", at)).status == 200
        first.process.send_signal(signal.SIGKILL)
    with served(tmp_path, database=address) as second:
        assert len(second.get("metrics/get-history", run_id=id_, metric_key="loss").said["metrics"]) == 20


def test_a_server_goes_on_when_the_database_has_dropped_its_connections(
    postgres: Postgres, tmp_path: Path
) -> None:
    address = postgres.database()
    with served(tmp_path, database=address) as server:
        id_ = server.run()
        with psycopg.connect(address, autocommit=True) as other:
            other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'outdo'"
            )
        assert server.post("runs/log-metric", run_id=id_, **point("loss", 1)).status == 200


def test_texts_that_the_database_can_not_hold_are_refused(both: tuple[Served, Served]) -> None:
    id_ = both[0].run()
    refused = both[0].post("runs/set-tag", run_id=id_, key="a", value="b\x00c")
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_every_text_is_sorted_letter_by_letter(address: str, both: tuple[Served, Served]) -> None:
    with psycopg.connect(address) as connection:
        others = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'public'"
            " and data_type in ('text', 'character varying') and collation_name is distinct from 'C'"
        ).fetchall()
    assert others == []


# Databases that are not to be touched.


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (f"update {FORM.table} set version_num = '9999'", NewerLedger),
        ("drop table run_tags", DamagedLedger),
        (f"drop table {FORM.table}", ForeignDatabase),
    ],
)
def test_what_can_not_be_used_is_told_apart(
    postgres: Postgres, statement: str, kind: type[Exception]
) -> None:
    address = postgres.database()
    engine = open_tracking(address)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    with pytest.raises(kind):
        open_tracking(address)
