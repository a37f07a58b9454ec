"""Everything that answers over HTTP, as OpenAPI: the approvals page, the daemon's own addresses, its webhook.

What only the running server knows stands in braces: {csrf} a seal, {row}, {own} and {high} findings with their digests,
{anomaly}, {report} and {link} what leads to a page, the rest what an event holds. `filled` puts the real ones in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops.approvals import STATUSES
from finops.daemon.events import CLOUD, CLOUDS, OWN
from finops.web.query import ORDERS

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"
# Written down once more, as what is asked here is that they are there.
OF_WEBHOOK = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
OF_DAEMON = {
    **OF_WEBHOOK,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OF_PAGE = {
    **OF_DAEMON,
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ANY: Json = {"type": "string", "maxLength": 60}
PAGE = ("text/html", "text/plain")
# What people, scanners and other sites send, beside what a random text would be.
ODD = ["", "\0", "<b>{{ 7*7 }}", "../../etc/passwd%00", "' OR 1=1 --", "9" * 5000]
LONG = "a" * 300 + ".html"


def one_of(*words: str) -> Json:
    """One of these words, something odd, or any text."""
    return {"anyOf": [{"type": "string", "enum": [*words]}, {"type": "string", "enum": ODD}, ANY]}


def answers(headers: Mapping[str, str], kinds: tuple[str, ...], *statuses: int) -> Json:
    """Answers of these statuses and kinds of content, each with all of `headers`."""
    always = {
        name: {"required": True, "schema": {"type": "string", "enum": [value]}} for name, value in headers.items()
    }
    content = {"content": {kind: {"schema": {}} for kind in kinds}} if kinds else {}
    return {str(status): {"description": "", "headers": always, **content} for status in statuses}


def given(place: str, needed: bool = False, **schemas: Json) -> list[Json]:
    return [
        {"name": name.replace("_", "-"), "in": place, "required": needed or place == "path", "schema": schema}
        for name, schema in schemas.items()
    ]


# -- the approvals page

SENT_BY = given(
    "header",
    Origin={"type": "string", "enum": ["null", "https://evil.example", "http://[", "http://[x]", "//", "x" * 3000]},
    Sec_Fetch_Site={"type": "string", "enum": ["same-origin", "cross-site", "none"]},
)


def page(
    *parameters: Json, statuses: tuple[int, ...] = (200, 400, 401, 403, 404), kinds: tuple[str, ...] = PAGE
) -> Json:
    return {"get": {"parameters": [*parameters], "responses": answers(OF_PAGE, kinds, *statuses)}}


def form(example: Json, *statuses: int, **fields: Json) -> Json:
    schema = {"type": "object", "properties": fields, "required": [*example], "additionalProperties": False}
    sent = {"required": True, "content": {FORM: {"schema": schema, "example": example}}}
    found = (200, 303, 400, 401, 403, 404, 413, 415, 422, *statuses)
    return {"post": {"parameters": SENT_BY, "requestBody": sent, "responses": answers(OF_PAGE, (), *found)}}


STATIC = page(statuses=(200, 400, 404, 405), kinds=("text/css", "text/javascript", "image/svg+xml", "text/plain"))
ROWS = {"type": "array", "items": one_of("{row}", "{own}", "{high}", "0:x", "1:", "999999999:d1"), "maxItems": 4}
DAY = {"anyOf": [{"type": "string", "format": "date"}, one_of("2026-12-24", "0001-01-01", "9999-12-31", "2026-02-30")]}
FILES = {
    "type": "string",
    "enum": ["{report}", "index.html", "style.css", "secret.txt", ".hidden.html", LONG, *ODD[1:]],
}
NUMBER = {"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["1", "007", "9" * 20, "9" * 5000, "\u0661"]}]}
WEB: Json = {
    "openapi": "3.0.3",
    "info": {"title": "The approvals page", "version": "1"},
    "paths": {
        "/": page(statuses=(303, 400), kinds=()),
        "/findings": page(
            *given(
                "query",
                q=one_of("chat", "me"),
                status=one_of(*STATUSES, "waiting", "all"),
                order=one_of(*ORDERS),
                rule=one_of("endpoint-without-requests", "tiering"),
                risk=one_of("low", "high"),
                owner=one_of("me", "nobody", "ola@contoso.example"),
                workspace=one_of("ws-vision"),
                page=one_of("1", "2", "0", "-1", "999999999"),
                pick=one_of("low"),
            )
        ),
        "/findings/{number}": page(*given("path", number=NUMBER)),
        "/anomalies": page(*given("query", all=one_of("1"))),
        "/anomalies/{id}": page(*given("path", id={"type": "string", "enum": ["{anomaly}", *ODD[1:]]})),
        "/anomalies/say": form(
            {"csrf": "{csrf}", "id": "{anomaly}", "action": "explain", "reason": "A migration."},
            409,
            csrf=one_of("{csrf}"),
            id=one_of("{anomaly}"),
            action=one_of("explain", "resolve", "no-anomaly"),
            reason=one_of("A migration."),
        ),
        "/reports": page(),
        "/reports/": page(),
        "/reports/{name}": page(
            *given("path", name=FILES), kinds=(*PAGE, "text/css", "application/json", "application/octet-stream")
        ),
        "/decide": form(
            {"csrf": "{csrf}", "action": "snooze", "row": ["{row}"], "from": "list", "reason": "Later.",
             "until": "2026-12-01", "back": "/findings"},
            409,
            csrf=one_of("{csrf}"),
            action=one_of("approve", "deny", "snooze", "exempt", "keep", "go"),
            row=ROWS,
            reason=one_of("Not now.", "x" * 1001),
            until=DAY,
            back=one_of("/findings?page=2", "//evil.example", "https://evil.example"),
            **{"from": one_of("list", "finding")},
        ),
        "/m/{token}": page(
            *given("path", token={"type": "string", "enum": ["{link}", "{csrf}", *ODD[1:]]}), statuses=(303, 400, 404)
        ),
        "/sign-in": form(
            {"csrf": "{csrf}", "who": "ana", "next": "/findings"},
            csrf=one_of("{csrf}"),
            who=one_of("ana", "ola"),
            next=one_of("/findings", "//evil.example"),
        ),
        "/sign-out": form({}),
        "/static/page.css": STATIC,
        "/static/page.js": STATIC,
        "/favicon.svg": STATIC,
        "/favicon.ico": STATIC,
    },
}  # fmt: skip

# -- the daemon's own addresses

SEEN = {"type": "object", "required": ["why", "leads", "running"], "properties": {"why": {"enum": [""]}}}
LOOKS = {
    "/healthz": {"application/json": {"schema": SEEN}},
    "/readyz": {"application/json": {"schema": SEEN}},
    "/metrics": {"text/plain": {"schema": {"type": "string"}}},
}


def look(content: Json) -> Json:
    well = answers(OF_DAEMON, (), 200)["200"] | {"content": content}
    said = answers(OF_DAEMON, ("text/plain",), 400, 404, 405, 413)
    asked = given("query", name=one_of("x")) + given("header", Host=one_of("127.0.0.1", "localhost", "[::1]", "evil"))
    return {"get": {"parameters": asked, "responses": {"200": well, **said}}}


DAEMON: Json = {
    "openapi": "3.0.3",
    "info": {"title": "The daemon", "version": "1"},
    "paths": {path: look(content) for path, content in LOOKS.items()},
}

# -- the webhook

DATA = {"type": "object", "properties": {"operationName": one_of("{operation}"), "validationCode": one_of("x")}}
NAMED = {"id": one_of("e1", "e2"), "subject": one_of("{cluster}"), "data": DATA}
EVENT = {
    "type": "object",
    "required": ["id", "eventType", "eventTime"],
    "properties": {
        **NAMED,
        "topic": one_of("{topic}"),
        "eventType": one_of("{written}", "Microsoft.EventGrid.SubscriptionValidationEvent"),
        "eventTime": one_of("2026-11-23T06:30:00.0000000Z", "0001-01-01T00:00:00+14:00", "yesterday"),
    },
}
CLOUDED = {
    "type": "object",
    "required": ["id", "type", "time", "specversion"],
    "properties": {
        **NAMED,
        "source": one_of("{topic}"),
        "type": one_of("{written}"),
        "time": EVENT["properties"]["eventTime"],
        "specversion": one_of("1.0"),
    },
}
ONE = {"id": "{id}", "subject": "{cluster}", "data": {"operationName": "{operation}"}}
AT = "2026-11-16T08:30:00.0000000Z"
OURS = {**ONE, "topic": "{topic}", "eventType": "{written}", "eventTime": AT}
THEIRS = {**ONE, "source": "{topic}", "type": "{written}", "time": AT, "specversion": "1.0"}
GOOD = {OWN: [OURS], CLOUD: THEIRS, CLOUDS: [THEIRS]}
BODIES = {OWN: {"type": "array", "items": EVENT}, CLOUD: CLOUDED, CLOUDS: {"type": "array", "items": CLOUDED}}
ASKED = given(
    "header", WebHook_Request_Origin=one_of("eventgrid.azure.net", "evil.example"), Host=one_of("x", "[", "a b")
)
CONTENT = {kind: {"schema": body, "example": GOOD[kind]} for kind, body in BODIES.items()}
WEBHOOK: Json = {
    "openapi": "3.0.3",
    "info": {"title": "The webhook", "version": "1"},
    "paths": {
        "/": {
            "post": {
                "requestBody": {"required": True, "content": CONTENT},
                "responses": answers(OF_WEBHOOK, ("application/json",), 200, 400, 401, 403, 413, 415),
            },
            "options": {"parameters": ASKED, "responses": answers(OF_WEBHOOK, (), 200)},
        }
    },
}


def filled(sent: Any, real: Mapping[str, str]) -> Any:
    """`sent` with what stands in braces as it is on the running server."""
    if isinstance(sent, str):
        return real.get(sent, sent)
    if isinstance(sent, list):
        return [filled(one, real) for one in sent]
    if isinstance(sent, dict):
        return {name: filled(one, real) for name, one in sent.items()}
    return sent
