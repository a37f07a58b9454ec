"""POST {scope}/providers/Microsoft.CostManagement/forecast: what has been charged, and what will be at this pace.

Azure's model is not public. Here a day to come costs what its weekday cost on average over the last four whole weeks
of complete days. Guesses: a day is complete two days after it began to be past (charges come up to 24 hours late);
with fewer than seven complete days Azure answers 424, as it does for young subscriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of
from finops.simulator.services.cost import dataset, wire
from finops.simulator.services.cost.book import Book, book_of, currency_of, is_wide, plain, scope_clause
from finops.simulator.services.cost.period import day_in
from finops.simulator.services.cost.query import shown
from finops.simulator.services.cost.wire import invalid

if TYPE_CHECKING:
    from finops.simulator.world import World

WEEKS, LEAST_DAYS = 4, 7
DIGITS = Decimal("0.0000000001")


def routes(world: World) -> list[BaseRoute]:
    return [
        Route("/{scope:path}/providers/Microsoft.CostManagement/forecast", partial(answer, world), methods=["POST"])
    ]


def answer(world: World, request: Request) -> Response:
    body, scope = body_of(request), str(request.path_params["scope"]).strip("/")
    clause = scope_clause(scope, world)
    if clause is None:
        raise wire.not_found(scope)
    asked = wire.field(body, "timePeriod")
    if str(wire.field(body, "timeframe") or "Custom").lower() != "custom" or not isinstance(asked, dict):
        raise invalid("Invalid forecast definition: timeframe must be Custom, with a timePeriod.")
    first, last = (day_in(wire.field(asked, name), name) for name in ("from", "to"))
    book = book_of(world)
    plan = dataset.plan(body, book, is_wide(scope))
    if len(plan.sums) != 1 or plan.groups:
        raise invalid("Invalid forecast definition: one aggregation and no grouping.")
    name, column = plan.sums[0]
    where, values = f"{clause[0]} AND {plan.where}", [*clause[1], *plan.values]
    past = daily(book, column, where, values)
    today = world.clock.now().date()
    through = complete_through(world.clock.now())
    if len([day for day in past if day <= through]) < LEAST_DAYS:
        raise WireError(424, "FailedDependency", "Forecast is unavailable for the specified time period.")
    has_actual = bool(wire.field(body, "includeActualCost"))
    has_partial = bool(wire.field(body, "includeFreshPartialCost"))
    days: list[tuple[date, Decimal, str]] = []
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        if day <= through or (has_partial and day <= today):
            if has_actual and day in past:
                days.append((day, past[day], "Actual"))
        else:
            days.append((day, outlook(past, day, through), "Forecast"))
    currency = currency_of(world, book, where, values)
    monthly = plan.granularity == "monthly"
    rows = _by_month(days) if monthly else [(cost, int(f"{day:%Y%m%d}"), status) for day, cost, status in days]
    columns = [
        {"name": name, "type": "Number"},
        {"name": "BillingMonth", "type": "Datetime"} if monthly else {"name": "UsageDate", "type": "Number"},
        {"name": "CostStatus", "type": "String"},
        {"name": "Currency", "type": "String"},
    ]
    return shown(request, world, scope, columns, [[plain(cost), at, status, currency] for cost, at, status in rows])


def daily(book: Book, column: str, where: str, values: Sequence[object]) -> dict[date, Decimal]:
    """Cost of each day that has any."""
    return dict(book.rows(f"SELECT day, sum({column}) FROM charges WHERE {where} GROUP BY day", values))  # noqa: S608


def complete_through(now: datetime) -> date:
    """The last day whose charges are all published."""
    return (now - timedelta(days=2)).date()


def outlook(past: dict[date, Decimal], day: date, through: date) -> Decimal:
    """What `day` will cost, from the same weekdays of the last weeks that have a charge at all."""
    began = min(past)
    back = [through - timedelta(days=number) for number in range(WEEKS * 7)]
    known = [past.get(other, Decimal(0)) for other in back if other >= began]
    alike = [past.get(other, Decimal(0)) for other in back if other >= began and other.weekday() == day.weekday()]
    chosen = alike or known
    return (sum(chosen, Decimal(0)) / max(1, len(chosen))).quantize(DIGITS)


def _by_month(days: list[tuple[date, Decimal, str]]) -> list[tuple[Decimal, str, str]]:
    sums: dict[tuple[str, str], Decimal] = {}
    for day, cost, status in days:
        key = (f"{day:%Y-%m}-01T00:00:00", status)
        sums[key] = sums.get(key, Decimal(0)) + cost
    return [(cost, month, status) for (month, status), cost in sums.items()]
