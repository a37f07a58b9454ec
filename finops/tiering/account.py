"""A storage account as tiering needs it, from its ARM bodies, and why nothing is planned for some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from finops.errors import DataError
from finops.tiering.model import ARCHIVING, TIERS, Account, Protected
from finops.tiering.rates import plain_redundancy, plain_region

Json = Mapping[str, Any]

REDUNDANCIES = ("LRS", "ZRS", "GRS", "RAGRS", "GZRS", "RAGZRS")

# Blobs of other kinds have no tiers, or are billed by prices of their own.
# https://learn.microsoft.com/azure/storage/common/storage-account-overview
_KINDS = {
    "Storage": "it is a general purpose v1 account, which has no tiers; upgrade it to StorageV2 first",
    "BlobStorage": "it is a legacy blob storage account, billed by other prices; upgrade it to StorageV2 first",
    "BlockBlobStorage": "it is a premium block blob account, which has no tiers",
    "FileStorage": "it is a premium file share account, which holds no blobs",
}

# Lifecycle rules leave these containers alone.
# https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview#known-issues-and-limitations
_LEFT_ALONE = frozenset({"$logs", "$blobchangefeed", "$web"})


def account(body: Json, blob_service: Json | None) -> Account:
    """What ARM says of a storage account and of its blob service; None: the latter could not be read."""
    properties, service = _inner(body, "properties"), _inner(blob_service or {}, "properties")
    id = _text(body, "id")  # noqa: A001
    if "/microsoft.storage/storageaccounts/" not in id.lower():
        raise DataError(f"'{id}' is no storage account.", "Give the ARM body of a Microsoft.Storage/storageAccounts.")
    redundancy = plain_redundancy(_text(_inner(body, "sku"), "name"))
    default = _text(properties, "accessTier")
    return Account(
        id=id.lower(),
        name=_text(body, "name") or id.rpartition("/")[2],
        subscription=id.split("/")[2].lower(),
        region=plain_region(_text(body, "location")),
        redundancy=redundancy,
        kind=_text(body, "kind"),
        hns=properties.get("isHnsEnabled") is True,
        default_tier=default or "Hot",
        tracking=_inner(service, "lastAccessTimeTrackingPolicy").get("enable") is True,
        smart=default.lower() == "smart",
        versioning=service.get("isVersioningEnabled") is True,
        tiers=tuple(tier for tier in TIERS if tier != "Archive" or redundancy in ARCHIVING),
        refusal=_refusal(body, properties, redundancy, default, blob_service),
        created=_when(_text(properties, "creationTime")),
    )


def protected_containers(containers: Iterable[Json]) -> tuple[Protected, ...]:
    """The containers whose blobs cannot or must not be re-tiered, from ARM's list of them.

    Immutability and legal holds are no reason: blobs under them may change tiers, they only cannot be written
    (https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview#access-tiers).
    """
    found = []
    for container in containers:
        name = _text(container, "name")
        properties = _inner(container, "properties")
        scope = _text(properties, "defaultEncryptionScope")
        if name in _LEFT_ALONE:
            reason = "it is one of Azure's own containers, which lifecycle rules leave alone"
        elif scope and scope != "$account-encryption-key":
            # https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview#setting-or-changing-a-blobs-tier
            reason = f"its blobs are in the encryption scope {scope}, where Azure changes no tiers"
        elif properties.get("deleted") is True:
            reason = "the container is deleted"
        else:
            continue
        found.append(Protected(name, "", reason, _text(container, "id").lower() or name))
    return tuple(found)


def _refusal(body: Json, properties: Json, redundancy: str, default: str, blob_service: Json | None) -> str:
    """Why nothing is planned for an account, "" where something may be. What is not known is a reason."""
    kind, sku = _text(body, "kind"), _text(_inner(body, "sku"), "name")
    if kind != "StorageV2":
        return _KINDS.get(kind, f"its kind is '{kind}', and only StorageV2 is known to have tiers")
    if not sku.lower().startswith("standard_") or redundancy not in REDUNDANCIES:
        return f"its SKU is '{sku}', and only standard ones have tiers"
    if default.lower() == "smart":
        return "smart tier moves its blobs, and a blob that is given a tier of its own never gets back into it"
    if default.title() not in ("", "Hot", "Cool", "Cold"):
        return f"its default tier is '{default}', which is not one of Hot, Cool and Cold"
    if body.get("extendedLocation"):
        return "it lies in an edge zone, whose prices are not published with its region's"
    if not _text(body, "location"):
        return "its region is not known, so neither are its prices"
    if properties.get("accountMigrationInProgress") is True:
        return "its redundancy is being changed"
    if properties.get("failoverInProgress") is True or properties.get("statusOfPrimary") == "unavailable":
        return "its primary region is unavailable or failing over"
    if _text(properties, "provisioningState") not in ("", "Succeeded"):
        return f"its provisioning state is '{properties['provisioningState']}'"
    if blob_service is None:
        return "the settings of its blob service could not be read"
    return ""


def _inner(body: Json, name: str) -> Json:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(body: Json, name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _when(value: str) -> datetime | None:
    """A time as ARM writes it, None where it wrote none."""
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
