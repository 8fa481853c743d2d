"""All mistakes of a file at once, each with its place, what was expected and the nearest valid word."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from outdo.core.config import read_project
from outdo.core.errors import (
    BadParams,
    BadPath,
    BadTemplate,
    Cycle,
    DuplicateKey,
    MissingKey,
    Mistakes,
    NotYaml,
    TooDeep,
    UnknownKey,
    UnknownName,
    UnknownStage,
    UserError,
    WrongType,
)
from outdo.core.model import Place, Value


def mistakes(text: str, **files: str) -> tuple[UserError, ...]:
    named = {name.replace("_", "."): content for name, content in files.items()}
    with pytest.raises(Mistakes) as caught:
        read_project("outdo.yaml", text, named.get)
    return caught.value.mistakes


def mistake(text: str, **files: str) -> UserError:
    [one] = mistakes(text, **files)
    return one


def at(line: int, column: int, file: str = "outdo.yaml") -> Place:
    return Place(file, line, column)


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    text = """\
project: [x]
stagez: {}
stages:
  train:
    dep: [a]
    cmd: python train.py ${lrr}
    outs: [../model]
    timeout: forever
  score: {deps: [x]}
models:
  m: {path: m, evaluate: trian}
"""
    told = [
        (type(each), str(each.where), each.fix)
        for each in mistakes(text, params_yaml="lr: 1")
    ]  # fmt: skip
    assert told == [
        (WrongType, "outdo.yaml:1:10", ""),
        (UnknownKey, "outdo.yaml:2:1", "did you mean 'stages'?"),
        (UnknownKey, "outdo.yaml:5:5", "did you mean 'deps'?"),
        (BadTemplate, "outdo.yaml:6:26", "did you mean 'lr'?"),
        (BadPath, "outdo.yaml:7:12", ""),
        (WrongType, "outdo.yaml:8:14", ""),
        (MissingKey, "outdo.yaml:9:3", "add 'cmd:'"),
        (UnknownStage, "outdo.yaml:11:26", "did you mean 'train'?"),
    ]


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("dep", "did you mean 'deps'?"),
        ("command", "did you mean 'cmd'?"),
        ("dependencies", "did you mean 'deps'?"),
        ("outputs", "did you mean 'outs'?"),
        ("alway_changed", "did you mean 'always_changed'?"),
    ],
)
def test_an_unknown_key_has_the_nearest_known_one(key: str, fix: str) -> None:
    one = mistakes(f"stages:\n  s:\n    cmd: x\n    {key}: [a]\n")[0]
    assert isinstance(one, UnknownKey)
    assert (one.what, one.where, one.fix) == (f"unknown key '{key}' in stages.s", at(4, 5), fix)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("stages: {s: {cmd: x, outs: [a: {checkpoint: true}]}}", "DVC 3 took checkpoints away"),
        ("datasets: []", "datasets are not supported"),
    ],
)
def test_a_key_that_only_dvc_knows_says_what_to_do(text: str, fix: str) -> None:
    assert fix in mistake(text).fix


def test_thousands_of_unknown_names_are_told_in_a_moment() -> None:
    text = "stages:\n" + "".join(f"  s{number}: {{cmd: '${{nope{number}}}'}}\n" for number in range(2000))
    known = "".join(f"name{number}: 1\n" for number in range(2000))
    begin = time.process_time()
    found = mistakes(text, params_yaml=known)
    assert (len(found), found[7].fix) == (2000, "did you mean 'name7'?")
    assert time.process_time() - begin < 5


def test_where_no_key_is_near_all_are_listed() -> None:
    assert mistake("stages: {s: {cmd: x, resources: {zzz: 1}}}").fix == "known here: cpu, gpu, memory"


def test_a_key_that_was_misspelt_is_not_missing_too() -> None:
    assert [type(each) for each in mistakes("stages: {s: {comd: x}}")] == [UnknownKey]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("deps: a.csv", "stages.s.deps has to be a list, not the text 'a.csv'"),
        ("deps: [[a]]", "stages.s.deps[0] has to be a text, not a list"),
        ("deps: [7]", "stages.s.deps[0] has to be a text, not the number 7"),
        ("deps:", "stages.s.deps has to be a list, not nothing"),
        ("frozen: maybe", "stages.s.frozen has to be true or false, not the text 'maybe'"),
        ("frozen: 1", "stages.s.frozen has to be true or false, not the number 1"),
        ("retries: 1.5", "stages.s.retries has to be a whole number, not the number 1.5"),
        ("retries: true", "stages.s.retries has to be a whole number, not true"),
        ("retries: -1", "stages.s.retries has to be 0 or more, not -1"),
        ("wdir: [a]", "stages.s.wdir has to be a text, not a list"),
        ("env: {A: [1]}", "stages.s.env.A has to be a text or a whole number or a number or true or false, not a list"),
        ("env: {a b: 1}", "stages.s.env.a b is no valid name: take letters, digits and '_'"),
        ("outs: [a: {cache: x}]", "stages.s.outs[0].a.cache has to be true or false, not the text 'x'"),
        ("params: [{p.yaml: k}]", "stages.s.params[0].p.yaml has to be a list, not the text 'k'"),
        ("outs: [7]", "stages.s.outs[0] has to be a text or a mapping, not the number 7"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_says_what_was_expected(body: str, what: str) -> None:
    one = mistake(f"stages:\n  s:\n    cmd: x\n    {body}\n")
    assert one.what == what
    assert isinstance(one.where, Place)
    assert one.where.line == 4


def test_a_quantity_that_is_none_is_told_with_examples() -> None:
    one = mistake("stages: {s: {cmd: x, timeout: soon}}")
    meant = "a duration such as '30s', '10m', '2h', '1d', or a number of seconds"
    assert one.what == f"stages.s.timeout has to be {meant}, not the text 'soon'"


def test_a_single_value_where_a_list_belongs_is_shown_as_one() -> None:
    assert mistake("stages: {s: {cmd: x, deps: a.csv}}").fix == "write it as a list: [a.csv]"


@pytest.mark.parametrize("cmd", ["''", "[]", "[x, '']", '"  "', '"# only a comment"'])
def test_a_stage_needs_a_command(cmd: str) -> None:
    assert mistake(f"stages: {{s: {{cmd: {cmd}}}}}").what == "stages.s.cmd holds an empty command"


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/abs",
        ".",
        "a/..",
        ".git/x",
        ".outdo",
        "outdo.lock",
        "outdo.yaml",
        "'*.csv'",
        "''",
        '"a\\0"',
    ],
)
def test_an_output_has_to_be_in_the_project_and_its_own(path: str) -> None:
    assert isinstance(mistake(f"stages: {{s: {{cmd: x, outs: [{path}]}}}}"), BadPath)


@pytest.mark.parametrize("path", ["https:///z", "s3://", "remote://r", "''"])
def test_a_dependency_has_to_name_a_place(path: str) -> None:
    assert isinstance(mistake(f"stages: {{s: {{cmd: x, deps: [{path}]}}}}"), BadPath)


def test_a_stage_runs_inside_the_project() -> None:
    one = mistake("stages:\n  s: {cmd: x, wdir: ../other}")
    assert (type(one), one.where) == (BadPath, at(2, 21))


@pytest.mark.parametrize("name", ["a@b", "' '", "-x", '"a\\nb"'])
def test_a_stage_has_a_name_that_can_be_typed(name: str) -> None:
    assert "can't be a stage's name" in mistake(f"stages: {{{name}: {{cmd: x}}}}").what


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("stages: {s: {foreach: 3, do: {cmd: x}}}", 1, 23),
        ("stages: {s: {foreach: [a]}}", 1, 10),
        ("stages: {s: {do: {cmd: x}}}", 1, 10),
        ("stages: {s: {foreach: [a], do: [x]}}", 1, 32),
        ("stages: {s: {foreach: [a], do: {cmd: x}, frozen: true}}", 1, 42),
        ("stages: {s: {foreach: [1, '1'], do: {cmd: x}}}", 1, 23),
        ("stages: {s: {matrix: {a: 1}, cmd: x}}", 1, 26),
        ("stages: {s: {matrix: [1], cmd: x}}", 1, 22),
        ("stages: {s: {matrix: {a: [a-b, a], b: [c, b-c]}, cmd: x}}", 1, 22),
    ],
)
def test_foreach_and_matrix_say_what_is_wrong_with_them(text: str, line: int, column: int) -> None:
    assert mistake(text).where == at(line, column)


def test_a_mistake_in_a_foreach_is_told_once_for_all_items() -> None:
    text = "stages:\n  s:\n    foreach: [a, b, c]\n    do: {cmd: x, frozen: maybe}\n"
    assert mistake(text).where == at(4, 26)


def test_a_matrix_of_millions_is_refused_at_once() -> None:
    axes = ", ".join(f"a{axis}: [1, 2, 3, 4, 5, 6, 7, 8, 9]" for axis in range(9))
    assert isinstance(mistake(f"stages: {{s: {{matrix: {{{axes}}}, cmd: x}}}}"), TooDeep)


def test_vars_that_feed_on_each_other_end() -> None:
    doubled = "".join(f"- a{n + 1}: '${{a{n}}}${{a{n}}}'\n" for n in range(60))
    found = mistakes(f"vars:\n- a0: xxxxxxxxxx\n{doubled}stages: {{s: {{cmd: '${{a60}}'}}}}")
    assert {type(each) for each in found} <= {TooDeep, BadTemplate}


def test_a_name_can_not_stand_for_itself() -> None:
    assert isinstance(mistake("vars: [{a: 'x ${a}'}]"), BadTemplate)


@pytest.mark.parametrize(
    ("entry", "kind", "what"),
    [
        ("nope.yaml", BadParams, "there is no file 'nope.yaml'"),
        ("'v.yaml:x'", BadParams, "'v.yaml' does not hold 'x'"),
        ("l.yaml", BadParams, "'l.yaml' has to hold a mapping of names to values, not a list"),
        ("{lr: 2}", DuplicateKey, "'lr' has another value already: the number 1"),
        ("7", WrongType, "vars[0] has to be a text or a mapping, not the number 7"),
    ],
)
def test_vars_that_can_not_be_are_told(entry: str, kind: type[UserError], what: str) -> None:
    one = mistake(f"vars: [{entry}]", params_yaml="lr: 1", v_yaml="a: 1", l_yaml="[1]")
    assert isinstance(one, kind)
    assert one.what == what
    assert isinstance(one.where, Place)
    assert (one.where.file, one.where.line) == ("outdo.yaml", 1)


def test_a_mistake_in_a_file_of_vars_has_its_place_there() -> None:
    found = mistakes("vars: [v.yaml]\nstagez: 1", v_yaml="a: 1\nb: [")
    assert [str(each.where) for each in found] == ["outdo.yaml:2:1", "v.yaml:3:1"]


def test_a_file_that_can_not_be_read_is_a_mistake_among_others() -> None:
    def read(path: str) -> str | None:
        raise NotYaml(f"'{path}' is not UTF-8 text", where=Place(path, 1))

    with pytest.raises(Mistakes) as caught:
        read_project("outdo.yaml", "vars: [v.yaml]\nstagez: 1", read)
    assert len(caught.value.mistakes) == 3


# ------------------------------------------------------------------ names that sections use of each other

SECTIONS = """\
stages:
  train: {{cmd: x, outs: [model]}}
  score: {{cmd: x, deps: [model], outs: [predictions.csv]}}
  fan: {{foreach: [a, b], do: {{cmd: x}}}}
models:
  delay: {{path: model, evaluate: {evaluate}, predictions: {{path: {predictions}, label: y, score: p}}}}
environments:
  staging: {{models: [delay], after: {before}}}
  production: {{models: [{deployed}], after: {after}}}
monitors:
  {watched}: {{environment: {where}}}
"""
SOUND = {
    "evaluate": "score",
    "predictions": "predictions.csv",
    "before": "null",
    "deployed": "delay",
    "after": "staging",
    "watched": "delay",
    "where": "production",
}


def test_sections_that_fit_together_are_fine() -> None:
    read_project("outdo.yaml", SECTIONS.format(**SOUND), lambda _: None)


@pytest.mark.parametrize(
    ("change", "kind", "place", "fix"),
    [
        ({"evaluate": "scoer"}, UnknownStage, at(6, 34), "did you mean 'score'?"),
        ({"evaluate": "fan"}, UnknownStage, at(6, 34), "say which: fan@a, fan@b"),
        ({"predictions": "prediction.csv"}, BadPath, at(6, 61), "did you mean 'predictions.csv'?"),
        ({"deployed": "dealy"}, UnknownName, at(9, 25), "did you mean 'delay'?"),
        ({"after": "stagin"}, UnknownName, at(9, 40), "did you mean 'staging'?"),
        ({"watched": "dely"}, UnknownName, at(11, 3), "did you mean 'delay'?"),
        ({"where": "prod"}, UnknownName, at(11, 24), "known here: staging, production"),
        ({"deployed": ""}, UnknownName, at(11, 24), "add it to environments.production.models"),
    ],
)
def test_a_name_that_nothing_has_is_told(
    change: dict[str, str], kind: type[UserError], place: Place, fix: str
) -> None:
    one = mistakes(SECTIONS.format(**SOUND | change))[0]
    assert (type(one), one.where, one.fix) == (kind, place, fix)


def test_environments_can_not_wait_for_each_other() -> None:
    found = mistakes(SECTIONS.format(**SOUND | {"before": "production"}))
    assert {type(each) for each in found} == {Cycle}
    assert found[0].what == "environments wait for each other: staging → production → staging"


# ------------------------------------------------------------------ whatever stands in the file

WORDS = """
stages vars params metrics plots artifacts checks models environments monitors triggers notify env project train cmd
deps outs foreach do matrix wdir resources cpu memory timeout retries frozen item key path evaluate gates metric beats
slices latency size rows between disjoint from on after rollout canary abort_on hold push schedule slack jira token
predictions label score environment window drift psi on_alert x y <<
"""
TEXTS = """
${item}|${x}|${secret.A}|${a.${b}}|\\${x}|${|>= 1|< champion - 1|5%|10m|4GB|train|../x|a/*.csv|params.yaml:a
0 3 * * 1|.|s3://x|champion|v.yaml
"""
PRINTABLE = st.text(st.characters(exclude_categories=["C"]), max_size=8)
KEYS = st.sampled_from(WORDS.split()) | PRINTABLE
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | PRINTABLE
    | st.sampled_from(TEXTS.replace("\n", "|").split("|"))
)
GARBAGE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=40,
)
FILES = {"params.yaml": "a: {b: [1, {c: x}]}\nx: 1\nb: b", "v.yaml": "train: {lr: 1}\nx: 2"}


@given(st.dictionaries(KEYS, GARBAGE, max_size=6))
@settings(max_examples=200)
def test_any_mapping_is_a_project_or_its_mistakes(raw: dict[str, Value]) -> None:
    text = json.encode(raw).decode()
    try:
        read_project("outdo.yaml", text, FILES.get)
    except Mistakes as found:
        places = [each.where for each in found.mistakes]
        assert all(isinstance(place, Place) and place.line >= 1 for place in places)


@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(KEYS, GARBAGE, max_size=6), max_size=3))
@settings(max_examples=200)
def test_any_stages_are_stages_or_their_mistakes(raw: dict[str, Value]) -> None:
    try:
        read_project("outdo.yaml", json.encode({"stages": raw}).decode(), FILES.get)
    except Mistakes:
        return


@given(st.text(alphabet="abc:-[]{}&*<>!|'\"#${}\n\t ", max_size=60))
@settings(max_examples=200)
def test_any_text_is_a_project_or_its_mistakes(text: str) -> None:
    try:
        read_project("outdo.yaml", text, FILES.get)
    except Mistakes:
        return


NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
STAGES = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {"cmd": NAMES | st.lists(NAMES, min_size=1, max_size=3)},
        optional={
            "deps": st.lists(PATHS, max_size=3),
            "outs": st.lists(PATHS.map(lambda path: {path: {"cache": False}}), max_size=3, unique_by=str),
            "params": st.lists(NAMES | NAMES.map(lambda name: {f"{name}.yaml": [name]}), max_size=3),
            "retries": st.integers(0, 5),
            "timeout": st.integers(1, 99) | st.integers(1, 99).map(lambda hours: f"{hours}h"),
            "resources": st.fixed_dictionaries(
                {}, optional={"cpu": st.integers(1, 8), "memory": st.just("1GB")}
            ),
            "env": st.dictionaries(NAMES, NAMES | st.integers(0, 9) | st.booleans(), max_size=3),
            "frozen": st.booleans(),
            "meta": GARBAGE.filter(lambda value: "$" not in str(value)),
        },
    ),
    max_size=4,
)


@given(STAGES)
@settings(max_examples=60)
def test_a_sound_file_is_read_as_it_was_meant(raw: dict[str, dict[str, Value]]) -> None:
    found = read_project("outdo.yaml", json.encode({"stages": raw}).decode(), FILES.get).pipeline.stages
    assert [stage.name for stage in found] == list(raw)
    for stage in found:
        meant = raw[stage.name]
        assert list(stage.cmd) == (meant["cmd"] if isinstance(meant["cmd"], list) else [meant["cmd"]])
        assert list(stage.deps) == list(dict.fromkeys(meant.get("deps", [])))
        assert [out.path for out in stage.outs] == [next(iter(out)) for out in meant.get("outs", [])]
        assert stage.retries == meant.get("retries", 0)
        assert stage.frozen == meant.get("frozen", False)
