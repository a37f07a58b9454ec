"""What the first screen asks for: the month that has begun is decided on, nothing is due on the day of the mail, and
who has most of what has no cost centre is only said where somebody has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from budgeting import book, days, settings
from report_data import book as charges_of
from report_data import daily, report_of

from finops.config.model import ReportSettings, Settings
from finops.jobs.knowing import known_by_charges
from finops.report import Claim, build, render
from finops.report.explain import explain
from finops.report.known import Known, Request
from finops.report.model import Decision, Money, More, Outlook, Report

TURN = datetime(2026, 12, 3, 12, tzinfo=UTC)
BASE = days("2026-08-01", "2026-12-02", "40", ResourceId="/r/base", ResourceName="base")
TRAIN = days("2026-11-07", "2026-12-02", "60", ResourceId="/r/a100", ResourceName="a100")


def turn_of(folder: Path, budgets: str, *rows: dict[str, str]) -> Report:
    given = settings(folder, budgets)
    with book(folder, *(rows or (*BASE, *TRAIN)), now=TURN) as costs:
        return build(costs, TURN, given.report, known=known_by_charges(costs, given, TURN))


def test_the_budget_of_the_month_that_has_begun_is_a_decision(tmp_path: Path) -> None:
    model = turn_of(tmp_path, "{all: {amount: 1100, owner: fin@x.example}}")

    assert model.month
    assert model.month.next
    [one] = model.decisions[:1]
    assert one.what.startswith("raise the budget for Dec, or stop what drives it most: a100; it is used up about 1")
    assert one.amount == model.month.next.over
    assert one.a_day == Money(Decimal(60), "USD")
    assert one.owner == "fin@x.example"
    assert model.month.next.runs_out
    assert one.by
    assert date(2026, 12, 3) < one.by < model.month.next.runs_out


def test_what_is_no_longer_charged_is_not_asked_to_be_stopped(tmp_path: Path) -> None:
    ended = [one for one in TRAIN if one["ChargePeriodStart"] < "2026-12-01"]

    [one] = turn_of(tmp_path, "{all: {amount: 1100, owner: f@x.example}}", *BASE, *ended).decisions[:1]

    assert one.what.startswith("raise the budget for Dec, or spend less")


def first_days(folder: Path, budgets: str, *rows: dict[str, str], **more: Any) -> Decision:
    """The first decision of 2 December, when no day of December is complete."""
    given, now = settings(folder, budgets), datetime(2026, 12, 2, 12, tzinfo=UTC)
    with book(folder, *rows, now=now) as costs:
        known = replace(known_by_charges(costs, given, now), **more)
        model = build(costs, now, given.report, known=known)
    assert model.month
    assert model.month.next
    assert model.month.next.period is None
    return model.decisions[0]


def test_before_its_first_complete_day_what_rose_since_last_month_is_to_be_stopped(tmp_path: Path) -> None:
    late = days("2026-11-28", "2026-12-01", "60", ResourceId="/r/a100", ResourceName="a100")

    one = first_days(
        tmp_path, "{all: {amount: 1300, owner: fin@x.example}}", *BASE, *late, owners={"/r/a100": "ann@x.example"}
    )

    assert one.what.startswith("raise the budget for Dec, or stop what drives it most: a100")
    assert one.a_day == Money(Decimal(60), "USD")
    assert one.takes == Money(Decimal(60) * 30, "USD")  # 2 to 31 December
    assert one.owner == "ann@x.example (a100), fin@x.example (budget)"


def test_where_nothing_rose_what_costs_most_is_to_be_stopped(tmp_path: Path) -> None:
    small = days("2026-08-01", "2026-12-01", "5", ResourceId="/r/disk", ResourceName="disk")

    one = first_days(tmp_path, "{all: {amount: 1000, owner: fin@x.example}}", *BASE, *small)

    assert one.what.startswith("raise the budget for Dec, or stop what costs most: base")
    assert (one.a_day, one.owner) == (Money(Decimal(40), "USD"), "fin@x.example")


def test_what_we_stopped_ourselves_is_not_to_be_stopped_again(tmp_path: Path) -> None:
    late = days("2026-11-20", "2026-12-01", "60", ResourceId="/r/a100", ResourceName="a100")
    act = Claim(
        1, "done", "/r/a100", "a100", "compute", "ws", "rule", "stop", "stopped", Decimal(300), None, "USD",
        since=datetime(2026, 12, 2, 9, tzinfo=UTC),
    )  # fmt: skip

    one = first_days(tmp_path, "{all: {amount: 1300, owner: f@x.example}}", *BASE, *late, claims=(act,))

    assert one.what.startswith("raise the budget for Dec, or stop what costs most: base")


def test_a_month_that_has_begun_within_its_budget_asks_for_nothing(tmp_path: Path) -> None:
    assert [one.kind for one in turn_of(tmp_path, "{all: 99000}").decisions] == ["untagged"]


def test_the_third_tile_at_the_turn_is_where_the_new_month_leads(tmp_path: Path) -> None:
    model = turn_of(tmp_path, "{all: 1100}")

    text = " ".join(render(model, Settings()).text.split())

    assert "December forecast, 8 in 10 $" in text
    assert "over budget in the mean" in text


def test_a_month_that_has_begun_without_a_forecast_has_a_tile_of_its_own(tmp_path: Path) -> None:
    given, now = settings(tmp_path, "{}"), datetime(2026, 12, 2, 12, tzinfo=UTC)
    late = days("2026-11-28", "2026-12-01", "60", ResourceId="/r/a100", Tags='{"CostCenter": "CC-2"}')
    with book(tmp_path, *BASE, *late, now=now) as costs:
        model = build(costs, now, given.report, known=known_by_charges(costs, given, now), share="CC-2")

    text = " ".join(render(model, given).text.split())

    assert "December to date $0.00 no day of it is complete yet" in text
    assert text.count("Largest change") == 1


@pytest.mark.parametrize(
    ("now", "due"), [("2026-11-23", "2026-11-24"), ("2026-11-27", "2026-11-30"), ("2026-11-28", "2026-11-30")]
)
def test_a_request_that_runs_out_on_the_day_of_the_mail_is_due_on_the_next_working_day(
    tmp_path: Path, now: str, due: str
) -> None:
    moment = datetime.fromisoformat(f"{now}T06:00:00+00:00")
    known = Known(requests=(Request(1, "delete e", Decimal(5), "USD", "p@x.example", moment.date()),))

    with charges_of(tmp_path, *daily("2026-11-01", now, "CC-1", "10")) as costs:
        [one] = build(costs, moment, ReportSettings(), known=known).decisions

    assert one.by == date.fromisoformat(due)


def untagged(folder: Path, **costs: str) -> Decision:
    rows = []
    for owner, cost in costs.items():
        tags = json.dumps({"Owner": owner.replace("_", ".")})
        rows += daily("2026-11-08", "2026-11-22", None, cost, f"vm-{owner}", Tags=tags)
    [one] = report_of(folder, *rows).decisions
    return one


def test_most_is_somebodys_only_where_the_owner_tags_in_the_charges_say_so(tmp_path: Path) -> None:
    one = untagged(tmp_path, carla_mendes="53", vera="30", tara="17")

    assert one.what.endswith("; most of it is likely carla.mendes's")
    assert one.owner == "carla.mendes"


def test_where_nobody_has_most_the_shares_are_named(tmp_path: Path) -> None:
    one = untagged(tmp_path, carla_mendes="45", vera="35", tara="20")

    assert one.what.endswith("; likely owners: carla.mendes 45%, vera 35%, tara 20%")
    assert one.owner == "carla.mendes and 2 others"


def going_on(outlook: Outlook, more: str) -> Outlook:
    usd = [Money(Decimal(one), "USD") for one in ("10", "0", more)]
    return replace(outlook, goes_on=(More("gpu", date(2026, 11, 9), date(2026, 11, 30), usd[0], 9, *usd[1:], "f"),))


def test_what_goes_on_is_in_the_verdict_only_where_it_leaves_the_range(tmp_path: Path) -> None:
    given = settings(tmp_path, "{all: 900}")
    rows = days("2026-08-01", "2026-11-22", "40", ResourceId="/r/base")
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    with book(tmp_path, *rows, now=now) as costs:
        model = build(costs, now, given.report, known=known_by_charges(costs, given, now))

    assert model.outlook
    assert model.outlook.range
    wide = model.outlook.range.high.amount - model.outlook.middle.amount
    within, beyond = (
        render(replace(model, outlook=going_on(model.outlook, str(more))), given) for more in (wide / 2, wide + 1)
    )
    assert "beyond the forecast" not in within.verdict
    assert "beyond the forecast if gpu goes on" in beyond.verdict


def test_what_is_behind_the_forecast_is_told_in_whole_sentences(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    given = settings(tmp_path, "{all: 900}")
    with book(tmp_path, *days("2026-08-01", "2026-11-22", "40", ResourceId="/r/base"), now=now) as costs:
        model = build(costs, now, given.report, known=known_by_charges(costs, given, now))
        told, amount = (explain(model, costs, one).evidence for one in ("month/forecast", "month/budget"))

    assert all(said.endswith(".") and not said.endswith("..") for said in told)
    assert amount == ("It is the amount of the budget for everything in the settings.",)
