"""The tokens of a trace from those of its steps."""

from outdo.core.usage import Step, total

TEN = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


def test_steps_that_say_nothing_make_no_sum() -> None:
    assert total([Step("a", ""), Step("b", "a")]) == {}


def test_steps_beside_each_other_add_up() -> None:
    assert total([Step("a", ""), Step("b", "a", TEN), Step("c", "a", TEN)])["total_tokens"] == 20


def test_a_step_that_sums_up_others_counts_in_their_place() -> None:
    assert total([Step("a", "", TEN), Step("b", "a"), Step("c", "b", TEN)]) == TEN


def test_steps_that_are_each_others_parts_end_the_search() -> None:
    assert total([Step("a", "b", TEN), Step("b", "a")]) == TEN


def test_a_step_whose_parent_has_not_come_counts() -> None:
    assert total([Step("c", "b", TEN)]) == TEN
