"""A WSGI middleware: each request is a span, from its beginning to the end of its body.

    app = nulltrace.wsgi.Middleware(app)

Its tags are `http`, the method and the path's template; its exit has `status=200`, or
`error=TypeName`. `environ["nulltrace.span"]` is the span, for spans inside:
`with environ["nulltrace.span"].span("db"): ...`. On a thread of its own a request has the thread's id; in a
greenlet (gunicorn's gevent worker) a number.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Iterator, List, Optional

from ._http import Request, Requests

__all__ = ["Middleware"]


class Middleware:
    """Wraps a WSGI application.

    The template is what the framework put into the environ (`nulltrace.template`, bottle, pyramid);
    else what `template(environ)` returns; else the path, its numbers replaced by `{n}`. More than
    `limit` templates are not distinguished.
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

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Any:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        request = self._requests.begin(environ, environ.get("REQUEST_METHOD"), path, False)
        environ["nulltrace.span"] = request.span

        def start(status: Any, headers: Any, *more: Any) -> Any:
            request.status = str(status)[:3]
            return start_response(status, headers, *more)

        is_file = _noting_files(environ)
        try:
            body = self.app(environ, start)
        except BaseException as error:
            request.end(type(error))
            raise
        if is_file(body):
            # The server sends the file by itself if it sees its own object.
            return _ending(body, request)
        return (_Sized if hasattr(body, "__len__") else _Body)(body, request)


def _offered(environ: Any) -> Any:
    for key, attribute in (("bottle.route", "rule"), ("bfg.routes.route", "pattern")):
        found = getattr(environ.get(key), attribute, None)
        if isinstance(found, str):
            return found
    return environ.get("nulltrace.template")


def _noting_files(environ: Any) -> Callable[[Any], bool]:
    """What tells whether a body was made by the server's file wrapper."""
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type):
        return lambda body: isinstance(body, wrapper)
    made: List[Any] = []

    def noting(*args: Any) -> Any:
        made.append(wrapper(*args))
        return made[-1]

    if wrapper is not None:
        environ["wsgi.file_wrapper"] = noting
    return lambda body: any(body is it for it in made)


def _ending(body: Any, request: Request) -> Any:
    """A server's own object; the span ends when it is closed, or now where that cannot be noticed."""
    try:
        body.close = _Closing(getattr(body, "close", None), request)
    except (AttributeError, TypeError):
        request.end()
    return body


class _Closing:
    __slots__ = ("_close", "_request")

    def __init__(self, close: Optional[Callable[[], Any]], request: Request) -> None:
        self._close = close
        self._request = request

    def __call__(self) -> None:
        try:
            if self._close is not None:
                self._close()
        finally:
            self._request.end(sys.exc_info()[0])

    def __del__(self) -> None:
        # A server that does not close.
        self._request.end()


class _Body:
    """A response's body; the span ends with it."""

    __slots__ = ("_body", "_next", "_request")

    def __init__(self, body: Any, request: Request) -> None:
        self._body = body
        self._next: Optional[Callable[[], Any]] = None
        self._request = request

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            if self._next is None:
                self._next = iter(self._body).__next__
            return self._next()
        except StopIteration:
            self._request.end()
            raise
        except BaseException as error:
            self._request.end(type(error))
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._request.end(sys.exc_info()[0])

    def __del__(self) -> None:
        # A server that neither reads to the end nor closes.
        self._request.end()


class _Sized(_Body):
    """A body that knows its length: a server makes `Content-Length` of it."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)
