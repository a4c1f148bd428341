"""The middlewares, without any framework."""

import asyncio
import gc
import os
import threading
import urllib.request
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from nulltrace import asgi, wsgi
from nulltrace._http import without_numbers


@pytest.mark.parametrize(
    "path, template",
    [
        ("/", "/"),
        ("/user/7/cart", "/user/{n}/cart"),
        ("/v1/a2", "/v1/a2"),
        ("/7", "/{n}"),
        ("/x/123e4567-e89b-12d3-a456-426614174000", "/x/{id}"),
        ("/x/deadbeef01", "/x/{id}"),
        ("/x/deadbeef", "/x/deadbeef"),
        ("", ""),
    ],
)
def test_paths_without_numbers(path, template):
    assert without_numbers(path) == template


def environ(path="/fib/10", method="GET", **more):
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": "", **more}


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def call(app, environ):
    """What a server does."""
    started = []
    body = app(environ, lambda status, headers, *more: started.append(status))
    try:
        data = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return started[0], data


def test_wsgi(written):
    def app(environ, start_response):
        with environ["nulltrace.span"].span("db"):
            pass
        return hello(environ, start_response)

    assert call(wsgi.Middleware(app), environ()) == ("200 OK", b"hello")
    assert [(it["dir"], it["tags"], it["args"]) for it in written.parsed()] == [
        (">", ["http", "GET", "/fib/{n}"], []),
        (">", ["http", "GET", "/fib/{n}", "db"], []),
        ("<", ["http", "GET", "/fib/{n}", "db"], []),
        ("<", ["http", "GET", "/fib/{n}"], [["status", "200"]]),
    ]


def test_wsgi_on_a_thread_has_its_id(written):
    call(wsgi.Middleware(hello), environ())
    assert written.raw() == [b">:t:http.GET./fib/{n}::", b"<:t:http.GET./fib/{n}:status=200:"]


def test_wsgi_streams(written):
    def app(environ, start_response):
        start_response("404 Not Found", [])

        def body():
            yield b"a"
            yield b"b"

        return body()

    body = wsgi.Middleware(app)(environ(), lambda *started: None)
    assert next(body) == b"a" and len(written.raw()) == 1
    assert list(body) == [b"b"]
    assert [it["args"] for it in written.parsed()] == [[["status", "404"]]]
    body.close()
    assert written.raw() == []


def test_wsgi_body_that_is_closed_early(written):
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            closed.append(1)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body()

    body = wsgi.Middleware(app)(environ(), lambda *started: None)
    next(body)
    body.close()
    assert closed == [1] and [it["args"] for it in written.parsed()] == [[], [["status", "200"]]]
    body = wsgi.Middleware(app)(environ(), lambda *started: None)
    del body
    assert len(written.raw()) == 2


def test_wsgi_keeps_the_length(written):
    app = wsgi.Middleware(hello)
    assert len(app(environ(), lambda *started: None)) == 1
    assert not hasattr(wsgi.Middleware(lambda e, s: iter([]))(environ(), None), "__len__")


def test_wsgi_exceptions(written):
    def fails(environ, start_response):
        raise LookupError

    def fails_later(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        raise OSError

    with pytest.raises(LookupError):
        call(wsgi.Middleware(fails), environ())
    with pytest.raises(OSError):
        call(wsgi.Middleware(fails_later), environ())
    exits = [it["args"] for it in written.parsed() if it["dir"] == "<"]
    assert exits == [[["error", "LookupError"]], [["status", "200"], ["error", "OSError"]]]


def test_wsgi_templates(written):
    rule = SimpleNamespace(rule="/b/<n>")
    pattern = SimpleNamespace(pattern="/p/{n}")
    asked = wsgi.Middleware(hello, template=lambda environ: "/asked/{x}")
    call(asked, environ(**{"bottle.route": rule}))
    call(asked, environ(**{"bfg.routes.route": pattern}))
    call(asked, environ(**{"nulltrace.template": "/t.x"}))
    call(asked, environ())
    call(wsgi.Middleware(hello, template=lambda environ: 1 / 0), environ("/x/9"))
    call(wsgi.Middleware(hello, template=lambda environ: None), environ("", "BREW"))
    found = [it["tags"][1:] for it in written.parsed() if it["dir"] == ">"]
    assert found == [
        ["GET", "/b/<n>"],
        ["GET", "/p/{n}"],
        ["GET", "/t.x"],
        ["GET", "/asked/{x}"],
        ["GET", "/x/{n}"],
        ["OTHER", "/"],
    ]


def test_templates_are_bounded(written):
    app = wsgi.Middleware(hello, limit=3)
    for path in ("/a", "/b", "/c", "/d", "/e", "/a", "/" + "x" * 1000):
        call(app, environ(path))
    found = [it["tags"][2] for it in written.parsed() if it["dir"] == ">"]
    assert found == ["/a", "/b", "/c", "{other}", "{other}", "/a", "{other}"]
    call(wsgi.Middleware(hello), environ("/" + "x" * 1000))
    assert len(written.parsed()[0]["tags"][2]) == 200


def test_wsgi_under_a_real_server(written):
    class Quiet(WSGIRequestHandler):
        def log_message(self, *args):
            pass

    with make_server("127.0.0.1", 0, wsgi.Middleware(hello), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with urllib.request.urlopen("http://127.0.0.1:%d/user/7" % server.server_port) as response:
            assert response.headers["Content-Length"] == "5" and response.read() == b"hello"
        thread.join()
    assert [it["tags"] for it in written.parsed()] == [["http", "GET", "/user/{n}"]] * 2


def serve(app, scope, *, fail=None):
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "GET", "path": "/fib/10", **scope}, receive, send))
    return sent


def start(status=200, **more):
    return {"type": "http.response.start", "status": status, "headers": [], **more}


def body(data=b"x", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_asgi(written):
    async def app(scope, receive, send):
        async with scope["nulltrace.span"].span("db"):
            pass
        await send(start(201))
        await send(body(more=True))
        written.before = len(written.raw())
        await send(body())
        # A background task: the response is over.
        written.behind = written.parsed()

    assert len(serve(asgi.Middleware(app), {})) == 3
    assert written.before == 3
    assert [(it["tags"], it["args"]) for it in written.behind] == [(["http", "GET", "/fib/{n}"], [["status", "201"]])]
    assert written.raw() == []


def test_asgi_other_ends(written):
    def app(*messages):
        async def run(scope, receive, send):
            for message in messages:
                await send(message)

        return asgi.Middleware(run)

    serve(app(start(), {"type": "http.response.pathsend", "path": "/x"}), {})
    serve(app(start(trailers=True), body(), {"type": "http.response.trailers", "headers": []}), {})
    serve(app(), {})
    exits = [it["args"] for it in written.parsed() if it["dir"] == "<"]
    assert exits == [[["status", "200"]], [["status", "200"]], []]


def test_asgi_exceptions_and_cancelling(written):
    async def fails(scope, receive, send):
        await send(start())
        raise LookupError

    async def waits(scope, receive, send):
        await send(start())
        await asyncio.sleep(10)

    with pytest.raises(LookupError):
        serve(asgi.Middleware(fails), {})

    async def cancel():
        async def send(message):
            pass

        task = asyncio.ensure_future(asgi.Middleware(waits)({"type": "http", "method": "PUT", "path": "/"}, None, send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    found = [(it["tags"][1], it["args"]) for it in written.parsed() if it["dir"] == "<"]
    assert found == [("GET", [["status", "200"], ["error", "LookupError"]]), ("PUT", [["status", "cancelled"]])]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_asgi_passes_others_through(written, kind):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    scope = {"type": kind}
    asyncio.run(asgi.Middleware(app)(scope, 1, 2))
    assert seen[0][0] is scope and seen[0][1:] == (1, 2) and written.raw() == []


class Route:
    """As far as Starlette's routes are looked at."""

    def __init__(self, path, match, routes=None):
        self.path = self.path_format = path
        self.match = match
        if routes is not None:
            self.routes = routes

    def matches(self, scope):
        return SimpleNamespace(name=self.match), {"matched": self.path}


def test_asgi_templates(written):
    async def ok(scope, receive, send):
        await send(start())
        await send(body())

    def app(*routes):
        return SimpleNamespace(routes=list(routes))

    inner = Route("/inner/{x}", "FULL")
    scopes = [
        {"route": Route("/r/{n}", "FULL")},
        {"nulltrace.template": "/given"},
        {"app": app(Route("/no", "NONE"), Route("/part", "PARTIAL"), Route("/yes/{n}", "FULL"))},
        {"app": app(Route("/no", "NONE"), Route("/part", "PARTIAL"))},
        {"app": app(Route("/api", "FULL", [Route("/no", "NONE"), inner]))},
        {"app": app(Route("/no", "NONE"))},
        {"app": SimpleNamespace(routes=7)},
        {},
    ]
    for scope in scopes:
        serve(asgi.Middleware(ok, template=lambda scope: "/asked" if not scope.get("app") else None), scope)
    found = [it["tags"][2] for it in written.parsed() if it["dir"] == ">"]
    assert found == ["/r/{n}", "/given", "/yes/{n}", "/part", "/api/inner/{x}", "/fib/{n}", "/fib/{n}", "/asked"]


def test_asgi_routes_of_the_application_it_wraps(written):
    async def inner(scope, receive, send):
        pass

    match = SimpleNamespace(name="FULL"), {}
    inner.routes = [SimpleNamespace(path_format="/yes/{n}", matches=lambda scope: match)]

    async def between(scope, receive, send):
        await inner(scope, receive, send)

    between.app = inner
    serve(asgi.Middleware(between), {})
    assert [it["tags"][2] for it in written.parsed()] == ["/yes/{n}"] * 2


def fastapi_app():
    """With included routers, one in the other, and with a mounted application that has its own."""
    fastapi = pytest.importorskip("fastapi")
    inner = fastapi.APIRouter(prefix="/n/{deep}")
    teams = fastapi.APIRouter(prefix="/r/{team}")
    mounted, app = fastapi.FastAPI(), fastapi.FastAPI()

    @inner.get("/leaf/{x}")
    async def leaf(deep, x):
        return x

    @teams.get("/m/{who}")
    async def member(team, who):
        return who

    @app.get("/d/{x}/y")
    async def plain(x):
        return x

    teams.include_router(inner, prefix="/mid")
    mounted.include_router(teams, prefix="/in")
    app.include_router(teams)
    app.mount("/sub/{tenant}", mounted)
    return app, mounted


PATHS = {
    "/d/abc/y": "/d/{x}/y",
    "/r/red/m/joe": "/r/{team}/m/{who}",
    "/r/red/mid/n/b/leaf/c": "/r/{team}/mid/n/{deep}/leaf/{x}",
    "/sub/t/in/r/red/m/joe": "/sub/{tenant}/in/r/{team}/m/{who}",
    "/sub/t/in/r/red/mid/n/b/leaf/c": "/sub/{tenant}/in/r/{team}/mid/n/{deep}/leaf/{x}",
}
REQUEST = {"root_path": "", "headers": [], "query_string": b"", "http_version": "1.1", "scheme": "http"}


@pytest.mark.parametrize("inside", [False, True], ids=["around", "inside"])
def test_fastapi_templates(written, inside):
    app, _ = fastapi_app()
    if inside:
        app.add_middleware(asgi.Middleware)
    served = app if inside else asgi.Middleware(app)
    for path, template in PATHS.items():
        serve(served, {**REQUEST, "path": path, "raw_path": path.encode()})
        found = written.parsed()
        assert [it["tags"] for it in found] == [["http", "GET", template]] * 2
        assert found[1]["args"] == [["status", "200"]]


def test_fastapi_in_a_mounted_application(written):
    app, mounted = fastapi_app()
    mounted.add_middleware(asgi.Middleware)
    serve(app, {**REQUEST, "path": "/sub/7/in/r/red/m/joe"})
    assert written.parsed()[0]["tags"] == ["http", "GET", "/sub/{n}/in/r/{team}/m/{who}"]


def test_wsgi_file_wrapper(written, tmp_path):
    from wsgiref.handlers import SimpleHandler
    from wsgiref.util import FileWrapper

    file = tmp_path / "file"
    file.write_bytes(b"content")
    files, sent = [], []

    def app(environ, start_response):
        files.append(open(file, "rb"))
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](files[-1])

    class Handler(SimpleHandler):
        def sendfile(self):
            # What a server does that has the system send a file.
            assert type(self.result) is FileWrapper and written.raw()[-1][:1] == b">"
            sent.append(os.pread(self.result.filelike.fileno(), 100, 0))
            return True

    Handler(None, None, None, environ()).run(wsgi.Middleware(app))
    assert sent == [b"content"] and files[0].closed
    assert [it["args"] for it in written.parsed()] == [[["status", "200"]]]


def test_wsgi_file_wrapper_that_is_a_function(written):
    class Opaque:
        __slots__ = ("file",)

        def __iter__(self):
            return iter([self.file])

    made = []

    def wrapper(file, size=8192):
        made.append(Opaque())
        made[-1].file = file
        return made[-1]

    def app(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](b"file", 4096)

    given = environ(**{"wsgi.file_wrapper": wrapper})
    body = wsgi.Middleware(app)(given, lambda *started: None)
    assert body is made[0] and list(body) == [b"file"]
    assert [it["args"] for it in written.parsed()] == [[], [["status", "200"]]]


def test_wsgi_file_wrapper_that_is_not_closed(written):
    from wsgiref.util import FileWrapper
    import io

    def app(environ, start_response):
        return environ["wsgi.file_wrapper"](io.BytesIO(b"x"))

    body = wsgi.Middleware(app)(environ(**{"wsgi.file_wrapper": FileWrapper}), lambda *started: None)
    assert type(body) is FileWrapper and list(body) == [b"x"] and len(written.raw()) == 1
    del body
    gc.collect()
    assert len(written.raw()) == 1
