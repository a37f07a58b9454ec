"""Export folders and overlapping files: what counts where several say something about the same days."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from charges_files import SUB, VM, charge, focus, parquet, run, spend, total

from finops import charges
from finops.errors import DataError

FIRST, SECOND = "2024-09-02T06:00:00.1234567Z", "2024-09-03T06:00:00.1234567Z"


def aged(file: Path, when: int) -> Path:
    os.utime(file, (when, when))
    return file


def test_the_newest_complete_run_of_an_export_counts(tmp_path: Path):
    run(tmp_path / "20240901-20240930" / "r1", charge("2024-09-01", "1"), at=FIRST)
    run(tmp_path / "20240901-20240930" / "r2", charge("2024-09-01", "2"), charge("2024-09-02", "4"), at=SECOND)

    assert total(tmp_path) == 6


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"blobCount": 2}, "counts 2 parts and lists 1"),
        ({"blobs": []}, "lists"),
        ({"blobs": [{"blobName": "x/part_9.csv"}]}, "part_9.csv is not there"),
        ({"blobs": [{"blobName": "x/part_0_0001.csv", "byteCount": 7}]}, "the manifest says 7"),
    ],
)
def test_an_older_run_stays_in_use_until_the_new_one_is_whole(tmp_path: Path, change: dict[str, object], why: str):
    run(tmp_path / "p" / "r1", charge("2024-09-01", "1"), at=FIRST)
    run(tmp_path / "p" / "r2", charge("2024-09-01", "2"), at=SECOND, **change)

    with charges.load([tmp_path]) as book:
        assert book.total() == 1
        assert why in book.gaps[0].reason
        assert not book.is_complete


def test_a_run_with_too_few_rows_is_not_used(tmp_path: Path):
    run(tmp_path / "p" / "r1", charge("2024-09-01", "1"), at=FIRST)
    run(tmp_path / "p" / "r2", charge("2024-09-01", "2"), at=SECOND, dataRowCount=2)

    with charges.load([tmp_path]) as book:
        assert book.total() == 1
        assert "it has 1 row, its manifest says 2" in book.notes[0]


def test_a_manifest_that_is_still_empty_means_wait(tmp_path: Path):
    folder = run(tmp_path / "p" / "r1", charge("2024-09-01", "1"), at=FIRST)
    (folder / "manifest.json").write_bytes(b"")

    with pytest.raises(DataError, match="is empty: the run has not finished"):
        charges.load([tmp_path])


def test_runs_of_other_months_add_up(tmp_path: Path):
    run(tmp_path / "a" / "r1", charge("2024-08-31", "1"), at=FIRST, start="2024-08-01")
    run(tmp_path / "b" / "r2", charge("2024-09-01", "2"), at=SECOND)

    assert total(tmp_path) == 3


def test_a_part_that_the_manifest_does_not_list_is_left_alone(tmp_path: Path):
    folder = run(tmp_path / "p" / "r1", charge("2024-09-01", "1"), at=FIRST)
    focus(folder / "part_1_0001.csv", charge("2024-09-01", "9"))

    assert total(tmp_path) == 1


def test_a_price_sheet_beside_the_charges_is_passed_over(tmp_path: Path):
    run(tmp_path / "c" / "r1", charge("2024-09-01", "1"), at=FIRST)
    config = {"exportName": "prices", "resourceId": "/x/prices", "type": "PriceSheet"}
    run(tmp_path / "p" / "r1", charge("2024-09-01", "9"), at=FIRST, exportConfig=config)

    assert total(tmp_path) == 1


def test_an_export_is_complete_up_to_the_day_before_it_was_submitted(tmp_path: Path):
    run(tmp_path / "p" / "r1", charge("2024-09-01", "1"), charge("2024-09-02", "1"), at="2024-09-03T06:00:00Z")

    with charges.load([tmp_path]) as book:
        assert book.complete_until == datetime(2024, 9, 2, tzinfo=UTC)


def test_exports_of_two_resource_groups_do_not_replace_each_other(tmp_path: Path):
    for name in ("rg-a", "rg-b"):
        exporter = f"{SUB}/resourceGroups/{name}/providers/Microsoft.CostManagement/exports/daily"
        config = {"resourceId": exporter, "type": "FocusCost"}
        run(tmp_path / name / "r1", charge("2024-09-01", "1"), at=FIRST, exportConfig=config)

    assert total(tmp_path) == 2


def test_an_export_of_a_billing_account_replaces_that_of_its_subscription(tmp_path: Path):
    account = "/providers/Microsoft.Billing/billingAccounts/1/providers/Microsoft.CostManagement/exports/all"
    run(tmp_path / "a" / "r1", charge("2024-09-01", "1"), at=FIRST)
    config = {"resourceId": account, "type": "FocusCost"}
    run(tmp_path / "b" / "r1", charge("2024-09-01", "1"), at=SECOND, exportConfig=config)

    assert total(tmp_path) == 1


def test_overlapping_files_do_not_double_and_the_newer_one_counts(tmp_path: Path):
    older = focus(tmp_path / "to-02.csv", charge("2024-09-01", "1"), charge("2024-09-02", "2"))
    newer = focus(tmp_path / "to-03.csv", charge("2024-09-02", "20"), charge("2024-09-03", "30"))
    aged(older, 1_000), aged(newer, 2_000)

    with charges.load([newer, older]) as book:
        assert spend(book, "Day") == {"2024-09-03": "30.00", "2024-09-02": "20.00", "2024-09-01": "1.00"}
        assert "1 day of " in book.notes[0]


def test_parquet_that_is_asked_in_place_does_not_double_either(tmp_path: Path):
    select = (
        "SELECT CAST(1 AS DECIMAL(38,18)) AS BilledCost, CAST(1 AS DECIMAL(38,18)) AS EffectiveCost, "
        f"'USD' AS BillingCurrency, TIMESTAMP '2024-09-01' + INTERVAL 1 DAY * range AS ChargePeriodStart, "
        f"'{SUB}' AS SubAccountId FROM range({{days}})"
    )
    older, newer = tmp_path / "older.parquet", tmp_path / "newer.parquet"
    aged(parquet(older, select.format(days=20)), 1_000), aged(parquet(newer, select.format(days=30)), 2_000)

    assert total(tmp_path) == 30


def test_the_same_file_named_twice_counts_once(tmp_path: Path):
    file = focus(tmp_path / "a.csv", charge("2024-09-01", "1"))

    assert total(file, file, tmp_path, tmp_path / "*.csv") == 1


def test_a_copy_of_a_file_does_not_double(tmp_path: Path):
    focus(tmp_path / "a.csv", charge("2024-09-01", "1"))
    focus(tmp_path / "b.csv", charge("2024-09-01", "1"))

    assert total(tmp_path) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("part_0_0001.csv", "part_1_0001.csv"),
        ("000001.csv", "000002.csv"),
        ("part-00000-1f2e-c000.csv", "part-00001-9a8b-c000.csv"),
        ("part-00.csv", "part-01.csv"),
        ("export-00001.csv", "export-00002.csv"),
        ("data_0.csv", "data_1.csv"),
    ],
)
def test_numbered_parts_of_one_delivery_add_up(tmp_path: Path, one: str, other: str):
    focus(tmp_path / one, charge("2024-09-01", "1"))
    focus(tmp_path / other, charge("2024-09-01", "2"))

    assert total(tmp_path) == 3


def test_files_of_other_subscriptions_and_clouds_add_up(tmp_path: Path):
    focus(tmp_path / "a.csv", charge("2024-09-01", "1"))
    focus(tmp_path / "b.csv", charge("2024-09-01", "2", SubAccountId="/subscriptions/other"))
    focus(tmp_path / "c.csv", charge("2024-09-01", "4", ProviderName="AWS"))

    assert total(tmp_path) == 7


def test_a_subscription_is_one_however_its_id_is_written(tmp_path: Path):
    guid = SUB.rpartition("/")[2]
    aged(focus(tmp_path / "a.csv", charge("2024-09-01", "1")), 1_000)
    aged(focus(tmp_path / "b.csv", charge("2024-09-01", "2", SubAccountId=guid.upper())), 2_000)

    assert total(tmp_path) == 2


def test_a_file_in_a_folder_that_is_no_cost_data_is_a_gap(tmp_path: Path):
    focus(tmp_path / "a.csv", charge("2024-09-01", "1"))
    (tmp_path / "notes.csv").write_text("name,age\nx,1\n", "utf-8")

    with charges.load([tmp_path]) as book:
        assert book.total() == 1
        assert book.gaps[0].scope == str(tmp_path / "notes.csv")


LEGACY = (
    "SubscriptionId,Date,MeterCategory,ResourceId,Cost,BillingCurrency,ChargeType,PricingModel,Quantity,Tags,BenefitId"
)


def legacy(file: Path, *lines: str) -> Path:
    guid = SUB.rpartition("/")[2]
    file.write_text("\n".join([LEGACY, *(f"{guid},{line}" for line in lines)]) + "\n", "utf-8")
    return file


RESERVATION = "/providers/Microsoft.Capacity/reservationOrders/1"


def test_actual_and_amortized_cost_become_one_set_of_charges(tmp_path: Path):
    """A reservation of 300 is bought; 10 a day are used and 2 a day are not. A disk costs 5 either way, twice."""
    disk = f"09/01/2024,Storage,{VM},5,USD,Usage,OnDemand,1,,"
    actual = legacy(
        tmp_path / "actual.csv",
        f"09/01/2024,Virtual Machines,,300,USD,Purchase,Reservation,1,,{RESERVATION}",
        f"09/01/2024,Virtual Machines,{VM},0,USD,Usage,Reservation,24,,{RESERVATION}",
        disk,
        disk,
    )
    amortized = legacy(
        tmp_path / "amortized.csv",
        f"09/01/2024,Virtual Machines,{VM},10,USD,Usage,Reservation,24,,{RESERVATION}",
        f"09/01/2024,Virtual Machines,,2,USD,UnusedReservation,Reservation,5,,{RESERVATION}",
        disk,
        disk,
    )

    with charges.load([actual, amortized]) as book:
        assert book.total("billed") == 310
        assert book.total("effective") == 22
        assert book.bases == ["billed", "effective"]
        assert int(book.by([])["Charges"].sum()) == 5
        used = book.quantities(["MeterCategory"])
        assert dict(zip(used["MeterCategory"], used["Quantity"], strict=True))["Virtual Machines"] == 24


def test_amounts_that_differ_between_actual_and_amortized_stay_with_their_basis(tmp_path: Path):
    actual = legacy(tmp_path / "actual.csv", f"09/01/2024,Storage,{VM},5,USD,Usage,OnDemand,1,,")
    amortized = legacy(tmp_path / "amortized.csv", f"09/01/2024,Storage,{VM},5.5,USD,Usage,OnDemand,1.1,,")

    assert total(actual, amortized, basis="billed") == 5
    assert total(actual, amortized, basis="effective") == Decimal("5.5")


def test_days_that_only_one_of_the_two_has_are_said(tmp_path: Path):
    actual = legacy(
        tmp_path / "actual.csv",
        f"09/01/2024,Storage,{VM},5,USD,Usage,OnDemand,1,,",
        f"09/02/2024,Storage,{VM},7,USD,Usage,OnDemand,1,,",
    )
    amortized = legacy(tmp_path / "amortized.csv", f"09/01/2024,Storage,{VM},5,USD,Usage,OnDemand,1,,")

    with charges.load([actual, amortized]) as book:
        assert book.total("effective") == 12
        assert "1 day of a subscription has actual cost and no amortized cost" in " ".join(book.notes)


def test_focus_charges_go_before_legacy_ones_of_the_same_days(tmp_path: Path):
    aged(focus(tmp_path / "focus.csv", charge("2024-09-01", "5")), 1_000)
    aged(legacy(tmp_path / "actual.csv", f"09/01/2024,Storage,{VM},5,USD,Usage,OnDemand,1,,"), 2_000)

    assert total(tmp_path) == 5


def test_what_kind_a_legacy_file_is_shows_in_its_rows(tmp_path: Path):
    amortized = legacy(tmp_path / "costs.csv", f"09/01/2024,VM,{VM},10,USD,Usage,Reservation,24,,{RESERVATION}")

    with charges.load([amortized]) as book:
        assert book.bases == ["effective"]


def test_a_manifest_says_what_kind_its_parts_are(tmp_path: Path):
    folder = tmp_path / "p" / "r1"
    folder.mkdir(parents=True)
    part = legacy(folder / "part_0_0001.csv", f"09/01/2024,Storage,{VM},5,USD,Usage,OnDemand,1,,")
    manifest = {
        "blobs": [{"blobName": part.name, "byteCount": part.stat().st_size}],
        "exportConfig": {"exportName": "x", "type": "AmortizedCost"},
        "runInfo": {"submittedTime": FIRST},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")

    with charges.load([tmp_path]) as book:
        assert book.bases == ["effective"]
