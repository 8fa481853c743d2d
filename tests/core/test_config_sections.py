"""The sections beside the stages: the whole of an `outdo.yaml`, typed; and the values that are written as text."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack

from outdo.core.config import Project, read_project
from outdo.core.errors import Mistakes
from outdo.core.model import ModelOutput, StageName
from outdo.core.modelgates import Latency, ModelTests, Size
from outdo.core.paths import FilePath, OwnPath
from outdo.core.rules import (
    Asserted,
    Beats,
    Between,
    Check,
    Disjoint,
    Drift,
    Dtype,
    Expectations,
    Fairness,
    HasColumns,
    Matches,
    MetricGate,
    NotNull,
    OneOf,
    Range,
    Rows,
    Slices,
    Unique,
)
from outdo.core.sections import (
    Approvals,
    DriftBounds,
    Environment,
    Jira,
    Monitor,
    NewData,
    Notify,
    Predictions,
    PullRequest,
    Push,
    Rollout,
    Tag,
    Triggers,
)
from outdo.core.written import (
    Bound,
    Bytes,
    Cron,
    Duration,
    NumberBound,
    Pattern,
    Secret,
    Share,
    SizeBound,
    TimeBound,
    Written,
)

WHOLE = """
project: flights
vars: [{threshold: 0.5}]

stages:
  prepare:
    cmd: python src/prepare.py
    deps: [src/prepare.py, data/flights.parquet]
    params: [split]                          # keys of params.yaml
    outs: [data/train.parquet, data/test.parquet]
  train:
    cmd: python src/train.py
    deps: [src/train.py, data/train.parquet]
    params: [train]
    outs: [model/]
    resources: {cpu: 2, gpu: 0, memory: 4GB}
    timeout: 2h
    retries: 1
  evaluate:
    cmd: python src/evaluate.py
    deps: [src/evaluate.py, model/, data/test.parquet]
    outs: [predictions.parquet]
    metrics: [metrics.json]
    plots: [roc.csv]

checks:                                      # data; run as soon as the path exists, before any stage that reads it
  data/train.parquet:
    - rows: ">= 10_000"
    - not_null: [origin, dest]
    - between: {distance: [0, 6000]}
    - one_of: {origin: [EWR, JFK, LGA]}
    - unique: [flight_id]
    - disjoint: {from: data/test.parquet, on: flight_id}      # leakage
    - drift: {against: champion, psi: "< 0.2"}
    - expectations: expectations/train.json  # a Great Expectations suite

models:
  delay:
    path: model/
    evaluate: evaluate                       # the stage that scores it: the champion is scored by the same stage
    predictions: {path: predictions.parquet, label: late, score: p, key: flight_id}
    gates:
      - metric: {auc: ">= 0.70"}
      - beats: {champion: auc, confidence: 0.95}
      - slices: {by: carrier, metric: auc, at_least: 0.60, min_rows: 200}
      - fairness: {by: origin, metric: selection_rate, ratio: ">= 0.8"}
      - latency: {p99: "<= 20ms"}
      - size: "<= 100MB"
      - tests: pytest tests/model            # JUnit results are read

environments:
  staging: {models: [delay], promote: auto}  # continuous deployment
  production:
    models: [delay]
    after: staging
    promote: manual                          # continuous delivery
    approvals: {count: 1, from: maintainer}
    rollout:
      canary: [5%, 25%, 100%]
      hold: 10m
      abort_on: [{error_rate: "> 1%"}, {p99: "> 50ms"}, {auc: "< champion - 0.02"}]

monitors:
  delay:
    environment: production
    window: 1d
    drift: {psi: "< 0.2"}
    metrics: {auc: ">= 0.68"}
    on_alert: [notify, retrain]

triggers:
  push: {branches: [main]}
  pull_request: {}
  schedule: "0 3 * * 1"

notify:
  slack: ${secret.SLACK_WEBHOOK}
  jira: {url: https://jira.example, project: ML, token: ${secret.JIRA_TOKEN}}
"""


def read(text: str) -> Project:
    return read_project("outdo.yaml", text, lambda _: None)


PROJECT = read(WHOLE)


def checks(project: Project) -> dict[str, tuple[Check, ...]]:
    return {path: tuple(each.check for each in asserted) for path, asserted in project.checks.items()}


def test_checks_are_typed() -> None:
    assert checks(PROJECT) == {
        "data/train.parquet": (
            Rows(NumberBound(">=", 10_000)),
            NotNull(("origin", "dest")),
            Between({"distance": Range(0, 6000)}),
            OneOf({"origin": ("EWR", "JFK", "LGA")}),
            Unique(("flight_id",)),
            Disjoint(FilePath("data/test.parquet"), "flight_id"),
            Drift("champion", psi=NumberBound("<", 0.2)),
            Expectations(OwnPath("expectations/train.json")),
        )
    }


def test_other_checks_there_are() -> None:
    text = """
checks:
  ./data/../a.csv:
    - columns: [a, b]
    - dtype: {a: integer, b: date}
    - matches: {a: "N[0-9]+"}
    - between: {a: [null, 3], b: ["2013-01-01", "2013-12-31"]}
"""
    assert checks(read(text)) == {
        "a.csv": (
            HasColumns(("a", "b")),
            Dtype({"a": "integer", "b": "date"}),
            Matches({"a": Pattern("N[0-9]+")}),
            Between({"a": Range(None, 3), "b": Range("2013-01-01", "2013-12-31")}),
        )
    }


def test_a_check_has_its_level_its_rows_and_its_tolerance_beside_it() -> None:
    text = "checks: {a.csv: [{not_null: [a], level: warn, where: b > 0, mostly: 0.9}]}"
    assert read(text).checks == {"a.csv": (Asserted(NotNull(("a",)), "warn", "b > 0", 0.9),)}


def test_models_and_their_gates_are_typed() -> None:
    model = PROJECT.models["delay"]
    assert (model.path, model.evaluate) == ("model", "evaluate")
    assert model.predictions == Predictions(OwnPath("predictions.parquet"), "late", "p", "flight_id")
    assert model.gates == (
        MetricGate({"auc": Bound(">=", 0.7)}),
        Beats("auc", 0.95),
        Slices("auc", "carrier", at_least=0.6, min_rows=200),
        Fairness("origin", "selection_rate", ratio=NumberBound(">=", 0.8)),
        Latency(p99=TimeBound("<=", 0.02, "seconds")),
        Size(SizeBound("<=", 100_000_000, "bytes")),
        ModelTests("pytest tests/model"),
    )


def test_environments_are_typed() -> None:
    assert PROJECT.environments == {
        "staging": Environment(("delay",), "auto"),
        "production": Environment(
            ("delay",),
            "manual",
            after="staging",
            approvals=Approvals(1, "maintainer"),
            rollout=Rollout(
                (Share(0.05), Share(0.25), Share(1.0)),
                Duration(600),
                (
                    {"error_rate": Bound(">", 0.01, "share")},
                    {"p99": Bound(">", 0.05, "seconds")},
                    {"auc": Bound("<", -0.02, "number", "champion")},
                ),
            ),
        ),
    }


def test_monitors_triggers_and_notify_are_typed() -> None:
    assert PROJECT.monitors == {
        "delay": Monitor(
            "production",
            Duration(86400),
            DriftBounds(psi=NumberBound("<", 0.2)),
            {"auc": Bound(">=", 0.68)},
            ("notify", "retrain"),
        )
    }
    assert PROJECT.triggers == Triggers(Push(("main",)), PullRequest(), schedule=Cron("0 3 * * 1"))
    assert PROJECT.notify == Notify(
        Secret("SLACK_WEBHOOK"), Jira("https://jira.example", "ML", Secret("JIRA_TOKEN"))
    )


def test_a_trigger_with_nothing_behind_it_is_switched_on() -> None:
    text = 'triggers: {push: , tag: , data: {paths: [d/]}, schedule: ["@x", "* * * * *"]}'
    text = text.replace('"@x"', '"*/5 0-6 1,15 jan-jun mon"')
    assert read(text).triggers == Triggers(
        Push(),
        tag=Tag(),
        data=NewData((FilePath("d"),)),
        schedule=(Cron("*/5 0-6 1,15 jan-jun mon"), Cron("* * * * *")),
    )


def test_templates_stand_in_every_section() -> None:
    text = "vars: [{least: 0.7, origins: [EWR]}]\nchecks: {a.csv: [{one_of: {o: '${origins}'}}, {rows: '> ${least}'}]}"
    assert checks(read(text))["a.csv"] == (OneOf({"o": ("EWR",)}), Rows(NumberBound(">", 0.7)))


def test_a_whole_project_can_be_kept_as_bytes() -> None:
    assert msgpack.decode(msgpack.encode(PROJECT.pipeline), type=type(PROJECT.pipeline)) == PROJECT.pipeline
    assert msgpack.encode(PROJECT)


# ------------------------------------------------------------------ values that are written as text


@pytest.mark.parametrize(
    ("kind", "text", "meant"),
    [
        (Duration, "30s", Duration(30)),
        (Duration, "1h 30m", Duration(5400)),
        (Duration, "250ms", Duration(0.25)),
        (Duration, 5, Duration(5)),
        (Bytes, "4GB", Bytes(4_000_000_000)),
        (Bytes, "4GiB", Bytes(4 << 30)),
        (Bytes, "1.5 K", Bytes(1500)),
        (Bytes, 7, Bytes(7)),
        (Share, "5%", Share(0.05)),
        (Share, 0.5, Share(0.5)),
        (Bound, ">= 10_000", Bound(">=", 10_000)),
        (Bound, "> 1 %", Bound(">", 0.01, "share")),
        (Bound, "<champion", Bound("<", 0, "number", "champion")),
        (Bound, "<= champion + 5ms", Bound("<=", 0.005, "seconds", "champion")),
        (Bound, "== -3", Bound("==", -3)),
        (TimeBound, "<= 0", TimeBound("<=", 0, "seconds")),
        (SizeBound, "< 1MiB", SizeBound("<", 1 << 20, "bytes")),
        (Secret, "${ secret.A_1 }", Secret("A_1")),
    ],
)
def test_a_written_value_is_read(kind: type[Written], text: Any, meant: Written) -> None:
    assert kind.written(text) == meant


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Duration, "2 fortnights"),
        (Duration, "0s"),
        (Duration, -1),
        (Duration, "1h1"),
        (Duration, "1e999s"),
        (Bytes, "4 apples"),
        (Bytes, "-1"),
        (Bytes, "1e30"),
        (Share, "5"),
        (Share, "101%"),
        (Share, 1.5),
        (Bound, "0.7"),
        (Bound, ">="),
        (Bound, ">= high"),
        (Bound, "=> 1"),
        (Bound, "< champion 0.2"),
        (Bound, "< 5 parsecs"),
        (NumberBound, "< 5ms"),
        (NumberBound, "< champion"),
        (TimeBound, "< 5MB"),
        (TimeBound, "< 5"),
        (SizeBound, "< 5"),
        (Pattern, "("),
        (Cron, "0 3 * *"),
        (Cron, "60 3 * * 1"),
        (Cron, "0 3 * * 8"),
        (Cron, "0 3 9-5 * *"),
        (Cron, "*/0 * * * *"),
        (Cron, "a * * * *"),
        (Secret, "token"),
    ],
)
def test_a_written_value_that_makes_no_sense_is_refused(kind: type[Written], text: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        kind.written(text)


NUMBERS = st.floats(min_value=1e-9, max_value=1e15)
WRITTEN = (
    st.builds(Duration, NUMBERS)
    | st.builds(Bytes, st.integers(0, 2**60))
    | st.builds(Share, st.integers(0, 1000).map(lambda thousandths: thousandths / 1000))
    | st.builds(Secret, st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True))
)


@example(Bytes(946_176_841_183_128_960))
@example(Duration(100_000_000_000_000.5))
@given(WRITTEN)
def test_what_a_written_value_prints_is_read_as_the_same(value: Written) -> None:
    assert type(value).written(str(value)) == value


@given(
    st.text(max_size=30), st.sampled_from([Duration, Bytes, Share, Bound, TimeBound, Pattern, Cron, Secret])
)
def test_any_text_is_a_value_or_refused(text: str, kind: type[Written]) -> None:
    try:
        value = kind.written(text)
    except ValueError:
        return
    assert isinstance(value, kind)


# ------------------------------------------------------------------ what can't be


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("checks: {a: [{rows: 5}]}", "a comparison such as '>= 0.70' or '< 1%', not the number 5"),
        ("checks: {a: [{row: '> 5'}]}", "unknown kind 'row' in checks.a[0]"),
        ("checks: {a: [rows]}", "one key that says its kind, not the text 'rows'"),
        ("checks: {a: [{rows: '> 1', unique: [b]}]}", "not a mapping of 2 keys"),
        ("checks: {a: [{between: {b: [2, 1]}}]}", "lowest first"),
        ("checks: {a: [{between: {b: [1, x]}}]}", "two numbers or two texts"),
        ("checks: {a: [{between: {b: [1]}}]}", "a list of the lowest and the highest value"),
        ("checks: {a: [{not_null: []}]}", "checks.a[0].not_null can't be empty"),
        ("checks: {a: [{drift: {against: champion}}]}", "say which distance is bounded"),
        ("checks: {'s3://b/a': []}", "is a URL"),
        ("models: {m: {path: ../m}}", "'../m' is outside the project's folder"),
        ("models: {m: {gates: []}}", "models.m has no 'path'"),
        ("models: {m: {path: m, gates: [{beats: {champion: auc, confidence: 1}}]}}", "less than 1"),
        (
            "models: {m: {path: m, metrics: {own: {function: '../m.py:f'}}}}",
            "is outside the project's folder",
        ),
        ("models: {m: {path: m, gates: [{slices: {by: c, metric: auc}}]}}", "say at_least, at_most or"),
        ("models: {m: {path: m, gates: [{slices: {metric: auc, at_least: 0}}]}}", "such as find: all"),
        ("models: {m: {path: m, gates: [{slices: {find: c, metric: auc, at_least: 0}}]}}", "'all'"),
        ("models: {m: {path: m, gates: [{fairness: {by: c, metric: auc, ratio: < 1}}]}}", "from below"),
        ("models: {m: {path: m, gates: [{fairness: {by: c, metric: auc}}]}}", "say ratio or difference"),
        ("models: {m: {path: m, gates: [{latency: {}}]}}", "say which time is bounded"),
        ("models: {m: {path: m, gates: [{latency: {p99: '< 5MB'}}]}}", "a comparison with a time"),
        ("environments: {e: {models: [], rollout: {canary: [5%, 50%]}}}", "end with 100%"),
        ("environments: {e: {models: [], rollout: {canary: [50%, 5%, 100%]}}}", "have to grow"),
        ("environments: {e: {models: [], approvals: {count: -1}}}", "0 or more, not -1"),
        ("monitors: {m: {environment: e, on_alert: [panic]}}", "'notify' or 'retrain' or 'rollback'"),
        ("triggers: {schedule: '0 25 * * *'}", "with a valid hour"),
        ("notify: {jira: {url: u, project: p, token: plain}}", "a secret such as '${secret.NAME}'"),
        ("notify: {slack: 'x ${secret.A}'}", "'${secret.A}' is a secret, which has to stand alone"),
        ("stages: {s: {cmd: '${secret.A}'}}", "stages.s.cmd has to be a text or a list, not a secret"),
    ],
)
def test_a_section_that_makes_no_sense_is_told(text: str, what: str) -> None:
    with pytest.raises(Mistakes) as caught:
        read(text)
    assert any(what in mistake.what for mistake in caught.value.mistakes), str(caught.value)


# ------------------------------------------------------------------ the outputs that models are

MODELS = """
stages:
  train: {cmd: x, outs: [model/, report.txt]}
models:
  delay: {path: model/, desc: a model, gates: [{size: "< 5MB"}]}
  part: {path: model/weights.bin}
"""


def test_a_model_is_an_output_of_a_stage_or_a_path_in_one() -> None:
    models = read_project("outdo.yaml", MODELS, lambda _: None).pipeline.models
    gated = models["delay"].rules
    assert gated
    assert models == {
        "delay": ModelOutput("model", StageName("train"), "model", "a model", 1, gated),
        "part": ModelOutput("model/weights.bin", StageName("train"), "model"),
    }


def test_a_model_that_no_stage_writes_is_a_mistake() -> None:
    with pytest.raises(Mistakes) as caught:
        read_project("outdo.yaml", f"{MODELS}  lost: {{path: models}}\n", lambda _: None)
    [mistake] = caught.value.mistakes
    assert (mistake.what, mistake.fix) == (
        "models.lost.path: no stage writes 'models'",
        "did you mean 'model'?",
    )


@pytest.mark.parametrize("name", ["a/b", "a:b", "a@b", ".", ".."])
def test_a_model_s_name_leaves_room_for_its_versions(name: str) -> None:
    with pytest.raises(Mistakes, match="can't be the name of a model"):
        read_project("outdo.yaml", f"{MODELS}  '{name}': {{path: model}}\n", lambda _: None)
