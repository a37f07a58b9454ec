"""From this report to the invoice: each step with its amount, closing to the last digit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from report_data import NOW, charge, daily, rendered, report_of

from finops import charges
from finops.charges import Period
from finops.config.model import ReportSettings
from finops.report import build
from finops.report.model import Bridge

RESERVED = {"CommitmentDiscountType": "Reservation", "CommitmentDiscountStatus": "Used", "PricingCategory": "Committed"}
PLAN = {"CommitmentDiscountType": "Savings Plan", "CommitmentDiscountStatus": "Used", "PricingCategory": "Committed"}
WEEK = ("2026-11-15", "2026-11-21")


def bridge(folder: Path, *rows: dict[str, str], **asked: object) -> Bridge:
    found = report_of(folder, *rows, **asked).bridge
    assert found is not None
    return found


def lines(found: Bridge) -> dict[str, Decimal]:
    return {line.name: line.amount.amount for line in found.lines}


def test_amortised_commitments_come_off_and_purchases_come_on(tmp_path: Path) -> None:
    rows = [
        *daily(*WEEK, "CC-1", "10"),
        *daily(*WEEK, "CC-1", "5", "reserved", billed="0", **RESERVED),
        *daily(*WEEK, "CC-1", "2", "idle", billed="0", **{**RESERVED, "CommitmentDiscountStatus": "Unused"}),
        *daily(*WEEK, "CC-1", "3", "planned", billed="0", **PLAN),
        charge("2026-11-16", "CC-1", "0", "order", billed="1200", ChargeCategory="Purchase", **RESERVED),
        charge("2026-11-17", "CC-1", "0", "plan", billed="400", ChargeCategory="Purchase", **PLAN),
        charge("2026-11-22", "CC-1", "1"),
    ]

    found = bridge(tmp_path, *rows)

    assert lines(found) == {
        "Reservations: the share used, spread over their term": -35,
        "Reservations: the share that nobody used": -14,
        "Reservations bought, refunded or exchanged": 1200,
        "Savings plans: the share used, spread over their term": -21,
        "Savings plans bought or refunded": 400,
    }
    assert (found.start.amount, found.end.amount, found.gap.amount, found.closes) == (140, 1670, 0, True)


def test_what_is_in_both_costs_alike_is_named_and_is_no_step(tmp_path: Path) -> None:
    rows = [
        *daily(*WEEK, "CC-1", "10"),
        charge("2026-11-16", "CC-1", "-25", ChargeCategory="Credit"),
        charge("2026-11-16", "CC-1", "13", ChargeCategory="Tax"),
        charge("2026-11-17", "CC-1", "-7", ChargeCategory="Adjustment"),
        charge("2026-11-18", "CC-1", "-4", ChargeClass="Correction"),
        charge("2026-11-22", "CC-1", "1"),
    ]

    found = bridge(tmp_path, *rows)

    assert found.lines == ()
    assert {line.name: line.amount.amount for line in found.included} == {
        "Credits": -25,
        "Refunds and adjustments": -7,
        "Corrections of earlier charges": -4,
        "Taxes": 13,
    }


def test_printed_lines_add_up_to_the_cent(tmp_path: Path) -> None:
    rows = [
        *daily(*WEEK, "CC-1", "10.0049"),
        *daily(*WEEK, "CC-1", "5.00333", "reserved", billed="0", **RESERVED),
        *daily(*WEEK, "CC-1", "3.00777", "planned", billed="0.0011", **PLAN),
        charge("2026-11-16", "CC-1", "0", "order", billed="12.3456789", ChargeCategory="Purchase", **RESERVED),
    ]

    found = bridge(tmp_path, *rows)

    printed = sum((line.shown.amount for line in found.lines), found.shown_start.amount)
    assert printed + found.shown_gap.amount == found.shown_end.amount
    assert found.start.amount + sum(lines(found).values()) == found.end.amount


def test_a_month_ends_at_its_invoice_with_what_other_months_brought(tmp_path: Path) -> None:
    late = {"BillingPeriodStart": "2026-11-01T00:00:00Z", "BillingPeriodEnd": "2026-12-01T00:00:00Z"}
    rows = [
        *daily("2026-10-01", "2026-10-31", "CC-1", "10"),
        charge("2026-09-30", "CC-1", "-6", BillingPeriodStart="2026-10-01T00:00:00Z", ChargeClass="Correction"),
        charge("2026-10-30", "CC-1", "2.5", **late),
        charge("2026-11-01", "CC-1", "1"),
    ]

    found = bridge(tmp_path, *rows, period=Period.month("2026-10"))

    assert found.end_name == "on the invoice of October 2026"
    assert lines(found) == {
        "Charged in this month, on another month's invoice": Decimal("-2.5"),
        "Charged in another month, on this month's invoice": -6,
    }
    assert [line.of for line in found.lines] == [("Nov 2026",), ("Sep 2026",)]
    assert (found.start.amount, found.end.amount) == (Decimal("312.5"), 304)


def test_the_real_sample_closes_to_the_last_digit(shared_data: Path) -> None:
    with charges.load([shared_data / "cost_exports/focus/focus_sample_1000.csv"]) as sample:
        found = build(sample, NOW, ReportSettings(), period=Period(date(2024, 9, 1), date(2024, 10, 1))).bridge

    assert found is not None
    assert found.start.amount == Decimal("14.97651418586")
    assert found.start.amount + sum(lines(found).values()) + found.gap.amount == found.end.amount
    assert found.closes


def test_there_is_no_bridge_where_the_data_states_one_cost(shared_data: Path) -> None:
    with charges.load([shared_data / "cost_exports/finops_toolkit/EA_ActualCost_Small.csv"]) as actual:
        assert build(actual, NOW, ReportSettings()).bridge is None


@pytest.mark.parametrize("share", ["CC-1", "CC-2"])
def test_the_bridge_of_a_share_is_of_its_charges_alone(tmp_path: Path, share: str) -> None:
    rows = [*daily(*WEEK, "CC-1", "10"), *daily(*WEEK, "CC-2", "5", "other", billed="0", **RESERVED)]

    found = bridge(tmp_path, *rows, share=share)

    assert (found.start.amount, found.end.amount) == ((70, 70) if share == "CC-1" else (35, 0))


def test_usage_that_is_billed_differently_says_what_it_is(tmp_path: Path) -> None:
    rows = [
        *daily(*WEEK, "CC-1", "10", "a", billed="1"),
        *daily(*WEEK, "CC-1", "10", "b", billed="2"),
        *daily(*WEEK, "CC-1", "3", "c", billed="2", ServiceName="Storage"),
        charge("2026-11-22", "CC-1", "1"),
    ]

    [line] = bridge(tmp_path, *rows).lines

    assert line.name == "Usage that is billed and spread differently"
    assert line.detail == (
        "mostly Virtual Machines, 2 resources; billed less than it cost, as what a reservation or a savings plan "
        "covers; the charges name neither"
    )


def test_the_bridge_is_explained_in_mail_and_text_alike(tmp_path: Path) -> None:
    forms = rendered(tmp_path, *daily(*WEEK, "CC-1", "10", billed="1"), charge("2026-11-22", "CC-1", "1"))

    for form in (forms.html, forms.text):
        assert "all Virtual Machines, one resource; billed less than it cost" in " ".join(form.split())


def test_commitments_that_nobody_bought_in_the_data_are_said_to_be_missing_from_billed_cost(tmp_path: Path) -> None:
    used = daily(*WEEK, "CC-1", "5", billed="0", **RESERVED)
    bought = charge(
        "2026-11-15", None, "0", billed="35", ChargeCategory="Purchase", CommitmentDiscountType="Reservation"
    )

    said = [
        any("no purchase of one" in one for one in report_of(tmp_path, *rows).remarks)
        for rows in (used, [*used, bought])
    ]

    assert said == [True, False]
