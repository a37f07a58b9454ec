"""The webhook that Azure Event Grid posts to: it takes events in, and says no more than it must.

An event only wakes the guard sooner than its next slot. What the guard then does, it reads from Azure itself: an event
that is lost, late, doubled or forged changes nothing of that.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from finops.errors import FinopsError
from finops.estate.ids import subscription_of

from . import arrivals as a
from .arrivals import Arrivals
from .events import LONGEST_BODY, VALIDATION, Event, Garbage, content_of, events_of
from .governed import left_out
from .listening import Listener, serving
from .senders import Senders, Verdict
from .waking import JOB, Waiting, Waking

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

log = logging.getLogger(__name__)
# Event Grid waits 30 s for an answer: https://learn.microsoft.com/azure/event-grid/delivery-and-retry
BODY_SECONDS = 10.0
LONGEST_CODE = 200
# Where a person tells Event Grid that we agree, here and in the other clouds.
_AGREE_AT = re.compile(
    r"https://[a-z0-9-]+(\.[a-z0-9-]+)*\.eventgrid\.azure\.(net|us|cn)(:[0-9]+)?/[!-~]{0,2000}\Z", re.I
)
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
SAID = {
    Verdict.NOT_KNOWN: (a.STRANGER, "Who posts this is not known."),
    Verdict.NOT_ALLOWED: (a.NOT_ALLOWED, "Whoever posts this may not."),
    Verdict.NOT_NOW: (a.KEYS_AWAY, "Tokens cannot be checked now."),
}


class Book(Waiting, Protocol):
    """What of the daybook is used here."""

    def saw_events(self, events: Sequence[tuple[str, str, str, datetime]], now: datetime) -> int: ...


class Webhook:
    """Answers Event Grid. `arrivals` says what became of events and requests, for the metrics."""

    def __init__(
        self,
        settings: Settings,
        book: Book,
        heard: Callable[[], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        body_seconds: float = BODY_SECONDS,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.arrivals = arrivals or Arrivals()
        self._settings = settings.daemon.events
        self._subscriptions = frozenset(one.lower() for one in settings.azure.subscriptions)
        self._tenant = settings.azure.tenant_id
        self._senders = Senders(settings)
        self._book = book
        self.heard = heard
        self._now = now
        self._body_seconds = body_seconds

    @property
    def routes(self) -> list[Route]:
        return [
            Route(self._settings.path, self._post, methods=["POST"]),
            Route(self._settings.path, self._options, methods=["OPTIONS"]),
        ]

    async def _options(self, request: Request) -> Response:
        """The handshake of CloudEvents: https://github.com/cloudevents/spec/blob/v1.0/http-webhook.md#4-abuse-protection

        Whoever is not agreed with gets no header, which is a no. A browser's preflight gets none either.
        """
        asked = request.headers.getlist("webhook-request-origin")
        verdict = await run_in_threadpool(self._senders.may_ask, request)
        known = len(asked) == 1 and asked[0].strip().lower() in {one.lower() for one in self._settings.origins}
        if verdict is not Verdict.COME_IN or not known:
            self.arrivals.add(a.HANDSHAKES, a.NOT_AGREED)
            return Response(status_code=HTTPStatus.OK, headers={**HEADERS, "Allow": "POST, OPTIONS"})
        agreed = {"WebHook-Allowed-Origin": asked[0].strip(), "WebHook-Allowed-Rate": "*"}
        if self._settings.handshake == "by hand":
            agreed = {}
            self._by_hand(request.headers.get("webhook-request-callback", ""))
        self.arrivals.add(a.HANDSHAKES, a.AGREED)
        return Response(status_code=HTTPStatus.OK, headers={**HEADERS, "Allow": "POST, OPTIONS", **agreed})

    async def _post(self, request: Request) -> Response:
        content = content_of(request.headers.get("content-type", ""))
        if content is None:
            return self._refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, a.CONTENT, "Events come as JSON.")
        verdict = await run_in_threadpool(self._senders.verdict, request)
        if verdict is not Verdict.COME_IN:
            return self._refused(HTTPStatus(verdict.value), *SAID[verdict])
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _bounded(request)
        except TimeoutError:
            return self._refused(HTTPStatus.REQUEST_TIMEOUT, a.SLOW, "The events came too slowly.")
        except ClientDisconnect:
            return self._refused(HTTPStatus.BAD_REQUEST, a.BROKEN_OFF, "The events broke off.")
        if body is None:
            return self._refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, a.TOO_LONG, f"More than {LONGEST_BODY} bytes.")
        return await run_in_threadpool(self._taken, body, content)

    def _taken(self, body: bytes, content: str) -> Response:
        try:
            events = events_of(body, content)
            if any(event.kind == VALIDATION for event in events):
                return self._validation(events)
        except Garbage as fault:
            return self._refused(HTTPStatus.BAD_REQUEST, a.GARBAGE, str(fault))
        now = self._now()
        why = [left_out(event, self._subscriptions, self._tenant, now) for event in events]
        ours = [event for event, left in zip(events, why, strict=True) if not left]
        try:
            fresh = self._book.saw_events([(one.id, one.kind, one.subject, one.at) for one in ours], now) if ours else 0
        except FinopsError as fault:
            log.warning("Events could not be written down: %s", fault)
            return self._refused(HTTPStatus.SERVICE_UNAVAILABLE, a.DATABASE_AWAY, "They cannot be taken now.")
        for left in filter(None, why):
            self.arrivals.add(a.EVENTS, left)
        self.arrivals.add(a.EVENTS, a.TAKEN, fresh)
        self.arrivals.add(a.EVENTS, a.SEEN_BEFORE, len(ours) - fresh)
        if fresh:
            self.heard()
        return _said(HTTPStatus.OK, {"taken": fresh, "seenBefore": len(ours) - fresh, "leftOut": len(why) - len(ours)})

    def _validation(self, events: list[Event]) -> Response:
        """https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema

        Without the answer the subscription waits five minutes for somebody to open `validationUrl`; we never do.
        """
        if len(events) != 1:
            raise Garbage("A validation comes alone.")
        event = events[0]
        place = subscription_of(event.topic)
        if self._subscriptions and place not in self._subscriptions:
            return self._refused(HTTPStatus.FORBIDDEN, a.NOT_OURS, "Events of that subscription are not wanted here.")
        code = event.data.get("validationCode")
        if self._settings.handshake == "by hand" or code is None:
            self._by_hand(event.data.get("validationUrl"))
            return _said(HTTPStatus.OK, {})
        if not isinstance(code, str) or not 0 < len(code) <= LONGEST_CODE or not code.isprintable():
            raise Garbage("The validation code is none.")
        self.arrivals.add(a.HANDSHAKES, a.AGREED)
        log.info("Event Grid was told that events of %s are wanted here.", event.topic or "a topic")
        return _said(HTTPStatus.OK, {"validationResponse": code})

    def _by_hand(self, url: object) -> None:
        """Say which address is to be opened by a person: only one of Event Grid's own, as whoever posts could lie."""
        if isinstance(url, str) and _AGREE_AT.match(url):
            log.warning("Event Grid asks whether events are wanted here. If so, open within 5 minutes: %s", url)
        else:
            log.warning("Event Grid asks whether events are wanted here, and names no address of its own to say so.")

    def _refused(self, status: HTTPStatus, why: str, said: str) -> Response:
        self.arrivals.add(a.REFUSED, why)
        headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
        return _said(status, {"error": said}, headers)


async def _bounded(request: Request) -> bytes | None:
    """The body; None where it is, or says that it is, longer than Event Grid sends."""
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > LONGEST_BODY:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            return None
    return bytes(body)


def _said(status: HTTPStatus, about: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(about) + "\n", status, headers={**HEADERS, **(headers or {})}, media_type="application/json"
    )


async def _unknown(request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return _said(HTTPStatus(status), {"error": HTTPStatus(status).phrase}, dict(getattr(fault, "headers", None) or {}))


@contextmanager
def listening(
    settings: Settings,
    wake: Callable[[str], object],
    state: State,
    arrivals: Arrivals,
    *,
    leads: Callable[[], bool] = lambda: True,
    soon: Callable[[str], object] = lambda job: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Listener | None]:
    """Take events in while the block runs, and `wake("guard")` for them; `soon("guard")` while that is about to come.

    None where no webhook is wanted, or the guard is off: no event may begin what its schedule would not.
    """
    events = settings.daemon.events
    if not events.listen or settings.daemon.schedule.get(JOB) == "off":
        yield None
        return
    book = state.daybook

    def woken(duty: str) -> None:
        wake(duty)
        arrivals.add(a.WOKEN, duty)

    waking = Waking(events, woken, book, now, leads, soon)
    webhook = Webhook(settings, book, waking.heard, now, arrivals=arrivals)
    with waking.running(), serving(app(webhook), events.listen, "daemon.events.listen") as where:
        yield where


def app(webhook: Webhook) -> Starlette:
    """The webhook as an application of its own: it has its own port, as it is asked from the internet."""
    found = Starlette(routes=webhook.routes, exception_handlers={HTTPException: _unknown, Exception: _unknown})
    found.router.redirect_slashes = False
    return found
