"""Rehearsals on recorded months: what a series of inventories tells, and `finops tier rehearse`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from storing import NAME, storage_estate
from tier_estates import reported
from tier_inventories import write_inventory

from finops.cli import cli
from finops.errors import DataError
from finops.simulator import serving
from finops.simulator.storage.crowds import Crowd
from finops.tiering.recording import Record, record
from finops.tiering.rehearsal import FORESIGHT, NOTHING, OURS, Read, Recorded

START = datetime.fromisoformat("2026-08-01T02:00:00+00:00")
NOW = START + timedelta(days=100)
GB = 2**30


def row(name: str, written: float, used: float | None = None, size: int = GB, **more: Any) -> dict[str, Any]:
    """A blob written and used so many days after the record began (below 0: before)."""
    made = START + timedelta(days=written)
    last = made if used is None else START + timedelta(days=used)
    return {"Name": name, "Creation-Time": made, "Last-Modified": made, "Content-Length": size, "BlobType": "BlockBlob",
            "AccessTier": "Hot", "AccessTierInferred": True, "LastAccessTime": last} | more  # fmt: skip


def recorded(folder: Path, *runs: tuple[int, list[dict[str, Any]]]) -> Record:
    """The record of inventories, each of some days after it began."""
    for day, rows in runs:
        write_inventory(folder / "in", rows, account=NAME, at=START + timedelta(days=day), format="parquet")
    return record([folder / "in"], NAME, NOW, folder / "spool")


def test_a_later_last_access_is_a_read_on_its_day(tmp_path: Path):
    kept = row("data/kept", -300, -200)

    found = recorded(
        tmp_path,
        (0, [row("data/a", -100, -50), kept]),
        (20, [row("data/a", -100, 12.5), kept]),
        (40, [row("data/a", -100, 33), kept]),
    )

    assert found.reads == (Read("data/a", 12), Read("data/a", 33))
    assert set(found.blobs) == {
        Recorded("data/a", GB, 50, 100),
        Recorded("data/kept", GB, 200, 300),
    }
    assert (found.days, found.runs, found.apart, found.gone) == (40, 3, 20, 0)


def test_a_blob_written_meanwhile_is_there_from_its_day_on(tmp_path: Path):
    old = row("data/old", -9)

    found = recorded(tmp_path, (0, [old]), (30, [old, row("data/new", 11)]), (40, [old, row("data/new", 11, 35)]))

    assert found.blobs[1].written == -11
    assert found.reads == (Read("data/new", 35),)


def test_blobs_that_were_deleted_or_written_anew_are_left_out_and_counted(tmp_path: Path):
    found = recorded(
        tmp_path,
        (0, [row("data/deleted", -9), row("data/anew", -9), row("data/kept", -9)]),
        (40, [row("data/anew", 20), row("data/kept", -9)]),
    )

    assert [blob.path for blob in found.blobs] == ["data/kept"]
    assert found.gone == 2


def test_a_blob_that_may_not_be_moved_is_not_in_the_record(tmp_path: Path):
    rows = [row("data/a", -9), row("data/held", -9, LegalHold=True)]

    found = recorded(tmp_path, (0, rows), (40, [row("data/a", -9), row("data/held", -9)]))

    assert [blob.path for blob in found.blobs] == ["data/a"]


@pytest.mark.parametrize("days", [[0], [0, 27]])
def test_a_record_of_less_than_four_weeks_is_refused(tmp_path: Path, days: list[int]):
    with pytest.raises(DataError, match=f"{len(days)} whole inventories of {NAME}, over {days[-1]} days"):
        recorded(tmp_path, *((day, [row("data/a", -9)]) for day in days))


def test_a_record_without_reads_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="does not tell when blobs were read"):
        recorded(tmp_path, *((day, [row("data/a", -9, LastAccessTime=None)]) for day in (0, 40)))


def test_an_inventory_that_is_not_whole_is_left_out_and_named(tmp_path: Path):
    for day in (0, 30, 60):
        place = write_inventory(tmp_path / "in", [row("data/a", -9)], account=NAME, at=START + timedelta(days=day))
    next(place.glob("*.csv")).write_text("cut")

    found = record([tmp_path / "in"], NAME, NOW, tmp_path / "spool")

    assert (found.runs, found.days) == (2, 30)
    assert "bytes instead of" in found.faults[0]


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, Any], float]:
    """The table, its JSON, and what was charged for the account in the days of the record."""
    place = tmp_path_factory.mktemp("rehearsed")
    told = [Crowd("checkpoints", "runs", "outputs/", 300, 900.0, oldest=600, per_folder=20),
            Crowd("archive", "raw", "frames/", 200, 2400.0, youngest=200, oldest=1200)]  # fmt: skip
    with serving(storage_estate(place / "estate", told)) as served:
        reported(served, place / "first")
        for _ in range(21):
            served.world.clock.advance(days=2)
            served.world.settle()
        reported(served, place / "all")
        asked = ["tier", "rehearse", "--account", NAME, "--inventory", str(place / "all"), "--azure", served.url]
        table = CliRunner().invoke(cli, asked)
        found = json.loads(CliRunner().invoke(cli, [*asked, "-o", "json"]).stdout)[0]
        rows = served.world.charges.used().select(["ChargePeriodStart", "x_SkuMeterName", "BilledCost"]).to_pylist()
    first, last = (datetime.fromisoformat(found[name]) for name in ("from", "to"))
    paid = sum(
        float(each["BilledCost"])
        for each in rows
        if first.date() <= each["ChargePeriodStart"].date() < last.date() and "Data Stored" in each["x_SkuMeterName"]
    )
    return table, found, paid


def test_the_table_fits_eighty_columns_and_has_every_way(rehearsed: tuple[Result, dict[str, Any], float]):
    table, _, _ = rehearsed

    assert table.exit_code == 0, table.output
    assert all(len(line) <= 80 for line in table.stdout.splitlines())
    for way in ("do nothing", "our rules", "30 / 90 / 180 days", "smart tier", "all-knowing"):
        assert way in table.stdout


def test_reads_of_a_day_count_as_often_as_the_settings_say(tmp_path: Path):
    told = [Crowd("checkpoints", "runs", "outputs/", 40, 900.0, oldest=600, per_folder=20)]
    for day, used in ((0, -150), (40, 20)):
        rows = [row(f"data/{n}", -200, used) for n in range(2000)]
        write_inventory(tmp_path / "in", rows, account=NAME, at=START + timedelta(days=day), format="parquet")
    (tmp_path / "finops.yaml").write_text(f"tiering: {{reads_a_day: {{{NAME}: 4}}}}")

    def cost(*more: str) -> list[float]:
        asked = ["tier", "rehearse", "--inventory", str(tmp_path / "in"), "--azure", served.url, "-o", "json", *more]
        ways = json.loads(CliRunner().invoke(cli, asked, catch_exceptions=False).stdout)[0]["ways"]
        return [float(each["operations"]) for each in ways if each["way"] == NOTHING]

    with serving(storage_estate(tmp_path / "estate", told)) as served:
        plain, often = cost(), cost("--config", str(tmp_path / "finops.yaml"))

    assert often == pytest.approx([4 * each for each in plain], abs=1e-5)
    assert plain == [pytest.approx(2000 * 0.0044 / 10_000, abs=1e-5)]


def test_doing_nothing_is_reckoned_as_it_was_charged(rehearsed: tuple[Result, dict[str, Any], float]):
    _, found, paid = rehearsed

    nothing = next(each for each in found["ways"] if each["way"] == NOTHING)

    assert float(nothing["stored"]) == pytest.approx(paid, rel=0.03)


def test_rules_planned_as_the_record_began_save_and_not_more_than_is_possible(
    rehearsed: tuple[Result, dict[str, Any], float],
):
    _, found, _ = rehearsed
    saved = {each["way"]: float(each["saved"]) for each in found["ways"] if "saved" in each}

    assert found["days"] >= 40
    assert found["rules"]
    assert 0 < saved[OURS] <= saved[FORESIGHT]
