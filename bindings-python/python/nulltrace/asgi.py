"""An ASGI middleware: each HTTP request is a span, from its beginning to the end of its body.

    app = nulltrace.asgi.Middleware(app)

Its tags are `http`, the method and the path's template; its exit has `status=200`,
`error=TypeName`, or `status=cancelled`. `scope["nulltrace.span"]` is the span, for spans inside:
`with scope["nulltrace.span"].span("db"): ...`; any other span that the request's task or those it starts
begin is inside too, and concurrent requests do not mix. WebSockets and lifespan are passed through.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from ._http import Requests, without_numbers

__all__ = ["Middleware"]


class Middleware:
    """Wraps an ASGI application.

    The template is what the framework put into the scope (`nulltrace.template`, `route`), or what the
    routes of `scope["app"]` or of `app` say (Starlette, FastAPI); else what `template(scope)` returns; else the
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
        self._requests = Requests(lambda scope: _offered(scope, app), template, limit)

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


def _offered(scope: Any, app: Any = None) -> Any:
    found = scope.get("nulltrace.template")
    if found is None:
        found = _path(scope.get("route"))
    if found is None:
        found = _best(_routes(scope.get("app") or app), scope)[1]
        base = scope.get("app_root_path")
        if isinstance(found, str) and base is not None:
            # In a mounted application: where it is mounted.
            found = without_numbers(scope.get("root_path", "")[len(base) :]) + found
    return found


def _path(route: Any) -> Any:
    found = getattr(route, "path_format", None)
    return getattr(route, "path", None) if found is None else found


def _routes(app: Any) -> Any:
    """Those of an application, also behind other middlewares."""
    for _ in range(_DEEPEST):
        routes = getattr(app, "routes", None)
        if routes is not None or app is None:
            return routes
        app = getattr(app, "app", None)
    return None


_DEEPEST = 32


def _best(routes: Any, scope: Any) -> Tuple[str, Any]:
    """How well the route matches that will take this request, and its path: one that matches in full, else one that
    does but for the method."""
    best: Tuple[str, Any] = ("NONE", None)
    for route in routes or ():
        found = _match(route, scope)
        if found[0] == "FULL":
            return found
        if found[0] == "PARTIAL" and best[0] == "NONE":
            best = found
    return best


def _match(route: Any, scope: Any) -> Tuple[str, Any]:
    included = getattr(route, "effective_candidates", None)
    if included is not None:
        # FastAPI keeps the routes of an included router apart, with the whole path.
        return _best(included(), scope)
    match, inner = route.matches(scope)
    route = getattr(route, "starlette_route", None) or route
    found = _path(route)
    below = getattr(route, "routes", None)
    if match.name != "NONE" and below:
        rest = _best(below, {**scope, **inner})[1]
        # A mount's own format ends in the rest of the path.
        prefix = getattr(route, "path", None) or ""
        found = found if rest is None else prefix + rest
    return match.name, found
