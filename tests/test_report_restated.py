"""What was published and has changed since, and until when a period may change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, daily, rendered, report_of

from finops.charges import Period
from finops.jobs import published
from finops.report.known import Known, Published
from finops.report.model import Restatements
from finops.report.restated import closes_on, state_of
from finops.state import State

ROWS = daily("2026-11-01", "2026-11-22", "CC-1", "10")
WEEK = Period.week_ending(date(2026, 11, 14))
THEN = datetime(2026, 11, 16, 6, tzinfo=UTC)


def said(amount: str, period: Period = WEEK, audience: str = "", at: datetime = THEN, **other: str) -> Published:
    told = {"basis": "effective", "currency": "USD", **other}
    return Published(period, told["basis"], told["currency"], Decimal(amount), at, audience)


def restated(folder: Path, *told: Published, share: str | None = None) -> Restatements:
    return report_of(folder, *ROWS, known=Known(published=told), share=share).restatements


def test_a_published_week_that_has_risen_is_restated_with_amount_and_percent(tmp_path: Path) -> None:
    found = restated(tmp_path, said("64"))

    [row] = found.rows
    assert (row.label, row.published.amount, row.now.amount, row.change.amount) == (
        "week of 8 to 14 Nov 2026",
        64,
        70,
        6,
    )
    assert row.percent == Decimal("9.4")


def test_a_figure_that_still_holds_is_looked_at_and_not_restated(tmp_path: Path) -> None:
    found = restated(tmp_path, said("70"), said("70.004", Period.week_ending(date(2026, 11, 21))))

    assert (found.rows, found.checked) == ((), 2)


def test_the_newest_word_on_a_period_is_what_was_published(tmp_path: Path) -> None:
    found = restated(tmp_path, said("64"), said("70", at=NOW))

    assert found.rows == ()


def test_what_was_published_for_others_or_in_another_basis_is_not_compared(tmp_path: Path) -> None:
    found = restated(tmp_path, said("1", audience="CC-1"), said("1", basis="billed"), said("1", currency="EUR"))

    assert (found.rows, found.published) == ((), 0)


def notes(folder: Path, *rows: dict[str, str], **asked: Any) -> str:
    return " ".join(rendered(folder, *(rows or ROWS), **asked).text.split())


def test_a_first_report_says_that_nothing_was_published_before_and_until_when_it_may_change(tmp_path: Path) -> None:
    told = notes(tmp_path)

    assert "Nothing was published before this report, so nothing can have been restated." in told
    assert "These figures can change until 5 Dec 2026: until then Azure corrects the month." in told


def test_figures_of_days_that_are_no_longer_there_are_said_not_to_have_been_looked_at(tmp_path: Path) -> None:
    old = said("70", Period.week_ending(date(2026, 10, 3)))

    assert "they were not looked at again" in notes(tmp_path, known=Known(published=(old,)))


def test_the_mail_says_how_far_each_subscription_is_charged(tmp_path: Path) -> None:
    behind = daily("2026-11-01", "2026-11-12", "CC-1", "1", "b", SubAccountId="/subscriptions/b", SubAccountName="late")

    told = notes(tmp_path, *ROWS, *behind)

    assert "1 subscription is charged to 21 Nov 2026, late to 12 Nov 2026." in told


def test_a_share_is_restated_by_what_was_published_of_it(tmp_path: Path) -> None:
    found = restated(tmp_path, said("64", audience="CC-1"), said("1"), share="CC-1")

    assert [row.published.amount for row in found.rows] == [64]


def test_days_before_the_charges_begin_are_not_restated_to_nothing(tmp_path: Path) -> None:
    found = restated(tmp_path, said("70", Period.week_ending(date(2026, 11, 4))))

    assert found.checked == 0


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2026-11-30T23:59", "open"),
        ("2026-12-01T00:00", "closing"),
        ("2026-12-05T23:59", "closing"),
        ("2026-12-06T00:00", "closed"),
    ],
)
def test_a_month_closes_when_its_fifth_day_has_passed(now: str, state: str) -> None:
    assert state_of(Period.month("2026-11"), datetime.fromisoformat(f"{now}:00+00:00")) == state
    assert closes_on(Period.month("2026-11")) == date(2026, 12, 5)


def test_a_week_is_as_open_as_the_month_of_its_last_day() -> None:
    week = Period.week_ending(date(2026, 12, 5))

    assert state_of(week, datetime(2026, 12, 20, tzinfo=UTC)) == "open"


def test_what_a_report_said_is_kept_and_read_again(tmp_path: Path) -> None:
    report = report_of(tmp_path, *ROWS)

    with State.open(tmp_path / "state.db") as state:
        published.keep(state, report, NOW)
        [told] = published.published(state.kept("report/"))

    assert told == Published(Period.week_ending(date(2026, 11, 21)), "effective", "USD", Decimal("70.00"), NOW)


def test_a_mail_that_was_there_before_does_not_change_what_was_published(tmp_path: Path) -> None:
    first, second = report_of(tmp_path, *ROWS), report_of(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "11"))

    with State.open(tmp_path / "state.db") as state:
        published.keep(state, first, NOW)
        published.keep(state, second, NOW, sent=False)
        [told] = published.published(state.kept("report/"))

    assert told.amount == 70


def test_a_crash_between_mail_and_memory_is_made_up_for(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        published.keep(state, report_of(tmp_path, *ROWS), NOW, sent=False)

        assert len(list(published.published(state.kept("report/")))) == 1
