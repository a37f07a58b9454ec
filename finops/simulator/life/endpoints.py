"""Online endpoints: their deployments are billed around the clock, and answer whoever calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.simulator import meters
from finops.simulator.clock import minutes
from finops.simulator.draws import between, key_of
from finops.simulator.life.shapes import busy
from finops.simulator.sizes import size_of
from finops.simulator.store import Json, inside, whole

if TYPE_CHECKING:
    from finops.simulator.life import Life


@dataclass(frozen=True)
class Deployment:
    """One online deployment as far as it is billed and called."""

    id: str
    endpoint: str
    size: str
    region: str
    instances: int
    tags: dict[str, str]
    profile: Json
    key: int

    @property
    def sold_as(self) -> tuple[str, str]:
        return self.size.lower(), self.region.lower()


def read(life: Life, body: Json) -> Deployment | None:
    """The deployment in `body`, when it runs on VMs of ours."""
    properties = inside(body, "properties")
    if str(properties.get("endpointComputeType", "Managed")).lower() != "managed":
        return None
    if str(properties.get("provisioningState", "")).lower() in ("deleting", "failed", "canceled"):
        return None
    endpoint = body["id"].rsplit("/deployments/", 1)[0]
    parent = life.resources.get(endpoint) or {}
    # Azure puts these two tags on the usage itself (learn.microsoft.com, how-to-view-online-endpoints-costs).
    own = {"azuremlendpoint": endpoint.rsplit("/", 1)[-1], "azuremldeployment": body["id"].rsplit("/", 1)[-1]}
    return Deployment(
        id=body["id"],
        endpoint=parent.get("id", endpoint),
        size=size_of(str(properties.get("instanceType") or "Standard_DS3_v2")).name,
        region=str(body.get("location") or parent.get("location") or "eastus"),
        instances=whole(inside(body, "sku").get("capacity"), 1),
        tags={**inside(parent, "tags"), **own},
        profile=life.profiles.get(body["id"].lower(), {}),
        key=key_of(life.key, body["id"].lower()),
    )


def usage(life: Life, deployments: list[Deployment]) -> Iterator[tuple[int, int]]:
    """Ledger line and counted parts a minute of all deployments: commitments cover what they can, in order of id."""
    left = {commitment["id"]: _capacity(commitment) for commitment in life.commitments}
    for deployment in deployments:
        parts = deployment.instances * meters.PARTS
        meter = meters.vm(deployment.size, deployment.region, spot=False)
        for commitment in life.commitments:
            fits = (
                commitment["kind"] == "Savings plan"
                or (
                    commitment["size"].lower(),
                    commitment["region"],
                )
                == deployment.sold_as
            )
            if not fits or not parts:
                continue
            price = _price(commitment, meter)
            covered = min(parts, left[commitment["id"]] // (int(price * 1_000_000) if _by_money(commitment) else 1))
            left[commitment["id"]] -= covered * (int(price * 1_000_000) if _by_money(commitment) else 1)
            parts -= covered
            if covered:
                yield life.line(meter, deployment.endpoint, deployment.tags, _used(commitment, meter)), covered
        if parts:
            yield life.line(meter, deployment.endpoint, deployment.tags), parts
    for commitment in life.commitments:
        yield from _unused(life, commitment, left[commitment["id"]])


def call(life: Life, deployment: Deployment, start: int, end: int) -> None:
    """The calls that `deployment` gets from minute `start` to minute `end`, as Monitor's metrics."""
    profile = deployment.profile
    if profile.get("noMetrics"):
        return
    each_minute = float(profile.get("requestsPerMinute", 0))
    shape = str(profile.get("shape", "global"))
    silent = profile.get("silentSince")
    quiet_from = minutes(life.moment(silent)) if silent else end
    lost = [minutes(life.moment(text)) for text in profile.get("lostData") or ()]
    dimensions = json.dumps({"deployment": deployment.id.rsplit("/", 1)[-1]})
    requests = life.metrics.series(deployment.endpoint, "RequestsPerMinute", dimensions, start)
    cpu = life.metrics.series(deployment.id, "CpuUtilizationPercentage", "{}", start)
    gpu = None
    if size_of(deployment.size).gpus:
        gpu = life.metrics.series(deployment.id, "GpuUtilizationPercentage", "{}", start)
    kept = [requests, cpu] if gpu is None else [requests, cpu, gpu]
    while start < end:
        until = min(end, (start // 60 + 1) * 60)
        hour = start // 60
        if lost and lost[0] <= start < lost[1]:
            start = until
            continue
        rate = 0.0
        if each_minute and start < quiet_from:
            rate = round(each_minute * busy(shape, hour) * between(0.85, 1.15, deployment.key, hour), 3)
        load = min(95.0, 3 + 55 * rate / (each_minute * 2 or 1)) * between(0.9, 1.1, deployment.key, hour, 2)
        told = (rate, round(load, 1), round(load * 0.9 if rate else 0.0, 1))
        for series, value in zip(kept, told, strict=False):
            if until - start == 60:
                series.hold_hour(hour, value)
            else:
                series.hold(start, until, value)
        start = until


def _by_money(commitment: Json) -> bool:
    return bool(commitment["kind"] == "Savings plan")


def _capacity(commitment: Json) -> int:
    """What it covers: parts of an instance, or millionths of a USD an hour times parts."""
    if _by_money(commitment):
        return int(Decimal(commitment["hourly"]) * 1_000_000) * meters.PARTS
    return int(commitment["count"]) * meters.PARTS


def _price(commitment: Json, meter: meters.Meter) -> Decimal:
    """USD for an hour of an instance under the commitment."""
    share = Decimal(commitment["priceShare"])
    return (meter.price * share).quantize(Decimal("0.000001"))


def _used(commitment: Json, meter: meters.Meter) -> meters.Commitment:
    category = "Spend" if _by_money(commitment) else "Usage"
    price = _price(commitment, meter)
    return meters.Commitment(
        commitment["id"], commitment["name"], category, commitment["kind"], "Used", price, commitment["term"]
    )


def _unused(life: Life, commitment: Json, left: int) -> Iterator[tuple[int, int]]:
    """What was paid for and not needed."""
    if _by_money(commitment):
        meter = meters.Meter("Savings Plan", "", "Unused commitment", "1 Hour", Decimal(1), 60 * meters.PARTS,
                             commitment["region"], "Compute")  # fmt: skip
        price, parts = Decimal(1), left // 1_000_000
    else:
        meter = meters.vm(commitment["size"], commitment["region"], spot=False)
        price, parts = _price(commitment, meter), left
    if parts:
        unused = meters.Commitment(
            commitment["id"],
            commitment["name"],
            "Spend" if _by_money(commitment) else "Usage",
            commitment["kind"],
            "Unused",
            price,
            commitment["term"],
        )
        yield life.line(meter, commitment["id"], None, unused), parts
