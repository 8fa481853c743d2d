"""Environments that stages declare, built by the real uv from wheels made here, without a network."""

import fcntl
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import outdo
from outdo.app.project import open_project
from outdo.app.reproduce.verb import Asked, prepared
from outdo.app.run import Options
from outdo.app.show import show
from outdo.app.why import why
from outdo.core.events import AnyEvent, BuildFinished, BuildStarted, Warned
from outdo.core.model import StageName
from outdo.core.plan import Request
from outdo.run.sandbox import Sandbox

pytestmark = pytest.mark.slow

SHOW = 'python -c \'import tiny; open("{out}", "w").write(tiny.VERSION)\''
PYPROJECT = """
[project]
name = "own"
version = "0"
requires-python = ">=3.9"
dependencies = ["tiny==1.0"]
[project.optional-dependencies]
more = ["other==1.0"]
"""


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "tiny", "1.0")
    wheel(folder, "tiny", "2.0", "Requires-Dist: other\n")
    wheel(folder, "other", "1.0")
    return folder


@pytest.fixture
def project(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stages that need `tiny`, which the interpreter of these tests does not have."""
    settings = {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1"}
    for name, value in {**settings, "UV_CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    root = tmp_path / "project"
    root.mkdir()
    write(root, "requirements.txt")
    (root / "requirements.txt").write_text("tiny==1.0\n")
    return root


def write(root: Path, env: str, *, b: str = "") -> None:
    stages = [
        f"  {out}:\n    cmd: {SHOW.format(out=out)}\n    outs: [{out}]\n{more}"
        for out, more in (("a", ""), ("b", b))
    ]
    (root / "outdo.yaml").write_text(f"env: {env}\nstages:\n{''.join(stages)}")


def run(root: Path, *, force: bool = False, **options: object) -> tuple[outdo.Finished, list[AnyEvent]]:
    events: list[AnyEvent] = []
    chosen = Options(force=force, **options)  # type: ignore[arg-type]
    result = outdo.load(root).run(request=Request(force=force), options=chosen, listener=events.append)
    return result, events


def built(events: list[AnyEvent]) -> list[str]:
    return [event.environment for event in events if isinstance(event, BuildFinished)]


def log_of(result: outdo.Finished, stage: str) -> str:
    return Path(result.stages[StageName(stage)].log).read_text()


def uv(root: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *words], cwd=root, check=True, capture_output=True)


def test_stages_run_in_it_and_it_is_built_once(project: Path) -> None:
    result, events = run(project)
    assert result.ok
    assert (project / "a").read_text() == (project / "b").read_text() == "1.0"
    assert built(events) == ["requirements.txt"]
    assert built(run(project, force=True)[1]) == []


def test_a_run_with_nothing_to_do_asks_nothing_of_it(project: Path) -> None:
    run(project)
    subprocess.run(["rm", "-rf", project / ".outdo/environments"], check=True)
    assert run(project)[0].run is None
    assert not (project / ".outdo/environments").exists()


def test_another_content_is_another_environment_and_why_tells_the_line(project: Path) -> None:
    run(project)
    (project / "requirements.txt").write_text("tiny==2.0\n")
    (change,) = why(open_project(str(project)), "a").changes["requirements.txt"]
    assert change.hunk[1:] == ("-tiny==1.0", "+tiny==2.0")
    _, events = run(project)
    assert (project / "a").read_text() == "2.0"
    (project / "requirements.txt").write_text("tiny==1.0\n")
    result, events = run(project, force=True)
    assert result.ok
    assert built(events) == []


@pytest.mark.slow
def test_a_stage_may_have_its_own(project: Path) -> None:
    write(project, "requirements.txt", b="    env: requirements-b.txt\n")
    (project / "requirements-b.txt").write_text("-r requirements-c.txt\n")
    (project / "requirements-c.txt").write_text("tiny==2.0\n")
    assert run(project)[0].ok
    assert ((project / "a").read_text(), (project / "b").read_text()) == ("1.0", "2.0")


@pytest.mark.slow
def test_what_is_not_pinned_is_told(project: Path) -> None:
    (project / "requirements.txt").write_text("tiny==2.0\n")
    told = [event.message for event in run(project)[1] if isinstance(event, Warned)]
    assert told[0].startswith(
        "'requirements.txt' does not pin 1 of 2 distributions (other), so a later build may"
    )
    (project / "requirements.txt").write_text("tiny==2.0\nother==1.0\n")
    assert not [event for event in run(project)[1] if isinstance(event, Warned)]


def test_a_lock_of_uv_with_an_extra(project: Path) -> None:
    (project / "pyproject.toml").write_text(PYPROJECT)
    uv(project, "lock")
    write(project, "uv.lock", b='    env: "uv.lock[more]"\n')
    result, events = run(project)
    assert result.ok
    assert sorted((e.environment, e.distributions) for e in events if isinstance(e, BuildFinished)) == [
        ("uv.lock", 1),
        ("uv.lock[more]", 2),
    ]
    assert not (project / ".venv").exists()


@pytest.mark.slow
def test_a_package_that_a_lock_takes_from_a_folder_is_told(project: Path) -> None:
    lib = project.parent / "lib"
    (lib / "src/lib").mkdir(parents=True)
    (lib / "src/lib/__init__.py").touch()
    (lib / "pyproject.toml").write_text('[project]\nname = "lib"\nversion = "0"\n[build-system]\n'
        'requires = ["uv_build>=0.8,<0.15"]\nbuild-backend = "uv_build"\n')  # fmt: skip
    source = '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    (project / "pyproject.toml").write_text(PYPROJECT.replace('"tiny==1.0"', '"tiny==1.0", "lib"') + source)
    uv(project, "lock")
    write(project, "uv.lock")
    told = [event.message for event in run(project)[1] if isinstance(event, Warned)]
    assert told == [
        "'../lib' is installed as it stands; what changes in it does not build the environment anew"
    ]


@pytest.mark.slow
def test_the_projects_own_package_is_found_in_the_work_tree(project: Path) -> None:
    (project / "pyproject.toml").write_text(f"{PYPROJECT}\n[build-system]\nrequires = []\n")
    (project / "src/own").mkdir(parents=True)
    (project / "src/own/__init__.py").write_text("NAME = 'own'\n")
    uv(project, "lock")
    (project / "outdo.yaml").write_text("env: uv.lock\nstages: {a: {cmd: \"python -c 'import own, tiny'\"}}")
    assert run(project)[0].ok


@pytest.mark.slow
def test_a_lock_that_is_out_of_date_is_told(project: Path) -> None:
    (project / "pyproject.toml").write_text(PYPROJECT)
    uv(project, "lock")
    (project / "pyproject.toml").write_text(PYPROJECT.replace("tiny==1.0", "tiny==2.0"))
    write(project, "uv.lock")
    result, _ = run(project, jobs=1)
    failed = result.stages[StageName("a")]
    assert failed.failure.startswith(
        "its environment can't be built from 'uv.lock'; uv lock: pyproject.toml asks for"
    )


@pytest.mark.slow
def test_a_pylock(project: Path) -> None:
    uv(project, "pip", "compile", "-q", "requirements.txt", "-o", "pylock.toml")
    write(project, "pylock.toml")
    assert run(project)[0].ok
    assert (project / "a").read_text() == "1.0"


@pytest.mark.slow
def test_a_pyproject_is_said_not_to_pin(project: Path) -> None:
    (project / "pyproject.toml").write_text(PYPROJECT)
    write(project, '"pyproject.toml[more]"')
    result, events = run(project)
    assert result.ok
    assert [e.distributions for e in events if isinstance(e, BuildFinished)] == [2]
    assert any("does not pin what is installed" in e.message for e in events if isinstance(e, Warned))


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["tiny==9.0", "no such ! thing", "absent"])
def test_what_can_not_be_built_is_told_in_uvs_own_words_and_the_next_try_is_free(
    project: Path, asked: str
) -> None:
    (project / "requirements.txt").write_text(f"{asked}\n")
    result, _ = run(project, jobs=1)
    assert result.stages[StageName("a")].failure.startswith(
        "its environment can't be built from 'requirements.txt'"
    )
    assert "error" in log_of(result, "a") or "No solution found" in log_of(result, "a")
    assert not (project / "a").exists()
    (project / "requirements.txt").write_text("tiny==1.0\n")
    assert run(project)[0].ok


def test_an_interpreter_that_is_not_there_is_told(project: Path) -> None:
    (project / ".python-version").write_text("3.5")
    result, _ = run(project, jobs=1)
    assert result.stages[StageName("a")].failure.startswith("no interpreter fits: Invalid version request")


def test_what_a_killed_build_has_left_is_not_used(project: Path) -> None:
    run(project)
    (folder,) = [path for path in (project / ".outdo/environments").iterdir() if path.is_dir()]
    (folder / "outdo.json").unlink()
    (next(folder.glob("lib/python*")) / "site-packages/tiny.py").unlink()
    result, events = run(project, force=True)
    assert result.ok
    assert built(events) == ["requirements.txt"]


@pytest.mark.slow
def test_a_second_builder_waits_and_then_uses_what_the_first_has_built(project: Path) -> None:
    home = project.parent / "home"
    env = {**os.environ, "OUTDO_HOME": str(home)}
    other = project.parent / "other"
    subprocess.run(["cp", "-r", project, other], check=True)
    words = [sys.executable, "-m", "outdo.cli.main", "run"]
    both = [subprocess.Popen(words, cwd=root, env=env, stderr=-1, text=True) for root in (project, other)]
    told = [one.communicate(timeout=60)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sum("is built" in text for text in told) <= 2
    assert sum("building the environment" in text for text in told) == 1
    assert len([path for path in (home / "environments").iterdir() if path.is_dir()]) == 1


@pytest.mark.slow
def test_a_wait_for_another_builder_can_be_stopped(project: Path) -> None:
    run(project)
    (folder,) = [path for path in (project / ".outdo/environments").iterdir() if path.is_dir()]
    (folder / "outdo.json").unlink()
    with open(f"{folder}.lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        words = [sys.executable, "-m", "outdo.cli.main", "run", "--force"]
        waiting = subprocess.Popen(words, cwd=project, stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(20) == 130


def test_what_is_recorded_is_the_environment_that_stages_ran_in(project: Path) -> None:
    run(project)
    environment = show(str(project), "last").environment
    assert environment is not None
    assert environment["python"]["distributions"] == {"tiny": "1.0"}
    assert list(environment["built"]) == ["requirements.txt"]


def test_a_reproduction_runs_in_the_environment_of_its_commit(project: Path, git_author: None) -> None:
    (project / ".gitignore").write_text(".outdo\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    run(project)
    (project / "requirements.txt").write_text("tiny==2.0\n")
    run(project)
    with prepared(open_project(str(project)), Asked("1"), lambda _: None) as ready:
        assert ready.notices == ()
        events = list(ready.run.events())
        found = ready.report()
    assert built(events) == []
    assert (found.verdict, found.environment) == ("identical", ())
    assert (project / "a").read_text() == "2.0"


@pytest.mark.skipif(Sandbox.find().bubblewrap is None, reason="bubblewrap does not work here")
@pytest.mark.slow
@pytest.mark.parametrize("home", ["", "home"])
def test_a_sandboxed_stage_runs_in_it(project: Path, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if home:
        monkeypatch.setenv("OUTDO_HOME", str(project.parent / home))
    result, _ = run(project, sandbox=True)
    assert result.ok, log_of(result, "a")


def test_where_no_conda_is_that_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "environment.yml").write_text("dependencies: [python]\n")
    write(project, "environment.yml")
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:/usr/bin:/bin")
    result, _ = run(project, jobs=1)
    assert "micromamba, mamba or conda, and none of them is here" in result.stages[StageName("a")].failure


def test_where_a_conda_is_it_builds(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words that micromamba gets make an environment of whatever kind, here of a program of ours."""
    tools = project.parent / "tools"
    tools.mkdir()
    program = tools / "micromamba"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tools}/asked\nmkdir -p "$4/bin"\nln -s /bin/true "$4/bin/python"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    (project / "linux.conda-lock.yml").write_text("package: []\n")
    (project / "outdo.yaml").write_text("env: linux.conda-lock.yml\nstages: {a: {cmd: python $CONDA_PREFIX}}")
    result, events = run(project)
    assert result.ok
    (folder,) = [path for path in (project / ".outdo/environments").iterdir() if path.is_dir()]
    assert (tools / "asked").read_text() == f"create --yes --prefix {folder} --file linux.conda-lock.yml\n"
    assert [type(e) for e in events if isinstance(e, BuildStarted | BuildFinished)] == [
        BuildStarted,
        BuildFinished,
    ]


@pytest.mark.slow
def test_killed_at_any_moment_nothing_half_built_is_used(project: Path) -> None:
    words = [sys.executable, "-m", "outdo.cli.main", "run", "--force"]
    for moment in range(12):
        subprocess.run(["rm", "-rf", project / ".outdo/environments"], check=True)
        one = subprocess.Popen(words, cwd=project, stderr=subprocess.DEVNULL)
        time.sleep(0.1 + moment * 0.06)
        one.kill()
        one.wait()
        assert run(project, force=True)[0].ok
        assert (project / "a").read_text() == "1.0"
