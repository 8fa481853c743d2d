"""Which stages and checks of a run may go on: those above which all have ended, in the order of the plan."""

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence

from outdo.core.events import Status
from outdo.core.graph import Graph
from outdo.core.model import CheckedPath, Path, Reason, StageName

BAD = ("failed", "skipped", "cancelled")
"""How something ends that nothing below it may go on after."""

Checks = tuple[Path, CheckedPath]
"""A path with its checks."""


class Frontier:
    """The nodes of a plan: how they have ended, and which of the others may be next."""

    def __init__(
        self, names: Collection[StageName], graph: Graph, checks: Mapping[StageName, Checks]
    ) -> None:
        """`names` are those of the plan, in its order; `checks` are the nodes that are no stages."""
        self._places = {name: place for place, name in enumerate(names)}
        self._parents = graph.parents
        self._children = graph.children()
        self._checks = checks
        self._above = {name: sum(above in self._places for above in graph.parents[name]) for name in names}
        self._ready = [(self._places[name], name) for name, above in self._above.items() if not above]
        heapq.heapify(self._ready)
        self.ended: dict[StageName, Status] = {}

    def __bool__(self) -> bool:
        """Whether something may go on."""
        return bool(self._ready)

    @property
    def first(self) -> StageName:
        """What may go on, and comes first in the plan."""
        return self._ready[0][1]

    def take(self) -> StageName:
        """The first, which is now somebody's to do."""
        return heapq.heappop(self._ready)[1]

    def put_back(self, names: Sequence[StageName]) -> None:
        """These wait again, each at its place."""
        for name in names:
            heapq.heappush(self._ready, (self._places[name], name))

    def end(self, name: StageName, status: Status) -> None:
        """Something has ended; what waited for it alone may go on."""
        self.ended[name] = status
        for child in self._children[name]:
            if child in self._above:
                self._above[child] -= 1
                if not self._above[child]:
                    self.put_back([child])

    def left(self) -> Iterator[StageName]:
        """What has not ended, in the order of the plan; what ends meanwhile is left out."""
        return (name for name in self._places if name not in self.ended)

    def blocked(self, name: StageName) -> tuple[Reason, ...]:
        """Why a node must not go on, from the first above it that did not end well."""
        blocker = next((above for above in self._parents[name] if self.ended.get(above) in BAD), None)
        if blocker is None:
            return ()
        if blocker not in self._checks:
            return (Reason("upstream_failed", blocker),)
        if self.ended[blocker] == "failed":
            return (Reason("check_failed", self._checks[blocker][0]),)
        return self.blocked(blocker)

    @property
    def all_well(self) -> bool:
        """Whether everything has ended, and well."""
        return len(self.ended) == len(self._places) and not any(each in BAD for each in self.ended.values())
