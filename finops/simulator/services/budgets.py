"""Budgets: create, read, list, delete, with what is spent and what will be, from the charges published so far.

The same budget answers under Microsoft.Consumption and Microsoft.CostManagement. Facts (Microsoft's examples): ids
come without a leading slash; the end is ten years after the start where none is given. Guesses: a stale eTag is 412;
currentSpend is read at once, where Azure evaluates a budget once a day; both spends keep all digits.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of
from finops.simulator.services.cost import dataset, wire
from finops.simulator.services.cost.book import book_of, currency_of, plain, scope_clause
from finops.simulator.services.cost.period import day_in, months_later
from finops.simulator.services.cost.wire import exact, invalid
from finops.simulator.services.forecast import LEAST_DAYS, complete_through, daily, outlook
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

TYPE = "Microsoft.Consumption/budgets"
MONTHS = {"Monthly": 1, "BillingMonth": 1, "Quarterly": 3, "BillingQuarter": 3, "Annually": 12, "BillingAnnual": 12}
OPERATORS = {"EqualTo", "GreaterThan", "GreaterThanOrEqualTo", "LessThan"}


def routes(world: World) -> list[BaseRoute]:
    found: list[BaseRoute] = []
    for provider in ("Microsoft.Consumption", "Microsoft.CostManagement"):
        all_of = f"/{{scope:path}}/providers/{provider}/budgets"
        one = f"{all_of}/{{name}}"
        found += [
            Route(all_of, partial(listed, world, provider), methods=["GET"]),
            Route(one, partial(read, world, provider), methods=["GET"]),
            Route(one, partial(written, world, provider), methods=["PUT"]),
            Route(one, partial(deleted, world), methods=["DELETE"]),
        ]
    return found


def listed(world: World, provider: str, request: Request) -> Response:
    scope = _scope(world, request)
    prefix = f"/{scope}/providers/{TYPE}/".lower()
    found = [body for body in world.resources.of_type(TYPE) if body["id"].lower().startswith(prefix)]
    return exact({"value": [_evaluated(world, provider, scope, body) for body in found]})


def read(world: World, provider: str, request: Request) -> Response:
    scope = _scope(world, request)
    return exact(_evaluated(world, provider, scope, _known(world, scope, request)))


def written(world: World, provider: str, request: Request) -> Response:
    scope, body, name = _scope(world, request), body_of(request), str(request.path_params["name"])
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise invalid("Invalid budget: properties are missing.")
    _check(properties)
    known = world.resources.get(_id(scope, name))
    if known is not None and body.get("eTag") and body["eTag"] != known["eTag"]:
        raise WireError(412, "PreconditionFailed", "The budget has changed since this eTag was read.")
    budget = world.resources.put(
        {
            "id": _id(scope, name),
            "name": name,
            "type": TYPE,
            "eTag": '"' + hashlib.sha256(f"{properties}{world.clock.now()}".encode()).hexdigest()[:15] + '"',
            "properties": {key: value for key, value in properties.items() if not key.endswith("Spend")},
        }
    )
    return exact(_evaluated(world, provider, scope, budget), 200 if known else 201)


def deleted(world: World, request: Request) -> Response:
    scope = _scope(world, request)
    world.resources.delete(_known(world, scope, request)["id"])
    return Response(status_code=200)


def _check(properties: Json) -> None:
    """Refuse what Azure refuses (budget rules of the REST reference, 2023-11-01)."""
    if str(properties.get("category", "")).lower() != "cost":
        raise invalid("Invalid budget: category must be Cost.")
    amount = properties.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or amount <= 0:
        raise invalid("Invalid budget: amount must be greater than zero.")
    if properties.get("timeGrain") not in MONTHS:
        raise invalid(f"Invalid budget: timeGrain must be one of {', '.join(MONTHS)}.")
    period = properties.get("timePeriod")
    if not isinstance(period, dict) or "startDate" not in period:
        raise invalid("Invalid budget: timePeriod.startDate is missing.")
    start = day_in(period["startDate"], "startDate")
    if start.day != 1 or start < date(2017, 6, 1):
        raise invalid("Invalid budget: startDate must be the first of a month on or after June 1, 2017.")
    if "endDate" in period and day_in(period["endDate"], "endDate") <= start:
        raise invalid("Invalid budget: endDate must be after startDate.")
    notifications = properties.get("notifications") or {}
    if not isinstance(notifications, dict) or len(notifications) > 5:
        raise invalid("Invalid budget: up to five notifications.")
    for key, one in notifications.items():
        if one.get("operator") not in OPERATORS or not 0 <= one.get("threshold", -1) <= 1000:
            raise invalid(f"Invalid budget: notification '{key}' needs an operator and a threshold from 0 to 1000.")
        if not (one.get("contactEmails") or one.get("contactRoles") or one.get("contactGroups")):
            raise invalid(f"Invalid budget: notification '{key}' tells nobody.")


def _evaluated(world: World, provider: str, scope: str, budget: Json) -> Json:
    """The budget as `provider` tells it, with both spends of its current period."""
    properties = json.loads(json.dumps(budget["properties"]))
    start = day_in(properties["timePeriod"]["startDate"], "startDate")
    end = f"{months_later(start, 120)}T00:00:00Z"
    properties["timePeriod"].setdefault("endDate", end)
    now = world.clock.now()
    first, last = period_of(start, MONTHS[properties["timeGrain"]], now.date())
    clause = scope_clause(scope, world)
    book = book_of(world)
    if clause is not None:
        condition, more = dataset.filter_clause(properties.get("filter"), book)
        where, values = f"{clause[0]} AND ({condition})", [*clause[1], *more]
        past = daily(book, "billed", where, values)
        spent = sum((cost for day, cost in past.items() if first <= day <= last), Decimal(0))
        unit = currency_of(world, book, where, values)
        properties["currentSpend"] = {"amount": plain(spent), "unit": unit}
        through = complete_through(now)
        if len([day for day in past if day <= through]) >= LEAST_DAYS:
            coming = [through + timedelta(days=number + 1) for number in range((last - through).days)]
            rest = sum((outlook(past, day, through) for day in coming if day >= first), Decimal(0))
            known = sum((cost for day, cost in past.items() if first <= day <= min(last, through)), Decimal(0))
            properties["forecastSpend"] = {"amount": plain(known + rest), "unit": unit}
    kind = f"{provider}/budgets"
    return {
        "id": f"{scope}/providers/{kind}/{budget['name']}",
        "name": budget["name"],
        "type": kind,
        "eTag": budget.get("eTag", ""),
        "properties": properties,
    }


def period_of(start: date, months: int, today: date) -> tuple[date, date]:
    """First and last day of the budget period that `today` is in; the first period before it has begun."""
    gone = max(0, (today.year - start.year) * 12 + today.month - start.month)
    first = months_later(start, gone // months * months)
    return first, months_later(first, months) - timedelta(days=1)


def _scope(world: World, request: Request) -> str:
    scope = str(request.path_params["scope"]).strip("/")
    if scope_clause(scope, world) is None:
        raise wire.not_found(scope)
    return scope


def _id(scope: str, name: str) -> str:
    return f"/{scope}/providers/{TYPE}/{name}"


def _known(world: World, scope: str, request: Request) -> Json:
    name = str(request.path_params["name"])
    found = world.resources.get(_id(scope, name))
    if found is None:
        raise WireError(404, "NotFound", f"Budget '{name}' was not found in scope '/{scope}'.")
    return found
