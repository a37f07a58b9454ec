"""Every route of a storage account in ARM, asked once; refusals are in tests/test_wire_storage.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contract_drive import Driver

VERSION = "2023-05-01"


def drive_storage(driver: Driver, account: str) -> None:
    """What tiering reads and writes of one account; Microsoft's own policies are sent where they were given."""
    service, lifecycle = f"{account}/blobServices/default", f"{account}/managementPolicies/default"
    inventory = f"{account}/inventoryPolicies/default"
    for path in (account, f"{account}/blobServices", service, f"{service}/containers"):
        driver.ask("GET", path, version=VERSION)
    tracking = {"enable": True, "name": "AccessTimeTracking", "trackingGranularityInDays": 1, "blobType": ["blockBlob"]}
    driver.ask("PUT", service, {"properties": {"lastAccessTimeTrackingPolicy": tracking}}, VERSION)
    driver.ask("PATCH", service, {"properties": {"isVersioningEnabled": True}}, VERSION)
    for method in ("PUT", "PATCH", "GET"):
        driver.ask(method, f"{service}/containers/inventory", None if method == "GET" else {}, VERSION)
    driver.ask("GET", f"{service}/containers", version=VERSION)
    cool = {"daysAfterModificationGreaterThan": 30}
    does = {"filters": {"blobTypes": ["blockBlob"]}, "actions": {"baseBlob": {"tierToCool": cool}}}
    rule = {"name": "old", "type": "Lifecycle", "enabled": True, "definition": does}
    driver.ask("PUT", lifecycle, {"properties": {"policy": {"rules": [rule]}}}, VERSION)
    driver.ask("GET", lifecycle, version=VERSION)
    definition = {"filters": {"blobTypes": ["blockBlob"]}, "format": "Parquet", "schedule": "Weekly",
                  "objectType": "Blob", "schemaFields": ["Name", "AccessTier"]}  # fmt: skip
    nightly = {"enabled": True, "name": "weekly", "destination": "inventory", "definition": definition}
    policy: dict[str, Any] = {"enabled": True, "type": "Inventory", "rules": [nightly]}
    driver.ask("PUT", inventory, {"properties": {"policy": policy}}, VERSION)
    for path in (inventory, f"{account}/inventoryPolicies"):
        driver.ask("GET", path, version=VERSION)
    for path in (lifecycle, inventory, f"{service}/containers/inventory"):
        for _ in range(2):
            driver.ask("DELETE", path, version=VERSION)
