"""The look of charts: colours that the colour-blind can tell apart, for light and for dark."""

from collections.abc import Sequence
from typing import Literal

from outdo.core.lettering import FACE, colour

Theme = Literal["both", "light", "dark"]
"""`both` follows the reader's system, for what knows CSS; the others are for files that are printed or pasted."""

HUES: Sequence[tuple[str, str]] = (
    ("#0072b2", "#5cb8f0"),
    ("#d55e00", "#ff9152"),
    ("#009e73", "#3fd0a2"),
    ("#a8487f", "#e39ac6"),
    ("#a87400", "#f0c05a"),
    ("#4f5bd5", "#a5adff"),
    ("#59606b", "#aab3bf"),
    ("#2f95c8", "#a4dcff"),
)
"""After Okabe and Ito, Color Universal Design (2008): on light and on dark."""
DASHES: Sequence[str] = ("", "7 4", "2 3", "9 3 2 3")
_INK, _DIM, _GRID, _AXIS = (
    ("#1c2128", "#e6edf3"),
    ("#59606b", "#9aa4b2"),
    ("#e4e7eb", "#2a313a"),
    ("#8b949e", "#6b7480"),
)
_GROUND = ("#ffffff", "#0d1117")


def style(theme: Theme) -> str:
    """The rules for all charts, to stand once in a page or in each file."""

    def say(what: str, hue: tuple[str, str]) -> str:
        return colour(what, *hue) if theme == "both" else f"{what}:{hue[theme == 'dark']}"

    rules = [
        f".oc{{{FACE}}}",
        ".oc:root{color-scheme:light dark}" if theme == "both" else "",
        f".oc text{{font-size:12px;{say('fill', _INK)}}}",
        ".oc .oc-title{font-size:15px;font-weight:600}",
        f".oc .oc-dim{{font-size:11px;{say('fill', _DIM)}}}",
        ".oc .oc-end{text-anchor:end}.oc .oc-mid{text-anchor:middle}",
        f".oc .oc-grid{{fill:none;stroke-width:1;{say('stroke', _GRID)}}}",
        f".oc .oc-axis{{fill:none;stroke-width:1;{say('stroke', _AXIS)}}}",
        f".oc .oc-guide{{fill:none;stroke-width:1.25;stroke-dasharray:4 4;{say('stroke', _AXIS)}}}",
        ".oc .oc-line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}",
        ".oc .oc-raw{stroke-width:1;opacity:.35}",
        ".oc .oc-dots{fill:none;stroke:currentColor;stroke-width:6;stroke-linecap:round;opacity:.6}",
        ".oc .oc-knots{stroke-width:5.5;opacity:1}",
        ".oc .oc-whole{stroke-width:9;opacity:1}",
        ".oc .oc-bar{fill:currentColor}.oc .oc-faint{opacity:.55}",
        f".oc .oc-back{{{say('fill', _GROUND)}}}",
        f".oc .oc-cell{{stroke-width:1;{say('stroke', _GROUND)}}}",
        f".oc .oc-on{{{say('fill', _GROUND)}}}.oc .oc-half{{fill:{_GROUND[1]}}}",
        *(f".oc .oc-c{i}{{{say('color', hue)}}}" for i, hue in enumerate(HUES)),
        *(f".oc .oc-d{i}{{stroke-dasharray:{dash}}}" for i, dash in enumerate(DASHES) if dash),
    ]
    return "".join(rules)


def classes(hue: int, dash: int = 0) -> str:
    """The classes of a series: past the last hue they begin anew with another dash."""
    dash = (dash + hue // len(HUES)) % len(DASHES)
    return f"oc-c{hue % len(HUES)}" + (f" oc-d{dash}" if dash else "")
