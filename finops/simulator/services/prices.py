"""The Retail Prices API (prices.azure.com) over the estate's own price list: filter, currency, pages of 1,000."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import link
from finops.simulator.odata import BadFilter, Value, compiled, field_reader
from finops.simulator.services.cost.wire import exact

if TYPE_CHECKING:
    from finops.simulator.world import World

PAGE = 1000
# The fields that Microsoft documents for $filter (learn.microsoft.com, azure-retail-prices), and effectiveStartDate,
# which the API takes too. A field of the answer that is not listed cannot be filtered on.
FIELDS = field_reader(
    "armRegionName",
    "armSkuName",
    "effectiveStartDate",
    "isPrimaryMeterRegion",
    "location",
    "meterId",
    "meterName",
    "productId",
    "productName",
    "reservationTerm",
    "serviceFamily",
    "serviceId",
    "serviceName",
    "skuId",
    "skuName",
    "type",
)


def routes(world: World) -> list[BaseRoute]:
    return [Route("/api/retail/prices", partial(prices, world), methods=["GET"])]


def prices(world: World, request: Request) -> Response:
    asked = request.query_params
    currency = (asked.get("currencyCode") or "USD").strip("'\"").upper()
    # Values compare by letter case since 2023-01-01-preview, regardless of it before (the API's own documentation).
    is_exact = asked.get("api-version", "") >= "2023-01-01-preview"
    try:
        test = compiled(asked["$filter"], _known, ignore_case=not is_exact) if asked.get("$filter") else None
    except BadFilter:
        return _refused("Invalid OData parameters supplied")
    skip = asked.get("$skip", "0")
    if not skip.isdigit():
        return _refused("Invalid OData parameters supplied")
    primary = (asked.get("meterRegion") or "").strip("'\"").lower() == "primary"
    found = [
        item
        for item in world.prices
        if item.get("currencyCode", "USD") == currency
        and (not primary or item.get("isPrimaryMeterRegion"))
        and (test is None or test(item))
    ]
    start, size = int(skip), min(int(request.app.state.page_size or PAGE), PAGE)
    shown = found[start : start + size]
    more = start + size < len(found)
    return exact(
        {
            "BillingCurrency": currency,
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": shown,
            "NextPageLink": link(request, **{"$skip": str(start + size)}) if more else None,
            "Count": len(shown),
        }
    )


def _known(name: str) -> Value | None:
    """`priceType` is what the filter calls the field that items call `type`."""
    return FIELDS("type" if name.lower() == "pricetype" else name)


def _refused(message: str) -> Response:
    return exact({"Error": {"Code": "BadRequest", "Message": message}}, 400)
