"""`outdo init` and `outdo graph` on real folders, through the command line."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outdo.app.init import init, look
from outdo.app.project import open_project
from outdo.cli.graph import command as graph_command
from outdo.cli.init import command as init_command
from outdo.core.config import read_project
from outdo.core.errors import AlreadyThere, CantWrite, Mistakes
from outdo.core.guess import Folder
from outdo.core.model import Stage
from outdo.core.scaffold import scaffold

TRAIN = 'import pandas as pd\npd.read_csv("data/raw.csv").to_pickle("model.pkl")\n'
DVC = "stages:\n  train:\n    cmd: python train.py\n    deps: [train.py]\n    outs: [model.pkl]\n"
FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"

Call = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def outdo_init(folder: Path) -> Call:
    return lambda *words: CliRunner().invoke(
        init_command, words, catch_exceptions=False, standalone_mode=False
    )


@pytest.fixture
def outdo_graph(folder: Path) -> Call:
    return lambda *words: CliRunner().invoke(
        graph_command, words, catch_exceptions=False, standalone_mode=False
    )


def lay(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# ------------------------------------------------------------------ init


def test_scripts_become_stages(folder: Path, outdo_init: Call) -> None:
    lay(folder, train_py=TRAIN, data__raw_csv="a\n")
    told = outdo_init()
    assert told.stdout == ""
    assert "created outdo.yaml" in told.stderr
    assert told.stderr.endswith("next: outdo run\n")
    assert open_project(".").graph.stages["train"].deps == ("train.py", "data/raw.csv")  # type: ignore[index]


def test_the_state_folder_ignores_itself(folder: Path, outdo_init: Call) -> None:
    outdo_init()
    assert (folder / ".outdo" / ".gitignore").read_text() == "*\n"


def test_an_empty_folder_gets_an_example_that_runs(folder: Path, outdo_init: Call) -> None:
    assert "the file has an example" in outdo_init().stderr
    assert list(open_project(".").graph.stages) == ["hello"]


def test_a_file_that_is_there_is_never_written_over(folder: Path) -> None:
    lay(folder, outdo_yaml="stages: {}\n")
    with pytest.raises(AlreadyThere):
        init(".", force=True)
    assert (folder / "outdo.yaml").read_text() == "stages: {}\n"


def test_the_demo_writes_over_nothing(folder: Path) -> None:
    lay(folder, train_py="mine")
    with pytest.raises(AlreadyThere, match=r"'train\.py' is here already"):
        init(".", demo=True)
    assert os.listdir(folder) == ["train.py"]


def test_a_dvc_pipeline_stays_as_it_is(folder: Path, outdo_init: Call) -> None:
    lay(folder, dvc_yaml=DVC)
    assert "dvc.yaml is a valid pipeline as it is" in outdo_init().stderr
    assert os.listdir(folder) == ["dvc.yaml"]


def test_with_force_its_stages_are_taken_over(folder: Path, outdo_init: Call) -> None:
    lay(folder, dvc_yaml=DVC)
    outdo_init("--force")
    assert open_project(".").file == "outdo.yaml"
    assert open_project(".").graph.stages["train"].cmd == ("python train.py",)  # type: ignore[index]


def test_mistakes_in_a_dvc_pipeline_are_told_and_nothing_is_written(folder: Path) -> None:
    lay(folder, dvc_yaml="stages: {train: {command: a}}\n")
    with pytest.raises(Mistakes):
        init(".", force=True)
    assert os.listdir(folder) == ["dvc.yaml"]


def test_outputs_that_git_has_stay_with_git(folder: Path, outdo_init: Call) -> None:
    lay(folder, train_py=TRAIN, model_pkl="old")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "model.pkl"], check=True)
    outdo_init()
    assert [out.cache for out in open_project(".").graph.stages["train"].outs] == [False]  # type: ignore[index]


def test_what_is_not_the_project_s_own_is_not_looked_at(folder: Path) -> None:
    lay(folder, a_py="", __venv__pyvenv_cfg="", env__lib__b_py="", node__modules__c_py="")
    lay(folder, virtual__pyvenv_cfg="", virtual__lib__d_py="", a__b__c__d__e__deep_py="")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "e.py").touch()
    assert not {path for path in look(".").files if path.endswith(("b.py", "d.py", "e.py", "deep.py"))}


def test_files_that_are_no_text_are_passed_over(folder: Path) -> None:
    (folder / "train.py").write_bytes(b"\xff\xfe\x00")
    (folder / os.fsdecode(b"bad\xff.py")).touch()
    (folder / "loop.py").symlink_to("loop.py")
    assert init(".").stages == ()


def test_a_folder_that_can_t_be_written_is_said_and_gets_no_pipeline(folder: Path) -> None:
    lay(folder, train_py=TRAIN)
    (folder / ".outdo").touch()
    with pytest.raises(CantWrite):
        init(".")
    assert not (folder / "outdo.yaml").exists()


def test_for_a_program_it_is_one_object(outdo_init: Call) -> None:
    told = json.loads(outdo_init("--demo", "--json").stdout)
    assert told["schema"] == "outdo.init/1"
    assert told["data"]["stages"] == ["prepare", "train", "evaluate"]
    assert told["next"] == "outdo run"


def test_the_guess_for_the_example_is_what_its_author_wrote() -> None:
    read = {path: (FLIGHTS / path).read_text() for path in look(str(FLIGHTS)).texts}
    draft = scaffold(Folder("flights", frozenset(read), read))
    guessed = {stage.cmd: stage for stage in stages_of(draft.text)}
    for stage in stages_of((FLIGHTS / "outdo.yaml").read_text()):
        guess = guessed[stage.cmd]
        assert {param.key for param in guess.params} == {param.key for param in stage.params}
        assert {inside(dep) for dep in guess.deps} == {inside(dep) for dep in stage.deps}
        assert {inside(out.path) for out in guess.outs} == {inside(out.path) for out in stage.outs}


def stages_of(text: str) -> tuple[Stage, ...]:
    return read_project("outdo.yaml", text, lambda path: (FLIGHTS / path).read_text()).pipeline.stages


def inside(path: str) -> str:
    """The model's folder for a file in it: the author names the folder, the guess its files."""
    return "model" if path.startswith("model/") else path


# ------------------------------------------------------------------ graph


@pytest.fixture
def demo(folder: Path) -> Path:
    init(".", demo=True)
    return folder


@pytest.mark.usefixtures("demo")
def test_the_demo_is_drawn(outdo_graph: Call) -> None:
    lines = outdo_graph().stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["●", "├─●", "●─╯"]


@pytest.mark.usefixtures("demo")
def test_a_target_is_drawn_with_what_it_needs(outdo_graph: Call) -> None:
    told = json.loads(outdo_graph("train", "--json").stdout)
    assert [stage["name"] for stage in told["data"]["stages"]] == ["prepare", "train"]


@pytest.mark.usefixtures("demo")
def test_with_status_each_stage_is_marked(outdo_graph: Call) -> None:
    assert "will run" in outdo_graph("--status").stdout


@pytest.mark.usefixtures("demo")
def test_with_outputs_files_are_drawn(outdo_graph: Call) -> None:
    assert "build/model.json" in outdo_graph("--outputs").stdout


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("file", "start"),
    [("a.svg", "<svg "), ("a.mmd", "flowchart "), ("new/a.dot", "digraph "), ("a.json", "{"), ("a", "●")],
)
def test_the_ending_of_the_file_says_the_format(outdo_graph: Call, file: str, start: str) -> None:
    told = outdo_graph("-o", file)
    assert Path(file).read_text().startswith(start)
    assert (told.stdout, told.stderr) == ("", f"wrote {file}\n")


@pytest.mark.usefixtures("demo")
def test_a_file_that_can_t_be_written_is_said(outdo_graph: Call) -> None:
    with pytest.raises(CantWrite):
        outdo_graph("-o", "train.py/a.svg")
