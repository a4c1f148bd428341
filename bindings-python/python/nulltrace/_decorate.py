"""Decorates functions, and what stands for functions in a class."""

from __future__ import annotations

import copy
import functools
import types
from typing import Any, Callable, Dict

from . import _functions, _suspended
from ._shared import name_of, plan


def decorate(
    impl: Any, fn: Any, tags: Any, id: Any, enter_args: Any, exit_args: Any, recursive: bool, within: Any
) -> Any:
    """`fn`, traced. `tags` are those given, or None; `id` likewise; `within` is the tracer whose `span` it
    is, or None. What cannot be traced stays as it is."""

    def each(inner: Any, tags: Any = tags) -> Any:
        return decorate(impl, inner, tags, id, enter_args, exit_args, recursive, within)

    for kind, rebuild in _DESCRIPTORS:
        if isinstance(fn, kind):
            return rebuild(fn, each)
    if not callable(fn) or isinstance(fn, type) or not impl.possible():
        return fn
    if tags is None:
        tags = (name_of(fn),)
    enter, leave = plan(fn, enter_args), plan(fn, exit_args)
    traced = _suspended.trace(impl, fn, tags, id, enter, leave, within)
    if traced is not None:
        return traced
    call = impl.function(fn, tags, id, enter, leave, bool(recursive), within)
    # None: no marker can say this.
    return fn if call is None else _functions.make(impl, fn, call, impl.kind, bool(enter or leave))


# --- Descriptors: the functions that they call are traced ----------------------------------------

_Each = Callable[..., Any]


def _method(fn: Any, each: _Each) -> Any:
    return type(fn)(each(fn.__func__))


def _property(fn: Any, each: _Each) -> Any:
    made = fn
    for name, put in (("fget", "getter"), ("fset", "setter"), ("fdel", "deleter")):
        inner = getattr(fn, name)
        if inner is not None:
            made = getattr(made, put)(each(inner))
    return made


def _cached(fn: Any, each: _Each) -> Any:
    made = copy.copy(fn)
    made.func = each(fn.func)
    return made


def _partial(fn: Any, each: _Each) -> Any:
    return type(fn)(each(fn.func), *fn.args, **fn.keywords)


def _dispatching(fn: Any, each: _Each) -> Any:
    made = copy.copy(fn)
    made.dispatcher = _Dispatcher(fn.dispatcher, functools.partial(each, tags=(name_of(fn),)))
    return made


class _Dispatcher:
    """A single-dispatch function whose implementations are traced, also those that are registered later."""

    def __init__(self, dispatcher: Any, each: _Each) -> None:
        self._dispatcher = dispatcher
        self._each = each
        self._traced: Dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_dispatcher"], name)

    def dispatch(self, kind: Any) -> Any:
        found = self._dispatcher.dispatch(kind)
        if found not in self._traced:
            self._traced[found] = self._each(found)
        return self._traced[found]


_DESCRIPTORS = (
    ((staticmethod, classmethod), _method),
    ((property, types.DynamicClassAttribute), _property),
    (functools.cached_property, _cached),
    (functools.partialmethod, _partial),
    (functools.singledispatchmethod, _dispatching),
)
