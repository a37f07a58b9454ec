"""Retail Prices items for the sizes, regions and services that the estate uses, as the API returns them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from finops.simulator import meters
from finops.simulator.draws import key_of
from finops.simulator.sizes import SIZES
from finops.simulator.storage import prices
from finops.simulator.store import Json

# How the API names regions, which is neither how ARM nor how cost data does.
LOCATIONS = {"eastus": "US East", "westeurope": "EU West"}
DEVTEST_SHARE = Decimal("1")  # Linux VMs cost the same under a Dev/Test offer; Windows ones do not
RESERVED_SHARES = {"1 Year": Decimal("0.593"), "3 Years": Decimal("0.382")}
YEARS = {"1 Year": 1, "3 Years": 3}
HOURS_A_YEAR = 8760


def items(sizes: set[str], regions: list[str]) -> Iterator[Json]:
    """Consumption, spot, low-priority, Dev/Test and reservation items of `sizes`, then registries and storage."""
    for name in sorted(sizes):
        for region in regions:
            yield from _vm(SIZES[name].name, region)
    for region in regions:
        for sku in ("Basic", "Standard", "Premium"):
            yield _item(meters.registry(sku, region), "Container Registry", sku)
        yield from blob_items(region)
        yield _item(meters.disk(region), "Premium SSD Managed Disks", "P10 LRS")


def blob_items(region: str) -> Iterator[Json]:
    """What keeping, moving and reading block blobs costs, of every tier and redundancy."""
    for meter in prices.meters(region):
        yield _item(meter, meter.subcategory, meter.sku)


def _vm(size: str, region: str) -> Iterator[Json]:
    meter, spot = meters.vm(size, region, spot=False), meters.vm(size, region, spot=True)
    product = f"Virtual Machines {meter.subcategory} Linux"
    plan = [
        {"unitPrice": float(meter.price * share), "retailPrice": float(meter.price * share), "term": term}
        for term, share in (("3 Years", Decimal("0.53")), ("1 Year", Decimal("0.727")))
    ]
    yield {**_item(meter, product, meter.name), "savingsPlan": plan}
    yield _item(spot, product, spot.name)
    low = f"{meter.name} Low Priority"
    yield {**_item(spot, product, low), "meterName": low, "meterId": meters.guid_of("low", meter.id)}
    devtest = meter.price * DEVTEST_SHARE
    yield {**_item(meter, product, meter.name), "type": "DevTestConsumption", **_priced(devtest)}
    for term, share in RESERVED_SHARES.items():
        whole = (meter.price * share * HOURS_A_YEAR * YEARS[term]).quantize(Decimal(1))
        yield {
            **_item(meter, product, meter.name),
            "type": "Reservation",
            "reservationTerm": term,
            **_priced(whole),
            "meterId": meters.guid_of("reservation", meter.id),
        }


def _priced(price: Decimal) -> Json:
    return {"retailPrice": float(price), "unitPrice": float(price)}


def _item(meter: meters.Meter, product: str, sku_name: str) -> Json:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        **_priced(meter.price),
        "armRegionName": meter.region,
        "location": LOCATIONS[meter.region],
        "effectiveStartDate": "2026-04-01T00:00:00Z",
        "meterId": meter.id,
        "meterName": meter.name,
        "productId": meter.product + "QZ",
        "skuId": f"{meter.product}QZ/{format(key_of(sku_name, meter.region), 'X')[:4]}",
        "productName": product,
        "skuName": sku_name,
        "serviceName": meter.category,
        "serviceId": "DZH3" + format(key_of("service", meter.category), "X")[:8],
        "serviceFamily": meter.service_category,
        "unitOfMeasure": meter.unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": meter.sku if meter.sku.startswith("Standard_") else "",
    }
