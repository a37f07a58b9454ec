"""What a weekly run found, as lines for people and as a record for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops.estate import Resource
    from finops.jobs import Weekly
    from finops.report.model import Line, Money

COMPUTE = "microsoft.machinelearningservices/workspaces/computes"
ENDPOINT = "microsoft.machinelearningservices/workspaces/onlineendpoints"


def record(weekly: Weekly) -> dict[str, Any]:
    """Counts and exact amounts; `unknown` counts what could not be told, which is never counted as waste."""
    estate, figures = weekly.estate, weekly.made.figures
    clusters = [one for one in estate.of_type(COMPUTE) if one.body["properties"].get("computeType") == "AmlCompute"]
    endpoints = estate.of_type(ENDPOINT)
    requests = [_value(one, "requestsLast14Days") for one in endpoints]
    spot = [_value(one, "spot") for one in clusters]
    return {
        "asOf": estate.as_of,
        "resources": len(estate.resources),
        "subscriptions": len(estate.of_type("subscriptions")),
        "gaps": [{"scope": gap.scope, "what": gap.what, "reason": gap.reason} for gap in estate.gaps],
        "clusters": {
            "all": len(clusters),
            "spot": spot.count(True),
            "dedicated": spot.count(False),
            "unknown": spot.count(None),
            "idleNodes": sum(_value(one, "idleNodes") or 0 for one in clusters),
        },
        "endpoints": {
            "all": len(endpoints),
            "withoutRequestsFor14Days": requests.count(0),
            "unknown": requests.count(None),
        },
        "period": {"start": figures.period.start, "end": figures.period.end},
        "currency": figures.currency,
        "basis": figures.basis,
        "cost": figures.total.cost.amount,
        "change": figures.total.change.amount if figures.total.change else None,
        "month": figures.month.cost.amount if figures.month else None,
        "untagged": figures.untagged.cost.amount,
        "completeUntil": figures.completeness.until,
        "complete": figures.completeness.is_whole and estate.complete,
        "costCentres": {line.key: line.cost.amount for line in figures.by_cost_centre.all},
        "mail": str(weekly.mail),
        "sent": weekly.sent,
    }


def lines(weekly: Weekly, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A heading and a sentence each, dearest facts first."""
    from finops.report.words import Words, percent, until

    figures = weekly.made.figures
    words = Words(figures.digits)
    clusters, endpoints = found["clusters"], found["endpoints"]
    yield (
        "Idle",
        (
            f"{clusters['idleNodes']} nodes of {clusters['all']} clusters ({clusters['spot']} on spot) "
            "are paid for and idle; "
            f"{endpoints['withoutRequestsFor14Days']} of {endpoints['all']} endpoints had no request in 14 days, "
            f"of {endpoints['unknown']} more Azure could not tell"
        ),
    )
    moved = ""
    if figures.movers and figures.movers.drivers:
        driver = figures.movers.drivers[0]
        cause = f", mainly {driver.resources[0].name}" if driver.resources else ""
        moved = f"; {driver.line.name} {words.signed(driver.line.change)}{cause}"
    yield "The week", f"{figures.period.label} cost {_changed(words, figures.total)}{moved}"
    if figures.month:
        budget = figures.month.budget
        against = (
            f" of {words.money(budget.amount)} budget: {percent(budget.spent_percent)} spent, "
            f"{percent(budget.month_gone_percent)} of the month gone"
            if budget
            else ""
        )
        yield (
            figures.month.name,
            f"{words.money(figures.month.cost)}{'' if figures.month.ended else ' so far'}{against}",
        )
    share = f" ({percent(figures.untagged_percent)})" if figures.untagged_percent is not None else ""
    reach = "incomplete: the report says what is missing"
    if figures.completeness.is_whole:
        end = figures.completeness.until
        reach = f"complete to {until(end)}" if end else "complete as far as is known"
    yield "Data", f"{reach}; {words.money(figures.untagged.cost)}{share} of the week has no CostCenter"


def read(found: dict[str, Any]) -> str:
    """ "2,418 resources in 3 subscriptions": what was read, and how much of it could not be."""
    from finops.report.words import count

    gaps = found["gaps"]
    lacks = f", {count(len(gaps), 'part', 'parts')} could not be read" if gaps else ""
    subscriptions = count(found["subscriptions"], "subscription", "subscriptions")
    return f"{count(found['resources'], 'resource', 'resources')} in {subscriptions}{lacks}"


def _changed(words: Any, line: Line) -> str:
    change: Money | None = line.change
    return f"{words.money(line.cost)}, {words.change(line)}" if change else str(words.money(line.cost))


def _value(resource: Resource, fact: str) -> Any:
    """A fact's value; None where it is unknown."""
    return getattr(resource.facts.get(fact), "value", None)
