"""The ASGI application that answers as Azure would: what every request passes before and after its service."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import operations, services
from finops.simulator.answers import WireError
from finops.simulator.control import control_routes
from finops.simulator.faults import Faults
from finops.simulator.limits import Limits
from finops.simulator.rbac import Rbac
from finops.simulator.store import Json
from finops.simulator.world import World
from finops.simulator.writes import Admits, Amends

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Largest request body that is read. ARM itself stops at 4 MB (azure-docs, request-limits-and-throttling).
MAX_BODY = 4 * 1024 * 1024
MAX_LOGGED = 20_000


@dataclass
class App:
    """A world behind HTTP. `requests` is the log of what was asked, oldest first."""

    world: World
    faults: Faults
    rbac: Rbac
    limits: Limits
    page_size: int | None = None
    retry_after: int = 1
    polls: int = 1
    requests: deque[Json] = field(default_factory=lambda: deque(maxlen=MAX_LOGGED))

    def __post_init__(self) -> None:
        modules = [
            importlib.import_module(f"{services.__name__}.{found.name}")
            for found in pkgutil.iter_modules(services.__path__)
        ]
        self.operations = operations.Operations(self.world, self.retry_after, self.polls)
        admission: list[Admits] = [module.admits for module in modules if hasattr(module, "admits")]
        amendments: list[Amends] = [module.amends for module in modules if hasattr(module, "amends")]
        self._settles = [module.settle for module in modules if hasattr(module, "settle")]
        found = [route for module in modules if hasattr(module, "routes") for route in module.routes(self.world)]
        self._inner = Starlette(
            routes=[*control_routes(self), operations.Polled(self.operations), *most_specific_first(found)],
            exception_handlers={HTTPException: _unrouted, WireError: _refused},
        )
        self._inner.router.redirect_slashes = False
        for route in self._inner.router.routes:
            if isinstance(route, Route):
                route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
                if not inspect.iscoroutinefunction(route.endpoint):
                    route.app = _in_turn(self, route)
        self._inner.state.world = self.world
        self._inner.state.page_size = self.page_size
        self._inner.state.operations = self.operations
        self._inner.state.admission = admission
        self._inner.state.amendments = amendments
        self._inner.state.hearers = [module.hears for module in modules if hasattr(module, "hears")]
        self._inner.state.rbac = self.rbac
        self._inner.state.undo = deque(maxlen=MAX_LOGGED)

    def settle(self) -> None:
        """Bring operations, the world and the services up to the clock. Call it under `world.lock`."""
        self.operations.settle()
        self.world.settle()
        for settle in self._settles:
            settle(self.world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _read(receive)
        path = "/" + re.sub("/+", "/", scope["path"]).strip("/")
        # Azure Resource Manager does not mind slashes; the name of a blob may have two in a row.
        state: Json = {**scope.get("state", {}), "body": body, "path": scope["path"], "request_id": str(uuid.uuid4())}
        scope = {**scope, "path": path, "raw_path": path.encode(), "state": state}
        entry = state["log"] = self._logged(scope)
        handed = False

        async def answered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                # Before it is sent, so that whoever has the answer finds it in the log.
                who = state.get("principal") or {}
                entry.update(status=message["status"], principal=who.get("name"))
                message = {**message, "headers": [*message["headers"], *_standing(message["headers"], state)]}
            await send(message)

        async def replayed() -> MutableMapping[str, Any]:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.faults.serve(self._guarded, scope, replayed, answered)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self._inner.state.rbac = self.rbac  # tests change who may do what while it serves
        try:
            self.rbac.check(request)
            headers = self.limits.take(request)
        except WireError as refusal:
            await refusal.response()(scope, receive, send)
            return

        async def metered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(key.encode(), value.encode()) for key, value in headers.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._inner(scope, receive, metered)

    def _logged(self, scope: Scope) -> Json:
        """A line of the log, not yet answered: status 0, as it stays where no answer is given."""
        entry = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "status": 0,
            "principal": None,
            "fault": None,
            "at": self.world.clock.now().isoformat(),
        }
        if not scope["path"].startswith("/simulator"):
            self.requests.append(entry)
        return entry


def most_specific_first(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Routes with more literal text first, so that `/{id:path}` is asked last and no service cares about the others."""

    def literal(route: BaseRoute) -> int:
        return len(re.sub(r"\{[^}]*\}", "", getattr(route, "path", "")))

    return sorted(routes, key=literal, reverse=True)


def _in_turn(app: App, route: Route) -> Any:
    """`route`'s endpoint as an ASGI app that holds the world's lock, after bringing the world up to date."""
    from starlette.concurrency import run_in_threadpool

    endpoint = route.endpoint

    def answer(request: Request) -> Response:
        with app.world.lock:
            app.settle()
            try:
                response = endpoint(request)
            except WireError as refusal:
                response = refusal.response()
        assert isinstance(response, Response)
        return response

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        response = await run_in_threadpool(answer, Request(scope, receive))
        await response(scope, receive, send)

    return served


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")[: MAX_BODY + 1 - len(body)]
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def _standing(headers: Iterable[tuple[bytes, bytes]], state: Json) -> list[tuple[bytes, bytes]]:
    """The headers of every ARM answer (azure-docs, request-limits-and-throttling; seen in all recordings)."""
    from email.utils import formatdate

    present = {key.lower() for key, _ in headers}
    request_id = state["request_id"].encode()
    always = {
        b"x-ms-request-id": request_id,
        b"x-ms-correlation-request-id": request_id,
        b"cache-control": b"no-cache",
        b"date": formatdate(usegmt=True).encode(),
    }
    return [(key, value) for key, value in always.items() if key not in present]


async def _unrouted(request: Request, fault: Exception) -> Response:
    status = getattr(fault, "status_code", 500)
    if status == 405:
        text = f"The requested resource does not support http method '{request.method}'."
        return WireError(405, "MethodNotAllowed", text).response()
    text = "The request did not have a subscription or a valid tenant level resource provider."
    return WireError(404, "MissingSubscription", text).response()


async def _refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, WireError)
    return fault.response()
