"""Charges for report tests: a few FOCUS rows, written as a file and loaded the way real ones are."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops import charges
from finops.budget import Budget, Scope, Standing, standing
from finops.config.model import ReportSettings, Settings
from finops.report import Rendered, build, render
from finops.report.known import NOTHING, Known
from finops.report.model import Report

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)  # a Monday; the week of 15 to 21 November is over

COLUMNS = [
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "ResourceId",
    "ResourceName",
    "ServiceName",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    # Left empty unless a test gives them.
    "ChargeClass",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingCategory",
    "RegionId",
    "SkuId",
    "x_SkuMeterCategory",
    "x_SkuMeterName",
    "x_SkuMeterSubcategory",
]


def charge(day: str, centre: str | None, cost: str, resource: str = "vm", **other: str) -> dict[str, str]:
    """One charge of a day; `centre` None: untagged. `billed`: the billed cost where it is another."""
    start = date.fromisoformat(day)
    month = start.replace(day=1)
    after = (month + timedelta(days=32)).replace(day=1)
    billed = other.pop("billed", cost)
    return {
        "BillingCurrency": "USD",
        "BillingPeriodStart": f"{month}T00:00:00Z",
        "BillingPeriodEnd": f"{after}T00:00:00Z",
        "ChargePeriodStart": f"{start}T00:00:00Z",
        "ChargePeriodEnd": f"{start + timedelta(days=1)}T00:00:00Z",
        "ChargeCategory": "Usage",
        "BilledCost": billed,
        "EffectiveCost": cost,
        "ListCost": cost,
        "ContractedCost": cost,
        "ResourceId": f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/{resource}",
        "ResourceName": resource,
        "ServiceName": "Virtual Machines",
        "SubAccountId": "/subscriptions/s",
        "SubAccountName": "ml-dev",
        "Tags": json.dumps({"CostCenter": centre}) if centre is not None else "{}",
        **other,
    }


def hours(quantity: str, meter: str = "NC6s v3", **other: str) -> dict[str, str]:
    """What makes a charge one of so many hours of a VM meter."""
    return {
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "Hours",
        "PricingCategory": "Dynamic" if "Spot" in meter else "Standard",
        "x_SkuMeterCategory": "Virtual Machines",
        "x_SkuMeterName": meter,
        "x_SkuMeterSubcategory": "NCSv3 Series",
        **other,
    }


def daily(
    first: str, last: str, centre: str | None, cost: str, resource: str = "vm", **other: str
) -> list[dict[str, str]]:
    """The same charge on every day from `first` to `last`."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    return [charge(str(day), centre, cost, resource, **other) for day in days]


def book(folder: Path, *rows: dict[str, str]) -> charges.Charges:
    file = folder / "charges.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))  # a file says nothing of the hours before it was written
    return charges.load([file], now=NOW)


def report_of(
    folder: Path,
    *rows: dict[str, str],
    period: Any = None,
    gaps: Any = (),
    known: Known = NOTHING,
    share: str | None = None,
    monthly_budget: Decimal | None = None,
    **settings: Any,
) -> Report:
    """The report of `rows`. monthly_budget: a budget for everything, as budgets would give it."""
    with book(folder, *rows) as loaded:
        if monthly_budget is not None:
            known = replace(known, standings=(*known.standings, standing_of(loaded, monthly_budget, period)))
        return build(loaded, NOW, ReportSettings(**settings), period=period, gaps=gaps, known=known, share=share)


def standing_of(loaded: charges.Charges, amount: Decimal, period: Any = None, **budget: Any) -> Standing:
    """How a budget of `amount` a month for everything stands, in the month of the reported period."""
    at = period.end - timedelta(seconds=1) if period else NOW
    return standing(Budget(**{"name": "all", "scope": Scope(), "amount": amount, **budget}), loaded, at)


def rendered(folder: Path, *rows: dict[str, str], **asked: Any) -> Rendered:
    model = report_of(folder, *rows, **asked)
    settings = {name: value for name, value in asked.items() if name in ReportSettings.model_fields}
    settings.pop("monthly_budget", None)
    return render(model, Settings(report=ReportSettings(**settings)))
