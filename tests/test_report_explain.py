"""What is behind a figure: the charges that add up to it, or the evidence."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from report_data import NOW, book, charge, daily, hours, standing_of

from finops.charges import Charges
from finops.charges.book import added
from finops.cli import cli
from finops.config.model import ReportSettings
from finops.errors import UsageError
from finops.exemptions import Exemption, Listed
from finops.report import build
from finops.report.explain import explain
from finops.report.figures import figures
from finops.report.foreseeing import foreseen
from finops.report.known import Known, Published, Request, Verdicts
from finops.report.model import Report

VM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines"
WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/ws"
RESERVED = {"CommitmentDiscountType": "Reservation", "CommitmentDiscountStatus": "Used"}
ROWS = [
    *daily("2026-09-01", "2026-11-14", "CC-1", "30.61", "gpu", **hours("10")),
    *daily("2026-11-15", "2026-11-22", "CC-1", "55.77", "gpu", **hours("20")),
    *daily("2026-11-15", "2026-11-22", "CC-1", "12.24", "gpu", **hours("20", "NC6s v3 Spot")),
    *daily("2026-11-16", "2026-11-22", "CC-1", "9.99", "young", **hours("3")),
    *daily("2026-09-01", "2026-11-13", "CC/2", "11.11", "old", **hours("4")),
    *daily("2026-09-01", "2026-11-22", "CC/2", "7.07", "reserved", billed="0", **RESERVED, **hours("2")),
    *daily("2026-09-01", "2026-11-22", None, "3.33", "nobody"),
    charge("2026-11-17", "CC-1", "-5.5", "gpu", ChargeCategory="Credit"),
    charge("2026-11-17", "CC/2", "0", "order", billed="321", ChargeCategory="Purchase", **RESERVED),
    *daily("2026-11-15", "2026-11-22", "CC-1", "6", "c", ResourceId=f"{WORKSPACE}/computes/c", **hours("2")),
]
# Amounts that are read, not added up.
READ = ("unit/", "untagged/percent", "anomaly/", "month/budget", "restated/", "decision/", "close")


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory):
    with book(tmp_path_factory.mktemp("explain"), *ROWS) as loaded:
        outlook, _ = foreseen(loaded, "effective", "USD", date(2026, 11, 21))
        known = Known(
            outlook=outlook,
            standings=(standing_of(loaded, Decimal(900)),),
            requests=(Request(7, "delete gpu", Decimal(70), "USD", "p", None, f"{VM}/gpu"),),
            verdicts=Verdicts(NOW, 9, {"sizes": (f"{VM}/gpu",)}),
            exemptions=(Listed(Exemption(f"{VM}/old", None, "why", "me", "f"), None, "in force", 1),),
            published=(Published(build(loaded, NOW, ReportSettings()).period, "effective", "USD", Decimal(1), NOW),),
        )
        yield build(loaded, NOW, ReportSettings(), known=known), loaded, known


def test_every_figure_can_be_explained_and_its_rows_add_up_to_it(explained: tuple[Report, Charges, Known]) -> None:
    report, loaded, known = explained
    told = figures(report)

    for one in told:
        found = explain(report, loaded, one.id, known)
        assert found.rows or found.evidence, one.id
        if not one.id.startswith(READ):
            assert added(row.amount for row in found.rows) == one.value, one.id
            assert found.adds_up

    assert len({one.id for one in told}) == len(told) > 50


def test_a_change_is_listed_by_resource_and_meter_with_both_amounts(explained: tuple[Report, Charges, Known]) -> None:
    found = explain(explained[0], explained[1], "cost-centre/CC-1/change")

    first = found.rows[0]
    assert (first.name, first.meter) == ("gpu", "NC6s v3")
    assert first.note == "214.27 before, 390.39 now"


def test_a_key_with_slashes_is_still_one_key(explained: tuple[Report, Charges, Known]) -> None:
    found = explain(explained[0], explained[1], "cost-centre/CC/2")

    assert found.total == Decimal("49.49")


def test_the_effect_of_price_shows_quantities_and_prices(explained: tuple[Report, Charges, Known]) -> None:
    found = explain(explained[0], explained[1], "driver/CC-1/mix")

    assert "NC6s v3: 70 then 140 Hours at 3.061 then 2.7885" in found.rows[0].note


def test_what_is_no_sum_of_charges_counts_none(explained: tuple[Report, Charges, Known]) -> None:
    found = explain(explained[0], explained[1], "driver/CC-1/price")

    assert {row.charges for row in found.rows} == {None}


def test_a_new_resource_is_named_behind_what_is_new(explained: tuple[Report, Charges, Known]) -> None:
    found = explain(explained[0], explained[1], "driver/CC-1/new")

    assert {row.name for row in found.rows} == {"young", "c"}


def test_a_figure_that_is_not_there_is_refused_with_what_comes_near(explained: tuple[Report, Charges, Known]) -> None:
    with pytest.raises(UsageError, match="no figure") as refused:
        explain(explained[0], explained[1], "cost-center/CC-1")

    assert "cost-centre/CC-1" in str(refused.value)


@pytest.fixture
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FINOPS_STATE__URL", str(tmp_path / "state.db"))
    rows = [
        {**row, **{n: row[n].replace("2026-", "2025-") for n in row if n.endswith(("Start", "End"))}} for row in ROWS
    ]
    book(tmp_path, *rows).close()
    return str(tmp_path / "charges.csv")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["report", *arguments])
    return result.exit_code, result.stdout


def test_the_command_lists_figures_and_explains_each(costs: str) -> None:
    code, said = run("figures", costs, "--week-ending", "2025-11-21", "-o", "json")
    ids = [row["id"] for row in json.loads(said)]

    told = [run("explain", one, costs, "--week-ending", "2025-11-21", "-o", "json") for one in ids[:6]]

    assert code == 0
    assert "cost-centre/CC-1/change" in ids
    assert all(code == 0 and json.loads(said) for code, said in told)


def test_what_is_left_out_of_a_long_explanation_stands_in_one_row(costs: str) -> None:
    _, said = run("explain", "total", costs, "--week-ending", "2025-11-21", "--top", "2", "-o", "json")

    rows = json.loads(said)
    assert len(rows) == 3
    assert rows[-1]["name"].endswith("more")


def test_one_cost_centre_is_explained_of_its_share(costs: str) -> None:
    code, said = run(
        "explain", "total", costs, "--week-ending", "2025-11-21", "--audience", "cc-1", "--top", "0", "-o", "json"
    )

    assert code == 0
    assert {row["name"] for row in json.loads(said)} == {"gpu", "young", "c"}


def test_a_cost_centre_that_was_never_charged_is_refused(costs: str) -> None:
    code, _ = run("figures", costs, "--audience", "CC-77")

    assert code == 2


def test_a_month_is_closed_against_its_invoice(costs: str) -> None:
    code, said = run("close", costs, "--month", "2025-10", "--invoice", "1400", "-o", "json")

    [row] = json.loads(said)
    assert code == 0
    assert (row["invoice"], row["state"], row["billed"], row["difference"]) == (1400, "closed", 1396.55, 3.45)


@pytest.mark.parametrize("amount", ["1,400", "much", "NaN"])
def test_an_invoice_that_is_no_amount_is_refused(costs: str, amount: str) -> None:
    assert run("close", costs, "--month", "2025-10", "--invoice", amount)[0] == 2
