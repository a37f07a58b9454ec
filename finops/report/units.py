"""AML unit costs: a GPU-hour by size and priority, a completed job, a thousand predictions; spot and idle shares.

Hours and costs come from the charges of what lies in AML workspaces, idle hours and requests from Monitor, jobs from
the workspaces. Where one of them is not known, the unit cost is not known, and says why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from finops.charges import Period
from finops.charges.book import added
from finops.estate.ids import key as id_of
from finops.report.gather import ZERO, Asked
from finops.report.gpus import gpus, has_gpus, is_spot, size_of
from finops.report.known import NodeHours, Predictions, Work
from finops.report.model import Money, Share, Unit, Units
from finops.report.rounding import percent_of, printable

NOT_ASKED = "the estate was not read for this report"
NO_HOURS = "the charges state no hours of clusters"
HOURS = {"hour", "hours"}
# A unit cost of a fraction of a cent has its digits still; 12 are far more than anybody prints.
FINEST = Decimal("1e-12")
# Two counts of the same nodes: a node that is being made or let go is not billed as Monitor counts it.
BILLED, MEASURED = "billed node-hours", "node-hours counted by Monitor"
COVERED = Decimal("0.95")


@dataclass(frozen=True)
class Vm:
    """Hours of one VM meter on one AML resource."""

    resource_id: str
    meter: str
    is_spot: bool
    hours: Decimal
    cost: Decimal


def units(asked: Asked, period: Period, before: Period | None, work: Work | None) -> Units | None:
    """The unit costs of `period`; None where nothing that lies in an AML workspace was charged."""
    workspaces = [name for (name,) in asked.by(["Workspace"], period) if name]
    if not workspaces:
        return None
    told = vms(asked, period, workspaces)
    earlier = vms(asked, before, workspaces) if before else []
    shared = "not known for one cost centre: jobs do not say whose they are" if asked.share is not None else ""
    nodes = _nodes(told, work)
    return Units(
        gpu_hours=gpu_hours(told, earlier, asked.currency),
        no_gpu_hours="" if any(has_gpus(vm.meter) for vm in told) else _no_hours(told),
        spot=_spot(nodes),
        idle=_idle(work, nodes),
        per_job=_per_job(nodes, work, shared, asked.currency),
        predictions=tuple(_predictions(asked, period, work)),
        no_predictions=_no_predictions(work),
    )


def vms(asked: Asked, period: Period, workspaces: list[str]) -> list[Vm]:
    """VM hours in the workspaces, without what was reserved and not used."""
    keys = ["ResourceId", "MeterName", "PricingCategory", "CommitmentDiscountStatus", "ChargeCategory", "ConsumedUnit"]
    frame = asked.book.quantities(keys, period, asked.basis, asked.currency, asked.only({"Workspace": workspaces}))
    found = []
    for row in frame.to_dict("records"):
        unit, meter = str(row["ConsumedUnit"]).lower(), str(row["MeterName"])
        is_vm = (unit in HOURS and "/computes/" in str(row["ResourceId"])) or has_gpus(meter)
        if is_vm and row["ChargeCategory"] == "Usage" and str(row["CommitmentDiscountStatus"]).lower() != "unused":
            spot = is_spot(meter, str(row["PricingCategory"]))
            found.append(Vm(str(row["ResourceId"]), meter, spot, row["Quantity"], row["Cost"]))
    return found


def gpu_hours(told: Iterable[Vm], earlier: Iterable[Vm], currency: str) -> tuple[Unit, ...]:
    """Cost of a GPU-hour by size and priority, the dearest in all first."""
    now, then = _by_size(told), _by_size(earlier)
    found = []
    for (size, spot), (hours, cost) in now.items():
        name = f"{printable(size)}, {'spot' if spot else 'dedicated'}"
        cards = gpus(size)
        quantity = _times(hours, cards) if cards else None
        was = then.get((size, spot))
        found.append(
            Unit(
                name=name,
                per="GPU-hour",
                value=_per(cost, quantity, currency),
                cost=Money(cost, currency),
                quantity=quantity,
                why="" if quantity else "how many GPUs it has is not known" if not cards else "no hours were charged",
                figure=f"unit/gpu-hour/{size}/{'spot' if spot else 'dedicated'}",
                before=_per(was[1], _times(was[0], cards), currency) if was and cards else None,
            )
        )
    return tuple(sorted(found, key=lambda unit: (-(unit.cost.amount if unit.cost else ZERO), unit.name)))


def _by_size(told: Iterable[Vm]) -> dict[tuple[str, bool], tuple[Decimal, Decimal]]:
    found: dict[tuple[str, bool], list[Vm]] = defaultdict(list)
    for vm in told:
        if has_gpus(vm.meter):
            found[(size_of(vm.meter), vm.is_spot)].append(vm)
    return {name: (added(vm.hours for vm in mine), added(vm.cost for vm in mine)) for name, mine in found.items()}


def _nodes(told: Iterable[Vm], work: Work | None) -> list[Vm]:
    """Those of clusters: an instance is one person's machine, an endpoint's VM serves."""
    instances = work.instances if work else frozenset()
    return [vm for vm in told if "/computes/" in vm.resource_id and id_of(vm.resource_id) not in instances]


def _spot(nodes: list[Vm]) -> Share:
    whole, part = added(vm.hours for vm in nodes), added(vm.hours for vm in nodes if vm.is_spot)
    why = "" if whole > 0 else NO_HOURS
    return _share("Spot share of node-hours", part, whole, why, "unit/spot-share", BILLED)


def _idle(work: Work | None, nodes: list[Vm]) -> Share:
    name, figure = "Idle share of node-hours", "unit/idle-share"
    if work is None or not work.nodes:
        why = (work.why_no_nodes or "no cluster was measured") if work else NOT_ASKED
        return Share(name, None, None, None, MEASURED, why, figure)
    ours = {id_of(vm.resource_id) for vm in nodes}
    mine = [one for one in work.nodes if id_of(one.resource_id) in ours] or list(work.nodes)
    known = [one for one in mine if one.hours is not None and one.idle is not None]
    lacking = len(mine) - len(known)
    if not known:
        return Share(name, None, None, None, MEASURED, _first(mine), figure)
    part, whole = added(one.idle or ZERO for one in known), added(one.hours or ZERO for one in known)
    share = _share(name, part, whole, "" if whole > 0 else "no node ran", figure, MEASURED)
    if not lacking:
        return share
    clusters = f"{lacking} of {len(mine)} clusters"
    return Share(name, share.percent, part, whole, MEASURED, f"without {clusters}: {_first(mine)}", figure)


def _first(nodes: Iterable[NodeHours]) -> str:
    return next((one.why for one in nodes if one.why), "the nodes were not measured")


def _per_job(nodes: list[Vm], work: Work | None, shared: str, currency: str) -> Unit:
    cost = added(vm.cost for vm in nodes)
    count = work.jobs_completed if work and not shared else None
    why = shared or (work.why_no_jobs if work else NOT_ASKED)
    if count == 0:
        why = "no job that was sent in these days has completed"
    if not nodes:
        why = f"{NO_HOURS}, though {count:,} jobs completed" if count else NO_HOURS
    quantity = Decimal(count) if count is not None else None
    value = _per(cost, quantity, currency) if nodes else None
    known = Money(cost, currency) if nodes else None
    return Unit("Clusters", "completed job", value, known, quantity, "" if value else why, "unit/job")


def _predictions(asked: Asked, period: Period, work: Work | None) -> Iterable[Unit]:
    """Cost of 1,000 predictions of each deployment; of the endpoint where Azure bills several as one."""
    if work is None:
        return
    by_endpoint: dict[str, list[Predictions]] = defaultdict(list)
    for one in work.predictions:
        by_endpoint[id_of(one.resource_id).partition("/deployments/")[0]].append(one)
    costs = _costs(asked, period, by_endpoint)
    for endpoint, found in sorted(by_endpoint.items()):
        own = costs.get(endpoint, {})
        name = endpoint.rpartition("/")[2]
        apart = {one.resource_id: own.get(id_of(one.resource_id)) for one in found}
        if all(cost is not None for cost in apart.values()):
            for one in found:
                yield _prediction(one.name, apart[one.resource_id], one.count, one.why, asked.currency, one.name)
            continue
        whole = added(own.values()) if own else None
        count = added(one.count for one in found if one.count is not None)
        why = next((one.why for one in found if one.count is None), "")
        said = found[0].name if len(found) == 1 else f"{printable(name)}, {len(found)} deployments together"
        lacking = any(one.count is None for one in found)
        yield _prediction(said, whole, None if lacking else count, why, asked.currency, name)


def _prediction(name: str, cost: Decimal | None, count: Decimal | None, why: str, currency: str, figure: str) -> Unit:
    thousands = count / 1000 if count is not None else None
    if cost is None:
        why = "no charge names it in these days"
    elif count is not None and not count:
        why = "nothing called it"
    value = _per(cost, thousands, currency) if cost is not None else None
    known = None if cost is None else Money(cost, currency)
    return Unit(name, "1,000 predictions", value, known, thousands, "" if value else why, f"unit/predictions/{figure}")


def _costs(asked: Asked, period: Period, endpoints: Mapping[str, Any]) -> dict[str, dict[str, Decimal]]:
    """The cost of each endpoint by the id that it was charged under: its own, or a deployment's."""
    workspaces = sorted({name.partition("/workspaces/")[2].partition("/")[0] for name in endpoints})
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for (resource_id,), spent in asked.by(["ResourceId"], period, where={"Workspace": workspaces}).items():
        endpoint = resource_id.partition("/deployments/")[0]
        if endpoint in endpoints:
            found[endpoint][resource_id] = spent.cost
    return found


def _no_predictions(work: Work | None) -> str:
    if work is None:
        return NOT_ASKED
    return "" if work.predictions else work.why_no_predictions or "there is no online deployment"


def _no_hours(told: list[Vm]) -> str:
    return "no GPU was charged by the hour" if told else "the charges state no hours"


def _share(name: str, part: Decimal, whole: Decimal, why: str, figure: str, unit: str) -> Share:
    if why:
        return Share(name, None, None, None, unit, why, figure)
    return Share(name, percent_of(part, whole), part, whole, unit, "", figure)


def _per(cost: Decimal, quantity: Decimal | None, currency: str) -> Money | None:
    if quantity is None or quantity <= 0:
        return None
    with localcontext() as context:
        context.prec = 80
        return Money((cost / quantity).quantize(FINEST), currency)


def _times(hours: Decimal, cards: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = 80
        return hours * cards.numerator / cards.denominator
