"""Names that a disk takes for one."""

from hypothesis import given
from hypothesis import strategies as st

from outdo.core.clashes import Disk, clash

MAC = Disk(case=True, form=True)
WINDOWS = Disk(case=True)
LINUX = Disk()
ONE_SIGN, TWO_SIGNS = "caf\u00e9", "cafe\u0301"
NAMES = st.lists(st.lists(st.text("aA\u00e9\u00c9e\u0301", min_size=1, max_size=3), min_size=1).map("/".join))


def test_names_that_differ_in_case() -> None:
    assert clash(["x", "a", "A"], WINDOWS) == ("a", "A")
    assert clash(["x", "a", "A"], LINUX) is None


def test_names_that_differ_in_how_unicode_writes_them() -> None:
    assert clash([ONE_SIGN, TWO_SIGNS], MAC) == (ONE_SIGN, TWO_SIGNS)
    assert clash([ONE_SIGN, TWO_SIGNS], WINDOWS) is None


def test_names_that_differ_in_both() -> None:
    assert clash([ONE_SIGN, TWO_SIGNS.upper()], MAC) == (ONE_SIGN, TWO_SIGNS.upper())


def test_folders_that_would_be_one() -> None:
    assert clash(["Raw/a", "raw/b"], WINDOWS) == ("Raw", "raw")
    assert clash(["raw/a", "raw/b", "raw"], WINDOWS) is None


def test_a_file_and_a_folder() -> None:
    assert clash(["data", "Data/a"], WINDOWS) == ("data", "Data")


@given(NAMES)
def test_there_is_a_clash_where_the_disk_would_hold_fewer_names(names: list[str]) -> None:
    whole = {"/".join(name.split("/")[:end]) for name in names for end in range(1, name.count("/") + 2)}
    assert (clash(names, MAC) is None) == (len({MAC.name(name) for name in whole}) == len(whole))


def test_many_files_are_looked_through_in_seconds() -> None:
    assert clash((f"{number % 1000}/{number}" for number in range(100_000)), MAC) is None
