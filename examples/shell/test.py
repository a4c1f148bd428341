"""Runs nulltrace.sh in every shell under strace, and checks each write to the null device.

Usage: test.py VECTORS NULLTRACE [SHELL].... Exit status 1 and a line for each failure.
"""

import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SHELLS = {
    "dash": ["dash"],
    "bash": ["bash"],
    "zsh": ["zsh", "-f"],
    "busybox": ["busybox", "sh"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
}
MAY_MISS = {"mksh"}
# What a script writes beside its markers: ksh93 itself writes nothing to the null device, mksh has no printf.
PRINT = {"ksh": b"/usr/bin/printf ", "mksh": b"print -n "}
# Whatever a script may have set must not change a byte. bash and zsh get some more.
ODD = b"set -euCf; IFS=\":0123456789=,.\\\\/etvalus \"; LC_ALL=C\n"
ODD_MORE = {
    "bash": b"shopt -s extglob nullglob failglob; set -o posix\n",
    "zsh": b"setopt ksh_arrays sh_word_split extended_glob glob_subst null_glob ksh_glob\n",
}
# Every case begins with a write that is no marker, so that its markers can be told from others'.
MARK = b"#"
failures = 0


def fail(*what):
    global failures
    failures += 1
    print("FAIL", *what)


# The encoder of FORMAT.md section 10, once more: bytes in, bytes out, or a code.


def encode(direction, ident, tags, args):
    if not tags or b"" in tags:
        return "E_TAG_EMPTY"
    if len(tags) > 32:
        return "E_TAG_DEPTH"
    if any(name == b"" for name, _ in args):
        return "E_ARG_NAME"
    if len(args) > 64:
        return "E_ARG_COUNT"
    texts = tags + [text for arg in args for text in arg]
    if any(byte < 32 for text in texts for byte in text):

        def quote(text):
            return b'"' + b"".join(json_byte(byte) for byte in text) + b'"'

        number = re.fullmatch(r"-?\d+", ident)
        out = b'["%s",%s,[%s]' % (
            direction.encode(),
            ident.encode() if number else quote(ident.encode()),
            b",".join(quote(tag) for tag in tags),
        )
        if args:
            out += b",[%s]" % b",".join(b"{%s:%s}" % (quote(n), quote(v)) for n, v in args)
        return out + b"]"

    def escape(text, special):
        return re.sub(special, lambda found: b"\\" + found.group(), text)

    path = b".".join(escape(tag, rb"[.:=,\\<>]") for tag in tags)
    pairs = b",".join(escape(n, rb"[:=,\\]") + b"=" + escape(v, rb"[:=,\\]") for n, v in args)
    return b"%s:%s:%s:%s:" % (direction.encode(), ident.encode(), path, pairs)


def json_byte(byte):
    short = {8: b"\\b", 9: b"\\t", 10: b"\\n", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
    return short.get(byte) or (b"\\u%04x" % byte if byte < 32 else bytes([byte]))


def expected(shell, marker):
    """What is sent of a marker."""
    if len(marker[0]) <= 4096:
        return marker[0]
    if shell in ("bash", "busybox", "ksh", "mksh"):  # see nulltrace.sh
        return marker[1] if len(marker[1]) <= 4096 else None
    return marker[0][:4097]


# Running.


def run(shell, script, env=None, strace=True):
    """Runs it; gives the writes to the null device in order, the forks after loading, the rest."""
    with tempfile.TemporaryDirectory() as work:
        path, log = work + "/script", work + "/strace"
        with open(path, "wb") as file:
            file.write(script)
        command = SHELLS[shell] + [path]
        if strace:
            calls = "trace=write,writev,clone,clone3,fork,vfork,execve"
            command = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "20000", "-e", calls, "-o", log] + command
        ran = subprocess.run(command, capture_output=True, env={**os.environ, **(env or {})})
        writes, forks = [], 0
        if strace:
            for line in open(log):
                found = re.search(r"(?:^|\s)(write|writev)\(\d+<(?:\\x[0-9a-f]{2})+>, \"([^\"]*)\"", line)
                if found and null in line:
                    writes.append(bytes.fromhex(found.group(2).replace("\\x", "")))
                if re.search(r"\b(clone3?|v?fork)\(|(?<!^)\bexecve\(", line):
                    forks += 1
                if found and null in line and writes[-1] == b"#loaded":
                    forks = 0
        return ran, writes, forks


null = "".join("\\x%02x" % byte for byte in b"/dev/null")
SOURCE = b". '%s/nulltrace.sh'\n" % HERE.encode()


def mark(shell, text):
    return PRINT.get(shell, b"printf ") + b"'" + text + b"' > /dev/null\n"


def load(shell):
    return SOURCE + mark(shell, b"#loaded")


def word(shell, text):
    if shell == "zsh" and b"\0" in text:
        return b"$'" + b"".join(b"\\x%02x" % byte for byte in text) + b"'"
    return b"'" + text.replace(b"'", b"'\\''") + b"'"


def plain(text):
    return bytes.fromhex(text["hex"]) if isinstance(text, dict) else text.encode()


def cases(vectors):
    """(name, direction, id, tags, args, bytes or code): the vectors, then hostile ones by chance."""
    found = []
    for line in open(vectors):
        case = json.loads(line)
        if "form" in case:
            continue
        tags = [plain(tag) for tag in case["tags"]]
        args = [(plain(name), plain(value)) for name, value in case["args"]]
        wanted = plain(case["bytes"]) if "bytes" in case else case["code"]
        mine = encode(case["dir"], case["id"], tags, args)
        if wanted == "E_LIMIT":
            wanted = mine
        if mine != wanted:
            fail("this file's own encoder:", case["name"])
        found.append((case["name"], case["dir"], case["id"], tags, args, wanted))
    random.seed(1)
    alphabet = [bytes([byte]) for byte in b"abz09 .:=,\\<>\"'/[]{}$`*?!#~%-\x7f"]
    alphabet += [b"\xc3\xbc", b"\xe6\x97\xa5", b"\xf0\x9f\x8e\x88", b"\xff", b"\x80", b"\xc3"]
    alphabet += [b"\x81", b"\x88", b"\xc2\x85"]  # dash's own marks; a control character beyond ASCII
    controls = [bytes([byte]) for byte in range(1, 32)]

    def text(least):
        some = alphabet + controls if random.random() < 0.3 else alphabet
        return b"".join(random.choice(some) for _ in range(random.randint(least, 9)))

    for index in range(int(os.environ.get('CASES', '80'))):
        tags = [text(1) for _ in range(random.randint(1, 4))]
        args = [(text(1), text(0)) for _ in range(random.randint(0, 4))]
        ident = random.choice(["", "t", "g", "7", "-12"])
        found.append(("chance %d" % index, ">", ident, tags, args, encode(">", ident, tags, args)))
    every = bytes(range(1, 256))
    found.append(("every byte", ">", "t", [every], [(every, every)], encode(">", "t", [every], [(every, every)])))
    for length in (1016, 1017, 4088, 4089):  # about 1024 and 4096 in all
        args = [(b"k", b"\xc3\xbc" * (length // 2))]
        found.append(("%d bytes" % length, ">", "t", [b"a"], args, encode(">", "t", [b"a"], args)))
    return found


def check_encoding(shell, table, odd, checked):
    script = ODD + ODD_MORE.get(shell, b"") if odd else b""
    script += load(shell)
    used = []
    for case in table:
        name, direction, ident, tags, args, wanted = case
        if any(b"\0" in text for text in tags + [t for arg in args for t in arg]) and shell != "zsh":
            continue
        used.append(case)
        of_tags = b" ".join(b"-t " + word(shell, tag) for tag in tags) or b"--"
        if tags and odd and not any(b"." in tag or tag[:1] == b"-" for tag in tags):
            of_tags = b"-- " + word(shell, b".".join(tags))
        of_args = b" ".join(b"-a " + word(shell, n) + b" " + word(shell, v) for n, v in args)
        if args and all(b"=" not in n and n[:1] != b"-" for n, v in args) and random.random() < 0.5:
            of_args = b" ".join(word(shell, n + b"=" + v) for n, v in args)
        if of_args[:2] == b"-a":
            enter = b"nt_enter -i %s %s %s" % (word(shell, ident.encode()), of_args, of_tags)
        else:
            enter = b"nt_enter -i %s %s %s" % (word(shell, ident.encode()), of_tags, of_args)
        leave = b"nt_exit"
        if direction == "<":
            enter = b"nt_enter -i %s %s" % (word(shell, ident.encode()), of_tags)
            leave = b"nt_exit " + of_args
        script += mark(shell, MARK) + enter + b"\n" + leave + b"\n"
    ran, writes, forks = run(shell, script)
    where = shell + (" with odd settings" if odd else "")
    if ran.returncode != 0 or ran.stderr or ran.stdout:
        fail(where, "said", ran.returncode, ran.stdout[:200], ran.stderr[:500])
    if forks and shell != "ksh":
        fail(where, "forks", forks)
    groups = split(writes)
    if len(groups) != len(used):
        fail(where, "cases seen", len(groups), "of", len(used))
    for group, (name, direction, ident, tags, args, wanted) in zip(groups, used):
        if isinstance(wanted, str):
            if group:
                fail(where, name, "is to be refused, but wrote", group[0][:80])
            continue
        wanted = expected(shell, (wanted, encode(direction, ident, tags, [])))
        if len(group) != 2:
            fail(where, name, "writes", len(group), [part[:60] for part in group])
            continue
        at = 0 if direction == ">" else 1
        if group[at] != wanted:
            fail(where, name, "\n   wrote ", group[at][:300], "\n   wanted", wanted[:300])
        elif len(wanted) <= 4096:
            whole = encode(direction, ident, tags, args) == wanted
            checked.append((name, wanted, direction, ident, tags, args if whole else []))
        other = encode("<>"[at], ident, tags, [])
        if len(other) <= 4096 and group[1 - at] != other:
            fail(where, name, "its other end is", group[1 - at][:80])


def split(writes):
    groups = []
    for write in writes:
        if write == b"#":
            groups.append([])
        elif groups:
            groups[-1].append(write)
    return groups


def check_parse(nulltrace, checked):
    """What was written, read by the reference codec, is what was given."""
    text = b"\n".join(marker for _, marker, *_ in checked) + b"\n"
    ran = subprocess.run([nulltrace, "parse"], input=text, capture_output=True)
    lines = ran.stdout.splitlines()
    if ran.returncode != 0 or len(lines) != len(checked):
        fail("parse", ran.returncode, len(lines), "of", len(checked), ran.stderr[:500])
        return
    lossy = lambda text: text.decode("utf-8", "replace")
    for line, (name, marker, direction, ident, tags, args) in zip(lines, checked):
        got = json.loads(line)
        wanted = {
            "dir": direction,
            "id": int(ident) if ident.lstrip("-").isdigit() else ident,
            "tags": [lossy(tag) for tag in tags],
            "args": [[lossy(name), lossy(value)] for name, value in args],
        }
        for key, value in wanted.items():
            if got.get(key) != value:
                fail("parse", name, key, str(got.get(key))[:100], "wanted", str(value)[:100])


BLOCK = "x" * 512
# Behaviour: name, script, status, stdout, markers. ID stands for the shell's own id.
BEHAVIOUR = [
    (
        "nested, and the innermost ends",
        "nt_enter a k=v; nt_enter a.b; nt_exit rows=3; nt_enter a.c; nt_exit; nt_exit; nt_exit",
        0,
        "",
        [">a:k=v", ">a.b:", "<a.b:rows=3", ">a.c:", "<a.c:", "<a:"],
    ),
    (
        "status is kept",
        "(exit 3); nt_enter a; echo $?; (exit 4); nt_exit; echo $?; (exit 5); nt_exit; echo $?",
        0,
        "3\n4\n5\n",
        [">a:", "<a:"],
    ),
    (
        "errexit is not set off by a kept status",
        "set -e; if false; then :; else nt_enter a; fi; false || nt_exit; echo on",
        0,
        "on\n",
        [">a:", "<a:"],
    ),
    (
        "span of a program, a builtin, a function",
        "f() { nt_span in.f printf '%s,' \"$@\"; x=$1; return 7; }\n"
        "nt_span p sh -c 'exit 5'; echo $?; nt_span b eval 'y=2'; echo $? $y\n"
        "nt_span f f 'a b' '*' ''; echo $? \"$x\"; nt_span n nosuch 2>&-; echo $?",
        0,
        "5\n0 2\na b,*,,7 a b\n127\n",
        [">p:", "<p:status=5", ">b:", "<b:status=0", ">f:", ">in.f:", "<in.f:status=0"]
        + ["<f:status=7", ">n:", "<n:status=127"],
    ),
    (
        "span with options",
        "nt_span -i g -a k '=,' -t a.b -t c -- true; nt_span -a n 1 -- d false; echo $?",
        0,
        "1\n",
        [r">g:a\.b.c:k=\=\,", r"<g:a\.b.c:status=0", ">d:n=1", "<d:status=1"],
    ),
    (
        "errexit: a program's failure has its exit marker, and ends the script",
        "set -e; nt_enter a; nt_span b python3 -Sc 'import os; os._exit(3)'; echo no",
        3,
        "",
        [">a:", ">b:", "<b:status=3"],
    ),
    (
        "errexit: the same by its path",
        "set -e; nt_span b /bin/sh -c 'exit 3'; echo no",
        3,
        "",
        [">b:", "<b:status=3"],
    ),
    (
        "errexit: a function stops at its failure, as it would without",
        "set -e; f() { false; echo no; }; nt_span b f; echo no",
        1,
        "",
        [">b:"],
    ),
    (
        "errexit: tested",
        "set -e; nt_span b sh -c 'exit 3' || echo $?; if nt_span c false; then echo no; fi; echo on",
        0,
        "3\non\n",
        [">b:", "<b:status=3", ">c:", "<c:status=1"],
    ),
    (
        "a command's own open spans are not taken for its end",
        "f() { nt_enter f.left; }; nt_enter a; nt_span f f; nt_exit",
        0,
        "",
        [">a:", ">f:", ">f.left:", "<f:status=0", "<a:"],
    ),
    (
        "subshells have the same id",
        "nt_enter a; (nt_enter a.b; nt_exit); (nt_exit n=1)",
        0,
        "",
        [">a:", ">a.b:", "<a.b:", "<a:n=1"],
    ),
    (
        "pipelines and background",
        "nt_span a echo x | nt_span b cat; nt_span c true & wait; (nt_span d echo y) | cat",
        0,
        "x\ny\n",
        None,
    ),
    (
        "recursion",
        'f() { nt_enter "f.$1"; if [ "$1" -gt 0 ]; then f $(($1 - 1)); fi; nt_exit "n=$1"; }; f 3',
        0,
        "",
        [">f.3:", ">f.2:", ">f.1:", ">f.0:", "<f.0:n=0", "<f.1:n=1", "<f.2:n=2", "<f.3:n=3"],
    ),
    (
        "a handler that ends a span",
        "trap 'nt_exit sig=usr1' USR1; nt_enter a; nt_enter b; kill -USR1 $$; nt_exit; trap 'nt_exit' EXIT; nt_enter c",
        0,
        "",
        [">a:", ">b:", "<b:sig=usr1", "<a:", ">c:", "<c:"],
    ),
    (
        "refused, and its exit with it",
        "nt_enter a; for bad in '' . a. .a a..b -x; do nt_enter \"$bad\"; nt_exit; done\n"
        "nt_enter b c; nt_exit; nt_enter b '=c'; nt_exit; nt_enter; nt_exit; nt_enter -i; nt_exit; nt_enter -a; nt_exit\n"
        "for id in - -0 00 01 +1 1x T 9223372036854775808 -9223372036854775809 10000000000000000000 aaaaaaaaaaaaaaaaaaa 99999999999999999999 gg 1-1 --; do\n"
        "nt_enter -i $id b; nt_exit; done; nt_span '' echo ran; nt_span -t '' echo ran; nt_span -i x a echo ran; nt_span; nt_exit",
        0,
        "ran\nran\nran\n",
        [">a:", "<a:"],
    ),
    (
        "ids",
        "for id in '' g t p pp 0 -1 42 999999999999999999 9223372036854775807 -9223372036854775808; do\n"
        'nt_enter -i "$id" a; done',
        0,
        "",
        [">%s:a:" % i for i in ["!", "g", "t", "p", "pp", "0", "-1", "42", "9" * 18]]
        + [">9223372036854775807:a:", ">-9223372036854775808:a:"],
    ),
    (
        "spans never ended do not fill the memory",
        "i=0; while [ $i -lt 5000 ]; do nt_enter aaaaaaaaaa.bbbbbbbbbb; i=$((i + 1)); done\n"
        'j=0; while [ $j -lt 5000 ]; do nt_exit; j=$((j + 1)); done; echo "[$_nt_open$_nt_top$_nt_stack${_nt_tags_1-}${_nt_tags_4096-}]"',
        0,
        "[0]\n",
        None,
    ),
    (
        "loaded again, and in a child that got every variable",
        "set -a; nt_enter a; . \"$NT_FILE\"; nt_exit; nt_enter b; $NT_SHELL -c '. \"$NT_FILE\"; nt_exit; nt_enter -i t c'; nt_exit",
        0,
        "",
        [">a:", "<a:", ">b:", ">t:c:", "<b:"],
    ),
    (
        "a parent, a root, and what is none",
        "nt_enter -p 4294967297 a k=v; nt_enter -i 281474976710655 -a x y -p '' b; nt_exit; nt_exit; "
        "nt_span -p 281474976710655 c false; "
        "for p in 4294967296 281474976710656 04294967298 t x -1 99999999999999999999; do nt_enter -p $p no; nt_exit; done; "
        "nt_enter d; nt_exit -p ''; true",
        0,
        "",
        [
            ">a:^=4294967297,k=v",
            ">281474976710655:b:^=,x=y",
            "<281474976710655:b:",
            "<a:",
            ">c:^=281474976710655",
            "<c:status=1",
            ">d:",
        ],
    ),
    (
        "a first argument named as the parent",
        "nt_enter a ^=1; nt_exit; nt_enter -a ^ 1 a; nt_exit; nt_enter -p '' a ^=1 k=v; nt_exit; "
        "nt_enter b k=v ^=1; nt_exit ^=2; nt_enter -p '' c ^x=1; nt_exit",
        0,
        "",
        [">b:k=v,^=1", "<b:^=2", ">c:^=,^x=1", "<c:"],
    ),
    (
        "arguments in the middle: each name once, with the last value",
        "nt_enter a; nt_record n=1 m=x; nt_enter b; nt_record -a 'k,n' 'v=' n=2; nt_record n=3 \"q=a,n=9\"; nt_exit n=4; nt_exit z=5; "
        "f() { nt_record rows=3; return 4; }; nt_span c f; echo $?; nt_record n=1; nt_enter d; nt_exit; nt_enter e; nt_record ^=1; (exit 6); nt_record bad; echo $?; nt_exit; "
        "f() { nt_record status=9; }; nt_span g f; nt_enter '-t'; nt_record n=1; nt_exit; nt_enter h; nt_exit",
        0,
        "4\n6\n",
        [">a:", ">b:", r"<b:k\,n=v\=,q=a\,n\=9,n=4", "<a:n=1,m=x,z=5", ">c:", "<c:rows=3,status=4", ">d:", "<d:", ">e:", "<e:^=1"]
        + [">g:", "<g:status=0", ">h:", "<h:"],
    ),
    (
        "switched off and on: what is begun while off is not written, what was open is ended",
        "nt_enabled && echo on; nt_enter a; nt_set_enabled 0; nt_enabled || echo off; nt_enter b k=v; nt_record n=1; nt_enter -t c; "
        "nt_span d true; nt_exit; nt_set_enabled 1; nt_enter e; nt_exit; nt_exit x=1; nt_set_enabled 0; nt_record m=2; nt_exit; "
        "f() { nt_set_enabled 1; return 3; }; nt_span g f; echo $?; f() { nt_set_enabled 0; }; nt_span h f; nt_exit",
        0,
        "on\noff\n3\n",
        [">a:", ">e:", "<e:", "<a:m=2", ">h:", "<h:status=0"],
    ),
    (
        "one path after the other, and long ones",
        "l=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; for p in x.y '' x.y x..y x.y 'a=b' \"$l\" x.y; do nt_enter \"$p\" k=v; nt_exit; done",
        0,
        "",
        [">x.y:k=v", "<x.y:"] * 3 + [r">a\=b:k=v", r"<a\=b:", ">" + "a" * 102 + ":k=v", "<" + "a" * 102 + ":", ">x.y:k=v", "<x.y:"],
    ),
    (
        "two plain arguments, and what only looks plain",
        "nt_enter a k=v m=w; nt_exit r=1 s=2; nt_enter a k= m=; nt_exit r= s=; nt_enter a k=v,m=w; nt_exit 'r=1,2' s=3; "
        "nt_enter a k=v m=w=x; nt_exit r=a=b s=1; nt_enter a k=v =w; nt_exit; nt_enter a k=v m; nt_exit; nt_enter a k=v=w m; nt_exit; "
        "nt_enter a k,m=v=w; nt_exit r=1,s=2; nt_enter a k=v,m; nt_exit; nt_enter a k=v m=w n=x; nt_exit r s=t",
        0,
        "",
        [">a:k=v,m=w", "<a:r=1,s=2", ">a:k=,m=", "<a:r=,s=", r">a:k=v\,m\=w", r"<a:r=1\,2,s=3", r">a:k=v,m=w\=x", r"<a:r=a\=b,s=1"]
        + [r">a:k\,m=v\=w", r"<a:r=1\,s\=2", r">a:k=v\,m", "<a:", ">a:k=v,m=w,n=x"],
    ),
    (
        "nt_span -a with plain arguments, and what only looks plain",
        "nt_span -a k v a true; nt_span -a k v -a m w a.b false; echo $?; nt_span -a k v -a m w a.b echo -a b; nt_span -a k '' a.b true; "
        "nt_span -a '' v a true; nt_span -a k v=w a true; nt_span -a k=l v a true; nt_span -a k v -a m a,b a true; nt_span -a k v -a m; nt_span -a k; "
        "nt_span -a; nt_span -a k v; nt_span -a k v -a m w; nt_span -a k v a; nt_span -a k v a..b true; nt_span -a -a -a -a -a -a a true; "
        "f() { nt_span -a n 1 in nt_enter left; return 3; }; nt_span -a k v out f; echo $?; nt_exit; nt_span -a k v a return 4; echo $?; "
        "nt_span -a k v a shift; nt_span a set -- x y z; nt_span -a k v a set -- x y z; echo $#",
        0,
        "1\n-a b\n3\n4\n0\n",
        [">a:k=v", "<a:status=0", ">a.b:k=v,m=w", "<a.b:status=1", ">a.b:k=v,m=w", "<a.b:status=0", ">a.b:k=", "<a.b:status=0"]
        + [r">a:k=v\=w", "<a:status=0", r">a:k\=l=v", "<a:status=0", r">a:k=v,m=a\,b", "<a:status=0"]
        + [">a:k=v", "<a:status=0", ">a:-a=-a,-a=-a", "<a:status=0", ">out:k=v", ">in:n=1", ">left:", "<in:status=0"]
        + ["<out:status=3", ">a:k=v", "<a:status=4", ">a:k=v", "<a:status=0", ">a:", "<a:status=0", ">a:k=v", "<a:status=0"],
    ),
    (
        "long plain arguments",
        'b=x; while [ ${#b} -lt 512 ]; do b="$b$b"; done; nt_enter a "k=$b" "m=$b"; nt_exit "r=$b" "s=$b"; nt_span -a k "$b" -a m "$b" a true',
        0,
        "",
        [">a:k=%s,m=%s" % (BLOCK, BLOCK), "<a:r=%s,s=%s" % (BLOCK, BLOCK), ">a:k=%s,m=%s" % (BLOCK, BLOCK), "<a:status=0"],
    ),
    (
        "deep, with usual and other spans in turn",
        'd() { if [ "$1" -gt 0 ]; then nt_enter "d.$1"; d $(($1 - 1)); nt_exit; fi; }; '
        "nt_enter a; nt_enter -i 7 b; nt_enter c; nt_record r=1; nt_enter e x=1; nt_enter 'f<g'; nt_enter h; nt_set_enabled 0; nt_enter off; "
        "nt_set_enabled 1; d 12; nt_span i d 2; nt_exit; nt_exit n=1 m=2; nt_exit; nt_exit q=1; nt_exit; nt_exit z=1; nt_exit; nt_exit; nt_enter h; nt_exit",
        0,
        "",
        [">a:", ">7:b:", ">c:", ">e:x=1", r">f\<g:", ">h:"]
        + [">d.%d:" % n for n in range(12, 0, -1)]
        + ["<d.%d:" % n for n in range(1, 13)]
        + [">i:", ">d.2:", ">d.1:", "<d.1:", "<d.2:", "<i:status=0"]
        + ["<h:n=1,m=2", r"<f\<g:", "<e:q=1", "<c:r=1", "<7:b:z=1", "<a:", ">h:", "<h:"],
    ),
    (
        "a path in a variable that looks like an option value",
        "p='x y'; nt_enter \"$p.z\" \"k=$p\"; nt_exit -a 'a=b' \"$p\" -- \"-c=1\"",
        0,
        "",
        [">x y.z:k=x y", r"<x y.z:a\=b=x y,-c=1"],
    ),
]


def check_behaviour(shell):
    env = {"NT_FILE": HERE + "/nulltrace.sh", "NT_SHELL": " ".join(SHELLS[shell])}
    split_words = b"setopt sh_word_split\n" if shell == "zsh" else b""
    for name, script, status, stdout, markers in BEHAVIOUR:
        if shell == "ksh" and name.startswith("spans never ended"):
            continue  # a process for each marker: ten thousand take minutes
        for odd in (False, True):
            text = split_words + (b"set -u\n" if odd else b"") + load(shell) + script.encode() + b"\n"
            ran, writes, _ = run(shell, text, env)
            writes = [write.decode() for write in writes if re.match(rb"[<>]:|\[", write)]
            if (ran.returncode, ran.stdout.decode(), ran.stderr) != (status, stdout, b""):
                fail(shell, name, ran.returncode, ran.stdout, ran.stderr)
            own = {found.group(1) for w in writes if (found := re.match(r"[<>]:(\d{11,}):", w))}
            own -= {"9223372036854775807", "9" * 18, str((1 << 48) - 1)}
            if len(own) > 1:
                fail(shell, name, "more than one id", own)
            if markers is None:
                enters = sorted(w[2:].split(":")[1] for w in writes if w[0] == ">")
                if enters != sorted(w[2:].split(":")[1] for w in writes if w[0] == "<") or not enters:
                    fail(shell, name, "enters and exits differ", writes[:6])
                continue
            wanted = []
            for marker in markers:
                parts = marker[1:].replace("!:", ":").split(":")
                if len(parts) == 2:
                    parts.insert(0, "".join(own))
                wanted.append(":".join([marker[0]] + parts) + ":")
            if writes != wanted:
                fail(shell, name, "\n   wrote ", writes, "\n   wanted", wanted)


def check_rest(shell):
    # Off: nothing is written, the commands run.
    script = load(shell) + b"(exit 3); nt_enter a; echo $?; nt_span -a k v -t b -- c echo x; nt_span d false; echo $?; nt_exit"
    script = script.replace(b"-t b -- c", b"b")
    ran, writes, forks = run(shell, script, {"NULLTRACE": "off"})
    if (ran.stdout, ran.stderr, writes[1:]) != (b"3\nx\n1\n", b"", []):
        fail(shell, "off", ran.stdout, ran.stderr, writes)
    # What NULLTRACE means, and that what starts off can be switched on.
    for value, on in [("0", 0), ("OFF", 0), ("False", 0), ("no", 0), ("", 1), ("1", 1), ("on", 1), ("offf", 1)]:
        ran, writes, _ = run(shell, load(shell) + b"nt_enabled; echo $?; nt_set_enabled 1; nt_enter a; nt_exit", {"NULLTRACE": value})
        if (ran.stdout, ran.stderr, len(writes)) != (b"%d\n" % (1 - on), b"", 3):
            fail(shell, "NULLTRACE", value, ran.stdout, ran.stderr, writes)
    # Plain, but too long: what does not fit is left out or cut off, as elsewhere.
    script = b"l=x; while [ ${#l} -lt 4096 ]; do l=$l$l; done\n"
    script += b'for a in "k=$l" "k=v"; do nt_enter a "$a" "m=$l"; nt_exit "m=$l" "$a"; nt_span -a m "$l" a true; done; nt_enter a "k=$l"; nt_exit "k=$l"'
    _, writes, _ = run(shell, load(shell) + script)
    own = re.match(rb">:(\d+):", writes[1]).group(1)
    long = b"x" * 4096
    wanted = []
    for arg in (b"k=" + long, b"k=v"):
        wanted += [(b">", arg + b",m=" + long), (b"<", b"m=" + long + b"," + arg), (b">", b"m=" + long), (b"<", b"status=0")]
    wanted += [(b">", b"k=" + long), (b"<", b"k=" + long)]
    wanted = [expected(shell, tuple(b"%s:%s:a:%s:" % (direction, own, text) for text in (args, b""))) for direction, args in wanted]
    if writes[1:] != wanted:
        fail(shell, "too long", [write[:40] for write in writes[1:]], [len(write) for write in writes[1:]])
    # Ids of two shells differ, are above 2^32 and below 2^63.
    ids = set()
    for _ in range(5):
        ran, _, _ = run(shell, SOURCE + b"echo $_nt_own", strace=False)
        ids.add(int(ran.stdout))
    if len(ids) != 5 or not all(1 << 32 < number < 1 << 63 for number in ids):
        fail(shell, "ids", ids)
    # No names but its own; no descriptors.
    script = b"ls /proc/self/fd | wc -l; before=$(set | sed -n 's/^\\([A-Za-z_0-9]*\\)=.*/\\1/p' | sort -u)\n" + SOURCE
    script += b"nt_enter a k=v; nt_span b true; nt_exit 'l=\n'; ls /proc/self/fd | wc -l\n"
    script += b"after=$(set | sed -n 's/^\\([A-Za-z_0-9]*\\)=.*/\\1/p' | sort -u)\n"
    script += b"printf '%s\\n' \"$before\" \"$after\" | sort | uniq -u | grep -v '^_nt_\\|^before$'\n"
    ran, _, _ = run(shell, script, strace=False)
    count, after, *names = ran.stdout.decode().split()
    names = set(names) - {"BASH_ARGC", "BASH_ARGV", "PIPESTATUS", "_", "pipestatus", "FUNCNAME", "RANDOM", "KSH_MATCH"}
    if count != after or names:
        fail(shell, "leaves", ran.stdout, ran.stderr)
    # A null device that cannot be written to: silent.
    script = b"mount -t tmpfs none /dev 2> /dev/null || exit 9\n" + SOURCE
    script += b"nt_enter a; nt_span b echo ran; nt_exit; ls -A /dev\n"
    with tempfile.NamedTemporaryFile() as file:
        file.write(script)
        file.flush()
        ran = subprocess.run(["unshare", "-m"] + SHELLS[shell] + [file.name], capture_output=True)
    if ran.returncode == 9:
        print("skipped:", shell, "without a null device: cannot mount here")
    elif (ran.stdout.strip(), ran.stderr) != (b"ran", b""):
        fail(shell, "without a null device", ran.returncode, ran.stdout, ran.stderr)


# What a span may cost in bash and dash, in pairs of bare echos of the same text: about half more than it does in bash, as a
# busy machine disturbs. One that goes the way of the rare ones costs 5 to 40.
COSTS = [
    ("nt_enter a.b; nt_exit", "", "", 2.7),
    ("nt_span a.b :", "", "status=0", 2.9),
    ('nt_enter a.b "k=$i"; nt_exit', "k=$i", "", 3.0),
    ('nt_enter a.b "k=$i" m=w; nt_exit', "k=$i,m=w", "", 3.0),
    ('nt_enter a.b; nt_exit "k=$i"', "", "k=$i", 3.3),
    ('nt_enter a.b; nt_exit "k=$i" m=w', "", "k=$i,m=w", 3.3),
    ('nt_span -a k "$i" a.b :', "k=$i", "status=0", 4),
    ('nt_span -a k "$i" -a m w a.b :', "k=$i,m=w", "status=0", 4.5),
    ("nt_enter a.b; nt_enter a.b.c; nt_exit; nt_exit", "", "", 3.5),
]


def cpu_time(shell, body, times):
    """CPU seconds of a body ten times in a loop, without the loading."""
    spent = []
    for count in (0, times):
        script = SOURCE + b"i=0; while [ $i -lt %d ]; do %s; i=$((i + 1)); done" % (count, b"; ".join([body.encode()] * 10))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(SHELLS[shell] + ["-c", script], check=True, env={**os.environ, "NULLTRACE": ""})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return spent[1] - spent[0]


def check_cost(shell):
    for body, enter, leave, limit in COSTS:
        echos = 'echo ">:t:a.b:%s:" > /dev/null; echo "<:t:a.b:%s:" > /dev/null' % (enter, leave)
        spans = body.count("nt_enter") or 1
        ratios = []
        # The two are measured one after the other, so that what disturbs one disturbs both.
        for _ in range(7):
            ratios.append(cpu_time(shell, body, 60) / spans / max(cpu_time(shell, echos, 60), 1e-6))
        if statistics.median(ratios) > limit:
            fail(shell, "costs", body, ["%.2f" % ratio for ratio in sorted(ratios)], "times two echos, more than", limit)


def main():
    vectors, nulltrace, *only = sys.argv[1:]
    table = cases(vectors)
    for shell, command in SHELLS.items():
        if only and shell not in only:
            continue
        if not shutil.which(command[0]) and shell in MAY_MISS:
            print("skipped:", shell, "is not installed")
            continue
        if not shutil.which(command[0]):
            fail("no", shell, "here")
            continue
        checked = []
        for odd in (False, True):
            check_encoding(shell, table, odd, checked)
        check_parse(nulltrace, checked)
        check_behaviour(shell)
        check_rest(shell)
        if shell in ("bash", "dash"):
            check_cost(shell)
        print("shell: %s: %d markers and %d scripts" % (shell, len(checked), len(BEHAVIOUR)))
    sys.exit(1 if failures else 0)


main()
