"""The columns that charges are asked by, their types, and how source columns find them.

Names and meaning: FOCUS 1.0, 1.1 and 1.2 (https://focus.finops.org/focus-specification/v1-2/) and those `x_` columns
that Azure adds in its own FOCUS export (https://learn.microsoft.com/cloud-computing/finops/focus/metadata).
"""

from __future__ import annotations

import re

# 20 digits before the point, 18 behind it. Azure's own exports carry up to 17 significant digits.
MONEY = "DECIMAL(38,18)"

AMOUNTS = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]
QUANTITIES = ["ConsumedQuantity", "PricingQuantity", "ListUnitPrice", "ContractedUnitPrice"]
TIMES = ["ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"]
TEXTS = [
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedUnit",
    "InvoiceId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    "x_CostCenter",
    "x_ResourceGroupName",
    "x_SkuMeterCategory",
    "x_SkuMeterId",
    "x_SkuMeterName",
    "x_SkuMeterSubcategory",
]
TYPES = {
    **dict.fromkeys(AMOUNTS, MONEY),
    **dict.fromkeys(QUANTITIES, MONEY),
    **dict.fromkeys(TIMES, "TIMESTAMP"),
    **dict.fromkeys(TEXTS, "VARCHAR"),
}

# Without these four a row is no charge: it is set aside, not counted as zero.
NEEDED = ["BilledCost", "EffectiveCost", "BillingCurrency", "ChargePeriodStart"]

# What people and exports write for "nothing there".
NOTHING = ["", "NULL", "null", "Null", "N/A", "n/a"]


def bare(name: str) -> str:
    """`name` as headers are compared: lower case, letters and digits only, so that Resource_Id equals resourceId."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
