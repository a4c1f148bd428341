"""What both implementations share: arguments of decorated functions, and automatic tags."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any, Dict, List, Optional, Tuple

from . import _functions


def is_off(value: Optional[str]) -> bool:
    """Whether this value of `NULLTRACE` switches all off."""
    return value is not None and value.lower() in ("0", "off", "false", "no")


class Args:
    """The value of a decorated function's positional parameter, counted from 0.

    In a method, 0 is `self`. It is found by its name too if the caller gave it so; one that has a
    default and was not given has its default.

    >>> Args(1)(["a", "b"])
    'b'
    """

    __slots__ = ("i",)

    def __init__(self, i: int) -> None:
        self.i = i

    def __call__(self, args: Any) -> Any:
        return args[self.i]


class Kwds:
    """The value of a decorated function's parameter of this name, however it was given.

    >>> Kwds("n")({"n": 1})
    1
    """

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, kwds: Any) -> Any:
        return kwds[self.key]


class ReturnValue:
    """In `exit_args`: what the decorated function returned."""

    __slots__ = ()


class _Missing:
    __slots__ = ()

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""The value of an argument that is left out."""

# An argument of a call: its name; where it stands among the positional ones, or None; its name among
# the others, or None; else its value. ReturnValue as the value stands for what was returned.
Plan = Tuple[Tuple[str, Optional[int], Optional[str], Any], ...]


def plan(fn: Any, wanted: Any) -> Plan:
    """How the arguments `wanted` are got from a call of `fn`."""
    if not wanted:
        return ()
    names, defaults = _functions.parameters(fn)
    code = getattr(fn, "__code__", None)
    more = code is None or code.co_flags & inspect.CO_VARARGS
    found: List[Tuple[str, Optional[int], Optional[str], Any]] = []
    for name, value in wanted.items():
        if isinstance(value, Args) and isinstance(value.i, int):
            # Counted from the end of the parameters, where their number is fixed.
            index = value.i if value.i >= 0 or more else value.i + len(names)
            if index < 0 and not more:
                continue
            key = names[index] if 0 <= index < len(names) else None
            found.append((name, index, key, MISSING if key is None else defaults.get(key, MISSING)))
        elif isinstance(value, Kwds):
            at = names.index(value.key) if value.key in names else None
            found.append((name, at, value.key, defaults.get(value.key, MISSING)))
        elif isinstance(value, ReturnValue):
            found.append((name, None, None, ReturnValue))
        elif not isinstance(value, Args):
            found.append((name, None, None, value))
    return tuple(found)


def values(plan: Plan, args: Any, kwargs: Any, returned: Any = MISSING) -> List[Tuple[str, Any]]:
    """The arguments of one call."""
    found = []
    for name, index, key, value in plan:
        if index is not None and -len(args) <= index < len(args):
            value = args[index]
        elif key is not None and key in kwargs:
            value = kwargs[key]
        elif value is ReturnValue:
            value = returned
        if value is not MISSING:
            found.append((name, value))
    return found


def ending(kind: Any, args: Any = ()) -> Tuple[Tuple[str, str], ...]:
    """The exit argument of a span that an exception of this type ended; none if the program has set it in `args`."""
    name = str(getattr(kind, "__name__", type(kind).__name__))
    if kind is GeneratorExit or name in ("CancelledError", "Cancelled"):
        return (("status", "cancelled"),)
    return () if any(given[0] in ("error", b"error") for given in args) else (("error", name),)


_seen: Dict[Tuple[Any, int], str] = {}


def here(depth: int) -> str:
    """The automatic tag of the line that many frames above: `folder/file.py:line(function)`."""
    frame = sys._getframe(depth + 1)
    key = (frame.f_code, frame.f_lineno)
    tag = _seen.get(key)
    if tag is None:
        # Code that is compiled again each time must not fill the memory.
        if len(_seen) >= 4096:
            _seen.clear()
        code = frame.f_code
        file = "/".join(code.co_filename.split("/")[-2:])
        tag = _seen[key] = "%s:%d(%s)" % (file, frame.f_lineno, code.co_name)
    return tag


def name_of(fn: Any) -> str:
    """The automatic tag of a function, or of a descriptor: of the function that it calls."""
    inner = True
    while inner:
        inner = False
        for kinds, attribute in _INSIDE:
            if isinstance(fn, kinds):
                fn, inner = getattr(fn, attribute), True
    return str(getattr(fn, "__name__", None) or type(fn).__name__)


_INSIDE = (
    ((staticmethod, classmethod), "__func__"),
    ((property, types.DynamicClassAttribute), "fget"),
    (
        (
            functools.partial,
            functools.partialmethod,
            functools.cached_property,
            functools.singledispatchmethod,
        ),
        "func",
    ),
)


def is_decorated(it: Any) -> bool:
    """Whether `@Tracer` stands before this: a function, or a descriptor of any kind."""
    return callable(it) or hasattr(type(it), "__get__")
