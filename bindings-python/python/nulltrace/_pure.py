"""The implementation in Python alone: the same behaviour as the native one, at several times its cost."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import re
import resource
import stat
import sys
import threading
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

from . import _context, _shared

LIMIT = 4096
# A marker that is too long is sent as so many bytes: the collector sees that it was cut.
_CUT = LIMIT + 1

Text = Union[str, bytes]
Id = Union[int, str]

# --- Encoding -----------------------------------------------------------------------------------

_TAG = re.compile(rb"[.:=,\\<>]")
_ARG = re.compile(rb"[:=,\\]")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_JSON = re.compile(rb'["\\\x00-\x1f]')
_JSON_ESCAPES = {b"%c" % c: b"\\u%04x" % c for c in range(0x20)}
_JSON_ESCAPES.update(
    {b'"': b'\\"', b"\\": b"\\\\", b"\b": b"\\b", b"\t": b"\\t", b"\n": b"\\n", b"\f": b"\\f", b"\r": b"\\r"}
)


def _utf8(text: str) -> bytes:
    # No more than can be sent, so that a huge value costs no memory.
    text = text[:_CUT]
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        # A name of a file that is not UTF-8 holds its bytes so.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _bytes(value: Any) -> bytes:
    kind = type(value)
    if kind is bytes:
        return value[:_CUT]  # type: ignore[no-any-return]
    if kind is not str:
        value = bytes(value[:_CUT]) if isinstance(value, (bytes, bytearray)) else str(value)
        if isinstance(value, bytes):
            return value
    return _utf8(value)


def _pairs(args: Any) -> List[Tuple[bytes, bytes]]:
    """Arguments as bytes; one whose text cannot be made is left out."""
    found = []
    try:
        if hasattr(args, "items"):
            args = args.items()
        for name, value in list(args):
            try:
                found.append((_bytes(name), _bytes(value)))
            except Exception:
                pass
    except Exception:
        pass
    return found


def _id(id: Any) -> Optional[bytes]:
    """The id as it is written; None if it is none."""
    if id is None:
        return b"t"
    if isinstance(id, str):
        return id.encode() if id in ("", "g", "t", "p", "pp") else None
    if isinstance(id, int) and -(1 << 63) <= id < 1 << 63:
        return b"%d" % int(id)
    return None


def _path(tag: Any) -> Tuple[bytes, ...]:
    """The tags of a path. One that no marker can have is kept, and refused when it is encoded."""
    try:
        if isinstance(tag, str):
            return tuple(map(_utf8, str.split(tag, ".", 33)))
        if isinstance(tag, (bytes, bytearray)):
            return tuple(bytes(tag).split(b".", 33))
        # No tag is refused as an empty one is, also where more follow.
        return tuple(map(_bytes, tag)) or (b"",)
    except Exception:
        return (b"",)


def _is_path(tag: Any) -> bool:
    return isinstance(tag, (str, bytes, bytearray, list, tuple))


def _encode(
    direction: bytes,
    id: Optional[bytes],
    tags: Tuple[bytes, ...],
    args: List[Tuple[bytes, bytes]],
    parent: Optional[int] = None,
) -> Union[bytes, str]:
    """A marker, or the code of what refuses it. An enter may name its parent: 0 stands for none."""
    if id is None:
        return "E_ID"
    if not tags or b"" in tags:
        return "E_TAG_EMPTY"
    if len(tags) > 32:
        return "E_TAG_DEPTH"
    if direction == b">" and args and args[0][0] == b"^":
        return "E_ARG_NAME"
    if parent is not None:
        args = [(b"^", b"%d" % parent if parent else b""), *args]
    if len(args) > 64:
        return "E_ARG_COUNT"
    control = any(map(_CONTROL.search, tags))
    for name, value in args:
        if not name:
            return "E_ARG_NAME"
        control = control or bool(_CONTROL.search(name) or _CONTROL.search(value))
    if control:
        return _encode_json(direction, id, tags, args)
    return b"%b:%b:%b:%b:" % (
        direction,
        id,
        b".".join([_escape(_TAG, tag) for tag in tags]),
        b",".join([b"%b=%b" % (_escape(_ARG, name), _escape(_ARG, value)) for name, value in args]),
    )


def _escape(reserved: "re.Pattern[bytes]", text: bytes) -> bytes:
    # A substitution costs a microsecond even where there is nothing to substitute, and mostly there is not.
    return reserved.sub(rb"\\\g<0>", text) if reserved.search(text) else text


def _quote(text: bytes) -> bytes:
    return b'"%b"' % _JSON.sub(lambda found: _JSON_ESCAPES[found.group()], text)


def _encode_json(
    direction: bytes, id: bytes, tags: Tuple[bytes, ...], args: List[Tuple[bytes, bytes]]
) -> bytes:
    parts = [
        _quote(direction),
        _quote(id) if id in (b"", b"g", b"t", b"p", b"pp") else id,
        b"[%b]" % b",".join(map(_quote, tags)),
    ]
    if args:
        parts.append(b"[%b]" % b",".join([b"{%b:%b}" % (_quote(n), _quote(v)) for n, v in args]))
    return b"[%b]" % b",".join(parts)


def encode(
    direction: str, id: Optional[Id], tags: Iterable[Text], args: Any = (), parent: Optional[int] = None
) -> bytes:
    """A marker as it is written: its first 4097 bytes if it is longer. ValueError with the code of the
    format if no marker can say this."""
    marker = _encode(direction.encode(), _id(id), _path(tags), _pairs(args), parent)
    if isinstance(marker, str):
        raise ValueError(marker)
    return marker[:_CUT]


# --- Writing ------------------------------------------------------------------------------------

_off = os.environ.get("NULLTRACE") == "off"
_fd = -1
_dead = _off
_redirected = False
_lock = threading.Lock()


def _open() -> None:
    """Opens the device, far from the numbers that programs use."""
    global _fd, _dead
    fd = -1
    try:
        fd = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if soft < 0 or soft > 1024:
            soft = 1024
        for least in (soft - 32, 64):
            try:
                high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(least, 0))
            except OSError:
                continue
            os.close(fd)
            fd = high
            break
        found = os.fstat(fd)
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3):
            _fd = fd
            return
        os.close(fd)
    except (OSError, ValueError):
        pass
    _dead = True


def _write(marker: bytes) -> None:
    try:
        os.write(_fd, marker)
    except OSError as error:
        if error.errno == errno.EBADF:
            _again(marker)


def _again(marker: bytes) -> None:
    # Never opened, or closed by the program.
    failed = _fd
    with _lock:
        if _dead or _redirected:
            return
        if _fd == failed:
            _open()
    if not _dead:
        try:
            os.write(_fd, marker)
        except OSError:
            pass


def on() -> bool:
    """False when NULLTRACE=off or there is no device."""
    if _fd < 0 and not _dead:
        with _lock:
            if _fd < 0 and not _dead:
                _open()
    return not _dead


def _redirect(fd: int) -> None:
    """For tests: markers go to this descriptor; -1 ends that."""
    global _fd, _dead, _redirected
    if _off:
        return
    _fd, _dead, _redirected = fd, False, fd >= 0


def _start() -> Any:
    many = _context.BEYOND - _context.LEAST
    return itertools.count(_context.LEAST + int.from_bytes(os.urandom(8), "little") % many)


_ids = _start()


def _after_fork() -> None:
    global _ids, _lock, _open_spans
    _ids = _start()
    _open_spans = 0
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


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
        self._number: Any = _id(id)

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
            marker = _encode(b">", self._number, self._tags, _pairs(args) if args else [], parent)
        if isinstance(marker, str):
            self.named = False
        elif not _dead:
            _write(marker[:_CUT])

    def exit(self, args: Any, last: Any = None) -> None:
        """Writes its marker, with the argument of an exception, if there was one."""
        marker: Union[bytes, str]
        if self._bare is not None and not args and last is None:
            marker = b"<:%b%b:" % (self._number, self._bare)
        else:
            pairs = _pairs(args) if args else []
            if last is not None:
                pairs.append((_bytes(last[0]), _bytes(last[1])))
            marker = _encode(b"<", self._number, self._tags, pairs)
        if not _dead and not isinstance(marker, str):
            _write(marker[:_CUT])


def _bare(enter: Optional[bytes]) -> Optional[bytes]:
    """Of a marker without arguments whose id is `t`, what stands between the id and the arguments."""
    simple = enter is not None and len(enter) < _CUT - 64 and enter[:4] == b">:t:"
    return enter[3:-1] if enter is not None and simple else None


def span(tags: Any, id: Any) -> _Span:
    """A span of these tags and this id, not begun: for functions that may be suspended."""
    return _Span(_path(tags), id)


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

    def __new__(
        cls,
        tag: Any = None,
        enter_args: Any = None,
        exit_args: Any = None,
        *,
        id: Any = None,
        recursive: Any = False,
    ) -> Any:
        named = _is_path(tag)
        if not named and (callable(tag) or isinstance(tag, (staticmethod, classmethod))):
            return cls._decorate(tag, None, id, enter_args, exit_args, recursive)  # type: ignore[attr-defined]
        self = object.__new__(cls)
        self._spans = self._within = None
        self._plain = 0
        self._named = named
        self._id = id
        self._recursive = bool(recursive)
        self._enter_args = enter_args
        self._exit_args = exit_args
        if _dead:
            # Off: no marker is ever made of it.
            self._tags = _path(tag) if named else (b"",)
            self._enter = self._exit = None
        else:
            self._set(_path(tag) if named else (_utf8(_shared.here(1)),))
        return self

    def _set(self, tags: Tuple[bytes, ...]) -> None:
        self._tags = tags
        id = _id(self._id)
        enter = _encode(b">", id, tags, [])
        leave = _encode(b"<", id, tags, [])
        self._enter = None if isinstance(enter, str) else enter[:_CUT]
        self._exit = None if isinstance(leave, str) else leave[:_CUT]

    @property
    def tags(self) -> Tuple[str, ...]:
        return tuple([tag.decode("utf-8", "surrogateescape") for tag in self._tags])

    @property
    def tag(self) -> str:
        return ".".join(self.tags)

    @tag.setter
    def tag(self, tag: Any) -> None:
        self._named = True
        self._set(_path(tag))

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

    def _emit(self, direction: bytes, args: Any, last: Any = None) -> None:
        pairs = _pairs(args) if args else []
        if last is not None:
            pairs.append((_bytes(last[0]), _bytes(last[1])))
        marker = _encode(direction, _id(self._id), self._tags, pairs)
        if not isinstance(marker, str):
            _write(marker[:_CUT])

    def _begin(self, args: Any) -> bool:
        """Begins a numbered span; false if it has the thread's id here."""
        if self._id is not None:
            if _dead or not _context.is_unique(self._id):
                return False
        elif len(_modules) == _context.expected or not _context.here():
            if self._within is None or not self._within._may_be_named():
                if _context.expected < 0:
                    self._plain += 1
                return False
        if _dead:
            return False
        pairs = _pairs(args) if args else []
        return self._open(self, self._within, False, pairs, 4)

    def _open(self, tracer: "Tracer", within: Any, always: bool, pairs: Any, depth: int) -> bool:
        given = tracer._id is not None
        bare = None if given else _bare(tracer._enter)
        span = _Span(tracer._tags, tracer._id if given else unique(), bare)
        parent = _context.begin(span, self, tracer, within, always or given, depth)
        if parent is None:
            self._plain += 1
            return False
        span.enter(None if given else parent, pairs)
        return True

    def _may_be_named(self) -> bool:
        return bool(self._spans) or _context.is_unique(self._id)

    def _end(self, args: Any, kind: Any, block: bool) -> bool:
        """Ends a numbered span; false if the exit is that of another. Without `args` they are its own."""
        found = _context.end(self, block, 3)
        if found is None:
            return False
        span, tracer, written = found
        if written:
            if args is None:
                args = tracer._exit_args
            span.exit(args, None if kind is None else _shared.ending(kind))
        return True

    def __enter__(self) -> Any:
        # What `_begin` finds first, without the call.
        if (
            self._id is not None or self._within is not None or len(_modules) != _context.expected
        ) and self._begin(self._enter_args):
            return self
        if self._enter_args:
            if not _dead:
                self._emit(b">", self._enter_args)
        elif self._enter is not None:
            _write(self._enter)
        return self

    def __exit__(self, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
        if self._spans and self._end(None, kind, True):
            return
        if self._plain:
            self._plain -= 1
        if kind is not None or self._exit_args:
            if not _dead:
                self._emit(b"<", self._exit_args, None if kind is None else _shared.ending(kind))
        elif self._exit is not None:
            _write(self._exit)

    def start(self, tag: Any = None, args: Any = None) -> None:
        if _dead:
            return
        if _is_path(tag):
            self.tag = tag
        elif not self._named:
            self._set(self._tags[:-1] + (_utf8(_shared.here(1)),))
        if args is None:
            args = self._enter_args
        if self._begin(args):
            return
        if args:
            self._emit(b">", args)
        elif self._enter is not None:
            _write(self._enter)

    def stop(self, args: Any = None) -> None:
        if _dead or (self._spans and self._end(args, None, False)):
            return
        if self._plain:
            self._plain -= 1
        if args is None:
            args = self._exit_args
        if args:
            self._emit(b"<", args)
        elif self._exit is not None:
            _write(self._exit)

    def span(self, tag: Any = None, enter_args: Any = None, exit_args: Any = None) -> Any:
        # An id that was chosen by hand is that of spans inside too, but a unique number, which is of one
        # span only.
        shares = self._id is not None and not _context.is_unique(self._id)
        id, within = (self._id, None) if shares else (None, self)
        named = _is_path(tag)
        if not named and (callable(tag) or isinstance(tag, (staticmethod, classmethod))):
            return type(self)._decorate(  # type: ignore[attr-defined]
                tag, self._tags, id, enter_args, exit_args, self._recursive, within, child=True
            )
        if _dead:
            return self._like(self._tags, enter_args, exit_args, id, named, within)
        last = _path(tag) if named else (_utf8(_shared.here(1)),)
        return self._like(self._tags + last, enter_args, exit_args, id, named, within)

    def _like(self, tags: Any, enter_args: Any, exit_args: Any, id: Any, named: bool, within: Any) -> Any:
        it = object.__new__(type(self))
        it._spans = None
        it._plain = 0
        it._within = within
        it._named = named
        it._id = id
        it._recursive = self._recursive
        it._enter_args = enter_args
        it._exit_args = exit_args
        it._set(tags)
        return it

    def _moving(self) -> Any:
        """Begins a span with a number of its own, unless it was given an id, and gives what `as` names: then
        another tracer, so that each has its own arguments."""
        if self._id is not None or _dead:
            return self.__enter__()
        enter, leave = (
            args.copy() if type(args) is dict else args for args in (self._enter_args, self._exit_args)
        )
        it = self._like(self._tags, enter, leave, None, self._named, None)
        self._open(it, self._within, True, _pairs(enter) if enter else [], 3)
        return it

    def _given(self) -> Tuple[Any, ...]:
        """Tags, whether they were given, id or None, arguments, whether each call of a recursion counts,
        the tracer whose span it is or None."""
        args = (self._enter_args, self._exit_args)
        return (self._tags, self._named, self._id, *args, self._recursive, self._within)


Tracer.__module__ = "nulltrace"


def function(
    fn: Any, tags: Any, id: Any, enter: _shared.Plan, leave: _shared.Plan, recursive: bool, within: Any
) -> Any:
    """A function that begins and ends on one thread, traced."""
    tags = _path(tags)
    number = _id(id)
    enter_bytes = _encode(b">", number, tags, [])
    leave_bytes = _encode(b"<", number, tags, [])
    if isinstance(enter_bytes, str) or isinstance(leave_bytes, str):
        return _untraced(fn)
    enter_bytes = enter_bytes[:_CUT]
    leave_bytes = leave_bytes[:_CUT]
    unique_id = _context.is_unique(id)
    bare = _bare(enter_bytes)
    inside = threading.local()

    def mark(direction: bytes, args: List[Tuple[str, Any]]) -> None:
        marker = _encode(direction, number, tags, _pairs(args))
        if not isinstance(marker, str):
            _write(marker[:_CUT])

    def begin(args: Any, kwargs: Any) -> Optional[_Span]:
        """Begins a numbered span, if it may be one here."""
        span = _Span(tags, id, None) if unique_id else _Span(tags, unique(), bare)
        given = _shared.values(enter, args, kwargs)
        parent = _context.begin(span, None, None, within, unique_id, 2)
        if parent is None:
            return None
        span.enter(None if unique_id else parent, given)
        return span

    def call(args: Any, kwargs: Any, numbered: bool) -> Any:
        span = begin(args, kwargs) if numbered else None
        if span is not None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                if _context.close(span):
                    span.exit((_shared.ending(type(error)),))
                raise
            if _context.close(span):
                span.exit(_shared.values(leave, args, kwargs, result))
            return result
        process = _context.process
        if enter:
            mark(b">", _shared.values(enter, args, kwargs))
        else:
            _write(enter_bytes)
        try:
            result = fn(*args, **kwargs)
        except BaseException as error:
            if _context.process == process:
                mark(b"<", [_shared.ending(type(error))])
            raise
        if _context.process != process:
            # The span is that of the parent of a fork, which ends it.
            pass
        elif leave:
            mark(b"<", _shared.values(leave, args, kwargs, result))
        else:
            _write(leave_bytes)
        return result

    def traced(*args: Any, **kwargs: Any) -> Any:
        numbered = len(_modules) != _context.expected and _context.here()
        runner = _context.runner() if numbered else 0
        if id is not None:
            numbered = unique_id
        elif not numbered:
            numbered = within is not None and within._may_be_named()
        if recursive:
            return call(args, kwargs, numbered)
        # Of a recursion only the outermost call is a span. A thread's own state: it is gone with the
        # thread. A child of a fork is not inside its parent's call; greenlets change places on one thread.
        if getattr(inside, "process", None) != _context.process:
            inside.process = _context.process
            inside.runners = set()
        runners = inside.runners
        if runner in runners:
            return fn(*args, **kwargs)
        runners.add(runner)
        try:
            return call(args, kwargs, numbered)
        finally:
            runners.discard(runner)

    return traced


def _untraced(fn: Any) -> Any:
    return lambda *args, **kwargs: fn(*args, **kwargs)
