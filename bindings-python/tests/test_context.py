"""Who is whose parent: tasks, threads, callbacks, generators and forks."""

import asyncio
import concurrent.futures
import contextvars
import gc
import itertools
import os
import re
import sys
import textwrap
import threading

import pytest
from conftest import PURE, python

import nulltrace
from nulltrace import Args, Tracer, attach, current

UNIQUE = 7_000_000_000


def run(coroutine):
    return asyncio.run(coroutine)


# --- Plain code -----------------------------------------------------------------------------------


def test_plain_code_names_no_parent(written):
    """Though asyncio is imported, and a loop runs elsewhere on another thread."""
    stop, began = threading.Event(), threading.Event()

    async def waits():
        async with Tracer("other"):
            began.set()
            while not stop.is_set():
                await asyncio.sleep(0.001)

    thread = threading.Thread(target=run, args=(waits(),))
    thread.start()
    began.wait(10)

    @Tracer
    def f():
        pass

    t = Tracer("a", {"n": 1})
    with t, t.span("b"):
        f()
    t.start()
    t.stop()
    stop.set()
    thread.join()
    assert [m for m in written.raw() if b"other" not in m] == [
        *[b">:t:a:n=1:", b">:t:a.b::", b">:t:f::", b"<:t:f::", b"<:t:a.b::", b"<:t:a::"],
        *[b">:t:a:n=1:", b"<:t:a::"],
    ]


def test_nothing_is_imported_for_it():
    code = """
    import sys
    from nulltrace import Tracer
    with Tracer("a"): pass
    assert not {"asyncio", "greenlet", "trio"} & set(sys.modules), sys.modules
    import asyncio
    async def main():
        with Tracer("b") as t:
            assert t.id != "t"
    asyncio.run(main())
    with Tracer("c") as t:
        assert t.id == "t"
    """
    result = python(textwrap.dedent(code))
    assert result.returncode == 0, result.stderr


# --- Tasks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", ["async with", "with", "start"])
def test_siblings_have_a_number_each(written, block):
    async def fetch(t, n, may_begin, begun, may_end, ended):
        await may_begin.wait()
        span = t.span("fetch", {"n": n}, {"n": n})

        async def inside():
            begun.set()
            await may_end.wait()

        if block == "async with":
            async with span:
                await inside()
        elif block == "with":
            with span:
                await inside()
        else:
            span.start()
            await inside()
            span.stop()
        ended.set()

    async def main():
        begun, ended = [[asyncio.Event() for _ in range(3)] for _ in range(2)]
        now = asyncio.Event()
        now.set()
        async with Tracer("page") as t:
            await asyncio.gather(
                fetch(t, 0, now, begun[0], ended[2], ended[0]),
                fetch(t, 1, begun[0], begun[1], ended[0], ended[1]),
                fetch(t, 2, begun[1], begun[2], now, ended[2]),
            )

    run(main())
    assert written.text() == [
        ">:#1:page:^=:",
        ">:#2:page.fetch:^=#1,n=0:",
        ">:#3:page.fetch:^=#1,n=1:",
        ">:#4:page.fetch:^=#1,n=2:",
        "<:#4:page.fetch:n=2:",
        "<:#2:page.fetch:n=0:",
        "<:#3:page.fetch:n=1:",
        "<:#1:page::",
    ]


@pytest.mark.parametrize("how", ["with", "start", "async with", "decorator"])
def test_one_tracer_in_many_tasks(written, how):
    """Each exit has the number of its own enter, and its own exception."""
    t = Tracer("shared")

    @Tracer("shared")
    async def decorated(body):
        await body

    async def one(n):
        async def body():
            await asyncio.sleep(0.05 * (4 - n))
            with Tracer("inner", {"n": n}):
                pass
            if n == 2:
                raise KeyError

        if how == "with":
            with t:
                await body()
        elif how == "async with":
            async with t:
                await body()
        elif how == "decorator":
            await decorated(body())
        else:
            t.start()
            try:
                await body()
            finally:
                t.stop()

    async def main():
        await asyncio.gather(*map(one, range(4)), return_exceptions=True)

    run(main())
    failed = "<:#3:shared:error=KeyError:" if how != "start" else "<:#3:shared::"
    assert written.text() == [
        *[">:#%d:shared:^=:" % n for n in (1, 2, 3, 4)],
        *[">:#5:inner:^=#4,n=3:", "<:#5:inner::", "<:#4:shared::"],
        *[">:#6:inner:^=#3,n=2:", "<:#6:inner::", failed],
        *[">:#7:inner:^=#2,n=1:", "<:#7:inner::", "<:#2:shared::"],
        *[">:#8:inner:^=#1,n=0:", "<:#8:inner::", "<:#1:shared::"],
    ]
    assert current() is None


def test_a_tracer_that_is_renamed_by_tasks(written):
    t = Tracer("x")

    async def one(tag):
        t.start(tag)
        await asyncio.sleep(0)
        t.stop()

    async def main():
        await asyncio.gather(one("a"), one("b"))

    run(main())
    assert written.text() == [">:#1:a:^=:", ">:#2:b:^=:", "<:#1:a::", "<:#2:b::"]


def test_exit_arguments_of_concurrent_blocks(written):
    site = Tracer("a", None, {"x": 0})

    async def one(n):
        async with site as t:
            t.exit_args["n"] = n
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(one(1), one(2))

    run(main())
    assert written.text()[2:] == ["<:#1:a:x=0,n=1:", "<:#2:a:x=0,n=2:"]
    assert site.exit_args == {"x": 0}


def test_a_child_names_the_object_it_is_of(written):
    async def main():
        async with Tracer("a") as a:
            with Tracer("b") as b:
                with a.span("c"):
                    with b.span("d"):
                        assert a.id > 1 << 32 < b.id != a.id
            a.span("e").start()

        @a.span
        async def late():
            pass

        await late()

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:b:^=#1:", ">:#3:a.c:^=#1:", ">:#4:b.d:^=#2:"],
        *["<:#4:b.d::", "<:#3:a.c::", "<:#2:b::"],
        *[">:#5:a.e:^=#1:", "<:#1:a::"],
        # Its object's span has ended, and so has all else that it is inside.
        *[">:#6:a.late:^=:", "<:#6:a.late::"],
    ]


def test_functions_inside_a_span(written):
    async def main():
        async with Tracer("a") as t:

            @t.span
            def f():
                return 1

            @t.span("g")
            async def g():
                with Tracer("h"):
                    return 2

            with Tracer("b"):
                assert (f(), await g()) == (1, 2)

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:b:^=#1:", ">:#3:a.f:^=#1:", "<:#3:a.f::"],
        *[">:#4:a.g:^=#1:", ">:#5:h:^=#4:", "<:#5:h::", "<:#4:a.g::", "<:#2:b::", "<:#1:a::"],
    ]


def test_synchronous_functions_in_tasks(written):
    @Tracer(enter_args={"n": Args(0)}, recursive=False)
    def f(n):
        if n:
            f(n - 1)
        else:
            raise ValueError

    @Tracer
    async def task():
        with pytest.raises(ValueError):
            f(2)
        await asyncio.sleep(0)

    async def main():
        await asyncio.gather(task(), task())

    run(main())
    # Of a recursion only the outermost call.
    assert written.text() == [
        *[">:#1:task:^=:", ">:#2:f:^=#1,n=2:", "<:#2:f:error=ValueError:"],
        *[">:#3:task:^=:", ">:#4:f:^=#3,n=2:", "<:#4:f:error=ValueError:"],
        *["<:#1:task::", "<:#3:task::"],
    ]


def test_a_task_names_the_nearest_numbered_span(written):
    async def task(tag):
        with Tracer(tag):
            await asyncio.sleep(0)

    async def main():
        first = asyncio.ensure_future(task("b"))
        async with Tracer("a"):
            second = asyncio.ensure_future(task("c"))
            await asyncio.gather(first, second)

    with Tracer("plain"):
        run(main())
    assert written.text() == [
        *[">:t:plain::", ">:#1:a:^=:", ">:#2:b:^=:", ">:#3:c:^=#1:"],
        *["<:#2:b::", "<:#3:c::", "<:#1:a::", "<:t:plain::"],
    ]


def test_a_task_that_outlives_its_parent(written):
    async def background():
        with Tracer("before"):
            pass
        await asyncio.sleep(0.01)
        with Tracer("behind"):
            pass

    async def main():
        async with Tracer("a"):
            async with Tracer("b"):
                task = asyncio.ensure_future(background())
                await asyncio.sleep(0)
            await asyncio.sleep(0.02)
        await task
        assert current() is None

    run(main())
    # It is inside of what is open still.
    assert [m for m in written.text() if "be" in m] == [
        *[">:#3:before:^=#2:", "<:#3:before::"],
        *[">:#4:behind:^=#1:", "<:#4:behind::"],
    ]


def test_callbacks_of_the_loop(written):
    def callback(tag, then=None):
        with Tracer(tag):
            if then:
                then()

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.call_soon(callback, "root")
        async with Tracer("a"):
            loop.call_soon(callback, "soon")
            loop.call_later(0.001, callback, "later", done.set)
            await done.wait()

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:root:^=:", "<:#2:root::", ">:#3:soon:^=#1:", "<:#3:soon::"],
        *[">:#4:later:^=#1:", "<:#4:later::", "<:#1:a::"],
    ]


def test_start_and_stop_in_different_callbacks(written):
    t = Tracer("a")

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.call_soon(t.start)
        loop.call_later(0.001, t.stop, {"x": 1})
        loop.call_later(0.002, done.set)
        await done.wait()

    run(main())
    assert written.text() == [">:#1:a:^=:", "<:#1:a:x=1:"]


def test_spans_that_do_not_nest(written):
    async def main():
        a, b = Tracer("a"), Tracer("b")
        a.start()
        b.start()
        a.stop()
        with Tracer("c"):
            pass
        b.stop()
        with a:
            b.start()
        # What a block left open is not current behind it.
        with Tracer("d"):
            pass
        b.stop()

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:b:^=#1:", "<:#1:a::", ">:#3:c:^=#2:", "<:#3:c::", "<:#2:b::"],
        *[">:#4:a:^=:", ">:#5:b:^=#4:", "<:#4:a::", ">:#6:d:^=:", "<:#6:d::", "<:#5:b::"],
    ]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.TaskGroup")
def test_task_groups(written):
    async def one(n):
        async with Tracer("one", {"n": n}):
            await asyncio.sleep(0)

    async def main():
        async with Tracer("a"), asyncio.TaskGroup() as group:
            for n in range(3):
                group.create_task(one(n))

    run(main())
    assert written.text() == [
        ">:#1:a:^=:",
        *[">:#%d:one:^=#1,n=%d:" % (n + 2, n) for n in range(3)],
        *["<:#%d:one::" % (n + 2) for n in range(3)],
        "<:#1:a::",
    ]


# --- Threads --------------------------------------------------------------------------------------


def test_threads(written):
    def work(tag, t=None):
        with Tracer(tag) if t is None else t.span(tag):
            pass

    async def main():
        loop = asyncio.get_running_loop()
        async with Tracer("a") as t:
            await asyncio.to_thread(work, "copied")
            await loop.run_in_executor(None, work, "not")
            await loop.run_in_executor(None, work, "given", t)
            copy = contextvars.copy_context()
            await loop.run_in_executor(None, copy.run, work, "run")
        await asyncio.to_thread(work, "none")

    run(main())
    assert written.text() == [
        ">:#1:a:^=:",
        *[">:#2:copied:^=#1:", "<:#2:copied::"],
        # Contexts do not go there by themselves.
        *[">:t:not::", "<:t:not::"],
        *[">:#3:a.given:^=#1:", "<:#3:a.given::"],
        *[">:#4:run:^=#1:", "<:#4:run::"],
        "<:#1:a::",
        *[">:t:none::", "<:t:none::"],
    ]


def test_a_span_that_ends_on_another_thread(written):
    async def main():
        t = Tracer("a")
        t.start()
        thread = threading.Thread(target=t.stop)
        thread.start()
        thread.join()
        with Tracer("b"):
            pass

    run(main())
    assert written.text() == [">:#1:a:^=:", "<:#1:a::", ">:#2:b:^=:", "<:#2:b::"]


def test_one_tracer_on_threads_and_in_tasks(written):
    t = Tracer("a")
    entered, go = threading.Event(), threading.Event()

    def plain():
        with t, t.span("b"):
            entered.set()
            go.wait(10)

    async def main():
        thread = threading.Thread(target=plain)
        with t, t.span("b"):
            thread.start()
            entered.wait(10)
        go.set()
        thread.join()

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:a.b:^=#1:", ">:t:a::", ">:t:a.b::"],
        *["<:#2:a.b::", "<:#1:a::", "<:t:a.b::", "<:t:a::"],
    ]


def test_an_executor_that_is_told_the_context(written):
    def work(span):
        with attach(span):
            assert current() is span
            with Tracer("work"):
                pass
        assert current() is None
        with Tracer("plain"):
            pass

    async def main():
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            async with Tracer("a"):
                await asyncio.get_running_loop().run_in_executor(pool, work, current())
                with attach(None), Tracer("anew"):
                    pass
                with Tracer("b"):
                    pass

    assert current() is None
    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:work:^=#1:", "<:#2:work::", ">:t:plain::", "<:t:plain::"],
        *[">:#3:anew:^=:", "<:#3:anew::", ">:#4:b:^=#1:", "<:#4:b::", "<:#1:a::"],
    ]


def test_attach_of_what_has_ended(written):
    async def main():
        async with Tracer("a"):
            async with Tracer("b"):
                span = current()
            with attach(span), Tracer("c"):
                pass
        with attach(span):
            assert current() is None
        it = attach(span)
        it.__enter__()
        contextvars.copy_context().run(it.__exit__)
        it.__exit__()

    run(main())
    assert written.text()[3:5] == [">:#3:c:^=#1:", "<:#3:c::"]


def test_what_is_no_span_cannot_be_attached():
    for wrong in (7, "x", Tracer("a")):
        with pytest.raises(TypeError):
            attach(wrong)
    for kind in {type(nulltrace._impl.span(("a",), 7)), type(Tracer("a")(len))} - {type(run)}:
        with pytest.raises(TypeError):
            kind()


# --- Generators -----------------------------------------------------------------------------------


def test_who_takes_values_is_not_inside_a_generator(written):
    @Tracer
    def numbers():
        for n in range(2):
            with Tracer("in", {"n": n}):
                pass
            yield n

    @Tracer
    async def later():
        for n in numbers():
            await asyncio.sleep(0)
            with Tracer("between"):
                pass
            yield n
            with Tracer("in2"):
                pass

    async def main():
        async with Tracer("z") as z:
            async for _ in later():
                with Tracer("out"):
                    pass
            assert current().id == z.id

    run(main())
    assert written.text() == [
        *[">:#1:z:^=:", ">:#2:later:^=#1:", ">:#3:numbers:^=#2:", ">:#4:in:^=#3,n=0:", "<:#4:in::"],
        *[">:#5:between:^=#2:", "<:#5:between::", ">:#6:out:^=#1:", "<:#6:out::"],
        *[">:#7:in2:^=#2:", "<:#7:in2::", ">:#8:in:^=#3,n=1:", "<:#8:in::"],
        *[">:#9:between:^=#2:", "<:#9:between::", ">:#10:out:^=#1:", "<:#10:out::"],
        *[">:#11:in2:^=#2:", "<:#11:in2::", "<:#3:numbers::", "<:#2:later::", "<:#1:z::"],
    ]


def test_generators_in_plain_code(written):
    """The collector finds the parent of the first: nothing else can be taken for the innermost span."""

    @Tracer
    def two():
        with Tracer("in"):
            yield 1
        yield 2

    with Tracer("a"):
        assert list(two()) == [1, 2]
        assert list(zip(two(), two())) == [(1, 1), (2, 2)]
        with Tracer("b"):
            pass
    assert written.text() == [
        *[">:t:a::", ">:#1:two::", ">:#2:in:^=#1:", "<:#2:in::", "<:#1:two::"],
        *[">:#3:two::", ">:#4:in:^=#3:", ">:#5:two:^=:", ">:#6:in:^=#5:"],
        *["<:#4:in::", "<:#6:in::", "<:#3:two::", "<:#5:two:status=cancelled:"],
        *[">:t:b::", "<:t:b::", "<:t:a::"],
    ]


def test_a_generator_that_moves_between_tasks(written):
    @Tracer
    def numbers():
        for n in itertools.count():
            with Tracer("in", {"n": n}):
                pass
            yield n

    async def take(it, tag):
        with Tracer(tag):
            next(it)
            with Tracer("out"):
                pass

    async def main():
        it = numbers()
        await asyncio.ensure_future(take(it, "a"))
        await asyncio.ensure_future(take(it, "b"))
        with Tracer("c"):
            it.close()
            with Tracer("out"):
                pass

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:numbers:^=#1:", ">:#3:in:^=#2,n=0:", "<:#3:in::"],
        *[">:#4:out:^=#1:", "<:#4:out::", "<:#1:a::"],
        *[">:#5:b:^=:", ">:#6:in:^=#2,n=1:", "<:#6:in::", ">:#7:out:^=#5:", "<:#7:out::", "<:#5:b::"],
        *[">:#8:c:^=:", "<:#2:numbers:status=cancelled:", ">:#9:out:^=#8:", "<:#9:out::", "<:#8:c::"],
    ]


@pytest.mark.parametrize("block", ["with", "async with"])
def test_async_generators_that_others_close(written, block):
    """One tracer is entered by two of them; each ends in a task that never entered it, the first first."""
    t = Tracer("gen")

    async def generate(n):
        if block == "with":
            with t:
                yield n
        else:
            async with t:
                yield n

    async def take(it):
        async with Tracer("take"):
            await it.__anext__()

    async def close(it, tag):
        with Tracer(tag):
            await it.aclose()
            with Tracer("behind"):
                pass

    async def main():
        first, second = generate(1), generate(2)
        await asyncio.ensure_future(take(first))
        await asyncio.ensure_future(take(second))
        await asyncio.ensure_future(close(first, "one"))
        await asyncio.ensure_future(close(second, "two"))
        assert current() is None

    run(main())
    ended = "status=cancelled"
    assert written.text() == [
        *[">:#1:take:^=:", ">:#2:gen:^=#1:", "<:#1:take::"],
        *[">:#3:take:^=:", ">:#4:gen:^=#3:", "<:#3:take::"],
        *[">:#5:one:^=:", "<:#2:gen:%s:" % ended, ">:#6:behind:^=#5:", "<:#6:behind::", "<:#5:one::"],
        *[">:#7:two:^=:", "<:#4:gen:%s:" % ended, ">:#8:behind:^=#7:", "<:#8:behind::", "<:#7:two::"],
    ]


def test_an_async_generator_that_nobody_closes(written):
    async def generate():
        with Tracer("gen"):
            yield 1

    async def main():
        async for _ in generate():
            break
        gc.collect()
        await asyncio.sleep(0.01)
        with Tracer("behind"):
            pass

    run(main())
    assert written.text() == [
        *[">:#1:gen:^=:", "<:#1:gen:status=cancelled:"],
        *[">:#2:behind:^=:", "<:#2:behind::"],
    ]


# --- Ids that were chosen by hand -----------------------------------------------------------------


def test_ids_by_hand(written):
    unique = nulltrace._impl.unique()

    async def main():
        async with Tracer("a"):
            with Tracer("b", id=42) as b, b.span("c"), Tracer("d"):
                assert b.id == 42
            with Tracer("e", id="t"), Tracer("f"):
                pass
            with Tracer("g", id=unique) as g, Tracer("h"), g.span("i"):
                assert current().id != unique
            assert await Tracer("j", id=42)(asyncio.sleep)(0, 7) == 7
            assert Tracer("k", id="g")(current)().id != unique
            assert Tracer("l", id=unique)(current)().id == unique

    run(main())
    text = str(unique)
    found = [m.decode().replace(text, "U") for m in written.raw()]
    numbers = {}
    found = [
        re.sub(r"(^[<>]:|:\^=)([0-9]{10,})", lambda m: m[1] + "#%d" % numbers.setdefault(m[2], len(numbers) + 1), m)
        for m in found
    ]
    assert found == [
        ">:#1:a:^=:",
        *[">:42:b::", ">:42:b.c::", ">:#2:d:^=#1:", "<:#2:d::", "<:42:b.c::", "<:42:b::"],
        *[">:t:e::", ">:#3:f:^=#1:", "<:#3:f::", "<:t:e::"],
        *[">:U:g::", ">:#4:h:^=U:", ">:#5:g.i:^=U:", "<:#5:g.i::", "<:#4:h::", "<:U:g::"],
        *[">:42:j::", "<:42:j::", ">:g:k::", "<:g:k::", ">:U:l::", "<:U:l::"],
        "<:#1:a::",
    ]


def test_a_unique_number_makes_a_context_of_plain_code(written):
    def work():
        with Tracer("request", id=UNIQUE) as t:
            with Tracer("a"):
                pass
            with t.span("b"):
                pass
        with Tracer("c"):
            pass

    contextvars.copy_context().run(work)
    # Elsewhere it is said by its object only.
    with Tracer("request", id=UNIQUE).span("d"):
        pass
    assert [m.replace(str(UNIQUE), "U") for m in (m.decode() for m in written.raw())][::7] == [
        ">:U:request::",
        "<:t:c::",
    ]


def test_the_parents_name_is_refused(written):
    refused = {"^": 1, "x": 2}
    for args in (refused, list(refused.items())):
        with Tracer("a", args):
            pass
        Tracer("a").start(args=args)
    Tracer("a", enter_args=refused)(lambda: 1)()
    assert written.raw() == [b"<:t:a::"] * 3
    with Tracer("a", {"x": 1, "^": 2}, refused):
        pass
    assert written.raw() == [b">:t:a:x=1,^=2:", b"<:t:a:^=1,x=2:"]
    for id in ("t", UNIQUE):
        with pytest.raises(ValueError, match="^E_ARG_NAME$"):
            nulltrace._impl.encode(">", id, ("a",), refused)
        with pytest.raises(ValueError, match="^E_ARG_NAME$"):
            nulltrace._impl.encode(">", id, ("a\n",), refused, 0)


def test_what_is_refused_is_no_parent(written):
    @Tracer(enter_args={"^": 1})
    async def decorated():
        with Tracer("c"):
            pass

    async def main():
        async with Tracer("a"):
            with Tracer("b", {"^": 1}), Tracer("c"):
                pass
            async with Tracer("a..b"):
                with Tracer("c"):
                    pass
            await decorated()

    run(main())
    assert written.text() == [
        ">:#1:a:^=:",
        *[m % n for n in (2, 3, 4) for m in (">:#%d:c:^=#1:", "<:#%d:c::")],
        "<:#1:a::",
    ]


def test_the_parent_as_it_is_written():
    encode = nulltrace._impl.encode
    args = {"k": "v"}
    assert encode(">", UNIQUE, ("a",), args, UNIQUE + 1) == b">:7000000000:a:^=7000000001,k=v:"
    assert encode(">", UNIQUE, ("a",), args, 0) == b">:7000000000:a:^=,k=v:"
    assert encode(">", UNIQUE, ("a",), (), 0) == b">:7000000000:a:^=:"
    assert encode(">", UNIQUE, ("a\n",), args, UNIQUE + 1) == (
        b'[">",7000000000,["a\\n"],[{"^":"7000000001"},{"k":"v"}]]'
    )
    # It is one of 64.
    many = {"n%d" % n: n for n in range(64)}
    with pytest.raises(ValueError, match="^E_ARG_COUNT$"):
        encode(">", UNIQUE, ("a",), many, 0)
    del many["n0"]
    assert encode(">", UNIQUE, ("a",), many, 0).count(b"=") == 64


# --- Processes ------------------------------------------------------------------------------------


def forked(child):
    """Runs this in a child, and waits for it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_fork_inside_a_call(written):
    @Tracer(enter_args={"n": Args(0)})
    def serve(n):
        if n == 0:
            forked(lambda: [serve(n) for n in range(1, 6)])

    serve(0)
    calls = [m for n in range(1, 6) for m in (b">:t:serve:n=%d:" % n, b"<:t:serve::")]
    assert written.raw() == [b">:t:serve:n=0:", *calls, b"<:t:serve::"]


@pytest.mark.parametrize("plan", [None, {"n": 1}])
def test_a_child_does_not_end_the_calls_of_its_parent(written, plan):
    @Tracer("f", plan, plan)
    def f():
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        return pid

    if f() == 0:
        os._exit(0)
    assert [m[:5] for m in written.raw()] == [b">:t:f", b"<:t:f"]


def test_a_fork_inside_a_numbered_span(written):
    t = Tracer("a")

    def child():
        with Tracer("child"):
            pass
        # It is the parent's to end.
        t.stop()

    async def main():
        t.start()
        forked(child)
        with Tracer("more"):
            pass
        t.stop()

    run(main())
    assert written.text() == [
        *[">:#1:a:^=:", ">:#2:child:^=#1:", "<:#2:child::"],
        *[">:#3:more:^=#1:", "<:#3:more::", "<:#1:a::"],
    ]


def test_numbers_of_forks(written):
    unique = nulltrace._impl.unique
    before = {unique() for _ in range(10)}
    read, write = os.pipe()
    for _ in range(3):
        forked(lambda: os.write(write, b"".join(b"%d " % unique() for _ in range(10))))
    os.close(write)
    children = [int(n) for n in os.read(read, 9999).split()]
    os.close(read)
    found = {*before, *children, *(unique() for _ in range(10))}
    assert len(found) == 50 and all(1 << 32 < n < 1 << 48 for n in found)


@pytest.mark.skipif(not PURE, reason="those of the native one are the Rust library's")
def test_numbers_wrap():
    from nulltrace import _context, _pure

    ids = _pure._ids
    try:
        _pure._ids = itertools.count(_context.BEYOND - 2)
        assert [_pure.unique() for _ in range(4)] == [
            *[_context.BEYOND - 2, _context.BEYOND - 1],
            *[_context.LEAST, _context.LEAST + 1],
        ]
    finally:
        _pure._ids = ids


# --- What must not happen -------------------------------------------------------------------------


def test_contexts_keep_no_spans_that_have_ended():
    """A chain of tasks, each of which begins the next inside its span, which ends later."""

    def spans():
        gc.collect()
        return sum(type(it).__name__.endswith("Span") for it in gc.get_objects())

    async def link(n):
        with Tracer("link"):
            if n:
                asyncio.ensure_future(link(n - 1))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            else:
                done.set_result(spans())

    async def main():
        nonlocal done
        done = asyncio.get_running_loop().create_future()
        asyncio.ensure_future(link(200))
        assert await done < before + 20

    done, before = None, spans()
    run(main())
    assert spans() <= before + 2


def test_memory_of_numbered_spans_is_given_back(written):
    async def main():
        site = Tracer("site")
        for n in range(2000):
            async with site as t:
                with t.span("b", {"n": n}):
                    pass
            if n == 500:
                written.raw()
                gc.collect()
                before = sys.getallocatedblocks()
            elif n % 50 == 0:
                written.raw()
        gc.collect()
        assert sys.getallocatedblocks() < before + 200

    run(main())


@pytest.mark.skipif(PURE, reason="the interpreter's own calls set the C library's errno")
def test_errno_is_kept_in_tasks():
    code = """
    import asyncio, ctypes
    from nulltrace import Tracer
    libc = ctypes.CDLL(None)
    libc.__errno_location.restype = ctypes.POINTER(ctypes.c_int)
    t, f = Tracer("a"), Tracer("f")(lambda: None)
    number = libc.__errno_location()
    async def main():
        def block():
            with t, t.span("b", {"n": 1}): pass
        for body in (block, f):
            body()
            number[0] = 77
            body()
            assert number[0] == 77, (number[0], body)
    asyncio.run(main())
    """
    result = python(textwrap.dedent(code))
    assert result.returncode == 0, result.stderr


def test_an_exception_in_flight_stays_in_tasks(written):
    @Tracer
    def f():
        return 1

    async def main():
        try:
            raise KeyError("x")
        except KeyError as error:
            assert f() == 1
            with Tracer("a"):
                pass
            assert sys.exc_info()[1] is error

    run(main())


def test_both_implementations_decide_alike():
    """The same program, in one and in the other."""
    code = """
    import asyncio, contextvars, os, re, socket, threading
    import nulltrace
    from nulltrace import Args, Tracer, attach, current
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    nulltrace._impl._redirect(there.fileno())
    site = Tracer("site", {"a": "b:c"}, {"d": "e\\n"})
    @Tracer(enter_args={"n": Args(0)})
    def f(n):
        return n and f(n - 1)
    @Tracer
    def g():
        yield f(1)
    async def task(t, n):
        with site, t.span("x", {"n": n}):
            for _ in range(n):
                await asyncio.sleep(0)
            list(g())
        async with site as s:
            await asyncio.sleep(0)
            with s.span(["y.z"]):
                f(2)
    async def main():
        with Tracer("main") as t:
            await asyncio.gather(*[task(t, n) for n in range(5)])
            for n in range(5):
                await asyncio.to_thread(f, 3)
    with site:
        asyncio.run(main())
        f(1)
    numbers = {}
    name = lambda m: m[1] + "#%d" % numbers.setdefault(m[2], len(numbers))
    while True:
        try: marker = here.recv(9999, socket.MSG_DONTWAIT)
        except BlockingIOError: break
        print(re.sub('(^[<>]:|:.=|^."[<>]",)([0-9]{10,})', name, marker.decode()))
    """
    pytest.importorskip("nulltrace._nulltrace", exc_type=ImportError)
    found = [python(textwrap.dedent(code), env={"NULLTRACE_PURE": pure}) for pure in "01"]
    assert [it.returncode for it in found] == [0, 0], found
    assert found[0].stdout == found[1].stdout and found[0].stdout.count("\n") == 5 * 22 + 5 * 8 - 2
