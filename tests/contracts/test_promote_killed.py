"""A promotion that is killed at any moment has moved the alias, told the trail and noted what was signed; or nothing of
these. Of several at once, one wins."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import Struct, json

from outdo.app import keys
from outdo.app.accounts import Home
from outdo.app.models import version
from outdo.app.trail import entries, verify
from outdo.app.verify import verify as verify_attestation
from outdo.core.attestation import TAG
from outdo.core.errors import NotAttested
from outdo.store.tracking.trail import Wanted
from tests.contracts.promoting import build, judge

pytestmark = pytest.mark.slow

POINTS = 24
"""Moments at which a promotion is killed."""

# Runs in a process of its own, as it forks: each child kills itself at the call of a function that its turn has.
KILLED = """
import os, signal, sys
from outdo.app import keys
from outdo.app.models import version
from outdo.app.project import open_project
from outdo.app.promote import plan, promote

root, points = sys.argv[1], int(sys.argv[2])
signer = keys.signer(".", "ana", lambda _: "")

def child(last):
    project = open_project(root)
    here = version(root, "delay/1").aliases
    made = plan(project, "delay/2" if "staging" in here else "delay/1", "staging")
    calls = 0
    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(count)
    promote(project, made, "ana", signer=signer)
    sys.setprofile(None)
    with open(os.path.join(root, "calls"), "w") as file:
        file.write(str(calls))

for point in range(points + 1):
    total = int(open(os.path.join(root, "calls")).read()) if point else 0
    pid = os.fork()
    if not pid:
        child(total * point // points if point else -1)
        os._exit(0)
    os.waitpid(pid, 0)
    print(point, flush=True)
    sys.stdin.readline()
"""


class Said(Struct):
    after: dict[str, str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTDO_KEYS", str(tmp_path / "keys"))
    root = build(tmp_path / "project")
    keys.new_key("ana", "ed25519", "")
    keys.trust(str(root), "ana", "")
    for word in ("delay/1", "delay/2"):
        judge(root, word)
    return root


def promotions(root: Path) -> list[tuple[str, dict[str, str]]]:
    """What the trail tells, the newest first: the version, and what it said of it."""
    found = entries(Home(str(root / ".outdo")), Wanted(action="model-versions/promote"))
    return [
        (entry.thing.removeprefix("version:"), json.decode(entry.detail, type=Said).after)
        for _, entry in found
    ]


def check(root: Path) -> int:
    """Alias, trail and attestations say the same; returns how many promotions there were."""
    told = promotions(root)
    for word in ("delay/1", "delay/2"):
        last = next((after for name, after in told if name == word), None)
        found = version(str(root), word)
        assert found.tags.get(TAG) == (last["attestation"] if last else None)
        assert (found.aliases == ("staging",)) == (bool(told) and told[0][0] == word)
        if last is None:
            with pytest.raises(NotAttested):
                verify_attestation(str(root), word)
        else:
            count = sum(name == word for name, _ in told)
            assert len(verify_attestation(str(root), word).promotions) == count
    assert not verify(Home(str(root / ".outdo"))).breaks
    return len(told)


def test_a_promotion_that_is_killed_at_any_moment_is_whole_or_not_there(root: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(root), str(POINTS)]
    counts = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        for _ in process.stdout:
            counts.append(check(root))
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0
    assert len(counts) == POINTS + 1
    steps = [after - before for before, after in pairwise(counts)]
    assert set(steps) == {0, 1}, "no kill came before the end, or none after it"


def test_of_promotions_at_once_by_several_processes_one_wins_and_the_others_are_told(root: Path) -> None:
    words = [str(Path(sys.executable).parent / "outdo"), "promote", "--to", "champion"]
    racing = [
        subprocess.Popen([*words, f"delay/{1 + number % 2}"], cwd=root, stdout=-1, stderr=-2, text=True)
        for number in range(4)
    ]
    said = [one.communicate(timeout=60)[0] for one in racing]
    [winner] = {name for name, _ in promotions(root)}
    assert len(promotions(root)) == 1
    assert version(str(root), "delay@champion").name == winner
    for one, text in zip(racing, said, strict=True):
        if one.returncode:
            assert "is the champion now" in text or "when this began: nothing was changed" in text
        else:
            assert f"{winner} is the champion" in text
