"""Real functions for traced ones: the interpreter and many libraries ask for exactly that type.

A traced function has the parameters, globals and closure of the function it traces, and code of one line that calls
the implementation. While nothing is written it has the code of the function itself, and costs nothing more.
"""

from __future__ import annotations

import ast
import functools
import opcode
import types
import weakref
from typing import Any, Dict, Optional, Tuple

_CO_VARARGS, _CO_VARKEYWORDS, _CO_ITERABLE_COROUTINE = 0x04, 0x08, 0x100

_ENDS = {
    "call": "return {call}",
    "generator": "return (yield from {call})",
}
# Coroutines, and in Python alone all: the markers without another frame around the function. At the end of a recursion there may be no room
# for the call of `fail` either.
_BLOCK = """
  {token} = {nt}.begin({packed})
  try:
   {result} = {wait}{nt}.fn({passed})
  except BaseException as {error}:
   try:
    {nt}.fail({token}, type({error}), {packed})
   except Exception:
    pass
   raise
  {nt}.end({token}, {result}, {packed})
  return {result}
  {free}"""
# A tuple and a dict where the arguments are not needed.
_NO_ARGUMENTS = "(), None"


def parameters(fn: Any) -> Tuple[Tuple[str, ...], Dict[str, Any]]:
    """The names of positional parameters, and defaults by name."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return (), {}
    names = code.co_varnames[: code.co_argcount]
    values = fn.__defaults__ or ()
    defaults = dict(zip(names[len(names) - len(values) :], values))
    defaults.update(fn.__kwdefaults__ or {})
    # That of a bound method is not given.
    return names[1:] if isinstance(fn, types.MethodType) else names, defaults


def _signature(code: types.CodeType) -> Tuple[str, str, str]:
    """Parameters, how they are handed on, and how they are packed into a tuple and a dict."""
    names = list(code.co_varnames)
    positional = names[: code.co_argcount]
    named = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = names[code.co_argcount + code.co_kwonlyargcount :]
    takes, passed = list(positional), list(positional)
    packed, more = [name + "," for name in positional], ["%r: %s," % (name, name) for name in named]
    if code.co_posonlyargcount:
        takes.insert(code.co_posonlyargcount, "/")
    if code.co_flags & _CO_VARARGS:
        name = rest.pop(0)
        takes.append("*" + name)
        passed.append("*" + name)
        packed.append("*" + name)
    elif named:
        takes.append("*")
    takes += named
    passed += ["%s=%s" % (name, name) for name in named]
    if code.co_flags & _CO_VARKEYWORDS:
        name = rest.pop(0)
        takes.append("**" + name)
        passed.append("**" + name)
        more.append("**" + name)
    return ", ".join(takes), ", ".join(passed), "(%s), {%s}" % ("".join(packed), " ".join(more))


# Code by all that it is made of: many functions have the same parameters. Not without bound.
_templates: Dict[Tuple[Any, ...], types.CodeType] = {}


def _template(*wanted: Any) -> types.CodeType:
    code = _templates.get(wanted)
    if code is None:
        if len(_templates) >= 512:
            _templates.clear()
        code = _templates[wanted] = _compiled(*wanted)
    return code


def _compiled(
    kind: str, takes: str, passed: str, packed: str, nt: str, free: Tuple[str, ...]
) -> types.CodeType:
    frees = ", ".join(free) or "None"
    wait = "await " if kind == "coroutine" else ""
    if kind in ("block", "coroutine"):
        names = {name: "%s_%s" % (nt, name) for name in ("token", "result", "error")}
        body = _BLOCK.format(nt=nt, wait=wait, passed=passed, packed=packed, free=frees, **names)
    else:
        # What stands behind the return is never run: it makes the names those of the closure.
        body = _ENDS[kind].format(call="%s(%s)" % (nt, passed)) + "; " + frees
    is_async = "async " if wait else ""
    outer = ", ".join((*free, nt))
    tree = ast.parse("def outer(%s):\n %sdef f(%s): %s\n return f" % (outer, is_async, takes, body))
    node: Any
    for node in ast.walk(tree):
        # One line, which becomes that of the function.
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1
            node.col_offset = node.end_col_offset = 0
    space: Dict[str, Any] = {}
    exec(compile(tree, "<nulltrace>", "exec", dont_inherit=True), space)
    code: types.CodeType = space["outer"](*[None] * (len(free) + 1)).__code__
    return code


def _names(code: types.CodeType) -> Tuple[str, ...]:
    """Of the parameters and the closure."""
    flags = code.co_flags
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(flags & _CO_VARARGS) + bool(flags & _CO_VARKEYWORDS)
    return (*code.co_varnames[:count], *code.co_freevars)


def _code(kind: str, fn: Any, nt: str, needs_arguments: bool) -> Optional[types.CodeType]:
    """The code of a traced function; None if some name cannot be written in Python."""
    code = fn.__code__
    if not all(map(str.isidentifier, _names(code))):
        return None
    takes, passed, packed = _signature(code)
    if kind in ("block", "coroutine") and not needs_arguments:
        packed = _NO_ARGUMENTS
    try:
        made = _template(kind, takes, passed, packed, nt, code.co_freevars)
    except SyntaxError:
        return None
    if made.co_freevars != (*code.co_freevars, nt):
        return None
    flags = made.co_flags | (code.co_flags & _CO_ITERABLE_COROUTINE)
    return _named(made, code).replace(co_flags=flags)


def _named(made: types.CodeType, code: types.CodeType) -> types.CodeType:
    """Shows the place of `code` in tracebacks, all of it as its first line."""
    place: Dict[str, Any] = {"co_filename": code.co_filename, "co_name": code.co_name}
    if hasattr(code, "co_qualname"):
        place["co_qualname"] = code.co_qualname
    return made.replace(co_firstlineno=code.co_firstlineno, **place)


def _silent(code: types.CodeType, nt: str) -> Optional[types.CodeType]:
    """The function's own code, for a closure that has one cell more."""
    bytecode = code.co_code
    copies = opcode.opmap.get("COPY_FREE_VARS")
    if copies is not None and code.co_freevars:
        if bytecode[0] != copies or bytecode[1] == 255:
            return None
        bytecode = bytes((copies, bytecode[1] + 1)) + bytecode[2:]
    return code.replace(co_freevars=(*code.co_freevars, nt), co_code=bytecode)


# Of each traced function its code while markers are written, the code of the function that it traces, if it is one, and
# the name of the cell.
_all: "weakref.WeakKeyDictionary[Any, Tuple[types.CodeType, Optional[types.CodeType], str]]"
_all = weakref.WeakKeyDictionary()


def make(impl: Any, fn: Any, call: Any, kind: str, needs_arguments: bool = False) -> Any:
    """A function that traces `fn` by `call`, of the implementation. Of what is no function the parameters are not
    known: it takes any."""
    nt = "_nulltrace"
    code = own = None
    if type(fn) is types.FunctionType:
        own = fn.__code__
        # Behind all others, as the compiler sorts the names of a closure.
        nt = max(_names(own), default="") + nt
        code = _code(kind, fn, nt, needs_arguments)
    if code is None:
        nt, own = "_nulltrace", None
        code = _template(kind, "*args, **kwargs", "*args, **kwargs", "args, kwargs", nt, ())
        made = types.FunctionType(code, _globals, closure=(types.CellType(call),))
    else:
        closure = (*(fn.__closure__ or ()), types.CellType(call))
        made = types.FunctionType(code, fn.__globals__, fn.__name__, fn.__defaults__, closure)
        made.__kwdefaults__ = fn.__kwdefaults__ and dict(fn.__kwdefaults__)
    functools.update_wrapper(made, fn)
    if type(fn) is not types.FunctionType:
        _take_attributes(made, fn)
    _all[made] = (code, own, nt)
    _switch(impl, made, impl.enabled())
    return made


def _take_attributes(made: Any, fn: Any) -> None:
    """What an object can do besides being called: `cache_clear` of `functools.lru_cache`, `delay` of a task."""
    for name in dir(fn):
        if name[0] == "_" or hasattr(made, name):
            continue
        try:
            setattr(made, name, getattr(fn, name))
        except Exception:
            # A property that fails is none of this function's.
            pass


_globals: Dict[str, Any] = {"__name__": __name__, "__builtins__": __builtins__}


def _switch(impl: Any, function: Any, on: bool) -> None:
    code, own, nt = _all[function]
    silent = None if on or own is None else _silent(own, nt)
    wanted = code if silent is None else silent
    if function.__code__ is not wanted:
        function.__code__ = wanted
    impl.shortcut(function, on)


def switch(impl: Any, on: bool) -> None:
    """Switches all traced functions."""
    for function in list(_all):
        _switch(impl, function, on)
