"""A first `outdo.yaml` that fits what was found in a folder, with comments that say what is guessed and why."""

import re
from collections.abc import Iterable, Mapping
from posixpath import basename, splitext

from msgspec import Struct, json

from outdo.core.graph import glob_pattern, is_glob
from outdo.core.guess import Folder, Guess, guess
from outdo.core.model import Path
from outdo.core.packages import KNOWN
from outdo.core.sketch import visible

_DATA = (
    ".csv",
    ".tsv",
    ".parquet",
    ".feather",
    ".json",
    ".jsonl",
    ".arrow",
    ".npy",
    ".npz",
    ".h5",
    ".xlsx",
    ".db",
)
_MODELS = (".pkl", ".joblib", ".onnx", ".pt", ".pth", ".keras", ".cbm", ".ubj", ".safetensors", ".pickle")
_METRICS = re.compile(r"metric|score|result|eval|summary", re.IGNORECASE)
_PLOTS = re.compile(r"roc|curve|calibration|confusion|plot|importance|residual", re.IGNORECASE)


class Draft(Struct, frozen=True):
    """A first file, and what it was made from."""

    text: str
    stages: tuple[str, ...] = ()
    """The names of the stages that were found; none where the file has an example only."""
    doubts: int = 0
    """How many things in it are worth a look."""


def scaffold(folder: Folder) -> Draft:
    """The first file for a folder: its scripts as stages, or one example where no script looks like a stage."""
    stages = guess(folder)
    if not stages:
        return Draft(example(folder))
    doubts = sum(len(stage.doubts) for stage in stages)
    head = [
        "# The pipeline: each stage is a command with what it reads (deps, params) and what it writes (outs).",
        "# `outdo run` runs what changed, and only that.",
        "#",
        "# This is a first draft. The paths were read off the scripts without running them; behind each stands where",
        "# it was seen. What is missing or too much is yours to mend; `outdo graph` shows the whole.",
        *_editors(),
        "",
        f"project: {scalar(_project(folder))}",
        *_environment(folder),
        "",
        "stages:",
    ]
    body: list[str] = []
    for stage in stages:
        body += [*_stage(stage, folder), ""]
    text = "\n".join([*head, *body, *_left_over(stages, folder), *_model_hint(stages, folder)])
    return Draft(text.rstrip("\n") + "\n", tuple(stage.name for stage in stages), doubts)


def example(folder: Folder) -> str:
    """A file with one stage that runs as it is, and the frame of a real one in comments."""
    lines = [
        "# The pipeline: each stage is a command with what it reads (deps, params) and what it writes (outs).",
        "# `outdo run` runs what changed, and only that.",
        *_editors(),
        "",
        f"project: {scalar(_project(folder))}",
        *_environment(folder),
        "",
        "stages:",
        "  hello:                           # an example that runs as it is: replace it",
        "    cmd: echo hello > hello.txt",
        "    outs: [hello.txt]",
        "",
        "  # train:",
        "  #   cmd: python train.py",
        "  #   deps: [train.py, data/train.csv]     # files and folders it reads; when one changes, it runs again",
        "  #   params: [train]                      # keys of params.yaml it reads",
        "  #   outs: [model.pkl]                    # what it writes: kept, restored, shared",
        "  #   metrics: [metrics.json]              # numbers that `outdo log` compares",
        "",
        *_left_over([], folder),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def scalar(text: str) -> str:
    """`text` as a project's file reads it back, in quotes where it would be taken for something else."""
    plain = re.fullmatch(r"[A-Za-z_./][\w./@+=-]*( [\w./@+=-]+)*", text, re.ASCII)
    words = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
    if plain and text.lower() not in words and not re.match(r"\.[\d.]|\.(nan|inf)$", text, re.IGNORECASE):
        return text
    return json.encode(text.replace("${", "\\${")).decode()  # else it would stand for a value


def _editors() -> list[str]:
    return [
        "# For completion in an editor: `outdo schema > outdo.schema.json`, and tell the editor's YAML support of it."
    ]


def _environment(folder: Folder) -> list[str]:
    """A hint at the best of the files that say what is to be installed."""
    known = next((name for name in KNOWN if name in folder.files), None)
    hint = "# stages run in this environment, built by uv, and run again when it changes"
    return [f"# env: {known}   {hint}"] if known else []


def _project(folder: Folder) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-") or "project"


def _stage(stage: Guess, folder: Folder) -> list[str]:
    lines = [f"  {scalar(stage.name)}:"]
    if (
        stage.about
        and len(stage.about) < 100
        and visible(stage.about) == stage.about
        and "${" not in stage.about
    ):
        lines.append(f"    desc: {scalar(stage.about)}")
    lines.append(f"    cmd: {scalar(stage.cmd)}")
    lines += _list("deps", stage.deps)
    if stage.params:
        lines.append(f"    params: [{', '.join(map(scalar, stage.params))}]")
    roles = {path: _role(path) for path in stage.outs}
    for role in ("outs", "metrics", "plots"):
        lines += _list(role, {path: why for path, why in stage.outs.items() if roles[path] == role}, folder)
    lines += [f"    # look: {_no_template(doubt)}" for doubt in dict.fromkeys(stage.doubts)]
    return lines


def _list(name: str, items: Mapping[Path, str], folder: Folder | None = None) -> list[str]:
    if not items:
        return []
    rows: list[tuple[str, str]] = []
    for path, why in items.items():
        by_git = folder is not None and any(
            file == path or file.startswith(f"{path}/") for file in folder.tracked
        )
        item = f"{scalar(path)}: {{cache: false}}" if by_git else scalar(path)
        rows.append((item, f"{why}; Git has it, so the store does not" if by_git else why))
    width = max(len(item) for item, _ in rows)
    return [
        f"    {name}:",
        *(f"      - {item:<{width}}   # {why}" if why else f"      - {item}" for item, why in rows),
    ]


def _role(path: Path) -> str:
    stem, ending = splitext(basename(path))
    if ending == ".json" and _METRICS.search(stem):
        return "metrics"
    if ending in (".png", ".svg", ".jpg") or (ending in (".csv", ".json") and _PLOTS.search(stem)):
        return "plots"
    return "outs"


def _left_over(stages: Iterable[Guess], folder: Folder) -> list[str]:
    """A comment with the data and models that are here and that no stage reads or writes."""
    known = [path for stage in stages for path in (*stage.deps, *stage.outs)]
    free = [
        path
        for path in sorted(folder.files)
        if path.endswith((*_DATA, *_MODELS))
        and visible(path) == path
        and not any(_in(path, one) for one in known)
    ]
    if not free:
        return []
    more = f" and {len(free) - 8} more" if len(free) > 8 else ""
    return [_no_template(f"# Also here, and used by no stage above: {', '.join(free[:8])}{more}"), ""]


def _no_template(comment: str) -> str:
    """A `${` even in a comment makes the reader look for what templates may use."""
    return comment.replace("${", "$ {")


def _in(path: Path, known: Path) -> bool:
    if is_glob(known):
        return glob_pattern(known).match(path) is not None
    return path == known or path.startswith(f"{known}/")


def _model_hint(stages: Iterable[Guess], folder: Folder) -> list[str]:
    """A comment that shows how to go on where a model and the stage that scores it were found."""
    stages = list(stages)
    outs = [out for stage in stages for out in stage.outs]
    model = next((out for out in outs if out.endswith(_MODELS) or basename(out) == "model"), None)
    judge = next(
        (stage for stage in reversed(stages) if any(_role(out) == "metrics" for out in stage.outs)), None
    )
    if model is None or judge is None:
        return []
    return [
        "# Next: say which output is the model, and what a version has to pass before it may ship.",
        "# models:",
        f"#   {scalar(_project(folder))}:",
        f"#     path: {scalar(model)}",
        f"#     evaluate: {scalar(judge.name)}",
        "#     gates:",
        '#       - metric: {auc: ">= 0.7"}',
        "",
    ]
