"""A graph as rails down a column of text, one node a line.

    ● import
    ├─● stats
    ● features
    ├─●─╮ train@0
    ╰─●─┤ train@1
    ●───╯ choose

A rail runs from nodes to all that read them. To the left of a node its arms come from rails above; to the right they
come from rails that end there (`╯`) or lead into one that several nodes share (`╮`, `┤`). A rail that passes an arm
and has nothing to do with it stays whole: `─│─`.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct


class Row(Struct, frozen=True):
    """One line; `node` stands on it, or None where rails only pass."""

    art: str
    node: str | None
    at: int = 0
    """The index in `art` of the node's mark."""


class _Rail(Struct):
    targets: set[str]
    """The nodes it still has to reach; all that feed it have these in common."""
    beside: bool = False
    """It stands to the right of its nodes instead of under one."""
    reached: int = -1
    """The depth below the node that it last led to."""


def rails(parents: Mapping[str, Sequence[str]], widest: int) -> list[Row] | None:
    """The lines, with `●` for each node, or None where one would be longer than `widest`.

    All of `parents`' values must be among its keys, and no ring among them."""
    track = _Track(parents)
    for node in _deep_first(parents, track.children, track.depth):
        track.place(node)
        if len(track.rows[-1].art) > widest:
            return None
    return track.rows


class _Track:
    """The rails that are open after the lines so far."""

    def __init__(self, parents: Mapping[str, Sequence[str]]) -> None:
        self.children: dict[str, list[str]] = {node: [] for node in parents}
        for node, above in parents.items():
            for parent in above:
                self.children[parent].append(node)
        self.depth = _depths(parents, self.children)
        self.rows: list[Row] = []
        self._rails: list[_Rail | None] = []
        self._twins = Counter(frozenset(below) for below in self.children.values())

    def place(self, node: str) -> None:
        mine = [i for i, rail in enumerate(self._rails) if rail and node in rail.targets]
        for i in mine:
            self._rail(i).targets.discard(node)
        going = [i for i in mine if self._rail(i).targets]
        ending = [i for i in mine if not self._rail(i).targets]
        if not mine and self.rows and not any(self._rails):
            self.rows.append(Row("", None))
        column = self._column(node, going, ending)
        if going and column in ending and self._above(column) == "●":
            self.rows.append(Row("".join(self._cells(column)).rstrip(), None))
        cells = self._cells(column)
        self._arms_in(cells, column, going, ending)
        for i in going:
            self._rail(i).reached = self.depth[node]
        for i in ending:
            self._rails[i] = None
        self._lead_out(node, cells, column, taken=ending)
        cells[2 * column] = "●"
        self.rows.append(Row("".join(cells).rstrip(), node, 2 * column))

    def _rail(self, column: int) -> _Rail:
        rail = self._rails[column]
        assert rail is not None
        return rail

    def _column(self, node: str, going: list[int], ending: list[int]) -> int:
        if going:
            right = [i for i in ending if i > max(going)]
            return right[0] if right else self._free(max([*going, *ending]) + 1)
        if not ending:
            return self._clear(len(self._rails) + 1)
        first = ending[0]
        if len(ending) == 1 and self._rail(first).reached == self.depth[node]:
            return self._free(first + 1)
        return self._clear(first) if self._rail(first).beside else first

    def _free(self, start: int) -> int:
        """The first column from `start` on without a rail."""
        i = start
        while i < len(self._rails) and self._rails[i]:
            i += 1
        return i

    def _clear(self, otherwise: int) -> int:
        """The first column before `otherwise` in which a node would not seem to hang from what is above."""
        for i in range(otherwise):
            if (i >= len(self._rails) or not self._rails[i]) and self._above(i) in " ─╯╰┴":
                return i
        return otherwise

    def _above(self, column: int) -> str:
        art = self.rows[-1].art if self.rows else ""
        return art[2 * column] if 2 * column < len(art) else " "

    def _cells(self, column: int) -> list[str]:
        cells = [" "] * (2 * max(len(self._rails), column + 1) + 1)
        for i, rail in enumerate(self._rails):
            if rail:
                cells[2 * i] = "│"
        return cells

    def _arms_in(self, cells: list[str], column: int, going: list[int], ending: list[int]) -> None:
        mine = sorted([*going, *ending])
        if not mine:
            return
        _across(cells, 2 * mine[0] + 1, 2 * column)
        _across(cells, 2 * column + 1, 2 * mine[-1])
        for i in mine:
            if i == mine[0] and i < column:
                cells[2 * i] = "├" if i in going else "╰"
            elif i == mine[-1] and i > column:
                cells[2 * i] = "╯"
            else:
                cells[2 * i] = "┼" if i in going else "┴"

    def _lead_out(self, node: str, cells: list[str], column: int, taken: list[int]) -> None:
        below = set(self.children[node])
        self._twins[frozenset(below)] -= 1
        if not below:
            return
        self._rails += [None] * (column + 2 - len(self._rails))
        self._rails[column] = _Rail(below)
        if any(i > column for i in taken):
            return
        shared = [i for i, rail in enumerate(self._rails) if rail and i > column and rail.targets == below]
        if not shared and not self._twins[frozenset(below)]:
            return
        to = shared[0] if shared else self._free(column + 1)
        self._rails += [None] * (to + 1 - len(self._rails))
        self._rails[column] = None
        self._rails[to] = self._rails[to] or _Rail(below, beside=True)
        cells += [" "] * (2 * to + 1 - len(cells))
        _across(cells, 2 * column + 1, 2 * to)
        cells[2 * to] = "┤" if shared else "╮"


def _across(cells: list[str], start: int, stop: int) -> None:
    """Draws an arm that passes under the rails in its way."""
    for x in range(start, stop):
        if cells[x] == " ":
            cells[x] = "─"


def _depths(parents: Mapping[str, Sequence[str]], children: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many lines the longest way down from each node has."""
    left = {node: len(below) for node, below in children.items()}
    depth = dict.fromkeys(parents, 0)
    ready = [node for node, count in left.items() if not count]
    while ready:
        node = ready.pop()
        for parent in parents[node]:
            depth[parent] = max(depth[parent], depth[node] + 1)
            left[parent] -= 1
            if not left[parent]:
                ready.append(parent)
    return depth


def _deep_first(
    parents: Mapping[str, Sequence[str]],
    children: Mapping[str, Sequence[str]],
    depth: Mapping[str, int],
) -> list[str]:
    """An order in which a node follows soon after its last parent, and the way with most below it comes last.

    Nodes without parents wait until nothing else can go on, so that each stands right above what reads it."""
    index = {node: i for i, node in enumerate(parents)}
    left = {node: len(above) for node, above in parents.items()}
    ready = [(1, -depth[node], i, node) for node, i in index.items() if not left[node]]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        node = heapq.heappop(ready)[-1]
        order.append(node)
        for child in children[node]:
            left[child] -= 1
            if not left[child]:
                heapq.heappush(ready, (-len(order), depth[child], index[child], child))
    return order
