"""FOCUS charges under the headings of Azure's actual and amortised cost exports.

The headings and their order are those of an EA export of 2023 (microsoft/finops-toolkit, EA_ActualCost_Small.csv),
as are its spellings: dates MM/DD/YYYY, tags as JSON without the outer braces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.simulator.services.cost.book import Book

DAY = "strftime(CAST(left({}, 10) AS DATE), '%m/%d/%Y')"
GUID = "regexp_extract({}, '([^/]+)/*$', 1)"
LAST_DAY = "strftime(CAST(left({}, 10) AS DATE) - INTERVAL 1 DAY, '%m/%d/%Y')"
NO_BRACES = "regexp_replace({}, '^\\s*\\{{(.*)\\}}\\s*$', '\\1')"
NUMBER = "regexp_replace(regexp_replace({}, '(\\.[0-9]*?)0+$', '\\1'), '\\.$', '')"
MODEL = "CASE {} WHEN 'Standard' THEN 'OnDemand' WHEN 'Dynamic' THEN 'Spot' WHEN 'Committed' THEN 'Reservation' END"
FREQUENCY = "replace({}, '-', '')"

# Heading, the FOCUS column that holds it ("" where FOCUS has none), how its text becomes the export's.
COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("BillingAccountId", "x_BillingAccountId", "{}"),
    ("BillingAccountName", "x_BillingAccountName", "{}"),
    ("BillingPeriodStartDate", "BillingPeriodStart", DAY),
    ("BillingPeriodEndDate", "BillingPeriodEnd", LAST_DAY),
    ("BillingProfileId", "x_BillingProfileId", "{}"),
    ("BillingProfileName", "x_BillingProfileName", "{}"),
    ("AccountOwnerId", "x_AccountOwnerId", "{}"),
    ("AccountName", "x_AccountName", "{}"),
    ("SubscriptionId", "SubAccountId", GUID),
    ("SubscriptionName", "SubAccountName", "{}"),
    ("Date", "ChargePeriodStart", DAY),
    ("Product", "x_SkuDescription", "{}"),
    ("PartNumber", "x_SkuPartNumber", "{}"),
    ("MeterId", "x_SkuMeterId", "{}"),
    ("ServiceFamily", "x_SkuServiceFamily", "{}"),
    ("MeterCategory", "x_SkuMeterCategory", "{}"),
    ("MeterSubCategory", "x_SkuMeterSubcategory", "{}"),
    ("MeterRegion", "x_SkuRegion", "{}"),
    ("MeterName", "x_SkuMeterName", "{}"),
    ("Quantity", "ConsumedQuantity", NUMBER),
    ("EffectivePrice", "x_EffectiveUnitPrice", NUMBER),
    ("Cost", "", ""),
    ("UnitPrice", "ContractedUnitPrice", NUMBER),
    ("BillingCurrency", "BillingCurrency", "{}"),
    ("ResourceLocation", "RegionId", "{}"),
    ("AvailabilityZone", "AvailabilityZone", "{}"),
    ("ConsumedService", "ResourceId", "regexp_extract({}, '(?i)/providers/([^/]+)', 1)"),
    ("ResourceId", "ResourceId", "{}"),
    ("ResourceName", "ResourceName", "{}"),
    ("ServiceInfo1", "", ""),
    ("ServiceInfo2", "", ""),
    ("AdditionalInfo", "x_SkuDetails", "{}"),
    ("Tags", "Tags", NO_BRACES),
    ("InvoiceSectionId", "x_InvoiceSectionId", "{}"),
    ("InvoiceSection", "x_InvoiceSectionName", "{}"),
    ("CostCenter", "x_CostCenter", "{}"),
    ("UnitOfMeasure", "x_PricingUnitDescription", "{}"),
    ("ResourceGroup", "x_ResourceGroupName", "{}"),
    ("ReservationId", "CommitmentDiscountId", "{}"),
    ("ReservationName", "CommitmentDiscountName", "{}"),
    ("ProductOrderId", "x_SkuOrderId", "{}"),
    ("ProductOrderName", "x_SkuOrderName", "{}"),
    ("OfferId", "x_SkuOfferId", "{}"),
    ("IsAzureCreditEligible", "x_SkuIsCreditEligible", "{}"),
    ("Term", "x_SkuTerm", "{}"),
    ("PublisherName", "PublisherName", "{}"),
    ("PlanName", "x_SkuPlanName", "{}"),
    ("ChargeType", "ChargeCategory", "{}"),
    ("Frequency", "ChargeFrequency", FREQUENCY),
    ("PublisherType", "x_PublisherCategory", "{}"),
    ("PayGPrice", "ListUnitPrice", NUMBER),
    ("PricingModel", "PricingCategory", MODEL),
    ("CostAllocationRuleName", "x_CostAllocationRuleName", "{}"),
    ("benefitId", "CommitmentDiscountId", "{}"),
    ("benefitName", "CommitmentDiscountName", "{}"),
)


def selection(book: Book, basis: str) -> str:
    """The SELECT list of a legacy export; its Cost is the "billed" or the "effective" amount."""
    shown = []
    for heading, column, rule in COLUMNS:
        value = NUMBER.format(f"CAST({basis} AS VARCHAR)") if heading == "Cost" else "''"
        if column:
            value = f"coalesce({rule.format(book.text(column))}, '')"
        shown.append(f'{value} AS "{heading}"')
    return ", ".join(shown)


def focus_selection(book: Book, as_text: bool) -> str:
    """The SELECT list of a FOCUS export: the columns as they came, or as the text that Azure's CSV has."""
    if not as_text:
        return ", ".join(f'"{name}"' for name in book.columns)
    shown = []
    for name in book.columns:
        kind = book.kind(name)
        value = book.text(name)
        if kind.startswith("DECIMAL") or kind == "DOUBLE":
            value = NUMBER.format(value)
        elif kind.startswith("TIMESTAMP"):
            value = f"strftime(CAST({value} AS TIMESTAMP), '%Y-%m-%dT%H:%MZ')"
        shown.append(f"coalesce({value}, '') AS \"{name}\"")
    return ", ".join(shown)
