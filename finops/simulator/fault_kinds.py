"""What can go wrong on the wire: the fault matrix of ../shared/RELIABILITY.md, each fault under a name.

Each was seen from Azure in production or is a way in which HTTP fails; only "connection refused" is missing, which is
a server that is not there.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

Spec = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


@dataclass
class Answer:
    status: int
    headers: Headers
    body: bytes


Edit = Callable[[Answer, Spec, MutableMapping[str, Any]], Answer]
Ending = Literal["whole", "half", "short", "reset", "stall"]


@dataclass(frozen=True)
class Kind:
    """How one fault is made: an answer of its own, the true answer edited, a mark for the service, or a bad ending."""

    instead: Callable[[Spec], Answer] | None = None
    edit: Edit | None = None
    flags: Callable[[Spec], Spec] | None = None
    ending: Ending = "whole"
    calls_inner: bool = True


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Kind:
    def instead(how: Spec) -> Answer:
        sent = {"Content-Type": "application/json; charset=utf-8", **(headers or {}), **how.get("headers", {})}
        fault = {"code": how.get("code", code), "message": how.get("message", message)}
        return Answer(
            int(how.get("status", status)),
            [(key.lower().encode(), str(value).encode()) for key, value in sent.items()],
            json.dumps({"error": fault}).encode(),
        )

    return Kind(instead=instead)


def _done_but(status: int, code: str, message: str) -> Kind:
    """Carried out, and answered with an error all the same: a proxy lost the answer of the service behind it."""
    made = _refusal(status, code, message).instead
    assert made is not None
    return Kind(edit=lambda answer, how, scope: made(how))


def _throttled(header: str, usual: int = 1) -> Kind:
    def instead(how: Spec) -> Answer:
        made = _refusal(429, "429", "Too many requests. Please retry.").instead
        assert made is not None
        answer = made(how)
        answer.headers.append((header.encode(), str(how.get("seconds", usual)).encode()))
        return answer

    return Kind(instead=instead)


def _throttled_until(how: Spec) -> Answer:
    made = _refusal(429, "429", "Too many requests. Please retry.").instead
    assert made is not None
    answer = made(how)
    moment = datetime.now(UTC) + timedelta(seconds=float(how.get("seconds", 2)))
    answer.headers.append((b"retry-after", format_datetime(moment, usegmt=True).encode()))
    return answer


def _on_body(change: Callable[[Any, Spec, MutableMapping[str, Any]], Any]) -> Kind:
    """A fault inside the JSON; an answer that is not JSON passes as it is."""

    def edit(answer: Answer, how: Spec, scope: MutableMapping[str, Any]) -> Answer:
        try:
            body = json.loads(answer.body)
        except ValueError:
            return answer
        answer.body = json.dumps(change(body, how, scope)).encode()
        return answer

    return Kind(edit=edit)


def _on_bytes(change: Callable[[bytes], bytes], *more: tuple[bytes, bytes]) -> Kind:
    def edit(answer: Answer, how: Spec, scope: MutableMapping[str, Any]) -> Answer:
        names = {key for key, _ in more}
        answer.headers = [(key, value) for key, value in answer.headers if key.lower() not in names] + list(more)
        answer.body = change(answer.body)
        return answer

    return Kind(edit=edit)


# Where Azure's lists and links are: (holder, list key, link key).
_LISTS = [("", "value"), ("", "data"), ("properties", "rows"), ("", "Items"), ("", "nodes"), ("", "values")]
_LINKS = [("", "nextLink"), ("properties", "nextLink"), ("", "@odata.nextLink"), ("", "NextPageLink")]


def _holder(body: Any, places: list[tuple[str, str]]) -> tuple[dict[str, Any], str] | None:
    for outer, key in places:
        holder = body.get(outer) if outer and isinstance(body, dict) else body
        if isinstance(holder, dict) and key in holder:
            return holder, key
    return None


def _items(change: Callable[[list[Any]], list[Any]]) -> Kind:
    def on(body: Any, how: Spec, scope: MutableMapping[str, Any]) -> Any:
        found = _holder(body, _LISTS)
        if found and isinstance(found[0][found[1]], list):
            found[0][found[1]] = change(found[0][found[1]])
        return body

    return _on_body(on)


def _without_list(body: Any, how: Spec, scope: MutableMapping[str, Any]) -> Any:
    found = _holder(body, _LISTS)
    if found:
        del found[0][found[1]]
    return body


def _own_url(scope: MutableMapping[str, Any]) -> str:
    host = dict(scope["headers"]).get(b"host", b"127.0.0.1").decode()
    return f"http://{host}{scope['path']}?{scope['query_string'].decode('latin-1')}"


def _linked(change: Callable[[str, Spec, MutableMapping[str, Any]], str], empty: bool = False) -> Kind:
    """A fault in the link to the next page; a list that had no next page gets one."""

    def on(body: Any, how: Spec, scope: MutableMapping[str, Any]) -> Any:
        listed = _holder(body, _LISTS)
        if listed is None:
            return body
        found = _holder(body, _LINKS)
        if found is None:
            holder = listed[0]
            key = {"Items": "NextPageLink", "data": "$skipToken"}.get(listed[1], "nextLink")
        else:
            holder, key = found
        if "$skipToken" in holder:
            holder["$skipToken"] = change(str(holder["$skipToken"]), how, scope)
        else:
            holder[key] = change(str(holder.get(key) or _own_url(scope)), how, scope)
        if empty:
            listed[0][listed[1]] = []
        return body

    return _on_body(on)


def _foreign(link: str, how: Spec, scope: MutableMapping[str, Any]) -> str:
    host = how.get("host", "management.azure.com.attacker.invalid")
    return re.sub(r"^https?://[^/]+", host if "://" in host else f"http://{host}", link)


def _spoilt(link: str, how: Spec, scope: MutableMapping[str, Any]) -> str:
    return re.sub(r"(skiptoken=)[^&]*", r"\1ZXhwaXJlZA!", link, flags=re.I) if "=" in link else "ZXhwaXJlZA!"


def _number(change: Callable[[Any], Any]) -> Kind:
    """A fault in the first number of the first row, or of the first data point."""

    def replaced(value: Any) -> tuple[Any, bool]:
        if isinstance(value, bool):
            return value, False
        if isinstance(value, int | float):
            return change(value), True
        places: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for place, inner in places:
            new, done = replaced(inner)
            if done:
                value[place] = new
                return value, True
        return value, False

    def on(body: Any, how: Spec, scope: MutableMapping[str, Any]) -> Any:
        found = _holder(body, _LISTS)
        if found:
            replaced(found[0][found[1]])
        return body

    return _on_body(on)


def _columns(change: Callable[[list[Any], list[Any]], None]) -> Kind:
    """A fault in the columns of a cost query, or in the keys of each item of another list."""

    def on(body: Any, how: Spec, scope: MutableMapping[str, Any]) -> Any:
        if _holder(body, [("properties", "columns")]):
            change(body["properties"]["columns"], body["properties"]["rows"])
        return body

    return _on_body(on)


def _rename(columns: list[Any], rows: list[Any]) -> None:
    for column in columns:
        if column["type"] == "Number":
            column["name"] = f"x{column['name']}"
            return


def _widen(columns: list[Any], rows: list[Any]) -> None:
    columns.insert(0, {"name": "Surprise", "type": "String"})
    for row in rows:
        row.insert(0, "surprise")


def _skewed(answer: Answer, how: Spec, scope: MutableMapping[str, Any]) -> Answer:
    moment = datetime.now(UTC) + timedelta(minutes=float(how.get("minutes", 47)))
    date = (b"date", format_datetime(moment, usegmt=True).encode())
    answer.headers = [(key, value) for key, value in answer.headers if key.lower() != b"date"] + [date]
    return answer


_COST = "x-ms-ratelimit-microsoft.costmanagement-{}-retry-after"
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Our services aren't available.</body></html>"

KINDS: dict[str, Kind] = {
    "429-retry-after": _throttled("retry-after"),
    "429-qpu": _throttled(_COST.format("qpu")),
    "429-entity": _throttled(_COST.format("entity")),
    "429-tenant": _throttled(_COST.format("tenant")),
    "429-client": _throttled(_COST.format("client")),
    "429-clienttype": _throttled(_COST.format("clienttype")),
    "429-bare": _refusal(429, "429", "Too many requests. Please retry."),
    "429-hour": _throttled("retry-after", 3600),
    "429-date": Kind(instead=_throttled_until),
    "500": _refusal(500, "InternalServerError", "The server encountered an internal error. Please retry the request."),
    "502": _refusal(502, "BadGateway", "The gateway did not receive a response from the provider."),
    "503": _refusal(503, "ServiceUnavailable", "The service is temporarily unavailable. Please retry."),
    "504": _refusal(504, "GatewayTimeout", "The gateway did not receive a response within the specified time period."),
    "529": _refusal(529, "SiteOverloaded", "The service is overloaded."),
    "401-expired": _refusal(
        401,
        "ExpiredAuthenticationToken",
        "The access token expiry UTC time is earlier than current UTC time.",
        {"WWW-Authenticate": 'Bearer authorization_uri="https://login.invalid/", error="invalid_token"'},
    ),
    "403": _refusal(403, "AuthorizationFailed", "The client does not have authorization to perform this action."),
    "404-parent": _refusal(404, "ResourceGroupNotFound", "Resource group 'gone' could not be found."),
    "409": _refusal(409, "Conflict", "Another operation is in progress on this resource."),
    "412": _refusal(412, "PreconditionFailed", "The condition specified using HTTP conditional header(s) is not met."),
    "status": _refusal(500, "InternalServerError", "As the rule says."),
    "502-after": _done_but(502, "BadGateway", "The gateway lost the answer of the provider."),
    "504-after": _done_but(504, "GatewayTimeout", "The gateway did not receive a response in time."),
    "reset-before": Kind(ending="reset", calls_inner=False),
    "reset-after": Kind(ending="reset"),
    "reset-mid-body": Kind(ending="half"),
    "stall": Kind(ending="stall", calls_inner=False),
    "short-content-length": Kind(ending="short"),
    "truncated-json": _on_bytes(lambda body: body[: max(1, len(body) * 2 // 3)]),
    "html": _on_bytes(lambda body: _PAGE, (b"content-type", b"text/html")),
    "empty-object": _on_bytes(lambda body: b"{}"),
    "gzip-broken": _on_bytes(lambda body: gzip.compress(body)[:-12], (b"content-encoding", b"gzip")),
    "bom": _on_bytes(lambda body: b"\xef\xbb\xbf" + body),
    "missing-value": _on_body(_without_list),
    "renamed-column": _columns(_rename),
    "extra-column": _columns(_widen),
    "number-as-string": _number(str),
    "nan": _number(lambda value: float("nan")),
    "huge-number": _number(lambda value: 1e308),
    "negative-number": _number(lambda value: -abs(value) - 1),
    "duplicate-rows": _items(lambda items: items + items[:1]),
    "reordered-page": _items(lambda items: items[::-1]),
    "changed-page-token": _linked(_spoilt),
    "page-twice": _linked(lambda link, how, scope: _own_url(scope)),
    "next-loop": _linked(lambda link, how, scope: _own_url(scope)),
    "next-foreign": _linked(_foreign),
    "empty-page": _linked(lambda link, how, scope: _own_url(scope), empty=True),
    "lro-fails": Kind(flags=lambda how: {"fate": "fail"}),
    "lro-fails-half": Kind(flags=lambda how: {"fate": "half"}),
    "lro-never-ends": Kind(flags=lambda how: {"fate": "hang"}),
    "lro-poll-lost": Kind(ending="reset", calls_inner=False),
    "date-skewed": Kind(edit=_skewed),
    "graph-stale": Kind(flags=lambda how: {"stale_minutes": float(how.get("minutes", 10))}),
}
# These are one-off by nature: struck for ever, a "page twice" would be a loop, an empty page would never end.
ONCE = {"page-twice", "empty-page", "401-expired"}
