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
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...
