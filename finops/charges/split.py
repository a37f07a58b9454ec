"""Two splits of the same cost, by service and by CostCenter, become one without losing a cent of either.

Nearly every resource has one CostCenter on a day, or one service: then the rows are certain. Where a resource changed
its tag within a day and has several services, only the two splits are known. They are laid side by side (each service's
amount is used up by CostCenters in turn), so the sum of each service and of each CostCenter stays exact, while which
service belongs to which CostCenter within that resource and day is an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext

from finops.charges.answers import Answer

# (day, currency, resource, service, CostCenter) -> cost
Slot = tuple[date, str, str, str, str]
Costs = Mapping[Slot, Decimal]


def both(by_service: Answer, by_centre: Answer) -> Costs:
    """Cost per day, resource, service and CostCenter. What the two differ by stays with the service split."""
    services: dict[tuple[date, str, str], list[tuple[str, Decimal]]] = {}
    centres: dict[tuple[date, str, str], list[tuple[str, Decimal]]] = {}
    for answer, kept in ((by_service, services), (by_centre, centres)):
        for (day, currency, resource, group), cost in sorted(answer.items()):
            kept.setdefault((day, currency, resource), []).append((group, cost))
    found: dict[Slot, Decimal] = {}
    with localcontext() as context:
        context.prec = 60
        for (day, currency, resource), parts in services.items():
            for service, centre, cost in _aligned(parts, centres.get((day, currency, resource), [("", Decimal(0))])):
                slot = (day, currency, resource, service, centre)
                found[slot] = found.get(slot, Decimal(0)) + cost
    return found


def _aligned(services: list[tuple[str, Decimal]], centres: list[tuple[str, Decimal]]) -> list[tuple[str, str, Decimal]]:
    """(service, CostCenter, cost) whose sums per service are those of `services`, and per CostCenter of `centres`.

    Where the two totals differ (Azure rounds them apart, or data came in between), the last CostCenter has the rest.
    """
    if len(centres) == 1:
        return [(service, centres[0][0], cost) for service, cost in services]
    if len(services) == 1:
        service, total = services[0]
        rest = total - sum((cost for _, cost in centres), Decimal(0))
        return [
            (service, centre, cost + (rest if n == len(centres) - 1 else 0)) for n, (centre, cost) in enumerate(centres)
        ]
    laid: list[tuple[str, str, Decimal]] = []
    left = [cost for _, cost in centres]
    at = 0
    for service, cost in services:
        while at < len(centres) - 1 and abs(left[at]) <= abs(cost) and (left[at] < 0) == (cost < 0):
            laid.append((service, centres[at][0], left[at]))
            cost -= left[at]
            left[at] = Decimal(0)
            at += 1
        laid.append((service, centres[at][0], cost))
        left[at] -= cost
    # Amounts of both signs can leave a CostCenter short: move the difference within the last service.
    for n, rest in enumerate(left[:-1]):
        if rest:
            laid += [(services[-1][0], centres[n][0], rest), (services[-1][0], centres[-1][0], -rest)]
    return [(service, centre, cost) for service, centre, cost in laid if cost]
