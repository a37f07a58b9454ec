"""What runs now, carried forward: what has an end, what has none, what is usual, and what is worth a mail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from budgeting import WORKSPACE

from finops.budget import Scope
from finops.budget.rate import Left, Projection, Recorded, Rules, project
from finops.budget.running import Rates, Running, rates
from finops.estate import Estate, Gap, Known, Resource, Unknown
from finops.estate.ids import key
from finops.estate.queries import COMPUTES, LOCKS

WEDNESDAY = datetime(2026, 12, 23, 16, tzinfo=UTC)
TUESDAY_AFTER = datetime(2026, 12, 29, 8, tzinfo=UTC)
RULES = Rules(Decimal(100))


def running(name: str = "gpu", per_hour: str | None = "10", **more: Any) -> Running:
    given: dict[str, Any] = {
        "id": f"{WORKSPACE}/computes/{name}", "name": name, "workspace": "ws", "kind": "compute cluster",
        "size": "Standard_NC6s_v3", "region": "eastus", "count": 4, "spot": False,
        "per_hour": None if per_hour is None else Decimal(per_hour), "why_unknown": "" if per_hour else "no price",
        "has_work": False, "ends": None, "says": "idle", "command": "",
    }  # fmt: skip
    return Running(**{**given, **more})


def recorded(day: date, amount: str, free: bool = False, covered: str = "1", name: str = "usual") -> Recorded:
    return Recorded(day, Decimal(covered), free, {key(f"{WORKSPACE}/computes/{name}"): Decimal(amount)})


def history(amount: str, days: int = 10, free: bool = False, name: str = "usual") -> list[Recorded]:
    return [recorded(date(2026, 12, 1) + timedelta(days=n), amount, free, name=name) for n in range(days)]


def projected(*things: Running, at: datetime = WEDNESDAY, **more: Any) -> Projection:
    given: dict[str, Any] = {"next_work": TUESDAY_AFTER, "works_until": None, "history": (), "rules": RULES}
    return project(Rates(at, things, ()), **{**given, **more})


def test_four_nodes_left_on_over_a_holiday_are_carried_to_the_morning_when_people_are_back():
    found = projected(running(per_hour="12.24"))

    hours = Decimal(str((TUESDAY_AFTER - WEDNESDAY) / timedelta(hours=1)))
    assert (found.until, found.cost) == (TUESDAY_AFTER, hours * Decimal("12.24"))


def test_what_is_left_on_is_worth_a_mail_at_the_first_look_without_any_record():
    assert projected(running()).reasons == ("left on",)


def test_work_is_no_reason_for_a_mail_while_nothing_is_on_record():
    assert projected(running(has_work=True)).reasons == ()


def test_work_above_what_is_usual_on_days_off_is_worth_a_mail():
    found = projected(running(has_work=True), history=history("20", free=True))

    assert (found.reasons, [one.running.name for one in found.culprits]) == (("above usual",), ["gpu"])


def test_what_is_usual_is_no_reason_for_a_mail():
    assert projected(running(), history=history("240", free=True, name="gpu")).reasons == ()


def test_days_off_are_compared_with_days_off():
    days = [*history("500", 10), *[recorded(date(2026, 11, n), "20", free=True) for n in (1, 7, 8, 14)]]

    found = projected(running(has_work=True), history=days)

    assert (found.usual_per_day, found.usual_from) == (Decimal(20), "the last 4 days off on record")


def test_a_day_that_was_not_looked_at_says_nothing_of_what_is_usual():
    days = [*history("20", 3, free=True), *[recorded(date(2026, 11, n), "900", True, "0.4") for n in range(1, 9)]]

    assert projected(running(), history=days).usual_per_day == Decimal(20)


def test_work_that_ends_by_its_limit_is_carried_to_that_limit_only():
    found = projected(running(has_work=True, ends=WEDNESDAY + timedelta(hours=2)), history=history("0", free=True))

    assert (found.cost, found.reasons) == (Decimal(20), ())


def test_idle_nodes_that_are_let_go_soon_are_no_reason_for_a_mail():
    assert projected(running(ends=WEDNESDAY + timedelta(minutes=15))).reasons == ()


def test_work_of_unknown_length_is_carried_to_the_end_of_the_working_day_while_people_are_there():
    evening = WEDNESDAY + timedelta(hours=1)

    found = projected(running(has_work=True), next_work=WEDNESDAY, works_until=evening)

    assert found.cost == Decimal(10)


SPELLS = {key(f"{WORKSPACE}/computes/gpu"): [Decimal(1), Decimal(4), Decimal(2), Decimal(3), Decimal(1)]}


def at_work_for(hours: int, **more: Any) -> Projection:
    """A cluster at work, which never took longer than four hours, in the last hour of the working day."""
    since = {key(f"{WORKSPACE}/computes/gpu"): WEDNESDAY - timedelta(hours=hours)}
    evening = WEDNESDAY + timedelta(hours=1)
    given = {"spells": SPELLS, "busy_since": since, "next_work": WEDNESDAY, "works_until": evening, **more}
    return projected(running(has_work=True), **given)


def test_work_is_carried_as_long_as_it_ever_took_and_half_as_long_again():
    assert at_work_for(1, works_until=None, next_work=TUESDAY_AFTER).cost == Decimal(50)


def test_work_that_takes_much_longer_than_ever_counts_as_having_no_end():
    assert at_work_for(7).cost == Decimal(240)


def test_a_few_times_on_record_say_nothing_of_how_long_it_takes():
    few = {name: lengths[:4] for name, lengths in SPELLS.items()}

    assert at_work_for(7, spells=few).cost == Decimal(10)


def test_an_absolute_limit_holds_whatever_is_usual():
    found = projected(running(), history=history("240", free=True, name="gpu"), rules=Rules(Decimal(100), Decimal(200)))

    assert (found.reasons, [one.running.name for one in found.culprits]) == (("above the limit",), ["gpu"])


def test_a_budget_that_would_be_used_up_before_anybody_looks_is_said_with_the_hour():
    left = Left("all", Decimal(1000), Decimal(100), "USD", frozenset({key(f"{WORKSPACE}/computes/gpu")}))

    found = projected(running(), lefts=[left], rules=Rules(Decimal(10_000)))

    assert (found.reasons, found.threats[0].used_up) == (("budget",), WEDNESDAY + timedelta(hours=10))


def test_a_budget_in_another_currency_is_not_compared_with_list_prices():
    left = Left("all", Decimal(1000), Decimal(1), "EUR", frozenset({key(f"{WORKSPACE}/computes/gpu")}))

    assert projected(running(), lefts=[left]).threats == ()


def test_what_has_no_known_price_is_never_counted_as_nothing():
    found = projected(running("a"), running("b", None))

    assert (found.rates.per_hour, found.rates.at_least, [one.name for one in found.rates.unpriced]) == (
        Decimal(10),
        True,
        ["b"],
    )


def test_the_end_of_the_month_counts_only_what_nothing_ends():
    found = projected(running("a", "1"), running("b", "1", ends=WEDNESDAY + timedelta(hours=5)))

    assert found.month_end == Decimal(str((datetime(2027, 1, 1, tzinfo=UTC) - WEDNESDAY) / timedelta(hours=1))) + 5


@pytest.mark.parametrize("at", ["2026-01-31T23:59:00", "2028-02-29T12:00:00", "2026-12-31T00:00:00"])
def test_month_ends_of_every_kind_lie_ahead(at: str):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)

    assert projected(running(), at=moment, next_work=moment + timedelta(hours=9)).month_end > 0


# -- what an estate says ------------------------------------------------------------------------------------------


def cluster(states: dict[str, int], least: int = 0, price: Any = Decimal(40), patience: str = "PT30M") -> Resource:
    body = {
        "id": f"{WORKSPACE}/computes/gpu",
        "location": "eastus",
        "tags": {"CostCenter": "CC-1"},
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_NC6S_V3",
                "scaleSettings": {"minNodeCount": least, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": patience},
            },
        },
    }
    names = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
    facts = {f"{name}Nodes": Known(states.get(name, 0), WEDNESDAY) for name in names}
    facts["nodes"] = Known(sum(states.values()), WEDNESDAY)
    facts["pricePerHour"] = Unknown(price) if isinstance(price, str) else Known(price, WEDNESDAY)
    return Resource(body["id"], body, facts)  # type: ignore[arg-type]


def job(limit: str = "", status: str = "Running") -> Resource:
    body = {
        "id": f"{WORKSPACE}/jobs/train",
        "name": "train",
        "systemData": {"createdAt": "2026-12-23T15:00:00Z"},
        "properties": {"status": status, "computeId": f"{WORKSPACE}/computes/gpu", "limits": {"timeout": limit}},
    }
    return Resource(str(body["id"]), body)


def look(*found: Resource, gaps: tuple[Gap, ...] = ()) -> Rates:
    return rates(Estate(WEDNESDAY, {key(one.id): one for one in found}, gaps))


def test_a_cluster_is_told_in_parts_those_at_work_and_those_kept_for_nothing():
    found = look(cluster({"idle": 3, "running": 1}, least=2), job("PT4H"))

    assert sorted((one.count, one.has_work, one.ends) for one in found.running if one.ends is not None) == [
        (1, True, datetime(2026, 12, 23, 19, tzinfo=UTC)),
        (2, False, WEDNESDAY + timedelta(minutes=30)),
    ]
    assert [(one.count, one.says) for one in found.running if one.ends is None] == [
        (1, "idle, and kept by its minimum of 2 nodes")
    ]


def test_the_parts_of_a_cluster_add_up_to_its_price():
    found = look(cluster({"idle": 3, "running": 1, "leaving": 2, "preempted": 1}, least=2))

    assert found.per_hour == Decimal(40)


def test_a_cluster_without_a_known_price_is_unpriced_with_the_reason():
    found = look(cluster({"idle": 4}, 4, "no price is published for it"))

    assert [(one.per_hour, one.why_unknown) for one in found.running] == [(None, "no price is published for it")]


def test_a_cluster_whose_nodes_could_not_be_listed_is_unpriced_and_not_gone():
    one = cluster({})
    hidden = Resource(one.id, one.body, {**one.facts, "nodes": Unknown("403")})

    found = look(hidden)

    assert [(each.per_hour, each.why_unknown) for each in found.running] == [(None, "403")]


def test_a_job_without_a_limit_has_no_known_end():
    found = look(cluster({"running": 1}), job())

    assert [(one.ends, "without a time limit" in one.says) for one in found.running] == [(None, True)]


def test_a_subscription_that_could_not_be_read_makes_the_sum_a_least_one():
    found = look(gaps=(Gap("/subscriptions/x", COMPUTES, "403"), Gap("/subscriptions/x", LOCKS, "403")))

    assert (found.at_least, len(found.unread)) == (True, 1)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope("all"), True),
        (Scope("workspace", name="ws"), True),
        (Scope("workspace", name="other"), False),
        (Scope("group", name="ml-rg"), True),
        (Scope("subscription", "/subscriptions/11111111-2222-3333-4444-555555555555"), True),
        (Scope("subscription", "/subscriptions/11111111-2222-3333-4444-55555555555"), False),
        (Scope("tag", name="costcenter", values=("CC-1",)), True),
        (Scope("tag", name="CostCenter", values=("CC-2",)), False),
    ],
)
def test_what_runs_belongs_to_a_budget_by_its_id_and_its_tags(scope: Scope, covered: bool):
    assert look(cluster({"idle": 1}, 1)).running[0].covered_by(scope) is covered
