"""The implementation in Python alone: the same behaviour as the native one, at several times its cost."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from threading import get_ident
from typing import Any, Dict, List, Optional, Tuple, Union

from . import _context, _pure_device, _record, _shared
from ._pure_device import write
from ._pure_encode import (
    CUT,
    Id,
    as_bytes,
    as_id,
    both,
    encode,
    encode_marker,
    is_path,
    of_line,
    of_thread,
    pairs,
    path,
    utf8,
    with_plain,
)

__all__ = ["encode"]

# --- Switching ----------------------------------------------------------------------------------

STEADY_OFF, TOGGLED = 1, 2
_initial = not _pure_device._dead and not _shared.is_off(os.environ.get("NULLTRACE"))
_on = _initial
# 0 while markers have been written since the start: then nothing else is asked.
_state = 0 if _on else STEADY_OFF
_context.always_on = _on


def enabled() -> bool:
    """Whether markers are written."""
    return _on


def set_enabled(on: bool) -> None:
    global _on, _state
    if on != _on and _pure_device.possible():
        _on, _state = on, TOGGLED
        _context.switched()


def possible() -> bool:
    """False where there is no null device. It is not opened as long as nothing is to be written."""
    global _on, _state
    if _state == STEADY_OFF and not _pure_device._dead:
        return True
    if not _pure_device.possible():
        _on, _state = False, STEADY_OFF
        _context.switched()
    return not _pure_device._dead


def shortcut(function: Any, on: bool) -> None:
    """For the native implementation."""


kind = "block"
"""How a traced function calls this implementation."""


def _redirect(fd: int) -> None:
    _pure_device.redirect(fd)


def _start() -> Any:
    many = _context.BEYOND - _context.LEAST
    return itertools.count(_context.LEAST + int.from_bytes(os.urandom(8), "little") % many)


_ids = _start()


def _after_fork() -> None:
    global _ids, _open_spans
    _ids = _start()
    _open_spans = 0
    _pure_device.after_fork()


_context.in_children(_after_fork)


def unique() -> int:
    """A number for a span that no other has."""
    number: int = next(_ids)
    least, beyond = _context.LEAST, _context.BEYOND
    return number if number < beyond else least + (number - least) % (beyond - least)


def watch() -> None:
    """Called once, when the first span is numbered."""


_open_spans = 0


def open_spans() -> int:
    """How many numbered spans are open in this process."""
    return _open_spans


# --- Spans --------------------------------------------------------------------------------------

_modules = sys.modules


class _Span:
    """A span with a number of its own: see `_context`, which uses its fields."""

    __slots__ = ("id", "above", "owner", "tracer", "key", "open", "named", "_process", "_tags", "_bare", "_number")

    def __init__(self, tags: Tuple[bytes, ...], id: Any, bare: Optional[bytes] = None) -> None:
        self.id = id
        self.above: Any = None
        self.owner: Any = None
        self.tracer: Any = None
        self.key = 0
        self.open = self.named = False
        self._process = 0
        self._tags = tags
        # Of the marker in its simple form, from behind an id up to the arguments, if that is known.
        self._bare = bare
        self._number: Any = as_id(id)

    def fresh(self) -> "_Span":
        """Another of the same tags, with a number of its own."""
        return _Span(self._tags, unique())

    def opens(self) -> None:
        global _open_spans
        _open_spans += 1
        self.open = self.named = True
        self._process = _context.process

    def closes(self) -> bool:
        """Whether its exit is to be written."""
        global _open_spans
        ours = self._process == _context.process
        written = self.named and ours
        if self.open and ours:
            _open_spans -= 1
        self.open = self.named = False
        return written

    def __del__(self) -> None:
        # A program that never ended it has no use for it any more.
        if getattr(self, "open", False):
            self.closes()

    def enter(self, parent: Optional[int], args: Any) -> None:
        """Writes its marker. Of a span that is refused nothing is written, and it is no span's parent."""
        marker: Union[bytes, str]
        if self._bare is not None and parent is not None and not args:
            marker = b">:%b%b^=%b:" % (self._number, self._bare, b"%d" % parent if parent else b"")
        else:
            marker = encode_marker(b">", self._number, self._tags, pairs(args) if args else [], parent)
        if isinstance(marker, str):
            self.named = False
        else:
            write(marker[:CUT])

    def exit(self, args: Any, kind: Any = None) -> None:
        """Writes its marker, with the argument of an exception of this type, if there was one."""
        marker: Union[bytes, str]
        if self._bare is not None and not args and kind is None:
            marker = b"<:%b%b:" % (self._number, self._bare)
        else:
            marker = encode_marker(b"<", self._number, self._tags, _exit_pairs(args, kind))
        if not isinstance(marker, str):
            write(marker[:CUT])


def _exit_pairs(args: Any, kind: Any) -> List[Tuple[bytes, bytes]]:
    found = pairs(args) if args else []
    if kind is not None:
        found += [(as_bytes(name), as_bytes(value)) for name, value in _shared.ending(kind, found)]
    return found


def _bare(enter: Optional[bytes]) -> Optional[bytes]:
    """Of a marker without arguments whose id is `t`, what stands between the id and the arguments."""
    simple = enter is not None and len(enter) < CUT - 64 and enter[:4] == b">:t:"
    return enter[3:-1] if enter is not None and simple else None


def span(tags: Any, id: Any) -> _Span:
    """A span of these tags and this id, not begun: for functions that may be suspended."""
    return _Span(path(tags), id)


_MOST_NOTES = 4096


class Tracer:
    __slots__ = (
        "_tags",
        "_id",
        "_named",
        "_recursive",
        "_enter",
        "_exit",
        "_enter_args",
        "_exit_args",
        "_spans",
        "_plain",
        "_within",
        "_notes",
        "_recorded",
        "__weakref__",
    )

    _tags: Tuple[bytes, ...]
    _id: Optional[Id]
    _named: bool
    _recursive: bool
    _enter: Optional[bytes]
    _exit: Optional[bytes]
    _enter_args: Any
    _exit_args: Any
    # The numbered spans that are open, if there ever was one.
    _spans: Optional[Dict[int, _Span]]
    # Spans with the thread's id that are open, as far as they are counted: where there may be others.
    _plain: int
    # The tracer whose `span()` it is, if that one may be numbered.
    _within: Any
    # After the first switch: of each open span with the thread's id its thread, and whether it was written.
    _notes: List[Tuple[int, bool]]
    # See `_record.py`.
    _recorded: Any

    def __new__(
        cls,
        tag: Any = None,
        enter_args: Any = None,
        exit_args: Any = None,
        *,
        id: Any = None,
        recursive: Any = True,
    ) -> Any:
        named = type(tag) is str or is_path(tag)
        if not named and tag is not None and _shared.is_decorated(tag):
            return cls._decorate(tag, None, id, enter_args, exit_args, recursive)  # type: ignore[attr-defined]
        self = object.__new__(cls)
        self._spans = self._within = self._recorded = None
        self._plain = 0
        self._named = named
        self._id = id
        self._recursive = True if recursive is True else bool(recursive)
        self._enter_args = enter_args
        self._exit_args = exit_args
        if not named:
            # While it is off, lines are not looked up.
            line = _shared.here(1) if _on else ""
            if id is None:
                self._tags, self._enter, self._exit = of_line(line)
            else:
                self._mark((utf8(line),))
        elif id is None and type(tag) is str:
            self._tags, self._enter, self._exit = of_thread(tag)
        else:
            self._mark(path(tag))
        return self

    def _mark(self, tags: Tuple[bytes, ...]) -> None:
        self._tags = tags
        self._enter, self._exit = both(as_id(self._id), tags)

    def _set(self, named: bool, within: Any) -> None:
        """For copies."""
        self._named, self._within = named, within

    @property
    def tags(self) -> Tuple[str, ...]:
        return tuple([tag.decode("utf-8", "surrogateescape") for tag in self._tags])

    @property
    def tag(self) -> str:
        return ".".join(self.tags)

    @tag.setter
    def tag(self, tag: Any) -> None:
        self._named = True
        self._mark(path(tag))

    @property
    def id(self) -> Id:
        if self._id is not None:
            return self._id
        number = _context.number_of(self) if self._spans else None
        return "t" if number is None else number

    @property
    def enter_args(self) -> Any:
        if self._enter_args is None:
            self._enter_args = {}
        return self._enter_args

    @enter_args.setter
    def enter_args(self, args: Any) -> None:
        self._enter_args = args

    @property
    def exit_args(self) -> Any:
        if self._exit_args is None:
            self._exit_args = {}
        return self._exit_args

    @exit_args.setter
    def exit_args(self, args: Any) -> None:
        self._exit_args = args

    def _emit(self, direction: bytes, args: Any, kind: Any = None) -> None:
        quick = None if kind is not None else with_plain(self._enter if direction == b">" else self._exit, args)
        if quick is not None:
            write(quick)
            return
        # The text of an argument may be the program's own code, which may change the tags.
        found = _exit_pairs(args, kind)
        marker = encode_marker(direction, as_id(self._id), self._tags, found)
        if not isinstance(marker, str):
            write(marker[:CUT])

    def _begin(self, args: Any) -> bool:
        """Begins a span that is numbered or silent; false if it has the thread's id here."""
        if _state == STEADY_OFF:
            return True
        if _on and not self._named and not self._tags[-1]:
            # Made while it was off.
            self._mark(self._tags[:-1] + (utf8(_shared.here(2)),))
        if self._is_numbered():
            return self._open(self, self._within, False, args, 4)
        if self._recorded is not None:
            _record.nested(self)
        return self._note()

    def _is_numbered(self) -> bool:
        if self._id is not None:
            return _context.is_unique(self._id)
        if len(_modules) != _context.expected and _context.here():
            return True
        if self._within is not None and self._within._may_be_named():
            return True
        if _context.expected < 0:
            self._plain += 1
        return False

    def _note(self) -> bool:
        """After the first switch, each span with the thread's id is noted, so that its exit is known. Whether it is
        silent."""
        if not _state:
            return False
        notes = getattr(self, "_notes", None)
        if notes is None:
            notes = self._notes = []
        elif len(notes) >= _MOST_NOTES:
            del notes[0]
        notes.append((get_ident(), _on))
        return not _on

    def _was_begun(self, block: bool) -> bool:
        """Whether the span that ends was written when it began. One that `stop` ends may be another thread's."""
        if _state == STEADY_OFF:
            return False
        notes = getattr(self, "_notes", [])
        thread = get_ident()
        for at in range(len(notes) - 1, -1, -1):
            if notes[at][0] == thread:
                return bool(notes.pop(at)[1])
        if notes and not block:
            return bool(notes.pop()[1])
        # It began before the first switch.
        return _initial

    def _open(self, tracer: "Tracer", within: Any, always: bool, args: Any, depth: int) -> bool:
        given_args = pairs(args) if args and _on else []
        given = tracer._id is not None
        bare = None if given else _bare(tracer._enter)
        span = _Span(tracer._tags, tracer._id if given else unique(), bare)
        parent = _context.begin(span, self, tracer, within, always or given, depth)
        if parent is None:
            self._plain += 1
            return self._note()
        if _on:
            span.enter(None if given else parent, given_args)
        else:
            # Its exit is known, and not written.
            span.named = False
        return True

    def _may_be_named(self) -> bool:
        return bool(self._spans) or _context.is_unique(self._id)

    def _end(self, args: Any, kind: Any, block: bool) -> bool:
        """Ends a numbered span; false if the exit is that of another. Without `args` they are its own."""
        found = _context.end(self, block, 3)
        if found is None:
            return False
        span, tracer, written = found
        if args is None:
            args = tracer._exit_args
        for it in {tracer, self}:
            if it._recorded is not None:
                args = _record.taken(it, span.id, args)
        if written:
            span.exit(args, kind)
        return True

    def __enter__(self) -> Any:
        # What `_begin` finds first, without the call.
        if (
            self._id is not None
            or self._within is not None
            or self._recorded is not None
            or len(_modules) != _context.expected
        ) and self._begin(self._enter_args):
            return self
        if self._enter_args:
            self._emit(b">", self._enter_args)
        elif self._enter is not None:
            write(self._enter)
        return self

    def __exit__(self, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
        if self._spans and self._end(None, kind, True):
            return
        if self._plain:
            self._plain -= 1
        args = self._exit_args
        if self._recorded is not None:
            args = _record.taken(self, None, args)
        if _state and not self._was_begun(True):
            return
        if kind is not None or args:
            self._emit(b"<", args, kind)
        elif self._exit is not None:
            write(self._exit)

    def start(self, tag: Any = None, args: Any = None) -> None:
        if _state == STEADY_OFF:
            return
        if is_path(tag):
            self.tag = tag
        elif not self._named and _on:
            self._mark(self._tags[:-1] + (utf8(_shared.here(1)),))
        if args is None:
            args = self._enter_args
        if self._begin(args):
            return
        if args:
            self._emit(b">", args)
        elif self._enter is not None:
            write(self._enter)

    def stop(self, args: Any = None) -> None:
        if _state == STEADY_OFF:
            return
        if self._spans and self._end(args, None, False):
            return
        if self._plain:
            self._plain -= 1
        if args is None:
            args = self._exit_args
        if self._recorded is not None:
            args = _record.taken(self, None, args)
        if _state and not self._was_begun(False):
            return
        if args:
            self._emit(b"<", args)
        elif self._exit is not None:
            write(self._exit)

    def span(self, tag: Any = None, enter_args: Any = None, exit_args: Any = None) -> Any:
        # An id that was chosen by hand is that of spans inside too, but a unique number, which is of one
        # span only.
        shares = self._id is not None and not _context.is_unique(self._id)
        id, within = (self._id, None) if shares else (None, self)
        named = is_path(tag)
        if not named and tag is not None and _shared.is_decorated(tag):
            return type(self)._decorate(  # type: ignore[attr-defined]
                tag, self._tags, id, enter_args, exit_args, self._recursive, within, child=True
            )
        last = path(tag) if named else (utf8(_shared.here(1) if _on else ""),)
        return self._like(self._tags + last, enter_args, exit_args, id, named, within)

    def _like(self, tags: Any, enter_args: Any, exit_args: Any, id: Any, named: bool, within: Any) -> Any:
        it = object.__new__(type(self))
        it._spans = it._recorded = None
        it._plain = 0
        it._within = within
        it._named = named
        it._id = id
        it._recursive = self._recursive
        it._enter_args = enter_args
        it._exit_args = exit_args
        it._mark(tags)
        return it

    def _moving(self) -> Any:
        """Begins a span with a number of its own, unless it was given an id, and gives what `as` names: then
        another tracer, so that each has its own arguments."""
        if self._id is not None or _state == STEADY_OFF:
            return self.__enter__()
        enter, leave = (
            args.copy() if type(args) is dict else args for args in (self._enter_args, self._exit_args)
        )
        it = self._like(self._tags, enter, leave, None, self._named, None)
        self._open(it, self._within, True, enter, 3)
        return it

    def _given(self) -> Tuple[Any, ...]:
        """Tags, whether they were given, id or None, arguments, whether each call of a recursion counts,
        the tracer whose span it is or None."""
        args = (self._enter_args, self._exit_args)
        return (self._tags, self._named, self._id, *args, self._recursive, self._within)


Tracer.__module__ = "nulltrace"


# --- Functions ----------------------------------------------------------------------------------


def function(
    fn: Any, tags: Any, id: Any, enter: _shared.Plan, leave: _shared.Plan, recursive: bool, within: Any
) -> Any:
    """What the code of a traced function calls, if it begins and ends on one thread. None if no marker can say
    this."""
    # In a process that has the native implementation, a pickled one may be of that.
    within = within if isinstance(within, Tracer) else None
    made = (_Function if recursive else _Outermost)(fn, tags, id, enter, leave, within)
    return None if made.markers[0] is None else made


class _Function:
    """Begins and ends the spans of calls. What `begin` gives is the span, or the number of the process for one with
    the thread's id, or None if nothing is written."""

    __slots__ = ("fn", "tags", "id", "enter", "leave", "within", "number", "markers", "is_unique", "bare")
    recursive = True

    def __init__(
        self, fn: Any, tags: Any, id: Any, enter: _shared.Plan, leave: _shared.Plan, within: Any
    ) -> None:
        self.fn = fn
        self.tags = path(tags)
        self.id = id
        self.enter = enter
        self.leave = leave
        self.within = within
        self.number = as_id(id)
        self.markers: Tuple[Any, Any] = both(self.number, self.tags)
        self.is_unique = _context.is_unique(id)
        self.bare = _bare(self.markers[0])

    def __reduce__(self) -> Any:
        given = (self.fn, self.tags, self.id, self.enter, self.leave, self.recursive, self.within)
        return function, given

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """For code that was made for the native implementation, and pickled."""
        token = self.begin(args, kwargs)
        try:
            result = self.fn(*args, **kwargs)
        except BaseException as error:
            self.fail(token, type(error), args, kwargs)
            raise
        self.end(token, result, args, kwargs)
        return result

    call = __call__

    def begin(self, args: Any, kwargs: Any) -> Any:
        if _state and not _on:
            return None
        numbered = len(_modules) != _context.expected and _context.here()
        if self.id is not None:
            numbered = self.is_unique
        elif not numbered and self.within is not None:
            numbered = self.within._may_be_named()
        if numbered:
            span = self._numbered(args, kwargs)
            if span is not None:
                return span
        if self.enter:
            self._mark(b">", _shared.values(self.enter, args, kwargs))
        else:
            write(self.markers[0])
        return _context.process

    def _numbered(self, args: Any, kwargs: Any) -> Optional[_Span]:
        """Begins a numbered span, if it is one here."""
        span = _Span(self.tags, self.id) if self.is_unique else _Span(self.tags, unique(), self.bare)
        given = _shared.values(self.enter, args, kwargs)
        parent = _context.begin(span, None, None, self.within, self.is_unique, 2)
        if parent is None:
            return None
        span.enter(None if self.is_unique else parent, given)
        return span

    def _mark(self, direction: bytes, args: Any, kind: Any = None) -> None:
        bare = self.markers[0] if direction == b">" else self.markers[1]
        quick = None if kind is not None else with_plain(bare, dict(args))
        if quick is not None:
            write(quick)
            return
        marker = encode_marker(direction, self.number, self.tags, _exit_pairs(args, kind))
        if not isinstance(marker, str):
            write(marker[:CUT])

    def end(self, token: Any, result: Any, args: Any, kwargs: Any) -> None:
        if token is None:
            return
        if type(token) is not int:
            if _context.close(token):
                token.exit(_shared.values(self.leave, args, kwargs, result))
        elif token != _context.process:
            # The span is that of the parent of a fork, which ends it.
            pass
        elif self.leave:
            self._mark(b"<", _shared.values(self.leave, args, kwargs, result))
        else:
            write(self.markers[1])

    def fail(self, token: Any, kind: Any, args: Any, kwargs: Any) -> None:
        if token is None:
            return
        if type(token) is not int:
            if _context.close(token):
                token.exit(_shared.values(self.leave, args, kwargs), kind)
        elif token == _context.process:
            try:
                self._mark(b"<", _shared.values(self.leave, args, kwargs), kind)
            except Exception:
                # At the end of a recursion: the span ends in any case, and this needs no more of the stack.
                write(self.markers[1])


class _Outermost(_Function):
    """Of a recursion only the outermost call is a span."""

    __slots__ = ("inside",)
    recursive = False

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # A thread's own state: it is gone with the thread.
        self.inside = threading.local()

    def begin(self, args: Any, kwargs: Any) -> Any:
        # A child of a fork is not inside its parent's call; greenlets change places on one thread.
        if getattr(self.inside, "process", None) != _context.process:
            self.inside.process = _context.process
            self.inside.runners = set()
        is_in_context = len(_modules) != _context.expected and _context.here()
        runner = _context.runner() if is_in_context else 0
        if runner in self.inside.runners:
            return None
        self.inside.runners.add(runner)
        return runner, super().begin(args, kwargs)

    def end(self, token: Any, result: Any, args: Any, kwargs: Any) -> None:
        if token is not None:
            self.inside.runners.discard(token[0])
            super().end(token[1], result, args, kwargs)

    def fail(self, token: Any, kind: Any, args: Any, kwargs: Any) -> None:
        if token is not None:
            self.inside.runners.discard(token[0])
            super().fail(token[1], kind, args, kwargs)
