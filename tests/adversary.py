"""A cloud in memory that works against us: things change, vanish and come back, and answers are lost, at any call.

It speaks as finops.cloud.Azure does, so that hundreds of thousands of steps take minutes. What Azure's wire looks like
is tested through the simulator.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.acts import Act, generation_of, tagging
from finops.cloud.retry import Time
from finops.errors import AccessDenied, AzureError, NotFound, TemporaryError
from finops.estate.ids import key

Json = dict[str, Any]

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml"
LOCKS = "/providers/Microsoft.Authorization/locks"
TAGS = "/providers/Microsoft.Resources/tags/default"
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
VERSION = "2024-04-01"


def compute(name: str) -> str:
    return f"{WORKSPACE}/computes/{name}"


class Died(BaseException):
    """Stands for kill -9 in one process: nothing may catch it."""


@dataclass(frozen=True)
class Write:
    """A change that took effect: what was there before it, and how often the adversary had struck there until then."""

    verb: str
    resource: str
    before: Json | None
    after: Json | None
    struck: int
    read: tuple[Json | None, int]  # what the last direct reading showed, and the adversary's count then


class Cloud:
    def __init__(self) -> None:
        self.bodies: dict[str, Json] = {}
        self.tags: dict[str, dict[str, str]] = {SUBSCRIPTION.lower(): {}, GROUP.lower(): {}, WORKSPACE.lower(): {}}
        self.locks: dict[str, str] = {}  # lock id: scope
        self.busy: set[str] = set()  # clusters with a job on them
        self.writes: list[Write] = []
        self.attempts: list[tuple[str, str]] = []
        self.calls = 0
        self.clock = 0.0
        self.at: dict[int, list[Callable[[str], None]]] = {}  # what happens at the n-th call, told which half of it
        self.struck: dict[str, int] = {}
        self.readings: dict[str, tuple[Json | None, int]] = {}
        self.on_write: Callable[[str, str], None] = lambda verb, resource: None
        self._made = itertools.count(1)
        self.time = Time(lambda: self.clock, lambda: NOW, self._sleep, lambda: 0.0)

    # -- what the adversary does ------------------------------------------------------------------------------

    def make(self, name: str, high: int = 4, **tags: str) -> Json:
        """A cluster, of a generation of its own."""
        resource = compute(name)
        self._strike(resource)
        self.bodies[key(resource)] = self._new(resource, high, tags)
        return copy.deepcopy(self.bodies[key(resource)])

    def spell(self, name: str) -> None:
        """Say when it was made with fewer digits, as Resource Graph and ARM do not agree on them."""
        told = self.bodies[compute(name).lower()]["systemData"]
        told["createdAt"] = f"{told['createdAt'].partition('.')[0]}.123Z"

    def remove(self, name: str) -> None:
        self._strike(compute(name))
        self.bodies.pop(key(compute(name)), None)

    def grow(self, name: str) -> None:
        if body := self.bodies.get(key(compute(name))):
            self._strike(compute(name))
            body["properties"]["properties"]["scaleSettings"]["maxNodeCount"] = 9

    def tag(self, name: str, tag: str, value: str) -> None:
        if body := self.bodies.get(key(compute(name))):
            self._strike(compute(name))
            body["tags"][tag] = value

    def job(self, name: str, runs: bool = True) -> None:
        self._strike(compute(name))
        (self.busy.add if runs else self.busy.discard)(key(compute(name)))

    def lock(self, scope: str, on: bool = True) -> None:
        self._strike(scope)
        if on:
            self.locks[f"{scope}{LOCKS}/mine"] = scope
        else:
            self.locks.pop(f"{scope}{LOCKS}/mine", None)

    def keep(self, scope: str, on: bool = True, value: str = "") -> None:
        self._strike(scope)
        tags = self.bodies[key(scope)]["tags"] if key(scope) in self.bodies else self.tags.get(key(scope), {})
        if on:
            tags["Finops:Keep"] = value
        else:
            tags.pop("Finops:Keep", None)

    def heal(self) -> None:
        self.at.clear()

    # -- what finops.cloud.Azure does ---------------------------------------------------------------------------

    def get(self, path: str, version: str, params: Any = None) -> Json:
        self._happens("before")
        if path.endswith(TAGS):
            scope = key(path.removesuffix(TAGS))
            if scope not in self.tags:
                raise NotFound(f"{scope} is not there.", "", 404, "ResourceNotFound")
            body: Json = {"properties": {"tags": dict(self.tags[scope])}}
        elif (found := self.bodies.get(key(path))) is not None:
            body = copy.deepcopy(found)
        else:
            self.readings[key(path)] = (None, self.struck.get(key(path), 0))
            raise NotFound(f"{path} is not there.", "", 404, "ResourceNotFound")
        self.readings[key(path)] = (None, self.struck.get(key(path), 0))  # what is shown, should the answer be a 404
        self._happens("after")
        self.readings[key(path)] = (copy.deepcopy(body), self.struck.get(key(path), 0))
        return body

    def state_of(self, path: str, version: str) -> Json | None:
        try:
            return self.get(path, version)
        except NotFound:
            return None

    def pages(self, path: str, version: str, params: Any = None) -> Iterator[Json]:
        self._happens("before")
        assert path == f"{SUBSCRIPTION}{LOCKS}", path
        yield from [{"id": lock, "properties": {"level": "ReadOnly"}} for lock in self.locks]
        self._happens("after")

    def patch(self, path: str, version: str, body: Json) -> Json:
        if path.endswith(TAGS):
            return self._write("PATCH", path.removesuffix(TAGS), lambda old: self._tagged(old, body))
        return self._write("PATCH", path, lambda old: self._scaled(old, body))

    def delete(self, path: str, version: str, params: Any = None) -> Json:
        return self._write("DELETE", path, lambda old: None)

    def put(self, path: str, version: str, body: Json) -> Json:
        high = body["properties"]["properties"]["scaleSettings"]["maxNodeCount"]
        return self._write("PUT", path, lambda old: self._new(path, high, body["tags"]), makes=True)

    # -- inside -------------------------------------------------------------------------------------------------

    def _write(self, verb: str, resource: str, change: Callable[[Json], Json | None], *, makes: bool = False) -> Json:
        self.attempts.append((verb, key(resource)))
        self.on_write(verb, key(resource))
        self._happens("before")
        if any(f"{key(resource)}/".startswith(f"{key(scope)}/") for scope in self.locks.values()):
            raise AzureError("It is locked.", "", 409, "ScopeLocked")
        before = self.bodies.get(key(resource))
        if before is None and not makes:
            raise NotFound(f"{resource} is not there.", "", 404, "ResourceNotFound")
        after = change(copy.deepcopy(before or {}))
        read = self.readings.get(key(resource), (None, -1))
        self.writes.append(
            Write(verb, key(resource), copy.deepcopy(before), copy.deepcopy(after), self._count(resource), read)
        )
        if after is None:
            del self.bodies[key(resource)]
        else:
            self.bodies[key(resource)] = after
        self._happens("after")
        return copy.deepcopy(after or {})

    def _tagged(self, old: Json, body: Json) -> Json:
        assert body["operation"] == "Merge"
        return {**old, "tags": {**old["tags"], **body["properties"]["tags"]}}

    def _scaled(self, old: Json, body: Json) -> Json:
        old["properties"]["properties"]["scaleSettings"] |= body["properties"]["properties"]["scaleSettings"]
        return old

    def _new(self, resource: str, high: int, tags: dict[str, str]) -> Json:
        made = f"{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(self._made)):%Y-%m-%dT%H:%M:%S}.1234567Z"
        scale = {"minNodeCount": 0, "maxNodeCount": high}
        return {
            "id": resource,
            "tags": dict(tags),
            "systemData": {"createdAt": made},
            "properties": {"provisioningState": "Succeeded", "properties": {"scaleSettings": scale}},
        }

    def _happens(self, half: str) -> None:
        if half == "before":
            self.calls += 1
            self.clock += 0.1
        for event in self.at.get(self.calls, []):
            event(half)

    def _strike(self, scope: str) -> None:
        self.struck[key(scope)] = self._count(scope) + 1

    def _count(self, scope: str) -> int:
        return self.struck.get(key(scope), 0)

    def _sleep(self, seconds: float) -> None:
        self.clock += seconds


# -- what goes wrong, at a call ---------------------------------------------------------------------------------


def before(event: Callable[[], Any]) -> Callable[[str], None]:
    return lambda half: event() if half == "before" else None


def raising(half_of: str, error: BaseException) -> Callable[[str], None]:
    def event(half: str) -> None:
        if half == half_of:
            raise error

    return event


FAULTS: dict[str, Callable[[], Callable[[str], None]]] = {
    "403": lambda: raising("before", AccessDenied("Denied.", "", 403, "AuthorizationFailed")),
    "400": lambda: raising("before", AzureError("Bad.", "", 400, "BadRequest")),
    "500": lambda: raising("before", TemporaryError("Broken.", "", 500, "InternalServerError")),
    "429": lambda: raising("before", TemporaryError("Too many.", "", 429, "TooManyRequests")),
    "lost before": lambda: raising("before", AzureError("Lost.", "", code="OutcomeUnknown")),
    "lost after": lambda: raising("after", AzureError("Lost.", "", code="OutcomeUnknown")),
    "500 after": lambda: raising("after", TemporaryError("Broken.", "", 500, "InternalServerError")),
    "403 after": lambda: raising("after", AccessDenied("Denied.", "", 403, "AuthorizationFailed")),
    "404 after": lambda: raising("after", NotFound("Gone.", "", 404, "ResourceNotFound")),
    "odd": lambda: raising("before", KeyError("properties")),
    "died before": lambda: raising("before", Died()),
    "died after": lambda: raising("after", Died()),
}


# -- acts as deciders make them ---------------------------------------------------------------------------------


def shrink(cloud: Cloud, body: Json, **more: Any) -> Act:
    """Let a cluster grow no more, unless a job runs on it or it was shrunk already."""
    resource = body["id"]
    wanted = {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 0}}}}

    def still(fresh: Json) -> str | None:
        if fresh["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 0:
            return "It is small already."
        return "A job runs." if key(resource) in cloud.busy else None

    return act(body, "shrink", lambda azure: azure.patch(resource, VERSION, wanted), still, wanted, **more)


def removal(cloud: Cloud, body: Json, **more: Any) -> Act:
    resource = body["id"]

    def still(fresh: Json) -> str | None:
        return "A job runs." if key(resource) in cloud.busy else None

    return act(body, "delete", lambda azure: azure.delete(resource, VERSION), still, None, **more)


def making(name: str, **more: Any) -> Act:
    resource = compute(name)
    body = {"tags": {}, "properties": {"properties": {"scaleSettings": {"maxNodeCount": 2}}}}
    made = Act(
        resource, None, "make", "owed", "test", {}, Decimal(0), lambda azure: azure.put(resource, VERSION, body),
        lambda fresh: None, lambda fresh: None, {"properties": body["properties"]},
    )  # fmt: skip
    return Act(**{**made.__dict__, **more})


def costed(cloud: Cloud, body: Json, value: str = "CC-1") -> Act:
    return tagging(body["id"], generation_of(body), {"CostCenter": value}, body["tags"], "owed", "test", {})


def act(body: Json, action: str, request: Any, still: Any, afterwards: Json | None, **more: Any) -> Act:
    made = Act(
        body["id"], generation_of(body), action, "because", "test", {"seen": body}, Decimal(10), request, still,
        lambda fresh: None, afterwards,
    )  # fmt: skip
    return Act(**{**made.__dict__, **more})


def switch(folder: Path) -> Path:
    return folder / "stop"
