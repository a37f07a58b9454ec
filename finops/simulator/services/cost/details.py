"""Cost details reports: POST generateCostDetailsReport, poll, then fetch the CSV from the links of its manifest.

Facts (Microsoft's examples and get-small-usage-datasets-on-demand.md): 202 with a Location, polled until 200 with
status Completed; a report spans one month at most and starts 13 months back at the earliest; ActualCost or
AmortizedCost; 204 where there is no data. Guess: links stay good for a day.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from finops.simulator import operations
from finops.simulator.answers import WireError, body_of, origin
from finops.simulator.services.cost import files, wire
from finops.simulator.services.cost.book import book_of, scope_clause
from finops.simulator.services.cost.period import day_in, months_later
from finops.simulator.services.cost.wire import invalid
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

ACCOUNT, CONTAINER = "ccmreportstoragesimulated", "armreports"
SECONDS = 60


def asked(world: World, request: Request) -> Response:
    scope, body = str(request.path_params["scope"]).strip("/"), body_of(request)
    clause = scope_clause(scope, world)
    if clause is None:
        raise wire.not_found(scope)
    metric = str(body.get("metric") or "ActualCost")
    if metric not in {"ActualCost", "AmortizedCost"}:
        raise invalid(f"Invalid metric '{metric}': ActualCost or AmortizedCost.")
    period = body.get("timePeriod")
    if not isinstance(period, dict):
        raise invalid("timePeriod is missing (reports by invoice or billing period are not simulated).")
    first, last = day_in(period.get("start"), "start"), day_in(period.get("end"), "end")
    today = world.clock.now().date()
    if not first <= last < months_later(first, 1) or first < months_later(today, -13):
        raise invalid("Invalid timePeriod: one month at most, and no earlier than 13 months ago.")
    where, values = f"{clause[0]} AND day BETWEEN ? AND ?", [*clause[1], first, last]
    if book_of(world).span(where, values) is None:
        return Response(status_code=204)
    home = origin(request)

    def finish() -> Json:
        return _report(world, home, scope, body, metric, where, values)

    result = f"/{scope}/providers/Microsoft.CostManagement/costDetailsOperationResults"
    return operations.start(world, request, SECONDS, finish, result_path=result)


def _report(world: World, home: str, scope: str, body: Json, metric: str, where: str, values: list[object]) -> Json:
    name = str(uuid.uuid4())
    container = world.folder / "storage" / ACCOUNT / CONTAINER
    book = book_of(world)
    parts = files.written(book, metric.lower(), where, values, container / name, ".csv", files.part_rows(world))
    signature = hashlib.sha256(name.encode()).hexdigest()[:16]
    links: list[Json] = [
        {
            "blobLink": f"{home}/{ACCOUNT}/{CONTAINER}/{name}/{part.file.name}?sr=b&sig={signature}",
            "byteCount": part.size,
        }
        for part in parts
    ]
    return {
        "id": f"{scope}/providers/Microsoft.CostManagement/costDetailsOperationResults/{name}",
        "name": name,
        "status": "Completed",
        "manifest": {
            "manifestVersion": "2023-11-01",
            "dataFormat": "Csv",
            "blobCount": len(links),
            "byteCount": sum(link["byteCount"] for link in links),
            "compressData": False,
            "requestContext": {"requestScope": scope, "requestBody": body},
            "blobs": links,
        },
        "validTill": f"{world.clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
    }


def fetched(world: World, request: Request) -> Response:
    """One part of a report; refused without the signature of its link."""
    name, part = request.path_params["name"], request.path_params["part"]
    if request.query_params.get("sig") != hashlib.sha256(name.encode()).hexdigest()[:16]:
        raise WireError(403, "AuthenticationFailed", "Server failed to authenticate the request.")
    folder = world.folder / "storage" / ACCOUNT / CONTAINER
    known = {f"{file.parent.name}/{file.name}": file for file in folder.glob("*/part_*.csv")}
    file = known.get(f"{name}/{part}")
    if file is None:
        raise WireError(404, "BlobNotFound", "The specified blob does not exist.")
    return Response(file.read_bytes(), media_type="text/csv")
