"""The statement of a month: the invoice, our total, the difference, and the forecasts against what came."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, book, charge, daily

from finops.charges import Period
from finops.config.model import ReportSettings
from finops.report import build
from finops.report.known import Known, Said
from finops.report.model import Close

OCTOBER = Period.month("2026-10")
ROWS = [*daily("2026-07-01", "2026-11-22", "CC-1", "10", billed="9")]


def closed(folder: Path, *rows: dict[str, str], invoice: str | None = None, **known: Any) -> Close:
    with book(folder, *rows or ROWS) as loaded:
        amount = Decimal(invoice) if invoice else None
        found = build(loaded, NOW, ReportSettings(), OCTOBER, known=Known(**known), closing=True, invoice=amount).close
    assert found is not None
    return found


def said(day: int, low: str | None, middle: str, high: str | None) -> Said:
    reach = [Decimal(end) if end else None for end in (low, high)]
    return Said(date(2026, 10, 1), date(2026, 10, day), reach[0], Decimal(middle), reach[1], "USD", "effective")


def test_the_invoice_is_held_against_what_was_billed_for_the_days(tmp_path: Path) -> None:
    found = closed(tmp_path, invoice="280.50")

    assert (found.invoice.amount, found.ours.amount, found.difference.amount) == (
        Decimal("280.50"),
        279,
        Decimal("1.5"),
    )
    assert (found.invoice_from, found.state, found.effective.amount) == ("given", "closed", 310)


def test_without_a_paper_the_billed_charges_of_its_billing_period_stand_for_it(tmp_path: Path) -> None:
    rows = [*ROWS, charge("2026-09-30", "CC-1", "0", billed="-4", BillingPeriodStart="2026-10-01T00:00:00Z")]

    found = closed(tmp_path, *rows)

    assert (found.invoice.amount, found.ours.amount, found.invoice_from) == (275, 279, "charges")


def test_forecasts_that_were_sent_are_compared_as_they_were_sent(tmp_path: Path) -> None:
    found = closed(tmp_path, said=(said(7, None, "400", None), said(14, "280", "300", "320"), said(21, "1", "2", "3")))

    told = [(one.day.day, one.miss.amount, one.inside, one.said_then) for one in found.forecasts]
    assert told == [(7, 90, None, True), (14, -10, True, True), (21, -308, False, True)]
    assert found.forecasts[1].miss_percent == Decimal("-3.2")


def test_forecasts_that_were_not_sent_are_made_again_and_say_so(tmp_path: Path) -> None:
    found = closed(tmp_path)

    assert [(one.day.day, one.said_then) for one in found.forecasts] == [(7, False), (14, False), (21, False)]
    assert all(one.inside for one in found.forecasts)


def test_a_month_whose_charges_are_not_all_in_is_not_held_against_forecasts(tmp_path: Path) -> None:
    with book(tmp_path, *ROWS) as loaded:
        report = build(loaded, NOW, ReportSettings(), Period.month("2026-11"), closing=True)

    assert report.close is not None
    assert report.close.forecasts == ()
    assert "not all in yet" in report.close.why_no_forecasts
    assert report.close.state == "open"


@pytest.mark.parametrize("day", ["2026-10-01", "2026-10-31"])
def test_a_month_with_one_day_closes(tmp_path: Path, day: str) -> None:
    found = closed(tmp_path, charge(day, "CC-1", "7"), charge("2026-11-01", "CC-1", "1"))

    assert found.ours.amount == 7
