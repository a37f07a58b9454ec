"""What the cost services share on the wire: exact numbers, names in any letter case, tags in all their spellings."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from finops.simulator.answers import WireError


def exact(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON whose Decimals are numbers with all their digits."""
    import simplejson

    text = simplejson.dumps(content, use_decimal=True, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, dict(headers or {}), media_type="application/json; charset=utf-8")


def tags_of(spelling: str) -> dict[str, str]:
    """Tags from one cost row: JSON, or JSON without its outer braces."""
    text = spelling.strip()
    if text in {"", "NULL"}:
        return {}
    if not text.startswith("{"):
        text = "{" + text + "}"
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(key): "" if value is None else str(value) for key, value in found.items()}


def field(body: Mapping[str, object], name: str) -> object:
    """A member of a request body; the Cost Management API reads names in any letter case."""
    return next((value for key, value in body.items() if key.lower() == name.lower()), None)


def invalid(message: str) -> WireError:
    return WireError(400, "BadRequest", message)


def not_found(scope: str) -> WireError:
    """What ARM says where a scope is not there."""
    parts = scope.strip("/").split("/")
    if len(parts) == 4:
        return WireError(404, "ResourceGroupNotFound", f"Resource group '{parts[3]}' could not be found.")
    name = parts[1] if len(parts) > 1 else scope
    return WireError(404, "SubscriptionNotFound", f"The subscription '{name}' could not be found.")
