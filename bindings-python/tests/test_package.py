"""What the package is beside its behaviour."""

import ast
import re
import textwrap
from pathlib import Path

import pytest
from conftest import PURE, ROOT, python

import nulltrace

SOURCES = sorted(Path(nulltrace.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
def test_python_3_9_reads_it(source):
    ast.parse(source.read_text(), feature_version=(3, 9))


def test_the_version_is_that_of_the_workspace():
    from importlib.metadata import version

    wanted = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    assert version("nulltrace") == wanted


def test_it_is_typed():
    folder = Path(nulltrace.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "__init__.pyi").exists()


@pytest.mark.skipif(not PURE, reason="the native part does not use it")
def test_without_fcntl():
    """As on systems that are no Unix: nothing is written, and nothing fails."""
    code = """
    import os, sys
    sys.modules["fcntl"] = sys.modules["resource"] = None
    del os.register_at_fork
    import nulltrace
    from nulltrace import Tracer
    def f(): return 7
    assert Tracer(f) is f and not nulltrace.enabled()
    nulltrace.set_enabled(True)
    assert not nulltrace.enabled()
    with Tracer("a", {"n": 1}) as t, t.span("b"):
        t.start()
        t.stop()
    async def main():
        async with Tracer("c"): pass
    import asyncio
    asyncio.run(main())
    print([n for n in map(int, os.listdir("/proc/self/fd")) if n >= 64])
    """
    run = python(textwrap.dedent(code))
    assert run.returncode == 0 and run.stdout.strip() == "[]", run.stderr
