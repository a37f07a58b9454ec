"""Azure's actual and amortized cost files, read as FOCUS.

Mapping: https://learn.microsoft.com/cloud-computing/finops/focus/convert (2024-10-29). Header spellings: the schema
index (EA, MCA, MPA, pay-as-you-go) https://learn.microsoft.com/azure/cost-management-billing/dataset-schema/schema-index,
names of older APIs https://learn.microsoft.com/azure/cost-management-billing/automate/understand-usage-details-fields,
and the columns of Cost Management query results. docs/charges.md has the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finops.charges import cells
from finops.charges.columns import MONEY, TYPES, bare, literal, quoted

# What we ask for: the spellings that answer it, best first, compared by `bare`.
SPELLINGS: dict[str, list[str]] = {
    "cost": ["CostInBillingCurrency", "PreTaxCost", "Cost", "ExtendedCost"],
    "usd": ["CostInUSD", "CostUSD"],
    "currency": ["BillingCurrency", "BillingCurrencyCode", "Currency", "CurrencyCode"],
    "date": ["Date", "UsageDate", "UsageDateTime", "UsageStart", "ServicePeriodStartDate"],
    "period_start": ["BillingPeriodStartDate", "BillingPeriodStart"],
    "period_end": ["BillingPeriodEndDate", "BillingPeriodEnd"],
    "account": ["BillingAccountId", "BillingProfileId"],
    "account_name": ["BillingAccountName", "BillingProfileName"],
    "subscription": ["SubscriptionId", "SubscriptionGuid"],
    "subscription_name": ["SubscriptionName"],
    "resource": ["ResourceId", "InstanceId"],
    "resource_name": ["ResourceName", "InstanceName"],
    "resource_type": ["ResourceType"],
    "group": ["ResourceGroup", "ResourceGroupName"],
    "location": ["ResourceLocation", "ResourceLocationNormalized", "Location", "MeterRegion"],
    "service": ["ServiceName"],
    "meter_category": ["MeterCategory"],
    "meter_subcategory": ["MeterSubCategory"],
    "meter": ["MeterName", "Meter"],
    "meter_id": ["MeterId"],
    "family": ["ServiceFamily"],
    "product": ["ProductName", "Product"],
    "product_id": ["ProductId"],
    "quantity": ["Quantity", "ConsumedQuantity", "UsageQuantity"],
    "unit": ["UnitOfMeasure", "Unit"],
    "unit_price": ["UnitPrice", "EffectivePrice", "Rate", "ResourceRate"],
    "list_price": ["PayGPrice"],
    "list_cost": ["PaygCostInBillingCurrency"],
    "charge_type": ["ChargeType"],
    "frequency": ["Frequency"],
    "pricing_model": ["PricingModel"],
    "benefit": ["BenefitId"],
    "benefit_name": ["BenefitName", "ReservationName"],
    "reservation": ["ReservationId"],
    "publisher": ["PublisherName"],
    "invoice": ["InvoiceId"],
    "partner": ["PartnerName", "ResellerName"],
    "tags": ["Tags"],
    "cost_center": ["CostCenter"],
}

_MICROSOFT = literal("Microsoft")


@dataclass(frozen=True)
class Legacy:
    """The columns of one legacy file by what they answer, ready to be written as SQL."""

    found: Mapping[str, str]
    kinds: Mapping[str, str]

    def text(self, name: str) -> str:
        column = self.found.get(name)
        return cells.text(quoted(column), self.kinds[column]) if column else "NULL::VARCHAR"

    def first(self, *names: str) -> str:
        return f"COALESCE({', '.join(map(self.text, names))})"

    def money(self, name: str) -> str:
        column = self.found.get(name)
        return cells.money(quoted(column), self.kinds[column]) if column else f"NULL::{MONEY}"

    def moment(self, name: str) -> str:
        column = self.found.get(name)
        return cells.moment(quoted(column), self.kinds[column]) if column else "NULL::TIMESTAMP"

    def is_one_of(self, name: str, *values: str) -> str:
        """SQL: whether the cell is one of `values`, spaces and letter case aside (`On Demand`, `OnDemand`)."""
        wanted = ", ".join(literal(value) for value in values)
        return f"COALESCE(replace(lower({self.text(name)}), ' ', '') IN ({wanted}), false)"


def columns(header: Iterable[str]) -> dict[str, str]:
    """Which column of `header` answers what: {"cost": "PreTaxCost"}."""
    there = {bare(column): column for column in reversed(list(header))}
    return {
        name: there[bare(spelling)]
        for name, spellings in SPELLINGS.items()
        for spelling in [next((s for s in spellings if bare(s) in there), "")]
        if spelling
    }


def is_legacy(found: Mapping[str, str]) -> bool:
    """Whether these columns are enough for charges: an amount, its currency and its day."""
    return "date" in found and (("cost" in found and "currency" in found) or "usd" in found)


def cost_columns(found: Mapping[str, str]) -> tuple[str, str]:
    """(column of the amount, SQL of its currency). USD columns count only where there is no other amount."""
    if "cost" in found and "currency" in found:
        return found["cost"], ""
    return found["usd"], literal("USD")


def select(found: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    """SQL for each FOCUS column of a legacy row. Both costs are the row's cost; `pair` joins actual and amortized."""
    row = Legacy(found, kinds)
    column, usd = cost_columns(found)
    cost = cells.money(quoted(column), kinds[column])
    start = f"date_trunc('day', {row.moment('date')})"
    committed = row.is_one_of("pricing_model", "reservation", "savingsplan")
    unused = row.is_one_of("charge_type", "unusedreservation", "unusedsavingsplan")
    usage = f"({row.is_one_of('charge_type', 'usage')} OR {row.text('charge_type')} IS NULL)"
    benefit = row.first("benefit", "reservation")
    guid = f"lower({row.text('subscription')})"
    resource = row.text("resource")
    sql = {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": row.money("list_cost"),
        "ConsumedQuantity": f"CASE WHEN {usage} THEN {row.money('quantity')} END",
        "PricingQuantity": "NULL",  # needs the block size behind UnitOfMeasure, "10K" or "1/Month"
        "ListUnitPrice": row.money("list_price"),
        "ContractedUnitPrice": row.money("unit_price"),
        "ChargePeriodStart": start,
        "ChargePeriodEnd": f"{start} + INTERVAL 1 DAY",
        "BillingPeriodStart": f"date_trunc('day', {row.moment('period_start')})",
        # Azure names the last day of the billing period, FOCUS the first moment after it.
        "BillingPeriodEnd": f"date_trunc('day', {row.moment('period_end')}) + INTERVAL 1 DAY",
        "BillingAccountId": row.text("account"),
        "BillingAccountName": row.text("account_name"),
        "BillingCurrency": usd or f"upper({row.text('currency')})",
        "ChargeCategory": f"CASE WHEN {usage} OR {unused} THEN 'Usage' "
        f"WHEN {row.is_one_of('charge_type', 'purchase', 'refund')} THEN 'Purchase' "
        f"WHEN {row.is_one_of('charge_type', 'credit')} THEN 'Credit' "
        f"WHEN {row.is_one_of('charge_type', 'tax')} THEN 'Tax' ELSE 'Adjustment' END",
        "ChargeClass": f"CASE WHEN {row.is_one_of('charge_type', 'refund')} THEN 'Correction' END",
        "ChargeDescription": row.text("product"),
        "ChargeFrequency": f"CASE WHEN {row.is_one_of('frequency', 'onetime')} THEN 'One-Time' "
        f"WHEN {row.is_one_of('frequency', 'recurring')} THEN 'Recurring' "
        f"WHEN {row.is_one_of('frequency', 'usagebased')} THEN 'Usage-Based' ELSE {row.text('frequency')} END",
        "CommitmentDiscountCategory": f"CASE WHEN contains(lower({benefit}), '/microsoft.capacity/') THEN 'Usage' "
        f"WHEN contains(lower({benefit}), '/microsoft.billingbenefits/') THEN 'Spend' END",
        "CommitmentDiscountId": benefit,
        "CommitmentDiscountName": row.text("benefit_name"),
        "CommitmentDiscountStatus": f"CASE WHEN {unused} THEN 'Unused' WHEN {committed} AND {usage} THEN 'Used' END",
        "CommitmentDiscountType": f"CASE WHEN contains(lower({benefit}), '/microsoft.capacity/') THEN 'Reservation' "
        f"WHEN contains(lower({benefit}), '/microsoft.billingbenefits/') THEN 'Savings Plan' END",
        "ConsumedUnit": f"CASE WHEN {usage} THEN {row.text('unit')} END",
        "InvoiceId": row.text("invoice"),
        "InvoiceIssuerName": f"COALESCE({row.text('partner')}, {_MICROSOFT})",
        "PricingCategory": f"CASE WHEN {committed} THEN 'Committed' "
        f"WHEN {row.is_one_of('pricing_model', 'spot')} THEN 'Dynamic' "
        f"WHEN {row.is_one_of('pricing_model', 'ondemand')} THEN 'Standard' END",
        "PricingUnit": row.text("unit"),
        "ProviderName": _MICROSOFT,
        "PublisherName": f"COALESCE({row.text('publisher')}, {_MICROSOFT})",
        "RegionId": f"replace(lower({row.text('location')}), ' ', '')",
        "RegionName": row.text("location"),
        "ResourceId": resource,
        "ResourceName": f"COALESCE({row.text('resource_name')}, "
        f"NULLIF(list_last(string_split(rtrim({resource}, '/'), '/')), ''))",
        "ResourceType": row.text("resource_type"),
        "ServiceCategory": row.text("family"),
        "ServiceName": row.first("service", "meter_category"),
        "SkuId": row.text("product_id"),
        "SubAccountId": f"CASE WHEN {guid} IS NULL THEN "
        f"NULLIF(regexp_extract(lower({resource}), '^/subscriptions/[^/]+'), '') "
        f"WHEN starts_with({guid}, '/subscriptions/') THEN {guid} ELSE '/subscriptions/' || {guid} END",
        "SubAccountName": row.text("subscription_name"),
        "Tags": row.text("tags"),
        "x_CostCenter": row.text("cost_center"),
        "x_ResourceGroupName": row.text("group"),
        "x_SkuMeterCategory": row.text("meter_category"),
        "x_SkuMeterId": row.text("meter_id"),
        "x_SkuMeterName": row.text("meter"),
        "x_SkuMeterSubcategory": row.text("meter_subcategory"),
    }
    return {name: sql.get(name, "NULL") for name in TYPES}
