"""Retail Prices items of blob storage as the API writes them, at the sample prices of Microsoft's pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from finops.tiering import Rates, UnknownRates
from finops.tiering.rates import rates

AUTUMN = datetime(2026, 11, 23, tzinfo=UTC)
OLD_ACCOUNT = datetime(2021, 3, 1, tzinfo=UTC)

Sheet = Mapping[str, Mapping[str, float]]

# The API's meter, without the redundancy that some of them name, and its unit.
UNITS = {
    "Data Stored": "1 GB/Month",
    "Data Stored above 51200": "1 GB/Month",
    "Write Operations": "10K",
    "Read Operations": "10K",
    "Other Operations": "10K",
    "Data Retrieval": "1 GB",
    "Data Write": "1 GB",
    "Early Delete": "1 GB",
    "Priority Read Operations": "10K",
    "Priority Data Retrieval": "1 GB",
    "Index Tags": "10K/Month",
}
NAMES_REDUNDANCY = {"Data Stored", "Write Operations", "Early Delete"}

# https://learn.microsoft.com/azure/storage/blobs/blob-storage-estimate-costs#sample-prices (2024-07-26)
ESTIMATES: Sheet = {
    "Hot": {
        "Data Stored": 0.0208,
        "Data Stored above 51200": 0.020,
        "Write Operations": 0.055,
        "Read Operations": 0.0044,
        "Other Operations": 0.0044,
    },
    "Cool": {
        "Data Stored": 0.0115,
        "Write Operations": 0.10,
        "Read Operations": 0.01,
        "Other Operations": 0.0044,
        "Data Retrieval": 0.01,
    },
    "Cold": {
        "Data Stored": 0.0045,
        "Write Operations": 0.18,
        "Read Operations": 0.10,
        "Other Operations": 0.0052,
        "Data Retrieval": 0.03,
    },
    "Archive": {
        "Data Stored": 0.002,
        "Write Operations": 0.11,
        "Read Operations": 5.50,
        "Other Operations": 0.0044,
        "Data Retrieval": 0.022,
    },
}

# https://learn.microsoft.com/azure/storage/blobs/archive-cost-estimation#sample-prices (2023-08-10)
ARCHIVING: Sheet = {
    "Cool": {"Data Stored": 0.0152, "Write Operations": 0.10, "Read Operations": 0.01, "Data Retrieval": 0.01},
    "Cold": {"Data Stored": 0.0036, "Write Operations": 0.18, "Read Operations": 0.10, "Data Retrieval": 0.03},
    "Archive": {
        "Data Stored": 0.00099,
        "Write Operations": 0.10,
        "Read Operations": 5.00,
        "Data Retrieval": 0.02,
        "Priority Read Operations": 50.00,
        "Priority Data Retrieval": 0.10,
    },
}


def price_list(
    sheet: Sheet = ESTIMATES, region: str = "westus", redundancy: str = "LRS", product: str = "General Block Blob v2"
) -> list[dict[str, Any]]:
    """Every item of `sheet` as the API would publish it. redundancy: as SKUs write it, "RA-GRS"."""
    return [
        price_item(tier, meter, amount, region=region, redundancy=redundancy, product=product)
        for tier, meters in sheet.items()
        for meter, amount in meters.items()
    ]


def price_item(
    tier: str,
    meter: str,
    amount: float,
    *,
    region: str = "westus",
    redundancy: str = "LRS",
    product: str = "General Block Blob v2",
    **changes: Any,
) -> dict[str, Any]:
    """One item. meter: one of UNITS; its name says the redundancy where the API's does."""
    plain, _, above = meter.partition(" above ")
    named = f"{redundancy} {plain}" if plain in NAMES_REDUNDANCY else plain
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": float(above or 0),
        "retailPrice": amount,
        "unitPrice": amount,
        "armRegionName": region,
        "effectiveStartDate": "2024-07-01T00:00:00Z",
        "meterId": f"{product}/{tier} {redundancy}/{plain}",
        "meterName": f"{tier} {named}",
        "productName": product,
        "skuName": f"{tier} {redundancy}",
        "serviceName": "Storage",
        "serviceFamily": "Storage",
        "unitOfMeasure": UNITS[meter],
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
    } | changes


def sample_rates(sheet: Sheet = ESTIMATES, redundancy: str = "LRS", at: datetime = AUTUMN) -> Rates:
    """The rates that a page's sample prices make, of an account from before the smallest billed size."""
    found = rates(price_list(sheet, redundancy=redundancy), "westus", redundancy, False, at, created=OLD_ACCOUNT)
    assert not isinstance(found, UnknownRates), found
    return found
