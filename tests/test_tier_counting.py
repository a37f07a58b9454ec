"""How often blobs are read on a day on which they are: Monitor's count over what an inventory lets suppose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient
from fake_azure import StillTime
from storing import ACCOUNT, NAME, storage_estate
from tier_estates import reported

from finops import estate
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.simulator import serving
from finops.simulator.serve import Served
from finops.simulator.storage.crowds import Crowd
from finops.tiering.counting import SUPPOSED, Counted, Uncounted, counted
from finops.tiering.inventory import read_inventory
from finops.tiering.looking import Seen, look
from finops.tiering.plan import TierPlan, best, plan

DONE = datetime.fromisoformat("2026-11-23T00:00:00+00:00")
SERVED = Crowd("serving", "features", "tables/", 400, 1200.0, oldest=300)
LOGS = Crowd("logs", "runs", "logs/", 400, 200.0, oldest=400)
LOOKED_AT = Crowd("checkpoints", "runs", "outputs/", 1000, 900.0, oldest=600, per_folder=20)


def seen_on(served: Served) -> Seen:
    now = served.world.clock.now()
    with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
        return look(azure, estate.read(azure, now), NAME, now)


def planned(served: Served, folder: Path, times: float | Counted | Uncounted | None = None) -> TierPlan:
    """times: None for what Monitor counted."""
    inventory = reported(served, folder / "inventory")
    seen, now = seen_on(served), served.world.clock.now()
    with read_inventory([inventory], NAME, now, folder) as found:
        known = seen.times if times is None else times
        chosen = best(seen.account, found, seen.rates, seen.protected, seen.unresolved, times=known)
        return plan(seen.account, found, seen.rates, chosen, None, seen.protected, seen.unresolved)


@contextmanager
def account(folder: Path, *told: Crowd) -> Iterator[Served]:
    with serving(storage_estate(folder / "estate", told)) as served:
        yield served


def test_what_is_read_twenty_times_a_day_is_reckoned_so_and_not_cooled(tmp_path: Path):
    with account(tmp_path, SERVED) as served:
        found = planned(served, tmp_path)

    assert found.often is not None
    assert found.often.source == "monitor"
    assert found.often.reads == pytest.approx(20, rel=0.15)
    assert found.often.part == pytest.approx(1, rel=0.1)
    assert found.rules == ()


def test_a_plan_says_where_its_reads_a_day_come_from(tmp_path: Path):
    with account(tmp_path, SERVED) as served:
        found = planned(served, tmp_path)

    assert any("Monitor counted from 2026-08-25 to 2026-11-22" in note for note in found.notes)


def test_a_plan_says_from_how_many_reads_on_its_rules_save_nothing(tmp_path: Path):
    with account(tmp_path, LOOKED_AT) as served:
        found = planned(served, tmp_path)

    assert found.bearable is not None
    assert found.bearable > 10
    assert any("save nothing any more where it is" in note for note in found.notes)


def test_where_nobody_knows_data_that_is_served_is_neither_in_cool_nor_in_cold(tmp_path: Path):
    with account(tmp_path, SERVED) as served:
        found = planned(served, tmp_path, Uncounted("Monitor was not asked"))

    assert {tier for rule in found.rules for tier, _ in rule.days} <= {"Archive"}
    assert any(f"{SUPPOSED:.0f} reads" in note and "Monitor was not asked" in note for note in found.notes)


def test_an_account_that_nobody_read_is_no_reason_to_suppose_the_worst(tmp_path: Path):
    with account(tmp_path, Crowd("archive", "raw", "frames/", 200, 2400.0, youngest=200, oldest=1200)) as served:
        found = planned(served, tmp_path, Counted(served.world.clock.now() - timedelta(days=90), DONE, {}, {}))

    assert found.often is not None
    assert (found.often.reads, found.often.source) == (1.0, "monitor")
    assert any("nothing was read" in note for note in found.notes)


def test_a_setting_goes_before_the_count(tmp_path: Path):
    with account(tmp_path, SERVED) as served:
        found = planned(served, tmp_path, 3.0)

    assert found.often is not None
    assert (found.often.reads, found.often.source) == (3.0, "setting")


def test_counts_that_end_before_the_inventory_prove_nothing(tmp_path: Path):
    with account(tmp_path, SERVED) as served:
        end = served.world.clock.now() + timedelta(days=60)
        later = Counted(end - timedelta(days=50), end, {end: 5.0}, {end: 5.0})
        found = planned(served, tmp_path, later)

    assert found.often is not None
    assert found.often.source == "supposed"


def test_monitor_that_may_not_be_read_is_said_with_its_reason(tmp_path: Path):
    with account(tmp_path, LOGS) as served:
        seen = seen_on(served)
        served.faults.add({"fault": "403", "path": "metrics:getBatch"})
        with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
            found = counted(azure, seen.account, served.world.clock.now())

    assert isinstance(found, Uncounted)
    assert "AuthorizationFailed" in found.reason


def test_the_simulator_counts_each_read_over_http_with_its_bytes(tmp_path: Path):
    blob = {"container": "data", "name": "a", "bytes": 1000, "created": "2026-01-01T00:00:00Z"}
    with serving(storage_estate(tmp_path / "estate", [blob])) as served:  # type: ignore[list-item]
        seen = seen_on(served)
        with BlobClient(f"{served.url}/{NAME}", "data", "a", retry_total=0) as client:
            client.download_blob().readall()
            client.download_blob(0, 10).readall()
        served.world.clock.advance(hours=48)
        with connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure:
            found = counted(azure, seen.account, served.world.clock.now())

    assert isinstance(found, Counted)
    day = datetime.fromisoformat("2026-11-22T00:00:00+00:00")
    assert (found.reads, found.bytes) == ({day: 2.0}, {day: 1010.0})
    assert seen.account.id == ACCOUNT.lower()
