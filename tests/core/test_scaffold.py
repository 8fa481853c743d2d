"""Scaffold: a first file that fits what a folder holds, and that can always be read."""

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.config import read_project
from outdo.core.graph import Graph, build
from outdo.core.guess import Folder
from outdo.core.model import Output, Stage
from outdo.core.scaffold import example, scaffold, scalar
from outdo.core.starter import starter

PREPARE = 'pd.read_csv("data/raw.csv").to_csv("data/clean.csv")'
TRAIN = 'joblib.dump(fit(pd.read_csv("data/clean.csv")), "model.pkl")'
EVALUATE = 'joblib.load("model.pkl"); Path("metrics.json").write_text(x); plt.savefig("roc.png")'
FLIGHTS = {"evaluate.py": EVALUATE, "prepare.py": PREPARE, "train.py": TRAIN, "data/raw.csv": "a,b\n"}


def folder(files: dict[str, str], tracked: frozenset[str] = frozenset()) -> Folder:
    return Folder(
        "flights", frozenset(files), {p: t for p, t in files.items() if not p.endswith(".csv")}, tracked
    )


def read(text: str, files: dict[str, str]) -> Graph:
    return build(read_project("outdo.yaml", text, files.get).pipeline.stages)


def drafted(files: dict[str, str], tracked: frozenset[str] = frozenset()) -> dict[str, Stage]:
    graph = read(scaffold(folder(files, tracked)).text, files)
    return {str(name): stage for name, stage in graph.stages.items()}


def text_of(files: dict[str, str]) -> str:
    return scaffold(folder(files)).text


# ------------------------------------------------------------------ stages


def test_scripts_become_stages_in_the_order_of_their_data() -> None:
    assert list(drafted(FLIGHTS)) == ["prepare", "train", "evaluate"]


def test_a_stage_has_its_command_and_depends_on_its_script_and_what_it_reads() -> None:
    train = drafted(FLIGHTS)["train"]
    assert train.cmd == ("python train.py",)
    assert train.deps == ("train.py", "data/clean.csv")


def test_what_it_writes_is_an_output_with_its_role() -> None:
    assert drafted(FLIGHTS)["evaluate"].outs == (Output("metrics.json", "metric"), Output("roc.png", "plot"))


def test_each_guess_says_where_it_was_seen() -> None:
    assert "- data/clean.csv   # to_csv, line 1" in text_of(FLIGHTS)


def test_the_first_sentence_of_a_script_describes_the_stage() -> None:
    assert (
        drafted({"train.py": f'"""Fits: a "forest". Slowly."""\n{TRAIN}'})["train"].desc == 'Fits: a "forest"'
    )


def test_its_keys_of_params_yaml_are_tracked() -> None:
    script = f'params = yaml.safe_load(open("params.yaml"))["train"]\n{TRAIN}'
    stage = drafted({"train.py": script, "params.yaml": "train: {lr: 0.1}\nsplit: {seed: 1}\n"})["train"]
    assert [str(param) for param in stage.params] == ["train"]
    assert "params.yaml" not in stage.deps


def test_a_params_file_that_is_no_mapping_is_a_dependency() -> None:
    script = f'params = open("params.yaml")\n{TRAIN}'
    assert "params.yaml" in drafted({"train.py": script, "params.yaml": "- 1\n"})["train"].deps


def test_modules_of_the_folder_are_dependencies_and_no_stages() -> None:
    files = {
        "src/train.py": f"from features import f\n{TRAIN}",
        "src/features.py": "import tools\ndef f(): pass",
    }
    stages = drafted(files | {"tools/__init__.py": "X = 1"})
    assert list(stages) == ["train"]
    assert stages["train"].deps == ("src/train.py", "src/features.py", "tools/__init__.py")


def test_the_command_line_of_a_shell_script_is_taken_over() -> None:
    files = {"train.py": "fit()", "run.sh": "python train.py --data raw.csv --out model.pkl\n", "raw.csv": ""}
    stage = drafted(files)["train"]
    assert stage.cmd == ("python train.py --data raw.csv --out model.pkl",)
    assert (stage.deps, stage.outs) == (("train.py", "raw.csv"), (Output("model.pkl"),))


def test_the_entry_points_of_an_mlproject_are_taken_over() -> None:
    point = "entry_points:\n  main:\n    parameters: {lr: {default: 0.1}}\n    command: python train.py --lr {lr}\n"
    assert drafted({"train.py": "fit()", "MLproject": point})["train"].cmd == ("python train.py --lr 0.1",)


def test_a_shell_script_that_works_itself_is_a_stage() -> None:
    files = {"download.sh": "curl -s https://x.example/raw.csv > data/raw.csv\n"}
    assert drafted(files)["download"].outs == (Output("data/raw.csv"),)


def test_numbers_before_names_give_the_order_and_are_dropped() -> None:
    files = {"02_a.py": 'f.to_csv("a.csv")', "01_b.py": 'f.to_csv("b.csv")', "10_c.py": 'f.to_csv("c.csv")'}
    assert text_of(files).index("\n  b:") < text_of(files).index("\n  a:") < text_of(files).index("\n  c:")


def test_notebooks_are_stages_where_there_are_no_scripts() -> None:
    cells = '{"cells": [{"cell_type": "code", "source": ["%pip x\\n", "f.to_csv(\'../out.csv\')"]}]}'
    stages = drafted({"nb/look.ipynb": cells})
    assert stages["look"].outs == (Output("reports/nb/look.html"), Output("out.csv"))
    assert list(drafted(FLIGHTS | {"nb/look.ipynb": cells})) == ["prepare", "train", "evaluate"]


@pytest.mark.parametrize(
    "name", ["setup.py", "tests/test_train.py", "test_train.py", "train_test.py", "conftest.py"]
)
def test_tests_and_set_up_are_no_stages(name: str) -> None:
    assert "stages:\n  hello:" in text_of({name: TRAIN})


def test_a_server_is_no_stage() -> None:
    assert "stages:\n  hello:" in text_of({"app.py": f"import fastapi\n{TRAIN}"})


# ------------------------------------------------------------------ doubts


def test_an_input_that_is_not_here_is_a_doubt_and_no_dependency() -> None:
    assert drafted({"train.py": TRAIN})["train"].deps == ("train.py",)
    assert "# look: it reads 'data/clean.csv', which is not here yet" in text_of({"train.py": TRAIN})


def test_an_output_of_two_scripts_goes_to_one() -> None:
    files = {"prepare.py": PREPARE, "train.py": f'f.to_csv("data/clean.csv")\n{TRAIN}'}
    assert drafted(files)["prepare"].outs == (Output("data/clean.csv"),)
    assert "it writes 'data/clean.csv' too, as 'prepare' does" in text_of(files)


def test_a_file_changed_in_place_is_no_output() -> None:
    files = {"clean.py": 'f = pd.read_csv("a.csv")\nf.to_csv("a.csv")', "a.csv": ""}
    assert drafted(files)["clean"].outs == ()
    assert "it changes 'a.csv', which it reads" in text_of(files)


def test_a_ring_is_cut_where_the_later_feeds_the_earlier() -> None:
    files = {
        "train.py": 'pd.read_csv("score.csv").to_csv("model.csv")',
        "evaluate.py": 'pd.read_csv("model.csv").to_csv("score.csv")',
    }
    assert drafted(files)["evaluate"].deps == ("evaluate.py", "model.csv")
    assert "it reads 'score.csv' of 'evaluate', which comes after it" in text_of(files)


def test_what_git_has_is_not_kept_in_the_store() -> None:
    stage = drafted(FLIGHTS, frozenset({"metrics.json"}))["evaluate"]
    assert [out.cache for out in stage.outs] == [False, True]


def test_a_script_that_asks_for_arguments_is_a_doubt() -> None:
    files = {"train.py": f'parser.add_argument("--data", required=True)\n{TRAIN}'}
    assert "# look: the script asks for arguments" in text_of(files)
    assert scaffold(folder(files)).doubts == 2


def test_data_that_nothing_reads_is_named() -> None:
    files = FLIGHTS | {"data/extra.csv": ""}
    assert "# Also here, and used by no stage above: data/extra.csv" in text_of(files)


def test_the_next_step_is_shown_for_the_model_and_holds_when_uncommented() -> None:
    head, _, hint = text_of(FLIGHTS).partition("# models:")
    models = "\n".join(line.removeprefix("# ").removeprefix("#") for line in f"# models:{hint}".splitlines())
    project = read_project("outdo.yaml", f"{head}\n{models}\n", FLIGHTS.get)
    assert project.models["flights"].path == "model.pkl"
    assert project.models["flights"].evaluate == "evaluate"


# ------------------------------------------------------------------ always valid


def test_an_empty_folder_gets_an_example_that_holds() -> None:
    assert list(read(example(folder({})), {}).stages) == ["hello"]


def test_the_frame_in_the_example_holds_when_uncommented() -> None:
    lines = example(folder({})).split("\n")
    frame = [line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in lines]
    assert list(read("\n".join(frame), {}).stages) == ["hello", "train"]


def test_the_demo_holds() -> None:
    files = starter()
    assert list(build(read_project("outdo.yaml", files["outdo.yaml"], files.get).pipeline.stages).stages) == [
        "prepare",
        "train",
        "evaluate",
    ]


@given(
    st.text(alphabet=st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' $\\{}"'), min_size=1)
)
@hypothesis.example("${")
@hypothesis.example("\\${a}")
def test_a_scalar_is_read_back_as_the_same_text(text: str) -> None:
    words = f"project: {scalar(text)}\nstages: {{}}\n"
    assert read_project("outdo.yaml", words, lambda _: None).pipeline.project == text


PATHS = """
a.csv b.csv data data/ data/a.csv data/deep/c.parquet out/m.pkl metrics.json roc.png ../up.csv /abs/x.csv ~/h.csv
params.yaml outdo.yaml .git/x.txt .outdo/y.bin yes.csv 1.5 it's.csv q"q.csv x:y.csv #h.csv ü.csv ${v}.csv $x.csv
data/*.csv **/*.csv [ab].csv a?.csv {a}.csv &a.csv !t.csv %p.csv train.py train.py/x.csv s3://b/k.csv ./a.csv
data/../a.csv a.csv/b.csv C:\\x.csv
"""
CALLS = """
pd.read_csv({}) f.to_csv({}) open({},'w') open({}) joblib.dump(m,{}) glob.glob({}) use({}) os.listdir({})
Path({}).write_text('') Path('data').glob({}) shutil.copy({},'copy.csv') p.add_argument('--a',default={})
p=yaml.safe_load(open('params.yaml'))['train']
"""
NAMES = """
train.py prepare.py src/train.py 01_get.py 2.py yes.py ü.py run.sh x.py a'b.py c"d.py ${e}.py null.py nb.ipynb
src/__init__.py lib/util.py Makefile MLproject -h.py #i.py download.sh data/fit.py train_test_split.py a:b.py *.py
"""
paths = st.sampled_from([*PATHS.split(), "a b.csv", "- d.csv", " .csv", "a\nb.csv", "\x1b.csv", "\u202e.csv"])
names = st.sampled_from([*NAMES.split(), "evaluate it.py", "f\ng.py"])
calls = st.builds(lambda call, path: call.format(repr(path)), st.sampled_from(CALLS.split()), paths)
scripts = st.dictionaries(names, st.lists(calls, max_size=5).map("\n".join), max_size=6)
data = st.dictionaries(paths.filter(lambda path: path[-1] != "/"), st.just(""), max_size=6)
params = st.sampled_from(
    ["train: {lr: 1}\n", "", "[1]", "a: [", "a.b: 1\n1: 2\n", "train:\n", "é: 1\n", "a: ${b}\n"]
)


@settings(max_examples=200)
@given(scripts, data, params, st.frozensets(paths, max_size=5))
def test_whatever_the_folder_holds_the_file_can_be_read(
    scripts: dict[str, str], data: dict[str, str], params: str, tracked: frozenset[str]
) -> None:
    files = {**data, **scripts, "params.yaml": params}
    draft = scaffold(folder(files, tracked))
    graph = read(draft.text, files)
    assert set(draft.stages or ["hello"]) == set(graph.stages)
