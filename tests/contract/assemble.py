"""An estate folder from recorded Azure responses: every resource that a GET or a list returned, as it was returned.

What nobody recorded is not invented, but for what an id cannot do without: the subscription, group and resources it
lies in, each with nothing but its id, name and type.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from finops.simulator.ids import parent_of, parts_of
from finops.simulator.store import type_of

Json = dict[str, Any]
# Answers about a resource, not resources: they have an id and a type too.
NO_RESOURCES = ("microsoft.insights/metrics", "microsoft.resources/links")


def interactions(recorded: Path, *folders: str) -> Iterator[Json]:
    """Every request and response in some folders of recordings, in the order they were made."""
    for folder in folders:
        for file in sorted((recorded / folder).glob("*.json")):
            yield from json.loads(file.read_text("utf-8"))["interactions"]


def resources(found: Iterable[Json]) -> dict[str, Json]:
    """The last body of each resource by its id in lower case. What a GET of it said goes before what a list said."""
    read: dict[str, Json] = {}
    listed: dict[str, Json] = {}
    for each in found:
        body = each.get("body")
        if each["method"] != "GET" or each["status"] != 200 or not isinstance(body, dict):
            continue
        if isinstance(body.get("value"), list):
            listed |= {item["id"].lower(): item for item in body["value"] if _is_resource(item)}
        elif _is_resource(body) and urlparse(each["uri"]).path.lower().rstrip("/").endswith(body["id"].lower()):
            read[body["id"].lower()] = body
    return {**listed, **read}


def _is_resource(body: Any) -> bool:
    if not isinstance(body, dict) or not str(body.get("id", "")).lower().startswith("/subscriptions/"):
        return False
    kind = type_of(body["id"])
    if kind == "subscriptions":
        return "displayName" in body
    if kind == "resourcegroups":
        return "location" in body and "name" in body
    if "/locations/" in body["id"].lower():
        return False  # how an operation stands, or what a region offers
    # Types and names alternate after the provider: an even number of parts is a collection or an action, no resource.
    named = body["id"].strip("/").lower().rpartition("providers/")[2].split("/")
    return "/providers/" in body["id"] and len(named) % 2 == 1 and "name" in body and kind not in NO_RESOURCES


def parents(known: dict[str, Json]) -> dict[str, Json]:
    """Whatever ids lie in and nobody recorded: subscriptions, groups, resources, each with its name and type only."""
    made: dict[str, Json] = {}
    for body in known.values():
        above = parent_of(body["id"])
        while above:
            if above.lower() not in known:
                made[above.lower()] = _bare(above)
            above = parent_of(above)
    return made


def _bare(resource_id: str) -> Json:
    parts = parts_of(resource_id)
    if parts.type == "subscriptions":
        name = parts.subscription
        return {"id": resource_id, "subscriptionId": name, "displayName": name, "state": "Enabled"}
    kind = "Microsoft.Resources/resourceGroups" if parts.type == "resourcegroups" else parts.type
    return {"id": resource_id, "name": parts.name, "type": kind, "location": "westus2", "properties": {}}


def estate(folder: Path, bodies: Iterable[Json], as_of: datetime, charges: Iterable[Json] = ()) -> Path:
    """Write the folder; the bodies go in as they are."""
    by_type: dict[str, list[Json]] = {}
    for body in bodies:
        by_type.setdefault(type_of(body["id"]), []).append(body)
    for kind, some in by_type.items():
        file = folder / "arm" / f"{kind}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(body) + "\n" for body in some), "utf-8")
    stamp = {
        "format": 1, "name": "recorded", "asOf": f"{as_of:%Y-%m-%dT%H:%M:%SZ}", "source": "assembled",
        "recordedBy": "recorded payloads", "tenantId": "00000000-0000-0000-0000-000000000003", "complete": False,
        "gaps": [{"scope": "/", "what": "everything that nobody recorded", "reason": "assembled"}],
        "billingCurrency": "USD",
    }  # fmt: skip
    (folder / "estate.json").write_text(json.dumps(stamp), "utf-8")
    rows = list(charges)
    if rows:
        (folder / "charges").mkdir()
        with (folder / "charges" / "recorded.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def charges(subscription: str, answer: Json) -> list[Json]:
    """One FOCUS charge for each row of a recorded cost query by day (and by resource group)."""
    names = [column["name"] for column in answer["properties"]["columns"]]
    found = []
    for row in answer["properties"]["rows"]:
        cell = dict(zip(names, row, strict=True))
        day = date.fromisoformat(str(cell["UsageDate"]))
        found.append(
            {
                "BilledCost": str(cell.get("PreTaxCost", 1)),
                "EffectiveCost": str(cell.get("PreTaxCost", 1)),
                "BillingCurrency": cell["Currency"],
                "ChargeCategory": "Usage",
                "ChargePeriodStart": f"{day}T00:00:00Z",
                "ChargePeriodEnd": f"{day + timedelta(days=1)}T00:00:00Z",
                "SubAccountId": subscription,
                "x_ResourceGroupName": cell.get("ResourceGroup", ""),
            }
        )
    return found
