"""Charges as Azure's FOCUS 1.0 cost export has them: the columns, their types, and a table of many rows at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

# Columns of Azure's FOCUS 1.0 export, in its order (microsoft/finops-toolkit, schema FocusCost 1.0, 2024-06-20).
_ORDER = """
BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency BillingPeriodEnd
BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd
ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName
CommitmentDiscountStatus CommitmentDiscountType ConsumedQuantity ConsumedUnit ContractedCost
ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity
PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType
ServiceCategory ServiceName SkuId SkuPriceId SubAccountId SubAccountName SubAccountType Tags x_AccountId
x_AccountName x_AccountOwnerId x_BilledCostInUsd x_BilledUnitPrice x_BillingAccountId x_BillingAccountName
x_BillingExchangeRate x_BillingExchangeRateDate x_BillingProfileId x_BillingProfileName x_ContractedCostInUsd
x_CostAllocationRuleName x_CostCenter x_CustomerId x_CustomerName x_EffectiveCostInUsd x_EffectiveUnitPrice
x_InvoiceId x_InvoiceIssuerId x_InvoiceSectionId x_InvoiceSectionName x_ListCostInUsd x_PartnerCreditApplied
x_PartnerCreditRate x_PricingBlockSize x_PricingCurrency x_PricingSubcategory x_PricingUnitDescription
x_PublisherCategory x_PublisherId x_ResellerId x_ResellerName x_ResourceGroupName x_ResourceType
x_ServicePeriodEnd x_ServicePeriodStart x_SkuDescription x_SkuDetails x_SkuIsCreditEligible x_SkuMeterCategory
x_SkuMeterId x_SkuMeterName x_SkuMeterSubcategory x_SkuOfferId x_SkuOrderId x_SkuOrderName x_SkuPartNumber
x_SkuRegion x_SkuServiceFamily x_SkuTerm x_SkuTier
"""
COLUMNS = tuple(_ORDER.split())

# 38 digits, 18 after the point: a quantity (6) times a price (9) needs 15.
DECIMAL = pa.decimal128(38, 18)
MOMENT = pa.timestamp("us", tz="UTC")
TEXT = pa.dictionary(pa.int32(), pa.string())

_PRICES = ("ContractedUnitPrice", "ListUnitPrice", "x_BilledUnitPrice", "x_EffectiveUnitPrice")
_COSTS = {
    "BilledCost": "x_BilledUnitPrice",
    "EffectiveCost": "x_EffectiveUnitPrice",
    "ContractedCost": "ContractedUnitPrice",
    "ListCost": "ListUnitPrice",
}
_QUANTITIES = ("ConsumedQuantity", "PricingQuantity")
DECIMALS = frozenset([*_PRICES, *_COSTS, *(f"x_{name}InUsd" for name in _COSTS), *_QUANTITIES, "x_BillingExchangeRate",
                      "x_PricingBlockSize"])  # fmt: skip
MOMENTS = frozenset(["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart",
                     "x_BillingExchangeRateDate", "x_ServicePeriodEnd", "x_ServicePeriodStart"])  # fmt: skip
DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Line:
    """What all charges of one meter of one resource under the same tags have in common.

    `fixed` are column values, prices as Decimal; `per` is how many counted units make one PricingUnit
    (60 where minutes are counted and hours are priced); `key` is what chance knows the line by.
    """

    resource_id: str
    fixed: dict[str, Any]
    per: int
    key: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line on one day: `day` counts from 1970, `counted` is in the line's own unit."""

    line: int
    day: int
    counted: int


SCHEMA = pa.schema([(name, DECIMAL if name in DECIMALS else MOMENT if name in MOMENTS else TEXT) for name in COLUMNS])


def quantity(counted: int, per: int) -> Decimal:
    """Units priced, to six decimals, as Azure's exports have them."""
    return (Decimal(counted) / per).quantize(Decimal("0.000001"))


def table(lines: Sequence[Line], rows: Sequence[Row]) -> Any:
    """`rows` as an Arrow table of FOCUS columns, every cost exactly quantity x price."""
    used = sorted({row.line for row in rows})
    place = {line: index for index, line in enumerate(used)}
    which = pa.array([place[row.line] for row in rows], pa.int32())
    quantities = [quantity(row.counted, lines[row.line].per) for row in rows]
    days = pa.array([row.day * DAY for row in rows], pa.int64())
    months = {row.day: _month(row.day) for row in rows}
    values: dict[str, Any] = {
        "ChargePeriodStart": days.cast(MOMENT),
        "ChargePeriodEnd": pa.array([(row.day + 1) * DAY for row in rows], pa.int64()).cast(MOMENT),
        "BillingPeriodStart": pa.array([months[row.day][0] for row in rows], MOMENT),
        "BillingPeriodEnd": pa.array([months[row.day][1] for row in rows], MOMENT),
    }
    for name in _QUANTITIES:
        values[name] = pa.array(quantities, DECIMAL)
    for cost, price in _COSTS.items():
        prices = [lines[line].fixed[price] for line in used]
        exact = [amount * prices[place[row.line]] for amount, row in zip(quantities, rows, strict=True)]
        values[cost] = values[f"x_{cost}InUsd"] = pa.array(exact, DECIMAL)
    for name in COLUMNS:
        if name not in values:
            kind = SCHEMA.field(name).type
            plain = pa.string() if kind == TEXT else kind
            common = pa.array([lines[line].fixed.get(name) for line in used], plain)
            values[name] = (common.dictionary_encode() if kind == TEXT else common).take(which)
    return pa.table([values[name] for name in COLUMNS], schema=SCHEMA)


def tags_text(tags: dict[str, str] | None) -> str | None:
    """Tags as the FOCUS export writes them: JSON text, null where there are none."""
    return json.dumps(tags, sort_keys=True, ensure_ascii=False) if tags else None


def _month(day: int) -> tuple[datetime, datetime]:
    moment = datetime.fromtimestamp(day * 86400, UTC)
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first, following
