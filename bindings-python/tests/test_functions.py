"""Decorated functions, of all kinds."""

import asyncio
import functools
import inspect
import threading
import types

import pytest

from nulltrace import Args, Kwds, ReturnValue, Tracer


def test_bare_and_with_a_tag(written):
    @Tracer
    def f(a, *, b=2):
        "doc"
        return a + b

    @Tracer("x.y")
    def g():
        pass

    @Tracer()
    def h():
        pass

    assert f(1) == 3 and f(1, b=1) == 2 and g() is None and h() is None
    assert f.__name__ == "f" and f.__doc__ == "doc" and f.__module__ == __name__
    assert str(inspect.signature(f)) == "(a, *, b=2)" and f.__wrapped__(1) == 3
    assert written.raw() == [
        *[b">:t:f::", b"<:t:f::"] * 2,
        *[b">:t:x.y::", b"<:t:x.y::"],
        *[b">:t:h::", b"<:t:h::"],
    ]


def test_a_lambda_is_escaped(written):
    Tracer(lambda: 1)()
    assert written.raw() == [rb">:t:\<lambda\>::", rb"<:t:\<lambda\>::"]


def test_arguments(written):
    @Tracer(
        enter_args={"a": Args(0), "b": Args(1), "c": Kwds("c"), "d": Kwds("d"), "e": "text", "f": 6},
        exit_args={"ret": ReturnValue, "x": "y"},
    )
    def f(a, b=2, *, c=3, d):
        return a

    f(1, d=4)
    f(b=7, a=8, c=9, d=10)
    assert written.raw() == [
        b">:t:f:a=1,b=2,c=3,d=4,e=text,f=6:",
        b"<:t:f:ret=1,x=y:",
        b">:t:f:a=8,b=7,c=9,d=10,e=text,f=6:",
        b"<:t:f:ret=8,x=y:",
    ]


def test_arguments_that_are_not_given_are_left_out(written):
    @Tracer(enter_args={"a": Args(5), "b": Kwds("nope"), "c": Args(-1), "d": Args(1)})
    def f(*args, **kwargs):
        return kwargs

    assert f(1, 2) == {} and f() == {} and f(nope=3) == {"nope": 3}
    assert written.raw()[::2] == [b">:t:f:c=2,d=2:", b">:t:f::", b">:t:f:b=3:"]


def test_wrong_arguments_are_the_functions_own_error(written):
    @Tracer
    def f(a):
        pass

    with pytest.raises(TypeError, match=r"f\(\) missing 1 required positional argument: 'a'"):
        f()
    # The function has not begun: whether there is a span depends on who looks at the arguments first.
    assert written.raw() in ([], [b">:t:f::", b"<:t:f:error=TypeError:"])


def test_arguments_are_handed_on(written):
    @Tracer
    def f(*args, **kwargs):
        return args, kwargs

    assert f() == ((), {})
    assert f(1, 2, x=3) == ((1, 2), {"x": 3})
    assert f(*[1], **{"y": 2}) == ((1,), {"y": 2})
    assert functools.partial(f, 1, z=1)(2, x=2) == ((1, 2), {"z": 1, "x": 2})
    assert list(map(f, [1])) == [((1,), {})]


def test_exceptions(written):
    class Mine(Exception):
        pass

    @Tracer(exit_args={"ret": ReturnValue})
    def f():
        raise Mine("x")

    with pytest.raises(Mine, match="x") as caught:
        f()
    assert caught.value.__traceback__.tb_next is not None
    assert written.raw() == [b">:t:f::", b"<:t:f:error=Mine:"]


def test_an_exception_in_flight_stays(written):
    @Tracer
    def f():
        return 1

    try:
        raise KeyError("x")
    except KeyError as error:
        f()
        with Tracer("a"):
            pass
        import sys

        assert sys.exc_info()[1] is error


def test_each_call_of_a_recursion(written):
    @Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})
    def factorial(n):
        return 1 if n == 1 else n * factorial(n - 1)

    assert factorial(3) == 6
    assert written.raw() == [
        *[b">:t:factorial:n=3:", b">:t:factorial:n=2:", b">:t:factorial:n=1:"],
        *[b"<:t:factorial:ret=1:", b"<:t:factorial:ret=2:", b"<:t:factorial:ret=6:"],
    ]


def test_the_outermost_call_of_a_recursion(written):
    @Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue}, recursive=False)
    def factorial(n):
        return 1 if n == 1 else n * factorial(n - 1)

    assert factorial(5) == 120
    assert factorial(2) == 2
    assert written.raw() == [b">:t:factorial:n=5:", b"<:t:factorial:ret=120:", b">:t:factorial:n=2:", b"<:t:factorial:ret=2:"]


def test_a_recursion_that_fails_does_not_stay_inside(written):
    @Tracer(recursive=False)
    def f(n):
        if n == 0:
            raise ValueError
        f(n - 1)

    for _ in range(2):
        with pytest.raises(ValueError):
            f(3)
    assert written.raw() == [b">:t:f::", b"<:t:f:error=ValueError:"] * 2


def test_functions_that_call_each_other(written):
    @Tracer
    def a(n):
        return n and b(n - 1)

    @Tracer
    def b(n):
        return n and a(n - 1)

    a(2)
    assert written.raw() == [b">:t:a::", b">:t:b::", b">:t:a::", b"<:t:a::", b"<:t:b::", b"<:t:a::"]


def test_recursion_is_of_one_thread(written):
    both = threading.Barrier(2, timeout=10)

    @Tracer
    def f():
        both.wait()

    threads = [threading.Thread(target=f) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written.raw()) == [b"<:t:f::"] * 2 + [b">:t:f::"] * 2


class Things:
    def __init__(self):
        self.x = 1

    @Tracer(enter_args={"n": Args(1)})
    def method(self, n):
        return self.x + n

    @Tracer
    @staticmethod
    def static(n):
        return n

    @staticmethod
    @Tracer
    def inner_static(n):
        return n

    @Tracer
    @classmethod
    def of_class(cls, n):
        return cls, n

    @classmethod
    @Tracer
    def inner_of_class(cls, n):
        return cls, n

    @property
    @Tracer
    def prop(self):
        return self.x

    @Tracer
    async def later(self, n):
        return n


def test_methods(written):
    it = Things()
    assert it.method(1) == 2 and it.method(n=2) == 3 and Things.method(it, 3) == 4
    bound = it.method
    assert bound(4) == 5 and bound.__self__ is it
    assert it.static(1) == 1 and Things.static(2) == 2 and it.inner_static(3) == 3
    assert it.of_class(1) == (Things, 1) and Things.of_class(2) == (Things, 2)
    assert it.inner_of_class(1) == (Things, 1)
    assert it.prop == 1
    assert asyncio.run(it.later(5)) == 5
    found = written.text()
    assert found[:8] == [x for n in (1, 2, 3, 4) for x in (">:t:method:n=%d:" % n, "<:t:method::")]
    assert [m.split(":")[2] for m in found[8::2]] == [
        *["static"] * 2,
        "inner_static",
        *["of_class"] * 2,
        "inner_of_class",
        "prop",
        "later",
    ]
    assert isinstance(Things.__dict__["static"], staticmethod)
    assert isinstance(Things.__dict__["of_class"], classmethod)


def test_a_function_inside_a_span(written):
    t = Tracer("a", id=7)

    @t.span
    def f(n):
        return n

    @t.span("x.y", {"n": Args(0)})
    def g(n):
        return n

    @t.span(enter_args={"n": Args(0)})
    def h(n):
        return n

    assert f(1) == 1 and g(2) == 2
    h(1)
    found = written.raw()
    assert found[:4] == [b">:7:a.f::", b"<:7:a.f::", b">:7:a.x.y:n=2:", b"<:7:a.x.y::"]
    assert found[4:] == [b">:7:a.h:n=1:", b"<:7:a.h::"]


def test_what_cannot_be_traced_stays():
    class C:
        pass

    assert Tracer(C) is C
    assert Tracer("x")(C) is C
    assert Tracer("x")(5) == 5


def test_callables(written):
    class Call:
        def __call__(self, n):
            return n

    assert Tracer(Call())(3) == 3
    assert Tracer(functools.partial(int, base=2))("11") == 3
    assert Tracer(len)("abc") == 3
    assert [m for m in written.raw() if m[:1] == b">"] == [b">:t:Call::", b">:t:int::", b">:t:len::"]


def test_generators(written):
    @Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})
    def numbers(n):
        got = yield 1
        try:
            yield got
        except KeyError:
            yield "caught"
        return n

    assert inspect.isgeneratorfunction(numbers)
    it = numbers(5)
    assert written.raw() == []
    assert next(it) == 1 and it.send("sent") == "sent" and it.throw(KeyError) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(it)
    assert stop.value.value == 5
    closed = numbers(6)
    next(closed)
    closed.close()
    failed = numbers(7)
    next(failed)
    with pytest.raises(ValueError):
        failed.throw(ValueError)
    numbers(8).close()
    assert written.text() == [
        ">:#1:numbers:n=5:",
        "<:#1:numbers:ret=5:",
        ">:#2:numbers:n=6:",
        "<:#2:numbers:status=cancelled:",
        ">:#3:numbers:n=7:",
        "<:#3:numbers:error=ValueError:",
    ]


def test_generators_interleave(written):
    @Tracer
    def two():
        yield 1
        yield 2

    assert list(zip(two(), two())) == [(1, 1), (2, 2)]
    assert written.text()[:2] == [">:#1:two::", ">:#2:two:^=:"]


def test_coroutines(written):
    @Tracer(enter_args={"n": Kwds("n")}, exit_args={"ret": ReturnValue})
    async def work(n):
        await asyncio.sleep(0.01 * n)
        return n

    @Tracer
    async def fails():
        raise OSError

    @Tracer("given", id=7)
    async def given():
        pass

    async def main():
        assert await asyncio.gather(work(2), work(n=1)) == [2, 1]
        with pytest.raises(OSError):
            await fails()
        task = asyncio.ensure_future(work(1000))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await given()

    assert inspect.iscoroutinefunction(work)
    asyncio.run(main())
    assert written.text() == [
        ">:#1:work:^=,n=2:",
        ">:#2:work:^=,n=1:",
        "<:#2:work:ret=1:",
        "<:#1:work:ret=2:",
        ">:#3:fails:^=:",
        "<:#3:fails:error=OSError:",
        ">:#4:work:^=,n=1000:",
        "<:#4:work:status=cancelled:",
        ">:7:given::",
        "<:7:given::",
    ]


def test_a_coroutine_that_is_dropped(written):
    class Forever:
        def __await__(self):
            yield

    @Tracer
    async def work():
        await Forever()

    it = work()
    it.send(None)
    it.close()
    assert written.text() == [">:#1:work:^=:", "<:#1:work:status=cancelled:"]


def test_coroutines_that_are_generators(written):
    @Tracer
    @types.coroutine
    def old(n):
        yield from asyncio.sleep(0).__await__()
        return n

    async def main():
        return await old(3)

    assert asyncio.run(main()) == 3
    assert written.text() == [">:#1:old:^=:", "<:#1:old::"]


def test_async_generators(written):
    @Tracer(enter_args={"n": Args(0)})
    async def numbers(n):
        got = yield 1
        await asyncio.sleep(0)
        try:
            yield got
        except KeyError:
            yield "caught"

    async def main():
        it = numbers(1)
        assert await it.__anext__() == 1
        assert await it.asend("sent") == "sent"
        assert await it.athrow(KeyError()) == "caught"
        with pytest.raises(StopAsyncIteration):
            await it.__anext__()
        closed = numbers(2)
        await closed.__anext__()
        await closed.aclose()
        failed = numbers(3)
        await failed.__anext__()
        with pytest.raises(ValueError):
            await failed.athrow(ValueError())
        assert [n async for n in numbers(4)] == [1, None]

    assert inspect.isasyncgenfunction(numbers)
    asyncio.run(main())
    assert written.text() == [
        ">:#1:numbers:^=,n=1:",
        "<:#1:numbers::",
        ">:#2:numbers:^=,n=2:",
        "<:#2:numbers:status=cancelled:",
        ">:#3:numbers:^=,n=3:",
        "<:#3:numbers:error=ValueError:",
        ">:#4:numbers:^=,n=4:",
        "<:#4:numbers::",
    ]


def test_async_blocks_have_ids_of_their_own(written):
    site = Tracer("a")

    async def one(seconds):
        async with site as t:
            await asyncio.sleep(seconds)
            async with t.span("b", {"s": seconds}):
                pass
            with t.span("c"):
                pass

    async def main():
        await asyncio.gather(one(0.02), one(0.01))

    asyncio.run(main())
    assert written.text() == [
        ">:#1:a:^=:",
        ">:#2:a:^=:",
        *[">:#3:a.b:^=#2,s=0.01:", "<:#3:a.b::", ">:#4:a.c:^=#2:", "<:#4:a.c::", "<:#2:a::"],
        *[">:#5:a.b:^=#1,s=0.02:", "<:#5:a.b::", ">:#6:a.c:^=#1:", "<:#6:a.c::", "<:#1:a::"],
    ]


def test_async_blocks_nest_and_fail(written):
    site = Tracer("a", None, {"x": 1})

    async def main():
        async with site:
            async with Tracer("b"):
                async with site:
                    pass
        with pytest.raises(KeyError):
            async with site:
                raise KeyError
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with Tracer("given", id=9):
            pass

    async def waits():
        async with Tracer("w"):
            await asyncio.sleep(10)

    asyncio.run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:b:^=#1:", ">:#3:a:^=#2:", "<:#3:a:x=1:", "<:#2:b::", "<:#1:a:x=1:"],
        *[">:#4:a:^=:", "<:#4:a:x=1,error=KeyError:"],
        *[">:#5:w:^=:", "<:#5:w:status=cancelled:"],
        *[">:9:given::", "<:9:given::"],
    ]


def test_an_async_block_that_ends_in_another_context(written):
    import contextvars

    site = Tracer("a")

    def run(coroutine):
        with pytest.raises(StopIteration):
            coroutine.send(None)

    contextvars.copy_context().run(run, site.__aenter__())
    contextvars.copy_context().run(run, site.__aexit__(None, None, None))
    contextvars.copy_context().run(run, site.__aexit__(None, None, None))
    assert written.text() == [">:#1:a:^=:", "<:#1:a::"]


def test_unique_ids():
    import nulltrace

    found = [nulltrace._impl.unique() for _ in range(1000)]
    assert len(set(found)) == 1000 and all(1 << 32 < n < 1 << 48 for n in found)
