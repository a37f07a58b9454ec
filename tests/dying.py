"""A process that acts on a simulator, and kills itself with SIGKILL at the k-th boundary between it and the world.

Boundaries: before each request, after each answer, before each commit (after one, nothing of it shows until the next
boundary).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from forking import obey
from sqlalchemy import event
from sqlalchemy.engine import Engine

from finops.acts import Act, Caps, generation_of, perform, reconcile, tagging
from finops.cloud import gateway
from finops.cloud.retry import Time
from finops.config.model import AzureSettings
from finops.state import State

VERSION = "2024-04-01"
JSON = dict[str, Any]


class Boundaries:
    def __init__(self, die_at: int) -> None:
        self.met = ""  # one letter a boundary: r for reads, w for everything that could leave something behind
        self.die_at = die_at

    def __call__(self, letter: str) -> None:
        self.met += letter
        if len(self.met) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched(gateway.Azure):
    """The gateway, with a boundary on either side of every request."""

    boundary: Boundaries

    def _run(self, call: Any, request: Any, *more: Any) -> Any:
        letter = "r" if call.read else "w"
        self.boundary(letter)
        answer = super()._run(call, request, *more)
        self.boundary(letter)
        return answer


def acts_of(azure: gateway.Azure, names: dict[str, str]) -> Iterator[Act]:
    """What is to be done by what is there now: level-triggered, as the guard decides."""
    shrink, delete, tag, make = (names[kind] for kind in ("shrink", "delete", "tag", "make"))
    wanted = {"properties": {"properties": {"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 0}}}}
    body = azure.state_of(shrink, VERSION)
    if body and scale(body)["maxNodeCount"] != 0:
        yield Act(
            shrink, generation_of(body), "shrink", "w", "r", {}, Decimal(1),
            lambda hand: hand.patch(shrink, VERSION, wanted),
            lambda fresh: "small" if scale(fresh)["maxNodeCount"] == 0 else None, lambda fresh: None, wanted,
        )  # fmt: skip
    body = azure.state_of(tag, VERSION)
    if body and "CostCenter" not in (body.get("tags") or {}):
        yield tagging(tag, generation_of(body), {"CostCenter": "CC-1"}, body.get("tags"), "w", "r", {})
    body = azure.state_of(delete, VERSION)
    if body:
        yield Act(
            delete, generation_of(body), "delete", "w", "r", {}, Decimal(1),
            lambda hand: hand.delete(delete, VERSION, params={"underlyingResourceAction": "Delete"}),
            lambda fresh: None, lambda fresh: "there" if fresh else None, None,
        )  # fmt: skip
    new = {
        "location": "eastus",
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_DS3_V2",
                "vmPriority": "LowPriority",
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"},
            },
        },
    }
    if azure.state_of(make, VERSION) is None:
        yield Act(
            make, None, "make", "w", "r", {}, Decimal(0), lambda hand: hand.put(make, VERSION, new),
            lambda fresh: None, lambda fresh: None, {"properties": {"properties": {"vmPriority": "LowPriority"}}},
        )  # fmt: skip


def scale(body: JSON) -> JSON:
    found: JSON = body["properties"]["properties"]["scaleSettings"]
    return found


def work(order: JSON) -> str:
    """The boundaries that were met, where the process lives to tell."""
    boundary = Boundaries(order["die"])
    Watched.boundary = boundary
    event.listen(Engine, "commit", lambda db: boundary("r" if db.get_execution_options().get("reads") else "w"))
    if order["after"]:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, order["after"])

    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, 0.4) if seconds >= 15 else 0)

    from datetime import UTC, datetime

    now = datetime.fromisoformat(order["now"])
    clocks = Time(time.monotonic, lambda: datetime.now(UTC), sleep, random.random)
    settings = AzureSettings(endpoint=order["url"])
    with (
        Watched(settings, time=clocks, tokens=None, limits=None, operation_seconds=30, acting=True) as azure,
        State.open(order["state"]) as state,
    ):
        reconcile(azure, state, now)
        found = list(acts_of(azure, order["names"]))
        outcomes = perform(found, azure, state, Caps(9, 100, None, None, 9), now, "decided")
        if order["say"]:
            for one in outcomes:
                sys.stderr.write(f"{one.act.action}: {one.result} {one.why}\n")
    return boundary.met


if __name__ == "__main__":
    obey(work)
