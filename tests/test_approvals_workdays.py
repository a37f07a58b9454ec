"""Working days, working hours and quiet hours, where people are: zones, weekends, holidays, summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from finops.approvals import Workdays
from finops.approvals.workdays import DAYS
from finops.config import load
from finops.config.model import JanitorSettings
from finops.errors import ConfigError

FRIDAY = datetime(2026, 11, 20, 15, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia",
         "Africa/Casablanca", "America/Sao_Paulo"]  # fmt: skip


def days(**settings: object) -> Workdays:
    return Workdays(JanitorSettings(**settings))


@pytest.mark.parametrize(
    ("wait", "ends"),
    [(0, FRIDAY), (1, FRIDAY.replace(day=23, hour=17)), (5, FRIDAY.replace(day=27, hour=17)),
     (6, FRIDAY.replace(day=30, hour=17))],
)  # fmt: skip
def test_working_days_are_counted_after_the_day_of_asking(wait: int, ends: datetime):
    assert days().after(FRIDAY, wait) == ends


def test_holidays_do_not_count():
    assert days(holidays=[date(2026, 11, 23), date(2026, 11, 24)]).after(FRIDAY, 1) == FRIDAY.replace(day=25, hour=17)


def test_other_weekends_are_weekends():
    assert days(weekend=["friday", "saturday"]).after(FRIDAY, 1) == FRIDAY.replace(day=22, hour=17)


def test_the_day_is_that_of_the_people():
    late_in_london = FRIDAY.replace(hour=23)  # Saturday in Berlin

    assert days(time_zone="Europe/Berlin").after(late_in_london, 1) == datetime(2026, 11, 23, 16, tzinfo=UTC)


def test_summer_time_moves_the_hours_with_the_people():
    berlin = days(time_zone="Europe/Berlin")

    assert berlin.working(datetime(2026, 10, 23, 6, 30, tzinfo=UTC))  # 08:30, summer
    assert not berlin.working(datetime(2026, 10, 26, 6, 30, tzinfo=UTC))  # 07:30, winter


def test_an_hour_that_summer_time_leaves_out_comes_an_hour_later():
    night = days(time_zone="Europe/Berlin", weekend=[], work_from=time(1), work_until=time(2, 30))

    assert night.after(datetime(2026, 3, 28, 12, tzinfo=UTC), 1) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_worked_twice():
    night = days(time_zone="Europe/Berlin", weekend=[], work_from=time(2), work_until=time(3))

    assert night.working(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert night.working(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


@pytest.mark.parametrize(("hour", "minute", "works"), [(7, 59, False), (8, 0, True), (16, 59, True), (17, 0, False)])
def test_working_hours_begin_and_end_to_the_minute(hour: int, minute: int, works: bool):
    assert days().working(FRIDAY.replace(hour=hour, minute=minute)) == works


def test_nobody_works_at_weekends_and_on_holidays():
    calendar = days(holidays=[date(2026, 11, 23)])

    assert not calendar.working(FRIDAY.replace(day=21, hour=10))
    assert not calendar.working(FRIDAY.replace(day=23, hour=10))
    assert calendar.next_work(FRIDAY.replace(hour=18)) == FRIDAY.replace(day=24, hour=8)


@pytest.mark.parametrize(("hour", "quiet"), [(6, True), (7, False), (19, False), (20, True), (23, True), (0, True)])
def test_quiet_hours_reach_over_midnight(hour: int, quiet: bool):
    assert days().quiet(FRIDAY.replace(hour=hour)) == quiet


@pytest.mark.parametrize(("hour", "quiet"), [(11, False), (12, True), (13, False)])
def test_quiet_hours_may_lie_within_a_day(hour: int, quiet: bool):
    assert days(quiet_from=time(12), quiet_until=time(13)).quiet(FRIDAY.replace(hour=hour)) == quiet


def test_days_without_work_are_quiet():
    assert days().quiet(FRIDAY.replace(day=21, hour=12))


def test_a_year_of_holidays_is_told_and_does_not_hang():
    always = [date(2026, 1, 1) + timedelta(days=day) for day in range(4200)]

    with pytest.raises(ConfigError, match="nobody works for ten years"):
        days(holidays=always).after(FRIDAY, 1)


@given(
    st.sampled_from(ZONES), st.integers(0, 4 * 366 * 24 * 60),
    st.integers(0, 40),
)  # fmt: skip
def test_a_grace_is_never_shorter_than_its_days(zone: str, minutes: int, wait: int):
    calendar, moment = days(time_zone=zone), FRIDAY + timedelta(minutes=minutes)

    ends = calendar.after(moment, wait)

    assert ends >= moment
    assert ends - moment > timedelta(days=wait - 1) if wait else ends == moment
    assert calendar.after(moment, wait + 1) > ends
    start = calendar.next_work(moment)
    assert start >= moment
    assert calendar.working(start) or calendar.working(start + timedelta(hours=1))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"time_zone": "Mars/Olympus"}, "is no time zone"),
        ({"time_zone": "../../etc/passwd"}, "is no time zone"),
        ({"work_from": time(17), "work_until": time(8)}, "work_from must be before work_until"),
        ({"weekend": list(DAYS)}, "no day"),
        ({"snooze_days": 60, "longest_days": 30}, "must not be more than"),
        ({"approvers": {"everything": ["a@b.example"]}}, "is no scope"),
        ({"approvers": {"/": ["not an address"]}}, "is not a mail address"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object], said: str):
    with pytest.raises(ValidationError, match=said):
        JanitorSettings(**settings)


@pytest.mark.parametrize(("written", "meant"), [("17:00", time(17)), ("'17:00'", time(17)), ("09:30", time(9, 30))])
def test_times_in_yaml_are_times_of_day(tmp_path: Path, written: str, meant: time):
    """YAML 1.1 reads 17:00 as 1020, which pydantic would read as 17 minutes past midnight."""
    file = tmp_path / "finops.yaml"
    file.write_text(f"janitor:\n  work_from: 08:00\n  work_until: 18:00\n  quiet_from: {written}\n")

    assert load(file).janitor.quiet_from == meant


def test_off_in_yaml_is_off(tmp_path: Path):
    """YAML 1.1 reads it as false."""
    file = tmp_path / "finops.yaml"
    file.write_text("janitor: {mode: ask, rules: {instance-idle: {mode: off}, image-stale: {mode: 'off'}}}\n")

    settings = load(file).janitor

    assert [settings.mode_of(rule) for rule in ("instance-idle", "image-stale", "image-untagged")] == [
        "off",
        "off",
        "ask",
    ]
