"""What both implementations share: arguments of decorated functions, automatic tags, and the wrappers
of functions whose calls do not end on the thread they began on."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import _context


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


MISSING = _Missing()
"""The value of an argument that is left out."""

# An argument of a call: its name; where it stands among the positional ones, or None; its name among
# the others, or None; else its value. ReturnValue as the value stands for what was returned.
Plan = Tuple[Tuple[str, Optional[int], Optional[str], Any], ...]


def plan(fn: Any, wanted: Any) -> Plan:
    """How the arguments `wanted` are got from a call of `fn`."""
    if not wanted:
        return ()
    names: Tuple[str, ...] = ()
    defaults: Dict[str, Any] = {}
    code = getattr(fn, "__code__", None)
    if code is not None:
        names = code.co_varnames[: code.co_argcount]
        values = fn.__defaults__ or ()
        defaults = dict(zip(names[len(names) - len(values) :], values))
        defaults.update(fn.__kwdefaults__ or {})
    found: List[Tuple[str, Optional[int], Optional[str], Any]] = []
    for name, value in wanted.items():
        if isinstance(value, Args) and isinstance(value.i, int):
            key = names[value.i] if -len(names) <= value.i < len(names) else None
            default = MISSING if key is None else defaults.get(key, MISSING)
            # Counted from the end, only the caller's own arguments can be meant.
            found.append((name, value.i, key if value.i >= 0 else None, default if value.i >= 0 else MISSING))
        elif isinstance(value, Kwds):
            index = names.index(value.key) if value.key in names else None
            found.append((name, index, value.key, defaults.get(value.key, MISSING)))
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


def ending(kind: Any) -> Tuple[str, str]:
    """The exit argument of a span that an exception of this type ended."""
    name = str(getattr(kind, "__name__", type(kind).__name__))
    if kind is GeneratorExit or name in ("CancelledError", "Cancelled"):
        return ("status", "cancelled")
    return ("error", name)


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


def decorate(
    impl: Any, fn: Any, tags: Any, id: Any, enter_args: Any, exit_args: Any, recursive: bool, within: Any
) -> Any:
    """`fn`, traced. `tags` are those given, or None; `id` likewise; `within` is the tracer whose `span` it
    is, or None. What cannot be traced stays as it is."""
    if isinstance(fn, (staticmethod, classmethod)):
        return type(fn)(decorate(impl, fn.__func__, tags, id, enter_args, exit_args, recursive, within))
    if not callable(fn) or isinstance(fn, type) or not impl.on():
        return fn
    if tags is None:
        tags = (name_of(fn),)
    enter, leave = plan(fn, enter_args), plan(fn, exit_args)
    wrap = _kind(fn)
    if wrap is None:
        return functools.update_wrapper(
            impl.function(fn, tags, id, enter, leave, bool(recursive), within), fn
        )
    return wrap(fn, _Calls(impl, tags, id, enter, leave, within))


def name_of(fn: Any) -> str:
    """The automatic tag of a function."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return str(getattr(fn, "__name__", None) or type(fn).__name__)


def _kind(fn: Any) -> Optional[Callable[[Any, _Calls], Any]]:
    for it in (fn, getattr(type(fn), "__call__", None)):
        if inspect.iscoroutinefunction(it):
            return _coroutine
        if inspect.isasyncgenfunction(it):
            return _async_generator
        if inspect.isgeneratorfunction(it):
            return _generator
    return None


class _Calls:
    """Begins and ends the spans of calls that may interleave on a thread or move between threads."""

    __slots__ = ("impl", "tags", "id", "enter", "leave", "within", "like")

    def __init__(self, impl: Any, tags: Any, id: Any, enter: Plan, leave: Plan, within: Any) -> None:
        self.impl = impl
        self.tags = tags
        self.id = id
        self.enter = enter
        self.leave = leave
        self.within = within
        self.like = impl.span(tags, None)

    def begin(self, args: Any, kwargs: Any, plain: bool = False) -> Any:
        """The span of a call, current from here on if it has a number. One in plain code, `plain`, has no
        parent that it can name, but it may have one."""
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

    def end(self, span: Any, args: Any, kwargs: Any, returned: Any = MISSING) -> None:
        if self._closed(span):
            span.exit(values(self.leave, args, kwargs, returned))

    def fail(self, span: Any, kind: Any) -> None:
        if self._closed(span):
            span.exit((ending(kind),))

    def _closed(self, span: Any) -> bool:
        """Whether its exit is to be written."""
        return _context.close(span) if span.open else self.id is not None


def _coroutine(fn: Any, calls: _Calls) -> Any:
    @functools.wraps(fn)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        span = calls.begin(args, kwargs)
        try:
            result = await fn(*args, **kwargs)
        except BaseException as error:
            calls.fail(span, type(error))
            raise
        calls.end(span, args, kwargs, result)
        return result

    return traced


def _generator(fn: Any, calls: _Calls) -> Any:
    @functools.wraps(fn)
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
            calls.fail(span, type(error))
            raise
        _context.pause(span, before)
        calls.end(span, args, kwargs, result)
        return result

    code = getattr(fn, "__code__", None)
    if code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE:
        return types.coroutine(traced)
    return traced


def _async_generator(fn: Any, calls: _Calls) -> Any:
    @functools.wraps(fn)
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
            calls.fail(span, type(error))
            raise
        _context.pause(span, before)
        calls.end(span, args, kwargs)

    return traced


def complete(impl: Any) -> Any:
    """Gives an implementation's `Tracer` what is the same in all. They are set on the type itself: a
    class derived from it would cost each new span some time."""

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
            tags = (*tags, name_of(getattr(fn, "__func__", fn)))
        return decorate(impl, fn, tags, id, enter_args, exit_args, recursive, within)

    def __call__(self: Any, fn: Any) -> Any:
        """Decorates a function."""
        tags, named, *more = self._given()
        if not named:
            tags = (*tags[:-1], name_of(getattr(fn, "__func__", fn)))
        return decorate(impl, fn, tags, *more)

    _context.on_use = impl.watch
    _context.open_spans = impl.open_spans
    tracer = impl.Tracer
    tracer._decorate = classmethod(_decorate)
    for function in (__call__, __aenter__, __aexit__):
        function.__qualname__ = "Tracer." + function.__name__
        function.__module__ = "nulltrace"
        setattr(tracer, function.__name__, function)
    tracer.__doc__ = DOC
    return tracer


async def __aenter__(self: Any) -> Any:
    """Begins a span with a number of its own, and gives it."""
    return self._moving()


async def __aexit__(self: Any, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
    """Ends the span that `async with` began."""
    if self._spans or self._id is not None:
        self.__exit__(kind, error, traceback)


# The frame of the block distinguishes one exit from another.
_context.inner = (__aenter__.__code__, __aexit__.__code__)


DOC = """A span, or a function's spans; reusable.

    `with Tracer("a.b")` and `async with Tracer("a.b")` trace a block, `@Tracer`, `@Tracer("a.b")` and
    `@Tracer(enter_args={"n": Args(0)}, exit_args={"ret": ReturnValue})` a function, a method, a
    coroutine or a generator. Without a tag it is the function's name, or `folder/file.py:line(function)`
    for a block. A dot in a tag that is text separates tags; a list gives each on its own.

    `id` is "", "g", "t" (this thread), "p", "pp" or a number. Without one it is that of the thread in plain
    synchronous code; in a task, a callback of an event loop, a greenlet or another numbered span, and always
    for `async with`, coroutines and generators, a number of its own. Then it names its parent.

    Of a recursive function the outermost call is traced; with `recursive=True` all are.

    Nothing here raises: what no marker can say is not written.
    """
