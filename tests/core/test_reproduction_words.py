"""A reproduction in words, for a terminal and for a pull request."""

import io

from outdo.cli.paint import Paint
from outdo.cli.reproduction import markdown, text
from outdo.core.causes import Cause
from outdo.core.compare import ValueChange
from outdo.core.model import Digest, Entry, RunId, StageName
from outdo.core.reproduction import Judged, Number, Reproduction, Tolerance

TRAIN = StageName("train")
FOLDER = Entry(Digest("a"), 1, "tree")
SAME = Judged("data.csv", TRAIN, "out", "identical")
METRICS = Judged(
    "metrics.json", TRAIN, "metric", "differs", "auc 0.7 → 0.6", numbers=(Number("auc", 0.7, 0.6, -0.1, -0.142857),)
)  # fmt: skip
MODEL = Judged("model", TRAIN, "model", "differs", "1 of 2 files: a|`b`\x1b[31m", FOLDER, FOLDER)
CAUSE = Cause("seed", TRAIN, "it may draw random numbers")
DIFFERS = Reproduction(
    "run 12", "40d4285cafe0", True, RunId("r"), "differs", Tolerance(1e-6), (SAME, METRICS, MODEL), {}, (CAUSE,),
    (ValueChange("distribution numpy", "changed", "1", "2"),), ("<b>a notice</b>",), 21.0,
)  # fmt: skip
IDENTICAL = Reproduction(
    "main", "40d4285cafe0", False, None, "identical", Tolerance(1e-6), (SAME,), seconds=2.0
)


def test_a_terminal_ends_with_the_verdict() -> None:
    lines = text(DIFFERS, Paint(io.StringIO())).splitlines()
    assert lines[:3] == [
        "=  data.csv      identical",
        "✕  metrics.json  differs    auc 0.7 → 0.6",
        "✕  model/        differs    1 of 2 files: a|`b`\\x1b[31m",
    ]
    assert lines[4:6] == ["   metric  was   is    by", "✕  auc     0.7  0.6  −0.1  −14%"]
    assert "  numpy 1 → 2" in lines
    assert lines[-1] == "✕ run 12 differs beyond 1e-06: 1 identical, 2 differs · 21s"


def test_what_is_identical_takes_few_lines() -> None:
    assert text(IDENTICAL, Paint(io.StringIO())).splitlines() == [
        "=  data.csv  identical",
        "",
        "✓ main is reproduced to the byte: 1 identical · 2.0s",
    ]


def test_texts_of_others_do_not_break_the_markdown() -> None:
    told = markdown(DIFFERS)
    assert "| ✕ | `model/` | differs | 1 of 2 files: a\\|\\`b\\`\\\\x1b\\[31m |" in told
    assert "| auc | 0.7 | 0.6 | −0.1 | −14% |" in told
    assert "> \\<b\\>a notice\\</b\\>" in told
    assert told.endswith("Commit `40d4285cafe0` with what differed from it.")
