"""What a stage sees in its sandbox, what comes out of it, and how the file that it lacks is named."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec import Struct

from outdo.core.model import Output, Stage, StageName
from outdo.run.bubblewrap import Bubblewrap, outermost, tools
from outdo.run.enclosure import MOST_BINDS, to_bind
from outdo.run.local import Local
from outdo.run.mentions import modules, paths
from outdo.run.ports import Cancel, Job, Outcome
from outdo.run.rehearsal import Rehearsal, parse_faults
from outdo.run.sandbox import Sandbox
from outdo.run.trace import Tracer
from outdo.store.files import Scratch

BWRAP, STRACE = Bubblewrap.find(), Tracer.find()
FILES = {
    "data/a.csv": "a",
    "data/b.csv": "b",
    "data/deep/c.csv": "c",
    "params.yaml": "lr: 1",
    "notes.txt": "private",
    "src/train.py": "import helpers\nprint(helpers.X)\n",
    "src/helpers.py": "X = 'helped'\n",
    "src/pkg/part.py": "Y = 2\n",
    "strange/with space.csv": "s",
    "strange/ünï.csv": "u",
    "strange/new\nline.csv": "n",
    "strange/it's.csv": "q",
}
NAMES = sorted(path for path in FILES if path.startswith("strange/"))
PYTHON = sys.executable

needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not here, or may not trace")


class Attempt(Struct):
    outcome: Outcome
    dropped: list[str]
    undeclared: list[str]
    log: str

    @property
    def ok(self) -> bool:
        return self.outcome.ok


class World:
    """A project's folder, a sandbox, and an executor."""

    def __init__(self, root: Path, sandbox: Sandbox) -> None:
        self.root = root
        self.sandbox = sandbox
        self.local = Local("test", grace=0.5)
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / ".outdo" / "logs").mkdir(parents=True)

    def run(
        self,
        command: str,
        *,
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        wdir: str = ".",
        env: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> Attempt:
        """Runs a stage of one command in the sandbox."""
        log = self.root / ".outdo" / "logs" / "log"
        log.unlink(missing_ok=True)
        outs = tuple(Output(path) for path in writes)
        stage = Stage(StageName("s"), (command,), wdir=wdir, deps=tuple(reads), outs=outs, env=env or {})
        given = {**os.environ, "HIDDEN": "secret-value", "OUTDO_ROOT": str(self.root), **(env or {})}
        cwd = os.path.normpath(self.root / wdir)
        job = Job(stage.name, 1, stage.cmd, cwd, given, str(log), timeout)
        with self.sandbox.enter(str(self.root), stage, reads, writes, job) as box:
            outcome = self.local.run(box.job, Cancel())
            dropped = box.collect()
            undeclared = box.undeclared(outcome)
        return Attempt(outcome, dropped, undeclared, log.read_text(errors="replace"))

    def text(self, path: str) -> str:
        return (self.root / path).read_text()


def world_of(kind: str, root: Path) -> World:
    """The named kind of sandbox; skips where this machine can't have it."""
    if "bubblewrap" in kind and BWRAP is None:
        pytest.skip("bubblewrap is not installed, or the kernel refuses it")
    if "strace" in kind and STRACE is None:
        pytest.skip("strace is not installed, or may not trace")
    bubble = BWRAP if "bubblewrap" in kind else None
    return World(root, Sandbox(bubble, STRACE if "strace" in kind else None))


def opened(kind: str, tmp_path: Path) -> Iterator[World]:
    root = tmp_path / "project"
    root.mkdir()
    world = world_of(kind, root)
    yield world
    world.local.close()
    assert list((root / ".outdo" / "tmp").glob("*")) == []


SLOW = pytest.mark.slow
ALL = [
    "folder",
    "folder, strace",
    pytest.param("bubblewrap", marks=SLOW),
    pytest.param("bubblewrap, strace", marks=SLOW),
]


@pytest.fixture(params=ALL)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    yield from opened(request.param, tmp_path)


@pytest.fixture(params=ALL[::2])
def untraced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    yield from opened(request.param, tmp_path)


@pytest.fixture(params=["folder, strace", pytest.param("bubblewrap, strace", marks=SLOW)])
def traced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    yield from opened(request.param, tmp_path)


@pytest.fixture
def bubble(tmp_path: Path) -> Iterator[World]:
    yield from opened("bubblewrap", tmp_path)


# what is seen


def test_a_declared_file_is_read_and_an_output_lands_in_the_project(world: World) -> None:
    assert world.run("cp data/a.csv out.csv", reads=["data/a.csv"], writes=["out.csv"]).ok
    assert world.text("out.csv") == "a"


def test_nothing_else_of_the_project_is_there(world: World) -> None:
    attempt = world.run("find . -type f | sort", reads=["data/a.csv", "params.yaml"])
    assert attempt.log == "./data/a.csv\n./params.yaml\n"


def test_a_declared_folder_is_there_whole(world: World) -> None:
    assert world.run("cat data/*.csv data/deep/c.csv", reads=["data"]).log == "abc"


def test_paths_may_be_absolute(world: World) -> None:
    reads, writes = [str(world.root / "data")], [str(world.root / "out.csv")]
    assert world.run("cp data/b.csv out.csv", reads=reads, writes=writes).ok
    assert world.text("out.csv") == "b"


@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(world: World, name: str) -> None:
    attempt = world.run('cp "$FILE" "$FILE.out"', reads=[name], writes=[f"{name}.out"], env={"FILE": name})
    assert (attempt.ok, attempt.dropped) == (True, [])
    assert world.text(f"{name}.out") == FILES[name]


def test_the_command_runs_in_its_folder(world: World) -> None:
    attempt = world.run("cat a.csv; echo x > made", reads=["data/a.csv"], writes=["data/made"], wdir="data")
    assert attempt.log == "a"
    assert world.text("data/made") == "x\n"


def test_the_folder_of_an_output_is_there(world: World) -> None:
    assert world.run("echo x > new/deep/out", writes=["new/deep/out"]).ok
    assert world.text("new/deep/out") == "x\n"


def test_an_output_that_is_there_already_can_be_gone_on_with(world: World) -> None:
    assert world.run("echo more >> notes.txt", writes=["notes.txt"]).ok
    assert world.text("notes.txt") == "privatemore\n"


def test_a_dependency_beside_the_project_is_seen(world: World) -> None:
    (world.root.parent / "shared").mkdir()
    (world.root.parent / "shared" / "x.csv").write_text("shared")
    assert world.run("cat ../shared/x.csv", reads=["../shared/x.csv"]).log == "shared"


def test_a_link_that_is_declared_leads_to_what_it_means(world: World) -> None:
    (world.root.parent / "elsewhere.csv").write_text("far")
    (world.root / "link.csv").symlink_to(world.root.parent / "elsewhere.csv")
    assert world.run("cat link.csv", reads=["link.csv"]).log == "far"


@SLOW
def test_links_in_a_folder_reach_the_store_when_it_is_shown(bubble: World) -> None:
    store = bubble.root / ".outdo" / "objects"
    store.mkdir()
    (store / "abc").write_text("kept")
    (bubble.root / "data" / "kept.csv").symlink_to("../.outdo/objects/abc")
    bubble.sandbox = Sandbox(BWRAP, None, shown=(str(store),))
    assert bubble.run("cat data/kept.csv", reads=["data"]).log == "kept"


def test_a_virtual_environment_in_the_project_is_seen(world: World) -> None:
    (world.root / ".venv" / "bin").mkdir(parents=True)
    (world.root / ".venv" / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(PYTHON))}\n")
    (world.root / ".venv" / "bin" / "python").symlink_to(os.path.realpath(PYTHON))
    attempt = world.run(".venv/bin/python -c 'import sys; print(sys.prefix)'")
    assert attempt.ok
    assert attempt.log.strip().endswith("/.venv")


def test_this_python_runs(world: World) -> None:
    attempt = world.run(f"{PYTHON} src/train.py", reads=["src"])
    assert attempt.log == "helped\n"


def test_the_environment_is_what_says_how_to_run(world: World) -> None:
    attempt = world.run("env", env={"MINE": "1"})
    assert {"PATH", "MINE"} <= {line.partition("=")[0] for line in attempt.log.splitlines()}
    assert "secret-value" not in attempt.log


def test_outdo_s_name_of_the_root_is_where_the_stage_is(world: World) -> None:
    assert (
        world.run('cat "$OUTDO_ROOT/data/a.csv"; cd "$OUTDO_ROOT" && ls', reads=["data/a.csv"]).log
        == "adata\n"
    )


def test_a_timeout_ends_it(world: World) -> None:
    attempt = world.run("sleep 60 & sleep 60", timeout=0.3)
    assert attempt.outcome.ending == "timeout"
    assert attempt.outcome.seconds < 5


def test_sigterm_leaves_time_to_save(world: World) -> None:
    saves = "trap 'echo saved > out; exit' TERM; while :; do sleep 0.02; done"
    assert world.run(saves, writes=["out"], timeout=0.3).outcome.ending == "timeout"
    assert world.text("out") == "saved\n"


def test_the_store_leaves_a_box_alone_that_is_in_use(world: World) -> None:
    sweeping = Scratch(str(world.root / ".outdo" / "tmp"))
    given = dict(os.environ)
    stage = Stage(StageName("s"), ("cat data/a.csv",))
    job = Job(stage.name, 1, stage.cmd, str(world.root), given, str(world.root / ".outdo" / "logs" / "log"))
    with world.sandbox.enter(str(world.root), stage, ["data/a.csv"], [], job) as box:
        sweeping.name()
        assert world.local.run(box.job, Cancel()).ok
    sweeping.close()


# what comes out


def test_what_is_written_elsewhere_is_dropped_and_told(world: World) -> None:
    attempt = world.run("echo x > out; echo x > stray; mkdir -p d/e; echo x > d/e/stray", writes=["out"])
    assert attempt.dropped == ["d/e/stray", "stray"]
    assert (world.root / "out").exists()
    assert not (world.root / "stray").exists()


def test_what_python_compiles_is_not_told(world: World) -> None:
    reads = ["src/train.py", "src/helpers.py"]
    assert world.run(f"{PYTHON} src/train.py", reads=reads).dropped == []


def test_a_dependency_can_not_be_changed(world: World) -> None:
    attempt = world.run("echo changed > data/a.csv", reads=["data/a.csv"])
    assert world.text("data/a.csv") == "a"
    assert not attempt.ok or attempt.dropped == ["data/a.csv"]


def test_nor_one_in_a_folder(world: World) -> None:
    attempt = world.run("rm data/a.csv && echo changed > data/b.csv", reads=["data"])
    assert (world.text("data/a.csv"), world.text("data/b.csv")) == ("a", "b")
    assert not attempt.ok or attempt.dropped == ["data/b.csv"]


def test_a_folder_replaces_the_one_before(world: World) -> None:
    (world.root / "model").mkdir()
    (world.root / "model" / "old").write_text("old")
    attempt = world.run("rm model/old; echo new > model/new; ln -s new model/latest", writes=["model"])
    assert attempt.ok
    assert sorted(path.name for path in (world.root / "model").iterdir()) == ["latest", "new"]


def test_an_output_beside_its_input_comes_out(world: World) -> None:
    attempt = world.run("cp data/a.csv data/out.csv", reads=["data/a.csv"], writes=["data/out.csv"])
    assert (attempt.ok, attempt.dropped) == (True, [])
    assert world.text("data/out.csv") == "a"
    assert world.text("data/b.csv") == "b"


@pytest.mark.parametrize("make", ["ln -s ../notes.txt out/x", "ln -s /etc/passwd out/x", "mkfifo out/x"])
def test_an_output_that_leads_out_or_is_no_file_stays_behind(world: World, make: str) -> None:
    attempt = world.run(f"mkdir out; echo good > out/y; {make}", writes=["out"])
    assert attempt.dropped == ["out/x"]
    assert not (world.root / "out").exists()


# which file was missing


def test_a_file_that_is_not_declared_is_named(world: World) -> None:
    attempt = world.run("cat data/b.csv", reads=["data/a.csv"])
    assert (attempt.ok, attempt.undeclared) == (False, ["data/b.csv"])


@pytest.mark.parametrize("name", NAMES)
def test_whatever_its_name(traced: World, name: str) -> None:
    attempt = traced.run('cat "$FILE" 2>/dev/null', env={"FILE": name})
    assert (attempt.ok, attempt.undeclared) == (False, [name])


@pytest.mark.parametrize("name", NAMES)
def test_python_s_words_name_it_without_a_trace(untraced: World, name: str) -> None:
    attempt = untraced.run(f"{PYTHON} -c 'import os; open(os.environ[\"FILE\"])'", env={"FILE": name})
    assert (attempt.ok, attempt.undeclared) == (False, [name])


@pytest.mark.parametrize("name", NAMES)
def test_so_do_those_of_cat(untraced: World, name: str) -> None:
    attempt = untraced.run('cat "$FILE"', env={"FILE": name, "LC_ALL": "C.UTF-8"})
    assert (attempt.ok, attempt.undeclared) == (False, [name])


def test_a_file_is_named_from_the_folder_of_the_stage(world: World) -> None:
    attempt = world.run("cat ../notes.txt b.csv", wdir="data")
    assert attempt.undeclared == ["data/b.csv", "notes.txt"]


def test_a_python_module_is_named(world: World) -> None:
    attempt = world.run(f"{PYTHON} src/train.py", reads=["src/train.py"])
    assert (attempt.ok, attempt.undeclared) == (False, ["src/helpers.py"])


def test_a_python_module_on_the_path_is_named(world: World) -> None:
    path = {"PYTHONPATH": str(world.root / "src")}
    attempt = world.run(f"{PYTHON} -c 'import pkg.part'", env=path)
    assert (attempt.ok, attempt.undeclared) == (False, ["src/pkg"])


def test_the_script_itself_is_named(world: World) -> None:
    assert world.run(f"{PYTHON} src/train.py").undeclared == ["src/train.py"]


def test_a_folder_is_named(untraced: World) -> None:
    assert untraced.run("ls data/deep", reads=["data/a.csv"]).undeclared == ["data/deep"]


def test_a_failure_of_another_kind_names_nothing(world: World) -> None:
    attempt = world.run(
        "cat data/a.csv; echo 'error: loss is nan in params or data'; exit 1", reads=["data/a.csv"]
    )
    assert (attempt.ok, attempt.undeclared) == (False, [])


def test_a_file_that_is_nowhere_is_not_named(world: World) -> None:
    assert world.run("cat data/z.csv").undeclared == []


def test_a_success_names_nothing(world: World) -> None:
    assert world.run("cat data/b.csv || true").undeclared == []


def test_what_the_log_says_of_an_earlier_attempt_does_not_count(untraced: World) -> None:
    assert untraced.run("cat data/b.csv").undeclared == ["data/b.csv"]
    assert untraced.run("exit 1").undeclared == []


@needs_strace
def test_in_a_folder_the_absolute_way_around_it_is_seen(tmp_path: Path) -> None:
    for world in opened("folder, strace", tmp_path):
        attempt = world.run(f"cat {world.root}/data/b.csv {world.root}/data/a.csv", reads=["data/a.csv"])
        assert (attempt.ok, attempt.undeclared) == (True, ["data/b.csv"])


def test_a_folder_says_what_it_can_not_do() -> None:
    limits = Sandbox(None, None).limits
    assert "network is not cut" in limits
    assert "named only if the stage's log names it" in limits


def test_bubblewrap_with_strace_has_no_limits() -> None:
    assert Sandbox(Bubblewrap(()), Tracer(())).limits == ""


def test_a_sandbox_is_always_found() -> None:
    sandbox = Sandbox.find()
    assert sandbox.kind == ("folder" if BWRAP is None else "bubblewrap")


# how much it costs


def test_a_folder_of_ten_thousand_files_is_one_mount(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    names = [f"data/{number}.csv" for number in range(10_000)]
    assert to_bind(str(tmp_path), ["data"], []) == (["data"], [])
    for name in names[:200]:
        (tmp_path / name).touch()
    assert to_bind(str(tmp_path), names[:200], []) == (["data"], [])


def test_of_too_many_files_the_largest_are_mounted(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    names = [f"{number:03}.csv" for number in range(100)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(bytes(number))
    mounted, copied = to_bind(str(tmp_path), names, [])
    assert len(mounted) == MOST_BINDS
    assert sorted(mounted) == names[100 - MOST_BINDS :]
    assert sorted(copied) == names[: 100 - MOST_BINDS]


def test_a_folder_that_is_written_to_is_not_mounted_whole(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    names = [f"data/{number}.csv" for number in range(100)]
    for name in names:
        (tmp_path / name).touch()
    mounted, copied = to_bind(str(tmp_path), names, ["data/out.csv"])
    assert (len(mounted), len(copied)) == (MOST_BINDS, 100 - MOST_BINDS)


@SLOW
@pytest.mark.parametrize("kind", ["folder", "bubblewrap"])
def test_ten_thousand_declared_files_take_seconds(tmp_path: Path, kind: str) -> None:
    for world in opened(kind, tmp_path):
        names = [f"many/{number}.csv" for number in range(10_000)]
        (world.root / "many").mkdir()
        for name in names:
            (world.root / name).write_text("x")
        began = time.monotonic()
        attempt = world.run("ls many | wc -l; echo x > out", reads=[*names, "data"], writes=["out"])
        assert attempt.log.strip() == "10000"
        assert time.monotonic() - began < 60


# pure parts


def test_the_outermost_of_paths() -> None:
    assert outermost(["a/b", "a", "a-b", "a/b/c", "b/c", "b/c"]) == ["a", "a-b", "b/c"]


def test_tools_never_show_the_home_or_the_project(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "home" / "work" / "project"
    for folder in ("bin", ".local/bin", ".local/lib", ".local/share", "work/project/bin", "work/bin"):
        (home / folder).mkdir(parents=True)
    path = [
        home / "bin",
        home / ".local" / "bin",
        home / "work",
        root / "bin",
        Path("/"),
        Path("/usr/bin"),
        home,
    ]
    env = {"PATH": ":".join(map(str, path)), "HOME": str(home)}
    assert tools(env, str(root), []) == [f"{home}/.local/bin", f"{home}/.local/lib", f"{home}/bin"]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: 'a b.csv'", "a b.csv"),
        ('Error in file("x.csv") : cannot open the connection', "x.csv"),
        ("cat: x y.csv: No such file or directory", "x y.csv"),
        ("ls: cannot access ‘x.csv’: No such file or directory", "x.csv"),
        ("error: unable to open data/x.csv, giving up", "data/x.csv"),
        ("error: no such file: --input=data/x.csv", "data/x.csv"),
        (r"FileNotFoundError: 'new\nline'", "new\nline"),
    ],
)
def test_a_complaint_names_its_file(line: str, path: str) -> None:
    assert path in [text for text, _ in paths(line)]


def test_modules_that_were_not_found_are_paths() -> None:
    text = "No module named 'a.b'\nImportError: cannot import name 'c' from 'pkg' (unknown location)"
    assert list(modules(text)) == ["a/b", "pkg/c"]


# what bubblewrap keeps away

ESCAPES = {
    "the environment of others": "cat /proc/*/environ | tr '\\0' '\\n' | grep secret-value",
    "the environment of the first process": "tr '\\0' '\\n' < /proc/1/environ | grep -q secret-value",
    "a secret in the home": "cat ~/.netrc ~/.ssh/id_rsa ~/.aws/credentials",
    "the project's secrets": "cat $OUTDO_ROOT/notes.txt",
    "another user's passwords": "cat /etc/shadow | grep .",
    "writing to the system": "echo x > /usr/bin/outdo-was-here",
    "writing beside the project": "echo x > $OUTDO_ROOT/../outdo-was-here; false",
    "mounting": "mount -o remount,rw /usr",
    "a device": "mknod /tmp/sda b 8 0",
    "other processes": "[ $(ls -d /proc/[0-9]* | wc -l) -gt 8 ]",
    "killing the engine": f"kill -9 {os.getpid()}",
    "docker": "ls /run/docker.sock /var/run/docker.sock",
    "the engine's files": "ls -l /proc/self/fd | grep -v -e pipe -e null -e 'total 0' -e /proc/ -e /log",
    "a hard link to an input": "ln data/a.csv stolen",
    "changing an input's rights": "chmod 777 data/a.csv",
    "the host's name space": "nsenter -t 1 -m true",
}


@SLOW
@pytest.mark.parametrize("escape", sorted(ESCAPES))
def test_bubblewrap_keeps_a_stage_from(bubble: World, escape: str) -> None:
    attempt = bubble.run(ESCAPES[escape], reads=["data/a.csv"])
    assert not attempt.ok, attempt.log
    assert bubble.text("data/a.csv") == "a"
    assert not os.path.exists("/usr/bin/outdo-was-here")
    assert not (bubble.root.parent / "outdo-was-here").exists()


@SLOW
def test_bubblewrap_cuts_the_network(bubble: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reach = f"{PYTHON} -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 1)'"
        assert not bubble.run(reach).ok
        assert bubble.local.run(
            Job(StageName("s"), 1, (reach,), "/", dict(os.environ), os.devnull), Cancel()
        ).ok


@SLOW
def test_processes_in_a_box_can_talk_to_each_other(bubble: World) -> None:
    pool = f"{PYTHON} -c 'from multiprocessing import Pool; print(sum(Pool(2).map(abs, [-1, 2])))'"
    assert bubble.run(pool).log == "3\n"


@SLOW
def test_nothing_that_leaves_its_session_outlives_the_box(bubble: World) -> None:
    attempt = bubble.run("setsid sleep 6161 & env -i setsid sleep 6161 & sleep 0.1")
    assert attempt.ok
    assert os.system("pgrep -f '^sleep 6161' > /dev/null") != 0


@SLOW
def test_temporary_files_are_its_own(bubble: World) -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp") as mine:
        assert not bubble.run(f"ls {mine.name}").ok
    assert bubble.run("echo x > /tmp/outdo-was-here && cat /var/tmp/outdo-was-here").log == "x\n"
    assert not os.path.exists("/tmp/outdo-was-here")


@SLOW
def test_kill_9_of_the_engine_leaves_nothing_in_a_box(bubble: World) -> None:
    engine = (
        "import os, sys\n"
        "from outdo.core.model import Stage\n"
        "from outdo.run.local import Local\n"
        "from outdo.run.ports import Cancel, Job\n"
        "from outdo.run.sandbox import Sandbox\n"
        "root = sys.argv[1]\n"
        "stage = Stage('s', ('setsid sleep 6262 & echo up; env -i setsid sleep 6262 & sleep 6262',))\n"
        "job = Job('s', 1, stage.cmd, root, dict(os.environ), root + '/log')\n"
        "with Sandbox.find().enter(root, stage, [], [], job) as box:\n"
        "    Local('engine').run(box.job, Cancel())\n"
    )
    process = subprocess.Popen([PYTHON, "-c", engine, str(bubble.root)])
    log = bubble.root / "log"
    while not log.exists() or "up" not in log.read_text():
        time.sleep(0.01)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 2
    while os.system("pgrep -f '^sleep 6262' > /dev/null") == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert os.system("pgrep -f '^sleep 6262' > /dev/null") != 0
    assert list((bubble.root / ".outdo" / "tmp").iterdir())
    assert bubble.run("true").ok  # which sweeps up what was left


@SLOW
@pytest.mark.parametrize("fault", ["fail", "die", "hang", "flood", "lose"])
def test_a_rehearsal_works_in_a_box(bubble: World, fault: str) -> None:
    stage = Stage(StageName("s"), ("true",))
    log = bubble.root / ".outdo" / "logs" / "log"
    job = Job(
        stage.name,
        1,
        stage.cmd,
        str(bubble.root),
        dict(os.environ),
        str(log),
        0.5 if fault == "hang" else None,
    )
    rehearsal = Rehearsal(bubble.local, parse_faults([f"s={fault}"]))
    with bubble.sandbox.enter(str(bubble.root), stage, [], [], job) as box:
        outcome = rehearsal.run(box.job, Cancel())
    ends = {"fail": ("exited", 1), "die": ("exited", 137), "hang": ("timeout", None)}
    assert (outcome.ending, outcome.exit_code) == ends.get(fault, ("exited", 0))
    assert log.exists() == (fault != "lose")
