"""The implementation in Python alone: the same behaviour as the native one, at several times its cost."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import re
import resource
import stat
import threading
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

from . import _shared

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
    direction: bytes, id: Optional[bytes], tags: Tuple[bytes, ...], args: List[Tuple[bytes, bytes]]
) -> Union[bytes, str]:
    """A marker, or the code of what refuses it."""
    if id is None:
        return "E_ID"
    if not tags or b"" in tags:
        return "E_TAG_EMPTY"
    if len(tags) > 32:
        return "E_TAG_DEPTH"
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


def encode(direction: str, id: Optional[Id], tags: Iterable[Text], args: Any = ()) -> bytes:
    """A marker as it is written: its first 4097 bytes if it is longer. ValueError with the code of the
    format if no marker can say this."""
    marker = _encode(direction.encode(), _id(id), _path(tags), _pairs(args))
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


# Above every thread's number, below 2^63, and with room to count.
def _start() -> Any:
    return itertools.count((int.from_bytes(os.urandom(8), "little") >> 2) | 1 << 33)


_ids = _start()


def _after_fork() -> None:
    global _ids, _lock
    _ids = _start()
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def unique() -> int:
    """An id for a span that may move between threads or interleave with others on one."""
    return next(_ids)  # type: ignore[no-any-return]


def emit(direction: str, id: Optional[Id], tags: Any, args: Any = ()) -> None:
    """Writes one marker; nothing if it is refused."""
    if not _dead:
        marker = _encode(direction.encode(), _id(id), _path(tags), _pairs(args))
        if not isinstance(marker, str):
            _write(marker[:_CUT])


# --- Spans --------------------------------------------------------------------------------------


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
        return "t" if self._id is None else self._id

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

    def __enter__(self) -> Any:
        if self._enter_args:
            if not _dead:
                self._emit(b">", self._enter_args)
        elif self._enter is not None:
            _write(self._enter)
        return self

    def __exit__(self, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
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
        if args:
            self._emit(b">", args)
        elif self._enter is not None:
            _write(self._enter)

    def stop(self, args: Any = None) -> None:
        if _dead:
            return
        if args is None:
            args = self._exit_args
        if args:
            self._emit(b"<", args)
        elif self._exit is not None:
            _write(self._exit)

    def span(self, tag: Any = None, enter_args: Any = None, exit_args: Any = None) -> Any:
        named = _is_path(tag)
        if not named and (callable(tag) or isinstance(tag, (staticmethod, classmethod))):
            return type(self)._decorate(  # type: ignore[attr-defined]
                tag, self._tags, self._id, enter_args, exit_args, self._recursive, child=True
            )
        if _dead:
            return self._like(self._tags, enter_args, exit_args, self._id, named)
        last = _path(tag) if named else (_utf8(_shared.here(1)),)
        return self._like(self._tags + last, enter_args, exit_args, self._id, named)

    def _like(self, tags: Any, enter_args: Any, exit_args: Any, id: Any, named: bool) -> Any:
        it = object.__new__(type(self))
        it._named = named
        it._id = id
        it._recursive = self._recursive
        it._enter_args = enter_args
        it._exit_args = exit_args
        it._set(tags)
        return it

    def _moving(self) -> Any:
        """The same with an id of its own, unless it was given one."""
        id = unique() if self._id is None else self._id
        return self._like(self._tags, self._enter_args, self._exit_args, id, self._named)

    def _given(self) -> Tuple[Any, ...]:
        """Tags, whether they were given, id or None, arguments, whether each call of a recursion counts."""
        return (self._tags, self._named, self._id, self._enter_args, self._exit_args, self._recursive)


Tracer.__module__ = "nulltrace"


def function(
    fn: Any, tags: Any, id: Any, enter: _shared.Plan, leave: _shared.Plan, recursive: bool
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
    inside = threading.local()

    def traced(*args: Any, **kwargs: Any) -> Any:
        # Of a recursion only the outermost call is a span. A thread's own state: it is gone with
        # the thread, also when a process forks.
        if not recursive:
            if getattr(inside, "yes", False):
                return fn(*args, **kwargs)
            inside.yes = True
        try:
            if enter:
                emit(">", id, tags, _shared.values(enter, args, kwargs))
            else:
                _write(enter_bytes)
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                emit("<", id, tags, (_shared.ending(type(error)),))
                raise
            if leave:
                emit("<", id, tags, _shared.values(leave, args, kwargs, result))
            else:
                _write(leave_bytes)
            return result
        finally:
            if not recursive:
                inside.yes = False

    return traced


def _untraced(fn: Any) -> Any:
    return lambda *args, **kwargs: fn(*args, **kwargs)
