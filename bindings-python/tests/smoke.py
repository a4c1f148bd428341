"""The installed package, without anything else: run where only the wheel is."""

import asyncio
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
nulltrace._impl._redirect(-1)
with t:
    pass
