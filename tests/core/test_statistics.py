"""Whether a difference is there: known answers, and what holds whatever the data."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.metrics.scored import Array, Scored, Unscored, Weights
from outdo.core.metrics.table import METRICS
from outdo.core.statistics.bootstrap import accelerated, draws, units
from outdo.core.statistics.delong import areas, midranks
from outdo.core.statistics.difference import detectable, holm, needed, normal, wilson
from outdo.core.statistics.paired import difference
from outdo.core.statistics.shares import accuracy, mid_p

few = settings(max_examples=30, deadline=None)
AUC, F1, ACCURACY = METRICS["auc"], METRICS["f1"], METRICS["accuracy"]


def scored(truth: Array, score: Array) -> Scored:
    return Scored(truth, score, (score > 0.5).astype(np.int64), classes=2)


def pair(seed: int, rows: int, edge: float = 0.0) -> tuple[Scored, Scored]:
    """Two models that see the same, each with noise of its own; `edge` is what the first sees more."""
    random = np.random.default_rng(seed)
    truth = (random.random(rows) < 0.4).astype(np.float64)
    shared = 0.5 + 0.2 * (truth - 0.5) + random.normal(0, 0.15, rows)
    ours = shared + edge * (truth - 0.5) + random.normal(0, 0.1, rows)
    return scored(truth, ours), scored(truth, shared + random.normal(0, 0.1, rows))


def by_pairs(truth: Array, score: Array) -> float:
    above, below = score[truth == 1], score[truth == 0]
    return float(np.mean((above[:, None] > below) + 0.5 * (above[:, None] == below)))


@few
@given(seed=st.integers(0, 10**6), rows=st.integers(8, 60), places=st.sampled_from([1, 6]))
def test_delong_agrees_with_what_all_pairs_say(seed: int, rows: int, places: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.append([0.0, 0, 1, 1], random.integers(0, 2, rows - 4)).astype(np.float64)
    scores = [random.random(rows).round(places) for _ in range(2)]
    found = areas(truth, scores)
    assert found.values == pytest.approx([by_pairs(truth, one) for one in scores])
    placed = [
        np.array(
            [[by_pairs(np.array([1.0, 0]), np.array([a, b])) for b in s[truth == 0]] for a in s[truth == 1]]
        )
        for s in scores
    ]
    ups, downs = np.stack([p.mean(axis=1) for p in placed]), np.stack([p.mean(axis=0) for p in placed])
    spread = np.cov(ups) / ups.shape[1] + np.cov(downs) / downs.shape[1]
    assert found.covariance == pytest.approx(spread, abs=1e-12)


def test_ties_share_the_mean_of_their_ranks() -> None:
    assert list(midranks(np.array([3.0, 1, 3, 2, 3]))) == [4, 1, 4, 2, 4]


def test_one_class_alone_has_no_area() -> None:
    with pytest.raises(ValueError, match="two rows or more"):
        areas(np.array([0.0, 0, 0, 1]), [np.arange(4.0)])


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    # sums of the binomial by hand: for 8 and 2, (45 + 10 + 1 - 45/2) / 1024
    [(8, 2, (56 - 22.5) / 1024), (0, 0, 0.5), (5, 5, 0.5), (1, 0, 0.25)],
)
def test_mcnemar_counts_by_a_fair_coin(gained: int, lost: int, p: float) -> None:
    assert mid_p(gained, lost) == pytest.approx(p)


def test_an_accuracy_difference_is_that_of_the_rows_that_differ() -> None:
    found = accuracy(30, 10, 1000, confidence=0.95)
    assert found.value == 0.02
    assert 0 < found.low < 0.02 < found.high


def test_holm_multiplies_by_how_many_are_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@few
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers_a_p(chances: list[float]) -> None:
    corrected = holm(chances)
    assert all(low <= high <= 1 for low, high in zip(chances, corrected, strict=True))
    ranked = sorted(range(len(chances)), key=lambda place: chances[place])
    assert [corrected[place] for place in ranked] == sorted(corrected)


def test_rows_needed_grow_with_the_square_of_what_is_missing() -> None:
    lead = detectable(0.01, 0.95, 0.8)
    assert needed(1000, 0.01, lead, confidence=0.95, power=0.8) == pytest.approx(1000)
    assert needed(1000, 0.01, lead / 2, confidence=0.95, power=0.8) == pytest.approx(4000)
    assert needed(1000, 0.01, 0.0, confidence=0.95, power=0.8) == inf


def test_an_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson(0, 10, 0.95)
    assert low == pytest.approx(0)
    assert high == pytest.approx(0.2775, abs=1e-4)


def test_the_bound_at_which_the_margin_lies_has_the_p_for_its_level() -> None:
    found = normal(0.05, 0.02, 100, confidence=0.95, margin=0.0, method="")
    again = normal(0.05, 0.02, 100, confidence=1 - found.p, margin=0.0, method="")
    assert again.low == pytest.approx(0, abs=1e-9)


def test_the_same_seed_draws_the_same_however_many_threads() -> None:
    ours, theirs = pair(1, 300, 0.05)
    a, b = F1.prepare(ours), F1.prepare(theirs)

    def statistic(weights: Weights) -> Array:
        return a(weights) - b(weights)

    one, two = (draws(statistic, units(300), resamples=500, seed=7, threads=many) for many in (1, 3))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, draws(statistic, units(300), resamples=500, seed=8))


def test_the_bootstrap_of_a_mean_is_what_the_formula_says() -> None:
    random = np.random.default_rng(3)
    values = random.normal(1, 2, 2000)

    def statistic(weights: Weights) -> Array:
        return np.asarray((weights * values).sum(axis=-1) / weights.sum(axis=-1))

    what = units(2000)
    found = accelerated(
        statistic, what, draws(statistic, what, resamples=4000, seed=1), confidence=0.95, margin=0
    )
    error = values.std(ddof=1) / 2000**0.5
    assert found.error == pytest.approx(error, rel=0.05)
    assert found.low == pytest.approx(values.mean() - 1.645 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.645 * error, abs=0.1 * error)


@pytest.mark.parametrize("name", ["f1", "brier"])
def test_what_is_drawn_from_kinds_or_by_formula_is_what_is_drawn_from_rows(name: str) -> None:
    ours, theirs = pair(6, 12_000, 0.01)
    short = difference(METRICS[name], ours, theirs, margin=0.002, resamples=2000)
    drawn = difference(
        METRICS[name], ours, theirs, margin=0.002, clusters=np.arange(12_000), resamples=600, seed=1
    )
    assert short.value == pytest.approx(drawn.value, abs=1e-12)
    assert short.error == pytest.approx(drawn.error, rel=0.1)
    assert short.low == pytest.approx(drawn.low, abs=0.2 * short.error)
    assert short.p == pytest.approx(drawn.p, abs=0.05)


def test_a_metric_that_neither_way_is_better_leads_nowhere() -> None:
    ours, theirs = pair(6, 100)
    with pytest.raises(Unscored, match="neither a higher nor a lower selection_rate is better"):
        difference(METRICS["selection_rate"], ours, theirs)


def test_rows_of_one_cluster_are_drawn_together() -> None:
    ours, theirs = pair(5, 400, 0.05)
    twice = [scored(np.tile(one.truth, 2), np.tile(one.scores(), 2)) for one in (ours, theirs)]
    alone = difference(AUC, twice[0], twice[1], clusters=np.tile(np.arange(400), 2), seed=2)
    single = difference(AUC, ours, theirs)
    assert alone.rows == 400
    assert alone.error == pytest.approx(single.error, rel=0.1)
    assert difference(AUC, twice[0], twice[1]).error < 0.8 * alone.error


def test_delong_and_the_bootstrap_agree() -> None:
    ours, theirs = pair(9, 1500, 0.04)
    closed = difference(AUC, ours, theirs)
    drawn = difference(AUC, ours, theirs, clusters=np.arange(1500), seed=4)
    assert drawn.value == pytest.approx(closed.value)
    assert drawn.error == pytest.approx(closed.error, rel=0.06)
    assert drawn.low == pytest.approx(closed.low, abs=0.2 * closed.error)


def test_the_better_of_two_leads_whichever_way_its_metric_is_better() -> None:
    ours, theirs = pair(2, 2000, 0.2)
    for name in ("auc", "accuracy", "f1", "brier"):
        found = difference(METRICS[name], ours, theirs, resamples=1000)
        assert found.low > 0, name
        assert found.p < 0.01, name


def test_two_models_that_say_the_same_differ_by_nothing() -> None:
    ours, _ = pair(2, 100)
    for name in ("auc", "accuracy", "f1"):
        found = difference(METRICS[name], ours, ours, resamples=200)
        assert found.value == 0, name
        assert found.p >= 0.5, name


def test_other_labels_are_refused() -> None:
    ours, theirs = pair(2, 100)
    with pytest.raises(Unscored, match="same labels"):
        difference(ACCURACY, ours, scored(1 - theirs.truth, theirs.scores()))
