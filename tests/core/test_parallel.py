"""Runs on parallel axes: where values stand, what is marked, and that the page needs nothing and trusts nobody."""

import re

from outdo.core.parallel import Axis, Shown, axes, page

RUNS = [
    Shown("run 1", {"lr": 0.001, "loss": "l1", "depth": 3}, {"auc": 0.7, "val_loss": 0.5}),
    Shown("run 2", {"lr": 0.1, "loss": "l2", "depth": 5}, {"auc": 0.8, "val_loss": 0.4}),
    Shown("run 3", {"lr": 0.01, "loss": "l1"}, {"auc": 0.75}),
]


def axis(name: str) -> Axis:
    found = axes(RUNS, ["lr", "loss", "depth"], ["auc", "val_loss"], {})
    return next(each for each in found if each.name == name)


def drawn(*runs: Shown) -> str:
    shown = axes(runs or RUNS, ["lr", "loss"], ["auc"], {})
    return page("flights", "three runs", [run.name for run in runs or RUNS], shown)


def test_a_param_over_decades_has_a_log_scale() -> None:
    assert axis("lr").log
    assert axis("lr").shares == (0.0, 1.0, 0.5)


def test_a_metric_has_none_and_knows_which_way_is_better() -> None:
    assert [axis(name).towards for name in ("auc", "val_loss", "lr")] == ["high", "low", None]
    assert axis("val_loss").best == 1


def test_words_have_a_place_each() -> None:
    assert axis("loss").shares == (0.0, 1.0, 0.0)
    assert axis("loss").ticks == ((0.0, "l1"), (1.0, "l2"))


def test_a_run_without_a_value_has_no_place() -> None:
    assert axis("depth").shares == (0.0, 1.0, None)


def test_a_value_that_is_the_same_for_all_stands_in_the_middle() -> None:
    (found,) = axes([Shown("a", {"x": 3}, {}), Shown("b", {"x": 3}, {})], ["x"], [], {})
    assert found.shares == (0.5, 0.5)


def test_many_values_have_round_ticks() -> None:
    runs = [Shown(str(n), {}, {"auc": 0.7 + n / 997}) for n in range(100)]
    (found,) = axes(runs, [], ["auc"], {})
    assert [word for _, word in found.ticks] == ["0.7", "0.72", "0.74", "0.76", "0.78"]


def test_each_run_is_a_line_and_a_row_the_best_first() -> None:
    html = drawn()
    assert html.count('<g class="line"') == 3
    assert re.findall(r'<tr data-run="(\d)">', html) == ["1", "2", "0"]


def test_the_page_loads_nothing() -> None:
    assert not re.search(r"(src|href)=|url\(|@import|https?:", drawn().replace("http-equiv", ""))


def test_no_style_and_no_script_but_its_own_is_let_in() -> None:
    html = drawn()
    assert "unsafe-inline" not in html
    assert " style=" not in html


def test_names_of_others_are_text() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    html = drawn(Shown(evil, {"lr": evil, "loss": 1}, {"auc": 1.0}), RUNS[0])
    assert "<img" not in html
    assert html.count("</script>") == 1
