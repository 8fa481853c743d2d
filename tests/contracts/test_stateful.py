"""Whatever is edited, taken back, switched or lost: a run ends like one from scratch and computes nothing twice."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from outdo.app.library import load

FILE = """
stages:
  a: {cmd: "cat x.txt > a.out; echo a >> ran", deps: [x.txt], outs: [a.out]}
  b: {cmd: "mkdir b; cut -c1 x.txt > b/1; cat y.txt > b/2; echo b >> ran", deps: [x.txt, y.txt], outs: [b]}
  c:
    cmd: cat a.out b/1 > c.out; cat p.yaml >> c.out; echo c >> ran
    deps: [a.out, b/1]
    params: [{p.yaml: [k]}]
    outs: [c.out]
  d: {cmd: "wc -c < c.out > d.json; echo d >> ran", deps: [c.out], metrics: [{d.json: {cache: false}}]}
"""
SOURCES = ("x.txt", "y.txt", "p.yaml")
OUTPUTS = ("a.out", "b/1", "b/2", "c.out", "d.json")
VALUES = st.sampled_from(["1", "11", "2"])


class Workspaces(RuleBasedStateMachine):
    """One workspace that lives through everything, compared with a fresh one after each run."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outdo-test-"))
        self.root = self.folder / "project"
        self.root.mkdir()
        (self.root / "outdo.yaml").write_text(FILE)
        for name in SOURCES[:2]:
            (self.root / name).write_text("1")
        (self.root / "p.yaml").write_text("k: 1\n")
        # on every branch: where it isn't, `git add .` would give outputs to Git, and a run refuses to share them
        (self.root / ".gitignore").write_text("/a.out\n/b\n/c.out\n")
        self.seen: set[tuple[str, str]] = set()
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.git("branch", "other")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @rule(name=st.sampled_from(SOURCES[:2]), value=VALUES)
    def edit(self, name: str, value: str) -> None:
        (self.root / name).write_text(value)

    @rule(value=VALUES)
    def set_param(self, value: str) -> None:
        (self.root / "p.yaml").write_text(f"k: {value}\n")

    @rule(value=VALUES)
    def edit_the_file(self, value: str) -> None:
        (self.root / "outdo.yaml").write_text(FILE.replace("cat x.txt >", f": {value}; cat x.txt >"))

    @rule(name=st.sampled_from(OUTPUTS))
    def lose_an_output(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    @rule(name=st.sampled_from(OUTPUTS))
    def spoil_an_output(self, name: str) -> None:
        path = self.root / name
        if path.exists():
            path.unlink()  # as an editor saves: a new file in the old one's place
            path.write_text("spoiled")

    @rule()
    def lose_the_lock(self) -> None:
        (self.root / "outdo.lock").unlink(missing_ok=True)

    @rule(branch=st.sampled_from(["main", "other"]))
    def switch_branch(self, branch: str) -> None:
        self.git("add", ".")
        self.git("commit", "-qm", "work", "--allow-empty")
        self.git("checkout", "-q", branch)

    @rule()
    def run(self) -> None:
        ran = self.root / "ran"
        ran.unlink(missing_ok=True)
        result = load(self.root).run()
        assert result.ok, str(result)
        names = ran.read_text().split() if ran.exists() else []
        ran.unlink(missing_ok=True)
        keys = {(name, str(stage.key)) for name, stage in result.stages.items() if stage.status == "ran"}
        assert sorted(names) == sorted(name for name, _ in keys)
        assert not keys & self.seen
        self.seen |= keys
        assert self.outputs(self.root) == self.outputs(self.from_scratch())
        assert load(self.root).plan().fresh

    def from_scratch(self) -> Path:
        other = self.folder / "fresh"
        shutil.rmtree(other, ignore_errors=True)
        other.mkdir()
        for name in (*SOURCES, "outdo.yaml"):
            shutil.copy(self.root / name, other / name)
        assert load(other).run().ok
        return other

    def outputs(self, root: Path) -> dict[str, str]:
        return {name: (root / name).read_text() for name in OUTPUTS}

    def git(self, *words: str) -> None:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *names, *words], cwd=self.root, env=env, check=True, capture_output=True)


Workspaces.TestCase.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWorkspaces = Workspaces.TestCase
