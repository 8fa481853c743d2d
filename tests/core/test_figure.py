"""Plots as they are declared to what is drawn."""

import pytest

from outdo.core.errors import BadPlot
from outdo.core.figure import Drawn, Figure, Image, Lost, Pictures, Plotted, Series, draw, files_of
from outdo.core.plotdata import Data, read
from outdo.core.sections import Plot
from outdo.core.vega import nearest

ROC = read("roc.csv", b"fpr,tpr\n0,0\n1,1\n")
LOSS = read("logs/loss.json", b'[{"step": 3, "train": 2.0, "valid": 3.0}]')
TESTED = read("test/loss.json", b'[{"loss": 1.0}]')
HERE = Plotted("workspace", {"roc.csv": ROC, "logs/loss.json": LOSS, "test/loss.json": TESTED})
MAIN = Plotted(
    "main", {"roc.csv": read("roc.csv", b"fpr,tpr\n0,1\n"), "logs/loss.json": BadPlot("it is not there")}
)


def series(drawn: Drawn) -> tuple[Series, ...]:
    assert isinstance(drawn, Figure)
    return drawn.series


def test_without_more_the_last_column_is_drawn_over_the_number_of_the_row() -> None:
    drawn = draw("roc.csv", Plot(), "linear", [HERE])
    assert drawn == Figure(
        "roc.csv",
        "roc.csv",
        "linear",
        "step",
        "tpr",
        (Series("workspace", "roc.csv", "tpr", range(2), ("0", "1")),),
    )


def test_several_columns_share_one_x() -> None:
    drawn = draw("logs/loss.json", Plot(x="step", y=("train", "valid"), title="Loss"), "linear", [HERE])
    assert series(drawn) == (
        Series("workspace", "logs/loss.json", "train", [3], [2.0]),
        Series("workspace", "logs/loss.json", "valid", [3], [3.0]),
    )


def test_columns_may_come_from_several_files() -> None:
    plot = Plot(x={"logs/loss.json": "step"}, y={"logs/loss.json": ("train",), "test/loss.json": "loss"})
    assert files_of("any name", plot) == ["logs/loss.json", "test/loss.json"]
    assert [(one.file, one.field, one.x) for one in series(draw("any name", plot, "linear", [HERE]))] == [
        ("logs/loss.json", "train", [3]),
        ("test/loss.json", "loss", [3]),
    ]


def test_sides_are_told_apart_by_name() -> None:
    drawn = draw("roc.csv", Plot(x="fpr", y="tpr"), "linear", [HERE, MAIN])
    assert isinstance(drawn, Figure)
    assert drawn.names() == ["workspace", "main"]


def test_series_are_named_by_what_sets_them_apart() -> None:
    plot = Plot(y={"logs/loss.json": ("train", "valid"), "test/loss.json": "loss"})
    drawn = draw("x", plot, "linear", [HERE])
    assert isinstance(drawn, Figure)
    assert drawn.names() == ["logs/loss.json · train", "logs/loss.json · valid", "test/loss.json · loss"]


def test_what_one_side_lacks_is_noted_and_the_others_are_drawn() -> None:
    drawn = draw("logs/loss.json", Plot(y="train"), "linear", [HERE, MAIN])
    assert isinstance(drawn, Figure)
    assert (len(drawn.series), drawn.notes) == (1, ("main: it is not there",))


@pytest.mark.parametrize(
    ("plot", "why"),
    [
        (Plot(y="trp"), "'roc.csv' has no column 'trp', did you mean 'tpr'?"),
        (Plot(y="zzz"), "'roc.csv' has no column 'zzz': it has fpr, tpr"),
        (
            Plot(x={"logs/loss.json": "step"}, y={"roc.csv": "tpr"}),
            "'step' of 'logs/loss.json' has 1 rows, 'tpr' of 'roc.csv' has 2",
        ),
        (
            Plot(x={"roc.csv": "tpr", "logs/loss.json": "step"}, y={"roc.csv": "tpr"}),
            "'roc' names 2 columns for x and 1 for y",
        ),
    ],
)
def test_every_mistake_is_told_in_one_message(plot: Plot, why: str) -> None:
    id_ = "roc.csv" if isinstance(plot.y, str) else "roc"
    assert draw(id_, plot, "linear", [HERE]) == Lost(id_, why)


def test_a_column_of_words_has_no_line() -> None:
    words = Plotted("workspace", {"a.csv": read("a.csv", b"y\ncat\n")})
    drawn = draw("a.csv", Plot(), "linear", [words])
    assert drawn == Lost("a.csv", "'y' in 'a.csv' holds no numbers, its first cell is 'cat'")
    assert isinstance(draw("a.csv", Plot(), "confusion", [words]), Figure)


def test_a_picture_stands_beside_itself() -> None:
    sides = [
        Plotted("a", {"p.png": b"1"}),
        Plotted("b", {"p.png": b"2"}),
        Plotted("c", {"p.png": BadPlot("no")}),
    ]
    assert draw("p.png", Plot(), "linear", sides) == Pictures(
        "p.png", "p.png", (Image("a", b"1"), Image("b", b"2"))
    )


@pytest.mark.parametrize(
    ("specification", "template"),
    [
        ({"mark": "line"}, "simple"),
        ({"mark": {"type": "point"}}, "scatter"),
        ({"layer": [{"mark": "line"}, {"mark": "text"}]}, "simple"),
        ({"mark": "bar", "encoding": {"x": {"type": "quantitative"}}}, "bar_horizontal"),
        ({"mark": "bar", "encoding": {"x": {"type": "nominal"}}}, None),
        ({"mark": "geoshape"}, None),
        ([1], None),
    ],
)
def test_a_template_of_vega_lite_is_drawn_as_what_has_its_mark(
    specification: object, template: str | None
) -> None:
    assert nearest(specification) == template


def test_data_knows_its_rows() -> None:
    assert Data({"a": [1, 2]}, "a").rows == 2
