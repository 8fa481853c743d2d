"""Two table files to all in which they differ."""

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdo.core.tablediff import CellChange, ColumnChange, Retyped, TableDiff, clause
from outdo.core.tablekind import table_kind
from outdo.run.tables import compare_tables

BY_ID = "id,p,t\n1,0.1,x\n2,0.2,y\n3,0.3,z\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A name that is a pattern, a quote and a query."""
    hostile = tmp_path / "we[i]rd*?{a,b}'; DROP TABLE a; --"
    hostile.mkdir()
    return hostile


def compared(
    folder: Path, before: str | bytes, after: str | bytes, name: str = "t.csv", key: tuple[str, ...] = ()
) -> TableDiff | None:
    for side, content in (("old", before), ("new", after)):
        (folder / side).mkdir(exist_ok=True)
        (folder / side / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    kind = table_kind(name)
    assert kind is not None
    old, new, scratch = folder / "old" / name, folder / "new" / name, folder / "scratch"
    found = compare_tables(str(old), str(new), kind, str(scratch), key)
    assert not scratch.exists()
    return found


def test_rows_are_told_apart_by_a_column_that_no_two_share(folder: Path) -> None:
    found = compared(folder, BY_ID, "id,p,t\n3,0.8,z\n2,0.2,why\n4,1,n\n")
    assert found == TableDiff(
        (3, 3), (3, 3), matched="key", key=("id",), rows_added=1, rows_removed=1, rows_changed=2,
        changes=(
            ColumnChange("p", 1, 0.5, 0.5, (CellChange(("3",), "0.3", "0.8"),)),
            ColumnChange("t", 1, None, None, (CellChange(("2",), "y", "why"),)),
        ),
    )  # fmt: skip


def test_a_key_that_is_given_may_be_several_columns(folder: Path) -> None:
    before, after = "day,id,v\n1,1,a\n1,2,b\n2,1,c\n", "day,id,v\n2,1,c\n1,1,a\n1,2,B\n"
    found = compared(folder, before, after, key=("day", "id"))
    assert found is not None
    assert (found.key, found.rows_changed) == (("day", "id"), 1)
    assert found.changes[0].examples == (CellChange(("1", "2"), "b", "B"),)


def test_without_a_key_rows_are_told_apart_by_their_place_where_that_explains_all(folder: Path) -> None:
    found = compared(folder, "p,t\n0.1,x\n0.2,x\n0.2,x\n", "p,t\n0.1,x\n0.9,x\n0.2,x\n")
    assert found is not None
    assert (found.matched, found.rows_changed) == ("position", 1)
    assert found.changes[0].examples == (CellChange(("2",), "0.2", "0.9"),)


def test_rows_in_another_order_are_the_same_rows(folder: Path) -> None:
    found = compared(folder, "p,t\n0.1,x\n0.2,x\n0.2,x\n", "p,t\n0.2,x\n0.2,x\n0.1,x\n")
    assert found == TableDiff((3, 3), (2, 2), matched="content", reordered=True)


def test_rows_without_a_key_are_counted_as_often_as_they_are_there(folder: Path) -> None:
    found = compared(folder, "a,b\n1,1\n1,1\n2,2\n", "a,b\n1,1\n2,2\n2,2\n2,2\n")
    assert found == TableDiff((3, 4), (2, 2), matched="content", rows_added=2, rows_removed=1)


def test_columns_are_compared_by_name_and_numbers_by_value(folder: Path) -> None:
    found = compared(folder, "id,a,b\n1,2,x\n", "b,a,id,c\nx,2.0,1,new\n")
    assert found == TableDiff(
        (1, 1), (3, 4), ("c",), (), (Retyped("a", "int", "float"),), matched="key", key=("id",)
    )


def test_no_value_and_no_number_are_no_differences_of_numbers(folder: Path) -> None:
    found = compared(folder, "id,v\n1,nan\n2,inf\n3,\n4,1\n", "id,v\n1,nan\n2,1\n3,5\n4,3\n")
    assert found is not None
    (change,) = found.changes
    assert (change.cells, change.largest, change.mean) == (3, 2.0, 2.0)


def test_other_bytes_may_be_the_same_table(folder: Path) -> None:
    found = compared(folder, "p,t\n0.1,x\n", 'p,t\r\n0.10,"x"\r\n')
    assert found is not None
    assert found.same


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.jsonl", "t.parquet"])
def test_every_format_tells_the_same(folder: Path, name: str) -> None:
    def written(rows: list[dict[str, object]]) -> bytes:
        if name.endswith("parquet"):
            return parquet(folder / "made.parquet", rows)
        if name.endswith("jsonl"):
            return "".join(json.dumps(row) + "\n" for row in rows).encode()
        mark = "\t" if name.endswith("tsv") else ","
        text = "".join(mark.join(map(str, row)) + "\n" for row in [rows[0], *(row.values() for row in rows)])
        return gzip.compress(text.encode()) if name.endswith("gz") else text.encode()

    before: list[dict[str, object]] = [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
    found = compared(folder, written(before), written([*before[:1], {"id": 2, "v": "c"}]), name)
    assert found is not None
    assert found.changes == (ColumnChange("v", 1, None, None, (CellChange(("2",), "b", "c"),)),)


def parquet(place: Path, rows: list[dict[str, object]]) -> bytes:
    import duckdb

    values = ", ".join(f"({row['id']}, '{row['v']}')" for row in rows)
    duckdb.execute(f"COPY (SELECT * FROM (VALUES {values}) AS t(id, v)) TO '{quoted(place)}'")
    return place.read_bytes()


def quoted(place: Path) -> str:
    return str(place).replace("'", "''")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"\xff\xfe\x00\x01" * 9),
        ("t.csv", "a\né\n".encode("latin-1")),
        ("t.jsonl", b'{"a": 1}\n{"a":'),
        ("t.parquet", b"PAR1 and no more"),
        ("t.csv.gz", b"no gzip"),
    ],
)
def test_what_is_no_table_is_compared_by_its_bytes(folder: Path, name: str, content: bytes) -> None:
    sound = b'{"a": 2}\n' if name.endswith("jsonl") else b"a\n1\n"
    assert compared(folder, content, sound, name) is None


def test_a_late_row_of_another_type_and_a_short_row_are_read_all_the_same(folder: Path) -> None:
    many = "a,b\n" + "1,2\n" * 30_000
    found = compared(folder, many, f"{many}x\n")
    assert found is not None
    assert (found.rows, found.retyped) == ((30_000, 30_001), (Retyped("a", "int", "text"),))


def test_names_of_columns_are_never_part_of_a_query(folder: Path) -> None:
    names = ['"; DROP TABLE a; --', "c0", "n", "row_", "A", "a", "é\x00", "' OR 1=1"]
    head = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    found = compared(folder, f"{head}\n1,2,3,4,5,6,7,8\n", f"{head}\n1,2,3,4,5,6,7,9\n")
    assert found is not None
    assert [change.name for change in found.changes] == ["' OR 1=1"]


def test_other_delimiters_are_found(folder: Path) -> None:
    found = compared(folder, "id;v\n1;2,5\n2;3\n", "id;v\n1;2,5\n2;4\n")
    assert found is not None
    assert clause(found) == "2 rows, 1 changed by id"


VALUES = st.dictionaries(st.integers(0, 9), st.sampled_from([1, 2, 3]), min_size=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, VALUES)
def test_rows_of_a_key_are_counted_as_in_a_dictionary(
    folder: Path, before: dict[int, int], after: dict[int, int]
) -> None:
    old, new = (
        "id,v\n" + "".join(f"{id_},{value}\n" for id_, value in each.items()) for each in (before, after)
    )
    found = compared(folder, old, new, key=("id",))
    assert found is not None
    assert found.rows_added == len(after.keys() - before.keys())
    assert found.rows_removed == len(before.keys() - after.keys())
    assert found.rows_changed == sum(before[id_] != after[id_] for id_ in before.keys() & after.keys())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1), st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.csv.gz"]))
def test_any_bytes_are_a_table_or_none(folder: Path, content: bytes, name: str) -> None:
    found = compared(folder, content, content, name)
    assert found is None or found.same or found.matched == "nothing"


@pytest.mark.slow
def test_a_million_rows_with_every_one_changed(folder: Path) -> None:
    rows = random.Random(1)
    values = [rows.random() for _ in range(1_000_000)]
    before, after = (
        "id,p\n" + "".join(f"{i},{value + more}\n" for i, value in enumerate(values)) for more in (0, 1)
    )
    found = compared(folder, before, after)
    assert found is not None
    assert found.rows_changed == 1_000_000
    assert found.changes[0].mean == pytest.approx(1)
