"""`outdo.yaml` to a pipeline."""

import time

import pytest

from outdo.core.config import Project, read_project
from outdo.core.digest import digest_bytes
from outdo.core.model import Output, Param, Place, Resources, Source, Stage, StageName
from outdo.core.paths import OwnPath
from outdo.core.sections import Artifact, Plot


def read(text: str, files: dict[str, str] | None = None, name: str = "outdo.yaml") -> Project:
    return read_project(name, text, (files or {}).get, "folder")


def stages(text: str, **files: str) -> dict[str, Stage]:
    """The stages of a file with this `stages`; `a_yaml` is the file `a.yaml`, `sub__a_yaml` is `sub/a.yaml`."""
    named = {name.replace("__", "/").replace("_", "."): content for name, content in files.items()}
    return {stage.name: stage for stage in read(text, named).pipeline.stages}


def only(text: str, **files: str) -> Stage:
    [stage] = stages(text, **files).values()
    return stage


# ------------------------------------------------------------------ a stage


def test_a_stage_has_its_command_its_paths_and_its_line() -> None:
    text = "stages:\n  train:\n    cmd: python train.py\n    deps: [train.py, data/]\n    outs: [model/]\n"
    assert only(text) == Stage(
        name=StageName("train"),
        cmd=("python train.py",),
        deps=("train.py", "data"),
        outs=(Output("model"),),
        place=Place("outdo.yaml", 2, 3),
        spelled={"data": "data/", "model": "model/"},
    )


def test_everything_else_has_its_place_in_a_stage() -> None:
    text = """
stages:
  train:
    cmd: x
    frozen: true
    always_changed: true
    desc: Trains
    meta: {anything: [1]}
    resources: {cpu: 2, gpu: 0.5, memory: 4GB}
    timeout: 1h30m
    retries: 2
    env: {SEED: 7, DEBUG: true, NAME: x}
    sandbox: true
"""
    stage = only(text)
    assert (stage.frozen, stage.always_changed, stage.desc, stage.sandbox) == (True, True, "Trains", True)
    assert stage.resources == Resources(2, 0.5, 4_000_000_000)
    assert (stage.timeout, stage.retries) == (5400, 2)
    assert stage.env == {"SEED": "7", "DEBUG": "true", "NAME": "x"}


def test_a_text_of_several_lines_is_one_command_a_line() -> None:
    text = "stages:\n  s:\n    cmd: |\n      one \\\n        more\n\n      # a comment\n      two\n"
    assert only(text).cmd == ("one \\\n  more", "two")


def test_a_list_of_commands_stays_as_it_is() -> None:
    assert only("stages: {s: {cmd: [one, 'two\n\n three']}}").cmd == ("one", "two\nthree")


def test_outputs_carry_their_flags_and_role() -> None:
    text = """
stages:
  s:
    cmd: x
    outs: [a, b/: {cache: false, persist: true, push: false, remote: r, desc: d, type: t, labels: [l], meta: 1}]
    metrics: [m.json: {cache: false}]
    plots: [p.csv: {x: fpr, y: tpr, template: linear, title: T, x_label: X, y_label: Y, header: false}]
"""
    assert only(text).outs == (
        Output("a"),
        Output("b", cache=False, persist=True, push=False, remote="r", desc="d"),
        Output("m.json", "metric", cache=False),
        Output("p.csv", "plot"),
    )
    assert read(text).plots == {
        "p.csv": Plot(x="fpr", y="tpr", template="linear", title="T", x_label="X", y_label="Y", header=False)
    }


def test_params_are_keys_of_files() -> None:
    text = "stages: {s: {cmd: x, params: [lr, a.b, lr, {o.json: [k], p.toml: null}, {q.py: }]}}"
    assert only(text).params == (
        Param("params.yaml", "lr"),
        Param("params.yaml", "a.b"),
        Param("o.json", "k"),
        Param("p.toml"),
        Param("q.py"),
    )


def test_paths_are_seen_from_the_working_folder() -> None:
    text = """
stages:
  s:
    wdir: sub
    cmd: x
    deps: [x, ../y, ../../z, /abs/z, ./m//n/, "q/*.csv"]
    outs: [o/, ../p]
    params: [lr, {./o.json: [k]}]
"""
    stage = only(text)
    assert stage.wdir == "sub"
    assert stage.deps == ("sub/x", "y", "../z", "/abs/z", "sub/m/n", "sub/q/*.csv")
    assert [out.path for out in stage.outs] == ["sub/o", "p"]
    assert stage.params == (Param("sub/params.yaml", "lr"), Param("sub/o.json", "k"))


def test_a_dependency_named_twice_counts_once() -> None:
    assert only("stages: {s: {cmd: x, deps: [a, ./a, a/]}}").deps == ("a",)


def test_variables_of_the_file_are_those_of_every_stage() -> None:
    found = stages("env: {A: 1, B: 2}\nstages: {s: {cmd: x, env: {B: 3}}, t: {cmd: x}}")
    assert found["s"].env == {"A": "1", "B": "3"}
    assert found["t"].env == {"A": "1", "B": "2"}


# ------------------------------------------------------------------ templates


def test_names_come_from_params_yaml_and_vars() -> None:
    text = """
vars: [a.yaml, "b.json:k.x,m", {root: data}, {train: "${root}/train"}]
stages: {s: {cmd: "x ${lr} ${z} ${k.x} ${m}", deps: ["${train}"]}}
"""
    stage = only(text, params_yaml="lr: 1e-3", a_yaml="z: on", b_json='{"k": {"x": 5}, "m": 6}')
    assert stage.cmd == ("x 0.001 on 5 6",)
    assert stage.deps == ("data/train",)


def test_values_keep_their_type() -> None:
    text = """
vars: [{n: 3, yes: true, files: [a, b], res: {cpu: 2}}]
stages:
  s: {cmd: x, retries: "${n}", frozen: "${yes}", deps: "${files}", resources: "${res}"}
"""
    stage = only(text)
    assert (stage.retries, stage.frozen, stage.deps, stage.resources.cpu) == (3, True, ("a", "b"), 2)


def test_a_stage_has_vars_of_its_own_from_its_folder() -> None:
    text = """
vars: [{a: {x: 1}, w: sub}]
stages:
  s: {wdir: "${w}", vars: [l.yaml, {a: {y: 2}}], cmd: "x ${a.x} ${a.y} ${b}"}
"""
    assert only(text, sub__l_yaml="b: 3").cmd == ("x 1 2 3",)


def test_the_same_value_in_two_places_is_fine() -> None:
    assert only("vars: [{lr: 1}]\nstages: {s: {cmd: 'x ${lr}'}}", params_yaml="lr: 1").cmd == ("x 1",)


def test_foreach_makes_a_stage_of_every_item() -> None:
    text = """
stages:
  s:
    foreach: [{lr: 1}, {lr: 2}]
    do: {cmd: "x ${item.lr} ${key}", outs: ["o-${key}": {cache: false}]}
  t:
    foreach: ${models}
    do: {cmd: "y ${item} ${key}"}
"""
    found = stages(text, params_yaml="models: {a: {deep: true}, b: 7}")
    assert {name: stage.cmd[0] for name, stage in found.items()} == {
        "s@0": "x 1 0",
        "s@1": "x 2 1",
        "t@a": "y --deep a",
        "t@b": "y 7 b",
    }
    assert found["s@1"].outs == (Output("o-1", cache=False),)
    assert found["t@b"].place == Place("outdo.yaml", 6, 3)


def test_a_matrix_makes_a_stage_of_every_combination() -> None:
    text = """
stages:
  s:
    matrix: {a: [1, 2], b: "${names}"}
    cmd: x ${item.a} ${item.b} ${key}
    outs: ["${key}"]
"""
    found = stages(text, params_yaml="names: [u, v]")
    assert [stage.cmd[0] for stage in found.values()] == ["x 1 u 1-u", "x 1 v 1-v", "x 2 u 2-u", "x 2 v 2-v"]
    assert list(found) == ["s@1-u", "s@1-v", "s@2-u", "s@2-v"]


def test_an_empty_foreach_makes_nothing() -> None:
    assert stages("stages: {s: {foreach: [], do: {cmd: x}}}") == {}


# ------------------------------------------------------------------ the file


def test_the_project_has_the_name_of_its_folder_unless_it_says_another() -> None:
    assert read("").pipeline.project == "folder"
    assert read("project: flights").pipeline.project == "flights"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "stages:\n", "stages: {}\n"])
def test_a_file_without_stages_is_a_project(text: str) -> None:
    assert read(text).pipeline.stages == ()


def test_a_dvc_yaml_is_read_alike_and_names_itself() -> None:
    assert read("stages: {s: {cmd: x}}", name="dvc.yaml").pipeline.stages[0].place.file == "dvc.yaml"


def test_top_level_metrics_plots_params_and_artifacts_are_read() -> None:
    text = """
metrics: [m.json]
params: [./p.yaml]
plots:
  - a.csv
  - roc: {x: fpr, y: {roc.csv: tpr, old.csv: [tpr, t]}, title: ROC}
  - z.csv: {x: a}
  - last.csv:
artifacts:
  delay: {path: model/, type: model, desc: d, labels: [a], meta: {x: 1}}
"""
    project = read(text)
    assert project.pipeline.metrics == ("m.json",)
    assert project.pipeline.params == ("p.yaml",)
    assert project.pipeline.plots == ("a.csv", "roc.csv", "old.csv", "z.csv", "last.csv")
    assert project.plots["roc"] == Plot(x="fpr", y={"roc.csv": "tpr", "old.csv": ("tpr", "t")}, title="ROC")
    assert project.artifacts == {"delay": Artifact(OwnPath("model"), "model", "d", ("a",), {"x": 1})}


def test_the_files_that_were_consulted_are_told() -> None:
    text = "vars: [v.yaml]\nstages: {s: {cmd: x}}"
    assert read(text, {"v.yaml": "a: é\n"}).pipeline.sources == (
        Source("outdo.yaml", digest_bytes(text.encode())),
        Source("params.yaml", None),
        Source("v.yaml", digest_bytes("a: é\n".encode())),
    )


def test_params_yaml_is_not_consulted_where_nothing_asks_for_it() -> None:
    text = "stages: {s: {cmd: x, params: [lr]}}\nnotify: {slack: '${secret.URL}'}"
    assert [source.path for source in read(text, {"params.yaml": "lr: 1"}).pipeline.sources] == ["outdo.yaml"]


def test_anchors_and_merges_share_parts_of_stages() -> None:
    text = "stages:\n  a: &a {cmd: one, deps: [x]}\n  b: {<<: *a, cmd: two}\n"
    found = stages(text)
    assert (found["b"].cmd, found["b"].deps) == (("two",), ("x",))


# ------------------------------------------------------------------ size


def fan_out(count: int) -> str:
    stage = "  s{0}:\n    cmd: work {0}\n    deps: [in{0}]\n    outs: [out{0}]\n    params: [p{0}]\n    timeout: 2h\n"
    return "stages:\n" + "".join(stage.format(number) for number in range(count))


def test_a_thousand_stages_are_read_in_a_moment() -> None:
    text = fan_out(1000)
    begin = time.process_time()
    assert len(read(text).pipeline.stages) == 1000
    assert time.process_time() - begin < 0.4


def test_ten_thousand_stages_take_ten_times_as_long() -> None:
    seconds = []
    for count in (1000, 10_000):
        text = fan_out(count)
        begin = time.process_time()
        read(text)
        seconds.append(time.process_time() - begin)
    assert seconds[1] < 25 * seconds[0]
