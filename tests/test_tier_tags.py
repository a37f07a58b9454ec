"""Index tags in rules: asked for where they tell blobs apart that lie together, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient
from estates import PROD
from storing import AS_OF, GROUP, NAME, rule, storage_estate
from test_tier_policy import ACCOUNT as ACCOUNT_BODY
from test_tier_policy import our_rule
from tier_estates import reported
from tier_inventories import ACCOUNT, FIELDS, NOW, blob, write_inventory
from tier_prices import sample_rates
from tier_rulesets import optimum_of, plan_of, rules_of
from wire_clients import AllowHttp, Token

from finops.simulator import serving
from finops.simulator.storage.rules import checked
from finops.tiering.cover import NEVER, Cover, cover, ground, shapes, state_of
from finops.tiering.explain import explain
from finops.tiering.inventory import read_inventory
from finops.tiering.model import Protected
from finops.tiering.policy import conflicts, merged
from finops.tiering.rules import compress
from finops.tiering.schema import MARK, parted

GB = 2**30
DONE, LIVE = f"runs/all/{MARK}state=done{MARK}", f"runs/all/{MARK}state=live{MARK}"


def tagged(path: str, written: float, used: float | None, **tags: str) -> dict[str, Any]:
    return blob(path, 4 * GB, written, used, Tags=json.dumps(tags))


# In one folder: what runs left behind and nobody reads again, and what is read every few weeks.
MIXED = [
    *[tagged(f"runs/all/{n}", 500, 480 - 4 * n, state="done", run=str(n)) for n in range(110)],
    *[tagged(f"runs/all/live-{n}", 500, (7 * n) % 40 + 1, state="live", run=f"l{n}") for n in range(110)],
]


def areas(folder: Path, rows: list[dict[str, Any]], **more: Any) -> set[tuple[str, str]]:
    place = write_inventory(folder, rows, format="parquet", **more)
    with read_inventory([place], ACCOUNT, NOW, folder / "spool") as inventory:
        found = inventory.connection.execute("SELECT DISTINCT area FROM used").fetchall()
    return {parted(str(area)) for (area,) in found}


def test_a_tag_whose_values_differ_in_age_makes_areas(tmp_path: Path):
    assert areas(tmp_path, MIXED) == {("runs/all/", "state=done"), ("runs/all/", "state=live")}


def test_a_tag_that_tells_nothing_of_age_makes_none(tmp_path: Path):
    rows = [tagged(f"runs/all/{n}", 500, 480 - 2 * n, team="ab"[n % 2]) for n in range(200)]

    assert areas(tmp_path, rows) == {("runs/all/", "")}


def test_a_tag_with_as_many_values_as_blobs_makes_none(tmp_path: Path):
    rows = [tagged(f"runs/all/{n}", 500, 480 - 2 * n, run=str(n)) for n in range(200)]

    assert areas(tmp_path, rows) == {("runs/all/", "")}


@pytest.mark.parametrize("tags", ["state=done", "[]", '{"state": 1}', '{"state": "do\\u001fne"}', "{", ""])
def test_tags_that_are_not_as_we_know_them_make_no_area_and_no_fault(tmp_path: Path, tags: str):
    rows = [{**row, "Tags": tags} if number < 50 else row for number, row in enumerate(MIXED)]

    assert {path for path, _ in areas(tmp_path, rows)} == {"runs/all/"}


def test_an_inventory_without_tags_has_areas_of_prefixes_alone(tmp_path: Path):
    assert areas(tmp_path, MIXED, fields=[name for name in FIELDS if name != "Tags"]) == {("runs/all/", "")}


def test_where_one_value_saves_and_another_loses_the_rule_asks_for_the_tag():
    saved = np.zeros((2, NEVER, 3))
    saved[0], saved[1] = 1.0, -5.0
    of = ground((DONE, LIVE), saved, np.zeros(saved.shape, bool), ())

    chosen = cover(of, shapes(7, ("Cold",)), 10, 0.5)

    assert [of.tags[each.tag] for each in chosen] == ["state=done"]


def test_where_both_values_save_alike_the_rule_asks_for_none():
    saved = np.ones((2, NEVER, 3))
    of = ground((DONE, LIVE), saved, np.zeros(saved.shape, bool), ())

    chosen = cover(of, shapes(7, ("Cold",)), 10, 0.5)

    assert [each.tag for each in chosen] == [0]


def test_rules_by_tag_reach_what_prefixes_alone_do_not(tmp_path: Path):
    found = rules_of(tmp_path, MIXED)

    assert any(rule.tags == (("state", "done"),) for rule in found.rules)
    assert found.share is not None
    assert found.share > 0.95


def test_rules_by_tag_keep_what_prefixes_alone_lose_where_ages_overlap():
    saved = np.zeros((2, NEVER, 3))
    saved[0, 6:15], saved[1, 6:12] = 1.0, -0.7
    asking = ground((DONE, LIVE), saved, np.zeros(saved.shape, bool), ())
    plain = replace(asking, tags=("",), tagged=np.zeros(2, int))

    by_tag, by_prefix = (
        float(Cover(of, []).worth(state_of(of, cover(of, shapes(7, ("Cold",)), 10, 0.01))).sum())
        for of in (asking, plain)
    )

    assert by_tag == pytest.approx(9.0)
    assert by_prefix == pytest.approx(9 - 6 * 0.7)


def test_a_rule_by_tag_is_what_azure_takes(tmp_path: Path):
    made = plan_of(tmp_path, MIXED)

    asked = [each["definition"]["filters"].get("blobIndexMatch") for each in made.policy["rules"]]

    assert [{"name": "state", "op": "==", "value": "done"}] in asked
    assert checked(made.policy, ACCOUNT_BODY)


def test_a_rule_says_which_tag_it_asks_for():
    ours = our_rule(tags=(("state", "done"),))

    assert (ours.takes, our_rule().takes) == ("data/; index tag state = done", "data/")


def test_a_protected_folder_stays_out_of_rules_by_tag(tmp_path: Path):
    rows = MIXED + [tagged(f"runs/all/deep/{n}", 900, None, state="done") for n in range(20)]
    guard = Protected("runs", "all/deep/", "a job reads it", "test")

    found = compress(optimum_of(tmp_path, rows, [guard]), sample_rates(), NAME, [guard])

    assert not any("runs/all/deep/x".startswith(prefix) for rule in found.rules for prefix in rule.prefixes)


def test_only_blobs_with_the_tag_are_said_to_be_moved_by_its_rule(tmp_path: Path):
    optimum = optimum_of(tmp_path, MIXED)
    rules = [our_rule(("Archive", 30), prefixes=("runs/",), tags=(("state", "done"),))]

    lots = explain(optimum, rules, (), "runs/")

    assert sum(lot.blobs for lot in lots if lot.rule) == 110
    assert {lot.blobs for lot in explain(optimum, rules, (), "runs/all/live-6") if lot.rule} == set()


def test_rules_for_different_values_of_one_tag_do_not_get_in_each_others_way():
    ours = our_rule(("Archive", 180), tags=(("state", "done"),))
    theirs = rule("theirs", ["data/"], tierToHot={"daysAfterCreationGreaterThan": 1})
    asks = {"name": "state", "op": "==", "value": "live"}
    apart = json.loads(json.dumps(theirs))
    apart["definition"]["filters"]["blobIndexMatch"] = [asks]
    other = json.loads(json.dumps(theirs))
    other["definition"]["filters"]["blobIndexMatch"] = [asks | {"name": "team"}]

    assert conflicts({"rules": [apart]}, [ours], NAME) == []
    assert conflicts({"rules": [other]}, [ours], NAME)
    assert merged({"rules": [apart]}, [ours], NAME)


def test_in_force_the_rule_moves_what_is_tagged_and_leaves_the_rest(tmp_path: Path):
    def told(name: str, used: int, state: str) -> dict[str, Any]:
        times = {"created": 500, "modified": 500, "accessed": used}
        when = {field: (AS_OF - timedelta(days=days)).isoformat() for field, days in times.items()}
        return {"container": "runs", "name": f"all/{name}", "bytes": 4 * GB, "tags": {"state": state}, **when}

    rows = [told(f"{n}", 440 - 4 * n, "done") for n in range(100)]
    rows += [told(f"live-{n}", (7 * n) % 40 + 1, "live") for n in range(100)]
    with serving(storage_estate(tmp_path / "estate", rows)) as served:
        folder = reported(served, tmp_path / "inventory")
        with read_inventory([folder], NAME, served.world.clock.now(), tmp_path / "spool") as inventory:
            found = inventory.connection.execute("SELECT DISTINCT area FROM used").fetchall()
        policy = merged(None, [our_rule(("Cold", 60), prefixes=("runs/all/",), tags=(("state", "done"),))], NAME)
        with StorageManagementClient(
            Token(), PROD, base_url=served.url, credential_scopes=["x/.default"],
            per_call_policies=[AllowHttp()], retry_total=0,
        ) as client:  # fmt: skip
            body: Any = {"properties": {"policy": policy}}
            client.management_policies.create_or_update(GROUP, NAME, "default", body)
        served.world.clock.advance(hours=24 * 70)
        with ContainerClient(f"{served.url}/{NAME}", "runs", retry_total=0) as container:
            tiers = {each.name: str(each.blob_tier) for each in container.list_blobs()}

    assert {parted(str(area))[1] for (area,) in found} == {"state=done", "state=live"}
    assert {tiers[name] for name in tiers if "live" not in name} == {"Cold"}
    assert {tiers[name] for name in tiers if "live" in name} == {"Hot"}
