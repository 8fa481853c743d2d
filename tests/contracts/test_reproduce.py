"""`outdo reproduce`, with real repositories: what is made again, from where, and what the user's workspace keeps."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from outdo.app.data.add import add
from outdo.app.data.share import Asked as DataSharing
from outdo.app.data.share import push as data_push
from outdo.app.data.tracking import Tracking
from outdo.app.plan import make_plan
from outdo.app.project import open_project
from outdo.app.reproduce.verb import Asked, prepared
from outdo.app.run import Options, Run
from outdo.app.share import Asked as Sharing
from outdo.app.share import push
from outdo.core.errors import NoReproduction, UnknownRevision, UnknownVersion, UserError
from outdo.core.plan import Request
from outdo.core.reproduction import Reproduction, parse_tolerance
from outdo.integrations.dvc.cache import object_name
from outdo.integrations.dvc.hashes import md5_bytes
from tests.contracts.repository import git

PIPELINE = """
stages:
  clean: {cmd: sort data/raw.csv > clean.csv, deps: [data/raw.csv], outs: [clean.csv]}
  train:
    cmd: python train.py
    deps: [clean.csv, train.py]
    params: [lr]
    outs: [model/]
    metrics: [metrics.json]
  score: {cmd: python score.py, deps: [model, score.py], outs: [scores.csv]}
models:
  m: {path: model/, evaluate: score, predictions: {path: scores.csv, label: y, score: p, key: id}}
"""
TRAIN = """
import json, os
os.makedirs("model", exist_ok=True)
rate = float(open("params.yaml").read().split()[1])
open("model/weights.bin", "wb").write(bytes(9))
json.dump({"auc": 0.5 + rate}, open("metrics.json", "w"))
"""
SCORE = """
import os
rows = "".join(f"{i},{i % 2},{0.1 * i + 0}\\n" for i in range(10))
open("scores.csv", "w").write("id,y,p\\n" + rows)
"""
IGNORED = "/data/\n/.outdo/\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git_author: None) -> Path:
    """A repository with a pipeline that has run once, all committed but for the data, which Git ignores."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    files = {"outdo.yaml": PIPELINE, "train.py": TRAIN, "score.py": SCORE, ".gitignore": IGNORED}
    for name, content in {**files, "params.yaml": "lr: 0.25\n", "data/raw.csv": "b\na\n"}.items():
        (folder / name).write_text(content)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    run(folder)
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more", "--allow-empty")


def run(folder: Path, *, force: bool = False) -> None:
    project = open_project(str(folder))
    plan = make_plan(project, Request(force=force))
    assert Run(project, plan, Options(force=force)).execute().ok


def reproduce(folder: Path, word: str = "last", *tolerances: str, **more: object) -> Reproduction:
    asked = Asked(word, tolerance=parse_tolerance(tolerances), **more)  # type: ignore[arg-type]
    with prepared(open_project(str(folder)), asked, lambda _: None) as ready:
        ready.run.execute()
        return ready.report()


def refused(folder: Path, word: str = "last", **more: object) -> UserError:
    with pytest.raises((NoReproduction, UnknownRevision, UnknownVersion)) as raised:
        reproduce(folder, word, **more)
    assert not (folder / ".outdo/worktrees/reproduce").exists()
    return raised.value


def verdicts(found: Reproduction) -> dict[str, str]:
    return {one.path: one.verdict for one in found.outputs}


def how(found: Reproduction, path: str) -> str:
    return next(one.how for one in found.outputs if one.path == path)


def state(folder: Path) -> dict[str, str | bytes]:
    """All that a user could miss."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".outdo"} & set(path.relative_to(folder).parts)
    }
    asked = ["status --porcelain", "worktree list", "log --oneline", "branch -a", "stash list"]
    return files | {words: git(folder, *words.split()) for words in asked}


def change(folder: Path, name: str, content: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(content)


# ------------------------------------------------------------------ what is made again


def test_a_run_comes_out_identical_and_the_workspace_is_left_alone(root: Path) -> None:
    before = state(root)
    found = reproduce(root)
    assert found.verdict == "identical"
    assert set(verdicts(found).values()) == {"identical"}
    assert list(verdicts(found)) == ["clean.csv", "model", "metrics.json", "scores.csv"]
    assert state(root) == before


def test_nothing_is_taken_from_the_cache_and_the_cache_learns_nothing(root: Path) -> None:
    noisy(root)
    before = {path: path.read_bytes() for path in (root / ".outdo/results").rglob("*") if path.is_file()}
    assert verdicts(reproduce(root))["model"] == "within"
    assert {
        path: path.read_bytes() for path in (root / ".outdo/results").rglob("*") if path.is_file()
    } == before


def test_it_is_no_run_of_the_ledger_but_its_report_and_logs_are_kept(root: Path) -> None:
    journal = (root / ".outdo/journal.jsonl").read_bytes()
    found = reproduce(root)
    assert (root / ".outdo/journal.jsonl").read_bytes() == journal
    (kept,) = (root / ".outdo/reproductions").iterdir()
    assert found.name.encode() in (kept / "report.json").read_bytes()
    assert list(kept.glob("logs/*/train.log"))


def test_an_older_run_has_its_own_code_params_and_data(root: Path) -> None:
    change(root, "params.yaml", "lr: 0.125\n")
    change(root, "data/raw.csv", "c\nd\n")
    change(root, "train.py", TRAIN + "\n")
    run(root)
    commit(root)
    assert reproduce(root, "1").verdict == "identical"
    assert reproduce(root, "2").verdict == "identical"


def test_what_differed_from_the_commit_is_put_on_top(root: Path) -> None:
    change(root, "score.py", SCORE.replace("range(10)", "range(20)"))
    (root / "new.py").write_text("print('new')\n")
    run(root)
    git(root, "stash", "-u")
    found = reproduce(root)
    assert found.patched
    assert found.verdict == "identical"
    assert git(root, "stash", "list")


def test_a_commit_is_measured_by_its_lock(root: Path) -> None:
    found = reproduce(root, "HEAD")
    assert found.verdict == "identical"
    assert found.name.startswith("HEAD (")


def test_a_commit_without_a_lock_is_measured_by_a_run_of_it(root: Path) -> None:
    with open(root / ".gitignore", "a") as rules:
        rules.write("outdo.lock\n")
    git(root, "rm", "-q", "--cached", "outdo.lock")
    commit(root)
    run(root, force=True)
    found = reproduce(root, "HEAD")
    assert found.name.endswith("by run 2")
    assert found.verdict == "identical"
    change(root, "score.py", SCORE + "\n")
    commit(root)
    assert "nor a run of just that code on record" in refused(root, "HEAD").what


def test_code_that_is_installed_as_it_stands_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = root.parent / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (info,) = [path / "own-1.dist-info" for path in venv.glob("lib/python*/site-packages")]
    info.mkdir()
    (info / "direct_url.json").write_text(f'{{"url": "file://{root}", "dir_info": {{"editable": true}}}}')
    monkeypatch.setenv("PATH", f"{venv}/bin:{os.environ['PATH']}")
    found = reproduce(root)
    assert (
        f"'own' is installed as editable from {root}, so stages import the code that is there now"
        in found.notices
    )


def test_a_model_means_the_run_that_made_it(root: Path) -> None:
    change(root, "score.py", SCORE + "\n")
    run(root)
    found = reproduce(root, "m")
    assert found.name == "model m (run 1)"
    assert found.verdict == "identical"


def test_only_a_stage_and_what_leads_to_it(root: Path) -> None:
    found = reproduce(root, stages=("train",))
    assert list(verdicts(found)) == ["clean.csv", "model", "metrics.json"]


def test_a_project_in_a_folder_of_the_repository(tmp_path: Path, root: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    inner = top / "inner"
    shutil.copytree(
        root, inner, ignore=shutil.ignore_patterns(".git", ".outdo", "model", "*.csv", "metrics.json")
    )
    (inner / "data").mkdir(exist_ok=True)
    (inner / "data/raw.csv").write_text("1\n")
    (inner / "outdo.lock").unlink()
    commit(top)
    run(inner)
    assert reproduce(inner).verdict == "identical"


def test_a_pattern_and_a_folder_that_a_stage_writes_into(root: Path) -> None:
    text = """
stages:
  split: {cmd: cp data/raw.csv data/part.csv, deps: [data/raw.csv], outs: [data/part.csv]}
  join: {cmd: cat data/*.csv > all.csv, deps: ["data/*.csv"], outs: [all.csv]}
  list: {cmd: ls data > names, deps: [data], outs: [names]}
"""
    change(root, "outdo.yaml", text)
    (root / "data/other.csv").write_text("o\n")
    run(root)
    commit(root)
    assert reproduce(root).verdict == "identical"


# ------------------------------------------------------------------ how it differs


def noisy(root: Path, noise: str = "__import__('random').random()") -> None:
    """A stage `train` that writes something else each time, and scores that are a little off."""
    text = TRAIN.replace("bytes(9)", f"str({noise}).encode()").replace("rate}", "rate + os.getpid() * 1e-9}")
    change(root, "train.py", text)
    change(root, "score.py", SCORE.replace("+ 0}", "+ os.getpid() * 1e-9}"))
    run(root)
    commit(root)


def test_numbers_are_judged_by_the_tolerance(root: Path) -> None:
    noisy(root)
    tight, loose = reproduce(root, "last", "1e-12"), reproduce(root, "last", "1e-2")
    assert verdicts(tight)["metrics.json"] == verdicts(tight)["scores.csv"] == "differs"
    assert verdicts(loose)["metrics.json"] == verdicts(loose)["scores.csv"] == "within"
    own = reproduce(root, "last", "1e-12", "auc=1e-2", "acu=1")
    assert verdicts(own)["metrics.json"] == "within"
    assert "--tolerance names 'acu', and no number is called so" in own.notices


def test_a_model_is_judged_by_its_predictions(root: Path) -> None:
    noisy(root)
    found = reproduce(root, "m", "1e-2")
    assert found.verdict == "within"
    assert "labels changed" in how(found, "model")
    assert "1 of 1 files: weights.bin" in how(found, "model")


def test_without_predictions_a_models_bytes_count(root: Path) -> None:
    change(root, "outdo.yaml", PIPELINE.partition("models:")[0] + "models: {m: {path: model/}}\n")
    noisy(root)
    assert verdicts(reproduce(root, "last", "1e-2"))["model"] == "differs"


def test_the_stage_that_began_it_is_told_with_what_may_be_behind_it(root: Path) -> None:
    noisy(root)
    found = reproduce(root, "last", "0")
    assert {cause.stage for cause in found.causes} >= {"train"}
    assert "clean" not in {cause.stage for cause in found.causes}
    assert any("seed" in cause.what for cause in found.causes)


def test_other_files_are_told_by_their_lines_or_bytes(root: Path) -> None:
    text = """
stages:
  text: {cmd: 'date +%N > when.txt; echo same >> when.txt', deps: [params.yaml], outs: [when.txt]}
  bytes: {cmd: 'head -c 100 /dev/zero > b; head -c 100 /dev/urandom >> b', deps: [params.yaml], outs: [b]}
"""
    change(root, "outdo.yaml", text)
    run(root)
    commit(root)
    found = reproduce(root)
    assert how(found, "when.txt") == "+1 −1 lines, first at line 1"
    assert how(found, "b").startswith("200 B, first at byte 10")


def test_a_stage_that_fails_now_is_a_verdict(root: Path) -> None:
    change(root, "train.py", TRAIN + "\nassert 'worktrees' not in os.getcwd()\n")
    run(root)
    commit(root)
    found = reproduce(root)
    assert found.verdict == "failed"
    assert list(found.failures) == ["train"]
    assert verdicts(found) == {
        "clean.csv": "identical", "model": "missing", "metrics.json": "missing", "scores.csv": "missing"
    }  # fmt: skip


# ------------------------------------------------------------------ where data comes from


def test_data_comes_from_the_store_where_the_workspace_has_lost_it(root: Path) -> None:
    (root / "data/raw.csv").unlink()
    assert reproduce(root).verdict == "identical"


def test_data_that_no_store_has_comes_from_the_workspace(root: Path) -> None:
    change(root, "data/raw.csv", "x\n" * 100_000)  # too large to be kept as a copy of an input
    run(root)
    commit(root)
    assert reproduce(root).verdict == "identical"
    assert os.stat(root / "data/raw.csv").st_nlink == 1


def test_data_comes_from_a_remote(root: Path) -> None:
    text = (
        PIPELINE.replace("clean: {", "clean: {frozen: true, ") + f"remotes: {{team: {root.parent}/remote}}\n"
    )
    change(root, "outdo.yaml", text)
    run(root, force=True)
    commit(root)
    push(open_project(str(root)), Sharing(), lambda _: None)
    shutil.rmtree(root / ".outdo/objects")
    (root / "clean.csv").unlink()
    found = reproduce(root, "HEAD", stages=("train",))
    assert verdicts(found)["model"] == "identical"
    assert "'clean' is frozen, so its outputs are taken as they are" in found.notices


@pytest.fixture
def adopted(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline below the top of a repository of DVC's, which keeps its data: a file, a folder, and one file of it."""
    monkeypatch.setenv("HOME", str(root.parent / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    top = root.parent / "adopted"
    text = """
stages:
  join:
    cmd: cat raw.csv many/a ../shared/more > all.csv; ls many >> all.csv
    deps: [raw.csv, many, ../shared/more]
    outs: [all.csv]
  one: {cmd: cp ../shared/parts/b b, deps: [../shared/parts/b], outs: [b]}
"""
    files = {
        ".dvc/config": f"[core]\n    remote = lab\n['remote \"lab\"']\n    url = {root.parent}/lab\n",
        "inner/dvc.yaml": text,
        "inner/.gitignore": "/all.csv\n/b\n",
        **{name: f"{name}\n" for name in (*INSIDE, *BESIDE)},
    }
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content)
    git(top, "init", "-q", "-b", "main")
    add(open_project(str(top)), ["inner/raw.csv", "inner/many", "shared/more", "shared/parts"])
    commit(top)
    run(top / "inner")
    commit(top)
    return top


INSIDE = ("inner/raw.csv", "inner/many/a", "inner/many/b/c")
BESIDE = ("shared/more", "shared/parts/a", "shared/parts/b")


def lose(top: Path, *more: str) -> None:
    """What a fresh clone with the ledger alone lacks: data, objects and results."""
    for name in (*INSIDE, *BESIDE):
        (top / name).unlink()
    for name in ("inner/.outdo/objects", "inner/.outdo/results", *more):
        shutil.rmtree(top / name)


@pytest.mark.parametrize("word", ["last", "HEAD"])
def test_data_comes_from_dvcs_cache(adopted: Path, word: str) -> None:
    lose(adopted)
    found = reproduce(adopted / "inner", word)
    assert verdicts(found) == {"all.csv": "identical", "b": "identical"}
    assert not (adopted / "inner/raw.csv").exists()


def test_data_comes_from_dvcs_remote(adopted: Path) -> None:
    data_push(Tracking(open_project(str(adopted))), DataSharing(), lambda _: None)
    lose(adopted, ".dvc/cache")
    assert reproduce(adopted / "inner").verdict == "identical"
    parts = [path for path in (adopted / ".dvc/cache").rglob("*") if path.is_file()]
    assert len(parts) == 6  # of `shared/parts` only the file that is read


def test_what_neither_dvcs_cache_nor_its_remote_has_is_told(adopted: Path) -> None:
    lose(adopted, ".dvc/cache")
    assert "'raw.csv' (read by join), 'many' (read by join)" in refused(adopted / "inner").what
    assert "not in Git, the store, the workspace, DVC's cache, or a remote" in refused(adopted / "inner").what


def test_a_damaged_object_of_dvcs_cache_is_fetched_again(adopted: Path) -> None:
    data_push(Tracking(open_project(str(adopted))), DataSharing(), lambda _: None)
    lose(adopted)
    place = adopted / ".dvc/cache" / object_name(md5_bytes(b"inner/raw.csv\n"))
    place.chmod(0o644)
    place.write_text("inner/raw.csV\n")
    assert reproduce(adopted / "inner").verdict == "identical"


def test_a_link_out_of_the_repository_leads_where_it_led_and_nothing_is_written_there(root: Path) -> None:
    shared = root.parent / "shared"
    shared.mkdir()
    (shared / "raw.csv").write_text("b\na\n" * 100_000)
    shutil.rmtree(root / "data")
    (root / "data").symlink_to("../shared")
    (root / ".gitignore").write_text((root / ".gitignore").read_text().replace("/data/\n", ""))
    commit(root)
    run(root)
    commit(root)
    assert reproduce(root).verdict == "identical"
    (shared / "raw.csv").write_text("c\n")
    assert "what 'data/raw.csv' (read by clean) held is nowhere" in refused(root).what
    assert (shared / "raw.csv").read_text() == "c\n"


def test_data_that_is_nowhere_is_told_before_anything_runs(root: Path) -> None:
    change(root, "data/raw.csv", "b\na\n" * 100_000)
    run(root)
    commit(root)
    (root / "data/raw.csv").unlink()
    error = refused(root)
    assert "what 'data/raw.csv' (read by clean) held is nowhere" in error.what


# ------------------------------------------------------------------ what can't be made again


def test_what_nobody_knows(root: Path) -> None:
    assert refused(root, "mm").what == "'mm' is no model, no run and no commit"
    assert refused(root, "mm").fix == "did you mean 'm'?"
    assert refused(root, "m@champion").what == "'m' has no version with the alias 'champion'"
    assert refused(root, "model:x").what == "no model is named 'x'"


def test_a_run_outside_git(tmp_path: Path) -> None:
    (tmp_path / "outdo.yaml").write_text("stages: {a: {cmd: touch a, outs: [a]}}")
    run(tmp_path)
    with pytest.raises(NoReproduction, match="no Git repository"):
        reproduce(tmp_path)


def test_a_commit_that_is_gone(root: Path) -> None:
    change(root, "params.yaml", "lr: 0.5\n")
    commit(root)
    run(root)
    git(root, "reset", "-q", "--hard", "HEAD~1")
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")
    assert (
        "is not in this repository: nobody has fetched it, or Git has cleared it away" in refused(root).what
    )


def test_a_shallow_clone(root: Path) -> None:
    change(root, "params.yaml", "lr: 0.5\n")
    commit(root)
    clone = root.parent / "clone"
    git(root.parent, "clone", "-q", "--depth", "1", f"file://{root}", "clone")
    shutil.copytree(root / ".outdo", clone / ".outdo")
    error = refused(clone, "1")
    assert "it is a shallow clone" in error.what
    assert error.fix == "git fetch --unshallow"


def test_a_patch_that_is_lost(root: Path) -> None:
    change(root, "score.py", SCORE + "\n")
    run(root)
    shutil.rmtree(root / ".outdo/objects")
    assert "the store has lost what differed from the commit in run 2" in refused(root).what


def test_a_patch_that_does_not_apply(root: Path) -> None:
    """As where a commit was made anew under a name that another one had."""
    change(root, "score.py", SCORE + "\n")
    run(root)
    change(root, "score.py", "other\n")
    commit(root)
    change(root, "x", "1")
    journal = root / ".outdo/journal.jsonl"
    head, before = (git(root, "rev-parse", name).strip() for name in ("HEAD", "HEAD~1"))
    text = journal.read_text().replace(before, head)
    for name in (".outdo/ledger.db", ".outdo/journal.jsonl.live"):
        (root / name).unlink(missing_ok=True)
    journal.write_text(text)
    assert "does not apply to it" in refused(root).what


def test_a_pipeline_that_was_broken_then(root: Path) -> None:
    change(root, "outdo.yaml", "stages: {a: {cdm: x}}")
    commit(root)
    change(root, "outdo.yaml", PIPELINE)
    commit(root)
    assert "the pipeline of HEAD~1 " in refused(root, "HEAD~1").what


def test_a_folder_to_keep_it_in_that_is_not_empty(root: Path) -> None:
    assert "is there already, and not empty" in refused(root, keep=str(root)).what


def test_it_is_kept_where_that_is_asked_for(root: Path) -> None:
    found = reproduce(root, keep=str(root.parent / "kept"))
    assert (Path(found.folder) / "clean.csv").read_text() == "a\nb\n"
    git(root, "worktree", "remove", "--force", str(root.parent / "kept"))


# ------------------------------------------------------------------ ended midway


@pytest.mark.slow
@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_midway_the_workspace_is_as_it_was_and_the_next_one_works(root: Path, with_signal: int) -> None:
    slow = "import os, time\nif 'worktrees' in os.getcwd():\n    time.sleep(3)\n"
    change(root, "train.py", slow + TRAIN)
    run(root)
    commit(root)
    before = state(root)
    for moment in (0.3, 0.8, 1.5):
        words = [sys.executable, "-m", "outdo.cli.main", "reproduce", "last", "-q"]
        one = subprocess.Popen(words, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        one.send_signal(with_signal)
        code = one.wait(20)
        if with_signal != signal.SIGKILL:
            assert code == 130
            assert not (root / ".outdo/worktrees/reproduce").exists()
            assert state(root) == before
    assert reproduce(root).verdict == "identical"
    assert state(root) == before
