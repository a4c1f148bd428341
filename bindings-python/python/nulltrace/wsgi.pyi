from collections.abc import Callable
from typing import Any

__all__ = ["Middleware"]

class Middleware:
    app: Callable[..., Any]
    def __init__(
        self,
        app: Callable[..., Any],
        *,
        template: Callable[[Any], str | None] | None = None,
        limit: int = 1000,
    ) -> None: ...
    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Any: ...
