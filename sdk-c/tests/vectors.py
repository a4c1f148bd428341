#!/usr/bin/env python3
"""The encode vectors, for C.

vectors.py table VECTORS OUT.inc             writes them as a C table
vectors.py check VECTORS SEEN NULLTRACE      compares the markers seen (hexadecimal lines) with them, byte for
                                             byte, and what `nulltrace parse` reads in them
"""

import json
import subprocess
import sys

SIMPLE = {"tag": b".:=,\\<>", "arg": b":=,\\"}
SHORT = {8: b"\\b", 9: b"\\t", 10: b"\\n", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def cases(path):
    """Those that an encoder without a choice of form runs."""
    with open(path, encoding="utf-8") as file:
        return [case for case in map(json.loads, file) if "form" not in case]


def octets(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def encoded(case):
    """Section 10 of the format, for the vectors that say no bytes because they are too long."""
    tags = [octets(tag) for tag in case["tags"]]
    args = [(octets(name), octets(value)) for name, value in case["args"]]
    texts = tags + [text for arg in args for text in arg]
    direction, ident = case["dir"].encode(), case["id"].encode()
    if not any(byte < 32 for text in texts for byte in text):

        def plain(text, kind):
            return b"".join(b"\\" * (byte in SIMPLE[kind]) + bytes([byte]) for byte in text)

        path = b".".join(plain(tag, "tag") for tag in tags)
        pairs = b",".join(plain(name, "arg") + b"=" + plain(value, "arg") for name, value in args)
        return b":".join([direction, ident, path, pairs, b""])

    def quoted(text):
        escaped = (SHORT.get(byte) or (b"\\u%04x" % byte if byte < 32 else bytes([byte])) for byte in text)
        return b'"' + b"".join(escaped) + b'"'

    number = ident.lstrip(b"-").isdigit()
    parts = [quoted(direction), ident if number else quoted(ident)]
    parts.append(b"[" + b",".join(map(quoted, tags)) + b"]")
    if args:
        pairs = (b"{" + quoted(name) + b":" + quoted(value) + b"}" for name, value in args)
        parts.append(b"[" + b",".join(pairs) + b"]")
    return b"[" + b",".join(parts) + b"]"


def wanted(case):
    """The bytes of the one write, or None."""
    if "bytes" in case:
        want = octets(case["bytes"])
        assert encoded(case) == want, case["name"]
        return want
    return encoded(case)[:4097] if case["code"] == "E_LIMIT" else None


def table(vectors, out):
    def text(value):
        data = octets(value)
        return '{"%s", %d}' % ("".join(f"\\{byte:03o}" for byte in data), len(data))

    kinds = {"": "EMPTY", "g": "GLOBAL", "t": "THREAD", "p": "PROCESS", "pp": "PARENT"}
    with open(out, "w", encoding="ascii") as file:
        for at, case in enumerate(cases(vectors)):
            tags = "".join(text(tag) + ", " for tag in case["tags"])
            args = "".join(
                f"{{{text(name)}, {text(value)}, 0, NT_ARG_TEXT}}, " for name, value in case["args"]
            )
            # An empty list is no initializer in C99.
            file.write(f"static const nt_text tags_{at}[] = {{{tags}{{NULL, 0}}}};\n")
            file.write(f"static const nt_arg args_{at}[] = {{{args}{{{{NULL, 0}}, {{NULL, 0}}, 0, 0}}}};\n")
        file.write("static const vector vectors[] = {\n")
        for at, case in enumerate(cases(vectors)):
            kind = kinds.get(case["id"], "NUMBER")
            number = case["id"] if kind == "NUMBER" else "0"
            # The least number cannot be written: its minus is not part of it.
            number = "INT64_MIN" if number == str(-(2**63)) else f"INT64_C({number})"
            code = case.get("code", "OK")
            code = "OK" if code == "E_LIMIT" else code
            direction = "NT_DIR_ENTER" if case["dir"] == ">" else "NT_DIR_EXIT"
            file.write(
                f"{{{json.dumps(case['name'])}, {direction}, {{NT_ID_{kind}, {number}}}, "
                f"tags_{at}, {len(case['tags'])}, args_{at}, {len(case['args'])}, \"{code}\"}},\n"
            )
        file.write("};\n")


def check(vectors, seen, nulltrace):
    written = [case for case in cases(vectors) if wanted(case) is not None]
    with open(seen, encoding="ascii") as file:
        markers = [bytes.fromhex(line) for line in file]
    assert len(markers) == len(written), f"{len(markers)} markers for {len(written)} vectors"
    for case, marker in zip(written, markers):
        assert marker == wanted(case), f"{case['name']}: {marker[:200]!r}"
    # Longer ones are for the collector to cut; here each is parsed on its own.
    whole = [(case, marker) for case, marker in zip(written, markers) if len(marker) <= 4096]
    lines = b"".join(marker + b"\n" for _, marker in whole)
    parsed = subprocess.run([nulltrace, "parse"], input=lines, stdout=subprocess.PIPE, check=True)
    parsed = parsed.stdout.decode().splitlines()
    assert len(parsed) == len(whole), f"{len(parsed)} parsed of {len(whole)}"
    for (case, _), line in zip(whole, parsed):
        got = json.loads(line)
        tags = [octets(tag).decode(errors="replace") for tag in case["tags"]]
        args = [[octets(part).decode(errors="replace") for part in arg] for arg in case["args"]]
        want = (case["dir"], case["id"], tags, args)
        assert (got["dir"], str(got["id"]), got["tags"], got["args"]) == want, case["name"]
    print(f"sdk-c: {len(cases(vectors))} vectors, {len(written)} written, {len(whole)} parsed back")


if sys.argv[1] == "table":
    table(*sys.argv[2:])
else:
    check(*sys.argv[2:])
