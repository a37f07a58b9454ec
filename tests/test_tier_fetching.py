"""Where an account's inventory comes from when nobody gives one: its own rule's newest whole run, else a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_azure import StillTime
from storing import ACCOUNT, AS_OF, EVERY_HABIT, storage_estate
from tier_estates import FIELDS, reported

from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.errors import AzureError, DataError
from finops.simulator import serving
from finops.simulator.serve import Served
from finops.simulator.storage.crowds import Crowd
from finops.tiering import account as reading
from finops.tiering.fetching import STORAGE_VERSION, Source, fetched, inventory_of, sources
from finops.tiering.inventory import Inventory, read_inventory
from finops.tiering.listing import list_inventory
from finops.tiering.model import Account

DAY = timedelta(days=1)
CELLS = "SELECT area, reason, tier, read, life, age, blobs, bytes, days FROM histogram ORDER BY ALL"
ROWS = (
    "SELECT container, name, bytes, tier, inferred, modified, accessed, type, lease, reason, age, read, area "
    "FROM blobs ORDER BY ALL"
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(storage_estate(tmp_path / "estate")) as served:
        yield served


@pytest.fixture
def azure(served: Served) -> Iterator[Azure]:
    with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
        yield azure


def account(azure: Azure) -> Account:
    return reading.account(
        azure.get(ACCOUNT, STORAGE_VERSION), azure.get(f"{ACCOUNT}/blobServices/default", STORAGE_VERSION)
    )


def policy(azure: Azure, **definition: Any) -> None:
    """An inventory rule named nightly, and the container that it writes into."""
    told = {
        "filters": {"blobTypes": ["blockBlob"]}, "format": "Csv", "schedule": "Daily", "objectType": "Blob",
        "schemaFields": [*FIELDS, "LastAccessTime"], **definition,
    }  # fmt: skip
    rule = {"enabled": True, "name": "nightly", "destination": "inventory", "definition": told}
    body = {"properties": {"policy": {"enabled": True, "type": "Inventory", "rules": [rule]}}}
    azure.put(f"{ACCOUNT}/blobServices/default/containers/inventory", STORAGE_VERSION, {"properties": {}})
    azure.put(f"{ACCOUNT}/inventoryPolicies/default", STORAGE_VERSION, body)


def rows(inventory: Inventory, query: str = ROWS) -> list[tuple[Any, ...]]:
    return inventory.connection.execute(query).fetchall()


def test_a_fetched_run_is_what_people_would_have_copied(served: Served, azure: Azure, tmp_path: Path):
    copied = reported(served, tmp_path / "copied")
    now = served.world.clock.now()

    with (
        inventory_of(azure, account(azure), now, tmp_path / "spool") as ours,
        read_inventory([copied], "datalake", now, tmp_path / "spool") as theirs,
    ):
        assert (ours.as_of, ours.basis, ours.unproven) == (theirs.as_of, "last access", "")
        assert rows(ours) == rows(theirs)
        assert rows(ours, CELLS) == rows(theirs, CELLS)
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_list_tells_what_an_inventory_of_that_moment_tells(served: Served, azure: Azure, tmp_path: Path):
    policy(azure, filters={"blobTypes": ["blockBlob", "appendBlob", "pageBlob"], "includeSnapshots": True})
    served.world.clock.advance(hours=36)
    with fetched(azure, storage(azure), account(azure), served.world.clock.now(), tmp_path / "spool") as reported:
        as_of, told = reported.as_of, rows(reported)

    with list_inventory(storage(azure), as_of, tmp_path / "spool") as listed:
        named = {row[:2]: row for row in rows(listed) if row[0] != "inventory"}

    # what was written or read since the run differs, and nothing else
    since = as_of.replace(tzinfo=None)
    same = [row for row in told if max(row[5], row[6] or row[5]) < since and row[:2] in named]
    quiet = [row for row in same if max(named[row[:2]][5], named[row[:2]][6] or since - DAY) < since]
    assert len(quiet) > 800
    assert [row for row in quiet if named[row[:2]] != row] == []


def storage(azure: Azure) -> Any:
    return azure.storage("datalake")


def test_an_account_without_a_rule_is_listed(served: Served, azure: Azure, tmp_path: Path):
    with inventory_of(azure, account(azure), AS_OF, tmp_path) as found:
        assert found.blobs == sum(crowd.blobs for crowd in EVERY_HABIT)
        assert (found.as_of, found.basis, found.unproven) == (AS_OF, "last access", "")


def test_an_account_too_large_to_list_says_what_it_lacks(served: Served, azure: Azure, tmp_path: Path):
    with pytest.raises(DataError) as caught:
        inventory_of(azure, account(azure), AS_OF, tmp_path, most=1000)

    assert caught.value.what == (
        "datalake has no inventory rule that is enabled. datalake has more than 1,000 blobs, too many to list."
    )
    assert caught.value.fix == "Add one that lists block blobs (docs/tiering.md), and wait for its first run."
    assert list(tmp_path.glob("listing-*")) == []


def test_a_rule_that_has_not_run_yet_says_how_long_that_takes(azure: Azure, tmp_path: Path):
    policy(azure)

    with pytest.raises(DataError) as caught:
        fetched(azure, storage(azure), account(azure), AS_OF, tmp_path)

    assert "has written nothing in the last 14 days" in caught.value.what
    assert "up to 24 hours" in caught.value.fix


@pytest.mark.parametrize("filters", [{"prefixMatch": ["data/"]}, {"excludePrefix": ["raw/"]}])
def test_a_rule_that_lists_a_part_of_the_account_is_not_taken_for_all_of_it(azure: Azure, filters: dict[str, Any]):
    policy(azure, filters={"blobTypes": ["blockBlob"], **filters})

    with pytest.raises(DataError, match=r"No inventory rule of datalake lists the whole account \(nightly lists"):
        sources(azure, account(azure))


def test_a_rule_that_lists_the_whole_account_is_found(azure: Azure):
    policy(azure)

    assert sources(azure, account(azure)) == (Source("nightly", "inventory"),)


def test_a_run_that_is_cut_off_gives_way_to_the_one_before(served: Served, azure: Azure, tmp_path: Path):
    policy(azure)
    served.world.clock.advance(hours=60)
    newest = spoil(azure, "-manifest.checksum", b"0" * 32)

    with fetched(azure, storage(azure), account(azure), served.world.clock.now(), tmp_path) as found:
        assert found.as_of.date() == newest.date() - DAY


def test_a_part_that_is_shorter_than_its_manifest_says_is_not_read(served: Served, azure: Azure, tmp_path: Path):
    policy(azure)
    served.world.clock.advance(hours=30)
    spoil(azure, ".csv", b"Name\n")

    with pytest.raises(DataError, match=r"is not whole: .* has 5 bytes instead of"):
        fetched(azure, storage(azure), account(azure), served.world.clock.now(), tmp_path)


def spoil(azure: Azure, ending: str, content: bytes) -> Any:
    """Overwrite the last file of that ending; when its run began."""
    from datetime import UTC, datetime

    last = max(blob.name for blob in storage(azure).blobs("inventory") if blob.name.endswith(ending))
    headers = {"x-ms-version": "2025-11-05", "x-ms-blob-type": "BlockBlob"}
    address = f"{storage(azure).address}/inventory/{last}"
    azure.send("storage", "PUT", address, None, content=content, headers=headers)
    return datetime.strptime(last[:19], "%Y/%m/%d/%H-%M-%S").replace(tzinfo=UTC)


def test_an_old_run_is_as_good_as_none(served: Served, azure: Azure, tmp_path: Path):
    policy(azure)
    served.world.clock.advance(hours=30)
    later = served.world.clock.now() + 20 * DAY

    with pytest.raises(DataError, match="has written nothing in the last 14 days"):
        fetched(azure, storage(azure), account(azure), later, tmp_path)


def test_without_the_right_to_read_blobs_the_role_is_named(tmp_path: Path):
    roles = [{"Name": "Looks", "Actions": ["*/read"], "DataActions": [], "AssignableScopes": ["/"]}]
    with (
        serving(storage_estate(tmp_path / "estate"), roles=roles) as served,
        connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure,
        pytest.raises(AzureError) as caught,
    ):
        inventory_of(azure, account(azure), AS_OF, tmp_path / "spool")

    assert caught.value.fix == (
        "Give this identity the role Storage Blob Data Reader on datalake, or on its container data; "
        "a new role takes some minutes."
    )
    assert list((tmp_path / "spool").iterdir()) == []


def test_an_account_of_a_hierarchical_namespace_is_listed_without_versions(
    served: Served, azure: Azure, tmp_path: Path
):
    with inventory_of(azure, replace(account(azure), hns=True), AS_OF, tmp_path):
        asked = [
            entry["query"] for entry in served.requests if "comp=list" in entry["query"] and "restype" in entry["query"]
        ]

    assert asked
    assert all("versions" not in query for query in asked)


def test_a_container_that_is_not_there_yet_is_no_run(azure: Azure, tmp_path: Path):
    policy(azure)
    azure.delete(f"{ACCOUNT}/blobServices/default/containers/inventory", STORAGE_VERSION)

    with pytest.raises(DataError, match="has written nothing in the last 14 days"):
        fetched(azure, storage(azure), account(azure), AS_OF, tmp_path)


def test_a_small_account_is_listed_where_its_rules_cannot_be_read(tmp_path: Path):
    actions = ["Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/blobServices/*"]
    roles = [{"Name": "Looks", "Actions": actions, "DataActions": [f"{actions[1]}/read"]}]
    with (
        serving(storage_estate(tmp_path / "estate"), roles=roles) as served,
        connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure,
    ):
        with inventory_of(azure, account(azure), AS_OF, tmp_path / "spool") as found:
            listed = found.blobs
        with pytest.raises(DataError) as caught:
            inventory_of(azure, account(azure), AS_OF, tmp_path / "spool", most=10)

    assert listed == sum(crowd.blobs for crowd in EVERY_HABIT)
    assert "The inventory rules of datalake cannot be read" in caught.value.what
    assert "has more than 10 blobs" in caught.value.what


def test_ten_thousand_blobs_are_listed_page_by_page(tmp_path: Path):
    crowd = Crowd("archive", "raw", "frames/", 10_000, 0.001, oldest=900)
    with (
        serving(storage_estate(tmp_path / "estate", [crowd])) as served,
        connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure,
        list_inventory(azure.storage("datalake"), AS_OF, tmp_path / "spool") as found,
    ):
        asked = [one for one in served.requests if "comp=list" in one["query"] and "restype" in one["query"]]

        assert (found.blobs, len(asked)) == (10_000, 2)


def test_an_inventory_that_does_not_fit_on_the_disk_is_not_begun(served: Served, azure: Azure, tmp_path: Path):
    policy(azure)
    when = f"{AS_OF:%Y/%m/%d/%H-%M-%S}/nightly/nightly"
    for ending in ("_1000000_0.parquet", "-manifest.json"):
        headers = {"x-ms-version": "2025-11-05", "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": str(2**43)}
        address = f"{storage(azure).address}/inventory/{when}{ending}"
        azure.send("storage", "PUT", address, None, content=b"", headers=headers)

    with pytest.raises(DataError, match=r"has 16,384\.0 GiB, and there is room for") as caught:
        fetched(azure, storage(azure), account(azure), AS_OF, tmp_path)

    assert caught.value.fix.startswith("Set TMPDIR")
