"""Which of Outdo's templates a template of Vega-Lite comes nearest to."""

from collections.abc import Mapping
from typing import Any

from outdo.core.figure import Template
from outdo.core.model import Value

_MARKS: Mapping[str, Template] = {
    "line": "simple",
    "trail": "simple",
    "area": "simple",
    "point": "scatter",
    "circle": "scatter",
    "square": "scatter",
    "bar": "bar_horizontal",
    "rect": "confusion",
}


def nearest(specification: Value) -> Template | None:
    """The template that draws the same kind of mark; None where there is none, and for what is no Vega-Lite."""
    marks = list(dict.fromkeys(_marks(specification, 0)))
    found = [_MARKS[mark] for mark in marks if mark in _MARKS]
    if not found:
        return None
    if found[0] == "bar_horizontal" and not _is_flat(specification):
        return None
    if "transform" in str(specification) and "'loess'" in str(specification):
        return "smooth"
    return "confusion" if "confusion" in found and "aggregate" in str(specification) else found[0]


def _marks(part: Value, depth: int) -> list[str]:
    """The kinds of marks in a specification and its layers, outermost first."""
    if depth > 8 or not isinstance(part, dict):
        return []
    mark: Any = part.get("mark")
    kind = mark.get("type") if isinstance(mark, dict) else mark
    inner = [
        part.get("spec"),
        *(part.get("layer") or []),
        *(part.get("hconcat") or part.get("vconcat") or []),
    ]
    return [
        *([kind] if isinstance(kind, str) else []),
        *(name for one in inner for name in _marks(one, depth + 1)),
    ]


def _is_flat(specification: Value) -> bool:
    """Whether bars lie: their length is x."""
    encoding: Any = specification.get("encoding", {}) if isinstance(specification, dict) else {}
    x = encoding.get("x", {}) if isinstance(encoding, dict) else {}
    return isinstance(x, dict) and x.get("type") == "quantitative"
