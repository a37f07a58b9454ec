"""A small estate with charges in sight, for the tests of Cost Management: `an_estate(folder, charge(...), ...)`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from wire_clients import AllowHttp, Token

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
WORKSPACE = f"{SCOPE}/resourceGroups/ml-rg/providers/Microsoft.MachineLearningServices/workspaces/vision"
VM = f"{SCOPE}/resourceGroups/ML-RG/providers/Microsoft.Compute/virtualMachines/gpu-1"


def charge(day: str, cost: str, **more: Any) -> dict[str, Any]:
    """One FOCUS charge of one day; `cost` is billed and effective alike."""
    start = date.fromisoformat(day)
    tags = more.pop("tags", None)
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargePeriodStart": f"{start}T00:00:00Z",
        "ChargePeriodEnd": f"{start + timedelta(days=1)}T00:00:00Z",
        "ConsumedQuantity": "1",
        "ConsumedUnit": "Hours",
        "RegionName": "West Europe",
        "ResourceId": VM,
        "ResourceName": "gpu-1",
        "ResourceType": "Virtual machine",
        "ServiceName": "Virtual Machines",
        "SubAccountId": SCOPE,
        "SubAccountName": "research",
        "Tags": json.dumps(tags) if tags else "",
        "x_ResourceGroupName": "ml-rg",
        "x_SkuMeterCategory": "Virtual Machines",
        "x_SkuMeterName": "NC6s v3 Spot",
        **more,
    }


def an_estate(
    folder: Path,
    charges: Iterable[dict[str, Any]] = (),
    as_of: str = "2026-11-22T06:00:00Z",
    prices: Iterable[dict[str, Any]] = (),
    policy_states: Iterable[dict[str, Any]] = (),
) -> Path:
    """An estate folder with two subscriptions, one resource group each, and what is given."""
    write_lines(folder / "arm" / "subscriptions.jsonl", [_subscription(SUBSCRIPTION), _subscription(OTHER)])
    groups = [_group(SUBSCRIPTION, "ml-rg"), _group(SUBSCRIPTION, "data-rg"), _group(OTHER, "ml-rg")]
    write_lines(folder / "arm" / "resourcegroups.jsonl", groups)
    write_lines(folder / "prices.jsonl", prices)
    write_lines(folder / "policy-states.jsonl", policy_states)
    stamp = {"format": 1, "name": "small", "asOf": as_of, "source": "assembled", "complete": True, "gaps": []}
    (folder / "estate.json").write_text(json.dumps({**stamp, "billingCurrency": "USD"}), "utf-8")
    rows = list(charges)
    (folder / "charges").mkdir(exist_ok=True)
    if rows:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / "charges" / "focus.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def write_lines(file: Path, bodies: Iterable[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies), "utf-8")


def _subscription(guid: str) -> dict[str, Any]:
    return {"id": f"/subscriptions/{guid}", "subscriptionId": guid, "displayName": "research", "state": "Enabled"}


def _group(guid: str, name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{guid}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westeurope",
        "properties": {"provisioningState": "Succeeded"},
    }


def cost_client(url: str) -> Any:
    """Microsoft's own Cost Management client, pointed at a simulator."""
    from azure.mgmt.costmanagement import CostManagementClient

    return CostManagementClient(Token(), base_url=url, per_call_policies=[AllowHttp()], polling_interval=0)


def asked(folder: Path, method: str, path: str, body: Any = None) -> Any:
    """What the simulator answers to one request, without a socket: a tenth of the time of `serving`."""
    import asyncio

    import httpx

    from finops.simulator.serve import app_of

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app_of(folder))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, json=body)

    return asyncio.run(ask())
