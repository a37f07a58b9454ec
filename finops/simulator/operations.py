"""Long-running operations: accepted now, done later, asked after in the two ways that Azure has.

`Azure-AsyncOperation` answers 200 with a status; `Location` answers 202 until there is a result.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from finops.simulator.answers import WireError, ok, origin
from finops.simulator.ids import parts_of
from finops.simulator.store import Json
from finops.simulator.world import World


@dataclass
class Operation:
    """Something under way. `outcome` is "" until it is done, then Succeeded, Failed or Canceled."""

    name: str
    path: str
    api_version: str
    started: datetime
    due: datetime
    real_due: float
    finish: Callable[[], Json | None]
    retry_after: int | None
    progress: str
    fate: str
    polls_left: int
    failed: Callable[[bool], None] | None = None
    outcome: str = ""
    ended: datetime | None = None
    result: Json | None = None
    error: Json = field(default_factory=dict)

    def complete(self, now: datetime) -> None:
        self.ended = now
        if self.fate in ("fail", "half"):
            self.outcome = "Failed"
            if self.failed:
                self.failed(self.fate == "half")
            self.error = {"code": "InternalServerError", "message": "The operation failed. Try again later."}
            return
        try:
            self.result = self.finish()
            self.outcome = "Succeeded"
        except WireError as refusal:
            self.outcome = "Failed"
            self.error = refusal.body.get("error", refusal.body)


class Operations:
    """All operations of one server."""

    def __init__(self, world: World, retry_after: int, polls: int) -> None:
        self.retry_after = retry_after
        self.polls = polls
        self._world = world
        self._known: dict[str, Operation] = {}
        self._under_way: list[Operation] = []

    def add(self, operation: Operation) -> None:
        self._known[operation.name] = operation
        self._under_way.append(operation)

    def get(self, name: str) -> Operation | None:
        return self._known.get(name.lower())

    def settle(self) -> None:
        """Finish what is due, by the simulated clock or by real time."""
        if not self._under_way:
            return
        now, real = self._world.clock.now(), time.monotonic()
        for operation in [each for each in self._under_way if now >= each.due or real >= each.real_due]:
            self._complete(operation)

    def poll(self, operation: Operation) -> None:
        """Count one question after `operation`; the last "not yet" finishes it."""
        if operation.outcome:
            return
        if operation.polls_left <= 0:
            self._complete(operation)
        operation.polls_left -= 1

    def _complete(self, operation: Operation) -> None:
        if operation.fate == "hang":
            return
        self._under_way.remove(operation)
        operation.complete(self._world.clock.now())


def start(
    world: World,
    request: Request,
    seconds: float,
    finish: Callable[[], Json | None],
    *,
    status: int = 202,
    body: Json | None = None,
    path: str | None = None,
    result_path: str | None = None,
    says_when: bool = True,
    progress: str = "InProgress",
    failed: Callable[[bool], None] | None = None,
) -> Response:
    """Accept the request; `finish` runs under the world's lock, after `seconds` or when asked often enough.

    path: where `Azure-AsyncOperation` leads, less the operation's name; None for no such header
    result_path: where `Location` leads; with neither, ARM's own "/subscriptions/S/operationresults"
    says_when: whether answers carry Retry-After; AML's do not
    finish: changes the world; what it returns is the final body under Location; a WireError makes the operation fail
    failed: what is left when a fault makes the operation fail in the end; True: after half of it was done
    """
    operations: Operations = request.app.state.operations
    subscription = parts_of(request.scope["path"]).subscription
    if path is None and result_path is None:
        result_path = f"/subscriptions/{subscription}/operationresults" if subscription else "/operationresults"
    retry_after = operations.retry_after if says_when else None
    name = str(uuid.uuid4())
    now = world.clock.now()
    operation = Operation(
        name=name,
        path=f"{path or result_path}/{name}",
        api_version=request.query_params.get("api-version", ""),
        started=now,
        due=now + timedelta(seconds=seconds),
        real_due=time.monotonic() + seconds,
        finish=finish,
        retry_after=retry_after,
        progress=progress,
        fate=request.scope["state"].get("fate", ""),
        polls_left=operations.polls,
        failed=failed,
    )
    operations.add(operation)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    query = f"?api-version={operation.api_version}" if operation.api_version else ""
    if path is not None:
        headers["Azure-AsyncOperation"] = f"{origin(request)}{path}/{name}{query}"
    if result_path is not None:
        headers["Location"] = f"{origin(request)}{result_path}/{name}{query}"
    return ok(body, status, headers)


class Polled(Route):
    """The route of every operation under way or done, whatever folder its URL lies in."""

    def __init__(self, operations: Operations) -> None:
        super().__init__("/{folder:path}/{operation}", self._answer, methods=["GET"])
        self._operations = operations

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        if scope["type"] != "http" or self._operations.get(scope["path"].rpartition("/")[2]) is None:
            return Match.NONE, {}
        return super().matches(scope)

    def _answer(self, request: Request) -> Response:
        operation = self._operations.get(request.path_params["operation"])
        assert operation is not None
        self._operations.poll(operation)
        headers = {} if operation.retry_after is None else {"Retry-After": str(operation.retry_after)}
        asks_status = request.scope["path"].lower() == operation.path.lower() and "status" in operation.path.lower()
        if asks_status:
            return ok(_status(operation), headers={} if operation.outcome else headers)
        if not operation.outcome:
            return ok(None, 202, {**headers, "Location": str(request.url)})
        if operation.outcome == "Failed":
            return ok({"error": operation.error}, 409)
        return ok(operation.result, 200 if operation.result is not None else 204)


def _status(operation: Operation) -> Json:
    status: Json = {
        "id": operation.path,
        "name": operation.name,
        "status": operation.outcome or operation.progress,
        "startTime": operation.started.isoformat(),
        "percentComplete": 100.0 if operation.outcome == "Succeeded" else 0.0,
    }
    if operation.ended:
        status["endTime"] = operation.ended.isoformat()
    if operation.error:
        status["error"] = operation.error
    return status
