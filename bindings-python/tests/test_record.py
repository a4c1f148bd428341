"""Arguments that are set in the middle of a span."""

import asyncio
import copy
import threading

import pytest

from nulltrace import Tracer, set_enabled


def test_they_are_written_at_the_end(written):
    with Tracer("a", {"x": 1}, {"y": 2}) as t:
        t.record("rows", 3)
        t.record("y", 4)
        t.record("rows", 5)
    t.start()
    t.record("z", 6)
    t.stop({"z": 7, "w": 8})
    with t:
        pass
    assert written.raw() == [
        *[b">:t:a:x=1:", b"<:t:a:rows=5,y=4:", b">:t:a:x=1:", b"<:t:a:w=8,z=6:", b">:t:a:x=1:", b"<:t:a:y=2:"],
    ]


def test_an_exception(written):
    for name in ("error", "rows"):
        with pytest.raises(ValueError):
            with Tracer("a") as t:
                t.record(name, "mine")
                raise ValueError
    assert written.raw()[1::2] == [b"<:t:a:error=mine:", b"<:t:a:rows=mine,error=ValueError:"]


def test_spans_of_one_tracer_that_are_nested(written):
    t = Tracer("a")
    with t:
        t.record("outer", 1)
        with t:
            t.record("inner", 2)
            with t:
                pass
        t.record("more", 3)
    assert written.raw()[3:] == [b"<:t:a::", b"<:t:a:inner=2:", b"<:t:a:outer=1,more=3:"]


def test_spans_of_one_tracer_on_two_threads(written):
    t = Tracer("a")
    both = threading.Barrier(2, timeout=10)

    def work(n):
        with t:
            t.record("n", n)
            both.wait()
            t.record("n", n + 10)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written.raw()[2:]) == [b"<:t:a:n=10:", b"<:t:a:n=11:"]


def test_tasks(written):
    shared = Tracer("shared")

    async def one(n):
        with shared:
            shared.record("n", n)
            async with Tracer("own") as own:
                await asyncio.sleep(0)
                own.record("m", n)
                shared.record("n", n + 10)

    async def main():
        await asyncio.gather(one(0), one(1))

    asyncio.run(main())
    exits = [m.split(":")[2:] for m in written.text() if m[0] == "<"]
    assert sorted(exits) == [["own", "m=%d" % n, ""] for n in (0, 1)] + [["shared", "n=%d" % n, ""] for n in (10, 11)]


def test_of_a_silent_span_they_are_lost(written):
    t = Tracer("a")
    try:
        set_enabled(False)
        with t:
            t.record("lost", 1)
        set_enabled(True)
        with t:
            t.record("kept", 2)
    finally:
        set_enabled(True)
    assert written.raw() == [b">:t:a::", b"<:t:a:kept=2:"]


def test_without_an_open_span_nothing_fails(written):
    t = Tracer("a")
    t.record("x", 1)
    for number in range(10_000):
        Tracer("b", id=(1 << 33) + number).record("y", 2)
    assert copy.copy(t).exit_args == {} and written.raw() == []
