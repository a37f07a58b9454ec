"""Names of blobs that are hard to carry, from the account through inventory, plan and policy back to the account."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient
from estates import PROD
from fake_azure import StillTime
from storing import AS_OF, GROUP, NAME, storage_estate
from tier_estates import reported
from wire_clients import AllowHttp, Token

from finops import estate
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.simulator import serving
from finops.tiering.inventory import read_inventory
from finops.tiering.looking import look
from finops.tiering.model import Protected
from finops.tiering.plan import best, plan

# Folders of one container, all unused for long. KEPT are protected, so that no prefix can take both and each of OLD is
# written out in a rule.
OLD = ("new\nline", "a, b", 'say "so"', "🦊 fox", "50% *?", "it's", "naïve", " blank ", "back\\slash", "a\x1fb")
KEPT = ("new", "a", "say", "🦊", "50", "it", "na", "blank", "back", "busy")


def blobs(folder: str) -> list[dict[str, Any]]:
    written = (AS_OF - timedelta(days=900)).isoformat()
    return [
        {"container": "data", "name": f"{folder}/{n}", "bytes": 2**34, "created": written, "modified": written,
         "accessed": written}
        for n in range(12)
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["Parquet", "Csv"])
def test_blobs_with_hard_names_are_moved_and_their_neighbours_are_not(tmp_path: Path, kind: str):
    told = [row for name in (*OLD, *KEPT) for row in blobs(name)]
    guards = [Protected("data", f"{name}/", "kept", "test") for name in KEPT]
    with serving(storage_estate(tmp_path / "estate", told)) as served:
        folder = reported(served, tmp_path / "inventory", format=kind)
        now = served.world.clock.now()
        with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
            seen = look(azure, estate.read(azure, now), NAME, now, guards)
        with read_inventory([folder], NAME, now, tmp_path / "spool") as inventory:
            chosen = best(seen.account, inventory, seen.rates, seen.protected)
            made = plan(seen.account, inventory, seen.rates, chosen, seen.policy, seen.protected)
        with StorageManagementClient(
            Token(), PROD, base_url=served.url, credential_scopes=["x/.default"],
            per_call_policies=[AllowHttp()], retry_total=0,
        ) as client:  # fmt: skip
            body: Any = {"properties": {"policy": made.policy}}
            kept = client.management_policies.create_or_update(GROUP, NAME, "default", body).as_dict()
        served.world.clock.advance(hours=72)
        with ContainerClient(f"{served.url}/{NAME}", "data", retry_total=0) as container:
            tiers = {each.name: str(each.blob_tier) for each in container.list_blobs()}

    prefixes = {prefix for rule in made.rules for prefix in rule.prefixes}
    assert made.refusals == ()
    assert {"data/new\nline/", "data/a, b/", "data/🦊 fox/"} <= prefixes
    assert prefixes == {
        prefix
        for rule in kept["properties"]["policy"]["rules"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    }
    assert {tiers[f"{name}/0"] for name in KEPT} == {"Hot"}, prefixes
    assert {name: tiers[f"{name}/0"] for name in OLD if tiers[f"{name}/0"] != "Archive"} == {}, prefixes
