"""Blocks, start and stop, children, tags and ids."""

import gc
import os
import pickle
import sys
import textwrap
import threading
import weakref

import pytest
from conftest import python

import nulltrace
from nulltrace import Tracer


def test_implementation():
    assert nulltrace.implementation == ("pure" if os.environ.get("NULLTRACE_PURE") == "1" else "native")


def test_a_block(written):
    with Tracer("a.b") as t:
        assert t.tag == "a.b" and t.tags == ("a", "b") and t.id == "t"
    assert written.raw() == [b">:t:a.b::", b"<:t:a.b::"]


def test_a_site_is_reused(written):
    t = Tracer("a")
    for _ in range(4):
        with t:
            with t:
                pass
    assert written.raw() == [b">:t:a::", b">:t:a::", b"<:t:a::", b"<:t:a::"] * 4


def test_arguments_are_read_when_they_are_needed(written):
    with Tracer("a", {"x": 8, "y": "u,v"}, {"z": None}) as t:
        t.exit_args["rows"] = 3
    t.enter_args["x"] = 9
    t.exit_args = None
    with t:
        pass
    with Tracer("b") as t:
        t.exit_args["rows"] = 4
    assert written.raw() == [
        b">:t:a:x=8,y=u\\,v:",
        b"<:t:a:z=None,rows=3:",
        b">:t:a:x=9,y=u\\,v:",
        b"<:t:a::",
        b">:t:b::",
        b"<:t:b:rows=4:",
    ]


def test_many_arguments(written):
    with Tracer("a", {"n%d" % n: n for n in range(64)}):
        pass
    with Tracer("a", {"n%d" % n: n for n in range(65)}):
        pass
    first = written.parsed()
    assert [len(it["args"]) for it in first] == [64, 0, 0]


def test_tags_as_a_list(written):
    with Tracer(["a.b", "c"]):
        pass
    with Tracer(("ü", b"\xff")) as t:
        assert t.tags == ("ü", "\udcff")
    assert written.raw() == [rb">:t:a\.b.c::", rb"<:t:a\.b.c::", b">:t:\xc3\xbc.\xff::", b"<:t:\xc3\xbc.\xff::"]


@pytest.mark.parametrize("tag", ["", "a..b", ".a", [], [""], ".".join("a" * 33), ["a", ""]])
def test_what_no_marker_can_say_is_not_written(written, tag):
    with Tracer(tag) as t:
        with t.span("c"):
            pass
        t.start()
        t.stop()

    @Tracer(tag)
    def f():
        return 7

    assert f() == 7
    assert written.raw() == []


def test_an_empty_child_is_refused(written):
    t = Tracer("a")
    for child in ("", [], "b..c"):
        with t.span(child):
            pass
    assert written.raw() == []


@pytest.mark.parametrize("id", ["gui", 1 << 63, 1.5])
def test_what_is_no_id_is_not_written(written, id):
    with Tracer("a", id=id) as t:
        assert t.id == id
    assert Tracer("a", id=id)(lambda: 7)() == 7
    assert written.raw() == []


def test_an_empty_name_of_an_argument(written):
    with Tracer("a", {"": 1}):
        pass
    assert written.raw() == [b"<:t:a::"]


@pytest.mark.parametrize("id", ["", "g", "t", "p", "pp", 7, -7])
def test_ids(written, id):
    with Tracer("a", id=id) as t:
        with t.span("b") as child:
            assert child.id == id
    text = str(id).encode()
    assert written.raw() == [b">:%b:a::" % text, b">:%b:a.b::" % text, b"<:%b:a.b::" % text, b"<:%b:a::" % text]


def test_children(written):
    with Tracer("g") as g:
        with g.span("f", {"x": 1}, {"y": 2}):
            pass
        with g.span("h.i") as h:
            with h.span(["u.v"]):
                pass
    assert written.raw() == [
        b">:t:g::",
        b">:t:g.f:x=1:",
        b"<:t:g.f:y=2:",
        b">:t:g.h.i::",
        rb">:t:g.h.i.u\.v::",
        rb"<:t:g.h.i.u\.v::",
        b"<:t:g.h.i::",
        b"<:t:g::",
    ]


def test_start_and_stop(written):
    t = Tracer("a")
    t.start()
    t.stop({"x": 1})
    t.start("b.c", {"y": 2})
    t.stop()
    t.start(args={"z": 3})
    t.stop(args={})
    assert written.raw() == [b">:t:a::", b"<:t:a:x=1:", b">:t:b.c:y=2:", b"<:t:b.c::", b">:t:b.c:z=3:", b"<:t:b.c::"]


def test_the_automatic_tag_is_the_line(written):
    with Tracer() as t:
        with t.span():
            pass
    t = Tracer()
    t.start()
    t.stop()
    line = test_the_automatic_tag_is_the_line.__code__.co_firstlineno
    tags = [it["tags"] for it in written.parsed()]
    here = "tests/test_tracer.py:%d(test_the_automatic_tag_is_the_line)"
    assert tags == [
        [here % (line + 1)],
        [here % (line + 1), here % (line + 2)],
        [here % (line + 1), here % (line + 2)],
        [here % (line + 1)],
        [here % (line + 5)],
        [here % (line + 5)],
    ]


def test_an_exception_ends_a_span(written):
    with pytest.raises(ZeroDivisionError):
        with Tracer("a", None, {"x": 1}):
            1 / 0
    with pytest.raises(KeyboardInterrupt):
        with Tracer("b"):
            raise KeyboardInterrupt
    assert written.raw() == [b">:t:a::", b"<:t:a:x=1,error=ZeroDivisionError:", b">:t:b::", b"<:t:b:error=KeyboardInterrupt:"]


def test_a_tag_can_be_set(written):
    t = Tracer("a")
    with t:
        pass
    t.tag = "b.c"
    with t:
        pass
    assert written.raw() == [b">:t:a::", b"<:t:a::", b">:t:b.c::", b"<:t:b.c::"]


def test_a_value_that_uses_its_own_tracer(written):
    t = Tracer("before")

    class Renames:
        def __str__(self):
            t.tag = "behind"
            t.enter_args = None
            gc.collect()
            return "v"

    t.enter_args = {"x": Renames()}
    with t:
        pass
    assert written.raw() == [b">:t:behind:x=v:", b"<:t:behind::"]


class Reversed(dict):
    def items(self):
        return [(name[::-1], value) for name, value in super().items()]


ARGS = [
    {"n": 0},
    {"n": -1, "m": 10, "k": -(1 << 63)},
    {"n": (1 << 63) - 1, "m": 1 << 63, "k": True},
    {"n": 99, "m": 100, "k": 10**18},
    {"n": "", "m": " ", "k": "\x7f"},
    {"n": "a:b", "m": "a=b", "k": "a,b"},
    {"n": "a\\b", "m": ".<>", "k": '"'},
    {"n": "a\nb"},
    {"n": "\0", "m": "é日🎈"},
    {"n": "\udcff", "m": "\ud800"},
    {"a:b": 1, "a=b": 2, "a,b": 3, "a\\b": 4, ".<>": 5},
    {"a\nb": 1},
    {"é日🎈": 1, "\udcff": 2},
    {"n" * 29: 1, "n" * 30: 2, "n" * 31: 3, "n" * 300: 4},
    {"": 1},
    {1: 2, None: 3, b"x": b"y"},
    {"n": None, "m": 1.5, "k": [1]},
    {"n": "x" * 490},
    {"n": "x" * 600},
    {"n": "x" * 5000},
    {"n%d" % n: n for n in range(64)},
    {"n%d" % n: n for n in range(65)},
    {str(n): "" for n in range(65)},
    Reversed({"ab": 1}),
    [("x", 1), ("y", "z")],
    {},
    (),
    0,
]


@pytest.mark.parametrize("tag", ["a", "a.b", "ü", "a:b", "a\nb", "x" * 600], ids=range(6))
@pytest.mark.parametrize("args", ARGS, ids=range(len(ARGS)))
def test_a_marker_is_what_the_encoder_makes(written, tag, args):
    encode = nulltrace._impl.encode
    for _ in range(3):
        with Tracer(tag, args, args):
            pass
    try:
        pairs = list(args.items() if hasattr(args, "items") else args or ())
        wanted = [encode(dir, "t", tag.split("."), pairs) for dir in "><"] * 3
    except ValueError:
        wanted = []
    assert written.raw() == wanted


def test_tags_that_are_made_anew(written):
    # Their objects come to lie where others lay before.
    wanted = []
    for n in range(3000):
        tag, name = "t%d.x" % (n % 700), "n%d" % (n % 300)
        wanted += [">:t:%s:%s=%d:" % (tag, name, n), "<:t:%s::" % tag]
        with Tracer(tag, {name: n}):
            pass
        if n % 10 == 9:
            assert written.raw() == [it.encode() for it in wanted]
            wanted = []


def test_what_was_made_of_a_text_is_not_changed_by_a_tracer(written):
    tag = "".join(["a.", "b"])
    for _ in range(3):
        t, other, listed = Tracer(tag), Tracer(tag, id=7), Tracer([tag])
        t.tag = "c"
        other.start("d")
        with Tracer(tag) as it, other, listed, t:
            assert it.tags == ("a", "b") and it.span(tag).tags == ("a", "b") * 2
    assert written.raw() == [
        b">:7:d::",
        *[b">:t:a.b::", b">:7:d::", rb">:t:a\.b::", b">:t:c::"],
        *[b"<:t:c::", rb"<:t:a\.b::", b"<:7:d::", b"<:t:a.b::"],
    ] * 3


def test_texts_are_given_back(written):
    tag, name = "".join(["ta", "g"]), "".join(["na", "me"])
    before = sys.getrefcount(tag), sys.getrefcount(name)
    for _ in range(100):
        with Tracer(tag, {name: 1}):
            pass
    # One may be kept, to be known again.
    assert sys.getrefcount(tag) <= before[0] + 1 and sys.getrefcount(name) <= before[1] + 1
    written.raw()


def test_long_markers_are_cut_in_one_write(written):
    with Tracer("a", {"x": "y" * 100_000}):
        pass
    with Tracer("b" * 5000):
        pass
    sizes = [len(marker) for marker in written.raw()]
    assert sizes == [4097, 7, 4097, 4097]


def test_threads(written):
    t = Tracer("a")

    def work(n):
        with t.span("w", {"n": n}):
            pass

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = written.raw()
    assert sorted(m for m in found if m[:1] == b">") == [b">:t:a.w:n=%d:" % n for n in range(8)]
    assert found.count(b"<:t:a.w::") == 8


def test_derived_classes(written):
    class Mine(Tracer):
        def __init__(self, tag, *args):
            self.extra = 1

        def span(self, *args):
            return super().span(*args)

    with Mine("a") as t:
        assert isinstance(t, Mine) and t.extra == 1
        with t.span("b") as child:
            assert isinstance(child, Mine)
    assert len(written.raw()) == 4


def test_memory_is_given_back():
    t = Tracer("a")
    t.enter_args = {"me": t}
    gone = weakref.ref(t)
    del t
    gc.collect()
    assert gone() is None

    @Tracer("a")
    def f():
        return f

    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


def test_the_class_may_be_given_other_functions():
    code = """
    from nulltrace import Tracer
    Tracer("a", {"n": 1})
    seen = []
    Tracer.__init__ = lambda self, *args, **more: seen.append((type(self), args, more))
    assert Tracer("a", {"n": 1}, id=7).id == 7 and Tracer(len) is not len
    assert seen == [(Tracer, ("a", {"n": 1}), {"id": 7})], seen
    del Tracer.__init__
    assert Tracer("b").tag == "b" and len(seen) == 1
    Tracer.__new__ = lambda cls, *args, **more: (cls, args, more)
    assert Tracer("d", id=7) == (Tracer, ("d",), {"id": 7})
    """
    run = python(textwrap.dedent(code))
    assert run.returncode == 0, run.stderr


def test_what_has_no_truth_is_not_recursive():
    class Broken:
        def __bool__(self):
            raise KeyError("broken")

    with pytest.raises(KeyError):
        Tracer("a", recursive=Broken())


def test_errors_are_given_back(written):
    class Broken:
        def __str__(self):
            raise RuntimeError("broken")

        def __getattr__(self, name):
            raise AttributeError(name)

    def fail():
        for wrong in ((1, 2, 3), ()):
            with pytest.raises(TypeError):
                Tracer("a", *wrong, tag="b")
        with Tracer("a", {"x": Broken()}, [("x", Broken())]) as t:
            t.stop(Broken())
        Tracer([Broken()])
        written.raw()

    for _ in range(50):
        fail()
    before = sys.getallocatedblocks()
    for _ in range(500):
        fail()
    gc.collect()
    assert sys.getallocatedblocks() < before + 250


def test_wrong_calls_are_type_errors():
    with pytest.raises(TypeError):
        Tracer("a", 1, 2, 3)
    with pytest.raises(TypeError):
        Tracer("a", tags=1)
    with pytest.raises(TypeError):
        Tracer("a", tag="b")
    with pytest.raises(TypeError):
        Tracer("a", {}, id=1, enter_args={})
    with pytest.raises(TypeError):
        Tracer("a").start("b", tag="c")
    with pytest.raises(TypeError):
        Tracer("a").span(nothing=1)
    with pytest.raises(TypeError):
        Tracer("a").stop(1, 2)


def test_a_tracer_has_a_signature():
    import inspect

    found = inspect.signature(Tracer).parameters.values()
    assert [(it.name, it.default, it.kind.name) for it in found] == [
        ("tag", None, "POSITIONAL_OR_KEYWORD"),
        ("enter_args", None, "POSITIONAL_OR_KEYWORD"),
        ("exit_args", None, "POSITIONAL_OR_KEYWORD"),
        ("id", None, "KEYWORD_ONLY"),
        ("recursive", True, "KEYWORD_ONLY"),
    ]


@Tracer
def picked(n):
    return n + 1


def test_a_decorated_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(picked)) is picked
