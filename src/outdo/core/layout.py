"""Where the nodes of a graph stand in a layered drawing, and which way its lines go.

Four steps, as in Sugiyama, Tagawa and Toda (1981): each node gets a layer below all that it comes after; a line that
skips layers gets a waypoint in each; nodes of a layer are put in an order with few crossings; and they move towards
what they are joined to as far as their neighbours in the layer allow. All of it is deterministic, and no step walks
the graph by recursion.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct

Line = tuple[str, str]
Direction = Literal["right", "down"]


class Size(Struct, frozen=True):
    """The room a node takes."""

    width: float
    height: float


class Point(Struct, frozen=True):
    x: float
    y: float


class Layout(Struct, frozen=True):
    """The middle of each node, and each line's points from the edge of one node to the edge of the other."""

    nodes: Mapping[str, Point]
    lines: Mapping[Line, tuple[Point, ...]]
    width: float
    height: float
    direction: Direction


class Gaps(Struct, frozen=True):
    """Free room: between layers, between nodes of a layer, and between two lines that pass a layer."""

    layers: float = 48
    nodes: float = 18
    lines: float = 10


GAPS = Gaps()

_STIFF = (1.0, 2.0, 12.0)
"""How much a link pulls that joins none, one or two waypoints."""


def arrange(
    sizes: Mapping[str, Size],
    lines: Sequence[Line],
    direction: Direction = "right",
    gaps: Gaps = GAPS,
) -> Layout:
    """The drawing of `sizes` and `lines`, which form no ring, with layers from left to right or from top down."""
    net = _Net(sizes, lines, direction, gaps)
    _untangle(net)
    across = _align(net)
    return _drawn(net, lines, across, direction)


class _Net:
    """Nodes and waypoints by number, in layers; every link joins two neighbouring layers."""

    def __init__(
        self, sizes: Mapping[str, Size], lines: Sequence[Line], direction: Direction, gaps: Gaps
    ) -> None:
        self.number = {name: i for i, name in enumerate(sizes)}
        flat = direction == "down"
        self.breadth = [size.width if flat else size.height for size in sizes.values()]
        """What each takes across, within its layer."""
        self.depth = [size.height if flat else size.width for size in sizes.values()]
        """What each takes along, from layer to layer."""
        self.gaps = gaps
        ends = [(self.number[source], self.number[target]) for source, target in lines]
        self.layer = layers(len(self.breadth), ends)
        self.real = len(self.breadth)
        self.up: list[list[int]] = [[] for _ in self.breadth]
        self.down: list[list[int]] = [[] for _ in self.breadth]
        self.way: dict[tuple[int, int], int] = {}
        """The waypoint of a node's lines in a layer; lines from one node share theirs."""
        self._link_all(ends)
        self.rows: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for i in _by_depth_first(self):
            self.rows[self.layer[i]].append(i)

    def _link_all(self, ends: list[tuple[int, int]]) -> None:
        targets: dict[int, list[int]] = {}
        for source, target in ends:
            targets.setdefault(source, []).append(target)
        reach = {s: max(self.layer[t] for t in ts) - self.layer[s] - 1 for s, ts in targets.items()}
        room = 2000 + 4 * self.real
        for source in sorted(targets, key=lambda s: (reach[s], s)):
            room -= reach[source]
            for target in targets[source]:
                self._link(source, target, waypoints=room >= 0)

    def _link(self, source: int, target: int, waypoints: bool) -> None:
        """Joins two nodes; without `waypoints` a line that skips layers is drawn straight and counts in no order."""
        if not waypoints and self.layer[target] > self.layer[source] + 1:
            return
        at = source
        for layer in range(self.layer[source] + 1, self.layer[target]):
            point = self.way.get((source, layer))
            if point is None:
                point = self.way[source, layer] = len(self.layer)
                self.layer.append(layer)
                self.breadth.append(0.0)
                self.depth.append(0.0)
                self.up.append([at])
                self.down.append([])
                self.down[at].append(point)
            at = point
        self.down[at].append(target)
        self.up[target].append(at)

    def apart(self, left: int, right: int) -> float:
        """The least distance between the middles of two neighbours in a layer."""
        free = self.gaps.lines if left >= self.real and right >= self.real else self.gaps.nodes
        return (self.breadth[left] + self.breadth[right]) / 2 + free


def layers(count: int, ends: Sequence[tuple[int, int]]) -> list[int]:
    """A layer for each of `count` nodes: one below the lowest it comes after.

    A node that comes after none stands right above the first that comes after it."""
    below: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in ends:
        below[source].append(target)
        missing[target] += 1
    roots = [i for i in range(count) if not missing[i]]
    layer = [0] * count
    order = list(roots)
    for i in order:
        for target in below[i]:
            layer[target] = max(layer[target], layer[i] + 1)
            missing[target] -= 1
            if not missing[target]:
                order.append(target)
    for i in roots:
        layer[i] = min((layer[target] for target in below[i]), default=1) - 1
    return layer


def _by_depth_first(net: _Net) -> list[int]:
    """All nodes and waypoints in the order in which a walk down from each root meets them, so that what belongs
    together starts side by side."""
    seen = [False] * len(net.layer)
    met: list[int] = []
    for root in sorted(range(len(net.layer)), key=lambda i: net.layer[i]):
        todo = [root]
        while todo:
            i = todo.pop()
            if not seen[i]:
                seen[i] = True
                met.append(i)
                todo.extend(reversed(net.down[i]))
    return met


def _untangle(net: _Net) -> None:
    """Puts each layer in an order with few crossings: sweeps down and up by the mean place of the neighbours."""
    links = sum(map(len, net.down)) + 1
    best, fewest = [list(row) for row in net.rows], _crossings(net)
    for sweep in range(max(2, min(16, 30_000 // links))):
        if not fewest:
            break
        down = sweep % 2 == 0
        near = net.up if down else net.down
        rows = net.rows if down else net.rows[::-1]
        share: dict[int, float] = {}
        for row in rows:
            size = len(row)
            key: dict[int, float] = {}
            for place, i in enumerate(row):
                beside = [share[j] for j in near[i]]
                key[i] = sum(beside) / len(beside) if beside else (place + 0.5) / size
            row.sort(key=key.__getitem__)
            for place, i in enumerate(row):
                share[i] = (place + 0.5) / size
        now = _crossings(net)
        if now < fewest:
            best, fewest = [list(row) for row in net.rows], now
    net.rows = best


def _crossings(net: _Net) -> int:
    """How many pairs of links cross."""
    total = 0
    for upper, lower in pairwise(net.rows):
        place = {i: n for n, i in enumerate(lower)}
        ends = [n for i in upper for n in sorted(place[j] for j in net.down[i])]
        total += _inversions(ends, len(lower))
    return total


def _inversions(values: Sequence[int], top: int) -> int:
    """How many pairs of `values`, all under `top`, stand in falling order; by a Fenwick tree."""
    tree = [0] * (top + 1)
    total = 0
    for seen, value in enumerate(values):
        i, not_above = value + 1, 0
        while i:
            not_above += tree[i]
            i -= i & -i
        total += seen - not_above
        i = value + 1
        while i <= top:
            tree[i] += 1
            i += i & -i
    return total


def _align(net: _Net) -> list[float]:
    """The place of each across its layer: as near as may be to the mean of its neighbours."""
    at = [0.0] * len(net.layer)
    for row in net.rows:
        for left, right in pairwise(row):
            at[right] = at[left] + net.apart(left, right)
        middle = at[row[-1]] / 2
        for i in row:
            at[i] -= middle
    for sweep in range(max(6, min(40, 60_000 // len(at)) if at else 0)):
        down = sweep % 2 == 0
        for row in net.rows if down else net.rows[::-1]:
            _settle(net, row, at, (4.0, 1.0) if down else (1.0, 4.0))
    for row in (*net.rows, *net.rows[::-1]):
        _settle(net, row, at, (1.0, 1.0))
    least = min((at[i] - net.breadth[i] / 2 for i in range(len(at))), default=0.0)
    return [x - least for x in at]


def _settle(net: _Net, row: list[int], at: list[float], weights: tuple[float, float]) -> None:
    """Moves the nodes of one layer to where the sum of squared distances to their wishes is least, in their order
    and apart (isotonic regression: pool the neighbours that would overlap). `weights` says how much those above
    and those below count; what passes on a long line counts more, so that long lines are straight."""
    blocks: list[tuple[float, float, int]] = []
    offset = 0.0
    offsets: list[float] = []
    for n, i in enumerate(row):
        offset += net.apart(row[n - 1], i) if n else 0.0
        offsets.append(offset)
        weight = pulled = 0.0
        for near, share in ((net.up[i], weights[0]), (net.down[i], weights[1])):
            for j in near:
                pull = share * _STIFF[(i >= net.real) + (j >= net.real)]
                weight += pull
                pulled += pull * at[j]
        wish = pulled / weight if weight else at[i]
        weight = weight or 0.01
        mean, count = wish - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, heavy, many = blocks.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, count = heavy + weight, many + count
        blocks.append((mean, weight, count))
    n = 0
    for mean, _, count in blocks:
        for i in row[n : n + count]:
            at[i] = mean + offsets[n]
            n += 1


def _drawn(net: _Net, lines: Sequence[Line], across: list[float], direction: Direction) -> Layout:
    thick = [max(net.depth[i] for i in row) for row in net.rows]
    start: list[float] = []
    edge = 0.0
    for depth in thick:
        start.append(edge)
        edge += depth + net.gaps.layers
    long = edge - net.gaps.layers if thick else 0.0
    wide = max((across[i] + net.breadth[i] / 2 for i in range(len(across))), default=0.0)

    def point(along: float, cross: float) -> Point:
        return Point(along, cross) if direction == "right" else Point(cross, along)

    def middle(i: int) -> float:
        return start[net.layer[i]] + thick[net.layer[i]] / 2

    routes: dict[Line, tuple[Point, ...]] = {}
    for source, target in lines:
        s, t = net.number[source], net.number[target]
        way = [point(middle(s) + net.depth[s] / 2, across[s])]
        for layer in range(net.layer[s] + 1, net.layer[t]):
            passing = net.way.get((s, layer))
            if passing is not None:
                way.append(point(start[layer], across[passing]))
                way.append(point(start[layer] + thick[layer], across[passing]))
        way.append(point(middle(t) - net.depth[t] / 2, across[t]))
        routes[source, target] = tuple(way)
    nodes = {name: point(middle(i), across[i]) for name, i in net.number.items()}
    width, height = (long, wide) if direction == "right" else (wide, long)
    return Layout(nodes, routes, width, height, direction)
