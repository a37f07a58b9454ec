"""Tiering against real storage: planned, approved, applied, verified by listing, undone, with blobs in Azurite.

Resource Manager, prices and the clock are the simulator's; the account's blobs are in Azurite.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azurite_service import Azurite
from click.testing import CliRunner
from storing import ACCOUNT, storage_estate
from test_tier_approve import after_the_grace, approve, record, with_approvers
from tier_applying import Tiering, results

from finops.cli import cli
from finops.jobs.tiering.deeds import MOVE, MOVE_BACK
from finops.simulator import serving
from finops.state import State

MIB = bytes(2**20)
OLD = [f"frames/{number:02}" for number in range(12)]
NEW = [f"frames/new-{number}" for number in range(3)]
FIELDS = ("Name", "Content-Length", "Creation-Time", "Last-Modified", "LastAccessTime", "BlobType", "AccessTier",
          "AccessTierInferred", "AccessTierChangeTime", "LeaseState", "LegalHold")  # fmt: skip
Json = dict[str, Any]


@pytest.fixture
def account(azurite: Azurite, tmp_path: Path) -> Iterator[Tiering]:
    """Old frames and new ones, an account that Resource Manager knows, and no inventory that anybody gives."""
    azurite.put([(f"raw/{name}", MIB) for name in OLD], days=300)
    azurite.put([(f"raw/{name}", MIB) for name in NEW], days=2)
    told = azurite.account()["properties"]
    estate = storage_estate(tmp_path / "estate", (), tracked=False, properties=told, as_of=datetime.now(UTC))
    with serving(estate, retry_after=0) as served, State.open(tmp_path / "state.db") as state:
        yield Tiering(served, state, tmp_path, None, mode="enforce", small_account=1000)


def reported(azurite: Azurite, now: datetime, unread_days: int) -> None:
    """A run of an inventory rule in the container inventory, by Microsoft's list, with reads as Azure notes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    count = 0
    with azurite.client() as client:
        for blob in client.get_container_client("raw").list_blobs():
            count += 1
            read = max(blob.last_modified, now - timedelta(days=unread_days))
            times = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (blob.creation_time, blob.last_modified, read)]
            tier, since = blob.blob_tier, "" if blob.blob_tier_inferred else f"{now:%Y-%m-%dT%H:%M:%SZ}"
            inferred = str(bool(blob.blob_tier_inferred)).lower()
            writer.writerow(
                [f"raw/{blob.name}", blob.size, *times, "BlockBlob", tier, inferred, since, "available", "false"]
            )
    content = text.getvalue().encode()
    folder = f"inventory/{now:%Y/%m/%d/%H-%M-%S}/nightly/nightly"
    manifest = json.dumps({
        "endpoint": "https://datalake.blob.core.windows.net",
        "files": [{"blob": f"{folder}_1000000_0.csv", "size": len(content)}],
        "inventoryStartTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "ruleDefinition": {"objectType": "blob", "filters": {"blobTypes": ["blockBlob"]}},
        "status": "Succeeded",
        "summary": {"objectCount": count, "totalObjectSize": count * len(MIB)},
    }).encode()  # fmt: skip
    seal = base64.b64encode(hashlib.md5(manifest, usedforsecurity=False).digest())
    files = {"_1000000_0.csv": content, "-manifest.json": manifest, "-manifest.checksum": seal}
    azurite.put([(f"{folder}{ending}", each) for ending, each in files.items()])


def with_a_rule(account: Tiering) -> None:
    definition = {"filters": {"blobTypes": ["blockBlob"]}, "format": "Csv", "schedule": "Daily", "objectType": "Blob",
                  "schemaFields": list(FIELDS)}  # fmt: skip
    rule = {"enabled": True, "name": "nightly", "destination": "inventory", "definition": definition}
    policy = {"enabled": True, "type": "Inventory", "rules": [rule]}
    account.served.world.resources.put(
        {
            "id": f"{ACCOUNT}/inventoryPolicies/default",
            "name": "DefaultInventoryPolicy",
            "properties": {"policy": policy},
        }
    )


def tiers(azurite: Azurite) -> dict[str, set[str]]:
    """The names of the blobs in each tier, as Microsoft's client lists them."""
    found: dict[str, set[str]] = {}
    for name, tier in azurite.tiers("raw").items():
        found.setdefault(str(tier), set()).add(name)
    return found


def test_a_small_account_is_listed_moved_verified_and_moved_back(azurite: Azurite, account: Tiering):
    before = {"Hot": {*OLD, *NEW}}
    dry = account.apply(execute=False)
    untouched = tiers(azurite)

    done = account.apply()
    moved = tiers(azurite)
    back = account.undo()

    assert (results(dry), untouched) == ([(MOVE, "would")], before)
    assert results(done) == [(MOVE, "done")], done.lines
    assert moved == {"Hot": set(NEW), "Cold": set(OLD)}
    assert results(back) == [(MOVE_BACK, "done")], back.lines
    assert tiers(azurite) == before


def test_a_second_run_changes_nothing(azurite: Azurite, account: Tiering):
    account.apply()
    moved = tiers(azurite)

    again = account.apply()

    assert [line.result for line in again.lines] == ["so"]
    assert tiers(azurite) == moved


def test_the_command_plans_an_account_that_nobody_gave_an_inventory_of(azurite: Azurite, account: Tiering):
    said = CliRunner().invoke(cli, ["tier", "plan", "--azure", account.served.url, "-o", "json"])

    [plan] = json.loads(said.stdout)
    assert said.exit_code == 0, said.output
    assert (plan["account"], plan["blobs"]) == ("datalake", len(OLD) + len(NEW))
    assert tiers(azurite) == {"Hot": {*OLD, *NEW}}


def approved(azurite: Azurite, account: Tiering) -> None:
    """Archiving what was not read for long is asked about, approved, and may be done now."""
    with_a_rule(account)
    reported(azurite, account.now, unread_days=250)
    with_approvers(account)
    account.apply()
    while record(account).due_at is None:  # people are told while they are at work
        account.served.world.clock.advance(hours=8)
        account.apply()
    approve(account)
    after_the_grace(account)


def test_archive_is_asked_about_approved_applied_and_undone(azurite: Azurite, account: Tiering):
    approved(azurite, account)
    asked = tiers(azurite)

    done = account.apply()
    moved = tiers(azurite)
    back = account.undo()

    assert asked == {"Hot": {*OLD, *NEW}}
    assert results(done) == [(MOVE, "done")], done.lines
    assert moved == {"Hot": set(NEW), "Archive": set(OLD)}
    assert record(account).status == "restored"
    assert results(back) == [(MOVE_BACK, "done")], back.lines
    assert tiers(azurite) == {"Hot": {*OLD, *NEW}}


def test_a_blob_that_is_written_between_the_approval_and_the_move_stays(azurite: Azurite, account: Tiering):
    approved(azurite, account)
    azurite.put([(f"raw/{OLD[0]}", MIB)])

    done = account.apply()

    assert tiers(azurite) == {"Hot": {*NEW, OLD[0]}, "Archive": set(OLD[1:])}
    [line] = done.lines
    assert line.result == "held"
    assert "11 of 12 are moved. 1 not: It was written since it was decided on" in line.why


def test_an_archived_blob_cannot_be_read_until_it_is_moved_back(azurite: Azurite, account: Tiering):
    approved(azurite, account)
    account.apply()

    with azurite.client() as client, pytest.raises(HttpResponseError) as refused:
        client.get_blob_client("raw", OLD[0]).download_blob()
    account.undo()

    assert refused.value.error_code == "BlobArchived"
    with azurite.client() as client:
        assert client.get_blob_client("raw", OLD[0]).download_blob().readall() == MIB


def test_a_leased_blob_stays_where_it_is(azurite: Azurite, account: Tiering):
    with azurite.client() as client:
        client.get_blob_client("raw", OLD[3]).acquire_lease()

    account.apply()

    assert tiers(azurite) == {"Hot": {*NEW, OLD[3]}, "Cold": set(OLD) - {OLD[3]}}
