"""Slots: what each text means, in eight zones with every oddity that zones have."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.daemon.slots import Hours, parse
from finops.errors import ConfigError

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # 30 December 2011 was skipped
    "Africa/Casablanca",  # summer time but in Ramadan
    "Asia/Kathmandu",  # 5:45 ahead
    "America/Sao_Paulo",  # until 2019 summer time began at midnight, so that days began at 01:00
)
TEXTS = (
    "every 15 minutes", "every 2 hours", "every 7 hours", "daily at 05:30", "daily at 02:30", "daily at 00:00",
    "weekdays at 09:00", "weekly on monday at 06:30", "weekly on friday at 05:30", "weekly on sunday at 02:15",
    "monthly on day 3 at 06:00", "monthly on day 31 at 23:59", "working hours every 30 minutes",
)  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "latest", "following"),
    [
        ("every 15 minutes", "2026-11-24T10:00", "2026-11-24T10:15"),
        ("every 2 hours", "2026-11-24T10:00", "2026-11-24T12:00"),
        ("daily at 05:30", "2026-11-24T05:30", "2026-11-25T05:30"),
        ("weekdays at 09:00", "2026-11-24T09:00", "2026-11-25T09:00"),
        ("weekly on monday at 06:30", "2026-11-23T06:30", "2026-11-30T06:30"),
        ("Weekly on  Monday at 6:30", "2026-11-23T06:30", "2026-11-30T06:30"),
        ("monthly on day 3 at 06:00", "2026-11-03T06:00", "2026-12-03T06:00"),
        ("monthly on day 31 at 06:00", "2026-10-31T06:00", "2026-11-30T06:00"),
        ("working hours every 30 minutes", "2026-11-24T10:00", "2026-11-24T10:30"),
    ],
)
def test_a_text_means_these_slots(text: str, latest: str, following: str):
    now, zone = at("2026-11-24T10:07"), ZoneInfo("UTC")

    assert parse(text).latest(now, zone) == at(latest)
    assert parse(text).next(now, zone) == at(following)


def test_off_has_no_slots():
    when, now = parse("off"), at("2026-11-24T10:07")

    assert (when.latest(now, BERLIN), when.next(now, BERLIN)) == (None, None)
    assert when.between(now, now + timedelta(days=9), BERLIN) == []


@pytest.mark.parametrize(
    "text",
    ["", "sometimes", "every 0 minutes", "every 9999 hours", "daily at 24:00", "daily at 5", "weekly on day 3 at 06:00",
     "monthly on day 32 at 06:00", "monthly on day 0 at 06:00", "daily at 05:30 and 06:30", "daily at 05:30\n",
     "every -5 minutes", "every 1.5 hours", "weekly at 06:30"],
)  # fmt: skip
def test_a_text_that_says_nothing_is_refused_with_what_to_write(text: str):
    if text.strip() != text:
        assert parse(text) == parse(text.strip())
        return
    with pytest.raises(ConfigError, match=r"does not say when.*daily at 05:30"):
        parse(text)


def test_a_time_that_summer_time_leaves_out_comes_an_hour_later_and_once():
    slots = parse("daily at 02:30").between(at("2026-03-28T12:00"), at("2026-03-30T12:00"), BERLIN)

    assert slots == [at("2026-03-29T01:30"), at("2026-03-30T00:30")]  # 03:30 and 02:30, both in summer time


def test_a_time_that_winter_time_brings_twice_is_its_first():
    slots = parse("daily at 02:30").between(at("2026-10-24T12:00"), at("2026-10-26T12:00"), BERLIN)

    assert slots == [at("2026-10-25T00:30"), at("2026-10-26T01:30")]


def test_half_an_hour_of_summer_time_is_half_an_hour_later():
    slots = parse("daily at 02:15").between(
        at("2026-10-03T00:00"), at("2026-10-05T00:00"), ZoneInfo("Australia/Lord_Howe")
    )

    assert [slot.astimezone(ZoneInfo("Australia/Lord_Howe")).time() for slot in slots] == [time(2, 45), time(2, 15)]


def test_a_day_that_was_skipped_has_no_slot_of_its_own():
    apia = ZoneInfo("Pacific/Apia")

    slots = parse("daily at 05:30").between(at("2011-12-29T00:00"), at("2012-01-01T00:00"), apia)

    assert [slot.astimezone(apia).date() for slot in slots] == [
        date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)
    ]  # fmt: skip


def test_working_hours_follow_the_zone_the_weekend_and_holidays():
    hours = Hours(time(9), time(10), lambda day: day.weekday() < 5 and day != date(2026, 11, 24))

    slots = parse("working hours every 30 minutes", hours).between(
        at("2026-11-20T12:00"), at("2026-11-25T12:00"), BERLIN
    )

    assert slots == [at(f"2026-11-{day}T08:{minute}") for day in (23, 25) for minute in ("00", "30")]


def test_weekdays_leave_holidays_out():
    hours = Hours(works=lambda day: day.weekday() < 5 and day != date(2026, 11, 24))

    slots = parse("weekdays at 09:00", hours).between(at("2026-11-20T12:00"), at("2026-11-25T12:00"), BERLIN)

    assert [slot.day for slot in slots] == [23, 25]


MOMENTS = st.integers(0, 8035 * 86400).map(
    lambda seconds: datetime(2008, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TEXTS), st.sampled_from(ZONES), MOMENTS)
def test_latest_next_and_between_tell_of_the_same_slots(text: str, zone_name: str, now: datetime):
    when, zone = parse(text), ZoneInfo(zone_name)
    latest, following = when.latest(now, zone), when.next(now, zone)
    assert latest
    assert following
    around = when.between(now - timedelta(days=40), now + timedelta(days=40), zone)

    assert latest <= now < following
    assert max(slot for slot in around if slot <= now) == latest
    assert min(slot for slot in around if slot > now) == following
    assert around == sorted(set(around))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(TEXTS), st.sampled_from(ZONES), MOMENTS, st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_cut_anywhere_between_has_each_slot_once(text: str, zone_name: str, now: datetime, minutes: list[int]):
    when, zone = parse(text), ZoneInfo(zone_name)
    cuts = [now]
    for step in minutes:
        cuts.append(cuts[-1] + timedelta(minutes=step))

    pieces = [slot for a, b in pairwise(cuts) for slot in when.between(a, b, zone)]

    assert pieces == when.between(cuts[0], cuts[-1], zone)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(2008, 1, 2), date(2030, 1, 1)))
def test_a_day_has_its_daily_slot_at_that_time_or_as_much_later_as_the_clock_jumped(zone_name: str, day: date):
    zone = ZoneInfo(zone_name)
    noon = datetime.combine(day, time(12), zone).astimezone(UTC)
    slots = parse("daily at 02:30").between(noon - timedelta(days=3), noon + timedelta(days=3), zone)
    local = [slot.astimezone(zone) for slot in slots if slot.astimezone(zone).date() == day]

    skipped = zone_name == "Pacific/Apia" and day == date(2011, 12, 30)
    assert len(local) == (0 if skipped else 1)
    assert all(time(2, 30) <= one.time() <= time(3, 30) and one.fold == 0 for one in local)
