"""Which storage accounts can be planned for, and why the others cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finops.errors import DataError
from finops.tiering import Protected
from finops.tiering.account import account, protected_containers

SUBSCRIPTION = "/subscriptions/0000AAAA-0000-0000-0000-000000000001"
ID = f"{SUBSCRIPTION}/resourceGroups/ML/providers/Microsoft.Storage/storageAccounts/mldata"


def body(**changes: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "name": "mldata",
        "type": "Microsoft.Storage/storageAccounts",
        "kind": "StorageV2",
        "location": "westeurope",
        "sku": {"name": "Standard_RAGRS", "tier": "Standard"},
        "properties": {
            "accessTier": "Hot",
            "provisioningState": "Succeeded",
            "creationTime": "2021-03-01T09:00:00.1234567Z",
        },
    } | changes


def properties(**changes: Any) -> dict[str, Any]:
    return body(properties=body()["properties"] | changes)


def service(**changes: Any) -> dict[str, Any]:
    return {"properties": {"isVersioningEnabled": False} | changes}


def test_an_account_is_read_from_its_two_bodies():
    tracked = service(
        lastAccessTimeTrackingPolicy={"enable": True, "name": "AccessTimeTracking"}, isVersioningEnabled=True
    )

    found = account(properties(isHnsEnabled=True, accessTier="Cool"), tracked)

    assert (found.id, found.name, found.subscription) == (ID.lower(), "mldata", "0000aaaa-0000-0000-0000-000000000001")
    assert (found.region, found.redundancy, found.kind, found.hns) == ("westeurope", "RAGRS", "StorageV2", True)
    assert (found.default_tier, found.tracking, found.versioning, found.smart) == ("Cool", True, True, False)
    assert found.created == datetime(2021, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
    assert found.refusal == ""


def test_zone_redundant_accounts_have_no_archive():
    assert account(body(sku={"name": "Standard_GZRS"}), service()).tiers == ("Hot", "Cool", "Cold")
    assert account(body(sku={"name": "Standard_GRS"}), service()).tiers == ("Hot", "Cool", "Cold", "Archive")


def test_smart_tier_is_left_alone_for_there_is_no_way_back():
    found = account(properties(accessTier="Smart"), service())

    assert found.smart
    assert "never gets back into it" in found.refusal


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (body(kind="Storage"), "general purpose v1"),
        (body(kind="BlobStorage"), "legacy blob storage account"),
        (body(kind="BlockBlobStorage", sku={"name": "Premium_LRS"}), "premium block blob account"),
        (body(kind="FileStorage", sku={"name": "Premium_LRS"}), "premium file share account"),
        (body(kind="StorageV3"), "its kind is 'StorageV3'"),
        (body(kind=None), "its kind is ''"),
        (body(sku={"name": "Premium_LRS"}), "its SKU is 'Premium_LRS'"),
        (body(sku={"name": "StandardV2_LRS"}), "its SKU is 'StandardV2_LRS'"),
        (body(sku=None), "its SKU is ''"),
        (body(location=""), "its region is not known"),
        (body(extendedLocation={"name": "losangeles", "type": "EdgeZone"}), "edge zone"),
        (properties(accessTier="Premium"), "its default tier is 'Premium'"),
        (properties(accountMigrationInProgress=True), "its redundancy is being changed"),
        (properties(failoverInProgress=True), "failing over"),
        (properties(statusOfPrimary="unavailable"), "unavailable"),
        (properties(provisioningState="ResolvingDNS"), "its provisioning state is 'ResolvingDNS'"),
    ],
)
def test_nothing_is_planned_for(changed: dict[str, Any], why: str):
    assert why in account(changed, service()).refusal


def test_what_could_not_be_read_is_a_reason():
    assert account(body(), None).refusal == "the settings of its blob service could not be read"


def test_a_broken_date_is_no_date():
    assert account(properties(creationTime="yesterday"), service()).created is None


def test_something_else_is_no_account():
    with pytest.raises(DataError, match="is no storage account"):
        account({"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"}, service())


def test_containers_in_an_encryption_scope_and_azures_own_are_protected():
    containers = [
        {"id": f"{ID}/blobServices/default/containers/$logs", "name": "$logs", "properties": {}},
        {"name": "datasets", "properties": {"defaultEncryptionScope": "$account-encryption-key"}},
        {"name": "secret", "properties": {"defaultEncryptionScope": "customer-a"}},
        {"name": "kept", "properties": {"hasLegalHold": True, "hasImmutabilityPolicy": True}},
    ]

    found = protected_containers(containers)

    assert [each.container for each in found] == ["$logs", "secret"]
    assert "encryption scope customer-a" in found[1].reason


@pytest.mark.parametrize(
    ("container", "name", "covered"),
    [
        ("datasets", "imagenet/train/1.jpg", True),
        ("datasets", "imagenet-old/1.jpg", False),
        ("other", "imagenet/train/1.jpg", False),
    ],
)
def test_a_protected_prefix_covers_what_begins_with_it(container: str, name: str, covered: bool):
    assert Protected("datasets", "imagenet/", "asked for", "settings").covers(container, name) is covered


def test_a_protected_account_covers_everything():
    assert Protected("", "", "asked for", "settings").covers("any", "thing")


def test_microsofts_own_examples_are_read(shared_azure: Path):
    folder = shared_azure / "examples" / "storage_2023-05-01"
    given = json.loads((folder / "StorageAccountList.json").read_text())["responses"]["200"]["body"]["value"]

    refusals = {each["kind"]: account(each, service()).refusal for each in given}

    assert refusals
    assert all(refusals[kind] for kind in refusals if kind != "StorageV2")


def test_tracking_is_read_from_microsofts_example(shared_azure: Path):
    file = shared_azure / "examples" / "storage_2023-05-01" / "BlobServicesPutLastAccessTimeBasedTracking.json"
    given = json.loads(file.read_text())["responses"]["200"]["body"]

    assert account(body(), given).tracking
