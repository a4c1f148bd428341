from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, TypeVar, overload

from typing_extensions import disjoint_base

__all__ = [
    "Args",
    "Kwds",
    "ReturnValue",
    "Tracer",
    "attach",
    "current",
    "enabled",
    "implementation",
    "set_enabled",
]

_F = TypeVar("_F", bound=Callable[..., Any])
_Tag = str | bytes | bytearray | list[str | bytes] | list[str] | tuple[str | bytes, ...]
_Args = Mapping[str, object] | Iterable[tuple[str, object]]
_Self = TypeVar("_Self", bound="Tracer")

_impl: Any
implementation: Final[Literal["native", "pure"]]

class Args:
    i: int
    def __init__(self, i: int) -> None: ...
    def __call__(self, args: Any) -> Any: ...

class Kwds:
    key: str
    def __init__(self, key: str) -> None: ...
    def __call__(self, kwds: Any) -> Any: ...

class ReturnValue: ...

def set_enabled(on: bool) -> None: ...
def enabled() -> bool: ...
def current() -> object | None: ...

class attach:
    def __init__(self, span: object | None) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...

@disjoint_base
class Tracer:
    @overload
    def __new__(
        cls,
        tag: _Tag | None = None,
        enter_args: _Args | None = None,
        exit_args: _Args | None = None,
        *,
        id: int | str | None = None,
        recursive: bool = True,
    ) -> Tracer: ...
    @overload
    def __new__(  # type: ignore[misc]
        cls,
        tag: _F,
        enter_args: _Args | None = None,
        exit_args: _Args | None = None,
        *,
        id: int | str | None = None,
        recursive: bool = True,
    ) -> _F: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def tag(self) -> str: ...
    @tag.setter
    def tag(self, tag: _Tag) -> None: ...
    @property
    def id(self) -> int | str: ...
    @property
    def enter_args(self) -> Any: ...
    @enter_args.setter
    def enter_args(self, args: _Args | None) -> None: ...
    @property
    def exit_args(self) -> Any: ...
    @exit_args.setter
    def exit_args(self, args: _Args | None) -> None: ...
    def __call__(self, fn: _F) -> _F: ...
    def __enter__(self: _Self) -> _Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> None: ...
    async def __aenter__(self: _Self) -> _Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def record(self, name: str, value: object) -> None: ...
    def start(self, tag: _Tag | None = None, args: _Args | None = None) -> None: ...
    def stop(self, args: _Args | None = None) -> None: ...
    @overload
    def span(
        self: _Self,
        tag: _Tag | None = None,
        enter_args: _Args | None = None,
        exit_args: _Args | None = None,
    ) -> _Self: ...
    @overload
    def span(
        self,
        tag: _F,
        enter_args: _Args | None = None,
        exit_args: _Args | None = None,
    ) -> _F: ...
