"""The lifecycle engine of simulated accounts, day by day, and what each move, read and early departure is charged."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from storing import ACCOUNT, AS_OF, lifecycle, rule, storage_estate

from finops.simulator.storage.crowds import Crowd
from finops.simulator.storage.prices import TIERS
from finops.simulator.world import World

GIB = 2**30


def a_world(folder: Path, told: Sequence[Any], *rules: Any, **more: Any) -> World:
    world = World.load(storage_estate(folder / "estate", told, **more))
    if rules:
        govern(world, *rules)
    return world


def govern(world: World, *rules: Any) -> None:
    world.resources.put({"id": f"{ACCOUNT}/managementPolicies/default", **lifecycle(*rules)})


def blob(name: str = "x", days: float = 100, size: int = GIB, **more: Any) -> dict[str, Any]:
    """A blob written `days` before the estate's asOf."""
    return {"container": "data", "name": name, "bytes": size, "created": ago(days), **more}


def ago(days: float) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def after(world: World, days: float) -> dict[str, str]:
    """The tier of each blob that is there after so many days more."""
    world.clock.advance(days=days)
    world.settle()
    blobs = world.storage.of(account(world)).blobs
    return {blobs.names[row]: TIERS[blobs.tier[row]] for row in blobs.ordered()}


def account(world: World) -> dict[str, Any]:
    found = world.resources.get(ACCOUNT)
    assert found is not None
    return found


def used(world: World, meter: str) -> Decimal:
    """The quantity of one meter, all days."""
    rows = world.charges.used().select(["x_SkuMeterName", "PricingQuantity"]).to_pylist()
    return sum((row["PricingQuantity"] for row in rows if row["x_SkuMeterName"] == meter), Decimal(0))


def paid(world: World) -> Decimal:
    return sum((row["BilledCost"] for row in world.charges.used().select(["BilledCost"]).to_pylist()), Decimal(0))


def since(days: int) -> dict[str, int]:
    return {"daysAfterModificationGreaterThan": days}


def unread(days: int) -> dict[str, int]:
    return {"daysAfterLastAccessTimeGreaterThan": days}


def test_a_blob_moves_once_more_days_have_passed(tmp_path: Path):
    world = a_world(tmp_path, [blob(days=28)], rule("r", tierToCool=since(30)))

    tiers = [after(world, 1)["x"] for _ in range(4)]

    assert tiers == ["Hot", "Hot", "Cool", "Cool"]


def test_of_several_actions_the_cheapest_is_done(tmp_path: Path):
    rules = rule("a", tierToCool=since(30)), rule("b", tierToArchive=since(60)), rule("c", tierToCold=since(30))

    assert after(a_world(tmp_path, [blob()], *rules), 1) == {"x": "Archive"}


def test_a_prefix_takes_only_what_it_begins(tmp_path: Path):
    told = [blob("raw/a"), blob("RAW/b"), {**blob("raw/c"), "container": "data2"}]

    found = after(a_world(tmp_path, told, rule("r", ["data/raw"], tierToCool=since(1))), 1)

    assert found == {"raw/a": "Cool", "RAW/b": "Hot", "raw/c": "Hot"}


def test_a_rule_that_is_off_does_nothing(tmp_path: Path):
    off = {**rule("r", tierToCool=since(1)), "enabled": False}

    assert after(a_world(tmp_path, [blob()], off), 3) == {"x": "Hot"}


def test_a_rule_never_warms_what_is_cooler(tmp_path: Path):
    told = [blob("cold", tier="Cold"), blob("archive", tier="Archive")]

    found = after(a_world(tmp_path, told, rule("r", tierToCool=since(1))), 3)

    assert found == {"cold": "Cold", "archive": "Archive"}


def test_index_tags_are_matched(tmp_path: Path):
    tagged = rule("r", tierToCool=since(1))
    tagged["definition"]["filters"]["blobIndexMatch"] = [{"name": "done", "op": "==", "value": "yes"}]

    found = after(a_world(tmp_path, [blob("a", tags={"done": "yes"}), blob("b", tags={"done": "no"})], tagged), 1)

    assert found == {"a": "Cool", "b": "Hot"}


def test_last_access_counts_where_it_is_noted(tmp_path: Path):
    told = [blob("read", accessed=ago(3)), blob("unread")]

    found = after(a_world(tmp_path, told, rule("r", tierToCool=unread(30))), 2)

    assert found == {"read": "Hot", "unread": "Cool"}


def test_without_tracking_the_day_it_was_turned_on_counts(tmp_path: Path):
    world = a_world(tmp_path, [blob()], rule("r", tierToCool=unread(10)), tracked=False)
    never = after(world, 20)
    tracking = {"properties": {"lastAccessTimeTrackingPolicy": {"enable": True}}}
    world.resources.put({"id": f"{ACCOUNT}/blobServices/default", **tracking})

    early, late = after(world, 9), after(world, 3)

    assert [never["x"], early["x"], late["x"]] == ["Hot", "Hot", "Cool"]


def test_a_rehydrated_blob_is_kept_while_the_policy_says_so(tmp_path: Path):
    kept = {**since(30), "daysAfterLastTierChangeGreaterThan": 7}
    world = a_world(tmp_path, [blob(tierChanged=ago(3), tier="Hot")], rule("r", tierToArchive=kept))

    early, late = after(world, 3), after(world, 3)

    assert [early["x"], late["x"]] == ["Hot", "Archive"]


def test_page_and_append_blobs_are_not_tiered(tmp_path: Path):
    told = [blob("page", type="PageBlob"), blob("append", type="AppendBlob")]

    found = after(a_world(tmp_path, told, rule("r", tierToCool=since(1))), 2)

    assert found == {"page": "Hot", "append": "Hot"}


def test_a_deleted_blob_is_gone_unless_it_is_held(tmp_path: Path):
    told = [blob("gone"), blob("held", hold=True), blob("fixed", until=ago(-100)), blob("leased", leased=True)]

    found = after(a_world(tmp_path, told, rule("r", delete=since(30))), 2)

    assert sorted(found) == ["fixed", "held", "leased"]


def test_a_blob_with_snapshots_outlives_its_rule(tmp_path: Path):
    told = [blob(), blob(snapshot="2026-09-01T00:00:00.0000000Z")]

    world = a_world(tmp_path, told, rule("r", delete=since(30)))
    after(world, 2)

    assert world.storage.of(account(world)).blobs.find("data", "x") is not None


def test_what_is_stored_is_charged_by_the_month(tmp_path: Path):
    world = a_world(tmp_path, [blob(size=100 * GIB)])

    after(world, 73 / 2.4)  # 730 hours

    assert used(world, "Hot LRS Data Stored") == pytest.approx(Decimal(100), abs=Decimal("0.01"))


def test_a_move_is_a_write_to_the_cooler_tier(tmp_path: Path):
    world = a_world(tmp_path, [blob(str(number)) for number in range(50)], rule("r", tierToCold=since(1)))

    after(world, 3)

    assert used(world, "Cold LRS Write Operations") * 10_000 == 50


def test_leaving_a_tier_early_is_charged_for_the_days_left(tmp_path: Path):
    # access-tiers-overview.md: 45 days in Archive leave 135 of 180.
    world = a_world(tmp_path, [blob(size=10 * GIB, tier="Archive", tierChanged=ago(45))])
    holding = world.storage.of(account(world))

    import numpy as np

    holding.delete(np.array([0]), world.storage.now)

    assert used(world, "Archive LRS Early Delete") == Decimal(10) * 135 / 30


def test_an_inferred_cool_leaves_without_charge(tmp_path: Path):
    world = a_world(tmp_path, [blob(days=10)], rule("r", tierToArchive=since(10)), properties={"accessTier": "Cool"})

    assert after(world, 2) == {"x": "Archive"}
    assert used(world, "Cool LRS Early Delete") == 0


def test_people_bring_back_what_was_archived_and_pay_for_it(tmp_path: Path):
    crowd = Crowd("serving", "data", "f/", 40, 100.0)
    world = a_world(tmp_path, [crowd], rule("r", tierToArchive=unread(0)))

    after(world, 20)

    assert used(world, "Archive Data Retrieval") > 0
    assert used(world, "Archive LRS Early Delete") > 0


def test_a_read_brings_a_blob_back_from_cool_once_in_thirty_days(tmp_path: Path):
    back = rule("r", tierToCool=unread(1))
    back["definition"]["actions"]["baseBlob"]["enableAutoTierToHotFromCool"] = True
    world = a_world(tmp_path, [blob()], back)
    holding = world.storage.of(account(world))
    tiers = []

    import numpy as np

    for _ in range(3):
        cooled = after(world, 3)["x"]
        holding.read_by_people(np.array([0]), np.array([world.storage.now]), np.array([1]), world.storage.now)
        tiers.append((cooled, after(world, 0)["x"]))

    assert tiers == [("Cool", "Hot"), ("Cool", "Cool"), ("Cool", "Cool")]


def test_small_blobs_are_billed_as_128_kib_outside_hot_from_july_2027_on(tmp_path: Path):
    told = [blob(str(number), size=1024, tier="Cool") for number in range(100)]
    world = a_world(tmp_path, told)

    before = world.storage.of(account(world)).totals[1]
    after(world, 230)

    assert (before, world.storage.of(account(world)).totals[1]) == (100 * 1024, 100 * 128 * 1024)


EVERY_RULE = rule("r", tierToCool=unread(20), tierToCold=unread(60), tierToArchive=unread(150))


def test_a_month_at_once_is_charged_like_a_month_hour_by_hour(tmp_path: Path):
    crowds = [Crowd(habit, "data", f"{habit}/", 30, 50.0, new_a_day=1) for habit in ("training", "serving", "reports")]
    at_once, slowly = a_world(tmp_path / "a", crowds, EVERY_RULE), a_world(tmp_path / "b", crowds, EVERY_RULE)

    tiers = after(at_once, 30)
    for _ in range(30 * 4):
        also = after(slowly, 0.25)

    assert tiers == also
    assert paid(at_once) == pytest.approx(paid(slowly), rel=Decimal("1e-9"))


def test_what_people_read_before_is_noted_as_it_would_have_been(tmp_path: Path):
    crowds = [Crowd("serving", "data", "f/", 50, 10.0, youngest=30)]
    lived = a_world(tmp_path / "a", crowds)
    after(lived, 5)
    blobs = lived.storage.of(account(lived)).blobs

    from finops.simulator.storage.crowds import reads_on

    day = lived.storage.now // 1440 - 1
    rows, _, _ = reads_on(blobs, day)

    assert len(rows)
    assert (blobs.accessed[rows] >= day * 1440 - 1440).all()


def report(world: World, **changed: Any) -> tuple[dict[str, Any], bytes, bytes]:
    """Let the account report on itself once; the manifest, its checksum, and the report."""
    definition = {
        "filters": {"blobTypes": ["blockBlob"]},
        "format": "Csv",
        "schedule": "Daily",
        "objectType": "Blob",
        "schemaFields": ["Name", "Content-Length", "AccessTier", "AccessTierInferred", "LastAccessTime"],
        **changed,
    }
    one = {"enabled": True, "name": "nightly", "destination": "inventory", "definition": definition}
    policy = {"enabled": True, "type": "Inventory", "rules": [one]}
    world.resources.put(world.storage.container_body(account(world), "inventory", {}))
    properties = {"policy": policy, "lastModifiedTime": AS_OF.isoformat()}
    world.resources.put({"id": f"{ACCOUNT}/inventoryPolicies/default", "properties": properties})
    after(world, 1.5)
    blobs = world.storage.of(account(world)).blobs
    content = {blobs.names[row].rpartition("-")[2]: blobs.content[row] for row in blobs.content}
    manifest = json.loads(content["manifest.json"])
    part = blobs.find("inventory", manifest["files"][0]["blob"])
    assert part is not None
    return manifest, content["manifest.checksum"], blobs.content[part]


def test_a_report_lists_every_blob_with_odd_names_quoted(tmp_path: Path):
    names = ['a,b "c"', "new\nline", "🧊"]
    manifest, _, content = report(a_world(tmp_path, [blob(name) for name in names]))

    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))

    assert [row["Name"] for row in rows] == [f"data/{name}" for name in names]
    assert manifest["summary"] == {"objectCount": 3, "totalObjectSize": 3 * GIB}
    assert (rows[0]["AccessTier"], rows[0]["AccessTierInferred"]) == ("Hot", "true")


def test_the_checksum_is_that_of_the_manifest(tmp_path: Path):
    world = a_world(tmp_path, [blob()])
    _, checksum, _ = report(world)
    blobs = world.storage.of(account(world)).blobs

    written = next(content for row, content in blobs.content.items() if blobs.names[row].endswith("manifest.json"))

    assert checksum.decode() == hashlib.md5(written, usedforsecurity=False).hexdigest()


def test_a_parquet_report_has_times_in_milliseconds(tmp_path: Path):
    import pyarrow.parquet

    _, _, content = report(a_world(tmp_path, [blob(accessed=ago(3))]), format="Parquet")

    table = pyarrow.parquet.read_table(io.BytesIO(content))
    assert str(table.schema.field("LastAccessTime").type) == "timestamp[ms, tz=UTC]"
    assert table.column("LastAccessTime")[0].as_py() == AS_OF - timedelta(days=3)


def test_a_report_into_a_container_that_is_not_there_is_not_written(tmp_path: Path):
    world = a_world(tmp_path, [blob()])
    report(world)
    world.resources.delete(f"{ACCOUNT}/blobServices/default/containers/inventory")

    found = after(world, 3)

    assert found == {"x": "Hot"}


def test_containers_are_reported_too(tmp_path: Path):
    fields = ["Name", "Last-Modified", "HasLegalHold"]
    world = a_world(tmp_path, [blob(), {**blob(), "container": "other"}])

    _, _, content = report(world, objectType="Container", filters={}, schemaFields=fields)

    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [(row["Name"], row["HasLegalHold"]) for row in rows] == [
        ("data", "false"),
        ("inventory", "false"),
        ("other", "false"),
    ]
