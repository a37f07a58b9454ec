"""Which days a cost query covers, after the edits that Azure makes without saying so, and what it costs in QPU.

The edits are Microsoft's own list (microsoft/GitHub-Copilot-for-Azure, azure-cost/cost-query/guardrails.md,
read November 2026). Facts seen in recordings: weeks start on Sunday, month-to-date includes today
(azure_cli_ext_cost_query). The page also says that grouping with Daily keeps the last day only; a recording with
both (grouped, Daily, 30 days, all days there) contradicts it, so that is not done here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from finops.simulator.answers import WireError
from finops.simulator.services.cost.wire import field, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

EARLIEST = date(2014, 5, 1)
DAYS_A_QPU = 31  # a QPU is "one month of data queried"; that a month is 31 days is our guess


def days_of(body: Mapping[str, object], now: datetime) -> tuple[date, date]:
    """First and last day, both included, that the query `body` is answered for."""
    today = now.date()
    frame = str(field(body, "timeframe") or "")
    if not frame:
        raise invalid("Invalid query definition: Missing timeframe.")
    month = today.replace(day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    presets = {
        # Billing months are taken for calendar months, as they are for EA and MCA.
        "monthtodate": (month, today),
        "billingmonthtodate": (month, today),
        "thecurrentmonth": (month, today),
        "thelastmonth": (last_month, month - timedelta(days=1)),
        "thelastbillingmonth": (last_month, month - timedelta(days=1)),
        "weektodate": (today - timedelta(days=(today.weekday() + 1) % 7), today),
    }
    if frame.lower() in presets:
        return presets[frame.lower()]
    if frame.lower() != "custom":
        raise invalid(f"Invalid query definition: Invalid timeframe '{frame}'.")
    asked = field(body, "timePeriod")
    if not isinstance(asked, dict):
        return month, today
    first, last = (day_in(field(asked, name), name) for name in ("from", "to"))
    dataset = field(body, "dataset")
    granularity = str(field(dataset, "granularity") or "None") if isinstance(dataset, dict) else "None"
    return edited(first, last, granularity, today)


def edited(first: date, last: date, granularity: str, today: date) -> tuple[date, date]:
    """A custom period after the silent edits."""
    if first > last:
        first, last = last, first
    if first > today:
        first, last = months_later(first, -12), months_later(last, -12)
    last = min(last, today)
    first = max(first, EARLIEST)
    if first < months_later(last, -37):
        raise invalid("The time period for pulling the data cannot exceed 37 months.")
    reach = 1 if granularity.lower() == "daily" else 12
    return max(first, months_later(last, -reach) + timedelta(days=1)), last


def day_in(value: object, name: str) -> date:
    """The day of a timestamp such as 2026-10-31T00:00:00Z. Its hour is ignored: both ends are whole days."""
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise invalid(f"Invalid query definition: timePeriod.{name} is {value!r}.") from None


def months_later(day: date, months: int) -> date:
    """The same day of another month, or that month's last."""
    years, index = divmod(day.year * 12 + day.month - 1 + months, 12)
    start = date(years, index + 1, 1)
    after = date(years + (index == 11), (index + 1) % 12 + 1, 1)
    return start.replace(day=min(day.day, (after - start).days))


def qpu(body: Mapping[str, object]) -> int:
    """Query processing units that a query or forecast costs: one for each month of data asked for."""
    try:
        first, last = days_of(body, datetime(9998, 12, 31, tzinfo=UTC))
    except WireError:
        return 1
    return max(1, ceil(((last - first).days + 1) / DAYS_A_QPU))
