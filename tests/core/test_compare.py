"""Two sides to all in which they differ."""

from hypothesis import given
from hypothesis import strategies as st

from outdo.core.compare import (
    FileChange,
    Side,
    ValueChange,
    data_changes,
    file_changes,
    flat,
    metrics_of,
    params_of,
    value_changes,
)
from outdo.core.model import Digest, Entry

NAN = float("nan")
ONE = Entry(Digest("1" * 64), 10)
TWO = Entry(Digest("2" * 64), 20)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.dictionaries(st.text(max_size=3), SCALARS | st.lists(st.integers(), max_size=2), max_size=6)
ENTRIES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([ONE, TWO]))


def test_a_number_that_moved_says_by_how_much() -> None:
    assert value_changes({"auc": 0.5}, {"auc": 0.75}) == (ValueChange("auc", "changed", 0.5, 0.75, 0.25),)


def test_a_text_that_changed_has_no_difference() -> None:
    assert value_changes({"loss": "l1"}, {"loss": "l2"}) == (ValueChange("loss", "changed", "l1", "l2"),)


def test_what_came_and_what_went_is_told_apart_from_none() -> None:
    assert value_changes({"a": None}, {"b": None}) == (
        ValueChange("a", "removed", None),
        ValueChange("b", "added", None, None),
    )


def test_one_is_the_same_as_one_point_zero_but_not_as_true() -> None:
    assert value_changes({"n": 1}, {"n": 1.0}) == ()
    assert value_changes({"n": 1}, {"n": True}) == (ValueChange("n", "changed", 1, True),)


def test_no_number_stays_no_number() -> None:
    assert value_changes({"loss": NAN}, {"loss": NAN}) == ()


@given(VALUES)
def test_nothing_differs_from_itself(values: dict[str, object]) -> None:
    assert value_changes(values, dict(values)) == ()


@given(VALUES, VALUES)
def test_changes_lead_from_one_side_to_the_other(before: dict[str, object], after: dict[str, object]) -> None:
    reached = dict(before)
    for change in value_changes(before, after):
        if change.kind == "removed":
            del reached[change.name]
        else:
            reached[change.name] = change.after
    assert value_changes(reached, after) == ()


@given(ENTRIES, ENTRIES)
def test_the_way_back_is_the_way_there_turned_round(
    before: dict[str, Entry], after: dict[str, Entry]
) -> None:
    there, back = data_changes(before, after), data_changes(after, before)
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert [(one.path, turned[one.kind], one.after, one.before) for one in there] == [
        (one.path, one.kind, one.before, one.after) for one in back
    ]


def test_the_same_bytes_are_no_change_whatever_else_was_noted() -> None:
    assert data_changes({"a": ONE}, {"a": Entry(ONE.digest, 0, files=3)}) == ()


def test_files_of_a_folder_are_told_one_by_one() -> None:
    before = {"same": (ONE.digest, False), "gone": (ONE.digest, False), "mode": (ONE.digest, False)}
    after = {"same": (ONE.digest, False), "new": (TWO.digest, False), "mode": (ONE.digest, True)}
    assert file_changes(before, after) == (
        FileChange("gone", "removed"),
        FileChange("mode", "changed"),
        FileChange("new", "added"),
    )


def test_a_metric_of_two_stages_carries_their_names_on_every_side() -> None:
    two = {"fit": {"auc": 0.7}, "test": {"auc": 0.6, "loss": 1.0}}
    one = {"fit": {"auc": 0.8}}
    assert flat([two, one]) == [{"fit:auc": 0.7, "test:auc": 0.6, "loss": 1.0}, {"fit:auc": 0.8}]


def test_a_metric_that_two_stages_agree_on_keeps_its_name() -> None:
    assert metrics_of([Side("a", metrics={"fit": {"n": 1}, "test": {"n": 1}})]) == [{"n": 1}]


def test_beside_a_run_only_params_that_stages_read_are_compared() -> None:
    workspace = Side("workspace", {"lr": 1}, {"lr": 1, "unused": 2})
    run = Side("run 1", {"lr": 2})
    assert params_of([workspace, run]) == [{"lr": 1}, {"lr": 2}]
    assert params_of([workspace, workspace]) == [workspace.params, workspace.params]
