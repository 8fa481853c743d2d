"""Which stages may run side by side."""

import pytest

from outdo.core.errors import NotEnough
from outdo.core.model import Resources, Stage, StageName
from outdo.run.budget import Budget, Machine, Share, measure

GB = 10**9
MACHINE = Machine(4.0, ("0", "1"), 8 * GB)


def started(budget: Budget, *wanted: Resources) -> list[bool]:
    with budget.round() as asking:
        return [asking.take(resources) is not None for resources in wanted]


def test_as_many_start_as_have_processors() -> None:
    assert started(Budget(MACHINE), *[Resources(cpu=2)] * 3) == [True, True, False]


def test_memory_counts_too() -> None:
    assert started(Budget(MACHINE), *[Resources(memory=5 * GB)] * 2) == [True, False]


def test_a_stage_that_wants_more_than_there_is_gets_all() -> None:
    assert started(Budget(MACHINE), Resources(cpu=64), Resources()) == [True, False]


def test_one_that_waits_for_a_gpu_lets_others_pass() -> None:
    one, two = Resources(gpu=2), Resources(gpu=1)
    assert started(Budget(MACHINE), one, two, Resources()) == [True, False, True]


def test_one_that_waits_for_processors_holds_them_back_so_that_it_does_not_starve() -> None:
    budget = Budget(MACHINE)
    assert started(budget, Resources(cpu=3), Resources(cpu=4), Resources(cpu=1)) == [True, False, False]


def test_what_was_held_back_is_free_in_the_next_round() -> None:
    budget = Budget(MACHINE)
    started(budget, Resources(cpu=3), Resources(cpu=4))
    assert started(budget, Resources(cpu=1)) == [True]


def test_what_is_given_back_is_free_again() -> None:
    budget = Budget(MACHINE)
    share = budget.take(Resources(cpu=4, gpu=1, memory=GB))
    assert share == Share(4.0, GB, (("0", 1.0),))
    budget.give_back(share)
    assert budget.take(Resources(cpu=4, gpu=2, memory=8 * GB)) is not None


def test_parts_of_a_gpu_share_one() -> None:
    budget = Budget(MACHINE)
    shares = [budget.take(Resources(gpu=0.5)) for _ in range(3)]
    assert [share and share.gpus for share in shares] == [(("0", 0.5),), (("0", 0.5),), (("1", 0.5),)]


def test_jobs_limit_the_stages_at_once() -> None:
    assert started(Budget(MACHINE, jobs=1), Resources(), Resources()) == [True, False]


def test_more_gpus_than_there_are_is_a_mistake_at_once() -> None:
    with pytest.raises(NotEnough, match="asks for 3 GPU, but this machine has 2"):
        Budget(MACHINE).check([Stage(StageName("train"), resources=Resources(gpu=3))])


def test_this_machine_has_something() -> None:
    machine = measure()
    assert machine.cpu >= 1
    assert machine.memory > 2**20
