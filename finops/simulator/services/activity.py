"""The Activity Log: what was done in a subscription in the last 90 days, newest first."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, page
from finops.simulator.ids import is_within
from finops.simulator.odata import BadFilter, compiled, field_reader
from finops.simulator.services.arm import existing_subscription
from finops.simulator.store import Json
from finops.simulator.world import World

KEPT = timedelta(days=90)
USUAL = 200
FIELDS = (
    "eventTimestamp",
    "resourceUri",
    "resourceId",
    "resourceGroupName",
    "resourceProvider",
    "resourceType",
    "correlationId",
    "caller",
    "status",
    "eventChannels",
    "levels",
)


def routes(world: World) -> list[BaseRoute]:
    path = "/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    return [Route(path, partial(_list, world), methods=["GET"])]


def _list(world: World, request: Request) -> Response:
    subscription = str(existing_subscription(world, request.path_params["subscription"])["id"]).lower()
    text = request.query_params.get("$filter")
    if not text or "eventtimestamp" not in text.lower():
        raise _refused("The $filter with eventTimestamp is required.")
    oldest = world.clock.now() - KEPT
    try:
        # The events in question never include older ones: asking for them is refused, not answered with nothing.
        test = compiled(text, field_reader(*FIELDS), ignore_case=True)
        if test({"eventTimestamp": oldest - timedelta(days=1)} | _anything(text)):
            raise _refused("The start time cannot be more than 90 days in the past.")
        found = [event for event in world.activity if event["eventTimestamp"] >= oldest.isoformat()[:10]]
        found = [event for event in found if _of(event, subscription) and test(_record(event))]
    except BadFilter as fault:
        raise _refused(f"The filter '{text}' is invalid: {fault}") from fault
    found.sort(key=lambda event: str(event["eventTimestamp"]), reverse=True)
    wanted = {name.strip().lower() for name in request.query_params.get("$select", "").split(",") if name.strip()}
    if wanted:
        found = [{key: value for key, value in event.items() if key.lower() in wanted} for event in found]
    return page(request, found, usual=USUAL, token="$skipToken", key=None)  # noqa: S106  # a parameter's name


def _refused(text: str) -> WireError:
    """Recorded: azure_cli, monitor test_activity_log_list_scenario."""
    return WireError(400, "BadRequest", text, flat=True)


def _of(event: Json, subscription: str) -> bool:
    return is_within(str(event.get("resourceId") or event.get("resourceUri") or event.get("id", "")), subscription)


def _anything(text: str) -> Json:
    """Values that every condition on another field than the time is true for, as far as `eq` goes."""
    return dict(re.findall(r"(\w+) eq '([^']*)'", text, re.I))


def _record(event: Json) -> Json:
    def plain(name: str) -> object:
        value = event.get(name)
        return value.get("value") if isinstance(value, dict) else value

    resource_id = event.get("resourceId") or event.get("resourceUri")
    return {
        **{name: plain(name) for name in FIELDS},
        "eventTimestamp": datetime.fromisoformat(event["eventTimestamp"]),
        "resourceUri": resource_id,
        "resourceId": resource_id,
        "resourceProvider": plain("resourceProviderName"),
        "eventChannels": event.get("channels"),
        "levels": event.get("level"),
    }
