"""Savings: what the charges say and nothing else, each charge once, and never an unknown amount as zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, book, charge, daily

from finops.charges import Gap
from finops.config.model import ReportSettings
from finops.report import Claim, build
from finops.report.model import Saving, Savings

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/ws"
CHAT = f"{WORKSPACE}/onlineEndpoints/chat"
DAY = timedelta(days=1)


def at(day: str, hour: int = 10) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00")


def claim(number: int = 1, resource: str = CHAT, **other: Any) -> Claim:
    values: dict[str, Any] = {
        "number": number,
        "stage": "found",
        "resource_id": resource,
        "name": resource.rpartition("/")[2],
        "what": "online endpoint",
        "holder": "ws",
        "rule": "endpoint-without-requests",
        "does": "delete",
        "did": "deleted",
        "expected": Decimal(300),
        "cost": Decimal(300),
        "currency": "USD",
    }
    return Claim(**{**values, **other})


def done(day: str, number: int = 1, resource: str = CHAT, **other: Any) -> Claim:
    return claim(number, resource, stage="done", since=at(day), **other)


def costs(first: str, last: str, cost: str, resource: str = CHAT, **other: str) -> list[dict[str, str]]:
    return daily(first, last, "CC-1", cost, resource.rpartition("/")[2], ResourceId=resource, **other)


# Something of the subscription is charged on every day.
REST = costs("2026-10-01", "2026-11-22", "100", f"{WORKSPACE}/computes/other")


def saved(folder: Path, claims: Sequence[Claim], *rows: dict[str, str], gaps: Any = (), **settings: Any) -> Savings:
    with book(folder, *REST, *rows) as loaded:
        report = build(loaded, NOW, ReportSettings(**settings), claims=claims, gaps=gaps)
    assert report.savings
    return report.savings


def one(folder: Path, act: Claim, *rows: dict[str, str], **settings: Any) -> Saving:
    [entry] = saved(folder, [act], *rows, **settings).all
    return entry


def test_an_act_saves_what_its_days_cost_before_less_what_they_cost_since(tmp_path: Path) -> None:
    act = one(
        tmp_path, done("2026-11-11"), *costs("2026-10-01", "2026-11-11", "10"), *costs("2026-11-12", "2026-11-22", "1")
    )

    assert act.realised
    assert act.realised.amount == 10 * 10 - 10 * 1
    assert (act.kind, act.days_before, act.days_after) == ("realised", 30, 10)


def test_the_days_of_a_quiet_step_count_neither_before_the_deletion_nor_since(tmp_path: Path) -> None:
    act = one(
        tmp_path,
        done("2026-11-15", quiet=at("2026-11-05")),
        *costs("2026-10-01", "2026-11-04", "10"),
        *costs("2026-11-05", "2026-11-15", "6"),
    )

    assert act.realised
    assert act.realised.amount == 6 * 10
    assert (str(act.since), act.days_before, act.days_after) == ("2026-11-15", 30, 6)


def test_the_average_before_is_of_30_days_and_exact_to_twelve_digits(tmp_path: Path) -> None:
    rows = [
        charge(str(date(2026, 10, 1) + n * DAY), "CC-1", f"{n}.123456789", "chat", ResourceId=CHAT) for n in range(41)
    ]

    act = one(tmp_path, done("2026-11-11"), *rows)

    before = sum((Fraction(row["EffectiveCost"]) for row in rows[-30:]), Fraction(0))
    assert act.realised
    assert abs(Fraction(act.realised.amount) - before * 10 / 30) <= Fraction(1, 10**12)


def test_what_lies_below_the_resource_is_its_cost_and_a_namesake_is_not(tmp_path: Path) -> None:
    below = costs("2026-10-01", "2026-11-11", "10", f"{CHAT.upper()}/deployments/blue")
    beside = costs("2026-10-01", "2026-11-11", "7", f"{CHAT}2")

    act = one(tmp_path, done("2026-11-11"), *below, *beside)

    assert act.realised
    assert act.realised.amount == 100


def test_an_act_of_the_last_day_is_not_on_the_bill_yet_and_counts_as_approved(tmp_path: Path) -> None:
    found = saved(tmp_path, [done("2026-11-21")], *costs("2026-10-01", "2026-11-22", "10"))

    assert (found.realised.amount.amount, found.realised.count) == (0, 0)
    assert (found.approved.amount.amount, found.approved.count) == (300, 1)
    assert found.all[0].why == "not on the bill yet"


def test_an_act_whose_charges_have_not_fallen_has_saved_nothing(tmp_path: Path) -> None:
    act = one(tmp_path, done("2026-11-11"), *costs("2026-10-01", "2026-11-22", "10"))

    assert act.realised
    assert (act.realised.amount, act.why) == (0, "the charges have not fallen")


def test_an_act_whose_charges_rose_has_a_negative_saving(tmp_path: Path) -> None:
    rows = [*costs("2026-10-01", "2026-11-11", "10"), *costs("2026-11-12", "2026-11-22", "12.5")]

    found = saved(tmp_path, [done("2026-11-11")], *rows)

    assert found.realised.amount.amount == -25
    assert found.all[0].why == "the charges have risen"


def test_an_undone_act_stops_counting_on_the_day_before(tmp_path: Path) -> None:
    rows = [*costs("2026-10-01", "2026-11-11", "10"), *costs("2026-11-16", "2026-11-22", "10")]

    act = one(tmp_path, done("2026-11-11", until=at("2026-11-16")), *rows)

    assert act.realised
    assert (act.realised.amount, act.days_after) == (40, 4)


def test_an_act_undone_at_once_has_saved_nothing_and_is_no_decision_any_more(tmp_path: Path) -> None:
    found = saved(tmp_path, [done("2026-11-11", until=at("2026-11-12"))], *costs("2026-10-01", "2026-11-22", "10"))

    assert (found.realised.amount.amount, found.realised.unknown, found.approved.count) == (0, 0, 0)


def test_a_saving_stops_counting_after_a_year(tmp_path: Path) -> None:
    rest = costs("2025-08-01", "2026-09-30", "100", f"{WORKSPACE}/computes/other")

    act = one(tmp_path, done("2025-10-01"), *rest, *costs("2025-08-01", "2025-10-01", "10"))

    assert act.realised
    assert (act.days_after, act.realised.amount) == (365, 3650)


@pytest.mark.parametrize(
    ("act", "first", "why"),
    [
        (done("2026-10-08"), "2026-10-01", ""),
        (done("2026-10-07"), "2026-10-01", "only 6 complete days of charges before it, and 7 are needed"),
        (done("2026-11-11", created=at("2026-11-05")), "2026-11-05", "only 5 complete days"),
        (done("2026-11-11", created=at("2026-11-03")), "2026-11-03", ""),
    ],
)
def test_a_week_of_complete_days_before_is_needed(tmp_path: Path, act: Claim, first: str, why: str) -> None:
    entry = one(tmp_path, act, *costs(first, "2026-11-11", "10"))

    assert entry.why.startswith(why) if why else entry.realised
    assert (entry.realised is None) == bool(why)


def test_days_before_the_resource_was_made_do_not_lower_what_it_cost(tmp_path: Path) -> None:
    act = one(tmp_path, done("2026-11-11", created=at("2026-10-31")), *costs("2026-11-01", "2026-11-11", "10"))

    assert act.realised
    assert (act.realised.amount, act.days_before) == (100, 10)


def test_days_whose_charges_are_missing_count_for_neither_side(tmp_path: Path) -> None:
    rows = [*costs("2026-10-01", "2026-11-11", "10"), *costs("2026-11-12", "2026-11-22", "1")]
    lacking = {"2026-11-05", "2026-11-18"}
    held = [row for row in [*REST, *rows] if row["ChargePeriodStart"][:10] not in lacking]

    with book(tmp_path, *held) as loaded:
        report = build(loaded, NOW, ReportSettings(), claims=[done("2026-11-11")])

    assert report.savings
    [act] = report.savings.all
    assert act.realised
    assert (act.days_before, act.days_after, act.realised.amount) == (29, 9, 81)


def test_a_subscription_whose_charges_stop_shows_no_saving(tmp_path: Path) -> None:
    away = CHAT.replace("/subscriptions/s/", "/subscriptions/other/")
    rows = costs("2026-10-01", "2026-11-11", "10", away, SubAccountId="/subscriptions/other")

    found = saved(tmp_path, [done("2026-11-11", resource=away)], *rows)

    assert (found.realised.count, found.approved.count) == (0, 1)
    assert "the charges of the days since are missing" in found.all[0].why


def test_a_resource_that_no_charge_names_has_no_known_saving(tmp_path: Path) -> None:
    found = saved(tmp_path, [done("2026-11-11")])

    assert (found.realised.unknown, found.all[0].why) == (1, "no charge names it in the days before it")


def test_a_resource_that_was_known_to_cost_nothing_has_saved_nothing(tmp_path: Path) -> None:
    act = one(tmp_path, done("2026-11-11", cost=Decimal(0), expected=Decimal(0)))

    assert act.realised
    assert act.realised.amount == 0


def test_charges_in_two_currencies_are_never_a_saving(tmp_path: Path) -> None:
    rows = [*costs("2026-10-01", "2026-11-11", "10"), *costs("2026-11-10", "2026-11-11", "9", BillingCurrency="EUR")]

    act = one(tmp_path, done("2026-11-11"), *rows, currency="USD")

    assert act.realised is None
    assert act.why == "it is charged in EUR as well, which cannot be added"


def test_an_amount_in_another_currency_is_not_added_to_what_waits(tmp_path: Path) -> None:
    found = saved(tmp_path, [claim(1), claim(2, f"{WORKSPACE}/computes/c", currency="EUR")])

    assert (found.identified.amount.amount, found.identified.count, found.identified.unknown) == (300, 2, 1)


def test_the_three_amounts_hold_each_thing_once(tmp_path: Path) -> None:
    claims = [
        done("2026-11-11", 1),
        claim(2, f"{WORKSPACE}/computes/a", stage="decided", expected=Decimal(50)),
        claim(3, f"{WORKSPACE}/computes/a", expected=Decimal(50)),
        claim(4, f"{WORKSPACE}/onlineEndpoints/b", expected=Decimal(70)),
        claim(5, f"{WORKSPACE}/onlineEndpoints/b/deployments/blue", expected=Decimal(60)),
        claim(6, f"{WORKSPACE}/onlineEndpoints/d/deployments/blue", expected=Decimal(9)),
        claim(7, f"{WORKSPACE}/onlineEndpoints/d", expected=Decimal(8)),
    ]

    found = saved(tmp_path, claims, *costs("2026-10-01", "2026-11-11", "10"))

    sums = (found.realised, found.approved, found.identified)
    assert [each.amount.amount for each in sums] == [100, 50, 79]
    assert {each.number: each.counted_with for each in found.all if each.counted_with} == {
        3: "finding 2",
        5: "finding 4",
        7: "finding 6",
    }


def test_a_cluster_that_was_scaled_down_and_deleted_later_is_counted_once(tmp_path: Path) -> None:
    rows = [*costs("2026-10-01", "2026-11-05", "10"), *costs("2026-11-06", "2026-11-14", "2")]

    found = saved(tmp_path, [done("2026-11-05", 1), done("2026-11-14", 2)], *rows)

    assert found.realised.amount.amount == 16 * 10 - 9 * 2
    assert found.all[1].counted_with == "finding 1"


def test_an_endpoint_deleted_after_one_of_its_deployments_saves_only_the_rest(tmp_path: Path) -> None:
    blue, green = f"{CHAT}/deployments/blue", f"{CHAT}/deployments/green"
    rows = [*costs("2026-10-01", "2026-11-05", "10", blue), *costs("2026-10-01", "2026-11-14", "4", green)]

    found = saved(tmp_path, [done("2026-11-05", 1, blue), done("2026-11-14", 2)], *rows)

    amounts = [act.realised.amount for act in found.all if act.realised]
    assert amounts == [16 * 10, 7 * 4]


def test_done_again_after_an_undo_is_measured_from_the_days_between(tmp_path: Path) -> None:
    rows = [*costs("2026-10-01", "2026-10-15", "10"), *costs("2026-10-20", "2026-11-11", "10")]
    again = [done("2026-10-15", 1, until=at("2026-10-20")), done("2026-11-11", 2)]

    found = saved(tmp_path, again, *rows)

    assert [act.realised.amount for act in found.all if act.realised] == [40, 100]
    assert found.all[1].days_before == len(range(21, 32)) + 10


def knowing(folder: Path, act: Claim, **known: Any) -> Saving:
    """The act by charges of 10 a day until it was done, of which something else is known."""
    with book(folder, *REST, *costs("2026-10-01", "2026-11-11", "10")) as loaded:
        loaded._known = replace(loaded._known, **known)
        report = build(loaded, NOW, ReportSettings(), claims=[act])
    assert report.savings
    return report.savings.all[0]


def test_what_a_gap_in_the_charges_covers_counts_for_nothing(tmp_path: Path) -> None:
    act = knowing(tmp_path, done("2026-11-11"), gaps=(Gap("/subscriptions/S", "charges of 2026-10", "[403]"),))

    assert act.days_before == 10


def test_days_that_were_asked_while_they_ran_count_for_nothing(tmp_path: Path) -> None:
    every = {date(2026, 10, 1) + n * DAY for n in range(52)}

    act = knowing(tmp_path, done("2026-11-11"), asked={"/subscriptions/s": frozenset(every - {date(2026, 11, 15)})})

    assert act.days_after == 9


def test_cost_data_without_effective_cost_has_no_realised_savings(tmp_path: Path) -> None:
    act = knowing(tmp_path, done("2026-11-11"), bases=("billed",))

    assert (act.realised, act.why) == (None, "the cost data states billed cost only")


def test_days_before_an_act_whose_saving_is_not_known_say_nothing_of_a_later_one(tmp_path: Path) -> None:
    rows = [*costs("2026-10-28", "2026-11-01", "10"), *costs("2026-11-02", "2026-11-11", "4")]
    made = at("2026-10-28")

    found = saved(tmp_path, [done("2026-11-01", 1, created=made), done("2026-11-11", 2, created=made)], *rows)

    assert [act.realised.amount if act.realised else None for act in found.all] == [None, 40]
    assert found.all[1].days_before == 9


def test_now_in_another_zone_counts_the_same_days(tmp_path: Path) -> None:
    with book(tmp_path, *REST, *costs("2026-10-01", "2026-11-11", "10")) as loaded:
        there = build(loaded, NOW.astimezone(UTC), ReportSettings(), claims=[done("2026-11-11")])

    assert there.savings
    assert there.savings.to == date(2026, 11, 21)
