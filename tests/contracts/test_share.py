"""Projects that share results: pushed, pulled, and taken over by a run."""

import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

import outdo
from outdo.app.project import Project, open_project
from outdo.app.run import Options
from outdo.app.share import Asked, Shared, fetch, pull, push
from outdo.core.errors import NoRemote, NotInRemote, NotInStore, RemoteFailed
from outdo.core.model import Entry, StageName
from outdo.store.travel import Moved
from tests.contracts.web import Folder, Quiet, web_server

STAGES = """
stages:
  make: {cmd: "mkdir d; cp in.txt d/a; echo b > d/b", deps: [in.txt], outs: [d]}
  count: {cmd: "wc -c < d/a > n.txt", deps: [d], outs: [n.txt]}
"""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address at which the folder `team` can be read."""
    with web_server(partial(Folder, directory=str(tmp_path / "team"))) as address:
        yield address


def clone(root: Path, remotes: str = "{team: ../team}", stages: str = STAGES, text: str = "hello") -> Project:
    root.mkdir()
    (root / "outdo.yaml").write_text(f"remotes: {remotes}\n{stages}")
    (root / "in.txt").write_text(text)
    return open_project(str(root))


def run(project: Project, **options: object) -> outdo.Finished:
    chosen = Options(**options)  # type: ignore[arg-type]
    return outdo.load(project.root).run(options=chosen)


def sent(project: Project, asked: Asked = Asked()) -> Shared:  # noqa: B008  a frozen value
    return push(open_project(project.root), asked, lambda _: None)


def statuses(done: outdo.Finished) -> list[str]:
    return [stage.status for stage in done.stages.values()]


@pytest.fixture
def mine(tmp_path: Path) -> Project:
    made = clone(tmp_path / "mine")
    run(made)
    return made


def test_a_run_takes_over_what_was_pushed_without_a_lock(mine: Project, tmp_path: Path) -> None:
    sent(mine)
    yours = clone(tmp_path / "yours")
    assert statuses(run(yours)) == ["restored", "restored"]
    assert Path(yours.root, "n.txt").read_text() == "5\n"


def test_a_stage_that_is_forced_or_not_to_be_looked_up_runs(mine: Project, tmp_path: Path) -> None:
    sent(mine)
    assert statuses(run(clone(tmp_path / "one"), remote=False)) == ["ran", "ran"]
    assert statuses(run(clone(tmp_path / "two", "{team: {url: ../team, look_up: false}}"))) == ["ran", "ran"]


def test_a_remote_that_fails_is_told_once_and_the_run_goes_on(tmp_path: Path) -> None:
    away = clone(
        tmp_path / "away", "{team: {url: 's3://b/p', endpoint: 'http://127.0.0.1:9', anonymous: true}}"
    )
    done = run(away)
    assert statuses(done) == ["ran", "ran"]
    assert [w for w in done.warnings if "not asked again" in w] == list(done.warnings)
    assert len(done.warnings) == 1


def test_a_damaged_object_at_the_remote_makes_the_stage_run(mine: Project, tmp_path: Path) -> None:
    sent(mine)
    for file in (tmp_path / "team" / "objects").rglob("*"):
        if file.is_file() and file.read_bytes() == b"b\n":
            file.chmod(0o644)
            file.write_bytes(b"x\n")
    assert statuses(run(clone(tmp_path / "yours"))) == ["ran", "restored"]


def test_only_the_targets_travel(mine: Project) -> None:
    assert sent(mine, Asked(("n.txt",))).moved == {"team": Moved(1, 2, 1)}
    assert sent(mine).moved == {"team": Moved(3, sent_size(mine), 1, 1)}


def entry(project: Project, stage: str, path: str) -> Entry:
    """What the lock says of an output."""
    return open_project(project.root).lock.records[StageName(stage)].outs[path]


def sent_size(project: Project) -> int:
    """Bytes of the folder's files and its tree."""
    tree = project.objects.get(entry(project, "make", "d").digest)
    return len("hello") + len("b\n") + len(tree)


def test_outputs_go_where_they_say_or_nowhere(tmp_path: Path) -> None:
    stages = """
stages:
  a: {cmd: "echo a > a; echo b > b; echo c > c", outs: [a, {b: {remote: other}}, {c: {push: false}}]}
"""
    mine = clone(tmp_path / "mine", "{team: ../team, other: ../other}", stages)
    run(mine)
    assert sent(mine).moved == {"team": Moved(1, 2), "other": Moved(1, 2)}


def test_runs_carries_what_no_lock_names_any_more(mine: Project, tmp_path: Path) -> None:
    Path(mine.root, "in.txt").write_text("changed")
    run(mine)
    assert sent(mine, Asked(runs=True)).moved["team"].results == 4
    yours = clone(tmp_path / "yours")
    fetched = fetch(yours, Asked(runs=True), lambda _: None)
    assert fetched.moved["team"].results == 4
    assert statuses(run(yours, remote=False)) == ["restored", "restored"]


def test_an_http_server_gives_and_takes_nothing(mine: Project, tmp_path: Path, web: str) -> None:
    sent(mine)
    yours = clone(tmp_path / "yours", f"{{web: '{web}'}}")
    assert statuses(run(yours)) == ["restored", "restored"]
    with pytest.raises(RemoteFailed, match="can only be read"):
        sent(yours)


def test_what_the_remote_lacks_is_named(mine: Project, tmp_path: Path) -> None:
    sent(mine, Asked(("n.txt",)))
    yours = clone(tmp_path / "yours")
    Path(yours.root, "outdo.lock").write_bytes(Path(mine.root, "outdo.lock").read_bytes())
    with pytest.raises(NotInRemote, match="'d'"):
        pull(open_project(yours.root), Asked(), lambda _: None)
    assert yours.objects.has(entry(yours, "count", "n.txt").digest)


def test_what_is_nowhere_can_not_be_pushed(mine: Project) -> None:
    Path(mine.objects.place(entry(mine, "count", "n.txt").digest)).unlink()
    with pytest.raises(NotInStore, match=r"'n\.txt'"):
        sent(mine)


def test_no_remote_is_a_mistake_that_names_the_fix(tmp_path: Path) -> None:
    alone = clone(tmp_path / "alone", "{}")
    with pytest.raises(NoRemote, match="no remote is declared"):
        sent(alone)
    with pytest.raises(NoRemote, match="no remote is named 'taem'"):
        sent(clone(tmp_path / "mine"), Asked(remote="taem"))
    assert sent(alone, Asked(remote="../elsewhere")).moved == {"../elsewhere": Moved()}


class Slow(Quiet, SimpleHTTPRequestHandler):
    """A remote that answers late; it notes when it was asked for results."""

    asked: ClassVar[list[float]] = []

    def do_GET(self) -> None:
        if "/results/" in self.path:
            self.asked.append(time.monotonic())
            time.sleep(0.6)
        super().do_GET()


def test_while_a_stage_is_looked_up_others_have_the_machine(tmp_path: Path) -> None:
    """Four stages that want the whole machine, four look-ups of 0.6 s: they are made side by side, before a share
    is taken, so all of it takes little longer than one."""
    (tmp_path / "team").mkdir()
    stages = "stages:\n" + "".join(
        f"  s{n}: {{cmd: touch o{n}, outs: [o{n}], resources: {{cpu: 1000}}}}\n" for n in range(4)
    )
    with web_server(partial(Slow, directory=str(tmp_path / "team"))) as address:
        assert statuses(run(clone(tmp_path / "one", f"{{team: '{address}'}}", stages))) == ["ran"] * 4
    assert len(Slow.asked) == 4
    assert max(Slow.asked) - min(Slow.asked) < 0.5
