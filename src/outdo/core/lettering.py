"""What every drawing needs: how wide a text comes out, and numbers and colours as SVG writes them."""

from collections.abc import Mapping
from unicodedata import east_asian_width

from outdo.core.looks import Hue

FACE = "font-family:Inter,system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"
"""The letters of every drawing, as CSS says it."""

INKS: Mapping[Hue, tuple[str, str, str, str]] = {
    "green": ("#007a59", "#e6f5f0", "#4fd1a5", "#12342a"),
    "blue": ("#005f95", "#e5f1f9", "#6cbcf0", "#12293a"),
    "orange": ("#8a5200", "#fdf2de", "#f0b54a", "#35280f"),
    "red": ("#a84400", "#fdeadf", "#ff9a5c", "#3b2013"),
    "plum": ("#8c3f72", "#f7eaf2", "#dd96c3", "#351f2e"),
    "grey": ("#59606b", "#f3f4f6", "#9aa4b2", "#22272e"),
}
"""Okabe and Ito's colours, darkened or lightened until they read well as text: ink and fill on light, then on dark."""


def text_width(text: str, size: float) -> float:
    """About how wide `text` comes out in a sans-serif face; a browser's own measure is not known here."""
    return size * sum(map(_char_width, text))


def cut(text: str, most: int) -> str:
    """`text`, or its beginning with `…`, in at most so many letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def fitted(text: str, room: float, size: float) -> str:
    """`text`, or its beginning with `…`, in at most so many pixels."""
    if text_width(text, size) <= room:
        return text
    room -= text_width("…", size)
    end = 0
    for char in text:
        room -= text_width(char, size)
        if room < 0:
            break
        end += 1
    return text[:end] + "…"


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel, in few letters."""
    return f"{value:.1f}".removesuffix(".0")


def colour(what: str, light: str, dark: str) -> str:
    """A colour of CSS for both schemes, first for what knows no `light-dark()`."""
    return f"{what}:{light};{what}:light-dark({light},{dark})"


def _char_width(char: str) -> float:
    if char in "iljtfrI.,:;'|!()[] ":
        return 0.36
    if char in "mwMW@%—…" or char.isupper():
        return 0.82 if char in "mwMW@%—…" else 0.69
    return 1.05 if east_asian_width(char) in "WF" else 0.59
