"""Tracked data that is checked out, pushed and pulled: nothing is lost, and no more travels than was asked for."""

import shutil
from pathlib import Path

import pytest

from outdo.app.data.add import Asked as Said
from outdo.app.data.add import add
from outdo.app.data.checkout import CheckedOut, checkout
from outdo.app.data.place import refuse_strays
from outdo.app.data.share import Asked, Pulled, fetch, pull, push
from outdo.app.data.tracking import Tracking
from outdo.app.project import open_project
from outdo.core.errors import (
    BadPath,
    CantTrack,
    NotInRemote,
    NotInStore,
    NotTracked,
    UserError,
    WouldOverwrite,
)
from outdo.store.travel import Moved

FILE = "remotes: {team: ../team, other: ../other}\nstages: {n: {cmd: 'wc -l < raw/a > n', deps: [raw], outs: [n]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a tracked folder of three files and a tracked file, all of it in place."""
    root = tmp_path / "mine"
    (root / "raw" / "sub").mkdir(parents=True)
    (root / "outdo.yaml").write_text(FILE)
    for name, text in {"raw/a": "1", "raw/sub/b": "22", "raw/sub/c": "333", "one": "4444"}.items():
        (root / name).write_text(text)
    add(open_project(str(root)), ["raw", "one"])
    return root


def clone(root: Path) -> Path:
    """The same pointers elsewhere, and nothing of the data."""
    other = root.parent / "yours"
    other.mkdir()
    for file in ("outdo.yaml", "raw.outdo", "one.outdo"):
        shutil.copy(root / file, other)
    return other


def tracking(root: Path) -> Tracking:
    return Tracking(open_project(str(root)))


def pushed(root: Path, *targets: str, remote: str = "") -> dict[str, Moved]:
    return dict(push(tracking(root), Asked(targets, remote), lambda _: None))


def pulled(root: Path, *targets: str, force: bool = False) -> Pulled:
    return pull(tracking(root), Asked(targets), lambda _: None, force=force)


def checked_out(root: Path, *targets: str, force: bool = False) -> CheckedOut:
    return checkout(open_project(str(root)), targets, force=force)


def files(root: Path) -> dict[str, str]:
    """The data in place, by path."""
    found = [
        file for top in ("raw", "one") for file in [root / top, *(root / top).rglob("*")] if file.is_file()
    ]
    return {str(file.relative_to(root)): file.read_text() for file in found}


def refused(root: Path, kind: type[UserError], *targets: str) -> str:
    """Why a checkout is refused, which touches nothing."""
    before = files(root)
    with pytest.raises(kind) as told:
        checked_out(root, *targets)
    assert files(root) == before
    return told.value.what


WHOLE = {"raw/a": "1", "raw/sub/b": "22", "raw/sub/c": "333", "one": "4444"}

# Checkout.


def test_what_was_deleted_comes_back(root: Path) -> None:
    shutil.rmtree(root / "raw")
    (root / "one").unlink()
    assert [one.kind for one in checked_out(root).placed] == ["added", "added"]
    assert files(root) == WHOLE


def test_only_the_part_that_is_named_comes_back(root: Path) -> None:
    shutil.rmtree(root / "raw")
    checked_out(root, "raw/sub/b")
    assert files(root) == {"raw/sub/b": "22", "one": "4444"}
    checked_out(root, "raw/sub")
    assert files(root) == {name: text for name, text in WHOLE.items() if name != "raw/a"}


def test_a_part_that_the_folder_does_not_have_is_said(root: Path) -> None:
    assert "has no 'sub/x'" in refused(root, NotTracked, "raw/sub/x")


def test_it_tells_how_many_files_of_a_folder_differed(root: Path) -> None:
    (root / "raw" / "a").unlink()
    (root / "raw" / "sub" / "b").write_text("1")
    (one,) = checked_out(root, "raw").placed
    assert (one.kind, dict(one.files)) == ("modified", {"added": 1, "changed": 1})


@pytest.mark.parametrize("name", ["one", "raw/a", "raw/new"])
def test_what_is_kept_nowhere_is_not_overwritten(root: Path, name: str) -> None:
    (root / name).write_text("edited")
    (root / "raw" / "sub" / "c").unlink()
    assert f"'{name}' would be overwritten" in refused(root, WouldOverwrite)
    checked_out(root, force=True)
    assert files(root) == WHOLE


def test_a_folder_where_a_file_was_is_not_removed(root: Path) -> None:
    (root / "one").unlink()
    (root / "one").mkdir()
    (root / "one" / "x").write_text("mine")
    assert "'one/x'" in refused(root, WouldOverwrite)


def test_a_file_where_the_folder_above_should_be_is_not_removed(root: Path) -> None:
    other = root.parent / "yours"
    (other / "deep").mkdir(parents=True)
    shutil.copy(root / "outdo.yaml", other)
    (other / "deep" / "x").write_text("x")
    add(open_project(str(other)), ["deep/x"])
    found = tracking(other).all["deep/x"]
    shutil.rmtree(other / "deep")
    (other / "deep").write_text("mine")
    with pytest.raises(CantTrack, match="'deep' is a file"):
        refuse_strays(str(other), [found.path])


def test_a_link_that_leads_out_is_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (root / "out").symlink_to(tmp_path / "away")
    shutil.copy(root / "one.outdo", tmp_path / "away" / "x.outdo")
    assert "leads out of the project" in refused(root, BadPath, "out/x")
    assert not (tmp_path / "away" / "x").exists()


def test_links_in_a_ring_cost_one_message(root: Path) -> None:
    (root / "one").unlink()
    (root / "one").symlink_to("one")
    with pytest.raises(UserError):
        checked_out(root)
    assert files(root) == {name: text for name, text in WHOLE.items() if name != "one"}


def test_what_the_store_lacks_is_named_and_the_rest_is_in_place(root: Path) -> None:
    other = clone(root)
    shutil.copytree(root / ".outdo" / "objects", other / ".outdo" / "objects")
    digest = tracking(root).all["one"].entry
    assert digest
    (other / ".outdo" / "objects" / digest.digest[:2] / digest.digest[2:]).unlink()
    with pytest.raises(NotInStore, match="'one'"):
        checked_out(other)
    assert files(other) == {name: text for name, text in WHOLE.items() if name != "one"}


def test_one_damaged_pointer_and_nothing_is_touched(root: Path) -> None:
    shutil.rmtree(root / "raw")
    (root / "one.outdo").write_text("outdo: 1\ndigest: blake3:00\nsize: 3\n")
    assert "64 hex digits" in refused(root, UserError)


# Sharing.


def test_what_one_pushes_another_pulls(root: Path) -> None:
    assert pushed(root)["team"].objects == 5
    other = clone(root)
    assert pulled(other).moved["team"].objects == 5
    assert files(other) == WHOLE


def test_one_file_of_a_folder_costs_that_file_and_the_way_to_it(root: Path) -> None:
    pushed(root)
    other = clone(root)
    pulled(other, "raw/sub/b")
    assert files(other) == {"raw/sub/b": "22"}
    assert sum(file.is_file() for file in (other / ".outdo" / "objects").rglob("*")) == 2


def test_pushed_again_nothing_travels(root: Path) -> None:
    pushed(root)
    assert pushed(root)["team"] == Moved(there=5)


def test_pointers_say_where_to_and_whether(root: Path) -> None:
    add(open_project(str(root)), ["one"], Said(remote="other"))
    add(open_project(str(root)), ["raw"], Said(push=False))
    assert set(pushed(root)) == {"other"}


def test_a_pull_overwrites_nothing_that_is_kept_nowhere(root: Path) -> None:
    pushed(root)
    other = clone(root)
    (other / "one").write_text("mine")
    with pytest.raises(WouldOverwrite):
        pulled(other)
    assert files(other) == {"one": "mine"}
    assert not (other / ".outdo" / "objects").exists()
    pulled(other, force=True)
    assert files(other) == WHOLE


def test_what_the_remote_lacks_is_named(root: Path) -> None:
    pushed(root, "raw")
    other = clone(root)
    with pytest.raises(NotInRemote, match="'one'"):
        fetch(tracking(other), Asked(), lambda _: None)
    assert open_project(str(other)).objects.has(tracking(root).all["raw"].entry.digest)  # type: ignore[union-attr]


def test_what_is_lost_everywhere_can_not_be_pushed(root: Path) -> None:
    shutil.rmtree(root / ".outdo" / "objects")
    with pytest.raises(NotInStore, match="'one', 'raw'"):
        pushed(root)


def test_a_damaged_object_at_the_remote_is_not_put_in_place(root: Path, tmp_path: Path) -> None:
    pushed(root)
    for file in (tmp_path / "team").rglob("*"):
        if file.is_file() and file.read_bytes() == b"22":
            file.chmod(0o644)
            file.write_bytes(b"xx")
    other = clone(root)
    with pytest.raises(NotInRemote, match="'raw'"):
        pulled(other)
    assert not (other / "raw").exists()
