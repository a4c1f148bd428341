"""What the middlewares share: the tags of a request, their number bounded."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import Tracer, _shared

_METHODS = frozenset("GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split())
_NUMBER = re.compile(r"[0-9]+")
_ID = re.compile(r"(?=.*[0-9])[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LONGEST = 200
OTHER = "{other}"


def without_numbers(path: str) -> str:
    """A path as a template: `/user/7/cart` is `/user/{n}/cart`, a long hexadecimal part is `{id}`."""
    parts = path[: _LONGEST + 1].split("/")
    for at, part in enumerate(parts):
        if _NUMBER.fullmatch(part):
            parts[at] = "{n}"
        elif _ID.fullmatch(part):
            parts[at] = "{id}"
    return "/".join(parts)


class Requests:
    """Begins the spans of requests. Only so many different templates are distinguished: the rest, which
    scanners and unknown paths make, is `{other}`."""

    def __init__(
        self,
        offered: Callable[[Any], Any],
        template: Optional[Callable[[Any], Any]],
        limit: int,
    ) -> None:
        self._offered = offered
        self._template = template
        self._limit = limit
        self._known: Dict[str, None] = {}

    def _of(self, request: Any, path: str) -> str:
        for ask in (self._offered, self._template):
            try:
                found = ask(request) if ask is not None else None
            except Exception:
                # Tracing must not break a request.
                found = None
            if isinstance(found, str) and found:
                return found
        return without_numbers(path) or "/"

    def begin(self, request: Any, method: Any, path: Any, numbered: bool) -> "Request":
        """A request's span, with a number of its own even where a plain block has none."""
        template = self._of(request, path if isinstance(path, str) else "")[:_LONGEST]
        if template not in self._known:
            if len(self._known) < self._limit:
                self._known[template] = None
            else:
                template = OTHER
        method = method if method in _METHODS else "OTHER"
        return Request(("http", method, template), numbered)


class Request:
    """The span of one request."""

    __slots__ = ("span", "status", "_open")

    def __init__(self, tags: Tuple[str, ...], numbered: bool) -> None:
        self.span = _began(Tracer(tags), numbered)
        self.status: Any = None
        self._open = True

    def end(self, kind: Any = None) -> None:
        """Ends the span, with the exception's type if there was one; once."""
        if not self._open:
            return
        self._open = False
        args: List[Tuple[str, Any]] = []
        last = () if kind is None else _shared.ending(kind)
        if self.status is not None and not any(name == "status" for name, _ in last):
            args.append(("status", self.status))
        self.span.stop([*args, *last])


def _began(tracer: Any, numbered: bool) -> Any:
    if numbered:
        return tracer._moving()
    tracer.start()
    return tracer
