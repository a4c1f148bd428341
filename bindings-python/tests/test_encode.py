"""The vectors of spec/, byte for byte, and what the parser reads in them."""

import json
import random

import pytest
from conftest import ROOT, parse

import nulltrace

VECTORS = [json.loads(line) for line in (ROOT / "spec/vectors/encode.jsonl").open(encoding="utf-8")]
encode = nulltrace._impl.encode


def octets(it):
    return bytes.fromhex(it["hex"]) if isinstance(it, dict) else it.encode()


def number(text):
    return text if text in ("", "g", "t", "p", "pp") else int(text)


def given(case):
    tags = tuple(octets(tag) for tag in case["tags"])
    return case["dir"], number(case["id"]), tags, [(octets(n), octets(v)) for n, v in case["args"]]


# There is no choice of a form here.
CASES = [case for case in VECTORS if "form" not in case]


def test_there_are_vectors():
    assert len(CASES) > 40


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_vector(case):
    if case.get("code") == "E_LIMIT":
        # Sent as its first 4097 bytes: the collector counts it as cut.
        assert len(encode(*given(case))) == 4097
    elif "code" in case:
        with pytest.raises(ValueError, match="^" + case["code"] + "$"):
            encode(*given(case))
    else:
        marker = encode(*given(case))
        assert marker == octets(case["bytes"])


def test_what_is_written_is_read():
    cases = [case for case in CASES if "bytes" in case and isinstance(case["bytes"], str)]
    markers = [encode(*given(case)) for case in cases]
    for case, found in zip(cases, parse(markers)):
        assert found["tags"] == case["tags"], case["name"]
        assert found["args"] == case["args"], case["name"]
        assert found["dir"] == case["dir"], case["name"]
        assert str(found["id"]) == str(number(case["id"])), case["name"]


def test_any_text_is_read_back():
    chance = random.Random(7)
    letters = [chr(c) for c in range(0, 0x80)] + ["é", "日", "🎈"] + list(".:=,\\<>\"") * 4

    def text(least):
        return "".join(chance.choices(letters, k=chance.randint(least, 6)))

    wanted = [
        ([text(1) for _ in range(chance.randint(1, 4))], [[text(1), text(0)] for _ in range(chance.randint(0, 3))])
        for _ in range(500)
    ]
    markers = [encode("<", 5, tuple(tags), args) for tags, args in wanted]
    found = [(it["tags"], it["args"]) for it in parse(markers)]
    assert found == wanted


def test_both_implementations_write_the_same():
    native = pytest.importorskip("nulltrace._nulltrace", exc_type=ImportError)
    from nulltrace import _pure

    class Shown:
        def __str__(self):
            return "shown,"

    values = [0, -7, 1 << 62, 1 << 70, True, None, 1.5, b"\xff:", bytearray(b"x="), "é\ud800", "\udcff", Shown(), [1]]
    values += ["x" * 5000, "x" * 4095 + "\n", "\n" * 4000, "日" * 2000, "x" * 5000 + "\n"]
    for value in values:
        for id in ("", "g", "t", "p", "pp", 0, -1, (1 << 63) - 1, True):
            args = {"name": value, "b": 2}
            assert native.encode(">", id, ("a", "b.c"), args) == _pure.encode(">", id, ("a", "b.c"), args), value
        assert native.encode("<", "t", (str(value)[:300].encode("utf-8", "replace"),)) == _pure.encode(
            "<", "t", (str(value)[:300].encode("utf-8", "replace"),)
        )


@pytest.mark.parametrize("id", ["gui-7", "T", 1 << 63, -(1 << 63) - 1, 1.5, b"t"])
def test_what_is_no_id_is_refused(id):
    with pytest.raises(ValueError, match="^E_ID$"):
        encode(">", id, ("a",))


def test_values_without_text_are_left_out():
    class Broken:
        def __str__(self):
            raise RuntimeError("broken")

    assert encode(">", "t", ("a",), {"x": Broken(), "y": 1}) == b">:t:a:y=1:"

    class Stopped:
        def __str__(self):
            raise KeyboardInterrupt

    # Not tracing's to swallow.
    with pytest.raises(KeyboardInterrupt):
        encode(">", "t", ("a",), {"x": Stopped()})


def test_a_dict_that_changes_while_it_is_read():
    args = {}

    class Grows:
        def __str__(self):
            args["more%d" % len(args)] = 1
            return "grown"

    args["x"] = Grows()
    assert encode(">", "t", ("a",), args) == b">:t:a:x=grown:"
