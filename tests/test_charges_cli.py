"""`finops charges`: what it prints, where, and how it exits."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from charges_files import charge, focus, text
from click.testing import CliRunner, Result
from wire_cost_estate import an_estate
from wire_cost_estate import charge as simulated

from finops.cli import cli
from finops.simulator import serving

ML = '{"CostCenter": "ml"}'


def finops(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return focus(
        tmp_path / "a.csv",
        charge("2024-08-31", "1", Tags=ML),
        charge("2024-09-01", "10", Tags=ML, EffectiveCost="9"),
        charge("2024-09-30", "0.0000001"),
    )


def test_no_option_is_needed(file: Path):
    found = finops("charges", "show", file)

    assert found.exit_code == 0
    lines = [line.split() for line in found.stdout.splitlines()]
    assert ["ml", "10.00", "2"] in lines
    assert ["(untagged)", "0.0000001", "1"] in lines
    assert ["Total", "10.0000001", "3"] in lines
    assert "Effective cost: 10.0000001 USD, 3 charges from 1 file, complete until 2024-10-01" in found.stderr


def test_the_ea_sample_needs_no_option_either(shared_data: Path):
    found = finops("charges", "show", shared_data / "cost_exports" / "finops_toolkit" / "EA_ActualCost_Small.csv")

    assert found.exit_code == 0
    assert ["Total", "8.5450077867419368", "11"] in [line.split() for line in found.stdout.splitlines()]


def test_a_month_and_a_basis_are_chosen(file: Path):
    found = finops("charges", "show", file, "--month", "2024-09", "--basis", "billed", "-o", "json")

    assert json.loads(found.stdout, parse_float=Decimal) == [
        {"CostCenter": "ml", "Cost": Decimal("10.00"), "Charges": 1},
        {"CostCenter": "(untagged)", "Cost": Decimal("1E-7"), "Charges": 1},
    ]


def test_the_last_day_named_is_counted(file: Path):
    found = finops("charges", "show", file, "--from", "2024-09-01", "--to", "2024-09-30", "-o", "json", "--by", "Day")

    assert [row["Day"] for row in json.loads(found.stdout)] == ["2024-09-01", "2024-09-30"]


def test_rows_for_programs_add_up_to_the_total(file: Path):
    found = finops("charges", "show", file, "-o", "csv")

    rows = list(csv.DictReader(io.StringIO(found.stdout)))

    assert sum(Decimal(row["Cost"]) for row in rows) == Decimal("10.0000001")


def test_a_total_row_can_be_asked_for(file: Path):
    found = finops("charges", "show", file, "-o", "jsonl", "--total")

    assert json.loads(found.stdout.splitlines()[-1])["CostCenter"] == "Total"


def test_several_keys_a_filter_and_a_top_are_understood(file: Path):
    found = finops(
        "charges", "show", file, "--by", "CostCenter,Month", "--where", "CostCenter=ml", "--top", "1", "-o", "json"
    )

    assert [(row["CostCenter"], row["Month"]) for row in json.loads(found.stdout)] == [
        ("ml", "2024-09"),
        ("Other (1)", ""),
    ]


def test_rows_set_aside_are_named_and_exit_20(tmp_path: Path):
    broken = text(
        tmp_path / "a.csv",
        "ChargePeriodStart,BilledCost,EffectiveCost,BillingCurrency",
        "2024-09-01,1,1,USD",
        *["2024-09-01,1,1,USD"] * 8,
        *["2024-09-01,x,1,USD"] * 7,
    )

    found = finops("charges", "show", broken, "--rejected", tmp_path / "out.csv")

    assert found.exit_code == 20
    assert f"Set aside: {broken}, line 11: BilledCost is 'x', not an amount" in found.stderr
    assert "... and 2 more rows set aside (7 in all)." in found.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 8


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--month", "2024-13"], 2, "'2024-13' is not a month"),
        (["--month", "2024-09", "--to", "2024-09-01"], 2, "together with --from or --to"),
        (["--from", "2024-02-30"], 2, "--from 2024-02-30 is no day"),
        (["--from", "2024-09-02", "--to", "2024-09-01"], 2, "are none"),
        (["--by", ","], 2, "--by names nothing"),
        (["--by", "Costcentre"], 2, "cannot be grouped by 'Costcentre'"),
        (["--where", "CostCenter"], 2, "names no value"),
        (["--month", "2023-01"], 1, "no charges in January 2023. The data has charges of 31 Aug to 30 Sep 2024"),
        (["--where", "CostCenter=nobody"], 1, "no charges like that"),
        (["--currency", "EUR"], 1, "no charges in EUR"),
        (["--basis", "amortized"], 2, "Invalid value for '--basis'"),
    ],
)
def test_a_wrong_option_is_one_clear_message(file: Path, options: list[str], code: int, message: str):
    found = finops("charges", "show", file, *options)

    assert found.exit_code == code
    assert message in " ".join(found.stderr.split())
    assert found.stdout == ""


def test_mixed_currencies_name_the_option(tmp_path: Path):
    mixed = focus(tmp_path / "a.csv", charge("2024-09-01", "1"), charge("2024-09-01", "2", BillingCurrency="EUR"))

    refused = finops("charges", "show", mixed)
    chosen = finops("charges", "show", mixed, "--currency", "eur", "-o", "json")

    assert refused.exit_code == 1
    assert "EUR and USD, which cannot be added. Choose one: --currency EUR" in refused.stderr
    assert json.loads(chosen.stdout)[0]["Cost"] == 2


def test_without_files_it_says_what_to_do():
    found = finops("charges", "show")

    assert found.exit_code == 2
    assert "finops charges ingest" in found.stderr


def test_an_estate_has_its_charges_in_it(tmp_path: Path):
    an_estate(tmp_path / "estate", [simulated("2026-11-02", "4.25")])

    found = finops("charges", "show", "--estate", tmp_path / "estate", "-o", "json", "--by", "ServiceName")

    assert json.loads(found.stdout) == [{"ServiceName": "Virtual Machines", "Cost": 4.25, "Charges": 1}]


def test_what_was_ingested_is_shown(tmp_path: Path):
    an_estate(tmp_path / "estate", [simulated("2026-11-02", "4.25"), simulated("2026-11-03", "1")])

    with serving(tmp_path / "estate") as server:
        asked = finops("charges", "ingest", "--azure", server.url, "--month", "2026-11", "--store", tmp_path / "store")
    found = finops("charges", "show", tmp_path / "store", "-o", "json", "--by", "Day")

    assert asked.exit_code == 0, asked.stderr
    assert "Charges of 2 of 2 subscriptions are in" in asked.stdout
    assert [row["Cost"] for row in json.loads(found.stdout)] == [4.25, 1]


def test_a_tag_that_was_never_asked_for_is_refused_not_called_untagged(tmp_path: Path):
    an_estate(tmp_path / "estate", [simulated("2026-11-02", "4.25")])
    with serving(tmp_path / "estate") as server:
        finops("charges", "ingest", "--azure", server.url, "--month", "2026-11", "--store", tmp_path / "store")

    found = finops("charges", "show", tmp_path / "store", "--by", "Tags.env")
    known = finops("charges", "show", tmp_path / "store", "--by", "Tags.cost-center")

    assert found.exit_code == 1
    assert "The tag env is not known: Cost Management was asked for CostCenter only." in found.stderr
    assert known.exit_code == 0
