"""What others do to a served estate while we work on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finops.simulator import Served

Json = dict[str, Any]


def meanwhile(served: Served, is_so: Callable[[Json], bool], then: Callable[[], None], nth: int = 1) -> None:
    """Do `then` once, before the nth request that `is_so`, by its method and its path in lower case, is answered."""
    seen: list[Json] = []
    inner = served.app._inner

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        asked = {"method": scope.get("method"), "path": scope.get("path", "").lower()}
        if len(seen) < nth and is_so(asked):
            seen.append(asked)
            if len(seen) == nth:
                then()
        await inner(scope, receive, send)

    watched.state = inner.state  # type: ignore[attr-defined]
    served.app._inner = watched  # type: ignore[assignment]
