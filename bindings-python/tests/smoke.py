"""The installed package, without anything else: run where only the wheel is."""

import asyncio
import functools
import inspect
import os
import sys

import nulltrace
import nulltrace.asgi
import nulltrace.wsgi
from nulltrace import Args, ReturnValue, Tracer

assert nulltrace.implementation == sys.argv[1], nulltrace.implementation

read, write = os.pipe()
nulltrace._impl._redirect(write)


@Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})
def double(n):
    return 2 * n


class Thing:
    @Tracer
    def method(self, n, *, k=1):
        return n + k


async def main():
    async with Tracer("async", id=7):
        pass


with Tracer("a.b", {"x": "y,z"}) as t, t.span("c"):
    assert double(2) == 4 and double(n=3) == 6 and Thing().method(1, k=2) == 3
asyncio.run(main())
assert os.read(read, 9999) == (
    b">:t:a.b:x=y\\,z:>:t:a.b.c::>:t:double:n=2:<:t:double:ret=4:>:t:double:n=3:<:t:double:ret=6:"
    b">:t:method::<:t:method::<:t:a.b.c::<:t:a.b::>:7:async::<:7:async::"
)


class Kinds:
    @Tracer
    @property
    def prop(self):
        return 1

    @Tracer
    @functools.cached_property
    def cached(self):
        return 2


@Tracer
def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)


it = Kinds()
assert it.prop == 1 and it.cached == it.cached == 2 and deep(1) == 1
nulltrace.set_enabled(False)
with t:
    assert deep(1) == 1 and not nulltrace.enabled()
nulltrace.set_enabled(True)
assert os.read(read, 9999) == (
    b">:t:prop::<:t:prop::>:t:cached::<:t:cached::>:t:deep::>:t:deep::<:t:deep::<:t:deep::"
)
assert inspect.isfunction(deep) and inspect.getfile(deep) == __file__

nulltrace._impl._redirect(-1)
with t:
    pass
for limit in (500, 2000):
    sys.setrecursionlimit(limit)
    try:
        deep(100_000)
    except RecursionError:
        continue
    raise SystemExit("no RecursionError")
