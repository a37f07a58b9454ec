"""Cost Management's answers as cost per day, resource and group, read by the names of their columns, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Protocol

from finops.errors import AzureError

if TYPE_CHECKING:
    from finops.cloud import Azure, Table

# (day, currency, resource id in lower case, service or CostCenter or "") -> cost. Totals have no resource and no group.
Cell = tuple[date, str, str, str]
Answer = Mapping[Cell, Decimal]

TOLERANCE = Decimal("0.01")
_PLACES = Decimal("1E-18")
_COSTS = ("Cost", "PreTaxCost", "CostInBillingCurrency", "totalCost")
_AGAIN = "It is asked again on the next ingest; what was stored before stays."


class Days(Protocol):
    """Which scope and days were asked for, both ends included."""

    @property
    def scope(self) -> str: ...
    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...


def totals(azure: Azure, asked: Days, kind: str) -> Answer:
    """Cost of each day, not grouped: what the parts must add up to."""
    return _read(azure.query_cost(asked.scope, _definition(asked, kind, [])), asked, kind, "")


def grouped(azure: Azure, asked: Days, kind: str, name: str, tag: bool = False) -> Answer:
    """Cost of each day and resource by the dimension `name`, or by the tag of that name."""
    by = [{"type": "Dimension", "name": "ResourceId"}, {"type": "TagKey" if tag else "Dimension", "name": name}]
    return _read(azure.query_cost(asked.scope, _definition(asked, kind, by)), asked, kind, name)


def _definition(asked: Days, kind: str, grouping: list[dict[str, str]]) -> dict[str, Any]:
    dataset: dict[str, Any] = {
        "granularity": "Daily",
        "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
    }
    if grouping:
        dataset["grouping"] = grouping
    period = {"from": f"{asked.first}T00:00:00Z", "to": f"{asked.last}T23:59:59Z"}
    return {"type": kind, "timeframe": "Custom", "timePeriod": period, "dataset": dataset}


def _read(table: Table, asked: Days, kind: str, name: str) -> Answer:
    doing = f"Azure's answer about the {kind} of {asked.scope}"
    if not table.rows:
        return {}
    cost, day = _column(table, doing, *_COSTS), _column(table, doing, "UsageDate")
    currency = _column(table, doing, "Currency", "BillingCurrency")
    resource = _column(table, doing, "ResourceId") if name else None
    group = _column(table, doing, name, "TagValue") if name else None
    found: dict[Cell, Decimal] = {}
    for row in table.rows:
        text = str(row[day])
        when = date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text.isdigit() else date.fromisoformat(text[:10])
        if not asked.first <= when <= asked.last:
            raise AzureError(f"{doing} speaks of {when}, which was not asked.", _AGAIN, code="OddAnswer")
        code = str(row[currency] or "").strip().upper()
        if len(code) != 3 or not code.isalpha():
            raise AzureError(f"{doing} has a row in the currency '{row[currency]}'.", _AGAIN, code="OddAnswer")
        cell = (
            when,
            code,
            "" if resource is None else str(row[resource] or "").strip().lower(),
            "" if group is None else str(row[group] or "").strip(),
        )
        found[cell] = found.get(cell, Decimal(0)) + _amount(row[cost], doing)
    return found


def _column(table: Table, doing: str, *names: str) -> int:
    there = {column.lower(): position for position, column in enumerate(table.columns)}
    for name in names:
        if name.lower() in there:
            return there[name.lower()]
    raise AzureError(
        f"{doing} has no column {' or '.join(names)} (it has {', '.join(table.columns)}).", _AGAIN, code="OddAnswer"
    )


def _amount(value: object, doing: str) -> Decimal:
    """An amount as Azure wrote it, to 18 decimals. An empty cell is no zero."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise AzureError(f"{doing} has the amount {value!r}.", _AGAIN, code="OddAnswer")
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 15:
        raise AzureError(f"{doing} has the amount {value}.", _AGAIN, code="OddAnswer")
    exponent = amount.as_tuple().exponent
    return amount.quantize(_PLACES, ROUND_HALF_EVEN) if isinstance(exponent, int) and exponent < -18 else amount


def check(parts: Answer, whole: Answer, what: str) -> None:
    """Raise where `parts` miss the ungrouped total by more than 0.01 in a currency, or lack a day that it has."""
    sums: dict[str, Decimal] = {}
    for (_, currency, _, _), cost in parts.items():
        sums[currency] = sums.get(currency, Decimal(0)) + cost
    for (_, currency, _, _), cost in whole.items():
        sums[currency] = sums.get(currency, Decimal(0)) - cost
    for currency, difference in sums.items():
        if abs(difference) > TOLERANCE:
            raise AzureError(
                f"The parts of {what} differ from its total by {difference:f} {currency}.", _AGAIN, code="NotReconciled"
            )
    lacking = {day for day, *_ in whole if whole[(day, *_)]} - {day for day, *_ in parts}
    if lacking:
        raise AzureError(
            f"Azure's answer to {what} lacks {min(lacking)}, whose total is not zero.", _AGAIN, code="NotReconciled"
        )
