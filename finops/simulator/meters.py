"""What Azure meters, at which price, and the charge line of one resource on one meter."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops.simulator.draws import draw, key_of
from finops.simulator.focus import Line, tags_text
from finops.simulator.sizes import size_of
from finops.simulator.store import Json, Store, parts_of, type_of

REGIONS = {"eastus": "East US", "eastus2": "East US 2", "westeurope": "West Europe", "westus2": "West US 2",
           "northeurope": "North Europe", "southcentralus": "South Central US", "uksouth": "UK South"}  # fmt: skip

# Azure's names in cost data for what AML estates contain (microsoft/finops-toolkit open data, 2026).
RESOURCE_TYPES = {
    "microsoft.machinelearningservices/workspaces": "Azure Machine Learning workspace",
    "microsoft.machinelearningservices/workspaces/computes": "Machine learning compute",
    "microsoft.machinelearningservices/workspaces/onlineendpoints": "Machine learning online endpoint",
    "microsoft.containerregistry/registries": "Container registry",
    "microsoft.storage/storageaccounts": "Storage account",
    "microsoft.keyvault/vaults": "Key vault",
    "microsoft.insights/components": "Application Insights",
    "microsoft.operationalinsights/workspaces": "Log Analytics workspace",
    "microsoft.saas/resources": "SaaS",
    "microsoft.capacity/reservationorders": "Reservation order",
    "microsoft.capacity/reservationorders/reservations": "Reservation",
    "microsoft.billingbenefits/savingsplanorders": "Savings plan order",
    "microsoft.billingbenefits/savingsplanorders/savingsplans": "Savings plan",
}

HOUR, DAY, MONTH = 60, 1440, 43_800  # minutes; a month as Azure prices storage: 730 hours
PARTS = 1000  # one instance is counted as a thousand parts, so that commitments can cover a share of it


@dataclass(frozen=True)
class Meter:
    """One meter: a unit of something at one price. `per` counted units make one `unit`."""

    category: str
    subcategory: str
    name: str
    unit: str
    price: Decimal
    per: int
    region: str
    service_category: str
    sku: str = ""
    spot: bool = False

    @property
    def id(self) -> str:
        return guid_of("meter", self.category, self.name, self.region)

    @property
    def product(self) -> str:
        return "DZH318Z" + format(key_of("product", self.category, self.subcategory), "X")[:5]

    @property
    def sku_id(self) -> str:
        return f"{self.product}/{format(key_of('sku', self.id), 'X')[:4]}"


def guid_of(*parts: str) -> str:
    """A GUID that stands for `parts`."""
    return str(uuid.UUID(int=(key_of(*parts) << 64) | key_of(*parts, ""), version=5))


def vm(size_name: str, region: str, spot: bool) -> Meter:
    """An hour of one VM. AML nodes are billed as Virtual Machines, spot ones on Spot meters since 2026-03-31."""
    size = size_of(size_name)
    short = size.name.removeprefix("Standard_").replace("_", " ")
    series = "".join(letter for letter in short.split(" ")[0] if not letter.isdigit())
    generation = short.rsplit(" ", 1)[-1] if " " in short else ""
    return Meter(
        category="Virtual Machines",
        subcategory=f"{series}{generation} Series",
        name=f"{short} Spot" if spot else short,
        unit="1 Hour",
        price=size.price(region, spot),
        per=HOUR * PARTS,
        region=region,
        service_category="Compute",
        sku=size.name,
        spot=spot,
    )


# USD, list prices of eastus: Azure's price pages, 2026-08. Registry units are priced by the day.
REGISTRY_DAY = {"basic": Decimal("0.1666"), "standard": Decimal("0.6666"), "premium": Decimal("1.6666")}
BLOB_MONTH = {
    ("hot", "lrs"): Decimal("0.0208"),
    ("hot", "zrs"): Decimal("0.026"),
    ("hot", "grs"): Decimal("0.0458"),
    ("cool", "lrs"): Decimal("0.0152"),
    ("cold", "lrs"): Decimal("0.0036"),
    ("archive", "lrs"): Decimal("0.00099"),
}


def registry(sku: str, region: str) -> Meter:
    price = REGISTRY_DAY.get(sku.lower(), REGISTRY_DAY["basic"])
    return Meter("Container Registry", "", f"{sku} Registry Unit", "1/Day", price, DAY, region, "Containers", sku)


def blobs(tier: str, redundancy: str, region: str) -> Meter:
    """A GB-month; megabytes are counted."""
    price = BLOB_MONTH.get((tier.lower(), redundancy.lower()), BLOB_MONTH["hot", "lrs"])
    name = f"{tier} {redundancy} Data Stored"
    return Meter("Storage", "Tiered Block Blob", name, "1 GB/Month", price, MONTH * 1000, region, "Storage")


def blob_operations(region: str) -> Meter:
    price = Decimal("0.0000050000")
    return Meter("Storage", "Tiered Block Blob", "Hot Read Operations", "1", price, DAY, region, "Storage")


def disk(region: str) -> Meter:
    """The 120 GB disk that a compute instance keeps while it is stopped, too."""
    return Meter("Storage", "Premium SSD Managed Disks", "P10 LRS Disk", "1/Month", Decimal("19.71"), MONTH, region,
                 "Storage")  # fmt: skip


def load_balancer(region: str) -> Meter:
    return Meter("Load Balancer", "", "Standard Included LB Rules and Outbound Rules", "1 Hour", Decimal("0.025"), HOUR,
                 region, "Networking")  # fmt: skip


def vault(region: str) -> Meter:
    return Meter("Key Vault", "", "Operations", "10K", Decimal("0.03"), 10_000 * DAY, region, "Security")


def logs(region: str) -> Meter:
    """A GB of analytics logs; megabytes are counted."""
    return Meter("Log Analytics", "", "Analytics Logs Data Ingestion", "1 GB", Decimal("2.30"), 1000 * DAY, region,
                 "Management and Governance")  # fmt: skip


@dataclass(frozen=True)
class Commitment:
    """A reservation or a savings plan, and what an hour of a VM costs under it."""

    id: str
    name: str
    category: str  # Usage: a reservation; Spend: a savings plan
    kind: str
    status: str  # Used or Unused
    price: Decimal
    term: int  # months


def line(
    account: Json,
    resources: Store,
    meter: Meter,
    resource_id: str,
    tags: dict[str, str] | None,
    commitment: Commitment | None,
    key: int,
    **different: Any,
) -> Line:
    """The charge line of `resource_id` on `meter`; `different` replaces columns by name."""
    parts = parts_of(resource_id)
    subscription = parts.get("subscriptions")
    known = resources.get(f"/subscriptions/{subscription}") if subscription else None
    kind = type_of(resource_id)
    effective = commitment.price if commitment else meter.price
    billed = Decimal(0) if commitment else meter.price
    unused = commitment is not None and commitment.status == "Unused"
    pricing = _pricing(meter, commitment)
    fixed: dict[str, Any] = {
        "BillingAccountId": account["billingProfileId"],
        "BillingAccountName": account["billingProfileName"],
        "BillingAccountType": "Billing Profile",
        "BillingCurrency": account["currency"],
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{meter.category} - {meter.subcategory} - {meter.name}".replace(" -  - ", " - "),
        "ChargeFrequency": "Usage-Based",
        "CommitmentDiscountCategory": commitment.category if commitment else None,
        "CommitmentDiscountId": commitment.id if commitment else None,
        "CommitmentDiscountName": commitment.name if commitment else None,
        "CommitmentDiscountStatus": commitment.status if commitment else None,
        "CommitmentDiscountType": commitment.kind if commitment else None,
        "ConsumedUnit": meter.unit.split(" ")[-1] + "s" if meter.unit == "1 Hour" else meter.unit.split(" ", 1)[-1],
        "ContractedUnitPrice": Decimal(0) if unused else effective if commitment else meter.price,
        "ListUnitPrice": Decimal(0) if unused else meter.price,
        "x_BilledUnitPrice": billed,
        "x_EffectiveUnitPrice": effective,
        "InvoiceIssuerName": "Microsoft",
        "PricingCategory": pricing[0],
        "PricingUnit": meter.unit,
        "ProviderName": "Microsoft",
        "PublisherName": "Microsoft",
        "RegionId": meter.region,
        "RegionName": REGIONS.get(meter.region, meter.region),
        "ResourceId": _spelled(resource_id, meter),
        "ResourceName": resource_id.rsplit("/", 1)[-1],
        "ResourceType": RESOURCE_TYPES.get(kind, kind),
        "ServiceCategory": meter.service_category,
        "ServiceName": meter.category,
        "SkuId": meter.sku_id.split("/")[0],
        "SkuPriceId": f"{meter.sku_id}_{meter.region}",
        "SubAccountId": f"/subscriptions/{subscription}" if subscription else None,
        "SubAccountName": known.get("displayName") if known else None,
        "SubAccountType": "Subscription" if subscription else None,
        "Tags": tags_text(tags),
        "x_AccountName": account["accountName"],
        "x_AccountOwnerId": account["accountOwner"],
        "x_BillingAccountId": account["billingAccountId"],
        "x_BillingAccountName": account["billingAccountName"],
        "x_BillingExchangeRate": Decimal(1),
        "x_BillingProfileId": account["billingProfileId"],
        "x_BillingProfileName": account["billingProfileName"],
        "x_InvoiceSectionId": account["invoiceSectionId"],
        "x_InvoiceSectionName": account["invoiceSectionName"],
        "x_PricingBlockSize": Decimal(1),
        "x_PricingCurrency": account["currency"],
        "x_PricingSubcategory": pricing[1],
        "x_PricingUnitDescription": meter.unit,
        "x_PublisherCategory": "Cloud Provider",
        "x_ResourceGroupName": parts.get("resourcegroups"),
        "x_ResourceType": kind.title().replace("Microsoft.", "microsoft.") if draw(key_of(kind), 1) < 0.2 else kind,
        "x_SkuDescription": f"{meter.category} {meter.name} - {REGIONS.get(meter.region, meter.region)}",
        "x_SkuDetails": _details(meter),
        "x_SkuIsCreditEligible": "true",
        "x_SkuMeterCategory": meter.category,
        "x_SkuMeterId": meter.id,
        "x_SkuMeterName": meter.name,
        "x_SkuMeterSubcategory": meter.subcategory,
        "x_SkuOfferId": "MS-AZR-0017G",
        "x_SkuPartNumber": f"AAH-{key_of(meter.id) % 90_000 + 10_000}",
        "x_SkuRegion": meter.region.removesuffix("us").upper(),
        "x_SkuServiceFamily": meter.service_category,
        "x_SkuTerm": str(commitment.term) if commitment else None,
    }
    return Line(resource_id, {**fixed, **different}, meter.per, key)


def _pricing(meter: Meter, commitment: Commitment | None) -> tuple[str, str]:
    """PricingCategory and x_PricingSubcategory."""
    if commitment:
        return "Committed", "Committed Usage" if commitment.category == "Usage" else "Committed Spend"
    return ("Dynamic", "Spot") if meter.spot else ("Standard", "On-Demand")


def _spelled(resource_id: str, meter: Meter) -> str:
    """`resource_id` as cost data spells it: services disagree about letter case, as in Azure's own exports."""
    chance = draw(key_of(resource_id.lower(), meter.category), 7)
    if chance < 0.10:
        return resource_id.lower()
    if chance < 0.15:
        return resource_id.replace("/resourceGroups/", "/resourcegroups/").replace("providers/M", "providers/m")
    return resource_id


def _details(meter: Meter) -> str | None:
    if not meter.sku.startswith("Standard_"):
        return None
    size = size_of(meter.sku)
    return f'{{"ServiceType": "{size.name}", "VCPUs": {size.cores}, "ImageType": "Linux"}}'
