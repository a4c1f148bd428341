"""Fixtures: what was written, and what the collector's parser reads in it."""

import gc
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import nulltrace

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PURE = os.environ.get("NULLTRACE_PURE") == "1"


def pytest_report_header():
    return "nulltrace: %s implementation" % nulltrace.implementation


def binary():
    """The collector's program; without it there is nothing to prove the bytes by."""
    found = os.environ.get("NULLTRACE_BIN") or str(ROOT / "target/debug/nulltrace")
    if not Path(found).exists():
        pytest.fail("no collector at %s: build it, or set NULLTRACE_BIN" % found)
    return found


def parse(markers):
    """The markers as the collector's parser reads them; each must be one."""
    if not markers:
        return []
    run = subprocess.run(
        [binary(), "parse"], input=b"".join(m + b"\n" for m in markers), capture_output=True
    )
    assert run.returncode == 0, run.stderr.decode()
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(found) == len(markers)
    return found


class Written:
    """The markers, one for each write."""

    def __init__(self):
        self.here, self.there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self.here, self.there):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def raw(self):
        found = []
        while True:
            try:
                found.append(self.here.recv(1 << 16, socket.MSG_DONTWAIT))
            except BlockingIOError:
                return found

    def text(self):
        """As text, the numbers of spans replaced by `#1`, `#2` … in order."""
        numbers = {}

        def name(match):
            return match[1] + "#%d" % numbers.setdefault(match[2], len(numbers) + 1)

        return [re.sub(r"(^[<>]:|:\^=)([0-9]{10,})", name, m.decode()) for m in self.raw()]

    def parsed(self):
        return parse(self.raw())


@pytest.fixture
def written():
    it = Written()
    if nulltrace._impl.open_spans():
        # Those that other tests left open.
        gc.collect()
    nulltrace._impl._redirect(it.there.fileno())
    yield it
    nulltrace._impl._redirect(-1)
    it.here.close()
    it.there.close()


def python(code, *, env=None, before=(), **more):
    """Runs Python code that uses this implementation, by itself."""
    return subprocess.run(
        [*before, sys.executable, "-c", code],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        **more,
    )


def straced(code, tmp_path, *, env=None):
    """The markers that a program wrote to the null device, as the kernel saw them: (thread, bytes)."""
    if shutil.which("strace") is None:
        pytest.fail("no strace: tests/setup.sh installs it")
    log = tmp_path / "strace"
    before = ["strace", "-f", "-y", "-xx", "-s", "5000", "-e", "trace=write", "-o", str(log)]
    run = python(code, env=env, before=before)
    assert run.returncode == 0, run.stderr
    found = []
    for line in log.read_text().splitlines():
        match = re.match(r'(\d+) +write\((\d+)<(?:/dev/null|[\\xa-f0-9]+)(?:<char 1:3>)?>, "((?:\\x..)*)"', line)
        if match:
            data = bytes.fromhex(match[3].replace("\\x", ""))
            if data[:1] in b"<>[":
                found.append((int(match[1]), int(match[2]), data))
    return found


def run_json(command, tmp_path):
    """The summary of a command under the collector; skips, with the reason, where that cannot be."""
    out = tmp_path / "spans.json"
    run = subprocess.run(
        [binary(), "run", "--quiet", "--json", str(out), "--", *command],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if not out.exists() or not out.read_text():
        pytest.skip("the collector does not run here: " + run.stderr.strip())
    assert run.returncode == 0, run.stderr
    return json.loads(out.read_text())
