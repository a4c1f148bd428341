"""Greenlets, trio, and requests at once under the servers that people run."""

import concurrent.futures
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request

import pytest
from conftest import python

# What each program here begins with: its markers go to the test.
BEGIN = """
import os, nulltrace
from nulltrace import Args, Tracer, current
nulltrace._impl._redirect(int(os.environ["MARKERS"]))
"""


class Recorder:
    """The markers of another process, and when they came."""

    def __init__(self):
        self.here, self.there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.found = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while True:
            marker = self.here.recv(1 << 16)
            if not marker:
                return
            self.found.append((time.monotonic(), marker.decode()))

    def end(self):
        self.there.close()
        self.thread.join()
        self.here.close()
        return self.found


@pytest.fixture
def recorder():
    it = Recorder()
    yield it
    it.there.close()
    it.thread.join()


def markers(recorder, code):
    """Those of a program, the numbers of spans replaced by `#1`, `#2` … in order."""
    fd = recorder.there.fileno()
    code = BEGIN + textwrap.dedent(code)
    run = python(code, env={"MARKERS": str(fd)}, pass_fds=[fd])
    assert run.returncode == 0, run.stderr
    numbers = {}

    def name(match):
        return match[1] + "#%d" % numbers.setdefault(match[2], len(numbers) + 1)

    return [re.sub(r"(^[<>]:|:\^=)([0-9]{10,})", name, marker) for _, marker in recorder.end()]


PATCHES = ["", "from gevent import monkey; monkey.patch_all()\n"]


@pytest.mark.parametrize("patch", PATCHES, ids=["unpatched", "patched"])
def test_greenlets(recorder, patch):
    pytest.importorskip("gevent")
    code = patch + textwrap.dedent(
        """
        import gevent

        @Tracer(enter_args={"n": Args(0)}, recursive=False)
        def handle(n):
            gevent.sleep(0.02 * (3 - n))
            with shared:
                gevent.sleep(0.1)
                with Tracer("inner"):
                    pass
            return n and handle(0)

        shared = Tracer("shared")
        with Tracer("main"):
            gevent.joinall([gevent.spawn(handle, n) for n in range(3)])
            assert current() is None
            with Tracer("more"):
                pass
        """
    )
    found = markers(recorder, code)
    # The main greenlet is plain code; the context of the others is empty, and each its own.
    assert found[:1] + found[-3:] == [">:t:main::", ">:t:more::", "<:t:more::", "<:t:main::"]
    assert found[1:4] == [">:#%d:handle:^=,n=%d:" % (n + 1, n) for n in range(3)]
    # Those with less to wait for come first. Of a recursion only the outermost call is a span, though
    # others are inside the same function.
    assert found[4:7] == [">:#4:shared:^=#3:", ">:#5:shared:^=#2:", ">:#6:shared:^=#1:"]
    inner = [">:#%d:inner:^=#%d:" % (7 + n, 4 + n) for n in range(3)]
    assert [m for m in found if ":inner:^" in m][:3] == inner
    counts = [sum(m[:1] == side and ":%s:" % tag in m for m in found) for side in "><" for tag in ("handle", "shared")]
    assert counts == [3, 5, 3, 5]
    for n in (1, 2, 3):
        assert found.index("<:#%d:shared::" % (7 - n)) < found.index("<:#%d:handle::" % n)


def test_a_span_goes_to_a_greenlet_by_its_object(recorder):
    pytest.importorskip("gevent")
    found = markers(
        recorder,
        """
        import gevent

        def fetch(t, n):
            with t.span("fetch", {"n": n}):
                gevent.sleep(0.01)

        def told(span):
            with nulltrace.attach(span), Tracer("told"):
                gevent.sleep(0)

        def page():
            with Tracer("page") as t:
                gevent.joinall([gevent.spawn(fetch, t, n) for n in range(2)])
                gevent.spawn(told, current()).join()

        gevent.spawn(page).join()
        """,
    )
    assert found == [
        *[">:#1:page:^=:", ">:#2:page.fetch:^=#1,n=0:", ">:#3:page.fetch:^=#1,n=1:"],
        *["<:#2:page.fetch::", "<:#3:page.fetch::", ">:#4:told:^=#1:", "<:#4:told::", "<:#1:page::"],
    ]


def test_a_greenlet_that_is_killed(recorder):
    pytest.importorskip("gevent")
    found = markers(
        recorder,
        """
        import gevent

        @Tracer
        def f():
            gevent.sleep(100)

        for n in range(2):
            it = gevent.spawn(f)
            gevent.sleep(0)
            it.kill()
        """,
    )
    assert found == [m % n for n in (1, 2) for m in (">:#%d:f:^=:", "<:#%d:f:error=GreenletExit:")]


def test_trio(recorder):
    pytest.importorskip("trio")
    found = markers(
        recorder,
        """
        import trio

        async def task(n, begun, may_end, ended):
            with Tracer("task", {"n": n}):
                begun.set()
                await may_end.wait()
                with Tracer("in"):
                    pass
            ended.set()

        async def main():
            with Tracer("main"):
                begun, ended, other = [trio.Event() for _ in range(3)]
                async with trio.open_nursery() as nursery:
                    # The first goes on when the second has ended.
                    nursery.start_soon(task, 0, begun, ended, other)
                    await begun.wait()
                    nursery.start_soon(task, 1, other, begun, ended)
                await trio.to_thread.run_sync(lambda: Tracer("thread")(len)(""))

        with Tracer("plain"):
            trio.run(main)
        """,
    )
    assert found == [
        *[">:t:plain::", ">:#1:main:^=:", ">:#2:task:^=#1,n=0:", ">:#3:task:^=#1,n=1:"],
        *[">:#4:in:^=#3:", "<:#4:in::", "<:#3:task::", ">:#5:in:^=#2:", "<:#5:in::", "<:#2:task::"],
        *[">:#6:thread:^=#1:", "<:#6:thread::", "<:#1:main::", "<:t:plain::"],
    ]


# --- Servers --------------------------------------------------------------------------------------


class Served:
    """The spans of such a server, by number and tags."""

    def __init__(self, found):
        self.spans, self.order = {}, []
        for at, marker in found:
            side, id, tags, args = re.fullmatch(r"([<>]):([^:]*):([^:]*):(.*):", marker).groups()
            if side == ">":
                assert (id, tags) not in self.spans, marker
                self.spans[id, tags] = [at, None, args]
            else:
                self.spans[id, tags][1] = at

    def of(self, tags):
        return {id: span for (id, these), span in self.spans.items() if these == tags}


def serve(recorder, tmp_path, app, command, requests):
    """The markers of a server that runs `app`, asked for /slow/0, /slow/1 … all at once."""
    (tmp_path / "app.py").write_text(BEGIN + textwrap.dedent(app))
    fd = recorder.there.fileno()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = listening.getsockname()[1]
        listen = listening.fileno()
        command = [word.replace("{fd}", str(listen)) for word in command]
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={**os.environ, "MARKERS": str(fd)},
            pass_fds=[fd, listen],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def ask(path):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=30) as response:
            return response.read()

    try:
        assert ask("/ready") == b"ready"
        with concurrent.futures.ThreadPoolExecutor(requests) as pool:
            answers = list(pool.map(ask, ["/slow/%d" % n for n in range(requests)]))
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=30)
    assert answers == [b"done"] * requests, output.decode()
    return recorder.end()


def each_has_its_own(served, requests):
    """As many requests, each with a child that names it, and several open at once."""
    slow, query = served.of("http.GET./slow/{n}"), served.of("query")
    assert len(slow) == len(query) == requests and len({id for id in slow}) == requests
    assert all(args == "^=" for _, _, args in slow.values())
    assert sorted(args for _, _, args in query.values()) == sorted("^=" + id for id in slow)
    for spans in (slow, query):
        changes = sorted(it for begin, end, _ in spans.values() for it in ((begin, 1), (end, -1)))
        # One after the other, there would never be more than one.
        assert max(itertools.accumulate(change for _, change in changes)) >= 3, changes


def test_requests_at_once_under_gunicorn_gevent(recorder, tmp_path):
    pytest.importorskip("gevent")
    pytest.importorskip("gunicorn")
    app = """
    import gevent, nulltrace.wsgi

    @Tracer
    def query():
        gevent.sleep(0.05)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/ready":
            return [b"ready"]
        query()
        return [b"done"]

    app = nulltrace.wsgi.Middleware(app)
    """
    command = ["gunicorn", "-k", "gevent", "-w", "1", "--bind", "fd://{fd}", "app:app"]
    each_has_its_own(Served(serve(recorder, tmp_path, app, command, 20)), 20)


def test_requests_at_once_under_gunicorn_threads(recorder, tmp_path):
    pytest.importorskip("gunicorn")
    app = """
    import time, nulltrace.wsgi

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/ready":
            return [b"ready"]
        with Tracer("query"):
            time.sleep(0.05)
        return [b"done"]

    app = nulltrace.wsgi.Middleware(app)
    """
    command = ["gunicorn", "-k", "gthread", "-w", "1", "--threads", "4", "--bind", "fd://{fd}", "app:app"]
    found = [marker for _, marker in serve(recorder, tmp_path, app, command, 4)]
    for tags, args in (("http.GET./slow/{n}", "status=200"), ("query", "")):
        assert found.count(">:t:%s::" % tags) == found.count("<:t:%s:%s:" % (tags, args)) == 4


def test_requests_at_once_under_uvicorn(recorder, tmp_path):
    pytest.importorskip("uvicorn")
    app = """
    import asyncio, nulltrace.asgi

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = b"ready"
        if scope["path"] != "/ready":
            with Tracer("query"):
                await asyncio.sleep(0.07)
            body = b"done"
        await send({"type": "http.response.body", "body": body})

    app = nulltrace.asgi.Middleware(app)
    """
    command = ["uvicorn", "--fd", "{fd}", "--lifespan", "off", "app:app"]
    each_has_its_own(Served(serve(recorder, tmp_path, app, command, 50)), 50)
