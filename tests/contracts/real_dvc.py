"""Real DVC and Outdo as commands, driven on the same repositories: the one place that says which DVC that is."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.peers import peer

OUTDO = os.path.join(os.path.dirname(sys.executable), "outdo")


def dvc_python() -> str:
    """The Python that real DVC is installed beside."""
    return os.path.join(os.path.dirname(peer("dvc")), "python")


def environment(repo: Path) -> dict[str, str]:
    home = str(repo.parent)
    quiet = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": f"{home}/site", "HOME": home}
    who = {f"GIT_{kind}_{what}": "a@b" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, **quiet, **who, "XDG_CONFIG_HOME": home, "XDG_CONFIG_DIRS": home}


def run(repo: Path, *words: str, code: int = 0) -> str:
    """What a command says, which has to end with this code."""
    done = _done(repo, words, code)
    return done.stdout + done.stderr


def _done(repo: Path, words: tuple[str, ...], code: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, cwd=repo, env=environment(repo), capture_output=True, text=True)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def dvc(repo: Path, *words: str, code: int = 0) -> str:
    return run(repo, peer("dvc"), *words, code=code)


def dvc_answer(repo: Path, *words: str) -> str:
    """What DVC answers, without what it remarks on."""
    return _done(repo, (peer("dvc"), *words), 0).stdout


def outdo(repo: Path, *words: str, code: int = 0) -> str:
    return run(repo, OUTDO, *words, code=code)


def git(repo: Path, *words: str, code: int = 0) -> str:
    return run(repo, "git", *words, code=code)


def init(repo: Path) -> Path:
    """A repository as `dvc init` leaves it."""
    repo.mkdir(parents=True, exist_ok=True)
    git(repo, "init", "-q", "-b", "main")
    dvc(repo, "init", "-q")
    dvc(repo, "config", "core.check_update", "false")
    return repo


def commit(repo: Path) -> None:
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "x")


def is_up_to_date(repo: Path) -> bool:
    """Whether both tools say that all is as committed."""
    clean = "all as committed" in outdo(repo, "data", "status")
    return clean and "No changes" in dvc(repo, "data", "status") and "up to date" in dvc(repo, "status")


def take_away(repo: Path, *paths: str) -> None:
    subprocess.run(["rm", "-rf", *paths], cwd=repo, check=True)


def write(repo: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(content)


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cached(repo: Path) -> list[str]:
    """What is in DVC's cache, by name: every name is that of its content."""
    return sorted(name for name in contents(repo / ".dvc" / "cache") if not name.startswith("runs"))


def reading(repo: Path, *deps: str) -> Path:
    """A repository in which a stage reads each of these."""
    stages = [
        f"  s{n}: {{cmd: echo {n} > {n}.txt, deps: ['{dep}'], outs: [{n}.txt]}}" for n, dep in enumerate(deps)
    ]
    (repo / "dvc.yaml").write_text("\n".join(["stages:", *stages, ""]))
    return repo


def both_say_the_same(repo: Path) -> None:
    """Each is told of by the other's run, in the same bytes."""
    outdo(repo, "run")
    ours = (repo / "dvc.lock").read_text()
    assert "up to date" in dvc(repo, "status")
    (repo / "dvc.lock").unlink()
    dvc(repo, "repro", "-f")
    assert (repo / "dvc.lock").read_text() == ours
    for left in (repo / ".outdo", repo / "outdo.lock"):
        os.rename(left, repo.parent / f"{left.name}.old")
    assert "all fresh" in outdo(repo, "status")
    outdo(repo, "run")
    assert (repo / "dvc.lock").read_text() == ours
