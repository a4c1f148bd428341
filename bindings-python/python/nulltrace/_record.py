"""Arguments that are set in the middle of a span, of that span alone: its tracer may have others open at once."""

from __future__ import annotations

from threading import get_ident
from typing import Any, Dict, List, Tuple

from . import _context

_MOST = 4096
"""Of so many spans of one tracer that are never ended they are kept."""


def record(self: Any, name: Any, value: Any) -> None:
    """Sets an argument of the span that is open here; it is written at its end. Of one set twice the last value."""
    recorded = self._recorded
    if recorded is None:
        recorded = self._recorded = {}
    elif len(recorded) >= _MOST:
        recorded.pop(next(iter(recorded)), None)
    recorded.setdefault(_key(self), [{}])[-1][name] = value


def _key(tracer: Any) -> Any:
    """The number of the span that the tracer has open here, else the thread."""
    span = _context._current.get()
    while span is not None:
        if span.open and (span.tracer is tracer or span.owner is tracer):
            return span.id
        span = span.above
    spans = tracer._spans
    if spans is not None and len(spans) == 1:
        return next(iter(spans), None)
    return (get_ident(),)


def nested(tracer: Any) -> None:
    """A span with the thread's id begins, maybe inside another of the same tracer: what was set is not its own."""
    levels = tracer._recorded.get((get_ident(),))
    if levels is not None:
        levels.append({})


def taken(tracer: Any, number: Any, args: Any) -> Any:
    """The arguments of an exit, `args`, and those that were set, of the span of this number or of the thread's id."""
    key = (get_ident(),) if number is None else number
    recorded: Dict[Any, List[Dict[Any, Any]]] = tracer._recorded
    levels = recorded.get(key)
    own = levels.pop() if levels else {}
    if not levels:
        recorded.pop(key, None)
        if not recorded:
            tracer._recorded = None
    if not own:
        return args
    pairs: List[Tuple[Any, Any]] = []
    try:
        given = args.items() if hasattr(args, "items") else args or ()
        pairs = [(name, value) for name, value in given if name not in own]
    except Exception:
        pass
    return [*pairs, *own.items()]
