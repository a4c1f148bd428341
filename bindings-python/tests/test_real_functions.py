"""A traced function is taken for a function wherever a Python decorator is."""

import abc
import copy
import dataclasses
import doctest
import enum
import functools
import inspect
import os
import pickle
import sys
import types
import typing
from unittest import mock

import pytest
from conftest import PURE, python

import nulltrace
from nulltrace import Args, Tracer


def tags(written):
    """Of the spans that began, in order."""
    return [m.split(":")[2] for m in written.text() if m[0] == ">"]


def outer(k=3):
    def plain(a: int, /, b: "str" = "x", *rest, c=k, **more) -> float:
        "doc"
        return (a, b, rest, c, more, k)

    return plain


plain = outer()
traced = Tracer(plain)


@Tracer
def in_module(n: int) -> int:
    """
    >>> in_module(2)
    3
    """
    return n + 1


def test_its_type_and_attributes():
    assert type(traced) is types.FunctionType and inspect.isfunction(traced) and inspect.isroutine(traced)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__"):
        assert getattr(traced, name) == getattr(plain, name), name
    assert traced.__globals__ is plain.__globals__ and traced.__annotations__ == plain.__annotations__
    assert traced.__closure__[: len(plain.__closure__)] == plain.__closure__
    assert isinstance(traced.__code__, types.CodeType)
    parts = "filename name firstlineno argcount posonlyargcount kwonlyargcount"
    for name in ["co_" + part for part in parts.split()]:
        assert getattr(traced.__code__, name) == getattr(plain.__code__, name), name
    assert inspect.getfile(traced) == __file__ and inspect.unwrap(traced) is plain
    assert inspect.getsource(traced) == inspect.getsource(plain)
    assert inspect.signature(traced) == inspect.signature(plain) == inspect.signature(traced, follow_wrapped=False)
    assert inspect.getfullargspec(traced) == inspect.getfullargspec(plain)
    assert typing.get_type_hints(in_module) == {"n": int, "return": int}


def test_arguments_of_all_kinds(written):
    assert traced(1) == (1, "x", (), 3, {}, 3)
    assert traced(1, "y", 2, c=4, d=5) == (1, "y", (2,), 4, {"d": 5}, 3)
    assert traced(1, b="z") == (1, "z", (), 3, {}, 3)
    assert functools.partial(traced, 1)(*["y"], **{"c": 0}) == (1, "y", (), 0, {}, 3)
    assert list(map(traced, [1])) == [plain(1)]
    for wrong in (lambda: traced(), lambda: traced(a=1)):
        with pytest.raises(TypeError):
            wrong()


def test_names_that_are_also_its_own(written):
    @Tracer
    def f(_nulltrace, z_nulltrace=1, *, é=2):
        return _nulltrace, z_nulltrace, é

    assert f(0) == (0, 1, 2) and f(0, 5, é=6) == (0, 5, 6)
    assert written.raw() == [b">:t:f::", b"<:t:f::"] * 2


def test_defaults_that_change(written):
    def f(n=1):
        return n

    g = Tracer(f, {"n": Args(0)})
    assert g() == 1
    g.__defaults__ = (2,)
    if g() == 2:
        assert written.raw()[2] == b">:t:f:n=2:"


def test_a_traceback_shows_the_function(written):
    @Tracer
    def f():
        raise KeyError

    try:
        f()
    except KeyError as error:
        trace, names = error.__traceback__.tb_next, []
        while trace:
            names.append((trace.tb_frame.f_code.co_filename, trace.tb_frame.f_code.co_name))
            trace = trace.tb_next
    # With the one line of code of the traced function, or without.
    assert set(names) == {(__file__, "f")} and len(names) <= 2


def test_a_chain_of_decorators(written):
    def other(fn):
        @functools.wraps(fn)
        def inner(*args, **kwargs):
            return fn(*args, **kwargs) * 10

        return inner

    @Tracer("outermost")
    @other
    @Tracer("middle")
    @Tracer
    @other
    def f(n):
        return n

    assert f(1) == 100 and f.__name__ == "f" and str(inspect.signature(f)) == "(n)"
    assert tags(written) == ["outermost", "middle", "f"]


def test_what_a_cache_has(written):
    @Tracer
    @functools.lru_cache(maxsize=None)
    def f(n):
        return n

    assert f(1) == f(1) == 1 and f.cache_info().hits == 1
    f.cache_clear()
    assert f.cache_info().currsize == 0 and tags(written) == ["f", "f"]


def test_what_an_object_can_do_besides(written):
    class Task:
        name = "task"

        def __call__(self, n):
            return n

        def delay(self, n):
            return [self(n)]

        @property
        def broken(self):
            raise ValueError

    f = Tracer(Task())
    assert f(1) == 1 and f.delay(2) == [2] and f.name == "task" and not hasattr(f, "broken")
    assert tags(written) == ["Task"]


def test_mock(written):
    spec = mock.create_autospec(traced)
    spec(1, c=2)
    spec.assert_called_once_with(1, c=2)
    with pytest.raises(TypeError):
        spec()

    class Service:
        @Tracer
        def call(self, n):
            return n

    service = mock.create_autospec(Service, instance=True)
    service.call(1)
    with pytest.raises(TypeError):
        service.call()
    with mock.patch.object(Service, "call", autospec=True) as call:
        Service().call(7)
        assert call.call_count == 1


def test_methods_that_a_class_knows(written):
    class Base:
        made = []

        @Tracer
        def __new__(cls, *args):
            return super().__new__(cls)

        @Tracer
        def __init_subclass__(cls, **more):
            super().__init_subclass__(**more)
            cls.made.append(cls.__name__)

        @Tracer
        def __class_getitem__(cls, item):
            return cls.__name__, item

        @Tracer
        def __getattr__(self, name):
            return name

        @Tracer
        def __len__(self):
            return 4

    class Derived(Base):
        pass

    assert Base.made == ["Derived"] and Derived[int] == ("Derived", int)
    assert Derived().missing == "missing" and len(Derived()) == 4
    assert tags(written) == [
        *["__init_subclass__", "__class_getitem__", "__new__", "__getattr__"],
        *["__new__", "__len__"],
    ]


class Descriptors:
    def __init__(self):
        self.x = 1

    @Tracer
    @property
    def prop(self):
        "doc of prop"
        return self.x

    @prop.setter
    def prop(self, x):
        self.x = x

    def _set(self, x):
        self.x = x

    def _del(self):
        self.x = None

    all_three = Tracer(property(lambda self: self.x, _set, _del))

    @Tracer
    @functools.cached_property
    def cached(self):
        return object()

    def add(self, n, m):
        return n + m

    partial = Tracer(functools.partialmethod(add, 5))

    @Tracer
    @functools.singledispatchmethod
    def dispatched(self, it):
        return "any"

    @dispatched.register
    def _(self, it: int):
        return "int"

    @Tracer
    @classmethod
    def of_class(cls):
        return cls.__name__

    @Tracer("a.tag")
    @property
    def tagged(self):
        return 7

    @Tracer(exit_args={})
    @property
    def with_arguments(self):
        return 8


def test_descriptors(written):
    it = Descriptors()
    assert it.prop == 1 and Descriptors.prop.__doc__ == "doc of prop"
    it.prop = 2
    assert it.all_three == 2
    it.all_three = 3
    del it.all_three
    assert it.x is None and it.cached is it.cached
    assert it.partial(6) == 11 and it.partial(m=7) == 12
    assert it.dispatched("") == "any" and it.dispatched(1) == "int"
    assert it.of_class() == "Descriptors" and it.tagged == 7 and it.with_arguments == 8
    assert tags(written) == [
        *["prop", r"\<lambda\>", "_set", "_del", "cached", "add", "add", "dispatched", "dispatched"],
        *["of_class", "a.tag", "with_arguments"],
    ]


def test_a_descriptor_inside_a_span(written):
    t = Tracer("t")

    class C:
        @t.span
        @property
        def p(self):
            return 1

    assert C().p == 1 and tags(written) == ["t.p"]


def test_a_descriptor_of_another_kind_stays():
    class Own:
        def __get__(self, it, kind=None):
            return 7

    own = Own()
    assert Tracer(own) is own and Tracer("x")(own) is own


def test_abstract_methods(written):
    class Base(abc.ABC):
        @Tracer
        @abc.abstractmethod
        def one(self): ...

        @abc.abstractmethod
        @Tracer
        def two(self): ...

        @Tracer
        @property
        @abc.abstractmethod
        def three(self): ...

    assert Base.__abstractmethods__ == {"one", "two", "three"}
    with pytest.raises(TypeError):
        Base()


def test_enums(written):
    class Color(enum.Enum):
        RED = 1

        @Tracer
        def shout(self):
            return self.name + "!"

        @Tracer
        @property
        def code(self):
            return self.value

        @Tracer
        @staticmethod
        def names():
            return [it.name for it in Color]

    assert list(Color) == [Color.RED] and Color.RED.shout() == "RED!" and Color.RED.code == 1
    assert Color.names() == ["RED"] and tags(written) == ["shout", "code", "names"]


def test_dataclasses(written):
    def both(**more):
        @dataclasses.dataclass(**more)
        class Point:
            x: int
            f: typing.Callable = in_module

            @Tracer
            def __post_init__(self):
                self.x += 1

            @Tracer
            @property
            def double(self):
                return self.x * 2

        return Point

    for kind in (both(), both(slots=True)) if sys.version_info >= (3, 10) else (both(),):
        assert kind(1).double == 4 and [field.name for field in dataclasses.fields(kind)] == ["x", "f"]
    assert tags(written)[:2] == ["__post_init__", "double"]


def test_doctests_are_found():
    found = doctest.DocTestFinder(exclude_empty=True).find(sys.modules[__name__], __name__)
    found = [it for it in found if it.name == __name__ + ".in_module"]
    assert [tuple(doctest.DocTestRunner(verbose=False).run(it))[:2] for it in found] == [(0, 1)]


def test_copies_and_pickles(written):
    assert copy.copy(in_module) is in_module and copy.deepcopy([in_module])[0] is in_module
    assert pickle.loads(pickle.dumps(in_module)) is in_module
    t = Tracer("a.b", {"x": 1}, {"y": [2]}, id=7, recursive=False)
    line = Tracer()
    within = t.span("c", {"z": 3})
    with t:
        for again in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
            assert (again.tags, again.id, again.enter_args, again.exit_args) == (("a", "b"), 7, {"x": 1}, {"y": [2]})
    assert copy.deepcopy(t).exit_args["y"] is not t.exit_args["y"]
    assert copy.copy(line).tag == line.tag and copy.copy(within).tags == ("a", "b", "c")
    f = pickle.loads(pickle.dumps(line))(in_module)
    assert written.raw() and f(1) == 2 and tags(written) == ["in_module", "in_module"]


class Mine(Tracer):
    def __init__(self, *args, **more):
        self.extra = [1]


def test_copies_of_a_derived_class():
    it = pickle.loads(pickle.dumps(Mine("a")))
    assert type(it) is Mine and it.extra == [1] and it.tag == "a"


CLOUD = """
import cloudpickle, os, pickle, subprocess, sys
import nulltrace
from nulltrace import Args, Kwds, ReturnValue, Tracer

def outer(k):
    @Tracer("a.b", {"n": Args(0), "m": Kwds("m")}, {"ret": ReturnValue})
    def f(n, m=2):
        return n + m + k
    return f

@Tracer
def plain(n):
    return n and plain(n - 1)

t = Tracer("t")
inside = t.span(lambda: 7)

@Tracer
async def task():
    return 3

if len(sys.argv) == 1:
    data = cloudpickle.dumps([outer(3), plain, inside, task, Tracer("x", {"y": 1})])
    code = "import sys, pickle; f, plain, inside, task, t = pickle.load(sys.stdin.buffer); CHECK"
    for pure in "01" if nulltrace.implementation == "native" else "1":
        env = {**os.environ, "NULLTRACE_PURE": pure}
        check = '''
import nulltrace, os, asyncio
read, write = os.pipe()
nulltrace._impl._redirect(write)
assert f(1) == 6 and plain(1) == 0 and inside() == 7 and asyncio.run(task()) == 3
with t: pass
found = os.read(read, 9999)
assert found.startswith(b">:t:a.b:n=1,m=2:<:t:a.b:ret=6:>:t:plain::>:t:plain::<:t:plain::<:t:plain::"), found
assert b"task" in found and found.endswith(b">:t:x:y=1:<:t:x::"), found
'''
        code = "import sys, pickle; f, plain, inside, task, t = pickle.load(sys.stdin.buffer)\\n" + check
        subprocess.run([sys.executable, "-c", code], input=data, env=env, check=True)
"""


def test_cloudpickle(tmp_path):
    pytest.importorskip("cloudpickle")
    run = python(CLOUD)
    assert run.returncode == 0, run.stderr


def test_pydantic(written):
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        a: int

        @Tracer
        def method(self):
            return self.a

        @pydantic.field_validator("a")
        @classmethod
        @Tracer
        def check(cls, a):
            return a + 1

        @pydantic.computed_field
        @property
        @Tracer
        def double(self) -> int:
            return 2 * self.a

    assert Model(a=1).method() == 2 and Model(a=1).model_dump() == {"a": 2, "double": 4}

    @pydantic.validate_call
    @Tracer
    def f(n: int) -> int:
        return n

    @Tracer
    @pydantic.validate_call
    def g(n: int) -> int:
        return n

    assert f("3") == 3 and g("4") == 4
    with pytest.raises(pydantic.ValidationError):
        f("x")
    assert tags(written) == ["check", "method", "check", "double", "f", "g"]


def test_celery(written):
    celery = pytest.importorskip("celery")
    app = celery.Celery("test", broker="memory://", backend="cache+memory://")
    app.conf.task_always_eager = True

    @app.task
    @Tracer
    def add(x, y=2):
        return x + y

    @app.task(bind=True)
    @Tracer
    def bound(self, x):
        return self.name, x

    @Tracer
    @app.task
    def outer(x):
        return x

    assert outer.delay(1).get() == outer(1) == 1 and tags(written) == ["outer"]
    assert add.delay(1).get() == 3 and add(1, y=3) == 4 and add.name == __name__ + ".add"
    assert bound.delay(1).get() == (__name__ + ".bound", 1)
    with pytest.raises(TypeError):
        add.delay(1, 2, 3)
    assert tags(written) == ["add", "add", "bound"]


def test_wrapt(written):
    wrapt = pytest.importorskip("wrapt")

    @wrapt.decorator
    def ten(wrapped, instance, args, kwargs):
        return instance, wrapped(*args, **kwargs) * 10

    class C:
        @ten
        @Tracer
        def f(self, n):
            return n

        @Tracer
        @ten
        def g(self, n):
            return n

    it = C()
    assert it.f(1) == (it, 10) and it.g(2)[1] == 20
    assert isinstance(wrapt.ObjectProxy(in_module), types.FunctionType) and tags(written) == ["f", "g"]


def test_click(written):
    click = pytest.importorskip("click")
    testing = pytest.importorskip("click.testing")

    @click.command()
    @click.option("--n", type=int)
    @Tracer
    def first(n):
        "help text"
        click.echo(n)

    @click.command()
    @Tracer
    @click.option("--n", type=int)
    def second(n):
        click.echo(n)

    runner = testing.CliRunner()
    assert runner.invoke(first, ["--n", "3"]).output == "3\n" and "help text" in runner.invoke(first, ["--help"]).output
    assert runner.invoke(second, ["--n", "4"]).output == "4\n" and tags(written) == ["first", "second"]


FIXTURES = """
import pytest
from nulltrace import Tracer

@pytest.fixture
@Tracer
def number(request):
    yield 7

@pytest.fixture
@Tracer
def more(number):
    return number + 1

class TestIt:
    @Tracer
    @pytest.mark.parametrize("n", [1, 2])
    def test_it(self, more, n):
        assert more + n in (9, 10)
"""


def test_pytest_fixtures(tmp_path):
    (tmp_path / "test_it.py").write_text(FIXTURES)
    code = "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', %r]))" % str(tmp_path)
    run = python(code, cwd=tmp_path)
    assert run.returncode == 0 and "2 passed" in run.stdout, run.stdout


def test_async_generators_of_a_class(written):
    import asyncio

    class C:
        @Tracer
        async def numbers(self, n):
            for i in range(n):
                yield i

    async def main():
        return [n async for n in C().numbers(3)]

    assert inspect.isasyncgenfunction(C.numbers) and asyncio.run(main()) == [0, 1, 2] and tags(written) == ["numbers"]


def test_a_fork_inside_a_call(written):
    for recursive in (True, False):

        @Tracer(recursive=recursive)
        def serve(n):
            if n == 0:
                child = os.fork()
                if child == 0:
                    for _ in range(5):
                        serve(1)
                    os._exit(0)
                os.waitpid(child, 0)

        serve(0)
        assert written.raw() == [b">:t:serve::", *[b">:t:serve::", b"<:t:serve::"] * 5, b"<:t:serve::"]


DEEP = """
import sys
from nulltrace import Tracer, Args
limit = int(sys.argv[1]) if len(sys.argv) > 1 else LIMIT
sys.setrecursionlimit(limit)
deep = 0
def plain(n):
    global deep
    deep = n
    plain(n + 1)
def by_name(*, n):
    global deep
    deep = n
    globals()["again"](n=n + 1)
def depth(fn, call):
    try:
        call(fn)
    except RecursionError:
        return deep
first = depth(plain, lambda fn: fn(0))
plain = Tracer(plain)
print(first, depth(plain, lambda fn: fn(0)))
for again in (Tracer("x", {"n": Args(0)})(by_name), Tracer("x", recursive=False)(by_name)):
    print(first, depth(again, lambda fn: fn(n=0)))
"""


@pytest.mark.parametrize("limit", [300, 1000, 5000])
def test_a_deep_recursion(limit):
    run = python(DEEP.replace("LIMIT", str(limit)))
    assert run.returncode == 0, run.stderr
    depths = [tuple(map(int, line.split())) for line in run.stdout.splitlines()]
    # In Python alone a traced call has two frames; and the first 24 KiB of the stack are counted as they are.
    least = (lambda plain: plain / 2 - 10) if PURE else (lambda plain: plain - 100)
    if sys.implementation.name == "pypy":
        # It measures the stack instead of counting.
        least = lambda plain: plain / 3
    assert len(depths) == 3 and all(least(plain) <= traced for plain, traced in depths), depths


# Python code cannot ask how much of the stack is left. It needs no more of it than the interpreter counts, where calls of
# Python functions take none.
@pytest.mark.skipif(
    PURE and sys.version_info < (3, 11),
    reason="calls of Python functions take the stack of the thread, and plain ones end the process there too",
)
@pytest.mark.parametrize("size", [128 << 10, 256 << 10, 1 << 20, 8 << 20])
def test_the_end_of_the_stack(size):
    code = """
    import sys, threading
    from nulltrace import Args, Tracer
    sys.setrecursionlimit(LIMIT)
    class Mine:
        @Tracer
        def method(self, n):
            return self.method(n + 1)
        @Tracer(enter_args={"n": Args(1)})
        def planned(self, n):
            return self.planned(n + 1)
    def run(fn):
        try:
            fn(0)
        except RecursionError as error:
            print(str(error)[:32])
    threading.stack_size(SIZE)
    for fn in (Mine().method, Mine().planned):
        thread = threading.Thread(target=run, args=(fn,))
        thread.start()
        thread.join()
    """
    # In Python alone frames are not on that stack; a million of them take long.
    code = inspect.cleandoc(code).replace("SIZE", str(size)).replace("LIMIT", str(100_000 if PURE else 1_000_000))
    run = python(code)
    assert run.returncode == 0 and run.stdout == "maximum recursion depth exceeded\n" * 2, (run.stdout, run.stderr)


def test_an_error_that_the_program_set(written):
    with pytest.raises(ValueError):
        with Tracer("a", None, {"error": "mine"}):
            raise ValueError
    with pytest.raises(ValueError):
        with Tracer("b") as t:
            t.exit_args["error"] = "first"
            t.exit_args["error"] = "last"
            raise ValueError

    @Tracer(exit_args={"error": "mine", "x": 1})
    def f():
        raise ValueError

    @Tracer(exit_args={"x": 1})
    def g():
        raise ValueError

    for fn in (f, g):
        with pytest.raises(ValueError):
            fn()
    assert written.raw()[1::2] == [b"<:t:a:error=mine:", b"<:t:b:error=last:", b"<:t:f:error=mine,x=1:", b"<:t:g:x=1,error=ValueError:"]


def test_arguments_counted_from_the_end(written):
    @Tracer(enter_args={"last": Args(-1), "none": Args(-3)})
    def f(a, b=2):
        return a

    f(1)
    f(1, 3)
    assert written.raw()[::2] == [b">:t:f:last=2:", b">:t:f:last=3:"]


def test_those_of_a_bound_method(written):
    class C:
        def f(self, a, b=2):
            return a

    assert Tracer(C().f, {"a": Args(0), "b": Args(1)})(1) == 1
    assert written.raw()[0] == b">:t:f:a=1,b=2:"


def test_no_name_is_public_by_accident():
    assert sorted(name for name in vars(nulltrace) if name[0] != "_" and name not in ("annotations", "os", "Any")) == sorted(
        {*nulltrace.__all__} | {name for name in ("asgi", "wsgi") if name in vars(nulltrace)}
    )
