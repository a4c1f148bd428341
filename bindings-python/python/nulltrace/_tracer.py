"""What the `Tracer` of both implementations has, and switching on and off."""

from __future__ import annotations

from typing import Any, Tuple

from . import _context, _functions
from ._decorate import decorate
from ._record import record
from ._shared import name_of
from ._suspended import Calls

impl: Any = None
"""The implementation of this process."""


def function(*given: Any) -> Any:
    """What a traced function calls, of this process's implementation: for those that were pickled."""
    made = impl.function(*given)
    return getattr(made, "__self__", made)


def calls(*given: Any) -> Any:
    """The same of a function whose calls may be suspended."""
    return Calls(impl, *given)


def set_enabled(on: bool) -> None:
    """Switches markers on or off. A span that has begun still ends; one that begins while they are off writes
    nothing, also not at its end."""
    impl.set_enabled(bool(on))
    _functions.switch(impl, impl.enabled())


def enabled() -> bool:
    """Whether markers are written."""
    return bool(impl.enabled())


def complete(it: Any) -> Any:
    """Gives an implementation's `Tracer` what is the same in all. They are set on the type itself: a
    class derived from it would cost each new span some time."""
    global impl
    impl = it
    _context.on_use = impl.watch
    _context.open_spans = impl.open_spans
    tracer = impl.Tracer
    tracer._decorate = classmethod(_decorate)
    for method in (__call__, __aenter__, __aexit__, __reduce__, record):
        method.__qualname__ = "Tracer." + method.__name__
        method.__module__ = "nulltrace"
        setattr(tracer, method.__name__, method)
    tracer.__doc__ = DOC
    return tracer


def _decorate(
    cls: Any,
    fn: Any,
    tags: Any,
    id: Any,
    enter_args: Any,
    exit_args: Any,
    recursive: bool,
    within: Any = None,
    child: bool = False,
) -> Any:
    if child:
        tags = (*tags, name_of(fn))
    return decorate(impl, fn, tags, id, enter_args, exit_args, recursive, within)


def __call__(self: Any, fn: Any) -> Any:
    """Decorates a function."""
    tags, named, *more = self._given()
    if not named:
        tags = (*tags[:-1], name_of(fn))
    return decorate(impl, fn, tags, *more)


async def __aenter__(self: Any) -> Any:
    """Begins a span with a number of its own, and gives it."""
    return self._moving()


async def __aexit__(self: Any, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
    """Ends the span that `async with` began."""
    if self._spans or self._id is not None:
        self.__exit__(kind, error, traceback)


# The frame of the block distinguishes one exit from another.
_context.inner = (__aenter__.__code__, __aexit__.__code__)


def __reduce__(self: Any) -> Tuple[Any, ...]:
    """Copies and pickles have no spans that are open."""
    return _copy, (type(self), *self._given()), getattr(self, "__dict__", None)


def _copy(
    cls: Any, tags: Any, named: bool, id: Any, enter_args: Any, exit_args: Any, recursive: bool, within: Any
) -> Any:
    made = impl.Tracer.__new__(cls, list(tags), enter_args, exit_args, id=id, recursive=recursive)
    made._set(named, within)
    return made


DOC = """A span, or a function's spans; reusable.

    `with Tracer("a.b")` and `async with Tracer("a.b")` trace a block, `@Tracer`, `@Tracer("a.b")` and
    `@Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})` a function, a method, a
    coroutine or a generator. Without a tag it is the function's name, or `folder/file.py:line(function)`
    for a block. A dot in a tag that is text separates tags; a list gives each on its own.

    `id` is "", "g", "t" (this thread), "p", "pp" or a number. Without one it is that of the thread in plain
    synchronous code; in a task, a callback of an event loop, a greenlet or another numbered span, and always
    for `async with`, coroutines and generators, a number of its own. Then it names its parent.

    Each call of a recursive function is a span; with `recursive=False` only the outermost one.

    Nothing here raises: what no marker can say is not written.
    """
