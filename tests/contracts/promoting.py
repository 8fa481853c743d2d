"""A project with two registered versions, and the evidence that a test wants of them."""

import shutil
import subprocess
import time
from pathlib import Path

import outdo
from outdo.app.models import version
from outdo.app.project import Project, declared, open_project
from outdo.core.digest import gates_key
from outdo.core.verdict import Evidence, Judgement, Outcome, Verdict

FILE = """
project: flights
stages:
  clean: {cmd: "tr a-z A-Z < raw.txt > clean.txt", deps: [raw.txt], outs: [clean.txt]}
  train: {cmd: sh train.sh, deps: [train.sh, clean.txt], params: [rate], outs: [model/]}
models:
  delay: {path: model/, gates: [{metric: {auc: ">= 0.7"}}, {size: "<= 1MB"}]}
environments:
  staging: {models: [delay]}
  production: {models: [delay], after: staging}
"""


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def build(root: Path, file: str = FILE) -> Path:
    """The project, with `delay/1` and `delay/2`; the second is in the workspace."""
    root.mkdir()
    (root / "outdo.yaml").write_text(file)
    (root / "raw.txt").write_text("late\n")
    (root / "train.sh").write_text(
        "mkdir -p model/in && cat clean.txt params.yaml > model/in/weights; echo x > model/x\n"
    )
    git(root, "init", "-q", "-b", "main")
    for name, value in (("name", "Ana"), ("email", "ana@example.com")):
        git(root, "config", f"user.{name}", value)
    (root / ".gitignore").write_text("/raw.txt\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    for rate in ("0.1", "0.2"):
        (root / "params.yaml").write_text(f"rate: {rate}\n")
        assert {one.status for one in outdo.load(root).run().stages.values()} <= {"ran", "kept"}
    shutil.rmtree(root / ".outdo/judgements")  # each test says itself what was judged
    return root


def copy(root: Path, to: Path) -> Path:
    """Another project that is just so."""
    shutil.copytree(root, to, symlinks=True)
    return to


def judge(root: Path, word: str = "delay", outcome: Outcome = "passed", *, champion: str = "") -> Judgement:
    """The gates of the file have judged this version."""
    project: Project = open_project(str(root))
    found = version(project.root, word)
    assert found.digest
    auc = Verdict(
        "metric auc", outcome, "0.8 is >= 0.7", Evidence(value=0.8, low=0.75, high=0.84, bound=">= 0.7")
    )
    verdicts = (auc, Verdict("size", "passed", "30B is <= 1MB", Evidence(value=30.0, rows=10)))
    rules = gates_key(declared(project).models["delay"].gates)
    said = Judgement("model", "delay", found.digest, "a" * 64, verdicts, time.time(), champion, rules)
    project.judgements.put(said)
    return said
