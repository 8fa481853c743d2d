"""Who may do what, as values."""

import pytest

from outdo.core.access import (
    EVERY,
    EVERYBODY,
    FREE_TRIES,
    LONGEST_PAUSE,
    ROLES,
    Actor,
    Hidden,
    Limit,
    Role,
    TooLow,
    decide,
    home_of,
    pause,
    project_of,
)

BEN = Actor("ben", "password", {"flights": "developer", "fraud": "viewer"})
ANNA = Actor("anna", "password", {EVERY: "admin"})
EVE = Actor("eve", "password", {EVERY: "viewer", "flights": "maintainer"})


def limited(actor: Actor, role: Role = "admin", project: str = EVERY) -> Actor:
    return Actor(actor.name, "token 1", actor.grants, Limit(role, project))


def test_a_role_holds_in_its_project() -> None:
    assert decide(BEN, "developer", "flights") is None


def test_a_role_may_do_what_those_before_it_may() -> None:
    assert [decide(ANNA, role, "flights") for role in ROLES] == [None] * 4


def test_what_is_above_a_role_is_told_with_both() -> None:
    why = decide(BEN, "developer", "fraud")
    assert why == TooLow("fraud", "developer", "viewer")
    assert str(why) == "this needs the role developer in project 'fraud'; yours is viewer"


def test_a_project_without_a_role_is_as_if_it_were_not_there() -> None:
    assert decide(BEN, "viewer", "payroll") == Hidden()


def test_of_a_role_in_all_projects_and_one_of_its_own_the_higher_holds() -> None:
    assert (EVE.role_in("flights"), EVE.role_in("fraud")) == ("maintainer", "viewer")


def test_a_lower_role_of_its_own_takes_nothing_away() -> None:
    assert (
        Actor("x", "password", {EVERY: "maintainer", "flights": "viewer"}).role_in("flights") == "maintainer"
    )


def test_what_belongs_to_no_project_is_for_those_of_all() -> None:
    assert (ANNA.role_in(""), BEN.role_in("")) == ("admin", None)


def test_a_token_has_at_most_its_role() -> None:
    assert limited(ANNA, "viewer").role_in("flights") == "viewer"


def test_a_token_gives_no_more_than_its_user_has() -> None:
    assert limited(BEN, "admin").role_in("flights") == "developer"


def test_a_token_of_one_project_reaches_no_other() -> None:
    actor = limited(ANNA, project="flights")
    assert (actor.role_in("flights"), actor.role_in("fraud"), actor.role_in(EVERY)) == ("admin", None, None)


def test_a_token_of_a_project_that_its_user_does_not_have_reaches_nothing() -> None:
    actor = limited(BEN, project="payroll")
    assert (actor.highest, actor.sight) == (None, frozenset())


@pytest.mark.parametrize(
    ("actor", "sight"),
    [
        (ANNA, None),
        (EVERYBODY, None),
        (EVE, None),
        (BEN, frozenset({"flights", "fraud"})),
        (limited(ANNA, project="flights"), frozenset({"flights"})),
        (Actor("new", "password", {}), frozenset()),
    ],
)
def test_the_sight_is_of_the_projects_with_a_role(actor: Actor, sight: frozenset[str] | None) -> None:
    assert actor.sight == sight


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("flights", "flights"),
        ("flights/tuning/lr", "flights"),
        ("/Users/ben", "Users"),
        ("/", ""),
        ("*", "*"),
    ],
)
def test_an_experiment_is_of_the_project_before_its_first_slash(name: str, project: str) -> None:
    assert project_of(name) == project


def test_who_works_in_one_project_alone_need_not_name_it() -> None:
    assert home_of(BEN, "my first try") == "flights"


def test_a_name_that_says_its_project_is_enough() -> None:
    assert home_of(BEN, "flights/trees") is None


def test_who_works_in_several_projects_has_to_name_one() -> None:
    assert home_of(Actor("x", "password", {"a": "developer", "b": "admin"}), "my first try") is None


def test_who_works_in_all_projects_has_no_home() -> None:
    assert home_of(ANNA, "my first try") is None


def test_a_few_failed_attempts_are_answered_at_once() -> None:
    assert pause(FREE_TRIES - 1) == 0


def test_each_further_one_waits_twice_as_long_up_to_a_minute() -> None:
    assert [pause(FREE_TRIES + more) for more in (0, 1, 2)] == [1, 2, 4]
    assert pause(10_000) == LONGEST_PAUSE
