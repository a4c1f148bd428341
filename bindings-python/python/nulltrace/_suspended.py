"""Functions whose calls may be suspended: coroutines, generators and async generators. Their spans have numbers,
since calls interleave on a thread or move between threads."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from . import _context, _functions
from ._shared import MISSING, Plan, ending, values


def trace(impl: Any, fn: Any, tags: Any, id: Any, enter: Plan, leave: Plan, within: Any) -> Any:
    """A function whose calls may be suspended, traced; None if it is of another kind."""
    for it in (fn, getattr(type(fn), "__call__", None)):
        for is_kind, kind, wrap in (
            (inspect.iscoroutinefunction, "coroutine", None),
            (inspect.isasyncgenfunction, "", _async_generator),
            (inspect.isgeneratorfunction, "generator", _generator),
        ):
            if is_kind(it):
                calls = Calls(impl, fn, tags, id, enter, leave, within)
                if wrap is None:
                    return _functions.make(impl, fn, calls, kind, bool(enter or leave))
                call = wrap(fn, calls)
                return _functions.make(impl, fn, call, kind) if kind else functools.update_wrapper(call, fn)
    return None


class Calls:
    """Begins and ends the spans of calls that may interleave on a thread or move between threads."""

    __slots__ = ("impl", "fn", "tags", "id", "enter", "leave", "within", "like")

    def __init__(
        self, impl: Any, fn: Any, tags: Any, id: Any, enter: Plan, leave: Plan, within: Any
    ) -> None:
        self.impl = impl
        self.fn = fn
        self.tags = tags
        self.id = id
        self.enter = enter
        self.leave = leave
        self.within = within
        self.like = impl.span(tags, None)

    def __reduce__(self) -> Any:
        from . import _tracer

        return _tracer.calls, (self.fn, self.tags, self.id, self.enter, self.leave, self.within)

    def begin(self, args: Any, kwargs: Any, plain: bool = False) -> Any:
        """The span of a call, current from here on if it has a number. One in plain code, `plain`, has no
        parent that it can name, but it may have one. None while nothing is written."""
        if not self.impl.enabled():
            return None
        given = values(self.enter, args, kwargs)
        if self.id is None:
            span = self.like.fresh()
            plain = plain and _context.is_guessed_right()
            parent = _context.begin(span, None, None, self.within, True, 1)
            span.enter(None if plain and parent == 0 else parent, given)
            return span
        span = self.impl.span(self.tags, self.id)
        if _context.is_unique(self.id):
            _context.begin(span, None, None, None, True, 1)
        span.enter(None, given)
        return span

    def end(self, span: Any, returned: Any, args: Any, kwargs: Any) -> None:
        if self._closed(span):
            span.exit(values(self.leave, args, kwargs, returned))

    def fail(self, span: Any, kind: Any, args: Any, kwargs: Any) -> None:
        if self._closed(span):
            given = values(self.leave, args, kwargs)
            span.exit([*given, *ending(kind, given)])

    def _closed(self, span: Any) -> bool:
        """Whether its exit is to be written."""
        if span is None:
            return False
        return _context.close(span) if span.open else self.id is not None


def _generator(fn: Any, calls: Calls) -> Any:
    def traced(*args: Any, **kwargs: Any) -> Any:
        before = _context.top()
        span = calls.begin(args, kwargs, plain=True)
        given = None
        try:
            inner = fn(*args, **kwargs)
            step = inner.send
            while True:
                # Only the end of `inner` raises this: it cannot be raised inside it.
                try:
                    value = step(given)
                except StopIteration as stop:
                    result = stop.value
                    break
                # Whoever takes the values is not inside.
                _context.pause(span, before)
                try:
                    given = yield value
                except GeneratorExit:
                    before = _context.resume(span)
                    inner.close()
                    raise
                except BaseException as error:
                    step, given = inner.throw, error
                else:
                    step = inner.send
                before = _context.resume(span)
        except BaseException as error:
            given = None
            _context.pause(span, before)
            calls.fail(span, type(error), args, kwargs)
            raise
        _context.pause(span, before)
        calls.end(span, result, args, kwargs)
        return result

    return traced


def _async_generator(fn: Any, calls: Calls) -> Any:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        before = _context.top()
        span = calls.begin(args, kwargs)
        try:
            inner = fn(*args, **kwargs)
            step = inner.__anext__()
            while True:
                # Only the end of `inner` raises this: it cannot be raised inside it.
                try:
                    value = await step
                except StopAsyncIteration:
                    break
                _context.pause(span, before)
                try:
                    sent = yield value
                except GeneratorExit:
                    before = _context.resume(span)
                    await inner.aclose()
                    raise
                except BaseException as error:
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
                before = _context.resume(span)
        except BaseException as error:
            _context.pause(span, before)
            calls.fail(span, type(error), args, kwargs)
            raise
        _context.pause(span, before)
        calls.end(span, MISSING, args, kwargs)

    return traced
