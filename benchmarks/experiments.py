"""Comparing and listing experiments, beside DVC: the same tiny pipeline, the same params, 100 times."""

import os
import subprocess
import sys

from benchmarks.peers import DVC_ENV, init_dvc, outdo, peer

COUNT = 100
STAGES = r"""stages:
  prepare: {cmd: cp raw.csv clean.csv, deps: [raw.csv], outs: [clean.csv]}
  train:
    cmd: 'sed "s/lr: \(.*\)/{\"auc\": \1, \"loss\": \1}/" params.yaml > metrics.json'
    deps: [clean.csv]
    params: [lr]
    metrics: [{metrics.json: {cache: false}}]
"""
SAVE = f"""
import os
from dvc.repo import Repo
repo = Repo()
for number in range({COUNT}):
    with open("params.yaml", "w") as file:
        file.write(f"lr: 0.{{number + 101}}\\n")
    with repo.lock:
        pass
    repo.reproduce()
    repo.experiments.save(name=f"try-{{number}}")
"""
"""DVC's own library makes the experiments, as a process for each would take minutes."""

IDENTITY = {f"GIT_{who}_{what}": "bench" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENV = {**os.environ, **DVC_ENV, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}


def write_outdo(folder: str) -> str:
    """A project with two commits."""
    _begin(folder, "outdo.yaml")
    for lr in ("0.1", "0.2"):
        _write(folder, "params.yaml", f"lr: {lr}\n")
        _run(folder, outdo(), "run", "-q")
        _commit(folder)
    return folder


def write_outdo_experiments(folder: str) -> str:
    """The same with as many trials on record."""
    write_outdo(folder)
    values = ",".join(f"0.{number + 101}" for number in range(COUNT))
    _run(folder, outdo(), "run", "-q", "--set", f"lr={values}")
    return folder


def write_dvc(folder: str) -> str:
    """The same project as DVC's."""
    _begin(folder, "dvc.yaml")
    init_dvc(folder)
    for lr in ("0.1", "0.2"):
        _write(folder, "params.yaml", f"lr: {lr}\n")
        _run(folder, peer("dvc"), "repro", "-q")
        _commit(folder)
    return folder


def write_dvc_experiments(folder: str) -> str:
    """The same with as many experiments saved."""
    write_dvc(folder)
    _run(folder, os.path.join(os.path.dirname(peer("dvc")), "python"), "-c", SAVE)
    _run(folder, "git", "checkout", "-q", "--", ".")
    return folder


def _begin(folder: str, file: str) -> None:
    os.makedirs(folder)
    _run(folder, "git", "init", "-q", "-b", "main")
    _write(folder, file, STAGES)
    _write(folder, "raw.csv", "a,b\n1,2\n")
    _write(folder, ".gitignore", "/clean.csv\n/.outdo\n")


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def _commit(folder: str) -> None:
    _run(folder, "git", "add", "-A")
    _run(folder, "git", "commit", "-qm", "state")


def _run(folder: str, *words: str) -> None:
    done = subprocess.run(words, cwd=folder, env=ENV, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        raise SystemExit(f"{' '.join(words)[:200]} in {folder} ended with {done.returncode}")
