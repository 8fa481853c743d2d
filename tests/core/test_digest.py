"""Values to keys."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outdo.core.digest import digest, gates_key, stage_key, stage_run_id, whole_run_id
from outdo.core.model import Digest, Entry, Output, RunId, Stage, StageName
from outdo.core.rules import Beats, MetricGate
from outdo.core.written import Bound

SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text()
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FILE = Entry(Digest("d"), 1)
BOUND = Bound.written(">= 0.7")
STAGE = Stage(StageName("train"), ("python train.py",), outs=(Output("a"), Output("b")))


@given(st.dictionaries(st.text(), VALUES, max_size=6), st.randoms())
def test_the_order_of_keys_never_matters(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert digest("t/1", dict(items)) == digest("t/1", value)


@given(VALUES, VALUES)
def test_different_values_never_collide(one: Any, other: Any) -> None:
    assert (digest("t/1", one) == digest("t/1", other)) == (repr(canonical(one)) == repr(canonical(other)))


def canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return "mapping", sorted((key, canonical(inner)) for key, inner in value.items())
    return [canonical(inner) for inner in value] if isinstance(value, list) else value


def test_kinds_never_collide() -> None:
    assert digest("stage/1", "x") != digest("check/1", "x")


def test_parts_never_run_together() -> None:
    assert digest("t/1", "ab", "c") != digest("t/1", "a", "bc")


def test_a_folder_and_a_file_of_the_same_bytes_are_two_inputs() -> None:
    tree = Entry(Digest("d"), 1, "tree")
    assert stage_key(STAGE, {"x": FILE}, {}) != stage_key(STAGE, {"x": tree}, {})


def test_the_order_of_outputs_does_not_matter() -> None:
    turned = Stage(StageName("train"), ("python train.py",), outs=(Output("b"), Output("a")))
    assert stage_key(STAGE, {}, {}) == stage_key(turned, {}, {})


def test_a_stage_run_has_an_id_that_clients_of_mlflow_take() -> None:
    id_ = stage_run_id(RunId("20260413-101502-7f3a"), StageName("train"))
    assert len(id_) == 32
    assert set(id_) <= set("0123456789abcdef")


def test_each_stage_of_each_run_has_an_id_of_its_own() -> None:
    runs = [RunId("20260413-101502-7f3a"), RunId("20260413-101502-7f3b")]
    ids = [stage_run_id(run, StageName(stage)) for run in runs for stage in ("", "train", "train@1")]
    assert len({*ids, *map(whole_run_id, runs)}) == 8


def test_gates_are_told_apart_by_kind_bound_and_order() -> None:
    metric, beats = MetricGate({"auc": BOUND}), Beats("auc")
    other = MetricGate({"auc": Bound.written(">= 0.8")})
    keys = [gates_key(gates) for gates in ([metric], [other], [beats], [metric, beats], [beats, metric])]
    assert len(set(keys)) == len(keys)
    assert gates_key([MetricGate({"auc": Bound.written(">= 0.7")})]) == keys[0]
