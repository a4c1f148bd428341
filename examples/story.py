#!/usr/bin/env python3
"""story.py CLAIM SUMMARY ANSWERS: whether a JSON summary of the service says what examples/story.sh claims.

ANSWERS are lines of an URL, and the bytes of headers and body that a client got from it."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

BIG = 512 << 20
NETWORK = {"sendto", "sendmsg", "write", "writev"}

claim, summary, answers = sys.argv[1:]
summary = json.loads(Path(summary).read_text(encoding="utf-8"))
answers = [line.split() for line in Path(answers).read_text(encoding="utf-8").splitlines()]
got = [(urlsplit(url).path.split("/")[1], int(headers), int(body)) for url, headers, body in answers]
spans = {".".join(span["tags"]): span for span in summary["spans"]}
downloads = sum(body for handler, _, body in got if handler == "download")
big = sum(body == BIG for _, _, body in got)


def be(what, true):
    if not true:
        sys.exit(f"story.py: not so: {what}")
    print(f"checked: {what}")


def percent(part, whole):
    return f"{100 * part / whole:.0f} %"


def handler():
    for name in ("fib", "empty", "download"):
        asked = sum(handler == name for handler, _, _ in got)
        be(f"{asked} of {name} asked for and seen", spans[name]["hits"] == asked > 0)
    total = {name: span["duration_ns"]["sum"] for name, span in spans.items()}
    rest = total["fib"] + total["empty"]
    be("download takes longer than all other handlers", total["download"] > rest)
    share = percent(total["download.write"], total["download"])
    be(f"{share} of download is its write", total["download.write"] > 0.9 * total["download"])


def io():
    write = spans["download.write"]
    times = write["time_ns"]
    # What is left is waiting for a cpu that others have.
    own = times["on_cpu"] + times["blocked"]
    calls = {call["syscall"]: call for call in write["activity"]}
    spent = sum(
        call["time_ns"]["sum"] - call["time_ns"]["runnable"]
        for name, call in calls.items()
        if name == "read" or name in NETWORK
    )
    share = percent(min(spent, own), own)
    be(f"{share} of download.write is reading and sending, waits for a cpu aside", spent > 0.5 * own)
    moved = calls["read"]["bytes"]
    be(f"it read {moved} B, which is what the client got", moved == downloads)
    name = max(write["files"], key=lambda file: file["bytes_in"])["name"]
    be(f"most of it from {name}", str(name).endswith("/blob.bin.4"))


def file():
    first = summary["rows"][0]
    name, moved = first["fd.name"], first["bytes"]
    be(f"{name} is the file", name.endswith("/blob.bin.4"))
    be(f"{moved} B were read from it, {big} times 512 MiB", moved == big * BIG > 0)
    moved = sum(row["bytes"] for row in summary["rows"] if "/blob.bin." in (row["fd.name"] or ""))
    be(f"{moved} B from all four, which is what the client got", moved == downloads)


def network():
    out = {row["evtin.span.tags"]: row["bytes.out"] for row in summary["rows"]}
    for name in ("download", "fib", "empty"):
        bytes_ = sum(headers + body for handler, headers, body in got if handler == name)
        be(f"{name} sent {bytes_} B, which is what the client got", out[name] == bytes_)


lost = {kind: count for kind, count in summary["ledger"]["lost"].items() if count}
if lost:
    sys.exit(f"story.py: lost: {lost}")
{"handler": handler, "io": io, "file": file, "network": network}[claim]()
