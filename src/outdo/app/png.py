"""SVG to PNG."""

import os

from outdo.core.errors import BadPlot

ZOOM = 2.0
"""So that a picture is sharp where two pixels stand for one."""
_FONTS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "fonts")
_LETTERS = ((0x20, 0x17F), (0x391, 0x3C9), (0x2010, 0x201E))
"""What the letters that come with Outdo have; for others those of the machine are read, which takes a second."""
_SIGNS = "\n•…‰€←↑→↓−≈≠≤≥"


def png(svg: str) -> bytes:
    """The picture as PNG, also on a machine without fonts; raises `BadPlot` where what draws it is not installed."""
    try:
        import resvg_py
    except ImportError:
        what = "to write PNG, the package resvg-py is needed"
        raise BadPlot(what, fix="pip install 'outdo[png]', or write SVG or HTML") from None
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=ZOOM,
            font_dirs=[_FONTS],
            font_family="Inter",
            sans_serif_family="Inter",
            skip_system_fonts=all(map(_known, set(svg))),
        )
    )


def _known(letter: str) -> bool:
    return letter in _SIGNS or any(low <= ord(letter) <= high for low, high in _LETTERS)
