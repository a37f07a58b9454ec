"""Blobs over the wire, with azure-storage-blob: lists, reads, tiers, batches, rehydration, and each refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient, PartialBatchErrorException, StandardBlobTier
from estates import PROD
from storing import ACCOUNT, NAME, storage_estate

from finops.simulator import serving
from finops.simulator.serve import Served

ODD = ['a,b "c".txt', "line\nbreak", "été/ürgh 🧊.bin", "two//slashes", "per%20cent+plus&amp"]
TOLD: list[dict[str, Any]] = [
    {"container": "data", "name": f"part-{number}", "bytes": 1000 + number, "created": "2026-01-01"}
    for number in range(5)
]
TOLD += [{"container": "odd", "name": name, "bytes": 7} for name in ODD]
TOLD += [
    {"container": "kept", "name": "held", "bytes": 9, "hold": True},
    {"container": "kept", "name": "leased", "bytes": 9, "leased": True},
    {"container": "kept", "name": "disk.vhd", "bytes": 512, "type": "PageBlob"},
    {"container": "kept", "name": "frozen", "bytes": 2**20, "tier": "Archive", "created": "2026-10-23T06:00:00"},
    {"container": "kept", "name": "tagged", "bytes": 9, "tags": {"project": "birds"}},
]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(storage_estate(tmp_path / "estate", TOLD)) as found:
        yield found


@pytest.fixture
def service(served: Served) -> Iterator[BlobServiceClient]:
    with BlobServiceClient(f"{served.url}/{NAME}", retry_total=0) as found:
        yield found


def container(service: BlobServiceClient, name: str) -> ContainerClient:
    return service.get_container_client(name)


def test_containers_are_listed(service: BlobServiceClient):
    assert [found.name for found in service.list_containers()] == ["data", "kept", "odd"]


def test_a_list_goes_over_several_pages(service: BlobServiceClient):
    found = [blob.name for blob in container(service, "data").list_blobs(results_per_page=2)]

    assert found == [f"part-{number}" for number in range(5)]


def test_a_list_tells_tier_access_and_size(service: BlobServiceClient):
    blob = next(iter(container(service, "data").list_blobs()))

    assert (blob.blob_tier, blob.blob_tier_inferred, blob.size) == ("Hot", True, 1000)
    assert f"{blob.last_accessed_on:%Y-%m-%d}" == "2026-01-01"


def test_odd_names_come_back_as_they_are(service: BlobServiceClient):
    found = {blob.name for blob in container(service, "odd").list_blobs()}

    assert found == set(ODD)


@pytest.mark.parametrize("name", [name for name in ODD if "\n" not in name])
def test_a_blob_of_an_odd_name_is_read(service: BlobServiceClient, name: str):
    assert len(container(service, "odd").download_blob(name).readall()) == 7


def test_folders_are_listed_by_a_delimiter(service: BlobServiceClient):
    found = [blob.name for blob in container(service, "odd").walk_blobs(delimiter="/")]

    assert "two/" in found


def test_what_is_uploaded_is_read_back(service: BlobServiceClient):
    blob = service.get_blob_client("data", "new.txt")

    blob.upload_blob(b"hello", standard_blob_tier=StandardBlobTier.COLD, metadata={"a": "b"})

    properties = blob.get_blob_properties()
    assert blob.download_blob().readall() == b"hello"
    assert (properties.blob_tier, properties.metadata) == ("Cold", {"a": "b"})


def test_a_blob_that_is_there_is_not_overwritten_unasked(service: BlobServiceClient):
    with pytest.raises(ResourceExistsError):
        service.get_blob_client("data", "part-0").upload_blob(b"x")


def test_setting_the_tier_keeps_the_etag(service: BlobServiceClient):
    blob = service.get_blob_client("data", "part-1")
    before = blob.get_blob_properties()

    blob.set_standard_blob_tier("Cool")

    after = blob.get_blob_properties()
    assert (after.blob_tier, after.etag, after.blob_tier_inferred) == ("Cool", before.etag, None)


def test_a_batch_moves_many(service: BlobServiceClient):
    replies = container(service, "data").set_standard_blob_tier_blobs(
        "Cold", *[f"part-{number}" for number in range(5)]
    )

    assert [reply.status_code for reply in replies] == [200] * 5
    assert {blob.blob_tier for blob in container(service, "data").list_blobs()} == {"Cold"}


def test_a_batch_of_odd_names_moves_all(service: BlobServiceClient):
    container(service, "odd").set_standard_blob_tier_blobs("Cool", *[name for name in ODD if "\n" not in name])

    moved = [blob.name for blob in container(service, "odd").list_blobs() if blob.blob_tier == "Cool"]
    assert len(moved) == len(ODD) - 1


def test_one_refusal_in_a_batch_leaves_the_others_be(service: BlobServiceClient):
    with pytest.raises(PartialBatchErrorException) as refused:
        container(service, "data").set_standard_blob_tier_blobs("Cold", "part-0", "absent", "part-2")

    assert [part.status_code for part in refused.value.parts] == [200, 404, 200]


def test_a_batch_of_257_is_refused(service: BlobServiceClient):
    with pytest.raises(HttpResponseError) as refused:
        container(service, "data").set_standard_blob_tier_blobs("Cold", *["part-0"] * 257)

    assert refused.value.status_code == 400


def test_an_archived_blob_is_not_read(service: BlobServiceClient):
    with pytest.raises(ResourceExistsError) as refused:
        service.get_blob_client("kept", "frozen").download_blob()

    assert refused.value.error_code == "BlobArchived"


def test_rehydrating_takes_fifteen_hours(service: BlobServiceClient, served: Served):
    blob = service.get_blob_client("kept", "frozen")

    blob.set_standard_blob_tier("Hot", rehydrate_priority="Standard")

    pending = blob.get_blob_properties()
    served.world.clock.advance(hours=14)
    later = blob.get_blob_properties()
    served.world.clock.advance(hours=2)
    done = blob.get_blob_properties()
    assert (pending.blob_tier, pending.archive_status) == ("Archive", "rehydrate-pending-to-hot")
    assert (later.blob_tier, done.blob_tier, done.archive_status) == ("Archive", "Hot", None)


def test_high_priority_is_back_within_the_hour(service: BlobServiceClient, served: Served):
    blob = service.get_blob_client("kept", "frozen")
    blob.set_standard_blob_tier("Cool", rehydrate_priority="High")

    served.world.clock.advance(hours=1)

    assert blob.get_blob_properties().blob_tier == "Cool"


def test_a_page_blob_has_no_tier(service: BlobServiceClient):
    with pytest.raises(HttpResponseError) as refused:
        service.get_blob_client("kept", "disk.vhd").set_standard_blob_tier("Cool")

    assert refused.value.error_code == "InvalidBlobType"


def test_what_is_held_is_not_deleted(service: BlobServiceClient):
    with pytest.raises(HttpResponseError) as refused:
        service.get_blob_client("kept", "held").delete_blob()

    assert refused.value.error_code == "BlobImmutableDueToPolicy"


def test_what_is_leased_is_not_deleted(service: BlobServiceClient):
    with pytest.raises(HttpResponseError) as refused:
        service.get_blob_client("kept", "leased").delete_blob()

    assert refused.value.error_code == "LeaseIdMissing"


def test_a_deleted_blob_is_gone(service: BlobServiceClient):
    blob = service.get_blob_client("data", "part-0")

    blob.delete_blob()

    with pytest.raises(ResourceNotFoundError):
        blob.get_blob_properties()


def test_index_tags_are_read_and_set(service: BlobServiceClient):
    blob = service.get_blob_client("kept", "tagged")
    before = blob.get_blob_tags()

    blob.set_blob_tags({"project": "fish", "keep": "yes"})

    assert (before, blob.get_blob_tags()) == ({"project": "birds"}, {"project": "fish", "keep": "yes"})


def test_a_snapshot_is_listed_beside_its_blob(service: BlobServiceClient):
    service.get_blob_client("data", "part-0").create_snapshot()

    found = [blob.snapshot for blob in container(service, "data").list_blobs("part-0", include=["snapshots"])]
    assert len(found) == 2
    assert found.count(None) == 1


def test_reading_is_noted_and_looking_is_not(service: BlobServiceClient, served: Served):
    blob = service.get_blob_client("data", "part-3")
    served.world.clock.advance(days=3)

    looked = blob.get_blob_properties().last_accessed_on
    blob.download_blob().readall()

    assert f"{looked:%Y-%m-%d}" == "2026-01-01"
    assert f"{blob.get_blob_properties().last_accessed_on:%Y-%m-%d}" == "2026-11-25"


def test_archive_is_refused_where_copies_lie_in_zones(tmp_path: Path):
    folder = storage_estate(tmp_path / "zones", TOLD[:5], sku="Standard_ZRS")

    with serving(folder) as served, BlobServiceClient(f"{served.url}/{NAME}", retry_total=0) as service:
        with pytest.raises(HttpResponseError) as refused:
            service.get_blob_client("data", "part-0").set_standard_blob_tier("Archive")

        assert refused.value.error_code == "BlobAccessTierNotSupportedForAccountType"


READER = {
    "Name": "reader",
    "Actions": [],
    "DataActions": ["Microsoft.Storage/storageAccounts/blobServices/*/read"],
}


def test_who_may_only_read_moves_nothing(tmp_path: Path):
    folder = storage_estate(tmp_path / "estate", TOLD[:5])
    headers = {"Authorization": "Bearer anybody"}

    with serving(folder, roles=[READER]) as served, BlobServiceClient(f"{served.url}/{NAME}", retry_total=0) as service:
        blob = service.get_blob_client("data", "part-0")
        with pytest.raises(HttpResponseError) as refused:
            blob.set_standard_blob_tier("Cool", headers=headers)

        assert refused.value.error_code == "AuthorizationPermissionMismatch"
        assert blob.get_blob_properties(headers=headers).blob_tier == "Hot"


def test_the_reports_of_a_recording_are_blobs(tmp_path: Path):
    folder = storage_estate(tmp_path / "estate", TOLD[:5])
    report = folder / "inventory" / NAME / "2026" / "all" / "all.csv"
    report.parent.mkdir(parents=True)
    report.write_bytes(b"Name\n")

    with serving(folder) as served, BlobServiceClient(f"{served.url}/{NAME}", retry_total=0) as service:
        found = container(service, "inventory").download_blob("2026/all/all.csv").readall()

    assert found == b"Name\n"


def test_azure_resource_manager_is_still_reached(served: Served):
    import httpx

    assert httpx.get(f"{served.url}{ACCOUNT}").json()["name"] == NAME
    assert httpx.get(f"{served.url}/subscriptions/{PROD}").status_code == 200
