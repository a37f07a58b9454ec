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


@dataclass(frozen=True)
class Calls:
    """Who calls one deployment and how often; with none, what an endpoint without traffic refuses (404: "no valid
    deployment with positive weight", how-to-troubleshoot-online-endpoints), which Monitor counts under no deployment
    (our guess)."""

    endpoint: str
    deployment: Deployment | None
    each_minute: float
    profile: Json
    key: int


def calls(life: Life, deployments: list[Deployment]) -> Iterator[Calls]:
    """The calls of all deployments: an endpoint's callers are shared out by its traffic, copies and direct calls added.

    Callers stay when a deployment or a whole endpoint goes, and find what is made anew under its name.
    """
    wanted: dict[str, list[Json]] = {}
    for key, profile in sorted(life.profiles.items()):
        if "requestsPerMinute" in profile and "/onlineendpoints/" in key:
            wanted.setdefault(key.partition("/deployments/")[0], []).append(profile)
    served: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        served.setdefault(deployment.endpoint.lower(), []).append(deployment)
    for endpoint in sorted({*wanted, *served}):
        body = life.resources.get(endpoint)
        if body is not None:
            yield from _shared_out(life, body, served.get(endpoint, []), wanted.get(endpoint, []))


def _shared_out(life: Life, endpoint: Json, deployments: list[Deployment], wanted: list[Json]) -> Iterator[Calls]:
    own = [profile for profile in wanted if "/deployments/" not in profile["id"]]
    callers = own or [profile for profile in wanted if not profile.get("direct")]
    demand = sum(float(profile["requestsPerMinute"]) for profile in callers)
    leading = max(callers, key=lambda profile: float(profile["requestsPerMinute"]), default={})
    shares = {kind: _lower(inside(endpoint, "properties", kind)) for kind in ("traffic", "mirrorTraffic")}
    # Endpoints of recordings may not say how they share their traffic out.
    told = isinstance(inside(endpoint, "properties").get("traffic"), dict)
    reached = 0.0
    for deployment in deployments:
        name, profile = deployment.id.rsplit("/", 1)[-1].lower(), deployment.profile
        direct = float(profile["requestsPerMinute"]) if profile.get("direct") else 0.0
        share = shares["traffic"].get(name, 0.0)
        reached += share
        if told or own:
            rate = demand * (share + shares["mirrorTraffic"].get(name, 0.0)) / 100 + direct
        else:
            rate = float(profile.get("requestsPerMinute", 0))
        follows = own or direct or not float(profile.get("requestsPerMinute", 0))
        lead = {**(profile if direct else leading), "noMetrics": profile.get("noMetrics")} if follows else profile
        yield Calls(deployment.endpoint, deployment, round(rate, 3), lead, deployment.key)
    if told and not reached and demand and not leading.get("noMetrics"):
        yield Calls(endpoint["id"], None, demand, leading, key_of(life.key, endpoint["id"].lower()))


def _lower(shares: Json) -> dict[str, float]:
    return {name.lower(): float(share) for name, share in shares.items() if isinstance(share, int | float)}


def call(life: Life, made: Calls, start: int, end: int) -> None:
    """The calls from minute `start` to minute `end`, as Monitor's metrics."""
    profile, deployment, each_minute = made.profile, made.deployment, made.each_minute
    if profile.get("noMetrics"):
        return
    shape = str(profile.get("shape", "global"))
    silent = profile.get("silentSince")
    quiet_from = minutes(life.moment(silent)) if silent else end
    lost = [minutes(life.moment(text)) for text in profile.get("lostData") or ()]
    name = deployment.id.rsplit("/", 1)[-1] if deployment else ""
    kept = [life.metrics.series(made.endpoint, "RequestsPerMinute", json.dumps({"deployment": name}), start)]
    if deployment:
        kept.append(life.metrics.series(deployment.id, "CpuUtilizationPercentage", "{}", start))
        if size_of(deployment.size).gpus:
            kept.append(life.metrics.series(deployment.id, "GpuUtilizationPercentage", "{}", start))
    while start < end:
        until = min(end, (start // 60 + 1) * 60)
        hour = start // 60
        if lost and lost[0] <= start < lost[1]:
            start = until
            continue
        rate = 0.0
        if each_minute and start < quiet_from:
            rate = round(each_minute * busy(shape, hour) * between(0.85, 1.15, made.key, hour), 3)
        load = min(95.0, 3 + 55 * rate / (each_minute * 2 or 1)) * between(0.9, 1.1, made.key, hour, 2)
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
