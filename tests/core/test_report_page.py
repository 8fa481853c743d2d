"""A report as a page: it loads nothing, runs nothing of others, and draws what the verdicts stand on."""

import re
from base64 import b64encode
from hashlib import sha256
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outdo.core.chart import file
from outdo.core.chartforest import Forest, Span, forest
from outdo.core.charthistogram import Histogram, histogram
from outdo.core.metrics.scored import Scored
from outdo.core.predicted import Champion, Predicted
from outdo.core.report.curves import MOST, calibration, roc, spread
from outdo.core.report.figures import of_scores, of_verdicts
from outdo.core.report.page import report_page
from outdo.core.report.told import Judged, Report
from outdo.core.verdict import Evidence, Verdict, overall

HOSTILE = "<script>alert(1)</script>\"'&]]>\x00\u202e"
SVG = "{http://www.w3.org/2000/svg}"
TRUTH = np.array([0, 0, 1, 1])


def part(name: str, value: float) -> Verdict:
    outcome = "passed" if value >= 0.6 else "failed"
    evidence = Evidence(value=value, low=value - 0.1, high=value + 0.1, bound=">= 0.6", rows=300)
    return Verdict(name, "passed" if outcome == "passed" else "failed", f"{value:g}", evidence, subject=name)


def model(*verdicts: Verdict, name: str = "delay") -> Judged:
    return Judged("model", name, overall(verdicts), 0.25, verdicts, "delay/1")


def page(one: Judged) -> str:
    return report_page(Report(HOSTILE, (one,)), {one.name: list(of_verdicts(one))}, HOSTILE)


SLICES = Verdict("slices auc by carrier", "failed", "1 of 2", parts=(part("HA", 0.5), part("AA", 0.7)))


def test_only_the_style_and_the_script_of_the_page_itself_may_run() -> None:
    shown = page(model(SLICES))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        [content] = re.findall(f"<{tag}>(.*?)</{tag}>", shown, re.DOTALL)
        assert f"{rule} 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in shown
    assert "unsafe" not in shown
    assert 'style="' not in shown


def test_no_name_is_markup_and_nothing_is_loaded() -> None:
    verdict = Verdict(
        HOSTILE, "failed", HOSTILE, Evidence(examples=(HOSTILE,)), parts=(part(HOSTILE, 0.5),) * 2
    )
    shown = page(model(verdict, name=HOSTILE))
    assert shown.count("<script") == 1
    assert not re.findall(r"(?:src|href)=", shown)
    assert "\x00" not in shown
    assert "\u202e" not in shown


def test_slices_are_drawn_with_their_intervals_worst_first() -> None:
    [drawn] = of_verdicts(model(SLICES))
    texts = [each.text for each in ElementTree.fromstring(file([drawn])).iter(f"{SVG}text")]
    assert texts.index("HA") < texts.index("AA")
    titles = [each.text for each in ElementTree.fromstring(file([drawn])).iter(f"{SVG}title")]
    assert "HA: 0.5 (0.4 to 0.6), failed" in titles


def test_parts_of_different_scales_are_not_drawn_beside_each_other() -> None:
    slope = Verdict("slope", "passed", "", Evidence(value=1.0, low=0.9, high=1.1, bound="[0.8, 1.25]"))
    ece = Verdict("ece", "passed", "", Evidence(value=0.01, low=0.0, high=0.02, bound="<= 0.03"))
    assert list(of_verdicts(model(Verdict("calibration", "passed", "all 2 pass", parts=(slope, ece))))) == []


def test_a_model_is_drawn_over_the_champion() -> None:
    ours, theirs = (
        Predicted(TRUTH, np.array(scores)) for scores in ([0.1, 0.3, 0.6, 0.9], [0.2, 0.7, 0.5, 0.8])
    )
    titles = [drawn.title for drawn in of_scores("delay", ours, Champion("delay/1", theirs))]
    assert titles == ["ROC curve", "Calibration", "Scores"]


def test_a_champion_that_was_not_scored_here_is_left_out() -> None:
    shown = list(
        of_scores("delay", Predicted(TRUTH, np.array([0.1, 0.3, 0.6, 0.9])), Champion("delay/1", None, ""))
    )
    assert not any("delay/1" in drawn.body for drawn in shown)


@pytest.mark.parametrize("truth", [[0.0, 0.0], [1.0, 1.0]])
def test_one_class_alone_has_no_roc_curve(truth: list[float]) -> None:
    assert roc(Scored(np.array(truth), np.array([0.1, 0.2]), classes=2)) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 3_000), st.integers(0, 5), st.integers(1, 4))
def test_a_thinned_roc_curve_keeps_the_area(rows: int, seed: int, digits: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.append(random.integers(0, 2, rows), [0, 1]).astype(float)
    score = np.round(random.random(rows + 2) * 0.5 + truth * 0.3, digits)
    points = roc(Scored(truth, score, classes=2))
    false, true = np.array(points).T
    pairs = score[truth == 1][:, None] - score[truth == 0][None, :]
    assert len(points) <= MOST
    assert points[0] == (0, 0)
    assert points[-1] == (1, 1)
    assert np.all(np.diff(false) >= 0)
    assert np.all(np.diff(true) >= 0)
    area = (pairs > 0).mean() + (pairs == 0).mean() / 2
    assert float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)) == pytest.approx(area, abs=0.004)


def test_calibration_has_a_point_a_bin_and_ties_share_one() -> None:
    score = np.repeat([0.2, 0.7], 50)
    points = calibration(Scored(np.tile([0.0, 1.0], 50), score, classes=2))
    assert np.array(points) == pytest.approx(np.array([[0.2, 0.5], [0.7, 0.5]]))


def test_all_scores_are_counted_once() -> None:
    rows = Scored(TRUTH.astype(float), np.array([0.0, 0.5, 1.0, 1.0]), classes=2)
    found = spread(rows, None)
    assert found is not None
    assert found[1].sum() == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.text(), st.floats(-1e6, 1e6), st.floats(0, 1e6)), max_size=70), st.floats(-10, 10)
)
def test_a_forest_of_any_values_is_sound_svg(rows: list[tuple[str, float, float]], bound: float) -> None:
    spans = tuple(Span(name, value - room, value, value + room, "failed", name) for name, value, room in rows)
    ElementTree.fromstring(file([forest(Forest("t", "x", spans, (bound,), (("failed", 1),)))]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.floats(0, 1)), min_size=1, max_size=14))
def test_a_histogram_of_any_names_is_sound_svg(bars: list[tuple[str, float]]) -> None:
    names, shares = zip(*bars, strict=True)
    ElementTree.fromstring(file([histogram(Histogram("t", "x", shares, shares[::-1], (), names))]))
