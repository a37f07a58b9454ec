"""Storage accounts in ARM, with Microsoft's client: tracking, containers, lifecycle and inventory policies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.storage import StorageManagementClient
from estates import PROD
from storing import GROUP, NAME, lifecycle, rule, storage_estate

from finops.simulator import serving


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: Any) -> None:
        request.context["enforce_https"] = False


class Nobody:
    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        return AccessToken("somebody", 2**31)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[StorageManagementClient]:
    with serving(storage_estate(tmp_path / "estate", tracked=False)) as served, client_of(served.url) as found:
        yield found


def client_of(url: str) -> StorageManagementClient:
    return StorageManagementClient(
        Nobody(), PROD, base_url=url, credential_scopes=["x/.default"], per_call_policies=[AllowHttp()], retry_total=0
    )


def test_the_account_is_listed_with_its_tier_and_redundancy(client: StorageManagementClient):
    found = next(iter(client.storage_accounts.list()))

    assert (found.name, found.sku.name, found.properties.access_tier) == (NAME, "Standard_LRS", "Hot")


def test_tracking_is_off_until_somebody_turns_it_on(client: StorageManagementClient):
    before = client.blob_services.get_service_properties(GROUP, NAME)

    policy = {"enable": True, "name": "AccessTimeTracking", "trackingGranularityInDays": 1, "blobType": ["blockBlob"]}
    client.blob_services.set_service_properties(GROUP, NAME, {"properties": {"lastAccessTimeTrackingPolicy": policy}})

    after = client.blob_services.get_service_properties(GROUP, NAME)
    assert before.last_access_time_tracking_policy is None
    assert after.last_access_time_tracking_policy.enable


def test_the_containers_of_its_blobs_are_listed(client: StorageManagementClient):
    found = [container.name for container in client.blob_containers.list(GROUP, NAME)]

    assert found == ["data", "features", "finance", "raw", "runs"]


def test_a_container_can_be_made_and_deleted(client: StorageManagementClient):
    client.blob_containers.create(GROUP, NAME, "inventory", {})
    made = client.blob_containers.get(GROUP, NAME, "inventory").name

    client.blob_containers.delete(GROUP, NAME, "inventory")

    assert made == "inventory"
    with pytest.raises(ResourceNotFoundError):
        client.blob_containers.get(GROUP, NAME, "inventory")


def test_without_a_lifecycle_policy_the_answer_is_404(client: StorageManagementClient):
    with pytest.raises(ResourceNotFoundError) as refused:
        client.management_policies.get(GROUP, NAME, "default")

    assert refused.value.error.code == "ManagementPolicyNotFound"


def test_a_lifecycle_policy_is_kept_as_it_was_sent(client: StorageManagementClient):
    sent = lifecycle(rule("finops-cold", ["data/"], tierToCold={"daysAfterModificationGreaterThan": 90}))

    client.management_policies.create_or_update(GROUP, NAME, "default", sent)

    kept = client.management_policies.get(GROUP, NAME, "default").as_dict()
    assert kept["properties"]["policy"] == sent["properties"]["policy"]


COOL = {"tierToCool": {"daysAfterModificationGreaterThan": 30}}


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ([rule(f"r{number}", **COOL) for number in range(101)], "101 rules"),
        ([rule("twice", **COOL), rule("twice", **COOL)], "more than once"),
        ([rule("many", [f"data/{number}" for number in range(11)], **COOL)], "11 prefixes"),
        ([rule("slash", ["/data"], **COOL)], "must start with the name of a container"),
        ([rule("upper", ["Data/x"], **COOL)], "must start with the name of a container"),
        ([rule("nothing")], "at least one action"),
        ([rule("pages", types=["pageBlob"], **COOL)], "blockBlob or appendBlob"),
        ([rule("append", types=["appendBlob"], **COOL)], "append blobs"),
        ([rule("no_good!", **COOL)], "letters, digits and hyphens"),
        (
            [rule("two", tierToCool={"daysAfterModificationGreaterThan": 1, "daysAfterCreationGreaterThan": 1})],
            "one age",
        ),
        ([rule("less", tierToCool={"daysAfterModificationGreaterThan": -1})], "not negative"),
    ],
)
def test_a_policy_that_azure_would_not_take_is_refused(client: StorageManagementClient, rules: Any, complaint: str):
    with pytest.raises(HttpResponseError, match=complaint) as refused:
        client.management_policies.create_or_update(GROUP, NAME, "default", lifecycle(*rules))

    assert refused.value.status_code == 400


def test_archive_is_refused_where_copies_lie_in_zones(tmp_path: Path):
    sent = lifecycle(rule("old", tierToArchive={"daysAfterModificationGreaterThan": 180}))

    with (
        serving(storage_estate(tmp_path / "estate", sku="Standard_ZRS")) as served,
        client_of(served.url) as client,
        pytest.raises(HttpResponseError, match="not supported for Standard_ZRS"),
    ):
        client.management_policies.create_or_update(GROUP, NAME, "default", sent)


def inventory(**changed: Any) -> dict[str, Any]:
    definition = {
        "filters": {"blobTypes": ["blockBlob"]},
        "format": "Csv",
        "schedule": "Daily",
        "objectType": "Blob",
        "schemaFields": ["Name", "Content-Length", "AccessTier", "LastAccessTime"],
        **changed,
    }
    one = {"enabled": True, "name": "finops", "destination": "inventory", "definition": definition}
    return {"properties": {"policy": {"enabled": True, "type": "Inventory", "rules": [one]}}}


def test_an_inventory_policy_is_kept_as_it_was_sent(client: StorageManagementClient):
    client.blob_inventory_policies.create_or_update(GROUP, NAME, "default", inventory())

    kept = client.blob_inventory_policies.get(GROUP, NAME, "default").as_dict()
    sent = inventory()["properties"]["policy"]["rules"]
    assert kept["properties"]["policy"]["rules"][0]["definition"] == sent[0]["definition"]


def test_an_inventory_without_names_is_refused(client: StorageManagementClient):
    with pytest.raises(HttpResponseError, match="must have Name"):
        client.blob_inventory_policies.create_or_update(GROUP, NAME, "default", inventory(schemaFields=["AccessTier"]))


def test_a_deleted_policy_is_gone(client: StorageManagementClient):
    client.blob_inventory_policies.create_or_update(GROUP, NAME, "default", inventory())

    client.blob_inventory_policies.delete(GROUP, NAME, "default")

    with pytest.raises(ResourceNotFoundError):
        client.blob_inventory_policies.get(GROUP, NAME, "default")


def examples(shared_azure: Path, *kinds: str) -> list[tuple[str, Any]]:
    folder = shared_azure / "examples" / "storage_2023-05-01"
    files = [file for kind in kinds for file in sorted(folder.glob(f"StorageAccountSet{kind}*.json"))]
    return [(file.stem, json.loads(file.read_text("utf-8"))["parameters"]["properties"]) for file in files]


def test_microsofts_examples_of_lifecycle_policies_are_taken(client: StorageManagementClient, shared_azure: Path):
    for name, sent in examples(shared_azure, "ManagementPolicy"):
        kept = client.management_policies.create_or_update(GROUP, NAME, "default", sent).as_dict()

        assert len(kept["properties"]["policy"]["rules"]) == len(sent["properties"]["policy"]["rules"]), name


def test_microsofts_examples_of_inventory_policies_are_taken(client: StorageManagementClient, shared_azure: Path):
    for name, sent in examples(shared_azure, "BlobInventoryPolicy"):
        if "ForHnsAccount" in name:
            continue

        kept = client.blob_inventory_policies.create_or_update(GROUP, NAME, "default", sent).as_dict()

        assert len(kept["properties"]["policy"]["rules"]) == len(sent["properties"]["policy"]["rules"]), name
