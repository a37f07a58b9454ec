"""What a thing would cost: the one Retail Prices item that applies, or unknown with the reason.

Items are as the Retail Prices API gives them, amounts best as Decimal (finops.cloud reads them so).
https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from finops.errors import DataError

Item = dict[str, Any]
Priority = Literal["dedicated", "spot", "low-priority"]

# Azure Machine Learning's LowPriority nodes are Spot nodes, at the variable Spot price, since this day
# (MicrosoftDocs/azure-ai-docs PR 806).
LOW_PRIORITY_ENDED = datetime(2026, 3, 31, tzinfo=UTC)

# Products that carry a VM's armSkuName and are not that VM: "Easv4 Series Dedicated Host",
# "Easv5 Series CloudServices", "Dadsv5 Series Cloud Services".
_OTHER_PRODUCTS = re.compile(r"dedicated ?host|cloud ?services", re.I)
_UNIT = re.compile(r"([\d.,]+)\s*(?:([KM])(?=$|[/\s]))?\s*/?\s*(.*)")
_SCALES = {None: 1, "K": 1000, "M": 1_000_000}


@dataclass(frozen=True)
class Price:
    """`amount` of `currency` for one unit ("1 Hour"), in force since `since`; meter and product tell whence."""

    amount: Decimal
    currency: str
    unit: str
    since: datetime
    meter_id: str
    meter: str
    product: str


@dataclass(frozen=True)
class UnknownPrice:
    """No price, and why. Never zero: zero is a price."""

    reason: str


def vm_filter(size: str, region: str) -> str:
    """The API filter that selects every item of a VM size in a region (values are case-sensitive)."""
    return (
        f"serviceName eq 'Virtual Machines' and priceType eq 'Consumption' "
        f"and armRegionName eq '{_quoted(region.lower())}' and armSkuName eq '{_quoted(_published(size))}'"
    )


def priority_of(vm_priority: str, at: datetime) -> Priority:
    """How a cluster with this `vmPriority` ("Dedicated", "LowPriority") is billed at the time `at`."""
    plain = vm_priority.lower().replace("_", "").replace("-", "")
    if plain == "dedicated":
        return "dedicated"
    if plain == "lowpriority":
        return "spot" if at >= LOW_PRIORITY_ENDED else "low-priority"
    if plain == "spot":
        return "spot"
    raise DataError(f"'{vm_priority}' is no VM priority.", "Azure Machine Learning knows Dedicated and LowPriority.")


def vm_hour(
    items: Iterable[Item],
    size: str,
    region: str,
    *,
    at: datetime,
    priority: Priority = "dedicated",
    windows: bool = False,
    currency: str = "USD",
) -> Price | UnknownPrice:
    """Pay-as-you-go price of one node-hour, in force at `at`.

    Dev/test, reservation and host items of the same size are not it; of several that apply the newest wins, and
    two that differ all the same make it unknown.
    """
    asked = f"{size} in {region}, {priority}, {'Windows' if windows else 'Linux'}"
    of_size = [
        item
        for item in items
        if _same(item.get("armSkuName"), size)
        and _same(item.get("armRegionName"), region)
        and item.get("serviceName") == "Virtual Machines"
        and not _OTHER_PRODUCTS.search(str(item.get("productName", "")))
    ]
    if not of_size:
        return UnknownPrice(f"no price is published for {size} in {region}")
    in_currency = [item for item in of_size if item.get("currencyCode") == currency]
    if not in_currency:
        return UnknownPrice(f"no price in {currency} among those given for {asked}")
    kind = [item for item in in_currency if _priority(item) == priority and _is_windows(item) == windows]
    if not kind:
        return UnknownPrice(f"no price is published for {asked}")
    paid = [item for item in kind if item.get("type") == "Consumption"]
    if not paid:
        types = ", ".join(sorted({str(item.get("type")) for item in kind}))
        return UnknownPrice(f"no pay-as-you-go price is published for {asked} (only {types})")
    return in_force(paid, asked, at)


def tiered_cost(items: Sequence[Item], quantity: Decimal, *, at: datetime) -> Decimal | UnknownPrice:
    """What `quantity` units of one meter cost: each tier's price holds from its tierMinimumUnits to the next one's."""
    tiers: dict[Decimal, Price] = {}
    for minimum in sorted({_decimal(item.get("tierMinimumUnits", 0)) for item in items}):
        same = [item for item in items if _decimal(item.get("tierMinimumUnits", 0)) == minimum]
        price = in_force(
            same, f"{same[0].get('meterName')} from {minimum} units", at, zero_is_a_price=True, tier=minimum
        )
        if isinstance(price, UnknownPrice):
            return price
        tiers[minimum] = price
    if len({price.meter_id for price in tiers.values()}) != 1:
        return UnknownPrice("the items belong to several meters" if tiers else "no price is published")
    if 0 not in tiers:
        return UnknownPrice(f"the items lack the first tier of {items[0].get('meterName')}")
    starts = sorted(tiers)
    total = Decimal(0)
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        upper = quantity if end is None else min(quantity, end)
        if upper > start:
            total += (upper - start) * tiers[start].amount
    return total


def units(unit_of_measure: str) -> tuple[Decimal, str]:
    """How many of what a price is for: "10K/Month" is 10000 of "Month", "1 GB" is 1 of "GB"."""
    found = _UNIT.fullmatch(unit_of_measure.strip())
    if not found:
        raise DataError(f"'{unit_of_measure}' is no unit of measure.", "Units look like '1 Hour' or '10K/Month'.")
    return _decimal(found[1].replace(",", "")) * _SCALES[found[2]], found[3]


def in_force(
    items: list[Item], asked: str, at: datetime, *, zero_is_a_price: bool = False, tier: Decimal = Decimal(0)
) -> Price | UnknownPrice:
    """The price that holds at `at` among items of one thing: the newest, the primary meter of a region before others.

    tier: only the items from this tierMinimumUnits on. A price of 0 is a placeholder unless it may be a price.
    """
    priced = [_price(item) for item in items if _decimal(item.get("tierMinimumUnits", 0)) == tier and covers(item, at)]
    if not priced:
        return UnknownPrice(f"no price of {asked} is in force on {at:%Y-%m-%d}")
    primary = {str(item.get("meterId")) for item in items if item.get("isPrimaryMeterRegion")}
    newest = max(price.since for price in priced)
    latest = [price for price in priced if price.since == newest]
    latest = [price for price in latest if price.meter_id in primary] or latest
    if len({(price.amount, price.unit) for price in latest}) > 1:
        found = " and ".join(sorted(f"{price.amount} ({price.meter})" for price in latest))
        return UnknownPrice(f"several prices of {asked} are in force: {found}")
    if latest[0].amount == 0 and not zero_is_a_price:
        return UnknownPrice(f"the published price of {asked} is 0, which is a placeholder")
    return latest[0]


def _price(item: Item) -> Price:
    return Price(
        amount=_decimal(item.get("retailPrice")),
        currency=str(item.get("currencyCode", "")),
        unit=str(item.get("unitOfMeasure", "")),
        since=_when(item.get("effectiveStartDate")) or datetime.min.replace(tzinfo=UTC),
        meter_id=str(item.get("meterId", "")),
        meter=str(item.get("meterName", "")),
        product=str(item.get("productName", "")),
    )


def covers(item: Item, at: datetime) -> bool:
    """Whether an item's price is in force at `at`."""
    start, end = _when(item.get("effectiveStartDate")), _when(item.get("effectiveEndDate"))
    return (start is None or start <= at) and (end is None or at <= end)


def _priority(item: Item) -> Priority:
    names = f"{item.get('skuName', '')} / {item.get('meterName', '')}".lower()
    if "low priority" in names:
        return "low-priority"
    return "spot" if re.search(r"\bspot\b", names) else "dedicated"


def _is_windows(item: Item) -> bool:
    return bool(re.search(r"\bwindows\b", str(item.get("productName", "")), re.I))


def _published(size: str) -> str:
    """A size as the API spells it. AML bodies also hold STANDARD_DS3_V2, and filter values are case-sensitive."""
    if not (size.isupper() or size.islower()):
        return size
    head, *tail = size.split("_")
    words = [word.lower() if re.fullmatch(r"[vV]\d+", word) else _family_then_rest(word) for word in tail]
    return "_".join([head.capitalize(), *words])


def _family_then_rest(word: str) -> str:
    """`NC24ADS` as `NC24ads`: capitals for the family, small letters after the number of cores."""
    found = re.fullmatch(r"([A-Za-z]+)(\d.*)", word)
    return found[1].upper() + found[2].lower() if found else word


def _same(one: Any, other: str) -> bool:
    return str(one or "").lower() == other.lower()


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _when(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError as fault:
        raise DataError(
            f"'{value}' in a price is no date.", "Prices come from the Retail Prices API; ask it again."
        ) from fault
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as fault:
        raise DataError(
            f"'{value}' in a price is no amount.", "Prices come from the Retail Prices API; ask it again."
        ) from fault
    if not number.is_finite():
        raise DataError(f"'{value}' in a price is no amount.", "Prices come from the Retail Prices API; ask it again.")
    return number
