"""Markers as bytes, for the implementation in Python."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

LIMIT = 4096
# A marker that is too long is sent as so many bytes: the collector sees that it was cut.
CUT = LIMIT + 1

Text = Union[str, bytes]
Id = Union[int, str]

_TAG = re.compile(rb"[.:=,\\<>]")
_ARG = re.compile(rb"[:=,\\]")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_JSON = re.compile(rb'["\\\x00-\x1f]')
_JSON_ESCAPES = {b"%c" % c: b"\\u%04x" % c for c in range(0x20)}
_JSON_ESCAPES.update(
    {b'"': b'\\"', b"\\": b"\\\\", b"\b": b"\\b", b"\t": b"\\t", b"\n": b"\\n", b"\f": b"\\f", b"\r": b"\\r"}
)


def utf8(text: str) -> bytes:
    # No more than can be sent, so that a huge value costs no memory.
    text = text[:CUT]
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        # A name of a file that is not UTF-8 holds its bytes so.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def as_bytes(value: Any) -> bytes:
    kind = type(value)
    if kind is bytes:
        return value[:CUT]  # type: ignore[no-any-return]
    if kind is not str:
        value = bytes(value[:CUT]) if isinstance(value, (bytes, bytearray)) else str(value)
        if isinstance(value, bytes):
            return value
    return utf8(value)


def pairs(args: Any) -> List[Tuple[bytes, bytes]]:
    """Arguments as bytes; one whose text cannot be made is left out."""
    found = []
    try:
        if hasattr(args, "items"):
            args = args.items()
        for name, value in list(args):
            try:
                found.append((as_bytes(name), as_bytes(value)))
            except Exception:
                pass
    except Exception:
        pass
    return found


def as_id(id: Any) -> Optional[bytes]:
    """The id as it is written; None if it is none."""
    if id is None:
        return b"t"
    if isinstance(id, str):
        return id.encode() if id in ("", "g", "t", "p", "pp") else None
    if isinstance(id, int) and -(1 << 63) <= id < 1 << 63:
        return b"%d" % int(id)
    return None


def path(tag: Any) -> Tuple[bytes, ...]:
    """The tags of a path. One that no marker can have is kept, and refused when it is encoded."""
    try:
        if isinstance(tag, str):
            return tuple(map(utf8, str.split(tag, ".", 33)))
        if isinstance(tag, (bytes, bytearray)):
            return tuple(bytes(tag).split(b".", 33))
        # No tag is refused as an empty one is, also where more follow.
        return tuple(map(as_bytes, tag)) or (b"",)
    except Exception:
        return (b"",)


def is_path(tag: Any) -> bool:
    return isinstance(tag, (str, bytes, bytearray, list, tuple))


def encode_marker(
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
    marker = encode_marker(direction.encode(), as_id(id), path(tags), pairs(args), parent)
    if isinstance(marker, str):
        raise ValueError(marker)
    return marker[:CUT]


# --- What most markers are --------------------------------------------------------------------------

_RESERVED = re.compile(r"[\x00-\x1f:=,\\]").search
_names: Dict[str, None] = {}
_heads: Dict[Optional[bytes], str] = {}
_lines: Dict[str, Tuple[Tuple[bytes, ...], Optional[bytes], Optional[bytes]]] = {}
_known: Dict[str, Tuple[Tuple[bytes, ...], Optional[bytes], Optional[bytes]]] = {}
# Names and tags that are made anew each time must not fill the memory.
_MOST = 1024


def both(id: Optional[bytes], tags: Tuple[bytes, ...]) -> Tuple[Optional[bytes], Optional[bytes]]:
    """The markers without arguments; None for what no marker can say."""
    enter, leave = encode_marker(b">", id, tags, []), encode_marker(b"<", id, tags, [])
    return (
        None if isinstance(enter, str) else enter[:CUT],
        None if isinstance(leave, str) else leave[:CUT],
    )


def of_thread(tag: str) -> Tuple[Tuple[bytes, ...], Optional[bytes], Optional[bytes]]:
    """The tags of a text, and their markers with the thread's id."""
    found = _known.get(tag)
    if found is None:
        tags = path(tag)
        found = (tags, *both(b"t", tags))
        if len(tag) <= 256:
            if len(_known) >= _MOST:
                _known.clear()
            _known[tag] = found
    return found


def of_line(line: str) -> Tuple[Tuple[bytes, ...], Optional[bytes], Optional[bytes]]:
    """The same of one tag, whatever is in it."""
    found = _lines.get(line)
    if found is None:
        tags = (utf8(line),)
        if len(_lines) >= _MOST:
            _lines.clear()
        found = _lines[line] = (tags, *both(b"t", tags))
    return found


def with_plain(bare: Optional[bytes], args: Any) -> Optional[bytes]:
    """The marker `bare` with the arguments of a dict, if nothing in them needs an escape; else None."""
    if type(args) is not dict:
        return None
    text = _heads.get(bare) or _head(bare)
    between = ""
    for name, value in args.items():
        if type(name) is not str or (name not in _names and not _is_plain(name)):
            return None
        kind = type(value)
        if kind is str:
            if not value.isalnum() and _RESERVED(value):
                return None
        elif kind is not int:
            return None
        try:
            text = f"{text}{between}{name}={value}"
        except ValueError:
            # A number of too many digits.
            return None
        between = ","
    if len(text) >= LIMIT // 4 or len(args) > 64 or not bare:
        return None
    try:
        return f"{text}:".encode()
    except ValueError:
        return None


def _head(bare: Optional[bytes]) -> str:
    """The marker up to its arguments. Of one that has none in its simple form, it is too long to be made here."""
    head = "x" * LIMIT
    if bare is not None and bare[:1] != b"[" and len(bare) < LIMIT:
        try:
            head = bare[:-1].decode()
        except ValueError:
            pass
        if len(_heads) >= _MOST:
            _heads.clear()
        _heads[bare] = head
    return head


def _is_plain(name: str) -> bool:
    if not name or name == "^" or _RESERVED(name):
        return False
    if len(_names) >= _MOST:
        _names.clear()
    _names[name] = None
    return True
