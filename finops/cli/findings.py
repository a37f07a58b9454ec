"""What a weekly run found, as lines for people and as a record for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops.estate import Estate, Resource
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
    from finops.report.words import Words, count, percent, until

    figures = weekly.made.figures
    words = Words(figures.digits)
    clusters, endpoints = found["clusters"], found["endpoints"]
    yield (
        "Estate",
        (
            f"{count(found['resources'], 'resource', 'resources')} in "
            f"{count(found['subscriptions'], 'subscription', 'subscriptions')}, {_whole(weekly.estate)}"
        ),
    )
    yield (
        "Clusters",
        (
            f"{clusters['all']}: {clusters['spot']} on spot nodes, {clusters['dedicated']} on dedicated ones; "
            f"{count(clusters['idleNodes'], 'node is', 'nodes are')} paid for and idle right now"
        ),
    )
    yield (
        "Endpoints",
        (
            f"{endpoints['all']}: {endpoints['withoutRequestsFor14Days']} had no request in 14 days; "
            f"of {endpoints['unknown']} more Azure could not tell"
        ),
    )
    yield "The week", f"{figures.period.label} cost {_changed(words, figures.total)}"
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
    if figures.movers and figures.movers.drivers:
        driver = figures.movers.drivers[0]
        cause = f", most of it {driver.resources[0].name}" if driver.resources else ""
        yield "Moved most", f"{driver.line.name} {words.signed(driver.line.change)}{cause}"
    share = f" ({percent(figures.untagged_percent)})" if figures.untagged_percent is not None else ""
    yield "Untagged", f"{words.money(figures.untagged.cost)}{share} has no CostCenter"
    if not figures.completeness.is_whole:
        yield "Data", "incomplete: the report says what is missing"
    elif figures.completeness.until:
        yield "Data", f"complete to {until(figures.completeness.until)}"


def _changed(words: Any, line: Line) -> str:
    change: Money | None = line.change
    return f"{words.money(line.cost)}, {words.change(line)}" if change else str(words.money(line.cost))


def _whole(estate: Estate) -> str:
    return "all of it could be read" if estate.complete else f"{len(estate.gaps)} parts could not be read"


def _value(resource: Resource, fact: str) -> Any:
    """A fact's value; None where it is unknown."""
    return getattr(resource.facts.get(fact), "value", None)
