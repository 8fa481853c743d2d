"""SVG to PNG."""

import os

from outdo.core.errors import BadPlot

ZOOM = 2.0
"""So that a picture is sharp where two pixels stand for one."""


def png(svg: str) -> bytes:
    """The picture as PNG; raises `BadPlot` where what draws it is not installed."""
    try:
        import resvg_py
    except ImportError:
        what = "to write PNG, the package resvg-py is needed"
        raise BadPlot(what, fix="pip install 'outdo[png]', or write SVG or HTML") from None
    fonts = os.path.join(os.path.dirname(os.path.dirname(__file__)), "fonts")
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, zoom=ZOOM, font_dirs=[fonts], font_family="Inter", sans_serif_family="Inter"
        )
    )
