"""The programs of sysdig_tracers' README and examples: only the import changed, the same spans."""

import importlib.util
import textwrap

import pytest
from conftest import parse, straced

PROGRAMS = {
    "simple": """
        import time
        for _ in range(2):
          with Tracer():
            print("Hello World")
          time.sleep(0.001)
    """,
    "function": """
        @Tracer
        def myprinter():
          print("Hello World")

        for _ in range(2):
          myprinter()
    """,
    "arguments": """
        @Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})
        def factorial(n):
          result = 1
          for factor in range(1, n + 1):
            result *= factor
          return result

        print(factorial(10))
    """,
    "nested": """
        with Tracer("worker") as t:
          with t.span("read"):
            pass
          with t.span("parse") as p:
            with p.span():
              pass
          with t.span():
            pass
    """,
    "keywords": """
        @Tracer(enter_args={"n": Kwds("n"), "k": "text"}, exit_args={"ret": ReturnValue, "x": "y"})
        def double(n):
          return n * 2
        double(n=4)
    """,
    "service": """
        class Handler(object):
          def __init__(self):
            self.done = []

          @Tracer
          def do_headers(self):
            self.done.append("headers")

          @Tracer(enter_args={"n": Args(1)}, exit_args={"ret": ReturnValue})
          def do_write(self, filename):
            return len(filename)

          def download(self):
            with Tracer("download_handler", {"x": "8", "y": 9}) as t:
              with t.span("download_headers"):
                self.do_headers()
              with t.span("download_write"):
                self.do_write("/tmp/blob.bin.1")

        Handler().download()
    """,
    "start": """
        t = Tracer()
        t.start()
        t.stop(args={"x": 1})
        t.start("mytest", {"y": "z"})
        t.stop()
        def f():
          with Tracer():
            pass
        f()
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_spans(name, tmp_path):
    if importlib.util.find_spec("sysdig_tracers") is None:
        pytest.skip("sysdig-tracers is not installed; test.sh installs it")
    found = {}
    for module in ("sysdig_tracers", "nulltrace"):
        folder = tmp_path / module / "program"
        folder.mkdir(parents=True)
        script = folder / (name + ".py")
        head = "from %s import Tracer, Args, Kwds, ReturnValue\n" % module
        script.write_text(head + textwrap.dedent(PROGRAMS[name]))
        code = "import runpy; runpy.run_path(%r, run_name='__main__')" % str(script)
        markers = parse([data for _, _, data in straced(code, folder)])
        # The order of the markers is their nesting.
        found[module] = [(it["dir"], it["id"], it["tags"], it["args"]) for it in markers]
    assert found["nulltrace"] == found["sysdig_tracers"] and len(found["nulltrace"]) >= 2
