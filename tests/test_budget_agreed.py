"""One moment, one figure: the weekly report and the budget mails say the same of a month, to the same day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from budgeting import NOW, book, charge, days, mails, settings

from finops.charges import Period
from finops.cli.budget_lines import line
from finops.forecast.charged import by_charges
from finops.jobs import budgeting
from finops.jobs.budgeting.drivers import drivers
from finops.jobs.knowing import known_by_charges
from finops.report import Report, build, render
from finops.state import State

# A Friday: the last week that is over ended on the 14th, and the charges are complete to the 18th.
ROWS = [
    *days("2026-08-01", "2026-11-20", "40", Tags='{"CostCenter": "CC-1"}'),
    *days("2026-09-01", "2026-11-20", "11.5", Tags='{"CostCenter": "CC-2"}'),
    *days("2026-11-15", "2026-11-19", "60", Tags='{"CostCenter": "CC-2"}'),
    charge("2026-11-05", "-20", ChargeCategory="Credit"),
    charge("2026-10-02", "90", ChargeCategory="Purchase"),
]


class Both:
    """The weekly report and the budget mail of one moment."""

    def __init__(self, folder: Path, rows: list[dict[str, Any]] = ROWS, amount: str = "1400") -> None:
        given = settings(folder, f"{{all: {{amount: {amount}, thresholds: [60, {{forecast: 100}}]}}}}")
        with book(folder, *rows) as costs, State.open(folder / "state.db") as state:
            known = known_by_charges(costs, given, NOW)
            self.report: Report = build(costs, NOW, given.report, known=known)
            self.weekly = render(self.report, given).text
            self.standing = budgeting.check(costs, given, state, NOW).looked.current()[0]
            budgeting.deliver(state, given, NOW)
        self.listed = line(self.standing, None, NOW)
        (mail,) = mails(folder / "outbox")
        body = mail.get_body(("plain",))
        assert body is not None
        self.subject = str(mail["Subject"])
        self.mail = " ".join(str(body.get_content()).split())


def uneven(*sizes: int) -> list[dict[str, Any]]:
    """Charges of 1 August to 20 November that never settle, so that the mean is not the median of what may come."""
    first = date(2026, 8, 1)
    return [
        charge(str(first + timedelta(days=n)), str(sizes[n * n % len(sizes)]), ChargeCategory="Usage")
        for n in range(112)
    ]


FALLING = uneven(60, 59, 58, 57, 56, 55, 52, 50, 46, 40, 29)
RISING = uneven(30, 31, 32, 33, 34, 35, 38, 40, 44, 50, 61)


@pytest.mark.parametrize(
    ("rows", "amount", "mean_over", "said", "subject"),
    [
        # 720 to the 18th; what is known of the two days since passes the budget, which no complete day does.
        ([*days("2026-08-01", "2026-11-18", "40"), *days("2026-11-19", "2026-11-20", "340")], "1390", False,
         "over", "$10 over budget ("),
        (FALLING, "1618.90", True, "watch", " left ("),  # a mean of 1,618.93, and a chance of 0.498
        (RISING, "1081.30", False, "over likely", "Over budget likely ("),  # a mean of 1,081.00, and a chance of 0.504
    ],
)  # fmt: skip
def test_at_the_edge_the_mail_the_report_and_the_command_line_say_the_same_status(
    tmp_path: Path, rows: list[dict[str, Any]], amount: str, mean_over: bool, said: str, subject: str
):
    found = Both(tmp_path, rows, amount)
    word = f"Over budget{said[4:]}" if said.startswith("over") else said.capitalize()

    assert found.standing.forecast
    assert (found.standing.forecast.middle > Decimal(amount)) == mean_over
    assert found.standing.spent < Decimal(amount)
    assert f"\n    {said}; " in found.listed
    assert [one.word for one in found.report.statuses] == [found.report.budgets[0].status.word] == [word]
    assert f"[{word.upper()}]" in found.weekly
    assert f"EVERYTHING, NOVEMBER 2026 {word} " in found.mail
    assert subject in found.subject


def test_what_later_days_are_over_a_budget_is_what_is_to_be_decided(tmp_path: Path):
    rows = [*days("2026-08-01", "2026-11-18", "40"), *days("2026-11-19", "2026-11-20", "340")]

    found = Both(tmp_path, rows, "1390").report

    (decision,) = [one for one in found.decisions if one.kind == "budget"]
    assert decision.amount
    assert (decision.amount.amount, decision.per) == (10, "over budget")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(tmp_path_factory.mktemp("both"))


def test_both_mails_of_one_moment_print_the_same_month_end(both: Both):
    assert both.report.outlook
    assert both.report.outlook.range
    assert both.standing.forecast
    mean = both.report.outlook.middle.amount

    assert (both.standing.forecast.middle, both.standing.chance_over) == (mean, both.report.outlook.chance_over)
    for end in (both.report.outlook.range.low, both.report.outlook.range.high):
        said = f"{int(end.amount.quantize(Decimal('1E1'))):,}"
        assert said in both.mail
        assert said in both.weekly


def test_what_is_spent_the_calendar_and_the_forecast_are_of_one_day_in_both(both: Both):
    budget = both.report.budgets[0]
    assert both.report.month
    assert both.report.outlook

    assert both.report.month.cost.amount == budget.spent.amount == both.standing.spent
    assert budget.through == both.report.outlook.through == date(2026, 11, 18)
    assert (budget.spent_percent, budget.gone_percent) == (81, 60)
    assert "81% of its $1,400 for November 2026, with 60% of the month gone" in both.mail
    assert both.standing.until == datetime(2026, 11, 19, tzinfo=UTC)


def test_both_say_when_the_budget_runs_out_and_how_much_of_the_excess_is_new(both: Both):
    assert both.standing.runs_out
    assert both.report.outlook
    assert both.report.outlook.runs_out == both.standing.runs_out

    text = " ".join(both.weekly.split())
    day = f"{both.standing.runs_out.day} Nov"
    assert f"over its $1,400 budget, used up about {day}" in text
    assert "October cost $1,687, so about" in text
    assert f"the budget runs out about {day}. October 2026 cost $1,687" in both.mail


def test_the_drivers_and_the_others_add_up_to_the_whole_change(tmp_path: Path):
    many = [charge("2026-10-03", str(n), ResourceId=f"/r/down{n}") for n in range(1, 5)]
    many += [charge("2026-11-03", str(10 * n), ResourceId=f"/r/up{n}") for n in range(1, 7)]
    given = settings(tmp_path, "{all: 1000}")
    with book(tmp_path, *days("2026-08-01", "2026-11-19", "40"), *many) as costs:
        (one,) = budgeting.look(costs, given, NOW).current()
        drove = drivers(one, costs, NOW)

    assert drove.change
    assert drove.rose
    assert drove.fell
    rows = sum(row.change.amount for row in drove.rows if row.change)
    assert rows + drove.rose.amount.amount + drove.fell.amount.amount == drove.change.amount
    assert (drove.rose.count, drove.fell.count) == (3, 4)


@pytest.mark.parametrize(
    ("every", "now", "against"),
    [
        ("quarter", NOW, "1 Jul to 18 Aug 2026"),
        ("month", NOW, "1 to 18 Oct 2026"),
        ("month", datetime(2027, 3, 31, 23, tzinfo=UTC), "31 Jan to 28 Feb 2027"),
    ],
)
def test_what_drove_it_is_compared_with_as_many_days(tmp_path: Path, every: str, now: datetime, against: str):
    given = settings(tmp_path, f"{{all: {{amount: 1000, every: {every}}}}}")
    rows = days("2026-05-01", str(now.date()), "100")
    with book(tmp_path, *rows, now=now) as costs:
        (one,) = budgeting.look(costs, given, now).current()
        drove = drivers(one, costs, now)

    assert (drove.against, drove.change and drove.change.amount) == (against, 0)


def test_a_year_that_cannot_be_compared_is_not(tmp_path: Path):
    given = settings(tmp_path, "{all: {amount: 1000, every: year}}")
    with book(tmp_path, *days("2026-01-01", "2026-11-19", "100")) as costs:
        (one,) = budgeting.look(costs, given, NOW).current()

        assert drivers(one, costs, NOW).against == ""


def test_a_month_that_is_not_over_is_never_certain_to_end_over_or_under(tmp_path: Path):
    with book(tmp_path, *days("2026-08-01", "2026-11-19", "40")) as costs:
        november = Period(date(2026, 11, 1), date(2026, 12, 1))
        seen = by_charges(costs, "effective", "USD", november, date(2026, 11, 18))

    assert [seen.chance_over(Decimal(amount)) for amount in (800, 5000)] == [Decimal("0.99"), Decimal("0.01")]


def test_a_budget_in_another_currency_is_told_in_it(tmp_path: Path):
    given = settings(tmp_path, "{all: {amount: 90000, currency: JPY}}")
    rows = days("2026-08-01", "2026-11-19", "4000", BillingCurrency="JPY")
    with book(tmp_path, *rows) as costs, State.open(tmp_path / "state.db") as state:
        budgeting.check(costs, given, state, NOW)
        budgeting.deliver(state, given, NOW)

    (mail,) = mails(tmp_path / "outbox")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "¥72,000" in str(body.get_content())
    assert "$" not in str(body.get_content())
