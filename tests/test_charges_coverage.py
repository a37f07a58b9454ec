"""Days that ought to have charges and have none are named, not taken as zero."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from charges_files import SUB, charge, focus

from finops import charges
from finops.charges import Period

OTHER = "/subscriptions/other"
FIRST_HALF = Period(date(2026, 9, 1), date(2026, 9, 16))


def days(first: int, last: int, **more: str) -> list[dict[str, str]]:
    return [charge(f"{date(2026, 8, 31) + timedelta(days=n)}", "1", **more) for n in range(first, last + 1)]


def lacking(file: Path, period: Period = FIRST_HALF) -> list[tuple[str, str]]:
    with charges.load([file]) as book:
        return [(gap.scope, gap.what) for gap in book.missing(period)]


def test_days_without_any_charge_between_days_with_charges_are_missing(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 8), *days(13, 15))

    assert lacking(file) == [("all subscriptions", "charges of 9 to 12 Sep 2026")]


def test_the_days_outside_the_data_are_not_missing_but_incomplete(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 8))

    assert lacking(file) == []


def test_a_subscription_that_falls_silent_before_the_others_is_missing(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 15), *days(1, 8, SubAccountId=OTHER))

    assert lacking(file) == [(OTHER, "charges of 9 to 15 Sep 2026")]


def test_a_subscription_that_rests_at_weekends_is_not_missing_on_one(tmp_path: Path):
    """5 and 6, 12 and 13 September 2026 are weekends."""
    weekdays = [*days(1, 4, SubAccountId=OTHER), *days(7, 11, SubAccountId=OTHER)]
    file = focus(tmp_path / "a.csv", *days(1, 13), *weekdays)

    assert lacking(file) == []


def test_a_subscription_charged_now_and_then_is_not_missing(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 15), *days(2, 3, SubAccountId=OTHER))

    assert lacking(file) == []


def test_a_subscription_that_ended_long_ago_is_forgotten(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 60), *days(1, 8, SubAccountId=OTHER))

    assert lacking(file, Period(date(2026, 10, 1), date(2026, 10, 8))) == [(OTHER, "charges of 1 to 7 Oct 2026")]
    assert lacking(file, Period(date(2026, 10, 20), date(2026, 10, 27))) == []


def test_one_subscription_is_one_however_its_id_is_written(tmp_path: Path):
    guid = SUB.rpartition("/")[2].upper()
    file = focus(tmp_path / "a.csv", *days(1, 8), *days(9, 15, SubAccountId=guid))

    assert lacking(file) == []


def test_a_book_with_a_hole_is_not_complete(tmp_path: Path):
    with charges.load([focus(tmp_path / "a.csv", *days(1, 2), *days(4, 5))]) as book:
        assert not book.is_complete
        assert book.gaps == []


def test_few_charges_far_between_have_no_holes(tmp_path: Path):
    assert lacking(focus(tmp_path / "a.csv", *days(1, 2), *days(14, 15))) == []


def test_a_hole_longer_than_the_data_is_one_beside_a_full_week(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 7), *days(60, 61))

    assert lacking(file) == [("all subscriptions", "charges of 8 to 15 Sep 2026")]


def test_days_in_the_future_say_nothing_about_completeness(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 14), charge("2126-01-01", "5"))

    with charges.load([file], now=datetime(2026, 9, 20, tzinfo=UTC)) as book:
        assert book.total() == 19
        assert book.complete_until == datetime(2026, 9, 15, tzinfo=UTC)
        assert "1 charge in " in book.notes[0]
        assert book.is_complete


def test_the_day_on_which_a_file_was_written_is_not_complete(tmp_path: Path):
    file = focus(tmp_path / "a.csv", *days(1, 14))
    written = datetime(2026, 9, 14, 15, tzinfo=UTC).timestamp()
    os.utime(file, (written, written))

    with charges.load([file], now=datetime(2026, 9, 20, tzinfo=UTC)) as book:
        assert book.complete_until == datetime(2026, 9, 13, tzinfo=UTC)
