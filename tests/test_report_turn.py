"""The turn of the month: a month all of whose days are known has ended, in the weekly report and in the budget mail."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from budgeting import book, charge, days, mails, settings

from finops.charges import Period
from finops.jobs import budgeting
from finops.jobs.budgeting.drivers import drivers
from finops.jobs.knowing import known_by_charges
from finops.report import Report, build, render
from finops.report.explain import explain
from finops.state import State

# A Thursday: the last week that is over ended on 28 November, and the charges are complete to 1 December, a Tuesday.
NOW = datetime(2026, 12, 3, 12, tzinfo=UTC)
ROWS = [
    *days("2026-08-01", "2026-12-02", "40", ResourceId="/r/base", ResourceName="base"),
    *days("2026-11-02", "2026-12-02", "60", ResourceId="/r/office", ResourceName="office"),
    charge("2026-11-29", "55.5"),
]


class Turn:
    """The weekly report and the budget mail of one moment."""

    def __init__(self, folder: Path, now: datetime = NOW, amount: int = 2000) -> None:
        given = settings(folder, f"{{all: {{amount: {amount}, thresholds: [5, 100]}}}}")
        with book(folder, *ROWS, now=now) as costs, State.open(folder / "state.db") as state:
            self.report: Report = build(costs, now, given.report, known=known_by_charges(costs, given, now))
            self.behind = explain(self.report, costs, "month/next")
            mail = render(self.report, given)
            self.weekly, self.subject = " ".join(mail.text.split()), mail.subject
            self.standings = budgeting.check(costs, given, state, now).looked.standings
            budgeting.deliver(state, given, now)
            december = next(one for one in self.standings if not one.ended)
            self.drove = drivers(december, costs, now)
        (mailed,) = mails(folder / "outbox")
        body = mailed.get_body(("plain",))
        assert body is not None
        self.mail = " ".join(str(body.get_content()).split())


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Turn:
    return Turn(tmp_path_factory.mktemp("turn"))


def test_both_mails_of_3_december_say_the_same_of_november(turn: Turn) -> None:
    november = next(one for one in turn.standings if one.ended)
    assert turn.report.month
    assert turn.report.month.budget

    assert turn.report.month.cost.amount == turn.report.month.budget.spent.amount == november.spent
    assert "November 2026 is over, and everything came to $2,996 of its budget of $2,000, $996 over" in turn.mail
    assert "November ended $996 over its $2,000 budget" in turn.weekly


def test_a_month_all_of_whose_days_are_known_is_not_forecast(turn: Turn) -> None:
    assert turn.report.outlook is None
    assert turn.report.no_outlook == ""
    assert "November is heading for" not in turn.weekly
    assert turn.weekly.count("chance") == 1
    assert re.search(r"in the mean; .{1,20} chance over ", turn.weekly)  # of December, on its tile
    assert "to date" not in turn.weekly
    assert turn.subject == "Over budget: $700 week to 28 Nov, Nov $2,996 of $2,000"


def test_the_new_month_is_named_with_what_it_cost(turn: Turn) -> None:
    assert turn.report.month
    assert turn.report.month.next
    assert turn.report.month.next.period.days == [date(2026, 12, 1)]

    assert "December has begun: it cost $100 to 1 Dec. - $996 over the budget" in turn.weekly
    assert sum(row.amount for row in turn.behind.rows) == turn.report.month.next.cost.amount == 100


def test_a_few_days_are_compared_with_the_same_weekdays(turn: Turn) -> None:
    # 1 November was a Sunday, on which no office works.
    assert turn.drove.against == "3 Nov 2026"
    assert turn.drove.rows == ()


def test_an_older_week_is_reported_with_its_month_as_it_ended(tmp_path: Path) -> None:
    week = Period(date(2026, 9, 6), date(2026, 9, 13))
    with book(tmp_path, *ROWS, now=NOW) as costs:
        report = build(costs, NOW, settings(tmp_path, "{all: 2000}").report, week)

    assert report.month
    assert report.month.ended
    assert (report.month.cost.amount, report.month.next) == (Decimal(1200), None)


def test_a_month_that_has_begun_is_told_before_its_first_complete_day(tmp_path: Path) -> None:
    first = Turn(tmp_path, datetime(2026, 12, 2, 12, tzinfo=UTC))
    assert first.report.month
    next_ = first.report.month.next
    december = next(one for one in first.standings if not one.ended)

    assert next_
    assert (next_.first, next_.period, next_.cost.amount) == (date(2026, 12, 1), None, 0)
    assert next_.range
    assert december.forecast
    assert next_.range.middle.amount == december.forecast.middle
    assert "December is heading for" in first.weekly
    assert "December has begun; no day of it is complete yet." in first.weekly
    assert first.behind.total == 0


def test_the_budget_mail_says_that_no_day_of_a_month_is_complete(tmp_path: Path) -> None:
    mail = Turn(tmp_path, datetime(2026, 12, 2, 12, tzinfo=UTC)).mail

    assert "No day of December 2026 is complete yet; the budget of everything for it is $2,000." in mail
    assert "0% of the month gone" not in mail


def test_the_budget_mail_names_what_runs_before_a_day_of_the_month_is_complete(tmp_path: Path) -> None:
    turn = Turn(tmp_path, datetime(2026, 12, 2, 12, tzinfo=UTC))

    assert [row.name for row in turn.drove.rows] == ["office", "gpu-1"]
    assert "What drives it (24 to 30 Nov 2026 against 27 Oct to 2 Nov 2026) office" in turn.mail


def test_a_budget_that_is_over_before_a_day_is_complete_says_so(tmp_path: Path) -> None:
    mail = Turn(tmp_path, datetime(2026, 12, 2, 12, tzinfo=UTC), amount=90).mail

    assert "$110.00 over its budget of $90.00, before a day of it is complete." in mail
    assert "To 30 Nov" not in mail


def test_the_budget_of_a_month_without_a_complete_day_is_a_decision(tmp_path: Path) -> None:
    asked = [one for one in Turn(tmp_path, datetime(2026, 12, 2, 12, tzinfo=UTC)).report.decisions if "Dec" in one.what]

    assert [one.kind for one in asked] == ["budget"]
