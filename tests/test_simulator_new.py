"""An invented estate is the same for the same seed, adds up, and tells the story it was made to tell."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from living import live, told

from finops.cli import cli
from finops.errors import UsageError
from finops.simulator import new_estate
from finops.simulator.world import World

ML = "microsoft.machinelearningservices/workspaces"


@pytest.fixture(scope="module")
def small(small_estate: Path) -> Path:
    return small_estate


@pytest.fixture
def world(small: Path) -> World:
    return World.load(small)


@pytest.fixture(scope="module")
def truth(small: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((small / "ground-truth.json").read_text())["planted"]
    return found


def contents(folder: Path) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def rows_of(world: World, *columns: str) -> list[dict[str, Any]]:
    """These columns of everything that Cost Management tells now."""
    found: list[dict[str, Any]] = world.charges.published(world.clock.now()).select(list(columns)).to_pylist()
    return found


def by_cost_center(world: World, start: str, end: str) -> dict[str, Decimal]:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    totals: dict[str, Decimal] = {}
    for row in rows_of(world, "Tags", "EffectiveCost", "ChargePeriodStart"):
        if first <= row["ChargePeriodStart"] < last:
            owner = json.loads(row["Tags"] or "{}").get("CostCenter", "(untagged)")
            totals[owner] = totals.get(owner, Decimal(0)) + row["EffectiveCost"]
    return totals


def test_the_same_arguments_write_the_same_bytes(small: Path, tmp_path: Path):
    new_estate(tmp_path / "again", seed=7, size="small")

    assert contents(tmp_path / "again") == contents(small)


def test_it_is_small(small: Path):
    assert sum(file.stat().st_size for file in small.rglob("*") if file.is_file()) < 10_000_000


def test_it_has_what_a_company_has(world: World):
    kinds = {
        "subscriptions": 3,
        "resourcegroups": 15,
        ML: 6,
        f"{ML}/onlineendpoints": 20,
        f"{ML}/onlineendpoints/deployments": 20,
        f"{ML}/batchendpoints": 3,
        "microsoft.containerregistry/registries": 6,
        "microsoft.storage/storageaccounts": 6,
        "microsoft.authorization/locks": 4,
    }

    computes = [body["properties"]["computeType"] for body in world.resources.of_type(f"{ML}/computes")]

    assert {kind: len(world.resources.of_type(kind)) >= least for kind, least in kinds.items()} == dict.fromkeys(
        kinds, True
    )
    assert computes.count("AmlCompute") == 37
    assert computes.count("ComputeInstance") == 28


def test_a_month_costs_what_such_a_company_pays(world: World):
    october = sum(by_cost_center(world, "2026-10-01", "2026-11-01").values())

    assert 20_000 < october < 40_000


def test_last_week_has_a_story(world: World):
    before = by_cost_center(world, "2026-11-01", "2026-11-08")
    after = by_cost_center(world, "2026-11-08", "2026-11-15")

    changes = sorted(after, key=lambda owner: after[owner] - before[owner])
    assert changes[-1] == "vision"
    assert changes[0] == "forecasting"
    assert after["vision"] > 3 * before["vision"]
    assert after["(untagged)"] > 100


def test_what_is_served_at_first_is_what_the_files_hold(world: World, small: Path):
    import duckdb

    files = duckdb.sql(f"SELECT sum(BilledCost), count(*) FROM read_parquet('{small}/charges/*.parquet')").fetchall()
    served = world.charges.published(world.clock.now())

    assert files == [(sum(served.column("BilledCost").to_pylist()), served.num_rows)]


def test_costs_are_quantity_times_price_to_the_last_digit(world: World):
    rows = rows_of(world, "BilledCost", "PricingQuantity", "x_BilledUnitPrice", "EffectiveCost", "x_EffectiveUnitPrice")

    for row in rows:
        assert row["BilledCost"] == row["PricingQuantity"] * row["x_BilledUnitPrice"]
        assert row["EffectiveCost"] == row["PricingQuantity"] * row["x_EffectiveUnitPrice"]


def test_its_charges_have_the_traps_of_real_ones(world: World):
    rows = rows_of(world, "ResourceId", "ChargeCategory", "ChargeClass", "PricingCategory", "CommitmentDiscountType",
                   "x_PublisherCategory", "BilledCost", "Tags")  # fmt: skip

    ids = {row["ResourceId"] for row in rows}
    assert len(ids) > len({text.lower() for text in ids})
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Purchase"}
    assert {row["PricingCategory"] for row in rows} == {"Standard", "Dynamic", "Committed"}
    assert {row["CommitmentDiscountType"] for row in rows} == {None, "Reservation", "Savings plan"}
    assert {row["x_PublisherCategory"] for row in rows} == {"Cloud Provider", "Vendor"}
    assert any(row["BilledCost"] < 0 and row["ChargeClass"] == "Correction" for row in rows)
    assert any(-row["BilledCost"].normalize().as_tuple().exponent > 9 for row in rows)
    assert any(row["Tags"] is None for row in rows)


def test_what_is_covered_by_a_commitment_is_not_billed_again(world: World):
    rows = rows_of(world, "PricingCategory", "ChargeCategory", "BilledCost", "EffectiveCost")

    covered = [row for row in rows if row["PricingCategory"] == "Committed" and row["ChargeCategory"] == "Usage"]
    assert sum(row["BilledCost"] for row in covered) == 0
    assert sum(row["EffectiveCost"] for row in covered) > 100


def test_everything_planted_is_there(world: World, truth: list[dict[str, Any]], small: Path):
    images = "".join(file.read_text() for file in (small / "images").iterdir())

    kinds = {fact["kind"] for fact in truth}
    missing = [fact for fact in truth if fact["id"] not in world.resources and fact["id"].split("@")[-1] not in images]
    assert missing == []
    assert kinds >= {"cost-anomaly", "dedicated-dev-cluster", "misspelt-tag", "slow-scale-down", "unknown-metric",
                     "untagged"}  # fmt: skip


def test_a_silent_endpoint_is_silent_and_its_neighbours_are_not(world: World, truth: list[dict[str, Any]]):
    silent = {fact["id"].lower(): fact["since"] for fact in truth if fact["kind"] == "endpoint-without-requests"}
    unknown = {fact["id"].lower(): fact for fact in truth if fact["kind"] == "unknown-metric"}
    now = world.clock.now()

    for body in world.resources.of_type(f"{ML}/onlineendpoints"):
        key = body["id"].lower()
        start = datetime.fromisoformat(silent.get(key, "2026-11-03T12:00:00Z"))
        points = world.metrics.points(key, "RequestsPerMinute", start, now)
        if "why" in unknown.get(key, {}):
            assert 0 < len(points) < 0.95 * 14 * 24
        elif key in unknown or not world.resources.children(key):
            assert points == []
        elif key in silent:
            assert {point["total"] for point in points} == {0.0}


def test_a_week_that_is_lived_is_billed_like_the_weeks_before(world: World):
    before = told(world)

    live(world, days=9)

    week = by_cost_center(world, "2026-11-17", "2026-11-24")
    assert 5_000 < sum(week.values()) < 12_000
    assert told(world) > before


def test_what_the_runaway_cluster_costs_ends_when_its_minimum_is_lowered(world: World, truth: list[dict[str, Any]]):
    [cause] = [fact["id"] for fact in truth if fact["kind"] == "cost-anomaly"]
    body = json.loads(json.dumps(world.resources.get(cause)))

    body["properties"]["properties"]["scaleSettings"]["minNodeCount"] = 0
    world.resources.put(body)
    live(world, days=9)

    week = by_cost_center(world, "2026-11-18", "2026-11-25")
    assert week["vision"] < 600


def test_another_moment_can_be_looked_at(tmp_path: Path):
    new_estate(tmp_path / "june", seed=3, size="small", as_of=datetime(2026, 6, 2, tzinfo=UTC))

    world = World.load(tmp_path / "june")
    assert world.clock.now() == datetime(2026, 6, 2, tzinfo=UTC)
    assert told(live(world, hours=12)) > 0


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"):
        new_estate(tmp_path)


def test_the_command_refuses_a_size_that_there_is_not(tmp_path: Path):
    result = CliRunner().invoke(cli, ["simulate", "new", str(tmp_path / "x"), "--size", "huge"])

    assert result.exit_code == 2
    assert "small" in result.output


def test_an_account_that_was_asked_to_have_blobs_shows_tiering_at_work(tmp_path: Path):
    done = CliRunner().invoke(cli, ["simulate", "new", str(tmp_path / "it"), "--blobs", "2000"])
    [held] = (tmp_path / "it" / "blobs").glob("*.jsonl")

    told = CliRunner().invoke(
        cli, ["tier", "plan", "--estate", str(tmp_path / "it"), "--account", held.stem, "-o", "json"]
    )

    assert done.exit_code == 0, done.output
    [plan] = json.loads(told.stdout)
    assert plan["rules"]
    assert plan["movedBlobs"] > 100
