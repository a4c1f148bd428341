"""Which numbered span is current, and where a span has to be numbered.

A span that begins and ends in plain synchronous code has the id `t`: the collector then finds its parent
itself, the innermost open span of the thread. Where several activities take turns on a thread (tasks,
callbacks of an event loop, greenlets) that guess is wrong. There, and inside a numbered span, a span has a
number of its own and names its parent, the span that is current in its context.

The context is a `ContextVar`, so it goes wherever the language's own contexts go. Its value is a chain of
spans, each with the one that was current before it. Nothing here is reset by a token: an exit may run in
another context than its enter (an async generator that another task closes), and a context that was
copied keeps spans that have ended meanwhile. So each span knows whether it is open, and those that are
not are passed over.
"""

from __future__ import annotations

import contextvars
import os
import sys
from typing import Any, Callable, List, Optional, Tuple

__all__ = ["attach", "current"]

LEAST = (1 << 32) + 1
"""The smallest unique number: the numbers of threads are smaller, and the id `t` equals them."""
BEYOND = 1 << 48
"""One more than the largest."""

_current: contextvars.ContextVar[Any] = contextvars.ContextVar("nulltrace", default=None)


def is_unique(id: Any) -> bool:
    """Whether an id is a number that no other span has."""
    return isinstance(id, int) and LEAST <= id < BEYOND


# --- Where a span is numbered -------------------------------------------------------------------

expected = -1
"""So many modules were imported when there was nothing to look for: as long as there are no more, no span
is numbered. -1 once there is."""

_seen = -1
_used = False
_loop: Optional[Callable[[], Any]] = None
_getcurrent: Optional[Callable[[], Any]] = None
_in_trio: Optional[Callable[[], bool]] = None
_trio_task: Optional[Callable[[], Any]] = None
# The native implementation's own switch.
on_use: Callable[[], None] = lambda: None


def probes() -> Tuple[List[Any], bool]:
    """What tells the running event loop, the current greenlet, and whether trio runs; each None while its
    module is not imported. And false if one is being imported just now."""
    global _trio_task
    found: List[Any] = []
    whole = True
    for name, attribute in (
        ("asyncio.events", "_get_running_loop"),
        ("greenlet", "getcurrent"),
        ("trio.lowlevel", "current_task"),
    ):
        module = sys.modules.get(name)
        probe = None if module is None else getattr(module, attribute, None)
        whole = whole and (module is None or probe is not None)
        found.append(probe)
    _trio_task = found[2]
    if _trio_task is not None:
        found[2] = _is_in_trio
    return found, whole


def _is_in_trio() -> bool:
    try:
        return _trio_task is not None and _trio_task() is not None
    except RuntimeError:
        return False


always_on = True
"""For the implementation in Python, whether markers have been written since the start: nothing else is looked for then."""


def switched() -> None:
    global always_on, expected
    always_on, expected = False, -1


def _look(size: int) -> None:
    global _seen, _loop, _getcurrent, _in_trio
    (_loop, _getcurrent, _in_trio), whole = probes()
    _seen = size if whole else -1


def here() -> bool:
    """Whether a span that begins here may have to be numbered: for the implementation in Python. The
    native one does the same by itself."""
    global expected
    size = len(sys.modules)
    if size != _seen:
        _look(size)
    if not (_used or _loop or _getcurrent or _in_trio):
        expected = _seen if always_on else -1
        return False
    expected = -1
    return _current.get() is not None or in_task()


def in_task() -> bool:
    """Whether this runs in a task, a callback of an event loop, or a greenlet."""
    if len(sys.modules) != _seen:
        _look(len(sys.modules))
    return (
        (_loop is not None and _loop() is not None)
        or (_getcurrent is not None and _getcurrent().parent is not None)
        or (_in_trio is not None and _in_trio())
    )


def runner() -> int:
    """What runs on this thread: the greenlet; 0 if it is the main one, or there is none."""
    greenlet = None if _getcurrent is None else _getcurrent()
    return 0 if greenlet is None or greenlet.parent is None else id(greenlet)


def watch() -> None:
    """From now on a context may have a span, also where there is neither an event loop nor a greenlet."""
    global _used, expected
    if not _used:
        _used = True
        expected = -1
        on_use()


# --- Processes ----------------------------------------------------------------------------------

process = 0
"""Another number in each child of a fork: it does not end the spans of its parent."""


def _after_fork() -> None:
    global process
    process += 1


def in_children(run: Callable[[], None]) -> None:
    """Has each child of a fork run this, where there are forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=run)


in_children(_after_fork)


# --- Spans --------------------------------------------------------------------------------------
#
# `Span` is a type of each implementation; what is said of it here is the same for both:
#   id       its number
#   above    the span that was current before it
#   owner    the object that was entered, and that is notified of the exit
#   tracer   the object that `as` gave: it has the arguments of the exit. Mostly the owner
#   key      the generator or coroutine that entered it, or 0
#   open     it has not been exited
#   named    others may name it as their parent: it is open, and its marker was written
# `opens()` and `closes()` set the last two. The native implementation does the common cases of `begin`, `end`
# and `close` by itself (chain.rs), and leaves the others to these.


def _nearest(span: Any) -> Any:
    while span is not None and not span.named:
        span = span.above
    return span


# How many numbered spans are open in this process; the implementation's own.
open_spans: Callable[[], int] = lambda: 0

_MOST = 1 << 16
"""Of one tracer so many open spans are known: a program that never ends them must not fill the memory."""

_SUSPENDS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
# Frames of this package that stand between a block and its exit.
inner: Tuple[Any, ...] = ()


def _key(depth: int) -> int:
    """Tells the enter that belongs to an exit where one object is entered by several generators."""
    frame: Any = sys._getframe(depth + 1)
    if frame.f_code in inner:
        frame = frame.f_back
    return id(frame) if frame is not None and frame.f_code.co_flags & _SUSPENDS else 0


def begin(span: Any, owner: Any, tracer: Any, within: Any, always: bool, depth: int) -> Optional[int]:
    """Makes a span current. Gives the number of its parent, 0 if it has none; None if the span is not to
    be numbered, and then nothing was done. `within` is the tracer whose `span()` it is, or None."""
    top = _current.get()
    above = _nearest(top)
    parent = None if within is None else number_of(within, above)
    if parent is None:
        if above is not None:
            parent = above.id
        elif always or in_task():
            parent = 0
        else:
            if top is not None:
                _current.set(None)
            return None
    if not _used:
        watch()
    span.above = above
    span.opens()
    if owner is not None:
        span.owner = owner
        span.key = _key(depth)
        _list(owner, span)
        if tracer is not owner:
            _list(tracer, span)
        span.tracer = tracer
    _current.set(span)
    return parent  # type: ignore[no-any-return]


def _list(tracer: Any, span: Any) -> None:
    spans = tracer._spans
    if spans is None:
        tracer._spans = {span.id: span}
        return
    if len(spans) >= _MOST:
        spans.pop(next(iter(spans), None), None)
    spans[span.id] = span


def is_guessed_right() -> bool:
    """Whether the collector will find the parent of a span in plain code that has a number only because it
    may be suspended, a generator's: no other such span can be taken for the innermost one."""
    return open_spans() == 0 and _nearest(_current.get()) is None and not in_task()


def number_of(tracer: Any, above: Any = None) -> Optional[int]:
    """The number of the span that a tracer has open; None if it has none, or more than one of which none
    is in this context."""
    span = _current.get()
    while span is not None:
        if span.named and (span.tracer is tracer or span.owner is tracer):
            return span.id  # type: ignore[no-any-return]
        span = span.above
    spans = tracer._spans
    if spans is None:
        # Never entered here: an id that was chosen by hand may be that of a span elsewhere.
        id = tracer._id
        return id if is_unique(id) else None
    if len(spans) != 1 or (tracer._plain > 0 and above is None and not in_task()):
        return None
    for span in list(spans.values()):
        return span.id if span.named else None
    return None


def end(owner: Any, block: bool, depth: int) -> Optional[Tuple[Any, Any, bool]]:
    """The span that an exit of `owner` ends here, the tracer that has its arguments, and whether it is
    written; None if the exit is that of a span with the thread's id."""
    top = span = _current.get()
    while span is not None and not (span.open and (span.owner is owner or span.tracer is owner)):
        span = span.above
    if span is None:
        # Entered in another context than this one, or with the thread's id.
        spans = list((owner._spans or {}).values())
        if not spans or (owner._plain > 0 and _nearest(top) is None and not in_task()):
            return None
        key = _key(depth)
        same = [it for it in spans if key and it.key == key]
        span = (same or spans)[-1]
    tracer = span.tracer
    return span, tracer, close(span, block)


def close(span: Any, block: bool = True) -> bool:
    """Ends a span here: it is no longer current, in whatever context. Of a block, what was begun inside
    and is still open is no longer current either. Whether its exit is to be written."""
    written = span.closes()
    for tracer in (span.owner, span.tracer):
        if tracer is not None and tracer._spans is not None:
            tracer._spans.pop(span.id, None)
    span.owner = span.tracer = None
    # Where a chain of tasks each begins the next, no more than one of them is kept.
    span.above = _nearest(span.above)
    top = it = _current.get()
    if block:
        while it is not None and it is not span:
            it = it.above
    now = _nearest(top if it is None else it)
    if now is not top:
        _current.set(now)
    return written  # type: ignore[no-any-return]


def top() -> Any:
    """What the context has, for `pause`."""
    return _current.get()


def pause(span: Any, before: Any) -> None:
    """A generator, whose span this is, or None while nothing is written, stops running: what was current before is
    again."""
    if span is not None and span.open:
        _current.set(_nearest(before))


def resume(span: Any) -> Any:
    """It runs again, maybe in another context than before: what is to be current when it stops."""
    before = _current.get()
    if span is not None and span.open:
        _current.set(span)
    return before


# --- For executors of other kinds ---------------------------------------------------------------


def current() -> Any:
    """The numbered span that is current here, for `attach` elsewhere; None if there is none."""
    return _nearest(_current.get())


class attach:
    """Makes a span current in a block: `with attach(current_there): ...` in the thread of an executor that
    does not copy contexts. `attach(None)` begins without a parent: spans inside are roots."""

    __slots__ = ("_span", "_tokens")

    def __init__(self, span: Any) -> None:
        if span is not None and not hasattr(span, "opens"):
            raise TypeError("not a span: attach takes what current() gave")
        self._span = span
        self._tokens: List[Any] = []

    def __enter__(self) -> None:
        watch()
        self._tokens.append(_current.set(_nearest(self._span)))

    def __exit__(self, *_: Any) -> None:
        if self._tokens:
            try:
                _current.reset(self._tokens.pop())
            except (ValueError, RuntimeError):
                # Another context than that of the enter: nothing of it is current here.
                pass
