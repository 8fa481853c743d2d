"""Which undeclared reads an audit tells of, by strace and by inotify alike."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from outdo.core.model import StageName
from outdo.run.audit import Audit
from outdo.run.local import Local
from outdo.run.ports import Cancel, Job
from outdo.run.trace import Opened, Tracer, read_notes

FILES = {
    "data/a.csv": "a",
    "data/b.csv": "b",
    "params.yaml": "lr: 1",
    "src/train.py": "import helpers\n",
    "src/helpers.py": "X = 1\n",
    "strange/with space.csv": "s",
    "strange/ünï.csv": "u",
    "strange/new\nline.csv": "n",
    "strange/a<b>'c\".csv": "q",
    "run.sh": "#!/bin/sh\ncat params.yaml\n",
    ".git/config": "",
    ".venv/pyvenv.cfg": "",
    ".venv/lib/x.py": "",
}
PYTHON = sys.executable


class World:
    """A project's folder, a way to audit, and an executor."""

    def __init__(self, root: Path, audit: Audit) -> None:
        self.root = root
        self.audit = audit
        self.local = Local("test")
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / "run.sh").chmod(0o755)
        (root / ".outdo").mkdir()

    def findings(self, command: str, declared: Sequence[str] = (), wdir: str = ".") -> list[str]:
        """What a stage of this command read in secret."""
        cwd = os.path.normpath(self.root / wdir)
        job = Job(StageName("s"), 1, (command,), cwd, dict(os.environ), str(self.root / ".outdo" / "log"))
        with self.audit.enter(str(self.root), job, declared) as trail:
            outcome = self.local.run(trail.job, Cancel())
            assert outcome.ending == "exited"
            assert not trail.incomplete
            return trail.findings()


def audit_of(kind: str) -> Audit:
    if kind == "inotify":
        if sys.platform != "linux":
            pytest.skip("inotify is Linux's")
        return Audit("inotify")
    tracer = Tracer.find()
    if tracer is None:
        pytest.skip("strace is not installed, or may not trace")
    return Audit("strace", tracer)


@pytest.fixture(params=["strace", "inotify"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, audit_of(request.param))
    yield world
    world.local.close()
    assert list((tmp_path / ".outdo").glob("tmp/*")) == []


def test_an_honest_stage_has_no_findings(world: World) -> None:
    assert world.findings("cat data/a.csv > out.csv", ["data/a.csv", "out.csv"]) == []


def test_an_undeclared_read_is_found(world: World) -> None:
    assert world.findings("cat data/a.csv data/b.csv", ["data/a.csv"]) == ["data/b.csv"]


def test_it_does_not_fail_for_it(world: World) -> None:
    world.findings("cat data/b.csv > out")
    assert (world.root / "out").read_text() == "b"


def test_declared_paths_may_be_absolute(world: World) -> None:
    assert world.findings("cat data/a.csv data/b.csv", [str(world.root / "data" / "a.csv")]) == ["data/b.csv"]


def test_a_declared_folder_covers_what_is_in_it(world: World) -> None:
    assert world.findings("cat data/a.csv params.yaml", ["data"]) == ["params.yaml"]


def test_names_are_found_from_the_folder_of_the_stage(world: World) -> None:
    assert world.findings("cat b.csv ../params.yaml; cd ..; cat run.sh", wdir="data") == [
        "data/b.csv",
        "params.yaml",
        "run.sh",
    ]


@pytest.mark.parametrize("name", sorted(path for path in FILES if path.startswith("strange/")))
def test_any_name_will_do(world: World, name: str) -> None:
    quoted = name.replace("'", "'\\''")
    assert world.findings(f"cat '{quoted}'") == [name]


def test_a_module_is_found(world: World) -> None:
    assert world.findings(f"{PYTHON} src/train.py", ["src/train.py"]) == ["src/helpers.py"]


def test_a_module_is_found_although_it_is_compiled_already(world: World) -> None:
    compiles = f"env -u PYTHONDONTWRITEBYTECODE {PYTHON} src/train.py"
    world.findings(compiles)
    assert list((world.root / "src" / "__pycache__").iterdir())
    assert world.findings(compiles, ["src/train.py"]) == ["src/helpers.py"]


def test_a_script_that_is_executed_is_found(world: World) -> None:
    assert world.findings("./run.sh") == ["params.yaml", "run.sh"]


def test_what_the_stage_made_itself_is_no_finding(world: World) -> None:
    assert (
        world.findings("echo x > tmp1; cat tmp1; mv tmp1 tmp2; cat tmp2; mkdir d; echo y > d/z; cat d/z")
        == []
    )


def test_a_file_that_is_only_written_is_no_finding(world: World) -> None:
    assert world.findings("echo x >> params.yaml; echo y > data/b.csv") == []


def test_what_git_and_the_environment_hold_is_no_finding(world: World) -> None:
    assert world.findings("cat .git/config .venv/pyvenv.cfg .venv/lib/x.py") == []


def test_a_link_to_something_declared_is_no_finding(world: World) -> None:
    (world.root / "link.csv").symlink_to("data/a.csv")
    assert world.findings("cat link.csv", ["data/a.csv"]) == []


def test_a_name_that_leads_nowhere_is_no_finding(world: World) -> None:
    assert world.findings("cat data/none.csv || true") == []


def test_listing_a_folder_is_no_finding(world: World) -> None:
    assert world.findings("ls data > /dev/null") == []


def test_children_are_followed(world: World) -> None:
    assert world.findings("(sh -c 'cat data/b.csv' & wait)") == ["data/b.csv"]


def test_each_command_is_followed(world: World) -> None:
    commands = ("cat data/a.csv", "cat data/b.csv")
    job = Job(
        StageName("s"), 1, commands, str(world.root), dict(os.environ), str(world.root / ".outdo" / "log")
    )
    with world.audit.enter(str(world.root), job, ()) as trail:
        world.local.run(trail.job, Cancel())
        assert trail.findings() == ["data/a.csv", "data/b.csv"]


def test_the_findings_can_be_asked_for_twice(world: World) -> None:
    job = Job(
        StageName("s"),
        1,
        ("cat run.sh",),
        str(world.root),
        dict(os.environ),
        str(world.root / ".outdo" / "log"),
    )
    with world.audit.enter(str(world.root), job, ()) as trail:
        world.local.run(trail.job, Cancel())
        assert trail.findings() == trail.findings() == ["run.sh"]


def test_strace_tells_stages_apart_and_inotify_says_that_it_can_not() -> None:
    assert not Audit("strace").one_at_a_time
    assert Audit("inotify").one_at_a_time
    assert Audit("strace").limits == ""
    assert "one at a time" in Audit("inotify").limits


def test_without_either_nothing_is_audited_and_that_is_said(tmp_path: Path) -> None:
    world = World(tmp_path, Audit("none"))
    assert world.findings("cat data/b.csv") == []
    assert "nothing can be audited" in world.audit.limits
    world.local.close()


def test_some_way_is_found_here() -> None:
    assert Audit.find().kind in ("strace", "inotify", "none")


# strace's notes


def opened(tmp_path: Path, *lines: str) -> list[Opened]:
    (tmp_path / "notes").write_text("".join(f"{line}\n" for line in lines))
    return list(read_notes(str(tmp_path / "notes"), "/cwd"))


READ = Opened("/a/x", True, True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('1 openat(AT_FDCWD</a>, "x", O_RDONLY|O_CLOEXEC) = 3</a/x>', READ),
        ('1 openat(5</a/b>, "../x", O_RDONLY) = 3</a/x>', READ),
        ('1 openat(AT_FDCWD</cwd>, "/a/x", O_RDONLY) = 3</a/x>', READ),
        ('1 openat(AT_FDCWD</cwd>, "/a/x", O_RDWR|O_CREAT, 0644) = 3</a/x>', READ),
        ('1 openat2(AT_FDCWD</a>, "x", {flags=O_RDONLY, resolve=0}, 24) = 3</a/x>', READ),
        ('1 execve("/a/x", ["x"], 0x7ffe /* 9 vars */) = 0', READ),
        (
            '1 openat(AT_FDCWD</a>, "x", O_RDONLY) = -1 ENOENT (No such file or directory)',
            Opened("/a/x", False, True),
        ),
        (
            '1 openat(AT_FDCWD</a>, "x", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</a/x>',
            Opened("/a/x", True, False),
        ),
        ('1 openat(AT_FDCWD</a>, "x", O_WRONLY|O_APPEND) = 3</a/x>', Opened("/a/x", True, False)),
        ('1 openat(AT_FDCWD</a>, "x", O_RDONLY|O_DIRECTORY) = 3</a/x>', Opened("/a/x", True, False)),
        (
            '1 renameat2(AT_FDCWD</b>, "y", AT_FDCWD</a>, "x", RENAME_NOREPLACE) = 0',
            Opened("/a/x", True, False),
        ),
        ('1 open("x", O_RDONLY) = 3</cwd/x>', Opened("/cwd/x", True, True)),
        (
            r'1 openat(AT_FDCWD</a \74\76>, "\303\274\n\"", O_RDONLY) = 3</a>',
            Opened('/a <>/ü\n"', True, True),
        ),
    ],
)
def test_a_note_is_read(tmp_path: Path, line: str, expected: Opened) -> None:
    assert opened(tmp_path, line) == [expected]


def test_a_call_that_another_interrupts_is_put_together(tmp_path: Path) -> None:
    lines = [
        '1 openat(AT_FDCWD</a>, "x", O_RDONLY <unfinished ...>',
        '2 chdir("/b") = 0',
        "1 <... openat resumed>) = 3",
    ]
    assert opened(tmp_path, *lines) == [READ]


def test_a_process_is_followed_from_folder_to_folder(tmp_path: Path) -> None:
    assert opened(tmp_path, '1 chdir("/b") = 0', '1 chdir("../a") = 0', '1 open("x", O_RDONLY) = 3') == [READ]


def test_a_program_started_by_a_relative_name_is_where_its_process_turns_out_to_be(tmp_path: Path) -> None:
    lines = [
        '9 execve("./x", ["./x"], 0x7 /* 1 var */) = 0',
        '9 openat(AT_FDCWD</a>, "y", O_RDONLY) = 3</a/y>',
    ]
    assert opened(tmp_path, *lines)[0] == READ


@pytest.mark.parametrize(
    "line", ["", "nonsense", "1 +++ exited with 0 +++", '1 openat(AT_FDCWD</a>, "x", O_RDO']
)
def test_a_line_of_another_kind_is_passed_over(tmp_path: Path, line: str) -> None:
    assert opened(tmp_path, line) == []
