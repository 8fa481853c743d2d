"""What one pushes the other pulls: Outdo and real DVC at one remote, a folder and a real server of S3."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.real_dvc import dvc, outdo, run
from tests.contracts.s3 import BUCKET, SECRETS, WEED, s3_server

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  make: {cmd: "mkdir -p d/e; cp in.txt d/a; echo b > d/e/b", deps: [in.txt], outs: [d]}
  count: {cmd: "wc -c < d/a > n.txt", deps: [d], params: [lr], outs: [n.txt]}
"""
SECRET = SECRETS["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(params=["folder", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The shared part of the config, and the part that only one person has."""
    if request.param == "folder":
        yield f"['remote \"team\"']\n    url = {tmp_path / 'team'}\n", ""
        return
    if WEED is None:
        pytest.skip("no seaweedfs here")
    with s3_server(tmp_path) as server:
        told = f"    url = s3://{BUCKET}/dvc\n    endpointurl = http://127.0.0.1:{server.port}\n"
        keys = f"    access_key_id = {SECRETS['AWS_ACCESS_KEY_ID']}\n    secret_access_key = {SECRET}\n"
        yield f"['remote \"team\"']\n{told}    region = us-east-1\n", f"['remote \"team\"']\n{keys}"


def clone(folder: Path, remote: tuple[str, str], *, lock: Path | None = None) -> Path:
    """A repository that has what Git would have, and the keys."""
    (folder / ".dvc").mkdir(parents=True)
    run(folder, "git", "init", "-q")
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "in.txt").write_text("hello")
    (folder / "params.yaml").write_text("lr: 0.1\n")
    (folder / ".dvc/config").write_text(f"[core]\n    remote = team\n    check_update = false\n{remote[0]}")
    (folder / ".dvc/config.local").write_text(remote[1])
    if lock is not None:
        shutil.copy(lock / "dvc.lock", folder / "dvc.lock")
    return folder


def test_dvc_pulls_what_outdo_pushed(remote: tuple[str, str], tmp_path: Path) -> None:
    mine = clone(tmp_path / "mine", remote)
    outdo(mine, "run")
    said = outdo(mine, "push", "--runs", "--json")
    yours = clone(tmp_path / "yours", remote, lock=mine)
    dvc(yours, "pull", "--run-cache")
    assert (yours / "d/e/b").read_text() == "b\n"
    assert "up to date" in dvc(yours, "status")
    assert "in sync" in dvc(yours, "status", "-c")
    (yours / "dvc.lock").unlink()
    assert "Running" not in dvc(yours, "repro")
    logged = b"".join(path.read_bytes() for path in (mine / ".outdo").rglob("*") if path.is_file())
    assert SECRET.encode() not in logged
    assert SECRET not in said


def test_outdo_pulls_what_dvc_pushed(remote: tuple[str, str], tmp_path: Path) -> None:
    theirs = clone(tmp_path / "theirs", remote)
    dvc(theirs, "repro")
    dvc(theirs, "push", "--run-cache")
    ours = clone(tmp_path / "ours", remote, lock=theirs)
    assert "4 objects fetched" in outdo(ours, "pull")
    assert (ours / "d/e/b").read_text() == "b\n"
    assert "all fresh" in outdo(ours, "status")
    assert "0 objects pushed" in outdo(ours, "push")
    unlocked = clone(tmp_path / "unlocked", remote)
    assert "2 restored" in outdo(unlocked, "run")
    assert "up to date" in dvc(unlocked, "status")
