"""From a path to what answers there: most paths are fixed, and are looked up rather than tried one by one."""

import re
from collections.abc import Sequence

from starlette.responses import RedirectResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from outdo.server.watch import ROUTE

_DOUBLED = re.compile(rb"/+(/[A-Za-z].*)")
"""A path behind an address that ended in a slash. What follows begins with a letter, so it leads to no other host."""


class Paths(Router):
    """Routes of one method each; a scope says which of them was found."""

    def __init__(self, routes: Sequence[Route]) -> None:
        named = [route for route in routes if route.param_convertors]
        super().__init__(routes)
        self._named = Router(named)
        self._fixed = {
            (method, route.path): route
            for route in routes
            if not route.param_convertors
            for method in route.methods or ()
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or raises what a path that nothing answers raises."""
        route = self._fixed.get((scope.get("method", ""), scope.get("path", "")))
        if route is None and (doubled := _DOUBLED.fullmatch(scope.get("raw_path", b""))):
            query = scope["query_string"]
            there = (doubled[1] + (b"?" + query if query else b"")).decode("latin-1")
            await RedirectResponse(there, 308)(scope, receive, send)
            return
        if route is None:
            await self._named.app(scope, receive, send)
            return
        scope.update({"endpoint": route.endpoint, "path_params": {}, ROUTE: route.path})
        await route.handle(scope, receive, send)
