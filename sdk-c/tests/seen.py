#!/usr/bin/env python3
"""Runs a test program under strace and compares the markers it wrote with those it says it wrote.

seen.py [--any-order] [--raw FILE] PROGRAM [ARG...]

--raw writes the markers seen, hexadecimal, a line each, and compares nothing.
"""

import argparse
import re
import subprocess
import sys
import tempfile

CALL = re.compile(rb'(?:write|pwrite64|writev)\((\d+)<(.*?)>, "((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


def run(command):
    """The program's status, what it expects, and its writes: (to the device, bytes)."""
    with tempfile.NamedTemporaryFile() as trace, tempfile.TemporaryFile() as out:
        strace = ["strace", "-f", "-y", "-xx", "-s", "5000", "-qq", "-e", "trace=write,pwrite64,writev"]
        strace += ["-e", "signal=none", "-o", trace.name, "--"]
        # Not a pipe: nobody reads while it runs.
        status = subprocess.run(strace + command, stdout=out).returncode
        out.seek(0)
        lines = out.read().split(b"\n")
        expected = [line[2:] for line in lines if line.startswith(b"= ")]
        calls = [CALL.search(line) for line in trace]
    writes = []
    for call in filter(None, calls):
        path = re.sub(rb"\\x(..)", lambda hexes: bytes([int(hexes[1], 16)]), call[2])
        data = bytes.fromhex(call[3].decode().replace("\\x", ""))
        writes.append((path.startswith(b"/dev/null"), data))
    return status, expected, writes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--any-order", action="store_true")
    parser.add_argument("--raw")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    status, expected, writes = run(args.command)
    name = " ".join(args.command)
    if status != 0:
        sys.exit(f"{name}: status {status}")
    strays = [data for device, data in writes if not device and data[:2] in (b">:", b"<:")]
    if strays:
        sys.exit(f"{name}: a marker that went elsewhere: {strays[0]!r}")
    seen = [data for device, data in writes if device]
    if args.raw:
        with open(args.raw, "w", encoding="ascii") as raw:
            raw.writelines(data.hex() + "\n" for data in seen)
        return
    if args.any_order:
        seen.sort()
        expected.sort()
    for number, (saw, wanted) in enumerate(zip(seen, expected)):
        if saw != wanted:
            sys.exit(f"{name}: marker {number}: saw {saw!r}, wanted {wanted!r}")
    if len(seen) != len(expected):
        rest = (seen + expected)[min(len(seen), len(expected))] if seen else expected[0]
        sys.exit(f"{name}: saw {len(seen)} markers, wanted {len(expected)}; e.g. {rest!r}")


main()
