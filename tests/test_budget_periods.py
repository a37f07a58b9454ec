"""Which period a day belongs to: months, quarters and years that begin when a site says, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from budgeting import budget

from finops.budget import Budget, days_gone, period_of, periods_to_check
from finops.budget.periods import calendar_start, label_of
from finops.charges import Period


def every(text: str) -> Budget:
    return budget(f"{{all: {{amount: 5, {text}}}}}")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "day", "start", "end"),
    [
        ("every: month", "2026-01-31", "2026-01-01", "2026-02-01"),
        ("every: month", "2026-12-31", "2026-12-01", "2027-01-01"),
        ("every: month", "2028-02-29", "2028-02-01", "2028-03-01"),
        ("every: quarter", "2026-11-20", "2026-10-01", "2027-01-01"),
        ("every: quarter, year_starts: 2", "2026-01-31", "2025-11-01", "2026-02-01"),
        ("every: year", "2026-11-20", "2026-01-01", "2027-01-01"),
        ("every: year, year_starts: 4", "2026-03-31", "2025-04-01", "2026-04-01"),
        ("every: year, year_starts: 4", "2026-04-01", "2026-04-01", "2027-04-01"),
        ("every: year, year_starts: 12", "2026-12-01", "2026-12-01", "2027-12-01"),
    ],
)
def test_a_day_lies_in_one_period(settings: str, day: str, start: str, end: str):
    found = period_of(every(settings), date.fromisoformat(day))

    assert found == Period(date.fromisoformat(start), date.fromisoformat(end))


def test_the_last_second_of_a_month_belongs_to_it_and_the_next_one_does_not():
    months = [period_of(every("every: month"), at(text)) for text in ("2026-01-31T23:59:59", "2026-02-01T00:00:00")]

    assert [one and one.label for one in months] == ["January 2026", "February 2026"]


def test_a_moment_of_another_time_zone_counts_in_utc():
    tokyo = timezone(timedelta(hours=9))

    found = period_of(every("every: month"), datetime(2026, 2, 1, 8, tzinfo=tokyo))

    assert found
    assert found.label == "January 2026"


def test_a_budget_is_not_on_before_its_first_day_nor_after_its_last():
    one = every("start: 2026-02-10, end: 2026-03-05")

    assert [period_of(one, date.fromisoformat(day)) for day in ("2026-02-09", "2026-03-06")] == [None, None]


def test_the_first_and_the_last_period_are_cut_to_the_budgets_own_days():
    one = every("start: 2026-02-10, end: 2026-03-05")

    found = [period_of(one, date.fromisoformat(day)) for day in ("2026-02-28", "2026-03-01")]

    assert found == [Period(date(2026, 2, 10), date(2026, 3, 1)), Period(date(2026, 3, 1), date(2026, 3, 6))]


def test_a_budget_of_a_single_day_has_a_period_of_that_day():
    found = period_of(every("start: 2026-02-28, end: 2026-02-28"), date(2026, 2, 28))

    assert found == Period(date(2026, 2, 28), date(2026, 3, 1))


def test_the_month_before_is_looked_at_while_its_charges_can_still_change():
    both = periods_to_check(every("every: month"), at("2026-12-05T00:00"))
    one = periods_to_check(every("every: month"), at("2026-12-07T00:00"))

    assert ([each.label for each in both], [each.label for each in one]) == (
        ["November 2026", "December 2026"],
        ["December 2026"],
    )


def test_a_budget_that_has_ended_is_looked_at_until_its_last_charges_are_in():
    one = every("end: 2026-11-30")

    assert [each.label for each in periods_to_check(one, at("2026-12-03T00:00"))] == ["November 2026"]
    assert periods_to_check(one, at("2026-12-20T00:00")) == ()


@pytest.mark.parametrize(
    ("moment", "percent"), [("2026-02-01T00:00", "0.0"), ("2026-02-15T00:00", "50.0"), ("2026-04-01T00:00", "100.0")]
)
def test_how_much_of_a_period_is_gone(moment: str, percent: str):
    assert days_gone(Period(date(2026, 2, 1), date(2026, 3, 1)), at(moment)) == Decimal(percent)


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ("every: month", "November 2026"),
        ("every: quarter", "Oct to Dec 2026"),
        ("every: quarter, year_starts: 2", "Nov 2026 to Jan 2027"),
        ("every: year", "2026"),
        ("every: year, year_starts: 4", "Apr 2026 to Mar 2027"),
    ],
)
def test_periods_are_called_as_people_call_them(settings: str, label: str):
    one = every(settings)
    found = period_of(one, date(2026, 11, 20))

    assert found
    assert label_of(one, found) == label


@pytest.mark.parametrize("starts", range(1, 13))
@pytest.mark.parametrize("kind", ["month", "quarter", "year"])
def test_periods_follow_one_another_without_a_gap(kind: str, starts: int):
    one = every(f"every: {kind}, year_starts: {starts}")
    day = date(2024, 1, 1)

    while day < date(2028, 6, 1):
        found = period_of(one, day)
        assert found
        assert found.start.date() == calendar_start(one, found.end.date() - timedelta(days=1))
        day = found.end.date()
