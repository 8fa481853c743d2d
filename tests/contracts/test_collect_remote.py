"""What nobody needs is removed from a remote: in a folder, and on a real server of S3."""

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from outdo.app.collect import Asked
from outdo.app.collect_remote import Collection, There
from outdo.app.remotes import find_remote, reach, transfer_to
from outdo.core.errors import NoRemote, NotInStore, RemoteFailed, SharedStore
from outdo.core.model import Entry
from outdo.store import pushes
from outdo.store.collect import Waste
from outdo.store.travel import object_name
from outdo.store.trees import Item, build_tree, tree_of
from tests.contracts.s3 import BUCKET, SECRETS, WEED, Server, s3_server
from tests.contracts.test_collect import World

ALL_IS_OLD = There("team", -1)
"""Two days from now: all that is there is old, but the notes of pushes are not."""
LATER = 30 * 86400.0
ROUNDS = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(
    params=[
        "folder",
        pytest.param("s3", marks=[pytest.mark.slow, pytest.mark.skipif(WEED is None, reason="no server")]),
    ]
)
def team(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A remote, as the file has it."""
    if request.param == "folder":
        return str(tmp_path / "team")
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    port = request.getfixturevalue("server").port
    return f"{{url: 's3://{BUCKET}/{tmp_path.name}', endpoint: 'http://127.0.0.1:{port}'}}"


@pytest.fixture
def world(tmp_path: Path, team: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project with a first commit."""
    monkeypatch.delenv("OUTDO_STORE", raising=False)
    return made(tmp_path / "world", team)


def made(root: Path, team: str) -> World:
    world = World(root)
    (root / "outdo.yaml").write_text(f"project: {root.name}\nremotes: {{team: {team}}}\nstages: {{}}\n")
    (root / ".gitignore").write_text(".outdo\n")
    world.commit()
    return world


def sent(world: World, *entries: Entry) -> None:
    project = world.project
    transfer_to(project, find_remote(project, "team"), lambda _: None).send(entries)


def there(world: World, *entries: Entry) -> list[bool]:
    project = world.project
    names = reach(project, find_remote(project, "team")).lying("objects")
    return [object_name(entry.digest) in names for entry in entries]


def collected(world: World, at: There = ALL_IS_OLD, after: float = LATER, *forget: str) -> Waste:
    found = Collection(world.project, Asked(forget=forget), at, time.time() + after)
    return found.carry_out()


# ---------------------------------------------------------------- what goes, and what stays


def test_what_nothing_names_goes(world: World) -> None:
    needed, former, needless = (world.keep(text) for text in ("needed", "former", "needless"))
    world.point("former", former)
    world.commit()
    (world.root / "former.outdo").unlink()
    world.point("needed", needed)
    sent(world, needed, former, needless)
    assert collected(world).objects == {needless.digest: 8}
    assert there(world, needed, former, needless) == [True, True, False]
    assert world.holds(needless)


def test_a_folder_stays_whole_though_this_store_has_lost_it(world: World) -> None:
    project = world.project
    digests = {str(n): project.objects.put_bytes(bytes([n])) for n in range(5)}
    items = [Item(name, "file", digest, 1) for name, digest in digests.items()]
    entry = build_tree(tree_of(items), project.objects.put_bytes)
    sent(world, entry)
    world.point("raw", entry)
    subprocess.run(["rm", "-r", str(world.root / ".outdo" / "objects")], check=True)
    assert collected(world) == Waste(kept=6)


def test_what_is_young_stays(world: World) -> None:
    needless = world.keep("needless")
    sent(world, needless)
    assert collected(world, There("team", 1), 0.9 * pushes.DAY).objects == {}
    assert there(world, needless) == [True]


def test_what_a_push_relies_on_stays_however_old_it_is(world: World) -> None:
    old, needless = world.keep("old"), world.keep("needless")
    sent(world, old, needless)
    shelf = reach(world.project, find_remote(world.project, "team"))
    shelf.remove(list(shelf.lying("pushes")))
    sent(world, old)
    assert list(collected(world, ALL_IS_OLD, 0).objects) == [needless.digest]
    assert there(world, old) == [True]


def test_what_is_pushed_after_it_was_shown_stays(world: World) -> None:
    old, needless = world.keep("old"), world.keep("needless")
    sent(world, old, needless)
    shelf = reach(world.project, find_remote(world.project, "team"))
    shelf.remove(list(shelf.lying("pushes")))
    found = Collection(world.project, Asked(), ALL_IS_OLD)
    assert set(found.survey.waste.objects) == {old.digest, needless.digest}
    sent(world, old)
    assert list(found.carry_out().objects) == [needless.digest]


def test_a_large_file_goes_with_its_chunks_and_stays_with_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTDO_CHUNKS", "1MB")
    chance = random.Random(1)
    needed, needless = (world.keep(chance.randbytes(2 << 20).hex()) for _ in range(2))
    sent(world, needed, needless)
    world.point("needed", needed)
    waste = collected(world)
    assert waste.recipes == (needless.digest,)
    assert waste.size == needless.size
    subprocess.run(["rm", "-r", str(world.root / ".outdo")], check=True)
    project = world.project
    fetched = transfer_to(project, find_remote(project, "team"), lambda _: None).fetch([needed])
    assert fetched.missing == ()


# ---------------------------------------------------------------- what is refused


def test_a_project_beside_this_one_is_never_forgotten_unasked(
    world: World, team: str, tmp_path: Path
) -> None:
    other = made(tmp_path / "other", team)
    theirs = other.keep("theirs")
    sent(other, theirs)
    with pytest.raises(SharedStore, match="the project 'other'"):
        collected(world)
    assert there(world, theirs) == [True]
    assert list(collected(world, ALL_IS_OLD, LATER, "other").objects) == [theirs.digest]
    assert collected(world).objects == {}


def test_a_clone_in_another_folder_is_the_same_project(world: World, tmp_path: Path) -> None:
    needless = world.keep("needless")
    sent(world, needless)
    subprocess.run(["git", "clone", "-q", str(world.root), str(tmp_path / "clone")], check=True)
    clone = World.__new__(World)
    clone.root = tmp_path / "clone"
    assert list(collected(clone).objects) == [needless.digest]


def test_a_clone_that_lacks_commits_may_not_judge(world: World, tmp_path: Path) -> None:
    world.commit()
    words = ["git", "clone", "-q", "--depth", "1", f"file://{world.root}", str(tmp_path / "clone")]
    subprocess.run(words, check=True)
    clone = World.__new__(World)
    clone.root = tmp_path / "clone"
    with pytest.raises(NotInStore, match="shallow clone"):
        collected(clone)


def test_where_nothing_can_be_collected(world: World, tmp_path: Path) -> None:
    with pytest.raises(NoRemote):
        collected(world, There("tem"))
    with pytest.raises(RemoteFailed, match="can only be read"):
        collected(world, There("https://example.org/x"))
    (world.root / ".dvc").mkdir()
    (world.root / "outdo.yaml").rename(world.root / "dvc.yaml")
    with pytest.raises(RemoteFailed, match="DVC"):
        collected(world)
