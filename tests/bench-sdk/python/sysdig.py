"""sysdig-tracers 0.1.2, which nulltrace is a drop-in for."""

import warnings

warnings.filterwarnings("ignore", category=SyntaxWarning)  # its own

from sysdig_tracers import Args, Tracer  # noqa: E402
from worker import serve  # noqa: E402

reused = Tracer("checkout.cart.tax")


def with_reused(n):
    for _ in range(n):
        with reused:
            pass


@Tracer
def decorated():
    pass


def decorator(n):
    for _ in range(n):
        decorated()


@Tracer(enter_args={"n": Args(0)})
def with_arg(n):
    pass


def arg(n):
    for i in range(n):
        with_arg(i)


def automatic(n):
    for _ in range(n):
        with Tracer():
            pass


serve({"with": with_reused, "decorator": decorator, "arg": arg, "automatic": automatic})
