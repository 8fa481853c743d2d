"""What a stage's command finds on this machine."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from outdo.core.digest import digest_bytes
from outdo.run.environment import read_environment

HERE = os.path.dirname(sys.executable)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".outdo" / "cache").mkdir(parents=True)
    return tmp_path


def python(project: Path, **env: str) -> dict[str, Any]:
    found: dict[str, Any] = read_environment(str(project), {"PATH": HERE, **env})["python"]
    return found


def install(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


def fake_python(folder: Path, told: str) -> Path:
    """A program called python that counts how often it is asked."""
    folder.mkdir()
    program = folder / "python"
    program.write_text(f"#!/bin/sh\necho x >> {folder}/asked\necho '{told}'\n")
    program.chmod(0o755)
    return program


def test_the_interpreter_is_the_one_on_the_path(project: Path) -> None:
    found = python(project)
    assert found["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["path"] == os.path.join(HERE, "python")


def test_the_interpreter_of_the_project_is_named_from_its_folder(project: Path) -> None:
    (project / "bin").mkdir()
    (project / "bin" / "python").symlink_to(sys.executable)
    assert python(project, PATH=f"bin:{HERE}")["path"] == "bin/python"


def test_distributions_are_those_of_the_interpreter(project: Path) -> None:
    assert "msgspec" in python(project)["distributions"]


def test_a_folder_of_the_pythonpath_comes_first(project: Path) -> None:
    install(project / "libs", "Msg_Spec-0.0.1.dist-info", "msgspec-9.9.dist-info", "old-1.0-py3.11.egg-info")
    found = python(project, PYTHONPATH="libs")["distributions"]
    assert (found["msg-spec"], found["msgspec"], found["old"]) == ("0.0.1", "9.9", "1.0")


def test_without_an_interpreter_there_is_none(project: Path) -> None:
    assert "python" not in read_environment(str(project), {"PATH": "/nowhere"})


def test_an_interpreter_that_fails_is_left_out(project: Path) -> None:
    fake_python(project / "bin", "no JSON")
    assert "python" not in read_environment(str(project), {"PATH": "bin"})


def test_an_interpreter_is_asked_once(project: Path) -> None:
    program = project / "bin" / "python"
    told = {"version": "3", "implementation": "X", "prefix": "/", "executable": str(program), "folders": []}
    fake_python(program.parent, json.encode(told).decode())
    for _ in range(3):
        assert python(project, PATH=f"bin:{os.environ['PATH']}")["implementation"] == "X"
    assert (project / "bin" / "asked").read_text() == "x\n"


def test_a_new_interpreter_in_its_place_is_asked_again(project: Path) -> None:
    program = project / "bin" / "python"
    told = {"version": "3", "implementation": "X", "prefix": "/", "executable": str(program), "folders": []}
    fake_python(program.parent, json.encode(told).decode())
    python(project, PATH="bin")
    program.write_text(program.read_text().replace('"X"', '"Why"'))
    assert python(project, PATH=f"bin:{os.environ['PATH']}")["implementation"] == "Why"


OTHER = json.encode(
    {"version": "3", "implementation": "X", "prefix": "/", "executable": "/real/python", "folders": []}
).decode()


def test_a_script_that_starts_an_interpreter_is_asked_every_time(project: Path) -> None:
    fake_python(project / "bin", OTHER)
    assert [python(project, PATH="bin")["path"] for _ in range(2)] == ["/real/python"] * 2
    assert (project / "bin" / "asked").read_text() == "x\nx\n"


def test_a_shim_is_asked_again_when_another_version_is_chosen(project: Path) -> None:
    fake_python(project / "shims", OTHER)
    for _ in range(2):
        python(project, PATH="shims")
    assert (project / "shims" / "asked").read_text() == "x\n"
    (project / ".python-version").write_text("3.12\n")
    python(project, PATH="shims")
    python(project, PATH="shims", PYENV_VERSION="3.13")
    assert (project / "shims" / "asked").read_text() == "x\nx\nx\n"


def test_conda_packages_are_told_with_their_builds(project: Path) -> None:
    program = project / "bin" / "python"
    told = {
        "version": "3",
        "implementation": "X",
        "prefix": str(project),
        "executable": str(program),
        "folders": [],
    }
    fake_python(program.parent, json.encode(told).decode())
    (project / "conda-meta").mkdir()
    (project / "conda-meta" / "scikit-learn-1.5.0-py311_0.json").touch()
    (project / "conda-meta" / "history").touch()
    assert python(project, PATH="bin")["conda"] == {"scikit-learn": "1.5.0-py311_0"}


def test_files_that_pin_what_is_installed_are_told_by_their_digests(project: Path) -> None:
    for name in (
        "uv.lock",
        "pylock.toml",
        "requirements-dev.txt",
        "conda-lock.yml",
        "poetry.lock",
        "notes.txt",
    ):
        (project / name).write_text(name)
    found = read_environment(str(project), {"PATH": HERE})["locks"]
    assert sorted(found) == [
        "conda-lock.yml",
        "poetry.lock",
        "pylock.toml",
        "requirements-dev.txt",
        "uv.lock",
    ]
    assert found["uv.lock"] == digest_bytes(b"uv.lock")


def test_the_machine_is_described(project: Path) -> None:
    found = read_environment(str(project), {"PATH": HERE})
    assert found["platform"]["system"] == os.uname().sysname
    assert found["cpu"]["count"] >= found["cpu"]["usable"] >= 1
    assert found["memory"] > 0
    assert isinstance(found["gpus"], list)


def test_no_variable_is_told(project: Path) -> None:
    secret = "hunter2-and-more"
    found = read_environment(
        str(project), {"PATH": HERE, "TOKEN": secret, "PYTHONWARNINGS": secret, "HOME": secret}
    )
    assert secret not in json.encode(found).decode()
    kept = (project / ".outdo" / "cache" / "interpreters.json").read_text()
    assert secret not in kept


def test_the_same_machine_is_described_alike(project: Path) -> None:
    env = {"PATH": HERE}
    assert read_environment(str(project), env) == read_environment(str(project), env)


def test_a_project_without_a_place_for_the_cache_is_described_too(tmp_path: Path) -> None:
    assert "python" in read_environment(str(tmp_path), {"PATH": HERE})
