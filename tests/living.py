"""A small estate by hand, for tests that watch it live: one workspace, and what the test puts into it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.simulator.world import World

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
WORKSPACE = f"{SUBSCRIPTION}/resourceGroups/rg-a/providers/Microsoft.MachineLearningServices/workspaces/mlw-a"
ML = "Microsoft.MachineLearningServices/workspaces"


def estate(folder: Path, *bodies: dict[str, Any], as_of: str = "2026-06-01T00:00:00Z", **profiles: Any) -> World:
    """The world of a folder that holds `bodies`; `profiles` are by name, and say how each is used."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "estate.json").write_text(json.dumps({"format": 1, "name": "test", "asOf": as_of}))
    world = World.load(folder)
    for name, profile in profiles.items():
        owner = next(body for body in bodies if body["name"].replace("-", "_") == name)
        world.life.profiles[owner["id"].lower()] = {"id": owner["id"], **profile}
    world.resources.put({"id": SUBSCRIPTION, "displayName": "Test", "subscriptionId": SUBSCRIPTION.split("/")[-1]})
    for body in bodies:
        world.resources.put(body)
    return world


def cluster(name: str, least: int = 0, most: int = 2, priority: str = "Dedicated", idle: str = "PT10M",
            size: str = "STANDARD_DS3_V2", tags: dict[str, str] | None = None) -> dict[str, Any]:  # fmt: skip
    scale = {"minNodeCount": least, "maxNodeCount": most, "nodeIdleTimeBeforeScaleDown": idle}
    inner = {"vmSize": size, "vmPriority": priority, "scaleSettings": scale}
    return _resource(
        f"computes/{name}", tags, {"computeType": "AmlCompute", "provisioningState": "Succeeded", "properties": inner}
    )


def instance(name: str, state: str = "Running", **inner: Any) -> dict[str, Any]:
    properties = {"vmSize": "STANDARD_DS3_V2", "state": state, **inner}
    return _resource(f"computes/{name}", None, {"computeType": "ComputeInstance", "properties": properties})


def endpoint(name: str, tags: dict[str, str] | None = None) -> dict[str, Any]:
    return _resource(f"onlineEndpoints/{name}", tags, {"provisioningState": "Succeeded"})


def deployment(of: str, name: str = "blue", instances: int = 1, size: str = "Standard_DS3_v2") -> dict[str, Any]:
    body = _resource(
        f"onlineEndpoints/{of}/deployments/{name}", {}, {"instanceType": size, "provisioningState": "Succeeded"}
    )
    return {**body, "sku": {"name": "Default", "capacity": instances}}


def job(name: str, on: dict[str, Any], nodes: int = 1) -> dict[str, Any]:
    properties = {
        "jobType": "Command",
        "status": "NotStarted",
        "computeId": on["id"],
        "resources": {"instanceCount": nodes},
    }
    return _resource(f"jobs/{name}", None, properties)


def live(world: World, **by: float) -> World:
    """Move the clock forward, as in `live(world, hours=5)`, and settle."""
    world.clock.advance(**by)
    world.settle()
    return world


def billed(world: World, **where: str) -> Decimal:
    """BilledCost of everything used so far, in truth, of the rows whose columns are as in `where`."""
    return _sum(world.charges.used(), where)


def told(world: World, **where: str) -> Decimal:
    """BilledCost that Cost Management tells now."""
    return _sum(world.charges.published(world.clock.now()), where)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T00:00:00+00:00")


def _sum(table: Any, where: dict[str, str]) -> Decimal:
    rows = table.select(["BilledCost", *where]).to_pylist()
    return sum(
        (row["BilledCost"] for row in rows if all(row[name] == value for name, value in where.items())), Decimal(0)
    )


def _resource(path: str, tags: dict[str, str] | None, properties: dict[str, Any]) -> dict[str, Any]:
    kind = "/".join([ML, *path.split("/")[::2]])
    common = {"name": path.split("/")[-1], "type": kind, "location": "eastus", "tags": tags or {}}
    return {"id": f"{WORKSPACE}/{path}", **common, "properties": properties}
