"""The statement of a month: the invoice, our total, the difference, and the forecasts against what came."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, book, charge, daily, standing_of

from finops.charges import Period
from finops.config.model import ReportSettings, Settings
from finops.report import Claim, Rendered, build, render
from finops.report.known import Known, Request, Said
from finops.report.model import Budget, Close, Money
from finops.report.tiles import tiles
from finops.report.words import Words

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


def statement(folder: Path, *rows: dict[str, str], **asked: Any) -> Rendered:
    """The closing statement of October with a budget of 3,000, as `finops report close` makes it."""
    with book(folder, *rows) as loaded:
        asked["standings"] = (standing_of(loaded, Decimal(3000), OCTOBER),)
        found = build(loaded, NOW, ReportSettings(), OCTOBER, known=Known(**asked), closing=True)
    return render(found, Settings())


# September cost 3,300, October 4,960: 60 a day more for gpu.
GREW = [
    *daily("2026-08-01", "2026-11-22", "CC-1", "100", "vm"),
    *daily("2026-08-01", "2026-11-22", "CC-2", "10", "gpu"),
    *daily("2026-10-01", "2026-11-22", "CC-2", "50", "gpu"),
]


def test_the_first_sentence_of_a_statement_says_by_how_much_why_and_since_when(tmp_path: Path) -> None:
    verdict = statement(tmp_path, *GREW).verdict

    assert verdict == (
        "October 2026 is closed, $1,960 over its $3,000 budget; September was $300 over already, and CC-2 cost $1,560 "
        "more, mainly gpu. $4,960.00 was billed."
    )


def test_a_statement_says_what_to_do_before_it_says_how_it_reconciles(tmp_path: Path) -> None:
    text = statement(tmp_path, *GREW, requests=(Request(1, "vm", Decimal(900), "USD", "ann", date(2026, 12, 1)),)).text

    assert text.index("NEEDS A DECISION") < text.index("CLOSING STATEMENT")


def test_the_tiles_of_a_month_hold_each_figure_once(tmp_path: Path) -> None:
    with book(tmp_path, *GREW) as loaded:
        known = Known(standings=(standing_of(loaded, Decimal(3000), OCTOBER),))
        found = build(loaded, NOW, ReportSettings(), OCTOBER, known=known)
    words = Words(0)

    said = tiles(found, found.wording, words)

    assert len({tile.figure for tile in said}) == len(said)
    assert ("October against its budget", "$1,960 over", "165% of $3,000") in [
        (tile.label, tile.figure, tile.under) for tile in said
    ]


def test_a_statement_without_the_estate_says_that_savings_were_not_looked_for(tmp_path: Path) -> None:
    found = Claim(
        1, "found", "/subscriptions/s/x", "vm", "VM", "rg", "vm-idle", "delete it", "", Decimal(9), Decimal(9), "USD"
    )

    text = " ".join(statement(tmp_path, *GREW, claims=(found,), not_read="the estate was not read").text.split())

    assert "idle and dear nodes were not looked for" in text
    assert (
        "Not among them: what clusters that idle, or run on dedicated nodes, could save, as the estate was not" in text
    )


def test_what_is_charged_later_is_printed_so_that_it_adds_up() -> None:
    # 25,494.40 and 766.20 come to 26,260.60: 25,494 and 767 to 26,261
    usd = [Money(Decimal(amount), "USD") for amount in ("21000", "25494.40", "-5260.60", "766.20")]
    budget = Budget(usd[0], usd[1], usd[2], Decimal(121), Decimal(77), None, later=usd[3])

    assert budget.later_shown(0).amount == 767
