"""Azure's rate limits, when asked for: what a caller may still do is in each answer's headers, and then comes 429.

Figures and sources: ../shared/RELIABILITY.md section 1 (Microsoft's guidance pages, read November 2026).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from finops.simulator.answers import WireError, body_of
from finops.simulator.ids import parts_of

# ARM, per subscription, principal and kind of operation: bucket size and refill a second.
BUCKETS = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
GRAPH_QUERIES, GRAPH_SECONDS = 15, 5
# Cost Management, per tenant: (query processing units, seconds). One unit is one month of data asked for.
QPU = ((12, 10), (60, 60), (600, 3600))
# And a minute, per scope asked about. Without a ClientType header all callers of a tenant share one bucket.
ENTITY_QUERIES, CLIENT_TYPE_QUERIES = 4, 2000
_COST = "x-ms-ratelimit-microsoft.costmanagement-"


@dataclass
class Bucket:
    """Tokens that come back with time."""

    size: float
    refill: float
    left: float
    at: float

    def take(self, now: float) -> bool:
        self.left = min(self.size, self.left + (now - self.at) * self.refill)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass
class Window:
    """What was spent in the last `seconds`."""

    limit: float
    seconds: float
    spent: deque[tuple[float, float]] = field(default_factory=deque)

    def used(self, now: float) -> float:
        while self.spent and self.spent[0][0] <= now - self.seconds:
            self.spent.popleft()
        return sum(amount for _, amount in self.spent)

    def wait(self, now: float, amount: float) -> int:
        """Seconds until `amount` fits, 0 when it does now."""
        over = self.used(now) + amount - self.limit
        for moment, spent in self.spent:
            if over <= 0:
                break
            over -= spent
            if over <= 0:
                return max(1, math.ceil(moment + self.seconds - now))
        return 0


class Limits:
    """The meters of one server. `now` is real or simulated time, in seconds."""

    def __init__(self, now: Callable[[], float] | None) -> None:
        self._now = now
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._windows: dict[tuple[str, ...], Window] = {}

    def take(self, request: Request) -> dict[str, str]:
        """Count `request`: the headers that tell what is left, or WireError 429."""
        path = request.scope["path"].lower()
        if self._now is None or path.startswith(("/simulator", "/api/retail/", "/registry/")):
            return {}
        who = request.headers.get("authorization", "")
        if path == "/providers/microsoft.resourcegraph/resources":
            return self._graph(who)
        if re.search(r"/providers/microsoft\.costmanagement/(query|forecast)$", path):
            return self._cost(request)
        return self._arm(request, who)

    def _arm(self, request: Request, who: str) -> dict[str, str]:
        assert self._now is not None
        now = self._now()
        kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(request.method, "writes")
        subscription = parts_of(request.scope["path"]).subscription.lower()
        size, refill = BUCKETS[kind]
        key = ("arm", subscription, who, kind)
        bucket = self._buckets.setdefault(key, Bucket(size, refill, size, now))
        header = f"x-ms-ratelimit-remaining-{'subscription' if subscription else 'tenant'}-{kind}"
        if not bucket.take(now):
            wait = max(1, math.ceil((1 - bucket.left) / refill))
            raise WireError(
                429,
                "SubscriptionRequestsThrottled" if subscription else "TenantRequestsThrottled",
                f"Number of requests for subscription '{subscription}' exceeded the limit for operation type "
                f"'{kind}'. Please try again after '{wait}' seconds.",
                headers={"Retry-After": str(wait), header: "0"},
            )
        return {header: str(int(bucket.left))}

    def _graph(self, who: str) -> dict[str, str]:
        assert self._now is not None
        now = self._now()
        window = self._window("graph", who, limit=GRAPH_QUERIES, seconds=GRAPH_SECONDS)
        wait = window.wait(now, 1)
        if wait:
            raise WireError(
                429,
                "RateLimiting",
                "Please provide below info when asking for support.",
                details=[
                    {
                        "code": "RateLimiting",
                        "message": "Client application has been throttled and should not attempt to repeat the request "
                        "until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling.",
                    }
                ],
                headers={**_quota(0, wait), "Retry-After": str(wait)},
            )
        window.spent.append((now, 1))
        oldest = window.spent[0][0]
        return _quota(int(GRAPH_QUERIES - window.used(now)), math.ceil(oldest + GRAPH_SECONDS - now))

    def _cost(self, request: Request) -> dict[str, str]:
        assert self._now is not None
        # Imported here: the services import the answers that this module's callers send.
        from finops.simulator.services.cost import qpu

        now, units = self._now(), qpu(body_of(request))
        scope = request.scope["path"].lower().partition("/providers/microsoft.costmanagement")[0]
        client = request.headers.get("clienttype", "")
        quotas = [self._window("qpu", str(span), limit=limit, seconds=span) for limit, span in QPU]
        entity = self._window("entity", scope, limit=ENTITY_QUERIES, seconds=60)
        clients = self._window("clienttype", client, limit=CLIENT_TYPE_QUERIES, seconds=60)
        waits = {
            "qpu": max(window.wait(now, units) for window in quotas),
            "entity": entity.wait(now, 1),
            "clienttype": clients.wait(now, 1),
        }
        if any(waits.values()):
            raise WireError(
                429,
                "429",
                "Too many requests. Please retry.",
                headers={f"{_COST}{name}-retry-after": str(wait) for name, wait in waits.items() if wait},
            )
        for window, amount in [*((quota, units) for quota in quotas), (entity, 1), (clients, 1)]:
            window.spent.append((now, amount))
        hour, minute = quotas[2], quotas[1]
        return {
            f"{_COST}qpu-consumed": str(units),
            f"{_COST}qpu-remaining": f"QueriesPerHour:{600 - hour.used(now):g},QueriesPerMin:{60 - minute.used(now):g}",
            "x-ms-ratelimit-remaining-microsoft.costmanagement-entity-requests": (
                f"DefaultQuota:{ENTITY_QUERIES - entity.used(now):g}"
            ),
        }

    def _window(self, *key: str, limit: float, seconds: float) -> Window:
        return self._windows.setdefault(key, Window(limit, seconds))


def _quota(remaining: int, seconds: int) -> dict[str, str]:
    return {
        "x-ms-user-quota-remaining": str(remaining),
        "x-ms-user-quota-resets-after": f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}",
    }
