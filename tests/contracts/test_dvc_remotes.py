"""Remotes of `.dvc/config`: what `outdo push`, `fetch` and `pull` carry there and back, in DVC's own layout."""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

import outdo
from outdo.app.project import open_project
from outdo.app.run import Options
from outdo.app.share import Asked, Shared, fetch, pull, push
from outdo.core.errors import BadRemote, NoRemote, NotInRemote, NotInStore, RemoteFailed, WouldOverwrite
from outdo.integrations.dvc.config import read_settings
from outdo.integrations.dvc.remotes import find, reach
from outdo.store.depot import FolderDepot
from tests.contracts.web import Quiet, web_server

pytestmark = pytest.mark.usefixtures("no_config")

PIPELINE = """
stages:
  make: {cmd: "mkdir d; cp in.txt d/a; echo b > d/b", deps: [in.txt], outs: [d]}
  count:
    cmd: wc -c < d/a > n.txt; echo x > mine.txt; echo y > other.txt
    deps: [d]
    outs: [n.txt, mine.txt: {push: false}, other.txt: {remote: second}]
"""
CONFIG = """[core]
    remote = team
['remote "team"']
    url = ../../team
['remote "second"']
    url = ../../second
"""
KEYS = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
KEYS += KEYS.replace("default", "me")


class Guarded(Quiet, SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers["Authorization"] == "Basic dTpw":
            super().do_GET()
        else:
            self.send_error(401)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address at which the user `u` with the password `p` can read the folder `team`."""
    with web_server(partial(Guarded, directory=str(tmp_path / "team"))) as address:
        yield address


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    root = clone(tmp_path / "mine")
    assert set(run(root)) == {"ran"}
    return root


def clone(root: Path, lock: Path | None = None, config: str = CONFIG) -> Path:
    (root / ".dvc").mkdir(parents=True)
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "in.txt").write_text("hello")
    (root / ".dvc" / "config").write_text(config)
    if lock is not None:
        shutil.copy(lock / "dvc.lock", root / "dvc.lock")
    return root


def run(root: Path, **options: object) -> list[str]:
    chosen = Options(**options)  # type: ignore[arg-type]
    return [stage.status for stage in outdo.load(str(root)).run(options=chosen).stages.values()]


def sent(root: Path, asked: Asked = Asked()) -> Shared:  # noqa: B008  a frozen value
    return push(open_project(str(root)), asked, lambda _: None)


def fetched(root: Path, asked: Asked = Asked()) -> Shared:  # noqa: B008  a frozen value
    return fetch(open_project(str(root)), asked, lambda _: None)


def pulled(root: Path, *, force: bool = False) -> Shared:
    return pull(open_project(str(root)), Asked(), lambda _: None, force=force)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def kept(root: Path) -> set[str]:
    """What is in a project's own cache."""
    return {name for name in names(root / ".dvc" / "cache") if name.startswith("files/")}


def test_a_push_sends_what_is_missing_in_dvcs_layout(mine: Path, tmp_path: Path) -> None:
    moved = sent(mine).moved
    assert {name: one.objects for name, one in moved.items()} == {"team": 4, "second": 1}
    assert set(names(tmp_path / "team") + names(tmp_path / "second")) < kept(mine)
    assert sum(one.objects for one in sent(mine).moved.values()) == 0


def test_an_output_that_is_not_pushed_stays(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    contents = [path.read_text() for path in (tmp_path / "team").rglob("*") if path.is_file()]
    assert "x\n" not in contents
    assert "y\n" not in contents
    assert [(tmp_path / "second" / name).read_text() for name in names(tmp_path / "second")] == ["y\n"]


def test_one_pulls_what_the_other_pushed(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    yours = clone(tmp_path / "yours", mine)
    (yours / "mine.txt").write_text("x\n")
    assert pulled(yours).restored == ("d", "n.txt", "other.txt")
    assert (yours / "d" / "a").read_text() == "hello"
    assert "cached" not in run(yours)
    assert pulled(yours).restored == ()


def test_a_fetch_leaves_the_workspace_as_it_is(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    yours = clone(tmp_path / "yours", mine)
    fetched(yours)
    assert not (yours / "d").exists()
    assert kept(yours) == {name for place in ("team", "second") for name in names(tmp_path / place)}


def test_with_runs_the_run_cache_travels_too(mine: Path, tmp_path: Path) -> None:
    assert sent(mine, Asked(runs=True)).moved["team"].results == 2
    yours = clone(tmp_path / "yours")
    assert fetched(yours, Asked(runs=True)).moved["team"].results == 2
    assert run(yours, remote=False) == ["restored", "restored"]


def test_a_run_asks_the_remote_for_what_it_lacks(mine: Path, tmp_path: Path) -> None:
    sent(mine, Asked(runs=True))
    assert run(clone(tmp_path / "one")) == ["restored", "restored"]
    assert run(clone(tmp_path / "two"), remote=False) == ["ran", "ran"]


def test_a_run_takes_what_the_lock_names_from_the_remote(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    assert run(clone(tmp_path / "yours", mine))[0] == "restored"


def test_what_differs_and_is_nowhere_else_is_not_overwritten(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    yours = clone(tmp_path / "yours", mine)
    (yours / "mine.txt").write_text("x\n")
    (yours / "n.txt").write_text("my own")
    with pytest.raises(WouldOverwrite, match=r"'n\.txt'"):
        pulled(yours)
    assert not (yours / "d").exists()
    pulled(yours, force=True)
    assert (yours / "n.txt").read_text().strip() == "5"


def test_a_listing_is_sent_only_with_all_its_files(mine: Path, tmp_path: Path) -> None:
    part = next(
        path
        for path in (mine / ".dvc/cache/files").rglob("*")
        if path.is_file() and path.read_text() == "b\n"
    )
    part.unlink()
    shutil.rmtree(mine / "d")
    with pytest.raises(NotInStore, match="'d'"):
        sent(mine)
    assert not [name for name in names(tmp_path / "team") if name.endswith(".dir")]


def test_what_is_damaged_there_is_never_taken(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    part = next(
        path for path in (tmp_path / "team").rglob("*") if path.is_file() and path.read_text() == "b\n"
    )
    part.chmod(0o644)
    part.write_text("c\n")
    yours = clone(tmp_path / "yours", mine)
    with pytest.raises(NotInRemote, match="'d'"):
        fetched(yours)
    assert not [name for name in kept(yours) if name.endswith(".dir")]
    assert "c\n" not in [path.read_text() for path in (yours / ".dvc").rglob("*") if path.is_file()]


def test_a_listing_that_leads_out_is_refused(mine: Path, tmp_path: Path) -> None:
    sent(mine)
    there = next((tmp_path / "team").rglob("*.dir"))
    there.chmod(0o644)
    there.write_bytes(there.read_bytes().replace(b'"a"', b'"../../a"'))
    yours = clone(tmp_path / "yours", mine)
    with pytest.raises(NotInRemote):
        fetched(yours)


def test_the_web_can_be_read_with_a_password(mine: Path, tmp_path: Path, web: str) -> None:
    sent(mine, Asked(("make",)))
    told = f"[core]\nremote = web\n['remote \"web\"']\nurl = {web}\nauth = basic\nuser = u\n"
    yours = clone(tmp_path / "yours", mine, told)
    (yours / ".dvc/config.local").write_text("['remote \"web\"']\npassword = p\n")
    assert fetched(yours, Asked(("make",))).moved["web"].objects == 3
    with pytest.raises(RemoteFailed, match="only be read"):
        sent(yours, Asked(("make",)))


def test_a_remote_that_is_not_declared_is_told(mine: Path) -> None:
    with pytest.raises(NoRemote, match="no remote 'teem'") as found:
        sent(mine, Asked(remote="teem"))
    assert "team" in found.value.fix


@pytest.mark.parametrize("kind", ["ssh", "webdav", "webdavs", "hdfs", "webhdfs", "oss", "gdrive"])
def test_a_remote_that_only_dvc_reaches_is_told_once(mine: Path, kind: str) -> None:
    (mine / ".dvc/config").write_text(CONFIG.replace("../../team", f"{kind}://host/path"))
    with pytest.raises(BadRemote, match="only DVC reaches") as found:
        sent(mine)
    assert found.value.fix.startswith("dvc push -r team")
    (mine / "in.txt").write_text("other")
    assert run(mine) == ["ran", "ran"]


@pytest.mark.parametrize("option", ["version_aware", "worktree"])
def test_a_remote_of_plain_files_is_told(mine: Path, option: str) -> None:
    (mine / ".dvc/config").write_text(CONFIG + f"    {option} = true\n")
    with pytest.raises(BadRemote, match=option):
        sent(mine)


def test_a_remote_may_be_a_folder_of_another(mine: Path, tmp_path: Path) -> None:
    (mine / ".dvc/config").write_text(CONFIG + "['remote \"inner\"']\n    url = remote://team/sub\n")
    sent(mine, Asked(remote="inner"))
    assert len(names(tmp_path / "team" / "sub")) == 5


def test_a_folder_may_be_named_on_the_way(mine: Path, tmp_path: Path) -> None:
    sent(mine, Asked(remote=str(tmp_path / "third")))
    assert len(names(tmp_path / "third")) == 5


def test_keys_come_from_the_config_or_the_profile_and_are_never_shown(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    (tmp_path / "home" / ".aws" / "credentials").write_text(KEYS)
    told = "[core]\nremote = s3\n['remote \"s3\"']\nurl = s3://bucket/x\nendpointurl = http://127.0.0.1:1\n"
    home = {"HOME": str(tmp_path / "home")}
    for more in ("", "profile = me\n", "access_key_id = e\nsecret_access_key = very-secret\n"):
        (mine / ".dvc/config").write_text(told + more)
        settings = read_settings(str(mine), home)
        assert reach(settings, "", home).depot is not None
        assert "very-secret" not in repr((settings, find(settings, ""), reach(settings, "", home)))
    (mine / ".dvc/config").write_text(f"{told}profile = nobody\n")
    with pytest.raises(BadRemote, match="'nobody'"):
        reach(read_settings(str(mine), home), "", home)


def test_clouds_are_reached_as_dvc_names_them(mine: Path) -> None:
    urls = {"gs": "gs://bucket/x", "azure": "azure://container/x", "s3": "s3://bucket"}
    lines = [f"['remote \"{name}\"']\nurl = {url}\n" for name, url in urls.items()]
    (mine / ".dvc/config").write_text(
        "".join(lines) + "['remote \"azure\"']\naccount_name = a\naccount_key = YQ==\n"
    )
    settings = read_settings(str(mine), {})
    for name in urls:
        assert not isinstance(reach(settings, name, {}).depot, FolderDepot)
