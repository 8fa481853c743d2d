"""A graph with what is known of its stages, as nodes and lines that every kind of picture is drawn from."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from outdo.core.graph import Graph, build, glob_pattern, is_glob
from outdo.core.looks import LOOKS, Look, State
from outdo.core.model import Path, Stage, StageName

FOLD_ABOVE = 150
"""A picture of more nodes than this shows `train × 200` in place of every `train@…`."""


class Mark(Struct, frozen=True):
    """What is known of one stage, and a few words more (`2.1 s`, `params changed`)."""

    state: State
    note: str = ""


_LOUDEST_FIRST: Sequence[State] = (
    *("failed", "running", "cancelled", "skipped", "skip", "run", "wait"),
    *("ran", "restore", "restored", "keep", "kept"),
)


class Node(Struct, frozen=True):
    """A box of a picture. Its texts are visible characters on one line, not yet escaped for any format."""

    label: str
    kind: Literal["stage", "file"] = "stage"
    states: tuple[tuple[State, int], ...] = ()
    """Which states its stages are in and how many are, loudest first; empty where nothing is known."""
    detail: str = ""
    """The mark's note, or what the stage is for, or its command."""

    @property
    def look(self) -> Look | None:
        """How its loudest state is shown."""
        return LOOKS[self.states[0][0]] if self.states else None

    @property
    def told(self) -> str:
        """Its state and detail in words: `ran · 2.1 s`, or `3 failed, 197 ran` for many stages in one."""
        words = [
            LOOKS[state].word if len(self.states) < 2 else f"{n} {LOOKS[state].word}"
            for state, n in self.states
        ]
        return " · ".join(part for part in (", ".join(words), self.detail) if part)

    @property
    def words(self) -> str:
        """Its second line: `✓ ran · 2.1 s`, or the detail alone where nothing is known."""
        return f"{self.look.icon} {self.told}" if self.look else self.told


Line = tuple[str, str]
"""From one node's id to another's."""


class Sketch(Struct, frozen=True):
    """Nodes by id and the lines between them, which form no ring."""

    nodes: Mapping[str, Node]
    lines: tuple[Line, ...]

    def title(self) -> str:
        """What the picture shows, in a few words."""
        stages = sum(node.kind == "stage" for node in self.nodes.values())
        files = len(self.nodes) - stages
        told = f"Pipeline of {stages} stage{'s' * (stages != 1)}"
        return f"{told} and {files} file{'s' * (files != 1)}" if files else told

    def story(self) -> str:
        """The picture in words, for those who do not see it: each node with its state and what it comes after."""
        before: dict[str, list[str]] = defaultdict(list)
        for source, target in self.lines:
            before[target].append(self.nodes[source].label)
        told: list[str] = []
        for id_, node in self.nodes.items():
            state = f" ({node.look.word})" if node.look else ""
            after = f" after {', '.join(before[id_])}" if before[id_] else ""
            told.append(f"{node.label}{state}{after}")
        return "; ".join(told) + "." if told else "No stages."


def sketch(
    graph: Graph,
    marks: Mapping[StageName, Mark],
    *,
    outputs: bool = False,
    fold_above: int = FOLD_ABOVE,
) -> Sketch:
    """`graph` as nodes and lines; with `outputs` the files that stages read and write are nodes too."""
    nodes: dict[str, Node] = {}
    lines: dict[Line, None] = {}
    for name, stage in graph.stages.items():
        here = f"stage:{name}"
        nodes[here] = _node(stage, marks.get(name))
        if not outputs:
            lines.update(dict.fromkeys((f"stage:{parent}", here) for parent in graph.parents[name]))
            continue
        for path in _read(stage, graph):
            nodes.setdefault(f"file:{path}", Node(visible(path), "file"))
            lines[f"file:{path}", here] = None
        for out in stage.outs:
            nodes.setdefault(f"file:{out.path}", Node(visible(out.path), "file"))
            lines[here, f"file:{out.path}"] = None
    whole = Sketch(nodes, tuple(lines))
    return folded(whole) if len(nodes) > fold_above else whole


def part(graph: Graph, names: Iterable[StageName]) -> Graph:
    """`graph` without the stages that are not among `names`."""
    wanted = set(names)
    return build([stage for name, stage in graph.stages.items() if name in wanted])


def folded(whole: Sketch) -> Sketch:
    """`whole` with one node for all `train@…`, and one for the files that go the same way.

    What would come out as a ring (`train@2` reads of `score@1`) is left unfolded."""
    group = {id_: _group(id_) for id_ in whole.nodes}
    group |= _file_groups(whole, group)
    for id_ in _in_rings(whole, group):
        group[id_] = id_
    members: dict[str, list[str]] = defaultdict(list)
    for id_ in whole.nodes:
        members[group[id_]].append(id_)
    nodes = {
        new: whole.nodes[old[0]] if len(old) == 1 else _together(new, [whole.nodes[id_] for id_ in old])
        for new, old in members.items()
    }
    lines = {(group[source], group[target]): None for source, target in whole.lines}
    return Sketch(nodes, tuple(line for line in lines if line[0] != line[1]))


def visible(text: str) -> str:
    """`text` with what is no visible character of one line written as an escape, as in `a\\nb`.

    What a terminal would obey, what would turn the text's direction, and what XML forbids is among that."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_visible(char) else _escape(char) for char in text)


def _is_visible(char: str) -> bool:
    if char in "\u200c\u200d":  # joiners, without which some scripts and emoji come apart
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    code = ord(char)
    return short or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _node(stage: Stage, mark: Mark | None) -> Node:
    if mark:
        return Node(visible(stage.name), "stage", ((mark.state, 1),), visible(mark.note))
    return Node(visible(stage.name), "stage", (), visible(stage.desc or " && ".join(stage.cmd)))


def _read(stage: Stage, graph: Graph) -> list[Path]:
    """The outputs that a stage reads and, of what no stage makes, its dependencies as they are declared."""
    found: dict[Path, None] = {}
    for dep in stage.deps:
        outs = _outs_meant(dep, graph)
        found.update(dict.fromkeys(outs or [dep]))
    found.update(dict.fromkeys(param.file for param in stage.params if param.file in graph.made_by))
    return list(found)


def _outs_meant(dep: Path, graph: Graph) -> list[Path]:
    if dep in graph.made_by:
        return [dep]
    outs = (out.path for maker in graph.makers(dep) for out in graph.stages[maker].outs)
    if is_glob(dep):
        return sorted({out for out in outs if glob_pattern(dep).match(out)})
    return sorted({out for out in outs if dep == "." or _within(out, dep) or _within(dep, out)})


def _within(path: Path, folder: Path) -> bool:
    return path.startswith(f"{folder}/")


def _group(id_: str) -> str:
    return f"{id_.partition('@')[0]}@" if id_.startswith("stage:") and "@" in id_ else id_


def _file_groups(whole: Sketch, group: Mapping[str, str]) -> dict[str, str]:
    """Files that come from the same group and go to the same groups belong together."""
    ways: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for source, target in whole.lines:
        if whole.nodes[target].kind == "file":
            ways[target][0].add(group[source])
        else:
            ways[source][1].add(group[target])
    return {
        id_: f"files:{sorted(ways[id_][0])}>{sorted(ways[id_][1])}"
        for id_, node in whole.nodes.items()
        if node.kind == "file"
    }


def _in_rings(whole: Sketch, group: Mapping[str, str]) -> set[str]:
    """The nodes whose groups lie on a ring of groups, or between two rings."""
    lines = {(group[s], group[t]) for s, t in whole.lines if group[s] != group[t]}
    left = _peeled({(t, s) for s, t in _peeled(lines)})
    ringed = {end for line in left for end in line}
    return {id_ for id_ in whole.nodes if group[id_] in ringed}


def _peeled(lines: set[Line]) -> set[Line]:
    """The lines that stay when all that nothing leads to is taken away, again and again."""
    below: dict[str, list[str]] = defaultdict(list)
    for source, target in lines:
        below[source].append(target)
    count = Counter(target for _, target in lines)
    free = [source for source in below if not count[source]]
    gone: set[str] = set()
    while free:
        source = free.pop()
        gone.add(source)
        for target in below[source]:
            count[target] -= 1
            if not count[target]:
                free.append(target)
    return {line for line in lines if line[0] not in gone}


def _together(new: str, nodes: Sequence[Node]) -> Node:
    if nodes[0].kind == "file":
        return Node(f"{nodes[0].label} … × {len(nodes)}", "file")
    states = Counter[State]()
    for node in nodes:
        states.update(dict(node.states))
    counted = tuple((state, states[state]) for state in _LOUDEST_FIRST if states[state])
    name = visible(new.removeprefix("stage:").removesuffix("@"))
    return Node(f"{name} × {len(nodes)}", "stage", counted, "" if counted else nodes[0].detail)
