"""Exports and cost details reports: made with Microsoft's own client, read as files."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from wire_cost_estate import SCOPE, an_estate, charge, cost_client

from finops.simulator import serving

ACCOUNT = f"{SCOPE}/resourceGroups/ml-rg/providers/Microsoft.Storage/storageAccounts/costs"


def export(kind: str = "FocusCost", timeframe: str = "MonthToDate", **properties: Any) -> dict[str, Any]:
    destination = {"resourceId": ACCOUNT, "container": "exports", "rootFolderPath": "finance/daily"}
    usual = {
        "format": "Csv",
        "deliveryInfo": {"destination": destination},
        "definition": {"type": kind, "timeframe": timeframe, "dataSet": {"granularity": "Daily"}},
    }
    return {"properties": {**usual, **properties}}


def ran(folder: Path, body: dict[str, Any], **options: Any) -> tuple[dict[str, Any], list[Path]]:
    """The manifest and the parts that it lists, after one run on demand."""
    with serving(folder) as server:
        exports = cost_client(server.url).exports
        exports.create_or_update(SCOPE, "nightly", body)
        exports.execute(SCOPE, "nightly", options or None)
    (manifest,) = (folder / "storage").rglob("manifest.json")
    content = json.loads(manifest.read_text("utf-8"))
    container = folder / "storage" / "costs" / "exports"
    return content, [container / blob["blobName"] for blob in content["blobs"]]


def rows_of(file: Path) -> list[dict[str, str]]:
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return list(csv.DictReader(text.decode("utf-8-sig").splitlines()))


def test_an_export_is_written_read_listed_and_deleted(tmp_path: Path):
    an_estate(tmp_path)

    with serving(tmp_path) as server:
        exports = cost_client(server.url).exports
        exports.create_or_update(SCOPE, "nightly", export())
        kind = exports.get(SCOPE, "nightly").properties.definition.type
        names = [one.name for one in exports.list(SCOPE).value]
        exports.delete(SCOPE, "nightly")
        with pytest.raises(ResourceNotFoundError):
            exports.get(SCOPE, "nightly")

    assert (kind, names) == ("FocusCost", ["nightly"])


def test_a_run_lies_where_azure_puts_it(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "1.5"), charge("2026-10-31", "99")])

    manifest, (part,) = ran(tmp_path, export())

    run = manifest["runInfo"]["runId"]
    where = f"finance/daily/nightly/20261101-20261130/{run}"
    assert part == tmp_path / "storage" / "costs" / "exports" / where / "part_0_0001.csv"
    assert manifest["blobs"] == [
        {"blobName": f"{where}/part_0_0001.csv", "byteCount": part.stat().st_size, "dataRowCount": 1}
    ]


def test_a_focus_export_holds_the_charges_exactly(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "0.009865586851323632"), charge("2026-11-02", "500.00")])

    _, (part,) = ran(tmp_path, export())

    assert [(row["BilledCost"], row["ChargePeriodStart"]) for row in rows_of(part)] == [
        ("0.009865586851323632", "2026-11-01T00:00Z"),
        ("500", "2026-11-02T00:00Z"),
    ]


@pytest.mark.parametrize(("kind", "total"), [("ActualCost", "107"), ("AmortizedCost", "10.25"), ("Usage", "7")])
def test_a_legacy_export_has_its_own_cost(tmp_path: Path, kind: str, total: str):
    bought = charge("2026-11-01", "100", EffectiveCost="0", ChargeCategory="Purchase")
    an_estate(tmp_path, [bought, charge("2026-11-01", "0", EffectiveCost="3.25"), charge("2026-11-01", "7")])

    _, (part,) = ran(tmp_path, export(kind))

    assert sum(Decimal(row["Cost"]) for row in rows_of(part)) == Decimal(total)


def test_a_legacy_export_is_spelled_as_azure_spells_it(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "1.5", tags={"CostCenter": "ml"})])

    _, (part,) = ran(tmp_path, export("ActualCost"))

    (row,) = rows_of(part)
    assert part.read_bytes().startswith(b"\xef\xbb\xbf")
    assert (row["Date"], row["Tags"], row["MeterName"]) == ("11/01/2026", '"CostCenter": "ml"', "NC6s v3 Spot")


def test_a_legacy_export_has_the_headings_of_a_real_one(tmp_path: Path, shared_data: Path):
    an_estate(tmp_path, [charge("2026-11-01", "1.5")])
    real = shared_data / "cost_exports" / "finops_toolkit" / "EA_ActualCost_Small.csv"

    _, (part,) = ran(tmp_path, export("ActualCost"))

    assert part.read_text("utf-8-sig").splitlines()[0] == real.read_text("utf-8-sig").splitlines()[0]


def test_a_large_export_is_cut_into_parts_that_are_all_listed(tmp_path: Path):
    an_estate(tmp_path, [charge(f"2026-11-{day:02}", "0.1") for day in range(1, 8)])
    (tmp_path / "simulation").mkdir()
    (tmp_path / "simulation" / "cost.json").write_text('{"exportPartRows": 3}', "utf-8")

    manifest, parts = ran(tmp_path, export(compressionMode="gzip"))

    assert [part.name for part in parts] == ["part_0_0001.csv.gz", "part_1_0001.csv.gz", "part_2_0001.csv.gz"]
    assert sum(Decimal(row["BilledCost"]) for part in parts for row in rows_of(part)) == Decimal("0.7")
    assert (manifest["blobCount"], manifest["dataRowCount"]) == (3, 7)
    assert manifest["byteCount"] == sum(part.stat().st_size for part in parts)


def test_a_parquet_export_keeps_decimals(tmp_path: Path):
    import pyarrow.parquet

    an_estate(tmp_path, [charge("2026-11-01", "0.1"), charge("2026-11-01", "0.2")])

    _, (part,) = ran(tmp_path, export(format="Parquet", compressionMode="snappy"))

    assert part.name == "part_0_0001.snappy.parquet"
    assert sum(pyarrow.parquet.read_table(part)["BilledCost"].to_pylist()) == Decimal("0.3")


def test_an_export_without_charges_has_a_header(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-09-01", "1")])

    manifest, (part,) = ran(tmp_path, export())

    assert (manifest["dataRowCount"], rows_of(part)) == (0, [])
    assert part.read_text("utf-8").startswith("BilledCost,")


def test_a_run_can_be_asked_for_other_days(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-08-31", "1"), charge("2026-09-01", "2"), charge("2026-09-30", "4")])
    days = {"from": "2026-09-01T00:00:00Z", "to": "2026-09-30T00:00:00Z"}

    _, (part,) = ran(tmp_path, export(), timePeriod=days)

    assert part.parent.parent.name == "20260901-20260930"
    assert [row["BilledCost"] for row in rows_of(part)] == ["2", "4"]


@pytest.mark.parametrize(("behaviour", "kept"), [("OverwritePreviousReport", 1), ("CreateNewReport", 2)])
def test_a_second_run_replaces_the_first_only_where_it_is_told_to(tmp_path: Path, behaviour: str, kept: int):
    an_estate(tmp_path, [charge("2026-11-01", "1")])

    with serving(tmp_path) as server:
        exports = cost_client(server.url).exports
        exports.create_or_update(SCOPE, "nightly", export(dataOverwriteBehavior=behaviour))
        exports.execute(SCOPE, "nightly")
        exports.execute(SCOPE, "nightly")
        history = exports.get_execution_history(SCOPE, "nightly").value

    assert len(list((tmp_path / "storage").rglob("manifest.json"))) == kept
    assert [one.properties.status for one in history] == ["Completed", "Completed"]


def test_a_schedule_makes_its_runs_as_time_goes_by(tmp_path: Path):
    """From November 22nd to December 2nd: the whole of November once more, and December so far."""
    days = [date(2026, 11, 1) + timedelta(days=n) for n in range(33)]
    an_estate(tmp_path, [charge(str(day), "1") for day in days])
    daily = {
        "status": "Active",
        "recurrence": "Daily",
        "recurrencePeriod": {"from": "2026-11-23T00:00:00Z", "to": "2027-11-23T00:00:00Z"},
    }

    with serving(tmp_path) as server:
        exports = cost_client(server.url).exports
        exports.create_or_update(SCOPE, "nightly", export(schedule=daily))
        before = exports.get_execution_history(SCOPE, "nightly").value
        server.world.clock.advance(hours=24 * 10)
        history = exports.get_execution_history(SCOPE, "nightly").value
        again = exports.get_execution_history(SCOPE, "nightly").value

    rows = {file.parent.parent.name: len(rows_of(file)) for file in (tmp_path / "storage").rglob("part_*.csv")}
    assert (len(before), len(history), len(again)) == (0, 2, 2)
    assert rows == {"20261101-20261130": 30, "20261201-20261231": 2}


@pytest.mark.parametrize(
    "wrong",
    [
        export("PriceSheet"),
        export("FocusCost", "Custom"),
        export(compressionMode="snappy"),
        export(deliveryInfo={"destination": {"resourceId": ACCOUNT}}),
        export(schedule={"status": "Active", "recurrence": "Hourly"}),
    ],
)
def test_an_export_that_could_not_run_is_refused(tmp_path: Path, wrong: dict[str, Any]):
    an_estate(tmp_path)

    with serving(tmp_path) as server, pytest.raises(HttpResponseError) as refused:
        cost_client(server.url).exports.create_or_update(SCOPE, "nightly", wrong)

    assert refused.value.status_code == 400


@pytest.mark.parametrize("part", ["container", "rootFolderPath"])
def test_an_export_never_writes_outside_its_storage(tmp_path: Path, part: str):
    an_estate(tmp_path, [charge("2026-11-01", "1")])
    body = export()
    body["properties"]["deliveryInfo"]["destination"][part] = "../../.."

    with serving(tmp_path) as server:
        exports = cost_client(server.url).exports
        exports.create_or_update(SCOPE, "nightly", body)
        with pytest.raises(HttpResponseError) as refused:
            exports.execute(SCOPE, "nightly")

    assert refused.value.status_code == 400
    assert not (tmp_path / "storage").exists()


def test_a_cost_details_report_is_asked_for_polled_and_fetched(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "1.5"), charge("2026-11-02", "2.25"), charge("2026-10-31", "99")])
    wanted = {"metric": "ActualCost", "timePeriod": {"start": "2026-11-01", "end": "2026-11-20"}}

    with serving(tmp_path) as server:
        reports = cost_client(server.url).generate_cost_details_report
        done = reports.begin_create_operation(SCOPE, wanted, polling_interval=0).result()
        (blob,) = done.manifest.blobs
        content = httpx.get(blob.blob_link)
        without_signature = httpx.get(blob.blob_link.partition("?")[0])

    rows = list(csv.DictReader(content.content.decode("utf-8-sig").splitlines()))
    assert done.status == "Completed"
    assert len(content.content) == blob.byte_count
    assert sum(Decimal(row["Cost"]) for row in rows) == Decimal("3.75")
    assert without_signature.status_code == 403


def test_a_cost_details_report_spans_a_month_at_most(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-01", "1.5")])
    wanted = {"metric": "ActualCost", "timePeriod": {"start": "2026-10-01", "end": "2026-11-20"}}

    with serving(tmp_path) as server, pytest.raises(HttpResponseError) as refused:
        cost_client(server.url).generate_cost_details_report.begin_create_operation(SCOPE, wanted)

    assert refused.value.status_code == 400


def test_a_scheduled_run_that_fell_due_is_made_whatever_is_asked_next(tmp_path: Path):
    an_estate(tmp_path, [charge("2026-11-20", "1")])
    daily = {"from": "2026-11-22T06:00:00Z", "to": "2027-11-22T06:00:00Z"}

    with serving(tmp_path) as server:
        schedule = {"status": "Active", "recurrence": "Daily", "recurrencePeriod": daily}
        cost_client(server.url).exports.create_or_update(SCOPE, "nightly", export(schedule=schedule))
        httpx.get(f"{server.url}/simulator/clock")
        before = list((tmp_path / "storage").rglob("manifest.json"))
        httpx.post(f"{server.url}/simulator/clock", json={"advanceHours": 24})

    (manifest,) = (tmp_path / "storage").rglob("manifest.json")
    assert before == []
    assert json.loads(manifest.read_text("utf-8"))["runInfo"]["submittedTime"] == "2026-11-23T06:00:00Z"
