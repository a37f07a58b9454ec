"""How often Azure takes spot nodes back, by size and region: its own rates, from Resource Graph's SpotResources."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.checkpoint.prior import hours_between, key

if TYPE_CHECKING:
    from finops.cloud import Azure


@dataclass(frozen=True)
class Rate:
    """said: percent an hour as Azure says it, "5-10" or "20+". hours: mean time between evictions that follows."""

    size: str
    region: str
    said: str
    hours: float | None


def rates(azure: Azure, places: Collection[tuple[str, str]]) -> list[Rate]:
    """Those that Azure has of `places`, which are (size, region), most lasting first. It has none of many sizes."""
    wanted = {key(size, region): (size, region) for size, region in places}
    if not wanted:
        return []
    sizes, regions = ({one[n].replace(" ", "").lower() for one in wanted.values()} for n in (0, 1))
    rows = azure.graph(
        "SpotResources | where type =~ 'microsoft.compute/skuspotevictionrate/location'"
        f" | where sku.name in~ ({_listed(sizes)}) and location in~ ({_listed(regions)})"
        " | project id, size = tostring(sku.name), location, rate = tostring(properties.evictionRate)",
        None,
    )
    found = []
    for row in rows:
        size, region, said = (str(row.get(name) or "") for name in ("size", "location", "rate"))
        if said and key(size, region) in wanted:
            found.append(Rate(*wanted[key(size, region)], said, hours_between(said)))
    return sorted(found, key=lambda one: (-(one.hours or 0), one.size.lower(), one.region))


def as_file(found: Collection[Rate], as_of: datetime) -> dict[str, Any]:
    """What FINOPS_EVICTION_RATE may name: see docs/checkpoint.md."""
    return {"asOf": as_of.isoformat(), "rates": {key(one.size, one.region): one.said for one in found}}


def _listed(names: Collection[str]) -> str:
    """As a list of the query language; a name that is none is left out, as no machine is called so."""
    plain = sorted(name for name in names if name.replace("_", "").replace("-", "").isalnum())
    return ", ".join(f"'{name}'" for name in plain) or "''"
