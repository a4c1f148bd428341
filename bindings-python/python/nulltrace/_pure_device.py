"""Writes markers to the null device, for the implementation in Python."""

from __future__ import annotations

import errno
import os
import stat
import threading

try:
    import fcntl
    import resource
except ImportError:
    # No Unix: there is no null device either, and nothing is written.
    fcntl = resource = None  # type: ignore[assignment]

# PyPy does not have the name; without it, the number is that of Linux.
_DUPLICATE = getattr(fcntl, "F_DUPFD_CLOEXEC", 1030)
_fd = -1
_dead = fcntl is None
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
                high = fcntl.fcntl(fd, _DUPLICATE, max(least, 0))
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


_write = os.write


def write(marker: bytes) -> None:
    try:
        _write(_fd, marker)
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


def possible() -> bool:
    """False where there is no null device."""
    if _fd < 0 and not _dead:
        with _lock:
            if _fd < 0 and not _dead:
                _open()
    return not _dead


def redirect(fd: int) -> None:
    """For tests: markers go to this descriptor; -1 ends that."""
    global _fd, _redirected
    _fd, _redirected = fd, fd >= 0


def after_fork() -> None:
    global _lock
    _lock = threading.Lock()
