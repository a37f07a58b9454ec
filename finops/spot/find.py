"""Which dev clusters are not as they must be: on spot nodes, down to zero, quick to let go. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from finops.estate import Estate, Known, Resource, Unknown
from finops.estate.ids import key, scopes, subscription_of, type_of
from finops.estate.model import Json, at, text
from finops.prices import Price, UnknownPrice
from finops.spot.durations import duration
from finops.spot.remade import cannot_be_remade

COMPUTE = "microsoft.machinelearningservices/workspaces/computes"
GROUP = "resourcegroups"
HOURS_A_MONTH = Decimal(730)  # as Azure's price pages count


@dataclass(frozen=True)
class Rules:
    """What a dev cluster must be like."""

    environment_tag: str
    environments: frozenset[str]  # in lower case, like the two below
    groups: tuple[str, ...]  # patterns of the names of resource groups
    subscriptions: frozenset[str]  # GUIDs
    min_nodes: int
    idle_minutes: int
    near_percent: int


@dataclass(frozen=True)
class Prices:
    """An hour of one node, dedicated and spot, at today's retail prices."""

    dedicated: Price | UnknownPrice
    spot: Price | UnknownPrice

    @property
    def share(self) -> Decimal | None:
        """Spot in percent of dedicated."""
        if isinstance(self.dedicated, UnknownPrice) or isinstance(self.spot, UnknownPrice):
            return None
        return self.spot.amount * 100 / self.dedicated.amount

    @property
    def unknown(self) -> str:
        return "; ".join(one.reason for one in (self.dedicated, self.spot) if isinstance(one, UnknownPrice))


PricesOf = Callable[[str, str], Prices]  # size, region


@dataclass(frozen=True)
class Finding:
    """A cluster that breaks a rule. `cost` of 30 days and `saving` a month in BillingCurrency, None where not known."""

    rule: str  # spot, scale
    id: str
    why: str
    change: Json  # scaleSettings as they should be, or {"vmPriority": "LowPriority"}
    cost: Decimal | None = None
    saving: Decimal | None = None
    saving_says: str = ""
    warnings: tuple[str, ...] = ()
    waits: str = ""  # why it cannot be acted upon just now
    obstacles: tuple[str, ...] = ()  # why it can never be made anew by the guard


@dataclass(frozen=True)
class Undecided:
    """A cluster of which something needed is not known: it is kept."""

    rule: str
    id: str
    reason: str


def findings(estate: Estate, rules: Rules, prices_of: PricesOf) -> Iterator[Finding | Undecided]:
    """Every cluster for development that is dedicated, or does not scale down as it must."""
    for cluster in clusters(estate):
        place = development(cluster, estate, rules)
        dedicated = cluster.facts.get("spot")
        if isinstance(place, Unknown):
            if isinstance(dedicated, Known) and dedicated.value is False:
                yield Undecided("spot", cluster.id, place.reason)
            continue
        if not place:
            continue
        if not isinstance(dedicated, Known):
            yield Undecided("spot", cluster.id, dedicated.reason if dedicated else "Azure does not say its vmPriority")
        elif dedicated.value is False:
            yield _dedicated(cluster, place, rules, prices_of)
        yield from _scale(cluster, rules, prices_of)


def clusters(estate: Estate) -> Iterator[Resource]:
    """The AmlCompute clusters; one whose body does not say its kind is none that we may touch."""
    for resource in estate.of_type(COMPUTE):
        if text(resource.body, "properties.computeType").lower() == "amlcompute":
            yield resource


def development(resource: Resource, estate: Estate, rules: Rules) -> str | Unknown:
    """What makes it one for development, in words; "" if it is not.

    The environment tag of the resource counts, else that of the nearest scope above; where there is none, the name of
    its resource group, or its subscription.
    """
    for scope in scopes(resource.id):
        holder = resource if scope == key(resource.id) else estate.resources.get(scope)
        tags = holder.body.get("tags") if holder else None
        values = {
            value.strip()
            for name, value in (tags.items() if isinstance(tags, dict) else ())
            if str(name).lower() == rules.environment_tag.lower() and isinstance(value, str) and value.strip()
        }
        if values:
            value = values.pop()
            return f"the environment '{value}'" if value.lower() in rules.environments else ""
    group = next((scope.rpartition("/")[2] for scope in scopes(resource.id) if type_of(scope) == GROUP), "")
    if any(fnmatchcase(group, pattern) for pattern in rules.groups):
        return f"the resource group '{group}'"
    if subscription_of(resource.id) in rules.subscriptions:
        return "this subscription"
    return Unknown(f"no {rules.environment_tag} tag on it or above it says whether it is for development")


def _dedicated(cluster: Resource, place: str, rules: Rules, prices_of: PricesOf) -> Finding:
    prices = _prices(cluster, prices_of)
    cost, saving, says = _value(cluster, "costLast30Days"), None, ""
    warnings = []
    if prices.share is None:
        says = f"not known: {prices.unknown}"
        warnings.append(f"Whether spot nodes are cheaper is not known: {prices.unknown}.")
    elif prices.share >= rules.near_percent:
        warnings.append(
            f"Spot nodes of this size cost {prices.share:.0f} % of dedicated ones today; counting jobs that start "
            "again after an eviction, they may cost more."
        )
    if prices.share is not None and cost is None:
        says = "not known: its cost is not known"
    elif prices.share is not None and cost is not None:
        saving = (cost * (100 - prices.share) / 100).quantize(Decimal("0.01"))
        says = f"spot costs {prices.share:.0f} % of dedicated at today's retail prices"
    return Finding(
        rule="spot",
        id=cluster.id,
        why=f"Its nodes are dedicated, and clusters of {place} must be spot.",
        change={"vmPriority": "LowPriority"},
        cost=cost,
        saving=saving,
        saving_says=says,
        warnings=tuple(warnings),
        waits=waits(cluster),
        obstacles=cannot_be_remade(cluster.body),
    )


def waits(cluster: Resource) -> str:
    """Why the cluster must be left alone just now; "" when nothing runs, queues or changes on it as far as was read."""
    state = text(cluster.body, "properties.provisioningState")
    if state.lower() != "succeeded":
        return f"it is {state or 'in no state that Azure tells'}"
    for name, doing in (("runningJobs", "run"), ("queuedJobs", "queue")):
        fact = cluster.facts.get(name)
        if not isinstance(fact, Known):
            return f"whether jobs {doing} is not known: {fact.reason if fact else 'it was not read'}"
        if fact.value:
            return f"{fact.value} {'job' if fact.value == 1 else 'jobs'} {doing}{'s' if fact.value == 1 else ''}"
    return ""


def _scale(cluster: Resource, rules: Rules, prices_of: PricesOf) -> Iterator[Finding | Undecided]:
    scale = at(cluster.body, "properties.properties.scaleSettings")
    if not isinstance(scale, dict):
        yield Undecided("scale", cluster.id, "Azure does not say its scale settings")
        return
    least, most, idle = (scale.get(name) for name in ("minNodeCount", "maxNodeCount", "nodeIdleTimeBeforeScaleDown"))
    wrong, change = [], dict[str, object]()
    if isinstance(least, int) and least > rules.min_nodes:
        wrong.append(f"it never goes below {least} {'node' if least == 1 else 'nodes'}, used or not")
        change["minNodeCount"] = rules.min_nodes
    waited = duration(idle) if isinstance(idle, str) else None
    if waited is not None and waited > timedelta(minutes=rules.idle_minutes):
        wrong.append(f"it keeps idle nodes for {_said(waited)}, and {rules.idle_minutes} minutes are allowed")
        change["nodeIdleTimeBeforeScaleDown"] = f"PT{rules.idle_minutes}M"
    if not isinstance(least, int) or not isinstance(most, int) or (idle is not None and waited is None):
        yield Undecided("scale", cluster.id, f"its scale settings cannot be understood: {scale}")
        return
    if not change:
        return
    saving, says = None, "depends on how it is used"
    if "minNodeCount" in change:
        saving, says = _held(cluster, least - rules.min_nodes, prices_of)
    yield Finding(
        rule="scale",
        id=cluster.id,
        why=f"{'; '.join(wrong)}."[0].upper() + f"{'; '.join(wrong)}."[1:],
        change=change,
        cost=_value(cluster, "costLast30Days"),
        saving=saving,
        saving_says=says,
        waits="" if text(cluster.body, "properties.provisioningState").lower() == "succeeded" else waits(cluster),
    )


def _held(cluster: Resource, over: int, prices_of: PricesOf) -> tuple[Decimal | None, str]:
    """What the nodes that only the minimum keeps would cost in a month, if they stay as idle as they are now."""
    idle = _value(cluster, "idleNodes")
    if idle is None:
        return None, "not known: whether its nodes are idle could not be read"
    spot = _value(cluster, "spot")
    prices = _prices(cluster, prices_of)
    price = prices.spot if spot else prices.dedicated
    if isinstance(price, UnknownPrice):
        return None, f"not known: {price.reason}"
    nodes = min(int(idle), over)
    return (price.amount * nodes * HOURS_A_MONTH).quantize(Decimal("0.01")), f"if {nodes} of its nodes stay idle"


def _prices(cluster: Resource, prices_of: PricesOf) -> Prices:
    region = text(cluster.body, "properties.computeLocation") or text(cluster.body, "location")
    return prices_of(text(cluster.body, "properties.properties.vmSize"), region.replace(" ", "").lower())


def _said(waited: timedelta) -> str:
    minutes = int(waited.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:g} hours"


def _value(resource: Resource, fact: str) -> Any:
    known = resource.facts.get(fact)
    return known.value if isinstance(known, Known) else None
