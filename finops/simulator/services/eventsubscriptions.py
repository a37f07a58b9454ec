"""Event subscriptions: who is told of what happens in a subscription, a group or one resource."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.config.strict import LOOPBACK
from finops.simulator.answers import WireError, body_of, ok, page, principal_of, shaped
from finops.simulator.eventgrid import SUCCESS, EventGrid, Subscription
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import existing, existing_subscription
from finops.simulator.store import Json
from finops.simulator.world import World

LIST = "/{scope:path}/providers/Microsoft.EventGrid/eventSubscriptions"
NAME = re.compile(r"[A-Za-z0-9-]{3,64}\Z")  # subscription-creation-schema.md, azure-docs
_GRIDS: WeakKeyDictionary[World, EventGrid] = WeakKeyDictionary()
ENDPOINT = {"endpointUrl": str, "azureActiveDirectoryTenantId": str, "azureActiveDirectoryApplicationIdOrUri": str}
SHAPE: Json = {
    "properties": {
        "destination": {"endpointType": str, "properties": {**ENDPOINT, "deliveryAttributeMappings": list}},
        "filter": {"includedEventTypes": list, "advancedFilters": list},
        "eventDeliverySchema": str,
    }
}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(LIST, partial(_list, world), methods=["GET"]),
        Route(LIST + "/{name}", partial(_get, world), methods=["GET"]),
        Route(LIST + "/{name}", partial(_put, world), methods=["PUT"]),
        Route(LIST + "/{name}", partial(_delete, world), methods=["DELETE"]),
        # Entra ID has its keys elsewhere; whoever is told of us believes these.
        Route("/{tenant}/discovery/v2.0/keys", partial(_keys, world), methods=["GET"]),
    ]


def grid_of(world: World) -> EventGrid:
    if world not in _GRIDS:
        _GRIDS[world] = EventGrid(world)
    return _GRIDS[world]


def hears(world: World, request: Request, resource_id: str, operation: str) -> None:
    """Told by finops.simulator.writes of everything that succeeded."""
    if world in _GRIDS:
        _GRIDS[world].happened(resource_id, operation, principal_of(request))


def _list(world: World, request: Request) -> Response:
    above = _id(world, request, "").lower()
    found = [one.body for key, one in grid_of(world).subscriptions.items() if key.startswith(above)]
    return page(request, found)


def _get(world: World, request: Request) -> Response:
    found = grid_of(world).subscriptions.get(_id(world, request).lower())
    if found is None:
        raise WireError(404, "ResourceNotFound", f"There is no event subscription {request.path_params['name']!r}.")
    return ok(found.body)


def _put(world: World, request: Request) -> Response:
    """Azure answers 201, and shakes hands meanwhile; here the answer waits for the handshake, so that nobody polls."""
    name = request.path_params["name"]
    if not NAME.match(name):
        raise WireError(400, "InvalidRequest", "The name of an event subscription has 3 to 64 of a-z, A-Z, 0-9 and -.")
    properties = shaped(body_of(request), SHAPE).get("properties") or {}
    destination = properties.get("destination") or {}
    told = destination.get("properties") or {}
    to = urlsplit(str(told.get("endpointUrl") or ""))
    if str(destination.get("endpointType", "")).lower() != "webhook":
        raise WireError(400, "InvalidRequest", "Only webhooks are simulated.")
    # Azure takes https:// only, and any host. Ours is never to post anything beyond this machine.
    if to.scheme != "http" or to.hostname not in LOOPBACK:
        raise WireError(400, "InvalidRequest", "The simulator posts to http://127.0.0.1 only.")
    shown = {key: value for key, value in told.items() if key not in ("endpointUrl", "deliveryAttributeMappings")}
    body: Json = {
        "id": _id(world, request),
        "name": name,
        "type": "Microsoft.EventGrid/eventSubscriptions",
        "properties": {
            "topic": _id(world, request, "").partition("/providers/Microsoft.EventGrid/")[0],
            "provisioningState": "Creating",
            "destination": {
                "endpointType": "WebHook",
                # What follows the question mark may be a secret, and is not shown.
                "properties": {**shown, "endpointBaseUrl": f"{to.scheme}://{to.netloc}{to.path}"},
            },
            "filter": {"includedEventTypes": SUCCESS, **(properties.get("filter") or {})},
            "eventDeliverySchema": properties.get("eventDeliverySchema") or "EventGridSchema",
        },
    }
    grid = grid_of(world)
    subscription = Subscription(body, to.geturl(), _headers(told.get("deliveryAttributeMappings") or []))
    body["properties"]["provisioningState"] = state = grid.agrees(subscription)
    if state == "Failed":
        raise WireError(400, "InvalidRequest", "The attempt to validate the provided endpoint failed.")
    created = body["id"].lower() not in grid.subscriptions
    grid.subscriptions[body["id"].lower()] = subscription
    return ok(body, 201 if created else 200)


def _delete(world: World, request: Request) -> Response:
    found = grid_of(world).subscriptions.pop(_id(world, request).lower(), None)
    return ok(None, 204 if found is None else 200)


async def _keys(world: World, request: Request) -> Response:
    # Not in turn with what changes the estate: a webhook asks for them while a handshake waits for it.
    return ok(grid_of(world).keys())


def _id(world: World, request: Request, name: str | None = None) -> str:
    parts = parts_of(request.path_params["scope"])
    above = existing_subscription(world, parts.name) if parts.type == "subscriptions" else existing(world, parts)
    chosen = request.path_params["name"] if name is None else name
    return f"{above['id']}/providers/Microsoft.EventGrid/eventSubscriptions/{chosen}"


def _headers(mappings: list[Json]) -> dict[str, str]:
    """Those with a fixed value: https://learn.microsoft.com/azure/event-grid/delivery-properties"""
    fixed = [one for one in mappings if isinstance(one, dict) and str(one.get("type")).lower() == "static"]
    return {str(one.get("name")): str((one.get("properties") or {}).get("value", "")) for one in fixed}
