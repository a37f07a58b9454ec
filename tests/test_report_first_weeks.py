"""The first weeks of an estate: what is missing is said beside the badge, and no day counts that was not charged."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from report_data import NOW, book, daily, rendered, report_of

from finops.budget import Budget, Foreseen, Scope, standing
from finops.report import Rendered
from finops.report.foreseeing import foreseen
from finops.report.known import Known

ALL = Budget(name="all", scope=Scope(), amount=Decimal(9000))
FIRST = daily("2026-11-15", "2026-11-22", "CC-1", "103")
SECOND = daily("2026-11-08", "2026-11-22", "CC-1", "103")


def first_screen(folder: Path, *rows: dict[str, str], budget: Budget = ALL) -> Rendered:
    """The report of those charges with that budget, as `finops report` would make it."""
    known = known_of(folder, *rows, budget=budget)
    return rendered(folder, *rows, known=known)


def known_of(folder: Path, *rows: dict[str, str], budget: Budget = ALL) -> Known:
    with book(folder, *rows) as loaded:
        seen, why = foreseen(loaded, "effective", "USD")
        stands = standing(budget, loaded, NOW, Foreseen.of(seen) if seen else None)
    return Known(outlook=seen, no_outlook=why, standings=(stands,))


def test_a_first_week_says_why_its_month_is_incomplete(tmp_path: Path) -> None:
    bundle = first_screen(tmp_path, *FIRST)

    assert "[DATA INCOMPLETE]" in bundle.text
    said = " ".join(bundle.text.split())
    assert "! The charges begin on 15 Nov 2026: what November cost before, if anything, is not in here." in said


def test_a_first_week_is_not_held_against_days_that_were_not_charged(tmp_path: Path) -> None:
    bundle = first_screen(tmp_path, *FIRST)

    assert bundle.verdict.startswith(
        "November has cost $721.00 of its $9,000.00 budget since 15 Nov, when the charges begin"
    )
    assert "of the month gone" not in bundle.verdict
    assert "of month gone" not in bundle.text


def test_a_second_week_whose_forecast_has_room_for_the_days_before_is_on_plan(tmp_path: Path) -> None:
    report = report_of(tmp_path, *SECOND, known=known_of(tmp_path, *SECOND))

    assert [status.word for status in report.statuses] == ["On plan"]


def test_a_second_week_on_plan_says_from_which_day_on_it_knows(tmp_path: Path) -> None:
    bundle = first_screen(tmp_path, *SECOND)

    assert "! The charges begin on 8 Nov 2026" in bundle.text


def test_a_second_week_whose_budget_has_no_room_for_the_days_before_is_incomplete(tmp_path: Path) -> None:
    # 23 days of 103 come to 2,369, the 7 before would add 721
    tight = Budget(name="all", scope=Scope(), amount=Decimal(2800))

    report = report_of(tmp_path, *SECOND, known=known_of(tmp_path, *SECOND, budget=tight))

    assert [status.word for status in report.statuses] == ["Data incomplete"]


def test_days_that_are_missing_from_the_budgets_month_alone_are_named(tmp_path: Path) -> None:
    rows = [*daily("2026-10-01", "2026-11-02", "CC-1", "10"), *daily("2026-11-05", "2026-11-22", "CC-1", "10")]

    bundle = first_screen(tmp_path, *rows)

    assert "[DATA INCOMPLETE]" in bundle.text
    said = " ".join(bundle.text.split())
    assert "! Not all of Nov is known: " in said
    assert "3 Nov" in said
