"""kill -9, full disks, read-only stores, flipped bits: nothing half-written, nothing lost, nothing left running."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

OUTDO = str(Path(sys.executable).parent / "outdo")
CHAIN = "stages:\n" + "".join(
    f"  s{i}: {{cmd: 'sleep 0.02; seq {i} 20000 > o{i}.part; sleep 0.02; "
    f"cat {f'o{i - 1}' if i else 'x'} o{i}.part | sha256sum > o{i}; rm o{i}.part', "
    f"deps: [{f'o{i - 1}' if i else 'x'}], outs: [o{i}]}}\n"
    for i in range(8)
)


def outdo(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run([OUTDO, *words], cwd=root, env=env, text=True, stdout=-1, stderr=-2, timeout=120)


def project(root: Path, text: str, **files: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "outdo.yaml").write_text(text)
    for name, content in files.items():
        (root / name).write_text(content)
    return root


def objects(root: Path) -> list[Path]:
    return sorted(path for path in (root / ".outdo" / "objects").rglob("*") if path.is_file())


def processes_of(root: Path) -> list[str]:
    """Commands that still run in a project's folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(root):
                found.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_killed_at_any_moment_the_next_run_ends_right(tmp_path: Path) -> None:
    expected = project(tmp_path / "calm", CHAIN, x="1")
    assert outdo(expected, "run").returncode == 0
    root = project(tmp_path / "killed", CHAIN, x="1")
    dice = random.Random(7)
    for kill in range(50):
        (root / "x").write_text(str(kill))
        with subprocess.Popen([OUTDO, "run", "-q"], cwd=root, stderr=subprocess.DEVNULL) as run:
            time.sleep(dice.uniform(0.02, 0.7))
            run.kill()
        deadline = time.monotonic() + 5
        while (left := processes_of(root)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left
    (root / "x").write_text("1")
    done = outdo(root, "run")
    assert done.returncode == 0, done.stdout
    for i in range(8):
        assert (root / f"o{i}").read_text() == (expected / f"o{i}").read_text()
    assert "all fresh" in outdo(root, "status").stdout
    assert outdo(root, "gc", "--yes").returncode == 0
    assert not list((root / ".outdo").rglob("*.tmp"))


@pytest.mark.slow
def test_interrupted_it_ends_its_stages_and_goes_on_from_there(tmp_path: Path) -> None:
    text = (
        "stages:\n  a: {cmd: touch a, outs: [a]}\n  b: {cmd: 'sleep 60 & sleep 60', deps: [a], outs: [b]}\n"
    )
    root = project(tmp_path / "p", text)
    with subprocess.Popen([OUTDO, "run"], cwd=root, stderr=-1, text=True) as run:
        deadline = time.monotonic() + 10
        while not any("sleep" in command for command in processes_of(root)) and time.monotonic() < deadline:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        assert run.stderr is not None
        said = run.stderr.read()
        assert run.wait(10) == 130
    assert "interrupted" in said
    assert processes_of(root) == []
    (root / "outdo.yaml").write_text(text.replace("'sleep 60 & sleep 60'", "touch b"))
    assert "1 ran, 1 fresh" in outdo(root, "run").stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.slow
def test_a_full_disk_fails_the_stage_and_loses_nothing(small_disk: Path) -> None:
    text = (
        "stages:\n"
        "  small: {cmd: seq 1000 > small, outs: [small]}\n"
        "  big: {cmd: 'head -c 7000000 /dev/urandom > big', deps: [small], outs: [big]}\n"
    )
    root = project(small_disk / "p", text)
    hog = small_disk / "hog"
    hog.write_bytes(b"0" * 8_000_000)
    failed = outdo(root, "run")
    assert failed.returncode == 1
    assert "Traceback" not in failed.stdout
    hog.unlink()
    done = outdo(root, "run")
    assert done.returncode == 0, done.stdout
    assert "1 ran, 1 fresh" in done.stdout


@pytest.mark.slow
def test_a_disk_too_full_for_the_store_says_so(small_disk: Path) -> None:
    root = project(
        small_disk / "p", "stages:\n  big: {cmd: 'head -c 8000000 /dev/urandom > big', outs: [big]}\n"
    )
    env = {"OUTDO_LINKS": "copy"}
    failed = subprocess.run(
        [OUTDO, "run"], cwd=root, env={**os.environ, **env}, text=True, stdout=-1, stderr=-2
    )
    assert failed.returncode == 1
    assert "no room is left" in failed.stdout
    assert "Traceback" not in failed.stdout
    assert not [
        path for path in (root / ".outdo").rglob("*") if path.is_file() and path.stat().st_size > 1_000_000
    ]


@pytest.mark.slow
def test_a_read_only_store_is_said_and_can_be_looked_at(small_disk: Path) -> None:
    root = project(small_disk / "p", "stages:\n  a: {cmd: echo 1 > a, outs: [a]}\n")
    assert outdo(root, "run").returncode == 0
    (root / "outdo.yaml").write_text("stages:\n  a: {cmd: echo 2 > a, outs: [a]}\n")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    try:
        assert outdo(root, "status").returncode == 0
        failed = outdo(root, "run")
        assert failed.returncode == 1
        assert "read-only" in failed.stdout
        assert "Traceback" not in failed.stdout
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert outdo(root, "run").returncode == 0


def test_a_flipped_bit_in_the_store_is_found_healed_and_told(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: seq 9 > a, outs: [a]}\n")
    outdo(root, "run")
    (root / "a").unlink()
    damaged = next(path for path in objects(root) if path.read_bytes() == b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    damaged.chmod(0o644)
    damaged.write_bytes(b"1\n2\n3\n4\n5\n6\n7\n8\n8\n")
    run = outdo(root, "run")
    assert run.returncode == 0, run.stdout
    assert "damaged" in run.stdout
    assert (root / "a").read_text() == "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    assert (root / ".outdo" / "quarantine" / f"{damaged.parent.name}{damaged.name}").exists()
    assert "all fresh" in outdo(root, "status").stdout


def test_a_stage_that_changes_its_input_through_a_hardlink_is_caught_and_the_store_heals(
    tmp_path: Path,
) -> None:
    text = (
        "stages:\n"
        "  make: {cmd: seq 9 > data, outs: [data]}\n"
        "  spoil: {cmd: 'chmod u+w data; echo x >> data; cp data out', deps: [data], outs: [out]}\n"
    )
    root = project(tmp_path / "p", text)
    failed = outdo(root, "run")
    assert failed.returncode == 1
    assert "its input 'data' changed while it ran" in failed.stdout
    (root / "outdo.yaml").write_text(text.replace("chmod u+w data; echo x >> data; ", ""))
    assert outdo(root, "run").returncode == 0
    assert (root / "data").read_text() == "1\n2\n3\n4\n5\n6\n7\n8\n9\n"


def test_a_stage_that_deletes_its_input_fails(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: 'mv x out', deps: [x], outs: [out]}\n", x="1")
    failed = outdo(root, "run")
    assert failed.returncode == 1
    assert "its input 'x' is gone" in failed.stdout


def test_an_output_that_does_not_appear_fails_with_a_hint(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: touch b, outs: [a]}\n")
    failed = outdo(root, "run")
    assert failed.returncode == 1
    assert "it ended well but did not write 'a'" in failed.stdout


def test_a_line_of_10_mb_in_a_log_is_no_trouble(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p", "stages:\n  a: {cmd: \"head -c 10000000 /dev/zero | tr '\\\\0' x; exit 1\"}\n"
    )
    failed = outdo(root, "run")
    assert failed.returncode == 1
    assert len(failed.stdout) < 20_000


def test_odd_names_are_just_names(tmp_path: Path) -> None:
    name = "a b\n'ü$(x)"
    text = f'stages:\n  odd:\n    cmd: sh make.sh\n    deps: [make.sh, "in {json(name)}"]\n    outs: ["{json(name)}"]\n'
    root = project(
        tmp_path / "p", text, **{"make.sh": "cp 'in a b\n'\\''ü$(x)' 'a b\n'\\''ü$(x)'", f"in {name}": "7"}
    )
    done = outdo(root, "run")
    assert done.returncode == 0, done.stdout
    assert (root / name).read_text() == "7"
    (root / name).unlink()
    assert "1 restored" in outdo(root, "run").stdout


def json(text: str) -> str:
    return text.replace("\n", "\\n")


def test_a_clock_set_back_hides_no_edit(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: cp x a, deps: [x], outs: [a]}\n", x="1")
    assert outdo(root, "run").returncode == 0
    (root / "x").write_text("2")
    os.utime(root / "x", (1e9, 1e9))
    assert outdo(root, "run").returncode == 0
    assert (root / "a").read_text() == "2"


def test_two_runs_in_one_workspace_take_turns(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: 'sleep 1; touch a', outs: [a]}\n")
    with subprocess.Popen([OUTDO, "run", "a"], cwd=root, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 10
        while not any("sleep" in command for command in processes_of(root)) and time.monotonic() < deadline:
            time.sleep(0.02)
        second = outdo(root, "run")
        assert first.wait(10) == 0
    assert f"waiting for `outdo run a` in this workspace (process {first.pid})" in second.stdout
    assert "nothing to do" in second.stdout


def test_a_lost_store_with_outputs_in_place_runs_nothing(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: date +%N > a, outs: [a]}\n")
    outdo(root, "run")
    shutil.rmtree(root / ".outdo")
    assert "nothing to do" in outdo(root, "run").stdout


def test_an_input_that_is_a_link_counts_by_what_it_leads_to(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p", "stages:\n  a: {cmd: cp link a, deps: [link], outs: [a]}\n", one="1", two="2"
    )
    (root / "link").symlink_to("one")
    outdo(root, "run")
    (root / "one").write_text("1 edited")
    assert outdo(root, "run").returncode == 0
    assert (root / "a").read_text() == "1 edited"
    (root / "link").unlink()
    (root / "link").symlink_to("two")
    outdo(root, "run")
    assert (root / "a").read_text() == "2"


def test_a_folder_with_links_inside_it_is_restored_as_it_was(tmp_path: Path) -> None:
    cmd = "mkdir d; echo 7 > d/weights; ln -s weights d/latest; mkdir d/empty"
    root = project(tmp_path / "p", f"stages:\n  a: {{cmd: '{cmd}', outs: [d]}}\n")
    outdo(root, "run")
    shutil.rmtree(root / "d")
    assert "1 restored" in outdo(root, "run").stdout
    assert os.readlink(root / "d" / "latest") == "weights"
    assert (root / "d" / "empty").is_dir()


def test_an_output_below_a_link_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "stages:\n  a: {cmd: echo 1 > far/a, outs: [far/a]}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a").write_text("precious")
    (root / "far").symlink_to(elsewhere)
    failed = outdo(root, "run")
    assert failed.returncode == 1
    assert "leads out of the project" in failed.stdout
    assert (elsewhere / "a").read_text() == "precious"


def test_two_stages_that_claim_one_output_are_refused_before_anything_runs(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p", "stages:\n  a: {cmd: touch x, outs: [x]}\n  b: {cmd: touch x, outs: [x]}\n"
    )
    refused = outdo(root, "run")
    assert refused.returncode == 2
    assert "stages 'a' and 'b' both write 'x'" in refused.stdout
    assert not (root / "x").exists()
