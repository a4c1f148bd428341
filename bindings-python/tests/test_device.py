"""The real device: what the kernel sees, forks, closed descriptors, and being off."""

import os
import sys
import textwrap
import threading

import pytest
from conftest import PURE, parse, python, run_json, straced

import nulltrace


def test_one_write_for_each_marker(tmp_path):
    code = """
    from nulltrace import Args, Tracer
    with Tracer("a", {"n": 1}) as t:
        with t.span("b"):
            pass
    @Tracer(enter_args={"n": Args(0)})
    def f(n): pass
    for n in range(3): f(n)
    with Tracer("long", {"x": "y" * 9000}): pass
    """
    found = straced(textwrap.dedent(code), tmp_path)
    calls = [m for n in range(3) for m in (b">:t:f:n=%d:" % n, b"<:t:f::")]
    markers = [data for _, _, data in found]
    assert markers[:-2] == [b">:t:a:n=1:", b">:t:a.b::", b"<:t:a.b::", b"<:t:a::", *calls]
    assert [len(m) for m in markers[-2:]] == [4097, 10]
    # One descriptor, far from those that programs use.
    assert {fd for _, fd, _ in found} <= set(range(64, 1024)) and len({fd for _, fd, _ in found}) == 1


def test_the_descriptor_is_not_inherited(tmp_path):
    code = """
    import os, subprocess, sys
    from nulltrace import Tracer
    with Tracer("a"): pass
    code = "import os; print([n for n in map(int, os.listdir('/proc/self/fd')) if n >= 64])"
    print(subprocess.run([sys.executable, "-c", code], close_fds=False, capture_output=True, text=True).stdout)
    """
    assert python(textwrap.dedent(code)).stdout.strip() == "[]"


CLOSED = """
import os, sys
from nulltrace import Tracer
t, f = Tracer("a"), Tracer("f")(lambda: None)
with t: pass
f()
where = sys.argv[1] if len(sys.argv) > 1 else os.environ["WHERE"]
for round in range(3):
    os.closerange(3, 4096)
    files = [os.open(os.path.join(where, "file%d" % n), os.O_RDWR | os.O_CREAT) for n in range(80)]
    with t, t.span("b", {"n": round}): pass
    f()
    Tracer("moving").start()
sizes = [os.fstat(fd).st_size for fd in files]
assert sizes == [0] * 80, sizes
"""


def test_closed_descriptors_never_send_a_marker_elsewhere(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    found = [data for _, _, data in straced(CLOSED, tmp_path, env={"WHERE": str(files)})]
    # Each marker is there, and each file is empty. A failed write is seen by strace as well.
    for round in range(3):
        assert b">:t:a.b:n=%d:" % round in found
    assert found.count(b"<:t:f::") >= 4 and found.count(b"<:t:a::") >= 4
    assert [path.stat().st_size for path in files.iterdir()] == [0] * 80


def test_a_low_limit_of_descriptors(tmp_path):
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    from nulltrace import Tracer
    with Tracer("a"): pass
    """
    found = straced(textwrap.dedent(code), tmp_path)
    assert [data for _, _, data in found] == [b">:t:a::", b"<:t:a::"]


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_multiprocessing(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, os
            from nulltrace import Args, Tracer

            @Tracer(enter_args={"n": Args(0)})
            def work(n):
                with Tracer("inner"):
                    return n * n

            if __name__ == "__main__":
                with Tracer("main"):
                    with multiprocessing.get_context(%r).Pool(2) as pool:
                        assert pool.map(work, range(6)) == [n * n for n in range(6)]
            """
            % how
        )
    )
    found = straced("import runpy; runpy.run_path(%r, run_name='__main__')" % str(script), tmp_path) if (
        how == "fork"
    ) else straced_file(script, tmp_path)
    markers = [data for _, _, data in found]
    assert sorted(m for m in markers if m.startswith(b">:t:work")) == [b">:t:work:n=%d:" % n for n in range(6)]
    assert markers.count(b"<:t:work::") == 6 and markers.count(b">:t:inner::") == 6
    assert markers[0] == b">:t:main::" and markers[-1] == b"<:t:main::"


def straced_file(script, tmp_path):
    code = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, %r]).returncode)" % str(script)
    return straced(code, tmp_path)


def test_fork(written):
    unique = nulltrace._impl.unique
    before = {unique() for _ in range(10)}

    @nulltrace.Tracer
    def forks():
        child = os.fork()
        if child == 0:
            # Inside in the child as well; and numbers of a fork are not those of its parent.
            with nulltrace.Tracer("child", {"n": unique()}):
                pass
            os._exit(0)
        os.waitpid(child, 0)

    forks()
    own = {unique() for _ in range(10)}
    found = written.parsed()
    assert [it["tags"] for it in found] == [["forks"], ["child"], ["child"], ["forks"]]
    assert int(found[1]["args"][0][1]) not in own | before


def test_a_thread_of_a_fork_is_not_inside(written):
    go, inside = threading.Event(), threading.Event()

    @nulltrace.Tracer
    def f():
        inside.set()
        go.wait(10)

    thread = threading.Thread(target=f)
    thread.start()
    inside.wait(10)
    child = os.fork()
    if child == 0:
        go.set()
        later = threading.Thread(target=nulltrace.Tracer("g")(lambda: None))
        again = threading.Thread(target=f)
        for it in (later, again):
            it.start()
            it.join()
        os._exit(0)
    os.waitpid(child, 0)
    go.set()
    thread.join()
    assert written.raw().count(b">:t:f::") == 2


OFF = """
import nulltrace
from nulltrace import Tracer
def f(): return 7
traced = Tracer(f)
assert traced() == Tracer("a")(f)() == 7 and nulltrace.enabled() is False
with Tracer("a", {"n": 1}) as t:
    with t.span(): pass
    with t.span("b"): pass
with Tracer(): pass
t.start(); t.stop(); t.start("c", {"x": 1}); t.stop({"x": 1})
import asyncio
@Tracer
async def main():
    async with Tracer("x"): pass
asyncio.run(main())
"""


def test_off(tmp_path):
    assert straced(OFF, tmp_path, env={"NULLTRACE": "off"}) == []


def test_off_opens_nothing():
    code = OFF + "import os; print([n for n in map(int, os.listdir('/proc/self/fd')) if n >= 64])"
    run = python(code, env={"NULLTRACE": "off"})
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.parametrize("value", ["0", "off", "OFF", "Off", "false", "False", "no", "NO"])
def test_values_that_are_off(value):
    run = python("import nulltrace; print(nulltrace.enabled())", env={"NULLTRACE": value})
    assert run.stdout.strip() == "False", run.stderr


@pytest.mark.parametrize("value", ["", "1", "on", "true", "yes", "00", "offf", "off ", "n"])
def test_values_that_are_on(value):
    run = python("import nulltrace; print(nulltrace.enabled())", env={"NULLTRACE": value})
    assert run.stdout.strip() == "True", run.stderr


def test_no_null_device(tmp_path):
    """In a root where /dev/null is a file, nothing is written to it."""
    if os.geteuid() != 0:
        pytest.skip("binding a file over /dev/null needs root")
    fake = tmp_path / "null"
    fake.write_bytes(b"")
    code = """
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x00020000) == 0, ctypes.get_errno()
    assert libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0
    assert libc.mount(os.environ["FAKE"].encode(), b"/dev/null", None, 4096, None) == 0
    import nulltrace
    from nulltrace import Tracer
    with Tracer("a", {"n": 1}): pass
    assert Tracer(len) is len and not nulltrace._impl.possible() and not nulltrace.enabled()
    """
    run = python(textwrap.dedent(code), env={"FAKE": str(fake)})
    if "AssertionError: 1\n" in run.stderr:
        pytest.skip("mounts are not allowed here")
    assert run.returncode == 0, run.stderr
    assert fake.read_bytes() == b""


@pytest.mark.skipif(PURE, reason="the interpreter's own calls set the C library's errno")
def test_errno_is_kept():
    code = """
    import ctypes, os
    from nulltrace import Tracer
    libc = ctypes.CDLL(None)
    libc.__errno_location.restype = ctypes.POINTER(ctypes.c_int)
    t, f = Tracer("a"), Tracer("f")(lambda: None)
    number = libc.__errno_location()
    def kept(body):
        number[0] = 77
        body()
        assert number[0] == 77, (number[0], body)
    def block():
        with t: pass
    def fresh():
        with Tracer("a", {"n": 1}) as t, t.span("b"): pass
    for body in (block, f, fresh):
        kept(body)
        # A descriptor that was closed costs a failed write, which is not seen either.
        os.closerange(3, 4096)
        kept(body)
    """
    run = python(textwrap.dedent(code))
    assert run.returncode == 0, run.stderr


def test_the_errno_of_ctypes_is_kept():
    import ctypes

    ctypes.set_errno(77)
    with nulltrace.Tracer("a", {"n": 1}):
        pass
    assert ctypes.get_errno() == 77


def test_a_subinterpreter(tmp_path):
    """Subinterpreters have the implementation in Python: pyo3 serves one interpreter only."""
    name = {(3, 12): "_xxsubinterpreters"}.get(sys.version_info[:2], "_xxsubinterpreters")
    if sys.version_info >= (3, 13):
        name = "_interpreters"
    code = """
    import nulltrace
    with nulltrace.Tracer("outside"): pass
    import %s as interpreters
    it = interpreters.create()
    interpreters.%s(it, '''
    import sys
    sys.path[:] = %r
    import nulltrace
    with nulltrace.Tracer(nulltrace.implementation): pass
    ''')
    """ % (name, "exec" if sys.version_info >= (3, 13) else "run_string", sys.path)
    code = "\n".join(line[4:] if line.startswith("    ") else line for line in code.splitlines())
    code = code.replace("'''\n", "'''", 1)
    found = [data for _, _, data in straced(code, tmp_path)]
    assert found[:2] == [b">:t:outside::", b"<:t:outside::"]
    assert found[2:] in ([b">:t:pure::", b"<:t:pure::"], [b">:t:native::", b"<:t:native::"]), found


def test_live(tmp_path):
    """Spans of threads, tasks and children, as the collector pairs them."""
    script = tmp_path / "live.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, threading
            from nulltrace import Args, Tracer

            @Tracer(enter_args={"n": Args(0)})
            def fib(n):
                return n if n < 2 else fib(n - 1) + fib(n - 2)

            def thread():
                with Tracer("thread") as t:
                    for n in range(5):
                        with t.span("fib", {"n": n}):
                            fib(n)

            threads = [threading.Thread(target=thread) for _ in range(4)]
            for it in threads: it.start()
            for it in threads: it.join()

            async def task(n):
                async with Tracer(["task", "a.b"]) as t:
                    await asyncio.sleep(0.001 * n)
                    async with t.span("inner"):
                        await asyncio.sleep(0)

            async def main():
                await asyncio.gather(*map(task, range(10)))

            asyncio.run(main())
            """
        )
    )
    found = run_json([sys.executable, str(script)], tmp_path)
    hits = {tuple(span["tags"]): (span["hits"], span["child_hits"]) for span in found["spans"]}
    assert hits[("thread",)] == (4, 20)
    assert hits[("thread", "fib")][0] == 20
    # Each call of the recursion: for n from 0 to 4 there are 1, 1, 3, 5 and 9.
    assert hits[("fib",)][0] == 4 * 19
    assert hits[("task", "a.b")] == (10, 10)
    assert hits[("task", "a.b", "inner")] == (10, 0)
    ledger = found["ledger"]
    assert ledger["markers"]["malformed"] == 0 and ledger["markers"]["unmatched_exit"] == 0
    assert ledger["spans"]["exit"] == ledger["spans"]["opened"] == 4 + 20 + 4 * 19 + 10 + 10
    assert set(ledger["lost"].values()) == {0}
