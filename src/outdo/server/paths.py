"""From a path to what answers there: most paths are fixed, and are looked up rather than tried one by one."""

from collections.abc import Sequence

from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from outdo.server.watch import ROUTE


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
        if route is None:
            await self._named.app(scope, receive, send)
            return
        scope.update({"endpoint": route.endpoint, "path_params": {}, ROUTE: route.path})
        await route.handle(scope, receive, send)
