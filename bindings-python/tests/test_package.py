"""What the package is beside its behaviour."""

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT

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
