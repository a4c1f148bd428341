"""Spans by one short write to /dev/null, seen by the collector `nulltrace`.

>>> from nulltrace import Tracer
>>> with Tracer("checkout", {"cart": 7}) as t:
...     with t.span("pay"):
...         pass
"""

from __future__ import annotations

import os
from typing import Any

from . import _tracer
from ._context import attach, current
from ._shared import Args, Kwds, ReturnValue
from ._tracer import enabled, set_enabled

__all__ = [
    "Args",
    "Kwds",
    "ReturnValue",
    "Tracer",
    "attach",
    "current",
    "enabled",
    "implementation",
    "set_enabled",
]

_impl: Any
if os.environ.get("NULLTRACE_PURE") == "1":
    from . import _pure as _impl
else:
    try:
        # Not there, or not for this interpreter: a subinterpreter, a free-threaded build.
        from . import _nulltrace as _impl
    except ImportError:
        from . import _pure as _impl

implementation = "pure" if _impl.__name__.endswith("._pure") else "native"

Tracer: Any = _tracer.complete(_impl)
