"""A sketch drawn as SVG."""

from html import escape
from itertools import pairwise

from outdo.core.layout import Layout, Point, Size, arrange
from outdo.core.lettering import FACE, INKS, colour, cut, number, text_width
from outdo.core.sketch import Node, Sketch

_DASHED = ("wait", "skip", "skipped", "cancelled")
_MARGIN = 16.0
_LABEL, _WORDS = 13.0, 11.0
"""Sizes of the letters of the first and the second line."""
_LONGEST = 30
"""Letters of a line before it is cut; the node's title has the whole text."""
_PAGE = 1400.0
"""A picture wider than this is drawn from top down instead, where that is narrower."""


def drawing(shown: Sketch) -> str:
    """`shown` as an SVG file, from left to right where that fits a page, else from top down."""
    sizes = {id_: _size(node) for id_, node in shown.nodes.items()}
    layout = arrange(sizes, shown.lines, "right")
    if layout.width > _PAGE:
        down = arrange(sizes, shown.lines, "down")
        layout = down if down.width < layout.width else layout
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    size = f'width="{number(width)}" height="{number(height)}"'
    view = f'viewBox="{-_MARGIN:g} {-_MARGIN:g} {number(width)} {number(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="outdo-graph" role="img" {size} {view}>',
        f"<title>{escape(shown.title())}</title>",
        f"<desc>{escape(shown.story())}</desc>",
        f"<style>{_style(shown)}</style>",
        f'<rect class="og-back" x="{-_MARGIN:g}" y="{-_MARGIN:g}" {size}/>',
        '<g class="og-lines">',
        *(f'<path d="{_curve(layout.lines[line], layout)}"/>' for line in shown.lines),
        "</g>",
        '<g class="og-tips">',
        *(f'<path d="{tip}"/>' for tip in _tips(shown, layout)),
        "</g>",
        *(_box(node, sizes[id_], layout.nodes[id_]) for id_, node in shown.nodes.items()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _size(node: Node) -> Size:
    if node.kind == "file":
        return Size(text_width(cut(node.label, _LONGEST), _WORDS) + 26, 26)
    words = text_width(cut(node.words, _LONGEST), _WORDS)
    return Size(max(text_width(cut(node.label, _LONGEST), _LABEL), words, 66) + 30, 46 if node.words else 34)


def _box(node: Node, size: Size, middle: Point) -> str:
    x, y = middle.x - size.width / 2, middle.y - size.height / 2
    told = f"{node.label}: {node.words}" if node.words else node.label
    classes = f"og-{node.kind}"
    if node.look:
        classes += f" og-{node.look.hue}" + " og-dashed" * (node.states[0][0] in _DASHED)
    lift = -2.5 if node.words else 4.5
    words = ""
    if node.words:
        at = f'x="{number(middle.x)}" y="{number(middle.y + 13.5)}"'
        words = f'<text class="og-words" {at}>{_shown(node.words)}</text>'
    return (
        f'<g class="{classes}"><title>{escape(told)}</title>'
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(size.width)}" height="{number(size.height)}" '
        f'rx="{number(size.height / 2) if node.kind == "file" else 8}"/>'
        f'<text x="{number(middle.x)}" y="{number(middle.y + lift)}">{_shown(node.label)}</text>{words}</g>'
    )


def _curve(way: tuple[Point, ...], layout: Layout) -> str:
    """A path along `way` that leaves and arrives at right angles to the layers, and passes layers straight."""
    parts = [f"M{number(way[0].x)} {number(way[0].y)}"]
    for i, (a, b) in enumerate(pairwise(way)):
        straight = a.y == b.y if layout.direction == "right" else a.x == b.x
        if straight or i % 2:
            parts.append(f"L{number(b.x)} {number(b.y)}")
        elif layout.direction == "right":
            half = (a.x + b.x) / 2
            parts.append(
                f"C{number(half)} {number(a.y)} {number(half)} {number(b.y)} {number(b.x)} {number(b.y)}"
            )
        else:
            half = (a.y + b.y) / 2
            parts.append(
                f"C{number(a.x)} {number(half)} {number(b.x)} {number(half)} {number(b.x)} {number(b.y)}"
            )
    return "".join(parts)


def _tips(shown: Sketch, layout: Layout) -> list[str]:
    """One arrowhead for each node that lines come to, as all of them come to the same point."""
    ends = {layout.lines[line][-1]: None for line in shown.lines}
    if layout.direction == "right":
        return [f"M{number(p.x)} {number(p.y)}l-7-4v8z" for p in ends]
    return [f"M{number(p.x)} {number(p.y)}l-4-7h8z" for p in ends]


def _style(shown: Sketch) -> str:
    """Rules for what `shown` has. Each colour is said twice, first for what knows no `light-dark()`.

    As a file of its own the picture has a ground and follows the system; inside a page it takes the page's."""
    name = f"font-size:{_LABEL:g}px;font-weight:600;text-anchor:middle"
    words = f"font-size:{_WORDS:g}px;font-weight:400"

    line = colour("stroke", "#a3abb5", "#5b6470")
    rules = [
        f".outdo-graph{{{FACE};max-width:100%}}",
        ".outdo-graph:root{color-scheme:light dark}",
        f".outdo-graph rect{{stroke-width:1.25;{colour('stroke', '#8b949e', '#6b7480')}}}",
        f".outdo-graph g rect{{{colour('fill', '#ffffff', '#161b22')}}}",
        ".outdo-graph .og-back{fill:none;stroke:none}",
        f".outdo-graph:root .og-back{{{colour('fill', '#ffffff', '#0d1117')}}}",
        f".outdo-graph .og-lines{{fill:none;stroke-width:1.5;{line}}}",
        f".outdo-graph .og-tips{{{colour('fill', '#a3abb5', '#5b6470')}}}",
        f".outdo-graph text{{{name};{colour('fill', '#1c2128', '#e6edf3')}}}",
        f".outdo-graph .og-words{{{words};{colour('fill', '#59606b', '#9aa4b2')}}}",
        f".outdo-graph .og-file text{{{words}}}",
        f".outdo-graph .og-file rect{{{colour('fill', '#f6f8fa', '#12171e')}}}",
        ".outdo-graph .og-dashed rect{stroke-dasharray:4 3}",
    ]
    for hue in sorted({node.look.hue for node in shown.nodes.values() if node.look}):
        ink, fill, dark_ink, dark_fill = INKS[hue]
        box = colour("stroke", ink, dark_ink) + ";" + colour("fill", fill, dark_fill)
        rules.append(f".outdo-graph .og-{hue} rect{{{box}}}")
        rules.append(f".outdo-graph .og-{hue} .og-words{{{colour('fill', ink, dark_ink)}}}")
    return "".join(rules)


def _shown(text: str) -> str:
    return escape(cut(text, _LONGEST))
