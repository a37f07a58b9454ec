"""What is waste in a simulated world, counted by hand from all that the world knows: plain, and without finops' rules.

`waste(world)` is ids in lower case by kind; whatever is locked, tagged to be kept or not known is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from finops.simulator.world import World

Json = dict[str, Any]
ML = "microsoft.machinelearningservices/workspaces"
SPELLINGS = {"costcenter", "costcentre"}


def waste(world: World) -> dict[str, set[str]]:
    """Waste by kind, everything but images."""
    return {
        kind: {body["id"].lower() for body in find(world) if not protected(world, body)}
        for kind, find in FINDERS.items()
    }


def protected(world: World, body: Json) -> bool:
    key = body["id"].lower()
    tags = {name.lower() for name in body.get("tags") or {}}
    for lock in world.resources.of_type("microsoft.authorization/locks"):
        scope = lock["id"].lower().partition("/providers/microsoft.authorization/")[0]
        if f"{key}/".startswith(f"{scope}/") or scope.startswith(f"{key}/"):
            return True
    return bool(tags & {"keep", "finops:keep"})


def of(world: World, kind: str) -> list[Json]:
    return world.resources.of_type(f"{ML}/{kind}")


def days_old(world: World, body: Json) -> float:
    """Days since it was made; 0 where its body does not say."""
    made = (body.get("systemData") or {}).get("createdAt")
    return (world.clock.now() - datetime.fromisoformat(made)) / timedelta(days=1) if made else 0.0


def points(world: World, resource_id: str, metric: str, days: int, **dimensions: str) -> list[Json]:
    now = world.clock.now()
    found = world.metrics.points(resource_id, metric, now - timedelta(days=days), now)
    return [point for point in found if dimensions.items() <= point["dimensions"].items()]


def silent(world: World, resource_id: str) -> bool:
    """Whether Monitor knows for a whole month that nobody called in the last fortnight."""
    month = {point["timeStamp"] for point in points(world, resource_id, "RequestsPerMinute", 30)}
    fortnight = points(world, resource_id, "RequestsPerMinute", 14)
    return len(month) >= 0.95 * 30 * 24 and not any(point["total"] for point in fortnight)


def deployments(world: World, endpoint: Json) -> list[Json]:
    return world.resources.of_type(f"{ML}/onlineendpoints/deployments", under=endpoint["id"])


def empty_endpoints(world: World) -> Iterator[Json]:
    return (
        body for body in of(world, "onlineendpoints") if not deployments(world, body) and days_old(world, body) > 14
    )


def silent_endpoints(world: World) -> Iterator[Json]:
    return (body for body in of(world, "onlineendpoints") if deployments(world, body) and silent(world, body["id"]))


def spare_deployments(world: World) -> Iterator[Json]:
    for endpoint in of(world, "onlineendpoints"):
        shares = {**endpoint["properties"]["traffic"], **endpoint["properties"]["mirrorTraffic"]}
        for body in deployments(world, endpoint):
            if not shares.get(body["name"]) and silent(world, body["id"]):
                yield body


def failed_endpoints(world: World) -> Iterator[Json]:
    for body in of(world, "onlineendpoints"):
        since = world.clock.now() - datetime.fromisoformat(body["systemData"]["lastModifiedAt"])
        called = any(point["total"] for point in points(world, body["id"], "RequestsPerMinute", 30))
        if body["properties"]["provisioningState"] == "Failed" and since > timedelta(days=7) and not called:
            yield body


def ended_endpoints(world: World) -> Iterator[Json]:
    for body in of(world, "onlineendpoints"):
        try:
            end = date.fromisoformat(body["tags"].get("EndDate", ""))
        except ValueError:
            continue
        if body["tags"]["Environment"] == "dev" and end < world.clock.now().date():
            yield body


def uncalled_batches(world: World) -> Iterator[Json]:
    for body in of(world, "batchendpoints"):
        if days_old(world, body) > 90 and not of_below(world, body, "batchendpoints/jobs"):
            yield body


def of_below(world: World, body: Json, kind: str) -> list[Json]:
    return world.resources.of_type(f"{ML}/{kind}", under=body["id"])


def computes(world: World, kind: str) -> list[Json]:
    return [body for body in of(world, "computes") if body["properties"]["computeType"] == kind]


def jobs_on(world: World, compute: Json) -> list[Json]:
    """Jobs that name it, themselves or in a step."""
    name = json.dumps(compute["id"])
    workspace = compute["id"].partition("/computes/")[0]
    return [job for job in world.resources.of_type(f"{ML}/jobs", under=workspace) if name in json.dumps(job)]


def over(jobs: list[Json]) -> bool:
    return all(job["properties"]["status"] in ("Completed", "Failed", "Canceled") for job in jobs)


def idle_instances(world: World) -> Iterator[Json]:
    for body in computes(world, "ComputeInstance"):
        workspace, _, name = body["id"].partition("/computes/")
        load = points(world, workspace, "CpuUtilizationPercentage", 2, ComputeName=name)
        if body["properties"]["properties"]["state"] != "Running" or len(load) < 46:
            continue
        if max(point["maximum"] for point in load) < 10 and not jobs_on(world, body):
            yield body


def stopped_instances(world: World) -> Iterator[Json]:
    for body in computes(world, "ComputeInstance"):
        inner = body["properties"]["properties"]
        last = inner["lastOperation"] or {}
        if inner["state"] != "Stopped" or last.get("operationName") != "Stop":
            continue
        if world.clock.now() - datetime.fromisoformat(last["operationTime"]) > timedelta(days=30):
            yield body


def orphaned_instances(world: World) -> Iterator[Json]:
    home = world.stamp["tenantId"]
    for body in computes(world, "ComputeInstance"):
        inner = body["properties"]["properties"]
        user = (inner["personalComputeInstanceSettings"] or {}).get("assignedUser") or {}
        if user.get("tenantId") == home and user["objectId"] not in (world.directory or {}):
            yield body


def idle_clusters(world: World) -> Iterator[Json]:
    for body in computes(world, "AmlCompute"):
        workspace, _, name = body["id"].partition("/computes/")
        idle = points(world, workspace, "Idle Nodes", 7, ClusterName=name)
        if len(idle) >= 0.95 * 7 * 24 and min(point["minimum"] for point in idle) >= 1:
            yield body


def unused_clusters(world: World) -> Iterator[Json]:
    for body in computes(world, "AmlCompute"):
        if days_old(world, body) > 90 and not jobs_on(world, body) and not world.nodes.get(body["id"].lower()):
            yield body


def untagged_clusters(world: World) -> Iterator[Json]:
    for body in computes(world, "AmlCompute"):
        parts = body["id"].split("/")
        above = [world.resources.get("/".join(parts[:length])) or {} for length in (3, 5, 9)]
        names = {
            "".join(filter(str.isalpha, name.lower())) for each in [body, *above] for name in each.get("tags") or {}
        }
        if not names & SPELLINGS and over(jobs_on(world, body)):
            yield body


def unused_versions(world: World) -> Iterator[Json]:
    used = json.dumps(
        [*of(world, "jobs"), *of(world, "schedules"), *of(world, "onlineendpoints/deployments"),
         *of(world, "batchendpoints/deployments")]
    )  # fmt: skip
    for body in of(world, "environments/versions"):
        if json.dumps(body["id"]) not in used and days_old(world, body) > 90 and not body["properties"]["isArchived"]:
            yield body


def idle_schedules(world: World) -> Iterator[Json]:
    for body in of(world, "schedules"):
        action = body["properties"]["action"]
        targets = [action.get("jobDefinition", {}).get("computeId"),
                   action.get("endpointInvocationDefinition", {}).get("endpointId")]  # fmt: skip
        if body["properties"]["isEnabled"] and any(each and each not in world.resources for each in targets):
            yield body


FINDERS: dict[str, Callable[[World], Iterator[Json]]] = {
    "endpoint-without-deployments": empty_endpoints,
    "endpoint-without-requests": silent_endpoints,
    "deployment-without-requests": spare_deployments,
    "endpoint-failed": failed_endpoints,
    "dev-endpoint-past-end-date": ended_endpoints,
    "batch-endpoint-never-invoked": uncalled_batches,
    "instance-idle": idle_instances,
    "instance-stopped-long": stopped_instances,
    "instance-owner-left": orphaned_instances,
    "cluster-idle-nodes": idle_clusters,
    "cluster-unused": unused_clusters,
    "cluster-untagged": untagged_clusters,
    "environment-version-unused": unused_versions,
    "schedule-feeds-nothing": idle_schedules,
}
