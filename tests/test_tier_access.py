"""The forecast of reads: what is learnt from one look at when blobs were last read."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tier_inventories import ACCOUNT, NOW, blob, write_inventory

from finops.tiering.access import KINDS, Access, Habit, forecast, learn, likelihoods
from finops.tiering.inventory import read_inventory
from finops.tiering.schema import AGES

YEAR = 365


def last_read(rate: float, end: float, life: float, luck: random.Random) -> float:
    """Days since the last read of a blob written `life` days ago; `life` where there was none."""
    at, used, ends = 0.0, 0.0, luck.expovariate(end) if end else math.inf
    while rate:
        at += luck.expovariate(rate)
        if at > min(life, ends):
            break
        used = at
    return life - used


def reads_to_come(rate: float, end: float, life: float, luck: random.Random) -> tuple[float, int]:
    """Days since the last read, and how many follow within a year."""
    at, used, later, ends = 0.0, 0.0, 0, luck.expovariate(end) if end else math.inf
    while True:
        at += luck.expovariate(rate)
        if at > min(life + YEAR, ends):
            return life - used, later
        if at <= life:
            used = at
        else:
            later += 1


@pytest.fixture
def learnt(tmp_path: Path):
    """Learns from blobs of (area, days since written, days since last used)."""

    def learning(blobs: list[tuple[str, float, float]], **more: object) -> Access:
        rows = [blob(f"{area}{n}", 2**20, life, idle) for n, (area, life, idle) in enumerate(blobs)]
        place = write_inventory(tmp_path / f"in-{len(blobs)}", rows, format="parquet")
        with read_inventory([place], ACCOUNT, NOW, tmp_path / "spool") as inventory:
            return learn(inventory, **more)

    return learning


def test_data_that_was_never_read_is_not_expected_to_be(learnt):
    luck = random.Random(1)
    lives = [luck.uniform(30, 900) for _ in range(3000)]

    access = learnt([("data/cold/", life, life) for life in lives])

    assert access.of("data/cold/").reads(400, 400, False, YEAR) < 0.05
    assert access.of("data/cold/").untouched(400, 400, False, YEAR) > 0.95


def test_data_that_is_read_every_week_is_expected_to_go_on(learnt):
    luck = random.Random(2)
    lives = [luck.uniform(100, 900) for _ in range(3000)]

    habit = learnt([("data/warm/", life, last_read(1 / 7, 0, life, luck)) for life in lives]).of("data/warm/")

    assert habit.reads(400, 3, True, YEAR) == pytest.approx(YEAR / 7, rel=0.25)


def test_data_that_was_read_only_when_it_was_new_is_not_expected_to_be_read_again(learnt):
    luck = random.Random(3)
    lives = [luck.uniform(60, 900) for _ in range(3000)]

    habit = learnt([("logs/app/", life, last_read(1, 1 / 4, life, luck)) for life in lives]).of("logs/app/")

    assert habit.reads(402, 398, True, YEAR) < 0.05


@pytest.mark.parametrize(("rate", "end"), [(1 / 40, 0.0), (1 / 5, 1 / 100), (1 / 200, 1 / 400), (1 / 800, 0.0)])
def test_as_many_reads_come_as_forecast_or_a_few_less(learnt, rate, end):
    luck = random.Random(4)
    drawn = [(life, *reads_to_come(rate, end, life, luck)) for life in (luck.uniform(30, 900) for _ in range(6000))]

    habit = learnt([("data/a/", life, idle) for life, idle, _ in drawn]).of("data/a/")

    unused = [(life, idle, later) for life, idle, later in drawn if idle >= 30]
    came = sum(later for *_, later in unused) / len(unused)
    foretold = sum(habit.reads(life, idle, life - idle > 1, YEAR) for life, idle, _ in unused) / len(unused)
    assert 0.8 * came <= foretold <= 1.3 * came + 0.2


def test_the_longer_a_blob_was_not_read_the_fewer_reads_are_expected():
    habit = Habit("a/", tuple(1 / len(KINDS) for _ in KINDS), 1, 1, 1)

    expected = [habit.reads(1000, age, True, YEAR) for age in (1, 7, 30, 90, 180, 365, 700)]

    assert expected == sorted(expected, reverse=True)
    assert expected[0] > 100 * expected[-1]


def test_a_folder_used_on_one_day_is_one_observation(learnt):
    one_day = learnt([("data/set/", 200, 200)] * 2000).of("data/set/")
    luck = random.Random(5)
    days = learnt([("data/set/", life, life) for life in (luck.uniform(100, 300) for _ in range(2001))]).of("data/set/")

    assert one_day.days == 1
    assert one_day.reads(200, 200, False, YEAR) > 3 * days.reads(200, 200, False, YEAR)


def test_more_confidence_supposes_more_reads(learnt):
    blobs = [("data/set/", 200, 200)] * 50

    bold, careful = (learnt([*blobs] * n, confidence=sure) for n, sure in ((1, 0.5), (2, 0.95)))

    assert careful.of("data/set/").reads(200, 200, False, YEAR) > bold.of("data/set/").reads(200, 200, False, YEAR)


def test_an_area_without_a_habit_has_the_accounts(learnt):
    access = learnt([("data/a/", 100, 50), ("data/b/", 100, 20)], most=1)

    assert len(access.habits) == 1
    assert access.of("elsewhere/") is access.whole


def test_an_account_without_blobs_supposes_reads(learnt):
    assert learnt([]).whole.reads(100, 100, False, YEAR) > 0


def test_the_chances_of_all_ages_add_up_to_one_for_every_kind():
    life, steps = 300.0, 30_000
    ages = [(n + 0.5) * life / steps for n in range(steps)]

    read = likelihoods([(life, age, True) for age in ages]).sum(axis=0) * life / steps

    assert list(read + likelihoods([(life, life, False)])[0]) == pytest.approx([1.0] * len(KINDS), abs=1e-4)


def test_the_table_of_forecasts_says_what_the_habit_says():
    habit = Habit("a/", tuple(2 * n / len(KINDS) / (len(KINDS) - 1) for n in range(len(KINDS))), 1, 1, 1)
    access = Access("last access", 0.8, habit, {"a/": habit})
    at = (AGES.index(365), AGES.index(90), True)

    table = forecast(access, [at], YEAR, 180)

    # The habit is asked for one blob; of a class nine stand for all, at 1/6, 3/6 and 5/6 of its spans, each counting by
    # how likely it is that a blob has such days: 365 to 450 and 90 to 120 days.
    days = [(365 + 85 * a / 6, 90 + 30 * b / 6, True) for b in (1, 3, 5) for a in (1, 3, 5)]
    likely = [sum(chance * share for chance, share in zip(each, habit.shares, strict=True))
              for each in likelihoods(days)]  # fmt: skip

    def mean(of: Callable[..., float], horizon: float) -> object:
        told = [weight * of(*each, horizon) for weight, each in zip(likely, days, strict=True)]
        return pytest.approx(sum(told) / sum(likely), rel=1e-9)

    assert list(table["habit"]) == [0, 1]
    assert table["reads"][1] == mean(habit.reads, YEAR)
    assert 1 - table["chance"][1] == mean(habit.untouched, YEAR)
    assert table["rest"][1] == mean(habit.rests, YEAR)
    assert table["settling"][1] == mean(habit.rests, 180)


@pytest.mark.parametrize("confidence", [0.2, 1.0])
def test_a_confidence_that_is_none_is_refused(learnt, confidence):
    with pytest.raises(ValueError, match="confidence is"):
        learnt([("data/a/", 10, 5)], confidence=confidence)


def test_one_day_is_the_least_between_a_write_and_a_read(learnt):
    written_and_read_at_once = learnt([("data/a/", 100, 100 - timedelta(hours=3) / timedelta(days=1))])

    assert written_and_read_at_once.of("data/a/").read == 0
