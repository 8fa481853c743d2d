"""The neighbours that Outdo is measured beside: found on the machine, or installed into `.venvs/`.

Versions are fixed, so that figures of different days can be compared. DVC neither phones home nor looks for updates
while it is measured.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from functools import cache

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PACKAGES = {
    "dvc": "dvc[s3,azure]==3.67.1",
    "fairlearn": "fairlearn==0.15.0 pandas==3.1.1 numpy==2.4.6 scikit-learn==1.9.1",
    "great_expectations": "great_expectations==1.24.1 pandas==3.1.1 numpy==2.4.6 pyarrow==26.0.1",
    "mlflow": "mlflow==3.17.2",
    "mlflow2": "mlflow-skinny==2.22.*",
    "signing": "model-signing==1.1.1 pyopenssl securesystemslib==1.6.0 in-toto-attestation==0.9.3 "
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "ninja": "ninja>=1.11,<1.14",
    "pandera": "pandera[pandas]==0.35.* pyarrow>=17,<27",
    "polars": "polars==2.1.*",
}
"""Peers that PyPI has, with the version that is measured or tested beside; the older MLflow is a client alone."""

DVC_ENV = {"DVC_NO_ANALYTICS": "1"}


class Missing(Exception):
    """A peer is not on this machine and can't be installed."""


def outdo() -> str:
    """The `outdo` command beside the Python that runs the benchmarks."""
    path = os.path.join(os.path.dirname(sys.executable), "outdo")
    if not os.path.exists(path):
        raise Missing(f"there is no {path}; install Outdo beside this Python")
    return path


@cache
def peer(name: str) -> str:
    """The command of a peer: what `OUTDO_BENCH_<NAME>` says, else the one in `.venvs/`, on the PATH, or installed.

    DVC on the PATH is passed by, as its version would be any."""
    told = os.environ.get(f"OUTDO_BENCH_{name.upper()}")
    if told:
        return told
    found = None if name == "dvc" else shutil.which(name)
    if found:
        return found
    if name not in PACKAGES:
        raise Missing(f"`{name}` is not on the PATH")
    return os.path.join(_install(name), "bin", name)


@cache
def peer_python(name: str) -> str:
    """The Python that a peer is installed in: what `OUTDO_BENCH_<NAME>` says, else that of `.venvs/`, or installed."""
    told = os.environ.get(f"OUTDO_BENCH_{name.upper()}")
    return told or os.path.join(_install(name), "bin", "python")


def version(name: str) -> str:
    """A peer's name and version, as it says itself."""
    words = [outdo() if name == "outdo" else peer(name), "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, **DVC_ENV})
    said = done.stdout.splitlines()[0].strip()
    return said if name in said.lower() else f"{name} {said}"


def init_dvc(folder: str) -> None:
    """Makes `folder` a DVC project that does nothing behind the scenes."""
    for words in (
        ["init", "-q", "-f"],
        ["config", "core.analytics", "false"],
        ["config", "core.check_update", "false"],
    ):
        subprocess.run([peer("dvc"), *words], cwd=folder, check=True, env={**os.environ, **DVC_ENV})


def _install(name: str) -> str:
    """The folder of an environment with a peer, made where there is none; whoever comes meanwhile waits for it."""
    folder = os.path.join(ROOT, ".venvs", name)
    ready = os.path.join(folder, ".ready")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(ready):
            return folder
        print(f"installing {PACKAGES[name]} into {folder}", file=sys.stderr)
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run(
                [os.path.join(folder, "bin", "pip"), "install", "-q", *PACKAGES[name].split()], check=True
            )
        except subprocess.CalledProcessError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise Missing(f"{PACKAGES[name]} can't be installed: {error}") from error
        with open(ready, "w"):
            return folder
