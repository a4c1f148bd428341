"""Spans by one short write to /dev/null, seen by the collector `nulltrace`.

>>> from nulltrace import Tracer
>>> with Tracer("checkout", {"cart": 7}) as t:
...     with t.span("pay"):
...         pass
"""

from __future__ import annotations

import os
from typing import Any

from . import _shared
from ._context import attach, current
from ._shared import Args, Kwds, ReturnValue

__all__ = ["Args", "Kwds", "ReturnValue", "Tracer", "attach", "current", "implementation"]

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

Tracer: Any = _shared.complete(_impl)
