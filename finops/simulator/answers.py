"""How Azure words its answers: bodies, pages, and each kind of "no"."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from finops.simulator.store import Json

# Items of one page where the caller sets no size: what ARM itself uses for resources.
USUAL_PAGE = 1000


class WireError(Exception):
    """A refusal in ARM's shape. `flat` drops the outer "error", as Microsoft.Insights does."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
        flat: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.headers = dict(headers or {})
        fault: Json = {"code": code, "message": message, **more}
        if details:
            fault["details"] = list(details)
        self.body: Json = fault if flat else {"error": fault}

    def response(self) -> Response:
        return ok(self.body, self.status, self.headers)


def ok(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body, or with none."""
    if body is None:
        return Response(status_code=status, headers=dict(headers or {}))
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), status, headers=dict(headers or {}), media_type="application/json; charset=utf-8")


def body_of(request: Request) -> Json:
    """The JSON object that was sent; {} where nothing was. A `def` endpoint cannot await, so app.py has read it."""
    raw: bytes = request.scope["state"].get("body", b"")
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as fault:
        raise WireError(
            400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{fault}'."
        ) from fault
    if not isinstance(body, dict):
        raise WireError(400, "InvalidRequestContent", "The request content was invalid: it is not a JSON object.")
    return body


def shaped(body: Json, shape: Mapping[str, Any], at: str = "") -> Json:
    """`body`, if each member that `shape` names is absent, null, or of its type; else 400, as a deserializer would.

    shape: a type for each member, {...} for an object within, {"*": type} for an object of such values
    """
    for name, wanted in shape.items():
        for key in list(body) if name == "*" else [name]:
            value = body.get(key)
            if value is None:
                continue
            kind = dict if isinstance(wanted, Mapping) else wanted
            fits = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
            if not fits or (isinstance(value, str) and "\0" in value):
                text = f"The request content was invalid and could not be deserialized: '{at}{key}' is {value!r:.40}."
                raise WireError(400, "InvalidRequestContent", text)
            if isinstance(wanted, Mapping):
                shaped(value, wanted, f"{at}{key}.")
    return body


def principal_of(request: Request) -> Json:
    """Who asks: {"name", "objectId"}."""
    found: Json = request.scope["state"].get("principal") or {
        "name": "somebody@simulator.invalid",
        "objectId": "00000000-0000-0000-0000-0000000000aa",
    }
    return found


def origin(request: Request) -> str:
    """Scheme and host as the caller wrote them, so that links lead back to the same door."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def link(request: Request, **changed: Any) -> str:
    """This request's own URL with some query parameters changed."""
    # Kept as sent apart from those changed; "$" stays readable, as in Azure's own links.
    asked = [(key, value) for key, value in parse_qsl(request.url.query, keep_blank_values=True) if key not in changed]
    query = urlencode([*asked, *changed.items()], quote_via=quote, safe="$/:',")
    return f"{origin(request)}{quote(request.scope['path'], safe='/:@!$&()*+,;=~')}?{query}"


def id_of(item: Json) -> str:
    return str(item["id"]).lower()


def page(
    request: Request,
    items: Sequence[Any],
    usual: int = USUAL_PAGE,
    token: str = "$skiptoken",  # noqa: S107  # the name of a query parameter
    key: Callable[[Any], str] | None = id_of,
    more: Json | None = None,
    name: str = "value",
) -> Response:
    """One page of `items` with the link to the next.

    With `key` the items are in its order and the token names the last one seen, so that an item deleted between two
    pages hides no other; without it the token counts.
    """
    rest: Sequence[Any]
    last = _opened(request.query_params.get(token) or request.query_params.get(token.lower()))
    if key is not None:
        ordered = sorted(items, key=key)
        rest = [item for item in ordered if key(item) > last] if last else ordered
    else:
        if last and not last.isdigit():
            raise _bad_token()
        rest = items[int(last or 0) :]
    size = page_size(request, usual)
    shown = list(rest[:size])
    body: Json = {name: shown, **(more or {})}
    if len(rest) > size:
        seen = key(shown[-1]) if key is not None else str(int(last or 0) + size)
        body["nextLink"] = link(request, **{token: sealed(seen)})
    return ok(body)


def page_size(request: Request, usual: int) -> int:
    """The server's own size when it was given one, else `usual`; never more than the caller's $top."""
    size = request.app.state.page_size or usual
    top = request.query_params.get("$top")
    if top is None:
        return int(size)
    if not top.isdigit() or int(top) < 1:
        raise WireError(400, "InvalidTopQueryParameter", f"The '$top' query parameter value '{top}' is invalid.")
    return min(int(size), int(top))


def sealed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(token: str | None) -> str:
    if not token:
        return ""
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as fault:
        raise _bad_token() from fault


def opened(token: str | None) -> str:
    """What `sealed` hid; "" for no token, 400 for one that we never gave."""
    return _opened(token)


def _bad_token() -> WireError:
    return WireError(400, "InvalidSkipToken", "The provided skip token is not valid.")
