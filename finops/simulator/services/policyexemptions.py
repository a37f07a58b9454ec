"""Policy exemptions: a resource, group or subscription taken out of an assignment, for a reason and a time."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.policy.scopes import EXEMPTIONS, covers, existing_scope, home_of
from finops.simulator.policy.shapes import listed
from finops.simulator.services.arm import merged
from finops.simulator.services.policyassignments import at_scope, existing_assignment
from finops.simulator.store import Json, inside
from finops.simulator.world import World

PATH = f"/{{scope:path}}/providers/{EXEMPTIONS}"
CATEGORIES = {"waiver": "Waiver", "mitigated": "Mitigated"}
SHAPE: Json = {
    "policyAssignmentId": str,
    "policyDefinitionReferenceIds": list,
    "exemptionCategory": str,
    "expiresOn": str,
    "displayName": str,
    "description": str,
    "metadata": dict,
    "resourceSelectors": list,
}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(PATH, partial(_list, world), methods=["GET"]),
        Route(f"{PATH}/{{name}}", partial(_get, world), methods=["GET"]),
        Route(f"{PATH}/{{name}}", partial(_put, world), methods=["PUT"]),
        Route(f"{PATH}/{{name}}", partial(_patch, world), methods=["PATCH"]),
        Route(f"{PATH}/{{name}}", partial(_delete, world), methods=["DELETE"]),
    ]


def _list(world: World, request: Request) -> Response:
    scope = existing_scope(world, request.path_params["scope"])
    found = at_scope(world, world.resources.of_type(EXEMPTIONS), scope, request)
    text = request.query_params.get("$filter") or ""
    if "excludeexpired()" in text.lower():
        found = [body for body in found if not _is_over(world, body)]
    if "policyassignmentid" in text.lower():
        wanted = text.partition("'")[2].partition("'")[0].lower()
        found = [body for body in found if str(inside(body, "properties")["policyAssignmentId"]).lower() == wanted]
    return page(request, found)


def _is_over(world: World, body: Json) -> bool:
    ends = inside(body, "properties").get("expiresOn")
    return bool(ends) and datetime.fromisoformat(str(ends)) <= world.clock.now()


def _named(world: World, request: Request) -> tuple[str, Json | None]:
    scope = existing_scope(world, request.path_params["scope"])
    exemption_id = f"{scope}/providers/{EXEMPTIONS}/{request.path_params['name']}"
    return exemption_id, world.resources.get(exemption_id)


def _existing(world: World, request: Request) -> Json:
    _, found = _named(world, request)
    if found is None:
        name = request.path_params["name"]
        raise WireError(404, "PolicyExemptionNotFound", f"The policy exemption '{name}' could not be found.")
    return found


def _get(world: World, request: Request) -> Response:
    return ok(_existing(world, request))


def _put(world: World, request: Request) -> Response:
    exemption_id, found = _named(world, request)
    sent = shaped(body_of(request), {"properties": SHAPE})
    properties = {key: value for key, value in listed(sent.get("properties") or {}).items() if value is not None}
    category = CATEGORIES.get(str(properties.get("exemptionCategory")).lower())
    if category is None:
        raise WireError(400, "InvalidExemptionCategory", "The exemptionCategory must be Waiver or Mitigated.")
    properties["exemptionCategory"] = category
    if properties.get("expiresOn"):
        properties["expiresOn"] = _utc(properties["expiresOn"])
    assignment = existing_assignment(world, str(properties.get("policyAssignmentId")))
    scope = home_of(exemption_id)
    if not covers(world, home_of(assignment["id"]), scope):
        text = f"The policy assignment '{assignment['id']}' does not hold at the scope '{scope}' of the exemption."
        raise WireError(400, "InvalidPolicyExemption", text)
    body: Json = {
        "id": found["id"] if found else exemption_id,
        "name": request.path_params["name"],
        "type": EXEMPTIONS,
        "properties": properties,
        "systemData": (found or {}).get("systemData") or {"createdAt": world.clock.now().isoformat()},
    }
    return ok(writes.put(world, request, body), 200 if found else 201)


def _utc(text: str) -> str:
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WireError(400, "InvalidRequestContent", f"'{text}' is not a date and time.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _patch(world: World, request: Request) -> Response:
    """resourceSelectors; nothing else is taken (PolicyExemptionUpdate)."""
    found = _existing(world, request)
    sent = listed(shaped(body_of(request), {"properties": SHAPE}).get("properties") or {}).get("resourceSelectors")
    return ok(writes.put(world, request, merged(found, {"properties": {"resourceSelectors": sent}})))


def _delete(world: World, request: Request) -> Response:
    _, found = _named(world, request)
    if found is None:
        return ok(None, 204)
    writes.delete(world, request, found["id"])
    return ok(None, 200)
