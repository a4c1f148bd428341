"""An ASGI middleware: each HTTP request is a span, from its beginning to the end of its body.

    app = nulltrace.asgi.Middleware(app)

Its tags are `http`, the method and the path's template; its exit has `status=200`,
`error=TypeName`, or `status=cancelled`. `scope["nulltrace.span"]` is the span, for spans inside:
`with scope["nulltrace.span"].span("db"): ...`; any other span that the request's task or those it starts
begin is inside too, and concurrent requests do not mix. WebSockets and lifespan are passed through.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

from ._http import Requests

__all__ = ["Middleware"]


class Middleware:
    """Wraps an ASGI application.

    The template is what the framework put into the scope (`nulltrace.template`, `route`), or what the
    routes of `scope["app"]` say (Starlette, FastAPI); else what `template(scope)` returns; else the
    path, its numbers replaced by `{n}`. More than `limit` templates are not distinguished.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        template: Optional[Callable[[Any], Any]] = None,
        limit: int = 1000,
    ) -> None:
        self.app = app
        self._requests = Requests(_offered, template, limit)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = self._requests.begin(scope, scope.get("method"), scope.get("path"), True)
        scope = {**scope, "nulltrace.span": request.span}
        trailers = False

        async def sending(message: Any) -> None:
            nonlocal trailers
            await send(message)
            kind = message["type"]
            if kind == "http.response.start":
                request.status = message["status"]
                trailers = bool(message.get("trailers"))
            elif kind in ("http.response.body", "http.response.trailers"):
                more = message.get("more_body" if kind == "http.response.body" else "more_trailers")
                if not more and not (trailers and kind == "http.response.body"):
                    request.end()
            elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
                if not message.get("more_body"):
                    request.end()

        try:
            await self.app(scope, receive, sending)
        except BaseException as error:
            request.end(type(error))
            raise
        request.end()


def _offered(scope: Any) -> Any:
    found = scope.get("nulltrace.template")
    if found is None:
        found = _path(scope.get("route"))
    if found is None:
        found = _matching(getattr(scope.get("app"), "routes", None), scope)
    return found


def _path(route: Any) -> Any:
    found = getattr(route, "path_format", None)
    return getattr(route, "path", None) if found is None else found


def _matching(routes: Any, scope: Any) -> Any:
    """The path of the route that will take this request: one that matches in full, else one that does
    but for the method."""
    partial = None
    for route in routes or ():
        match, inner = route.matches(scope)
        found = _path(route)
        below = getattr(route, "routes", None)
        if match.name != "NONE" and below:
            rest = _matching(below, {**scope, **inner})
            # A mount's own format ends in the rest of the path.
            prefix = getattr(route, "path", None) or ""
            found = found if rest is None else prefix + rest
        if match.name == "FULL":
            return found
        if match.name == "PARTIAL" and partial is None:
            partial = found
    return partial
