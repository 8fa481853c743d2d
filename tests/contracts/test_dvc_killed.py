"""Commands on the data of a DVC repository, killed at any moment: what is there is whole, and the next one ends it."""

import random
import shutil
import signal
import subprocess
import time
from hashlib import md5
from pathlib import Path

import pytest

from outdo.integrations.dvc import listing
from outdo.integrations.dvc.pointers import read_pointer
from tests.contracts.real_dvc import (
    OUTDO,
    commit,
    contents,
    dvc,
    environment,
    git,
    init,
    is_up_to_date,
    outdo,
    take_away,
    write,
)

pytestmark = pytest.mark.slow

TIMES = 50
FILES = {f"big/{number}": f"{number}\n" * 50 for number in range(200)}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with data that nobody tracks, and a remote."""
    repo = init(tmp_path_factory.mktemp("fresh") / "mine")
    dvc(repo, "remote", "add", "-q", "-d", "lab", "../lab")
    write(repo, FILES)
    return repo


@pytest.fixture
def repo(fresh: Path, tmp_path: Path) -> Path:
    shutil.copytree(fresh, tmp_path / "mine", symlinks=True)
    return tmp_path / "mine"


@pytest.fixture
def yours(repo: Path, tmp_path: Path) -> Path:
    """A clone of the repository, whose data is only at the remote."""
    outdo(repo, "data", "add", "big")
    outdo(repo, "data", "push")
    commit(repo)
    git(repo, "clone", "-q", str(repo), str(tmp_path / "yours"))
    return tmp_path / "yours"


def killed(repo: Path, dice: random.Random, longest: float, *words: str) -> bool:
    """Whether a command was killed before it ended."""
    with subprocess.Popen([OUTDO, *words], cwd=repo, env=environment(repo), stdout=-3, stderr=-3) as process:
        try:
            process.wait(dice.uniform(0.05, longest))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
        return False


def sound(place: Path) -> set[str]:
    """The MD5s of what is kept in DVC's layout, all of which is what its name says, and all that it names is there."""
    files = {name.replace("/", ""): content for name, content in contents(place / "files" / "md5").items()}
    files = {name: content for name, content in files.items() if len(name.removesuffix(".dir")) == 32}
    for name, content in files.items():
        assert md5(content).hexdigest() == name.removesuffix(".dir")
        assert not name.endswith(".dir") or set(listing.decode(content).values()) <= set(files)
    return set(files)


def promised(repo: Path) -> dict[str, str]:
    """The MD5s by path of what the pointer names, all of which the cache has whole."""
    (item,) = read_pointer("big.dvc", (repo / "big.dvc").read_text()).outs
    place = repo / ".dvc" / "cache" / "files" / "md5"
    files = listing.decode((place / item.md5[:2] / item.md5[2:]).read_bytes())
    for name in files.values():
        assert md5((place / name[:2] / name[2:]).read_bytes()).hexdigest() == name
    return files


def long(repo: Path, *words: str) -> float:
    start = time.monotonic()
    outdo(repo, *words)
    return time.monotonic() - start


def test_an_add_that_is_killed_leaves_the_old_pointer_or_the_new_one(repo: Path) -> None:
    longest = long(repo, "data", "add", "big")
    dice, count, turn = random.Random(1), 0, 0
    while count < TIMES:
        turn += 1
        old = promised(repo)
        write(repo, {f"big/{number}": f"{turn} {number}" for number in range(0, 200, 7)})
        count += killed(repo, dice, longest, "data", "add", "big")
        new = {name: md5(content).hexdigest() for name, content in contents(repo / "big").items()}
        assert len(new) == len(FILES)
        assert promised(repo) in (old, new)
    outdo(repo, "data", "add", "big")
    assert "in cache" not in dvc(repo, "data", "status")
    assert not [name for name in contents(repo / ".dvc" / "cache") if "tmp" in name]


def test_a_checkout_that_is_killed_leaves_only_whole_files(repo: Path) -> None:
    outdo(repo, "data", "add", "big")
    take_away(repo, "big")
    longest = long(repo, "data", "checkout")
    dice, count, turn, files = random.Random(2), 0, 0, promised(repo)
    while count < TIMES:
        turn += 1
        take_away(repo, *(f"big/{number}" for number in range(turn, 200, 3)))
        count += killed(repo, dice, longest, "data", "checkout")
        there = {name: md5(content).hexdigest() for name, content in contents(repo / "big").items()}
        assert there.items() <= files.items()
    outdo(repo, "data", "checkout")
    commit(repo)
    assert is_up_to_date(repo)


def test_a_push_that_is_killed_leaves_only_what_is_complete(repo: Path, tmp_path: Path) -> None:
    outdo(repo, "data", "add", "big")
    longest = long(repo, "data", "push", "-r", "../other")
    dice, count = random.Random(3), 0
    while count < TIMES:
        count += killed(repo, dice, longest, "data", "push")
        sound(tmp_path / "lab")
        if dice.random() < 0.5:
            shutil.rmtree(tmp_path / "lab", ignore_errors=True)
    outdo(repo, "data", "push")
    assert sound(tmp_path / "lab") == sound(repo / ".dvc" / "cache")
    assert "in sync" in dvc(repo, "status", "-c")


def test_a_pull_that_is_killed_leaves_only_whole_files(yours: Path, repo: Path) -> None:
    longest = long(yours, "data", "pull")
    dice, count, files = random.Random(4), 0, contents(repo / "big").items()
    while count < TIMES:
        if dice.random() < 0.5:
            take_away(yours, "big", ".dvc/cache", ".outdo")
        count += killed(yours, dice, longest, "data", "pull")
        sound(yours / ".dvc" / "cache")
        assert contents(yours / "big").items() <= files
    outdo(yours, "data", "pull")
    assert contents(yours / "big").items() == files
    assert is_up_to_date(yours)
