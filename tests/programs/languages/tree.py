"""The spans of tests/tests/languages.rs, in Python. The argument says which part must do it."""

import sys
import threading

import nulltrace
from nulltrace import Tracer

assert nulltrace.implementation == sys.argv[1], nulltrace.implementation

with Tracer("tree", {"run": 1}, {"status": "ok"}):
    for n in range(3):
        with Tracer("tree.step", {"n": n}, {"rows": n * 10}) as step:
            if n == 1:
                with step.span("leaf"):
                    pass
    with Tracer([".:=,\\<>", "a b ü"], {":=,\\": ":=,\\<>[]{}'\"", "text": "früh 日本"}):
        pass
    with Tracer(
        ["line\nbreak", '\t"\\\x01\x1f\x7f'],
        {"n\n": "v\r\x0b", "empty": ""},
        {"status": "a:b,c=d"},
    ):
        pass


@Tracer("worker")
def work():
    with Tracer("worker.inner"):
        pass


thread = threading.Thread(target=work)
thread.start()
thread.join()
