"""Invocations of batch endpoints: the jobs of one endpoint, listed, read, started; and where AML's own API is found.

`MLClient.batch_endpoints.list_jobs` asks AML's own API (https://<region>.api.azureml.ms/mferp/managementfrontend, found
through the workspace's discoveryUrl), not ARM: azure-ai-ml 1.35.2, _batch_endpoint_operations.py. Here that API is
under /mferp/managementfrontend, and the same list under ARM's own path; that ARM answers, too, is our guess. The client
reads id, name, type and properties.status; no document was collected, so the other fields are a guess as well.
"""

from __future__ import annotations

import uuid
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, origin, page, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import existing
from finops.simulator.services.ml import TOKEN, USUAL, WORKSPACE
from finops.simulator.store import Json, inside
from finops.simulator.world import World

OWN_API = "/mferp/managementfrontend"
JOBS = f"{WORKSPACE}/batchEndpoints/{{endpoint}}/jobs"
TYPE = "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs"
SHAPE: Json = {"properties": {"deploymentName": str, "inputData": dict, "outputData": dict, "properties": dict}}


def routes(world: World) -> list[BaseRoute]:
    found: list[BaseRoute] = [
        Route("/discovery", _discover, methods=["GET"]),
        Route("/discovery/{more:path}", _discover, methods=["GET"]),
    ]
    for prefix in ("", OWN_API):
        found += [
            Route(f"{prefix}{JOBS}", partial(_list, world), methods=["GET"]),
            Route(f"{prefix}{JOBS}", partial(_invoke, world), methods=["POST"]),
            Route(f"{prefix}{JOBS}/{{job}}", partial(_get, world), methods=["GET"]),
        ]
    return found


def _discover(request: Request) -> Response:
    """Where AML's own services are: here, all of them."""
    here = origin(request)
    return ok(dict.fromkeys(("api", "catalog", "experimentation", "gallery", "history", "modelmanagement"), here))


def path_of(request: Request) -> str:
    """The ARM path that was meant, whichever door was taken."""
    return str(request.scope["path"])[len(OWN_API) :] if request.scope["path"].lower().startswith(OWN_API) else str(
        request.scope["path"]
    )  # fmt: skip


def _endpoint(world: World, request: Request) -> Json:
    words = path_of(request).split("/")
    return existing(world, parts_of("/".join(words[:11])))


def _list(world: World, request: Request) -> Response:
    """Newest first."""
    endpoint = _endpoint(world, request)
    found = world.resources.of_type(TYPE, under=endpoint["id"])
    found.sort(key=lambda body: (str((body.get("systemData") or {}).get("createdAt", "")), body["id"]), reverse=True)
    return page(request, found, USUAL, TOKEN, key=None)


def _get(world: World, request: Request) -> Response:
    endpoint = _endpoint(world, request)
    name = request.path_params["job"]
    found = world.resources.get(f"{endpoint['id']}/jobs/{name}")
    if found is None:
        raise WireError(404, "UserError", f"Run {name} was not found.")
    return ok(found)


def _invoke(world: World, request: Request) -> Response:
    """Start a job on the deployment that is named, or on the default one; it runs on that one's cluster."""
    endpoint = _endpoint(world, request)
    sent = shaped(body_of(request), SHAPE).get("properties") or {}
    name = sent.get("deploymentName") or inside(endpoint, "properties", "defaults").get("deploymentName")
    deployment = world.resources.get(f"{endpoint['id']}/deployments/{name}")
    if deployment is None:
        raise WireError(400, "UserError", f"The endpoint has no deployment named {name}.")
    job, compute = f"batchjob-{uuid.uuid4()}", inside(deployment, "properties").get("compute")
    waits = str(compute or "").lower() in world.life.clusters
    body: Json = {
        "id": f"{endpoint['id']}/jobs/{job}",
        "name": job,
        "type": TYPE,
        "properties": {
            **sent,
            "name": job,
            "compute": {"target": compute, "instanceCount": 1},
            "deploymentName": deployment["name"],
            "status": "Queued" if waits else "Completed",
            "provisioningState": "Succeeded",
            "interactionEndpoints": {},
        },
    }
    return ok(writes.put(world, request, body), 201)
