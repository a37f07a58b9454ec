"""AML jobs: listed, submitted, cancelled, archived, deleted."""

from __future__ import annotations

import copy
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import operations, writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import addressed, collection, existing, fresh
from finops.simulator.services.ml import USUAL, WORKSPACE, places, remove
from finops.simulator.store import Json
from finops.simulator.world import World

JOB = f"{WORKSPACE}/jobs/{{name}}"
OVER = {"completed", "failed", "canceled", "notresponding"}


SHAPE: Json = {
    "properties": {
        "jobType": str,
        "computeId": str,
        "isArchived": bool,
        "tags": {"*": str},
        "properties": dict,
        "resources": {"instanceCount": int},
    },
}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(f"{WORKSPACE}/jobs", partial(_jobs, world), methods=["GET"]),
        Route(JOB, partial(_submit, world), methods=["PUT"]),
        Route(JOB, partial(_delete, world), methods=["DELETE"]),
        Route(f"{JOB}/cancel", partial(_cancel, world), methods=["POST"]),
    ]


def _jobs(world: World, request: Request) -> Response:
    """Newest first, as AML lists them."""
    view = request.query_params.get("listViewType", "ActiveOnly").lower()
    kind = request.query_params.get("jobType", "").lower()
    tag = request.query_params.get("tag", "")
    schedule = request.query_params.get("scheduleId", "").lower()
    found = []
    for body in collection(world, parts_of(request.scope["path"])):
        properties = body["properties"]
        archived = bool(properties.get("isArchived"))
        if (view == "activeonly" and archived) or (view == "archivedonly" and not archived):
            continue
        if kind and str(properties.get("jobType", "")).lower() != kind:
            continue
        if tag and not _has_tag(properties.get("tags") or {}, tag):
            continue
        if schedule and str(properties.get("properties", {}).get("azureml.scheduleid", "")).lower() != schedule:
            continue
        found.append(body)
    found.sort(key=lambda body: (str((body.get("systemData") or {}).get("createdAt", "")), body["id"]), reverse=True)
    return page(request, found, USUAL, "$skip", key=None)


def _has_tag(tags: Json, asked: str) -> bool:
    name, equals, value = asked.partition("=")
    return name in tags and (not equals or tags[name] == value)


def _submit(world: World, request: Request) -> Response:
    parts = parts_of(request.scope["path"])
    found = addressed(world, parts)
    shaped(body_of(request), SHAPE)
    body = fresh(world, request, parts, found)
    sent = body["properties"]
    if not sent.get("jobType"):
        raise WireError(400, "UserError", "The jobType of the job is required.")
    if found:
        # A job that exists is not run again: its tags, its name and whether it is archived can be changed.
        changed = {key: sent[key] for key in ("tags", "displayName", "isArchived", "description") if key in sent}
        body = {**copy.deepcopy(found), "properties": {**copy.deepcopy(found["properties"]), **changed}}
        return ok(writes.put(world, request, body), 200)
    _check_compute(world, sent)
    body["properties"] = {
        "displayName": parts.name,
        "experimentName": "Default",
        "tags": {},
        "isArchived": False,
        "services": {},
        **sent,
        "properties": dict(sent.get("properties") or {}),
        "status": "Queued",
    }
    return ok(writes.put(world, request, body), 201)


def _check_compute(world: World, properties: Json) -> None:
    compute = str(properties.get("computeId") or "")
    if "/computes/" in compute.lower() and world.resources.get(compute) is None:
        name = compute.rpartition("/")[2]
        raise WireError(400, "UserError", f"Compute with name {name} was not found in the workspace.")


def _cancel(world: World, request: Request) -> Response:
    found = existing(world, parts_of(request.scope["path"].rpartition("/")[0]))
    status = str(found["properties"].get("status", "")).lower()
    if status in OVER:
        return ok(None, 200)
    writes.act(world, request, found["id"], "cancel")
    _set_status(world, request, found["id"], "CancelRequested")
    _, result = places(found, "mfeOperation")

    def finish() -> None:
        _set_status(world, request, found["id"], "Canceled")

    return operations.start(world, request, 20, finish, result_path=result)


def _set_status(world: World, request: Request, job_id: str, status: str) -> None:
    body = copy.deepcopy(world.resources.get(job_id))
    if body is not None and str(body["properties"].get("status", "")).lower() not in OVER:
        body["properties"]["status"] = status
        writes.put(world, request, body, quiet=True)


def _delete(world: World, request: Request) -> Response:
    return remove(world, request, request.scope["path"], 10, "mfeOperation")
