#!/usr/bin/env python3
"""tree.py SUMMARY: the spans of a JSON summary, a tag and its hits a line, children below their parent.

Fails if the ledger says that any marker was lost or refused, or that a span had no exit."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    summary = json.load(file)
markers, spans = summary["ledger"]["markers"], summary["ledger"]["spans"]
bad = {**summary["ledger"]["lost"], **{kind: markers[kind] for kind in ("malformed", "cut", "unmatched_exit")}}
bad["no exit"] = spans["opened"] - spans["exit"]
wrong = {kind: count for kind, count in bad.items() if count}
if wrong:
    sys.exit(f"{sys.argv[1]}: {wrong}")
shown = []
for span in sorted(summary["spans"], key=lambda span: span["tags"]):
    tags = span["tags"]
    while shown and tags[: len(shown[-1])] != shown[-1]:
        shown.pop()
    own = tags[len(shown[-1]) :] if shown else tags
    print("  " * len(shown) + ".".join(own), span["hits"])
    shown.append(tags)
