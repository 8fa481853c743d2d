"""Runs a real pipeline on real data, changes a parameter, and shows that only what depends on it runs again.

It works on a copy of `examples/flights` with the commands that a newcomer would type. What it promises is looked up
in the ledger and in the files; the exit code is 1 if any of it is not so.

    python examples/demo.py [FOLDER]        build/demo if not said; that one is made anew each time
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "flights"
BIN = Path(sys.executable).parent
OUTPUTS = (
    ".outdo",
    "outdo.lock",
    "data",
    "model",
    "plots",
    "predictions.parquet",
    "metrics.json",
    "__pycache__",
)
RATE = ("learning_rate: 0.05", "learning_rate: 0.10")


class BrokenPromise(Exception):
    """Something did not come out as it was said."""


class Terminal:
    """Types commands in a folder, where `outdo` and `python` are those of this environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A store shared with others may know the results already, and a Git hook names its own repository.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("OUTDO_", "GIT_"))}
        self._env = {**env, "PATH": f"{BIN}{os.pathsep}{env.get('PATH', os.defpath)}"}

    def type(self, line: str) -> None:
        """Shows a command and lets its output through."""
        say(f"\n$ {line}")
        words = shlex.split(line)
        done = subprocess.run(words, cwd=self._folder, env=self._env, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise BrokenPromise(f"`{line}` ended with exit code {done.returncode}")

    def ask(self, line: str) -> str:
        """Returns what a command prints, and shows nothing."""
        words = shlex.split(line)
        done = subprocess.run(words, cwd=self._folder, env=self._env, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise BrokenPromise(f"`{line}` ended with exit code {done.returncode}")
        return done.stdout.decode()

    def last_run(self) -> dict[str, str]:
        """Returns what the ledger says became of each stage in the newest run."""
        newest = json.loads(self.ask("outdo show last --json"))["data"]
        return {stage["stage"]: stage["status"] for stage in newest["stages"]}

    def runs(self) -> int:
        """Returns how many runs the ledger has."""
        return int(json.loads(self.ask("outdo log --json"))["data"]["recorded"])


def say(text: str) -> None:
    print(text, flush=True)


def title(text: str) -> None:
    say(f"\n# {text}")


def expect(what: str, found: object, promised: object) -> None:
    if found != promised:
        raise BrokenPromise(f"{what}: promised {promised}, found {found}")


def change(params: Path, before: str, after: str) -> None:
    text = params.read_text()
    expect(f"'{before}' in params.yaml", text.count(before), 1)
    params.write_text(text.replace(before, after))
    say(f"\n  params.yaml   - {before}\n                + {after}")


def copy_example(folder: Path, terminal: Terminal) -> None:
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(*OUTPUTS))
    if shutil.which("git"):
        terminal.ask("git init --quiet")
        terminal.ask("git add --all")
        terminal.ask(
            "git -c user.name=demo -c user.email=demo@localhost commit --quiet --message 'The flights example'"
        )


def demo(folder: Path) -> None:
    terminal = Terminal(folder)
    copy_example(folder, terminal)
    params, metrics = folder / "params.yaml", folder / "metrics.json"

    title(
        "336,776 flights left New York in 2013. Which arrive 15 minutes late or more? The first run does it all."
    )
    terminal.type("outdo run")
    expect(
        "the first run",
        terminal.last_run(),
        dict.fromkeys(("import", "features", "train", "evaluate"), "ran"),
    )
    first = metrics.read_bytes()
    scores = json.loads(first)
    auc, baseline = scores["auc"], scores["baseline_auc"]
    say(
        f"\nAUC {auc:.3f} on {scores['flights']:,} later flights; knowing carrier and hour alone: {baseline:.3f}"
    )
    expect("the model is better than its baseline", auc > baseline + 0.05, True)

    title("Is the model good enough, for every carrier, too? The gates of the file judge it.")
    terminal.type("outdo check delay")
    expect("all gates pass", json.loads(terminal.ask("outdo check delay --json"))["status"], "ok")

    title("Nothing changed, so nothing runs.")
    runs = terminal.runs()
    terminal.type("outdo run")
    expect("runs on record after one with nothing to do", terminal.runs(), runs)

    title("One parameter changes. Only what depends on it runs: the import and the features are kept.")
    change(params, *RATE)
    terminal.type("outdo why evaluate")
    terminal.type("outdo run")
    kept = {"import": "kept", "features": "kept"}
    expect("the run after the change", terminal.last_run(), {**kept, "train": "ran", "evaluate": "ran"})
    expect("other metrics with another parameter", metrics.read_bytes() != first, True)

    title("The change is taken back. That result is known, so it is restored and nothing runs.")
    change(params, *reversed(RATE))
    terminal.type("outdo run")
    expect("the run after that", terminal.last_run(), {**kept, "train": "restored", "evaluate": "restored"})
    expect("the first metrics are back", metrics.read_bytes() == first, True)

    title("All of it is on record.")
    terminal.type("outdo log")


def main() -> int:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1]).resolve()
        if folder.exists():
            say(f"{folder} is there already: name a folder that is not, it will be made")
            return 2
    else:
        folder = REPOSITORY / "build" / "demo"
        if folder.exists():
            shutil.rmtree(folder)
    try:
        demo(folder)
    except BrokenPromise as broken:
        say(f"\nThe demo failed: {broken}")
        return 1
    outdo = os.path.relpath(BIN / "outdo", folder)
    say(f"\nAll as promised. Go on from here: cd {os.path.relpath(folder)} && {outdo} graph")
    return 0


if __name__ == "__main__":
    sys.exit(main())
