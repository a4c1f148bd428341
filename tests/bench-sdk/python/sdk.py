"""The Python SDK as a program uses it, native or, with NULLTRACE_PURE=1, in Python alone."""

import os

from worker import serve

from nulltrace import Args, Tracer, implementation

if implementation != os.environ["BENCH_IMPLEMENTATION"]:
    raise SystemExit(f"this is the {implementation} implementation")

null = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)


def bare(n):
    write, fd = os.write, null
    for _ in range(n):
        write(fd, b">:t:checkout.cart.tax.amount::")
        write(fd, b"<:t:checkout.cart.tax.amount::")


reused = Tracer("checkout.cart.tax.amount")


def with_reused(n):
    site = reused
    for _ in range(n):
        with site:
            pass


@Tracer("checkout.cart.tax.amount")
def decorated():
    pass


def decorator(n):
    call = decorated
    for _ in range(n):
        call()


def undecorated():
    pass


def call(n):
    """What the decorated function costs without its span."""
    call = undecorated
    for _ in range(n):
        call()


def arg(n):
    for i in range(n):
        with Tracer("checkout.cart.tax", {"cart": i}):
            pass


def stop_arg(n):
    site = reused
    for i in range(n):
        site.start()
        site.stop({"cart": i})


@Tracer("checkout.cart.tax", enter_args={"n": Args(0)})
def decorated_arg(n):
    pass


def decorator_arg(n):
    call = decorated_arg
    for i in range(n):
        call(i)


def automatic(n):
    for _ in range(n):
        with Tracer():
            pass


serve(
    {
        "bare": bare,
        "with": with_reused,
        "decorator": decorator,
        "arg": arg,
        "decorator_arg": decorator_arg,
        "stop_arg": stop_arg,
        "automatic": automatic,
        "call": call,
    }
)
