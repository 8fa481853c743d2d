"""A graph, and what is known of its stages, as text that draws it: for a terminal, Mermaid, DOT or SVG."""

import re
import unicodedata
from collections.abc import Mapping

from msgspec import Struct

from outdo.core.graph import Graph
from outdo.core.looks import Hue
from outdo.core.model import StageName
from outdo.core.rails import Row, rails
from outdo.core.sketch import Mark, Node, Sketch, folded, sketch
from outdo.core.svg import drawing

_ANSI: Mapping[Hue, str] = {
    "green": "32",
    "blue": "36",
    "orange": "33",
    "red": "31",
    "plum": "35",
    "grey": "90",
}
_INK: Mapping[Hue, tuple[str, str]] = {
    "green": ("#009e73", "#e3f4ee"),
    "blue": ("#0072b2", "#e2eff8"),
    "orange": ("#c77700", "#fdf1dc"),
    "red": ("#d55e00", "#fce8db"),
    "plum": ("#a5538a", "#f6e9f1"),
    "grey": ("#6b7280", "#f1f2f4"),
}
"""Border and fill of the two formats that know one theme only."""


def terminal(
    graph: Graph,
    marks: Mapping[StageName, Mark],
    width: int = 80,
    *,
    outputs: bool = False,
    color: bool = False,
) -> str:
    """Lines of at most `width` columns: rails, a name, its state; colours as ANSI sequences where `color` says so.

    Where the rails would take more than half of the width, groups are folded; if that does not help, each line
    names what comes before instead."""
    shown = sketch(graph, marks, outputs=outputs)
    rows = _railed(shown, width // 2)
    if rows is None:
        shown = folded(shown)
        rows = _railed(shown, width // 2)
    if rows is None:
        return _listed(shown, width, color)
    left = max((len(row.art) for row in rows), default=0)
    columns = _table(shown, width - left - 2)
    lines: list[str] = []
    for row in rows:
        if row.node is None:
            lines.append(_paint(row.art, "2", color))
            continue
        node = shown.nodes[row.node]
        art = _paint(row.art[: row.at], "2", color) + _glyph(node, color)
        art += _paint(row.art[row.at + 1 :], "2", color) + " " * (left - len(row.art))
        lines.append(f"{art}  {_told(node, columns, color)}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def mermaid(graph: Graph, marks: Mapping[StageName, Mark], *, outputs: bool = False) -> str:
    """A Mermaid flowchart, as GitHub, GitLab and many editors draw it in Markdown."""
    shown = sketch(graph, marks, outputs=outputs)
    short = {id_: f"n{i}" for i, id_ in enumerate(shown.nodes)}
    lines = ["flowchart LR"]
    for id_, node in shown.nodes.items():
        text = _mermaid_text(node.label)
        if node.look:
            text += f"<br/><small>{_mermaid_text(node.words)}</small>"
        left, right = ("([", "])") if node.kind == "file" else ("(", ")")
        hue = f":::{node.look.hue}" if node.look else ""
        lines.append(f'  {short[id_]}{left}"{text}"{right}{hue}')
    lines += [f"  {short[source]} --> {short[target]}" for source, target in shown.lines]
    for hue in sorted({node.look.hue for node in shown.nodes.values() if node.look}):
        border, fill = _INK[hue]
        lines.append(f"  classDef {hue} fill:{fill},stroke:{border},color:#1c2128")
    return "".join(f"{line}\n" for line in lines)


def dot(graph: Graph, marks: Mapping[StageName, Mark], *, outputs: bool = False) -> str:
    """A Graphviz digraph."""
    shown = sketch(graph, marks, outputs=outputs)
    short = {id_: f"n{i}" for i, id_ in enumerate(shown.nodes)}
    lines = [
        "digraph pipeline {",
        "  rankdir=LR",
        '  node [shape=box style="rounded,filled" fillcolor="#ffffff" color="#57606a" fontname="sans-serif"]',
        '  edge [color="#8b949e" arrowsize=0.7]',
    ]
    for id_, node in shown.nodes.items():
        label = _dot_text(node.label) + (f"\\n{_dot_text(node.words)}" if node.look else "")
        extra = ' shape=note style="filled"' if node.kind == "file" else ""
        if node.look:
            border, fill = _INK[node.look.hue]
            extra += f' color="{border}" fillcolor="{fill}"'
        lines.append(f'  {short[id_]} [label="{label}"{extra}]')
    lines += [f"  {short[source]} -> {short[target]}" for source, target in shown.lines]
    return "".join(f"{line}\n" for line in [*lines, "}"])


def svg(graph: Graph, marks: Mapping[StageName, Mark], *, outputs: bool = False) -> str:
    """An SVG file that needs nothing beside it, follows the light or dark scheme of what shows it, and tells its
    content in words to those who do not see it."""
    return drawing(sketch(graph, marks, outputs=outputs))


def _railed(shown: Sketch, widest: int) -> list[Row] | None:
    before: dict[str, list[str]] = {id_: [] for id_ in shown.nodes}
    for source, target in shown.lines:
        before[target].append(source)
    return rails(before, widest)


def _listed(shown: Sketch, width: int, color: bool) -> str:
    before: dict[str, list[str]] = {id_: [] for id_ in shown.nodes}
    for source, target in shown.lines:
        before[target].append(shown.nodes[source].label)
    columns = _table(shown, width - 2)
    lines = []
    for id_, node in shown.nodes.items():
        after = Node(node.label, node.kind, node.states, f"← {', '.join(before[id_])}" if before[id_] else "")
        lines.append(f"{_glyph(node, color)} {_told(after, columns, color)}".rstrip() + "\n")
    return "".join(lines)


class _Table(Struct, frozen=True):
    """How many columns names and states take, and how many a line has."""

    names: int
    states: int
    width: int


def _table(shown: Sketch, width: int) -> _Table:
    names = max((_columns(node.label) for node in shown.nodes.values()), default=0)
    single = [node.look.word for node in shown.nodes.values() if node.look and len(node.states) == 1]
    return _Table(min(names, max(width - 12, 8)), max(map(len, single), default=0), width)


def _glyph(node: Node, color: bool) -> str:
    if node.look:
        return _paint(node.look.icon, _ANSI[node.look.hue], color)
    return "◇" if node.kind == "file" else "●"


def _told(node: Node, table: _Table, color: bool) -> str:
    """A node's name, its state and its detail, each in its column and as far as there is room."""
    name = _clipped(node.label, table.names)
    told = _paint(name, "2" if node.kind == "file" else "1", color)
    room = table.width - table.names - 2
    if not node.told or room < 4:
        return told
    told += " " * (table.names - _columns(name) + 2)
    look = node.look
    if not look or len(node.states) > 1:
        return told + _paint(_clipped(node.told, room), _ANSI[look.hue] if look else "2", color)
    told += _paint(_clipped(look.word, room), _ANSI[look.hue], color)
    if not node.detail or room < table.states + 8:
        return told
    gap = " " * (table.states - len(look.word) + 2)
    return told + gap + _paint(_clipped(node.detail, room - table.states - 2), "2", color)


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and text.strip() else text


def _columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_char_columns, text))


def _char_columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _clipped(text: str, width: int) -> str:
    """`text` in at most `width` columns, its end replaced by `…` where it is longer."""
    if _columns(text) <= width:
        return text
    kept: list[str] = []
    room = width - 1
    for char in text:
        room -= _char_columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"


def _mermaid_text(text: str) -> str:
    """`text` with all that Mermaid or the HTML it makes might read as more than text written as `#code;`.

    Mermaid takes a backslash before an n for a new line even so; an invisible joiner between the two prevents that."""
    apart = text.replace("\\n", "\\\u2060n")
    return re.sub(r"[^\w .,/=+()✓↺◌○…✕⊘·×-]", lambda found: f"#{ord(found[0])};", apart)


def _dot_text(text: str) -> str:
    r"""`text` for a quoted string: `\` and `"` escaped, and `&`, which Graphviz reads as the start of an entity."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
