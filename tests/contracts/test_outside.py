"""Programs of other tools: they end in time with all that they started, and see no secrets."""

import sys
import time
from pathlib import Path

import pytest

from outdo.run.outside import Outside, run_outside


def outside(script: str, folder: Path, seconds: float = 20, **more: tuple[str, ...]) -> Outside:
    return Outside((sys.executable, "-I", "-c", script), str(folder), {}, seconds, **more)


def test_what_it_said_last_is_told(tmp_path: Path) -> None:
    said = run_outside(outside("raise SystemExit('first\\nit broke\\n')", tmp_path))
    assert (said.code, said.last_line) == (1, "it broke")


def test_it_ends_in_time_with_all_that_it_started(tmp_path: Path) -> None:
    script = "import subprocess, time; subprocess.Popen('sleep 2; touch late', shell=True); time.sleep(60)"
    began = time.monotonic()
    said = run_outside(outside(script, tmp_path, 0.5))
    assert (said.code, said.text) == (None, "it took longer than 0.5 s")
    assert time.monotonic() - began < 10
    assert not (tmp_path / "late").exists()


def test_it_sees_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hush")
    monkeypatch.setenv("PLAIN", "told")
    said = run_outside(outside("import os; print(os.environ.get('MY_TOKEN'), os.environ['PLAIN'])", tmp_path))
    assert said.last_line == "None told"


def test_what_can_t_be_started_says_why(tmp_path: Path) -> None:
    said = run_outside(Outside((str(tmp_path / "gone"),), str(tmp_path), {}, 1))
    assert said.code is None
    assert said.text.endswith("can't be started: No such file or directory")
