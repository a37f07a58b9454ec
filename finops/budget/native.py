"""Azure's own budgets: what each of ours looks like there, which of those there are ours, and what differs.

Azure evaluates them once a day, on actual (billed) cost, with at most five notifications
(azure-docs, tutorial-acm-create-budgets.md, 2020; REST reference of Microsoft.Consumption/budgets 2024-08-01).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from finops.budget.model import Budget, Threshold
from finops.budget.periods import MONTHS, calendar_start

Json = dict[str, Any]
API_VERSION = "2024-08-01"
MOST_NOTIFICATIONS = 5
MOST_ADDRESSES = 50  # of one notification
MOST_PERCENT = Decimal(1000)
LONGEST_NAME = 63
GRAINS = {"month": "Monthly", "quarter": "Quarterly", "year": "Annually"}
UNTAGGED = "(untagged)"
_OURS = re.compile(r"finops-(?:[a-z0-9-]*-)?([0-9a-f]{8})")


@dataclass(frozen=True)
class Wanted:
    """One of our budgets as Azure is to have it. notes: where it is not the same thing there, as sentences."""

    budget: str
    scope: str
    name: str
    properties: Json
    notes: tuple[str, ...]
    currency: str | None

    @property
    def path(self) -> str:
        return path_of(self.scope, self.name)


@dataclass(frozen=True)
class Unfit:
    """A budget that Azure cannot hold, and why."""

    budget: str
    why: str


@dataclass(frozen=True)
class Step:
    """What is to be done to one of Azure's budgets, and what of it differs. etag: of the one that was read."""

    action: Literal["create", "update", "delete", "same"]
    scope: str
    name: str
    budget: str  # "" where no setting asks for it any more
    differs: tuple[str, ...]
    notes: tuple[str, ...]
    body: Json | None
    etag: str = ""

    @property
    def path(self) -> str:
        return path_of(self.scope, self.name)


def path_of(scope: str, name: str) -> str:
    return f"{scope}/providers/Microsoft.Consumption/budgets/{name}"


def name_of(budget: str) -> str:
    """What Azure calls the budget: readable, and with a digest that our notifications repeat."""
    slug = re.sub(r"[^a-z0-9]+", "-", budget.lower()).strip("-")
    mark = digest_of(budget)
    return f"finops-{slug[: LONGEST_NAME - 16].rstrip('-')}-{mark}" if slug else f"finops-{mark}"


def digest_of(budget: str) -> str:
    return hashlib.sha256(budget.casefold().encode()).hexdigest()[:8]


def is_ours(body: Mapping[str, Any]) -> bool:
    """Whether we made it: its name has our form, and every notification repeats the digest that ends the name.

    Azure's budgets have no tags, and a name alone may be anybody's.
    """
    found = _OURS.fullmatch(str(body.get("name", "")).lower())
    properties = body.get("properties")
    told = properties.get("notifications") if isinstance(properties, dict) else None
    if not found or not isinstance(told, dict) or not told:
        return False
    return all(str(key).lower().startswith(f"finops-{found[1]}-") for key in told)


def wanted(budget: Budget, subscriptions: Sequence[str], now: datetime, groups: Sequence[str] = ()) -> Wanted | Unfit:
    """The budget as Azure is to have it, or why it cannot.

    subscriptions: GUIDs of those that we read. groups: ids of resource groups, to find one by its name
    """
    where = _scope(budget, subscriptions, groups)
    if isinstance(where, Unfit):
        return where
    if not budget.to:
        return Unfit(budget.name, "it names nobody to tell: set mail.finance")
    today = now.date()
    if budget.end and budget.end < today:
        return Unfit(budget.name, f"it ended on {budget.end}")
    first = max(today, budget.start or today)
    start = calendar_start(budget, first)
    notes = []
    if budget.basis == "effective":
        notes.append("Azure counts billed cost, this budget effective (amortised) cost: the two may alert apart")
    if budget.start and budget.start > start:
        notes.append(f"Azure counts from {start}, this budget from {budget.start}")
    if budget.end and budget.end != _last_of(budget.end):
        notes.append(f"Azure's period goes on after {budget.end}, the last day of this budget")
    notifications = _notifications(budget, notes)
    if not notifications:
        return Unfit(budget.name, "Azure takes thresholds of 0.01 to 1000 percent of the budget, and it has none such")
    properties: Json = {
        "category": "Cost",
        "amount": _number(budget.amount),
        "timeGrain": GRAINS[budget.every],
        "timePeriod": {"startDate": f"{start}T00:00:00Z"},
        "notifications": notifications,
    }
    if budget.end:
        properties["timePeriod"]["endDate"] = f"{_last_of(budget.end)}T00:00:00Z"
    if budget.scope.kind == "tag":
        tags = {"name": budget.scope.name, "operator": "In", "values": list(budget.scope.values)}
        properties["filter"] = {"tags": tags}
    return Wanted(budget.name, where, name_of(budget.name), properties, tuple(notes), budget.currency)


def compare(wish: Wanted, found: Json | None, every: int) -> Step:
    """What makes `found`, the budget of that name, what is wished. Its start is kept where it begins such periods."""
    if found is None:
        return Step("create", wish.scope, wish.name, wish.budget, (), wish.notes, {"properties": wish.properties})
    known = found.get("properties")
    known = known if isinstance(known, dict) else {}
    properties = dict(wish.properties)
    properties["timePeriod"] = _time(wish.properties["timePeriod"], known.get("timePeriod"), every)
    differs = tuple(_differences(properties, known))
    etag = str(found.get("eTag") or "")
    if not differs:
        return Step("same", wish.scope, wish.name, wish.budget, (), wish.notes, None, etag)
    body: Json = {"properties": properties}
    if etag:
        body["eTag"] = etag
    return Step("update", wish.scope, wish.name, wish.budget, differs, wish.notes, body, etag)


def months(budget: Budget) -> int:
    return MONTHS[budget.every]


def surplus(found: Iterable[tuple[str, Json]], wishes: Iterable[Wanted], known: Iterable[str]) -> list[Step]:
    """Ours that no setting asks for any more, each with its scope. known: names of all our budgets, fit or not.

    One that is only unfit now, as when a second subscription appeared, is surplus as well where its scope is not ours
    to choose; the step says which budget it was.
    """
    asked = {wish.path.lower() for wish in wishes}
    names = {name_of(one): one for one in known}
    return [
        Step(
            "delete",
            scope,
            str(body["name"]),
            names.get(str(body["name"]), ""),
            (),
            (),
            None,
            str(body.get("eTag") or ""),
        )
        for scope, body in found
        if is_ours(body) and path_of(scope, str(body["name"])).lower() not in asked
    ]


def _scope(budget: Budget, subscriptions: Sequence[str], groups: Sequence[str]) -> str | Unfit:
    scope = budget.scope
    if scope.kind == "workspace":
        return Unfit(
            budget.name,
            "Azure's budgets cannot be for a workspace: what is in it is billed under ids of its own. "
            "Give the workspace's resource group a budget, or tag the workspace and give the tag one",
        )
    if scope.kind == "tag" and UNTAGGED in scope.values:
        return Unfit(budget.name, "Azure's budgets cannot be for what has no tag")
    if scope.id:
        return scope.id
    if scope.kind == "group":
        named = [one for one in groups if one.rpartition("/")[2].lower() == scope.name]
        if len(named) == 1:
            return named[0]
        return Unfit(budget.name, f"there are {len(named)} resource groups called {scope.name}: write the id of one")
    if budget.azure_scope:
        return budget.azure_scope.rstrip("/")
    if len(subscriptions) == 1:
        return f"/subscriptions/{subscriptions[0].lower()}"
    return Unfit(
        budget.name,
        f"it spans {len(subscriptions)} subscriptions, and Azure keeps a budget at one place: set "
        f"budgets.{budget.name}.azure_scope to a management group or billing account that holds just these",
    )


def _notifications(budget: Budget, notes: list[str]) -> Json:
    mark = digest_of(budget.name)
    fitting = []
    for threshold in budget.thresholds:
        percent = _percent(threshold, budget.amount)
        if Decimal("0.01") <= percent <= MOST_PERCENT:
            fitting.append((threshold, percent))
        else:
            notes.append(f"Azure has no threshold of {percent:f}%: {threshold.key} is told by us alone")
    for threshold, _ in fitting[:-MOST_NOTIFICATIONS]:
        notes.append(f"Azure takes {MOST_NOTIFICATIONS} thresholds: {threshold.key} is told by us alone")
    if len(budget.to) > MOST_ADDRESSES:
        notes.append(f"Azure tells {MOST_ADDRESSES} addresses at most: the first ones")
    return {
        f"finops-{mark}-{threshold.on}-{f'{percent:f}'.replace('.', 'p')}": {
            "enabled": True,
            "operator": "GreaterThanOrEqualTo",
            "threshold": _number(percent),
            "thresholdType": "Actual" if threshold.on == "actual" else "Forecasted",
            "contactEmails": list(budget.to[:MOST_ADDRESSES]),
        }
        for threshold, percent in fitting[-MOST_NOTIFICATIONS:]
    }


def _percent(threshold: Threshold, amount: Decimal) -> Decimal:
    exact = threshold.limit(amount) * 100 / amount
    return exact.quantize(Decimal("0.01")).normalize() if exact < 10**9 else exact


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _time(wish: Json, found: Any, every: int) -> Json:
    """The wished time; with the start that is there, where its periods are the same and it has begun."""
    known = found if isinstance(found, dict) else {}
    start, there = _day(wish["startDate"]), _day(known.get("startDate"))
    if there is None or start is None:
        return wish
    apart = (start.year - there.year) * 12 + start.month - there.month
    if apart >= 0 and apart % every == 0 and there.day == 1:
        return {**wish, "startDate": known["startDate"]}
    return wish


def _differences(wish: Json, known: Json) -> Iterable[str]:
    if Decimal(str(known.get("amount", 0))) != Decimal(str(wish["amount"])):
        yield f"amount {known.get('amount')} -> {wish['amount']}"
    if str(known.get("timeGrain", "")).lower() != wish["timeGrain"].lower():
        yield f"period {known.get('timeGrain')} -> {wish['timeGrain']}"
    given = known.get("timePeriod")
    there = given if isinstance(given, dict) else {}
    for name, what in (("startDate", "start"), ("endDate", "end")):
        if name in wish["timePeriod"] and _day(there.get(name)) != _day(wish["timePeriod"][name]):
            yield f"{what} {_day(there.get(name))} -> {_day(wish['timePeriod'][name])}"
    if _plain(known.get("filter")) != _plain(wish.get("filter")):
        yield "filter"
    if _told(known.get("notifications")) != _told(wish["notifications"]):
        yield "notifications"


def _told(notifications: Any) -> Any:
    """What of notifications counts, whatever else Azure adds to them."""
    found = notifications if isinstance(notifications, dict) else {}
    return {
        str(key).lower(): (
            one.get("enabled", True),
            str(one.get("operator", "")).lower(),
            Decimal(str(one.get("threshold", 0))),
            str(one.get("thresholdType") or "Actual").lower(),
            sorted(str(to).lower() for to in one.get("contactEmails") or ()),
        )
        for key, one in found.items()
        if isinstance(one, dict)
    }


def _plain(filter_: Any) -> Any:
    """A filter without what is empty, in lower case but for values."""
    if not isinstance(filter_, dict):
        return None
    kept = {name.lower(): _plain(one) if isinstance(one, dict) else one for name, one in filter_.items() if one}
    if isinstance(kept.get("values"), list):
        kept["values"] = sorted(str(value) for value in kept["values"])
    return kept or None


def _day(written: Any) -> date | None:
    try:
        return date.fromisoformat(str(written)[:10])
    except ValueError:
        return None


def _last_of(day: date) -> date:
    after = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)
