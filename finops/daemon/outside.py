"""What is seen of the daemon from outside: /healthz, /readyz and /metrics. All of it reads, nothing changes."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from finops.config.strict import LOOPBACK
from finops.errors import FinopsError
from finops.served import host_of, sealed

from . import figures
from .arrivals import Arrivals
from .asking import Asking
from .calls import Calls
from .health import unwell
from .listening import parted
from .metrics import looked, registry

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs.duties import Duty
    from finops.state import State

    from .ping import Ping
    from .pulse import Pulse

PATIENCE = 4.0  # seconds for the database; probes give up after 5
KEPT = 5.0  # seconds for which figures are shown again: whoever asks oftener costs the database nothing
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Outside:
    """What the answers are made of."""

    settings: Settings
    state: State
    pulse: Pulse
    duties: Collection[Duty]
    calls: Calls
    arrivals: Arrivals
    ping: Ping | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic


def app(outside: Outside) -> ASGIApp:
    """The three addresses, behind their guard."""
    names = [duty.name for duty in outside.duties]
    schema = Asking("The database", outside.state.is_current, KEPT, outside.monotonic)
    counted = Asking("The database", lambda: figures.read(outside.state, names, outside.now()), KEPT, outside.monotonic)
    routes = [
        Route("/healthz", _health(outside)),
        Route("/readyz", _readiness(outside, schema)),
        Route("/metrics", _metrics(outside, counted)),
    ]
    pages = Starlette(routes=routes)
    pages.router.redirect_slashes = False
    listen = outside.settings.daemon.listen
    return Guard(pages, outside.settings.daemon.hosts, listen is None or parted(listen)[0] in LOOPBACK)


def _health(outside: Outside) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        """Of this process alone: a database that is away is no reason to start it again."""
        why = unwell(outside.pulse, outside.monotonic(), outside.settings.daemon.heartbeat_seconds)
        return _said(not why, {"healthy": not why, "why": why, **_pulse(outside)})

    return answer


def _readiness(outside: Outside, schema: Asking[bool]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        why = unwell(outside.pulse, outside.monotonic(), outside.settings.daemon.heartbeat_seconds)
        if not why and outside.pulse.stopping:
            why = "It is being stopped."
        if not why and not outside.pulse.ready:
            why = "It has not begun yet."
        if not why:
            try:
                if not await schema.answer(PATIENCE):
                    why = "Another version has changed the database's schema; this one no longer fits."
            except FinopsError as fault:
                why = fault.what
        return _said(not why, {"ready": not why, "why": why, **_pulse(outside)})

    return answer


def _metrics(outside: Outside, counted: Asking[figures.Figures]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        """Without the database there are still the figures of this process."""
        try:
            found = await counted.answer(PATIENCE)
        except FinopsError:
            found = None
        pings = outside.ping.counts if outside.ping else {}
        look = looked(
            outside.settings,
            outside.duties,
            found,
            outside.now(),
            outside.monotonic(),
            pings,
            outside.arrivals.counts(),
        )
        text = generate_latest(registry(look, (outside.pulse, outside.calls)))
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return answer


def _pulse(outside: Outside) -> Mapping[str, Any]:
    seen = outside.pulse.seen()
    ago = None if seen.beat_at is None else round(max(0.0, outside.monotonic() - seen.beat_at), 1)
    return {
        "beat_seconds_ago": ago,
        "leads": seen.leads,
        "running": sorted(seen.running),
        "overrun": sorted(seen.overrun),
        "clock_in_doubt": seen.clock_in_doubt,
    }


def _said(well: bool, about: Mapping[str, Any]) -> Response:
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(json.dumps(about) + "\n", status, media_type="application/json")


class Guard:
    """Only GET and HEAD, under names that are ours, without body and query: there is nothing here to be told.

    A page on the web can have a browser ask a name that leads to us (DNS rebinding), but no bare address: so where we
    listen beyond this machine, addresses are answered to, as kubelet and Prometheus use them, and names only as set.
    """

    def __init__(self, pages: ASGIApp, hosts: Collection[str], only_here: bool) -> None:
        self._pages = pages
        self._hosts = LOOPBACK | {host.lower() for host in hosts}
        self._only_here = only_here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        out = sealed(send, HEADERS)
        refused = self._refused(scope)
        if refused is None:
            await self._pages(scope, receive, out)
            return
        allow = {"Allow": "GET, HEAD"} if refused[0] == HTTPStatus.METHOD_NOT_ALLOWED else None
        await PlainTextResponse(refused[1] + "\n", refused[0], allow)(scope, receive, out)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if not self._is_ours(headers.getlist("host")):
            return HTTPStatus.BAD_REQUEST, "This daemon does not answer to that name; daemon.hosts lists those it has."
        if scope["method"] not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are answered."
        if scope["query_string"]:
            return HTTPStatus.BAD_REQUEST, "There is nothing to ask for behind a question mark."
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "No body is read."
        return None

    def _is_ours(self, given: list[str]) -> bool:
        host = host_of(given)
        return host in self._hosts or (not self._only_here and _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
