"""Pictures: the same graph for a terminal, Mermaid, DOT and SVG, whatever its names are."""

import re
import unicodedata
from html import unescape
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdo.core.graph import Graph, build
from outdo.core.looks import LOOKS
from outdo.core.model import Output, Stage, StageName
from outdo.core.picture import dot, mermaid, svg, terminal
from outdo.core.sketch import Mark, visible

SVG = "{http://www.w3.org/2000/svg}"
NASTY = [
    '"',
    "<script>alert(1)</script>",
    "a\nb",
    "]]>",
    "&lt;",
    "\\",
    "#35;",
    "`x`",
    "\x1b[2J",
    "'--",
    "\u202e",
    "${x}",
]

IMPORT = StageName("import")
TRAIN = StageName("train")


def stage(name: str, *parents: str) -> Stage:
    deps = tuple(f"{parent}.out" for parent in parents)
    return Stage(StageName(name), cmd=(f"make {name}",), deps=deps, outs=(Output(f"{name}.out"),))


FLIGHTS = build([stage("import"), stage("features", "import"), stage("train", "features")])
MARKS = {
    IMPORT: Mark("keep"),
    StageName("features"): Mark("running", "41 s"),
    TRAIN: Mark("wait", "features runs"),
}


def named(name: str) -> Graph:
    return build([Stage(StageName(name), cmd=(name,), outs=(Output(name),))])


names = st.text(min_size=1, max_size=25) | st.sampled_from(NASTY)


# ------------------------------------------------------------------ terminal


def test_a_terminal_shows_rails_names_and_states() -> None:
    assert terminal(FLIGHTS, MARKS).splitlines() == [
        "=  import    fresh",
        "◌  features  running  41 s",
        "…  train     waits    features runs",
    ]


def test_a_terminal_shows_commands_where_nothing_is_known() -> None:
    assert terminal(FLIGHTS, {}).splitlines()[0] == "●  import    make import"


def test_a_terminal_gets_colours_only_when_asked() -> None:
    assert "\x1b" not in terminal(FLIGHTS, MARKS)
    assert "\x1b[33m◌\x1b[0m" in terminal(FLIGHTS, MARKS, color=True)


def test_rails_too_wide_for_the_terminal_become_a_list() -> None:
    parents = [stage(f"p{i}") for i in range(30)]
    halves = [stage(f"h{i}", f"p{i}", f"p{(i + 7) % 30}", f"p{(i + 15) % 30}") for i in range(30)]
    lines = terminal(build([*parents, *halves]), {}, 60).splitlines()
    assert "● h0   ← p0, p15, p7" in lines


def test_no_stage_is_an_empty_picture() -> None:
    empty = build([])
    assert terminal(empty, {}) == ""
    assert ET.fromstring(svg(empty, {})).find(f"{SVG}title") is not None


@given(names, st.integers(20, 120), st.booleans())
def test_no_line_is_wider_than_the_terminal_or_moves_its_cursor(name: str, width: int, outputs: bool) -> None:
    marks = {StageName(name): Mark("failed", name)}
    for line in terminal(named(name), marks, width, outputs=outputs).splitlines():
        assert sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) <= width + _marks(line)
        assert line == visible(line)


def _marks(line: str) -> int:
    """How many characters of a line take no room of their own."""
    return sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in line)


# ------------------------------------------------------------------ Mermaid and DOT


def test_mermaid_has_nodes_lines_and_colours() -> None:
    text = mermaid(FLIGHTS, MARKS)
    assert text.startswith("flowchart LR\n")
    assert '  n1("features<br/><small>◌ running · 41 s</small>"):::orange\n' in text
    assert "  n0 --> n1\n  n1 --> n2\n" in text
    assert "  classDef orange " in text


@given(names)
def test_mermaid_names_are_quoted_whatever_they_are(name: str) -> None:
    _, _, label = mermaid(named(name), {}).partition('n0("')
    label = label.partition('")\n')[0]
    assert not set(label) & set('"<>&`[]{}|\\\n')
    read = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)
    assert "\\n" not in read
    assert read.replace("\u2060", "") == visible(name)


def test_dot_has_nodes_lines_and_colours() -> None:
    text = dot(FLIGHTS, MARKS)
    assert text.startswith("digraph pipeline {\n")
    assert r'n1 [label="features\n◌ running · 41 s" color="#c77700"' in text
    assert "  n0 -> n1\n  n1 -> n2\n}\n" in text


@given(names)
def test_dot_names_are_quoted_whatever_they_are(name: str) -> None:
    quoted = re.search(r'n0 \[label="((?:[^"\\]|\\.)*)"\]', dot(named(name), {}))
    assert quoted is not None
    assert unescape(re.sub(r"\\(.)", r"\1", quoted[1])) == unescape(visible(name).replace("&", "&amp;"))


# ------------------------------------------------------------------ SVG


@given(names, st.sampled_from(sorted(LOOKS)), st.booleans())
def test_svg_is_xml_and_holds_the_names(name: str, state: str, outputs: bool) -> None:
    marks = {StageName(name): Mark(next(known for known in LOOKS if known == state), name)}
    root = ET.fromstring(svg(named(name), marks, outputs=outputs))
    looks = LOOKS[marks[StageName(name)].state]
    told = f"{visible(name)}: {looks.icon} {looks.word} · {visible(name)}"
    assert told in [node.text for node in root.iter(f"{SVG}title")]
    assert not list(root.iter(f"{SVG}script"))


def test_svg_tells_its_content_to_those_who_do_not_see_it() -> None:
    root = ET.fromstring(svg(FLIGHTS, MARKS))
    assert root.get("role") == "img"
    assert [root[0].text, root[1].text] == [
        "Pipeline of 3 stages",
        "import (fresh); features (running) after import; train (waits) after features.",
    ]


def test_svg_has_colours_for_light_and_dark_and_fetches_nothing() -> None:
    text = svg(FLIGHTS, MARKS)
    assert "light-dark(" in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|href", text)


def test_svg_changes_nothing_of_the_page_that_holds_it() -> None:
    style = ET.fromstring(svg(FLIGHTS, MARKS)).findtext(f"{SVG}style") or ""
    assert all(rule.startswith(".outdo-graph") for rule in style.split("}") if rule)


@pytest.mark.parametrize("state", sorted(LOOKS))
def test_no_two_states_look_alike_without_colour(state: str) -> None:
    mine = next(look for known, look in LOOKS.items() if known == state)
    assert mine.icon
    assert mine.word
    assert all(
        look.word == mine.word or (look.icon, look.word) != (mine.icon, mine.word) for look in LOOKS.values()
    )


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("state", sorted(LOOKS))
def test_the_words_of_a_box_stand_out_from_its_ground(state: str) -> None:
    marks = {IMPORT: Mark(next(known for known in LOOKS if known == state))}
    style = ET.fromstring(svg(build([stage("import")]), marks)).findtext(f"{SVG}style") or ""
    ((ground, ground_dark), (ink, ink_dark)) = re.findall(
        r"og-(?:green|blue|orange|red|plum|grey) [^}]*fill:light-dark\((#\w+),(#\w+)\)}", style
    )
    for dark, light in [(ink, ground), (ground_dark, ink_dark)]:
        assert (_luminance(light) + 0.05) / (_luminance(dark) + 0.05) >= 4.5
