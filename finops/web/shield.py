"""What holds for every request and answer, whichever page it is: hosts, sizes, headers."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from finops.served import host_of, sealed

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# A year, https://datatracker.ietf.org/doc/html/rfc6797; only where the page is served by https.
STRICT = "max-age=31536000"
# 200 rows of a number and a digest are 20 KB; a reason of 4,000 characters is at most 48 KB when percent-encoded.
LONGEST_BODY = 256 * 1024


class Shield:
    """Wraps the whole site, so that answers to broken requests and its own faults are covered too."""

    def __init__(self, site: ASGIApp, hosts: Collection[str], https: bool) -> None:
        self._site = site
        self._hosts = frozenset(host.lower() for host in hosts)
        self._headers = HEADERS | ({"Strict-Transport-Security": STRICT} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._site(scope, receive, send)
            return

        out = sealed(send, self._headers)
        refused = self._refused(scope)
        if refused is not None:
            answer = PlainTextResponse(refused[1], refused[0])
            await answer(scope, receive, out)
            return
        await self._site(scope, _bounded(receive), out)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if host_of(headers.getlist("host")) not in self._hosts:
            return HTTPStatus.BAD_REQUEST, "This page does not answer to that name."
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.BAD_REQUEST, "The length of the form is no number."
        if int(length[:20]) > LONGEST_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large."
        return None


def _bounded(receive: Receive) -> Receive:
    """`receive`, which refuses what is longer than it said or than a form can be."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > LONGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
        return message

    return counted
