"""What costs money by standing there: registries, storage, vaults and logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finops.simulator import meters
from finops.simulator.draws import between, key_of
from finops.simulator.store import Json, inside, type_of

if TYPE_CHECKING:
    from finops.simulator.life import Life

BILLED = frozenset(
    [
        "microsoft.containerregistry/registries",
        "microsoft.storage/storageaccounts",
        "microsoft.keyvault/vaults",
        "microsoft.insights/components",
    ]
)


def usage(life: Life, body: Json, day: int) -> Iterator[tuple[int, int]]:
    """Ledger line and counted units a minute of `body` on `day`."""
    resource_id, kind, region = body["id"], type_of(body["id"]), str(body.get("location", "eastus"))
    profile = life.profiles.get(resource_id.lower(), {})
    tags = inside(body, "tags")
    key = key_of(life.key, resource_id.lower())
    sku = str(inside(body, "sku").get("name", "Standard"))
    if kind == "microsoft.containerregistry/registries":
        yield life.line(meters.registry(sku, region), resource_id, tags), 1
    elif kind == "microsoft.storage/storageaccounts" and resource_id.lower() not in life.metered:
        grown = max(0.0, float(profile.get("gigabytesADay", 0)) * (day - int(profile.get("day", day))))
        redundancy = sku.rsplit("_", 1)[-1]
        for tier, gigabytes in sorted((profile.get("gigabytes") or {}).items()):
            megabytes = int((float(gigabytes) + (grown if tier == "Hot" else 0)) * 1000)
            yield life.line(meters.blobs(tier, redundancy, region), resource_id, tags), megabytes
        operations = int(float(profile.get("operationsADay", 0)) * between(0.7, 1.3, key, day, 1))
        if operations:
            yield life.line(meters.blob_operations(region), resource_id, tags), operations
    elif kind == "microsoft.keyvault/vaults":
        yield life.line(meters.vault(region), resource_id, tags), int(between(200, 4000, key, day, 1))
    elif kind == "microsoft.insights/components":
        ingested = int(float(profile.get("megabytesADay", 0)) * between(0.8, 1.2, key, day, 1))
        if ingested:
            yield life.line(meters.logs(region), resource_id, tags), ingested
