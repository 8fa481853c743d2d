"""What is drawn of a project's sides; and the same points as DVC draws."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from msgspec import json

from outdo.app.compare import diff
from outdo.app.library import load
from outdo.app.plots import Plots, Wanted, plots, save_page, save_picture
from outdo.core.errors import BadPlot
from outdo.core.figure import TEMPLATES, Figure, Lost, Pictures
from outdo.core.sections import Plot
from tests.contracts.real_dvc import dvc_answer

GIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
PIPELINE = """
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    plots:
      - roc.csv: {x: fpr, y: tpr, cache: false}
      - seen.csv: {x: actual, y: predicted, template: confusion, cache: false}
      - bare.csv: {header: false, cache: false}
      - folder: {cache: false}
plots:
  - loss.json: {x: step, y: [train, valid], template: smooth, title: Loss}
  - both: {x: step, y: {a/loss.tsv: train, b/loss.tsv: [train, valid]}}
  - pair: {x: {a/loss.tsv: step, b/loss.tsv: step}, y: {a/loss.tsv: train, b/loss.tsv: train}}
  - two: {x: {a/loss.tsv: step, b/loss.tsv: valid}, y: {a/loss.tsv: train, b/loss.tsv: train}}
  - weights.yaml: {x: weight, y: name, template: bar_horizontal}
  - plain.json
"""
FILES = {
    "train.py": "",
    "roc.csv": "fpr,tpr\n0,0\n0.5,0.9\n1,1\n",
    "seen.csv": "actual,predicted\ncat,dog\ndog,dog\n",
    "bare.csv": "1,2\n3,4\n",
    "folder/one.csv": "x,y\n1,2\n",
    "folder/two.csv": "x,z\n1,\n2,3\n",
    "loss.json": '{"log": [{"step": 0, "train": 1.5, "valid": 2}, {"step": 1, "train": 1, "valid": 1}]}',
    "a/loss.tsv": "step\ttrain\n0\t1\n1\t2\n",
    "b/loss.tsv": "step\ttrain\tvalid\n0\t3\t5\n1\t4\t6\n",
    "weights.yaml": "- {weight: 0.5, name: x}\n- {weight: -0.2, name: y}\n",
    "plain.json": '[{"a": 1, "b": 2.5}, {"a": 2, "b": 3}]',
}
PNG = b"\x89PNG\r\n\x1a\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env={**os.environ, **GIT}, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose last commit differs from the workspace in one file."""
    folder = tmp_path / "project"
    write(folder, {**FILES, "dvc.yaml": PIPELINE})
    git(folder.parent, "init", "-q", "-b", "main", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    write(folder, {"roc.csv": "fpr,tpr\n0,0\n0.5,0.7\n1,1\n"})
    return folder


def points(made: Plots) -> dict[str, list[tuple[str, str, object, object]]]:
    """For each plot its points: the side's first word, the column, x and y."""
    return {
        figure.id: [
            (one.side.split()[0], one.field, x, y)
            for one in figure.series
            for x, y in zip(one.x, one.y, strict=True)
        ]
        for figure in made.figures
    }


def test_every_form_of_declaration_is_drawn(project: Path) -> None:
    made = plots(str(project))
    assert [one.id for one in made.drawn] == [
        *("loss.json", "both", "pair", "two", "weights.yaml", "plain.json"),
        *("roc.csv", "seen.csv", "bare.csv", "folder/one.csv", "folder/two.csv"),
    ]
    assert not [one for one in made.drawn if isinstance(one, Lost)]


def test_a_commit_is_read_from_git(project: Path) -> None:
    made = plots(str(project), Wanted(("roc.csv",), ("HEAD",)))
    assert [point[3] for point in points(made)["roc.csv"]] == ["0", "0.9", "1", "0", "0.7", "1"]


def test_plots_that_only_a_commit_declares_are_drawn_for_it(project: Path) -> None:
    write(project, {"dvc.yaml": "stages: {}\n"})
    made = plots(str(project), Wanted(("both",), ("HEAD", "workspace")))
    assert {point[0] for point in points(made)["both"]} == {"HEAD", "workspace"}


def test_what_a_person_says_goes_before_what_the_file_says(project: Path) -> None:
    made = plots(str(project), Wanted(("loss.json",), (), Plot(y="valid", template="scatter", title="T")))
    (figure,) = made.figures
    assert (figure.title, figure.template, [one.field for one in figure.series]) == (
        "T",
        "scatter",
        ["valid"],
    )


def test_plots_are_named_by_folder_pattern_and_place(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(plots(str(project), Wanted(("folder",))).drawn) == 2
    assert len(plots(str(project), Wanted(("*.csv",))).drawn) == 5
    monkeypatch.chdir(project / "folder")
    assert [one.id for one in plots(".", Wanted(("one.csv",))).drawn] == ["folder/one.csv"]


def test_pictures_of_sides_stand_beside_each_other(project: Path) -> None:
    (project / "p.png").write_bytes(PNG)
    git(project, "add", "p.png")
    git(project, "commit", "-q", "-m", "two")
    (project / "p.png").write_bytes(PNG + b"2")
    (picture,) = plots(str(project), Wanted(("p.png",), ("HEAD",))).drawn
    assert isinstance(picture, Pictures)
    assert [image.content for image in picture.images] == [PNG, PNG + b"2"]


def test_a_plot_outside_the_project_is_not_read(project: Path) -> None:
    write(project.parent, {"secret.csv": "x\n1\n"})
    write(project, {"dvc.yaml": "plots: [{a: {y: {../secret.csv: x}}}]\n"})
    (lost,) = plots(str(project)).drawn
    assert lost == Lost("a", "'../secret.csv' is outside the project")


def test_a_template_of_vega_lite_is_drawn_as_the_nearest(project: Path) -> None:
    write(
        project, {".dvc/plots/mine.json": '{"mark": "point"}', ".dvc/plots/odd.json": '{"mark": "geoshape"}'}
    )
    made = plots(str(project), Wanted(("roc.csv",), (), Plot(template="mine")))
    assert made.figures[0].template == "scatter"
    assert made.notices == (
        "roc.csv: its template '.dvc/plots/mine.json' is one of Vega-Lite, drawn as 'scatter'",
    )
    (lost,) = plots(str(project), Wanted(("roc.csv",), (), Plot(template="odd"))).drawn
    assert isinstance(lost, Lost)
    assert "draws something of Vega-Lite that Outdo does not" in lost.why


def test_the_page_needs_nothing_else_and_is_small(project: Path) -> None:
    path = save_page(plots(str(project), Wanted(sides=("HEAD",))), "", str(project))
    text = Path(path).read_text()
    assert len(text) < 60_000
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


def test_charts_are_written_as_png(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    made = plots(str(project))
    assert Path(save_picture(made, str(tmp_path / "a.png"))).read_bytes().startswith(PNG)


def test_a_notebook_shows_the_page(project: Path) -> None:
    made = load(project).plots("roc.csv", revs=["HEAD"], look=Plot(title="ROC"))
    assert made._repr_html_().startswith("<iframe srcdoc=")
    assert [figure.title for figure in made.figures] == ["ROC"]


def test_nothing_to_draw_says_how_to_draw_something(tmp_path: Path) -> None:
    write(tmp_path, {"outdo.yaml": "stages: {}\n"})
    with pytest.raises(BadPlot, match="no plots are declared"):
        plots(str(tmp_path))


@pytest.mark.slow
def test_a_million_rows_are_drawn_in_seconds(project: Path) -> None:
    rows = "".join(f"{i},{i * 7919 % 1000}\n" for i in range(1_000_000))
    write(project, {"long.csv": f"step,loss\n{rows}"})
    start = time.process_time()
    made = plots(str(project), Wanted(("long.csv",), (), Plot(x="step")))
    assert len(made.page()) < 60_000
    assert time.process_time() - start < 20


# Beside DVC.


def drawn_by_dvc(answer: str, ours: Plots) -> dict[str, list[tuple[str, str, object, object]]]:
    """The points in what `dvc plots … --json` says, named as ours are."""
    found = {}
    figures = {figure.id: figure for figure in ours.figures}
    for id_, renders in json.decode(answer)["data"].items():
        values = [row for one in renders for row in one["content"]["data"]["values"]]
        found[id_] = [
            (
                "workspace" if row["rev"] == "workspace" else "HEAD",
                field(row, figures[id_]),
                row["dvc_inferred_x_value"] if "dvc_inferred_x_value" in row else row[figures[id_].x_label],
                row[field(row, figures[id_])],
            )
            for row in values
        ]
    return found


def field(row: dict[str, object], figure: Figure) -> str:
    """The column of y: DVC says it where there are several, ours always."""
    told = row.get("field") or str(row.get("filename::field", "")).rpartition("::")[2]
    return str(told or figure.series[0].field)


def same(ours: Plots, answer: str) -> None:
    theirs = drawn_by_dvc(answer, ours)
    assert points(ours).keys() == theirs.keys()
    for id_, drawn in points(ours).items():
        assert sorted(map(repr, drawn)) == sorted(map(repr, theirs[id_])), id_


@pytest.mark.slow
def test_the_points_are_those_that_dvc_draws(project: Path) -> None:
    dvc_answer(project, "init", "-q")
    same(plots(str(project)), dvc_answer(project, "plots", "show", "--json"))
    same(plots(str(project), Wanted(sides=("HEAD",))), dvc_answer(project, "plots", "diff", "HEAD", "--json"))


@pytest.mark.slow
def test_every_template_of_dvc_draws_the_same_points(project: Path) -> None:
    dvc_answer(project, "init", "-q")
    told = "".join(f"- {name}: {{x: fpr, y: {{roc.csv: tpr}}, template: {name}}}\n" for name in TEMPLATES)
    write(project, {"dvc.yaml": f"plots:\n{told}"})
    git(project, "commit", "-q", "-a", "-m", "two")
    write(project, {"roc.csv": FILES["roc.csv"]})
    ours = plots(str(project), Wanted(sides=("HEAD", "workspace"), paths=TEMPLATES))
    assert [figure.template for figure in ours.figures] == list(TEMPLATES)
    same(ours, dvc_answer(project, "plots", "diff", "HEAD", "--json", "--targets", *TEMPLATES))
    assert set(dvc_answer(project, "plots", "templates").split()) == set(TEMPLATES)


CACHED = """
stages:
  train:
    cmd: mkdir -p all && cp roc.txt roc.csv && cp roc.txt all/one.csv && printf '{"auc":%s}' $(wc -c < roc.txt) > m.json
    deps: [roc.txt]
    plots: [roc.csv: {x: fpr, y: tpr}, all]
    metrics: [m.json]
"""


@pytest.mark.slow
def test_a_commit_that_dvc_made_is_read_from_its_cache(project: Path) -> None:
    dvc_answer(project, "init", "-q")
    git(project, "rm", "-q", "-r", "--cached", ".")
    write(project, {"dvc.yaml": CACHED, "roc.txt": FILES["roc.csv"]})
    dvc_answer(project, "repro", "-q")
    git(project, "add", "dvc.yaml", "dvc.lock", "roc.txt", ".gitignore")
    git(project, "commit", "-q", "-m", "two")
    write(project, {"roc.txt": "fpr,tpr\n0,0.25\n1,1\n"})
    dvc_answer(project, "repro", "-q")
    same(plots(str(project), Wanted(sides=("HEAD",))), dvc_answer(project, "plots", "diff", "HEAD", "--json"))
    found = diff(str(project), ["HEAD"])
    assert [(one.name, one.before, one.after) for one in found.metrics] == [("auc", 24.0, 19.0)]
    assert [(one.path, one.kind) for one in found.data] == [
        ("all", "changed"),
        ("m.json", "changed"),
        ("roc.csv", "changed"),
    ]
    assert found.data[2].table is not None
    assert found.data[2].table.rows == (3, 2)
