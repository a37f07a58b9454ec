"""Plans of tiers over a served account that reported on its blobs: figures, rules, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient
from estates import PROD, subscription, write_estate
from fake_azure import StillTime
from storing import ACCOUNT, AS_OF, GROUP, NAME, rule, storage_estate
from tier_estates import reported
from wire_clients import AllowHttp, Token

from finops import estate
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.errors import DataError, UsageError
from finops.simulator import serving
from finops.simulator.serve import Served
from finops.tiering.explain import Lot, explain
from finops.tiering.inventory import LAST_ACCESS, read_inventory
from finops.tiering.looking import Seen, look
from finops.tiering.model import GB, Protected
from finops.tiering.plan import TierPlan, best, plan
from finops.tiering.rules import LifecycleRule, named

Json = dict[str, Any]


@dataclass(frozen=True)
class World:
    served: Served
    folder: Path
    seen: Seen

    def reckoned(self, what: str = "", **changed: Any) -> tuple[TierPlan, tuple[Lot, ...]]:
        """A plan of what was seen, or of `changed`; with the lots of `what`."""
        seen = replace(self.seen, **{name: value for name, value in changed.items() if name != "paths"})
        now = self.served.world.clock.now()
        with read_inventory(changed.get("paths", [self.folder]), NAME, now, self.folder / "spool") as inventory:
            chosen = best(seen.account, inventory, seen.rates, seen.protected, seen.unresolved)
            made = plan(seen.account, inventory, seen.rates, chosen, seen.policy, seen.protected, seen.unresolved)
            return made, explain(chosen, made.rules, seen.protected, what) if what else ()

    def plan(self, **changed: Any) -> TierPlan:
        return self.reckoned(**changed)[0]


def asked(url: str) -> Azure:
    return connect(AzureSettings(endpoint=url), time=StillTime().time)


def looked(served: Served, name: str | None = NAME, protect: Sequence[Protected] = ()) -> Seen:
    now = served.world.clock.now()
    with asked(served.url) as azure:
        return look(azure, estate.read(azure, now), name, now, protect)


@pytest.fixture(scope="module")
def habits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("habits")
    with serving(storage_estate(place / "estate")) as served:
        yield World(served, reported(served, place / "inventory"), looked(served))


@pytest.fixture(scope="module")
def made(habits: World) -> TierPlan:
    return habits.plan()


def blobs(container: str, count: int, days: int, size: int = GB, **more: Any) -> list[Json]:
    when = (AS_OF - timedelta(days=days)).isoformat()
    return [
        {"container": container, "name": f"old/{number:03}", "bytes": size, "created": when, **more}
        for number in range(count)
    ]


def existing(*rules: Json) -> Json:
    return {"properties": {"policy": {"rules": list(rules)}}}


def test_what_is_saved_is_what_keeping_saves_less_moving_and_reading(made: TierPlan):
    assert float(made.net) == pytest.approx(float(made.month) * 12 - float(made.once + made.reads), abs=1e-3)


def test_the_rules_keep_nearly_all_of_the_optimum(made: TierPlan):
    assert made.share is not None
    assert 0.95 <= made.share <= 1
    assert made.net <= made.optimum < made.stay


def test_the_plan_says_what_it_moves(made: TierPlan):
    assert made.moved_blobs == sum(move.blobs for move in made.moves) > 0
    assert {move.before for move in made.moves} == {"Hot"}
    assert (made.blobs, made.basis, made.refusals, made.no_archive) == (1260, "last access", (), "")


def test_moving_is_earned_again_after_the_payback_and_not_a_day_before(made: TierPlan):
    a_day = (made.net + made.once) / made.horizon_days

    assert made.payback_days is not None
    assert a_day * (made.payback_days - 1) < made.once <= a_day * made.payback_days


def test_azure_takes_the_policy_of_a_plan(habits: World, made: TierPlan):
    assert made.policy is not None

    with StorageManagementClient(
        Token(),
        PROD,
        base_url=habits.served.url,
        credential_scopes=["x/.default"],
        per_call_policies=[AllowHttp()],
        retry_total=0,
    ) as client:
        body: Any = {"properties": {"policy": made.policy}}
        kept = client.management_policies.create_or_update(GROUP, NAME, "default", body).as_dict()
        client.management_policies.delete(GROUP, NAME, "default")

    assert [each["name"] for each in kept["properties"]["policy"]["rules"]] == [each.name for each in made.rules]


def test_rules_of_others_stay_as_they_are_and_ours_are_replaced(habits: World, made: TierPlan):
    theirs = rule("theirs", ["nowhere/"], tierToCool={"daysAfterModificationGreaterThan": 12})
    old = named(LifecycleRule("", ("data/",), LAST_ACCESS, (("Cool", 60),), Decimal(0), 0, 0), NAME)

    found = habits.plan(policy=existing(old.body(), theirs))

    assert found.policy is not None
    assert json.dumps(found.policy["rules"][0]) == json.dumps(theirs)
    assert [each["name"] for each in found.policy["rules"][1:]] == [each.name for each in made.rules]
    assert (found.kept, found.replaced) == (("theirs",), (old.name,))
    assert "theirs" in " ".join(found.notes)


def test_a_rule_of_others_that_works_against_ours_is_a_refusal(habits: World):
    theirs = rule("warm", tierToHot={"daysAfterModificationGreaterThan": 12})

    found = habits.plan(policy=existing(theirs))

    assert found.policy is None
    assert "warm" in found.refusals[0]


def test_a_policy_that_is_none_is_an_error_or_a_refusal_but_never_overwritten(habits: World):
    with pytest.raises(DataError, match="no list of named rules"):
        habits.plan(policy={"properties": {"policy": {"rules": "what?"}}})


def test_what_is_protected_is_taken_by_no_rule(habits: World):
    kept = Protected("raw", "frames/", "the archive of frames", "--protect")

    found, lots = habits.reckoned("raw/", protected=(kept,))

    assert [(lot.reason, lot.ruled, lot.blobs) for lot in lots] == [("the archive of frames", "Hot", 200)]
    prefixes = [prefix for each in found.rules for prefix in each.prefixes]
    assert prefixes
    assert not any(prefix.startswith("raw/") or "raw/frames/".startswith(prefix) for prefix in prefixes)


def archived(found: TierPlan) -> bool:
    return any("Archive" in dict(each.days) for each in found.rules) or any(m.after == "Archive" for m in found.moves)


def test_old_blobs_that_nobody_reads_are_archived(made: TierPlan):
    assert archived(made)


def test_nothing_is_archived_while_a_reader_is_not_resolved(habits: World):
    found = habits.plan(unresolved=("job train reads azureml:x:1, and nobody knows where that is.",))

    assert not archived(found)
    assert found.rules
    assert found.no_archive == "what reads its blobs cannot be told"


def test_nothing_is_archived_by_an_inventory_without_its_manifest(habits: World):
    parts = list(habits.folder.rglob("*.parquet"))

    found = habits.plan(paths=parts)

    assert not archived(found)
    assert found.no_archive == "the inventory cannot be known to be whole"
    assert "manifest" in found.notes[0]


def test_rules_by_last_access_are_refused_where_it_is_not_noted_any_more(habits: World):
    found = habits.plan(account=replace(habits.seen.account, tracking=False))

    assert found.policy is None
    assert "last access" in found.refusals[0]


def test_the_same_plan_has_the_same_fingerprint_and_another_one_has_not(habits: World, made: TierPlan):
    again = habits.plan()
    other = habits.plan(policy=existing(rule("theirs", ["x1z/"], delete={"daysAfterModificationGreaterThan": 900})))

    assert again.fingerprint == made.fingerprint
    assert other.fingerprint != made.fingerprint


def test_a_month_and_the_move_cost_what_the_price_list_says(tmp_path: Path):
    # Used on one day, they are one observation: of 540 to 730 days 0.10003 are supposed to be read in the year to come,
    # which is more than the 0.1 that Archive allows, of 730 days and more 0.053.
    told = blobs("raw", 200, 1000, 10 * GB)
    with serving(storage_estate(tmp_path / "estate", told)) as served:
        world = World(served, reported(served, tmp_path / "inventory"), looked(served))
        found = world.plan()

    hot, archive = (world.seen.rates.tiers[tier] for tier in ("Hot", "Archive"))
    assert [(move.before, move.after, move.blobs) for move in found.moves] == [("Hot", "Archive", 200)]
    assert float(found.month) == pytest.approx(float(2000 * (hot.stored_gb - archive.stored_gb)), abs=1e-3)
    assert float(found.once) == pytest.approx(float(200 * archive.write_10k / 10_000), abs=1e-6)
    assert found.worst > 2000 * archive.retrieval_gb


def test_young_blobs_are_left_where_they_are(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", blobs("raw", 5, 1, 1000))) as served:
        world = World(served, reported(served, tmp_path / "inventory"), looked(served))
        found = world.plan()

    assert (found.rules, found.moves, found.policy, found.refusals) == ((), (), None, ())
    assert (found.net, found.once, found.payback_days) == (Decimal(0), Decimal(0), None)


def test_nothing_is_archived_where_reads_are_not_noted(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", blobs("raw", 50, 700), tracked=False)) as served:
        world = World(served, reported(served, tmp_path / "inventory", tracked=False), looked(served))
        found = world.plan()

    assert (found.basis, found.no_archive) == ("modification", "reads are not noted, only writes")
    assert found.rules
    assert not archived(found)
    assert found.noting_month is None


def test_nothing_that_reads_decide_is_said_where_they_are_not_noted(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", blobs("raw", 50, 700), tracked=False)) as served:
        world = World(served, reported(served, tmp_path / "inventory", tracked=False), looked(served))
        found, lots = world.reckoned("raw/")

    assert found.moves
    assert (found.reads, found.net, found.coming, found.optimum, found.share) == (None,) * 5
    assert (found.of_today, found.stay, found.confidence) == (None, None, None)
    assert {(lot.reads, lot.chance) for lot in lots} == {(None, None)}
    assert found.worst > 0


def test_where_reads_are_not_noted_the_costs_of_a_tier_are_without_them(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", blobs("raw", 50, 700), tracked=False)) as served:
        world = World(served, reported(served, tmp_path / "inventory", tracked=False), looked(served))
        (lot,) = world.reckoned("raw/")[1]

    costs = lot.costs or {}
    hot, cold = (world.seen.rates.tiers[tier] for tier in ("Hot", "Cold"))
    assert float(costs["Hot"]) == pytest.approx(float(50 * hot.stored_gb * 12), abs=1e-3)
    moving = 50 * cold.write_10k / 10_000
    assert float(costs["Cold"]) == pytest.approx(float(50 * cold.stored_gb * 12 + moving), abs=1e-3)


def test_the_plan_advises_to_note_reads_first_where_they_are_not(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", blobs("raw", 50, 700), tracked=False)) as served:
        folder, seen = reported(served, tmp_path / "inventory", tracked=False), looked(served)
        off = World(served, folder, seen).plan()
        on = World(served, folder, replace(seen, account=replace(seen.account, tracking=True))).plan()

    assert "Turn last access tracking on first" in off.notes[0]
    assert "LastAccessTime" in on.notes[0]


def test_a_protected_container_that_is_not_there_is_named_with_the_nearest(habits: World):
    with pytest.raises(UsageError, match=r"no container 'raww'.*Did you mean raw"):
        looked(habits.served, protect=[Protected("raww", "frames/", "protected", "--protect")])


def test_a_protected_prefix_that_matches_no_blob_is_noted(habits: World):
    kept = Protected("raw", "fraems/", "protected by --protect raw/fraems/", "--protect")

    found = habits.plan(protected=(kept,))

    assert "No blob is protected by --protect raw/fraems/." in found.notes


def test_the_lifecycle_engine_does_what_was_explained(tmp_path: Path):
    told = [*blobs("raw", 40, 700), *blobs("mixed", 40, 100), *blobs("fresh", 40, 2)]
    with serving(storage_estate(tmp_path / "estate", told)) as served:
        world = World(served, reported(served, tmp_path / "inventory"), looked(served))
        made, lots = world.reckoned("raw/")
        lots += world.reckoned("mixed/")[1] + world.reckoned("fresh/")[1]

        with asked(served.url) as azure:
            azure.put(f"{ACCOUNT}/managementPolicies/default", "2023-05-01", {"properties": {"policy": made.policy}})
        served.world.clock.advance(hours=60)
        with BlobServiceClient(f"{served.url}/{NAME}", retry_total=0) as service:
            places = [service.get_container_client(name) for name in ("raw", "mixed", "fresh")]
            tiers = [{str(blob.blob_tier) for blob in place.list_blobs()} for place in places]

    assert tiers == [{lot.ruled} for lot in lots]
    assert lots[0].ruled == "Archive"
    assert lots[2].ruled == "Hot"


def test_an_explanation_says_what_each_tier_would_cost(habits: World):
    found, lots = habits.reckoned("raw/frames/")

    assert len(lots) == 1
    costs = lots[0].costs
    assert costs is not None
    assert min(costs, key=lambda tier: costs[tier]) == lots[0].best
    assert lots[0].rule in [each.name for each in found.rules]


def test_blobs_that_are_not_considered_are_explained_too(tmp_path: Path):
    told = [*blobs("raw", 20, 700), {**blobs("raw", 1, 700)[0], "name": "held", "hold": True}]
    with serving(storage_estate(tmp_path / "estate", told)) as served:
        world = World(served, reported(served, tmp_path / "inventory"), looked(served))
        _, lots = world.reckoned("raw/held")

    assert [(lot.reason, lot.blobs, lot.costs) for lot in lots] == [("under a legal hold", 1, None)]


def test_what_the_inventory_lacks_cannot_be_explained(habits: World):
    with pytest.raises(DataError, match="no blob 'raw/none'"):
        habits.reckoned("raw/none")


def test_an_account_that_cannot_be_planned_for_is_refused_with_the_reason(tmp_path: Path):
    with (
        serving(storage_estate(tmp_path / "estate", [], kind="BlockBlobStorage", sku="Premium_LRS")) as served,
        pytest.raises(DataError, match="premium block blob account"),
    ):
        looked(served)


def test_the_only_account_needs_no_name(habits: World):
    assert looked(habits.served, None).account.name == NAME


def test_an_account_that_is_not_there_is_named_with_the_nearest(habits: World):
    with pytest.raises(UsageError, match=r"'datalaek'.*Did you mean datalake"):
        looked(habits.served, "datalaek")


def test_without_any_account_nothing_is_guessed(tmp_path: Path):
    with (
        serving(write_estate(tmp_path / "estate", [subscription(PROD, "Production")])) as served,
        pytest.raises(UsageError, match="0 storage accounts"),
    ):
        looked(served, None)


def test_small_blobs_take_longer_to_earn_their_move(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", blobs("raw", 200, 700, 2**20))) as served:
        found = World(served, reported(served, tmp_path / "inventory"), looked(served)).plan()

    a_day = (found.net + found.once) / found.horizon_days
    assert found.payback_days is not None
    assert found.payback_days > 10
    assert a_day * (found.payback_days - 1) < found.once <= a_day * found.payback_days


def test_noting_reads_costs_one_other_operation_for_each(habits: World, made: TierPlan):
    containers = ("data", "runs", "finance", "raw", "features")
    reads = sum(lot.reads or 0 for name in containers for lot in habits.reckoned(f"{name}/")[1])

    price = habits.seen.rates.tiers["Hot"].other_10k
    assert price is not None
    assert made.noting_month is not None
    assert float(made.noting_month) == pytest.approx(float(reads * price) / 10_000 / 12, abs=2e-6)


def test_azures_own_containers_are_protected(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", [*blobs("raw", 1, 700), *blobs("$web", 1, 700)])) as served:
        seen = looked(served)

    assert [(each.container, each.prefix) for each in seen.protected] == [("$web", "")]
