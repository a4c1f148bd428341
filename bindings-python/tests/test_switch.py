"""Switching on and off while the program runs."""

import asyncio
import textwrap
import threading

import pytest
from conftest import straced

from nulltrace import Args, ReturnValue, Tracer, enabled, set_enabled


@pytest.fixture
def switched(written):
    yield written
    set_enabled(True)


def test_off_and_on_again(switched):
    @Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})
    def f(n):
        return n

    @Tracer
    def plain():
        pass

    for on in (True, False, True):
        set_enabled(on)
        assert enabled() is on
        with Tracer("a", {"x": 1}) as t, t.span("b"):
            assert f(7) == 7
            plain()
        t.start("c")
        t.stop({"y": 2})
    once = [
        *[b">:t:a:x=1:", b">:t:a.b::", b">:t:f:n=7:", b"<:t:f:ret=7:", b">:t:plain::", b"<:t:plain::"],
        *[b"<:t:a.b::", b"<:t:a::", b">:t:c:x=1:", b"<:t:c:y=2:"],
    ]
    assert switched.raw() == once * 2


def test_a_span_that_has_begun_ends(switched):
    @Tracer
    def f(on):
        set_enabled(on)

    t = Tracer("a", None, {"x": 1})
    with t:
        set_enabled(False)
    set_enabled(True)
    f(False)
    assert switched.raw() == [b">:t:a::", b"<:t:a:x=1:", b">:t:f::", b"<:t:f::"]


def test_a_span_that_begins_while_off_writes_nothing_later(switched):
    @Tracer
    def f(on):
        set_enabled(on)

    t = Tracer("a")
    set_enabled(False)
    with t:
        set_enabled(True)
    set_enabled(False)
    with pytest.raises(ValueError):
        with t:
            set_enabled(True)
            raise ValueError
    set_enabled(False)
    t.start()
    set_enabled(True)
    t.stop()
    set_enabled(False)
    f(True)
    assert switched.raw() == []


def test_one_tracer_that_is_nested(switched):
    t = Tracer("a")
    with t:
        set_enabled(False)
        with t:
            set_enabled(True)
            with t:
                pass
    assert switched.raw() == [b">:t:a::", b">:t:a::", b"<:t:a::", b"<:t:a::"]


def test_one_tracer_on_two_threads(switched):
    t = Tracer("a")
    inside, go = threading.Event(), threading.Event()

    def silent():
        with t:
            inside.set()
            go.wait(10)

    set_enabled(False)
    thread = threading.Thread(target=silent)
    thread.start()
    inside.wait(10)
    set_enabled(True)
    with t:
        pass
    go.set()
    thread.join()
    assert switched.raw() == [b">:t:a::", b"<:t:a::"]


def test_tasks(switched):
    shared = Tracer("shared")

    @Tracer
    async def work(turn):
        with shared:
            async with Tracer("inner"):
                await turn.wait()

    @Tracer
    def numbers():
        yield 1
        yield 2

    async def main():
        turn = asyncio.Event()
        first = asyncio.ensure_future(work(turn))
        await asyncio.sleep(0)
        set_enabled(False)
        second = asyncio.ensure_future(work(turn))
        silent = numbers()
        next(silent)
        await asyncio.sleep(0)
        set_enabled(True)
        turn.set()
        await asyncio.gather(first, second)
        assert list(silent) == [2]

    asyncio.run(main())
    assert switched.text() == [
        *[">:#1:work:^=:", ">:#2:shared:^=#1:", ">:#3:inner:^=#2:"],
        *["<:#3:inner::", "<:#2:shared::", "<:#1:work::"],
    ]


def test_what_is_inside_a_silent_span_has_no_parent_there(switched):
    async def main():
        async with Tracer("outer"):
            set_enabled(False)
            async with Tracer("silent"):
                set_enabled(True)
                with Tracer("inner"):
                    pass

    asyncio.run(main())
    assert switched.text() == [">:#1:outer:^=:", ">:#2:inner:^=#1:", "<:#2:inner::", "<:#1:outer::"]


def test_a_line_is_found_when_it_is_needed(switched):
    set_enabled(False)
    t = Tracer()
    set_enabled(True)
    with t:
        pass
    line = test_a_line_is_found_when_it_is_needed.__code__.co_firstlineno + 4
    wanted = ["tests/test_switch.py:%d(test_a_line_is_found_when_it_is_needed)" % line]
    assert [it["tags"] for it in switched.parsed()] == [wanted] * 2


def test_functions_have_their_own_code_while_off(switched):
    def outer():
        k = 3

        def f(n):
            return n + k

        return f

    fn = outer()
    traced, spun = Tracer(fn), Tracer("g")(lambda n=1, *rest, m=2, **more: (n, rest, m, more))
    set_enabled(False)
    assert traced.__code__.co_varnames == fn.__code__.co_varnames
    assert traced.__code__.co_consts == fn.__code__.co_consts
    assert traced(4) == 7 and spun(5, 6, m=7, x=8) == (5, (6,), 7, {"x": 8}) and spun() == (1, (), 2, {})
    set_enabled(True)
    assert traced(4) == 7 and spun(5, 6, m=7, x=8) == (5, (6,), 7, {"x": 8}) and spun() == (1, (), 2, {})
    assert switched.raw() == [b">:t:f::", b"<:t:f::", *[b">:t:g::", b"<:t:g::"] * 2]


def test_functions_of_all_kinds_have_their_own_code_while_off(switched):
    def outer(k):
        @Tracer
        async def later(n):
            await asyncio.sleep(0)
            return n + k

        @Tracer
        def numbers(n):
            got = yield n + k
            return got

        @Tracer
        async def items(n):
            yield n + k

        @Tracer
        def nested(n):
            return [(lambda: n + i + k)() for i in range(2)]

        return later, numbers, items, nested

    later, numbers, items, nested = outer(1)

    async def all_of_them():
        assert [it async for it in items(2)] == [3]
        return await later(2)

    for on in (False, True, False):
        set_enabled(on)
        assert asyncio.run(all_of_them()) == 3 and nested(1) == [2, 3]
        it = numbers(4)
        assert next(it) == 5
        with pytest.raises(StopIteration) as stop:
            it.send(6)
        assert stop.value.value == 6
    began = [m.split(":")[2] for m in switched.text() if m[0] == ">"]
    assert began == ["items", "later", "nested", "numbers"]


def test_functions_of_a_class_that_uses_super(switched):
    class Base:
        def f(self):
            return 1

    class Derived(Base):
        @Tracer
        def f(self):
            return super().f() + 1

    for on in (True, False, True):
        set_enabled(on)
        assert Derived().f() == 2
    assert switched.raw() == [b">:t:f::", b"<:t:f::"] * 2


def test_no_open_span_is_forgotten_without_bound(switched):
    t = Tracer("a")
    set_enabled(False)
    for _ in range(10_000):
        t.start()
    set_enabled(True)
    t.start()
    t.stop()
    assert switched.raw() == [b">:t:a::", b"<:t:a::"]


def test_on_though_the_environment_says_off(tmp_path):
    code = """
    import asyncio, os
    import nulltrace
    from nulltrace import Tracer
    t = Tracer("a", {"n": 1})
    @Tracer
    def f(): pass
    with t:
        f()
        nulltrace.set_enabled(True)
    assert nulltrace.enabled()
    with t: f()
    os.closerange(3, 4096)
    with t: f()
    with t:
        nulltrace.set_enabled(False)
    with t: f()
    # Native markers need nothing of the other implementation.
    from nulltrace import _pure_device
    assert (_pure_device._fd < 0) is (nulltrace.implementation == "native")
    """
    found = [data for _, _, data in straced(textwrap.dedent(code), tmp_path, env={"NULLTRACE": "0"})]
    once = [b">:t:a:n=1:", b">:t:f::", b"<:t:f::", b"<:t:a::"]
    # A failed write, to the descriptor that was closed, is not one to the null device.
    assert found == once * 2 + [b">:t:a:n=1:", b"<:t:a::"]
