"""A case that an act of our own ended: its days say nothing of what comes, in either mail and in a share."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from budgeting import GPU, NOW, book, days, settings

from finops.anomalies import Anomaly, Reach, Scope
from finops.anomalies.cases import Case, cases, kept_as
from finops.jobs import budgeting
from finops.jobs.knowing import known_by_charges
from finops.report import build
from finops.state import State

# The charges are complete to 18 November: 4,000 a day, and 3,000 more of a cluster from the 10th to the 17th.
CENTRE = '{"CostCenter": "CC-1"}'
ROWS = [
    *days("2026-08-01", "2026-11-20", "9000", Tags='{"CostCenter": "CC-2"}'),
    *days("2026-08-01", "2026-11-20", "4000", Tags=CENTRE),
    *days("2026-11-10", "2026-11-17", "3000", Tags=CENTRE, ResourceId=GPU, ResourceName="gpu"),
]
CHARGED = 18 * 4000 + 8 * 3000
LEFT = 12  # days from the 19th to the 30th
BUDGETS = "{all: {amount: 500000}, one: {scope: {tag: {CostCenter: CC-1}}, amount: 100000}}"


class Month:
    """What is said of November: in the whole report, in the share of CC-1, and of both budgets."""

    def __init__(self, folder: Path, by_act: bool) -> None:
        found = Anomaly(
            id="A1", scope=Scope("cost centre", "CC-1"), kind="spike", first=date(2026, 11, 10),
            last=date(2026, 11, 17), actual=Decimal(56000),
            expected=Reach(Decimal(31000), Decimal(32000), Decimal(33000)), impact=Decimal(24000),
            percent=Decimal(75), going_on=False, state="resolved",
        )  # fmt: skip
        folder.mkdir(exist_ok=True)
        given = settings(folder, BUDGETS)
        with book(folder, *ROWS) as costs, State.open(folder / "state.db") as state:
            state.keep(*kept_as(Case(found, "USD", "effective", ids=(GPU,), by_act=by_act)), NOW)
            known = known_by_charges(costs, given, NOW, state=state)
            self.whole, self.share = (
                build(costs, NOW, given.report, known=known, share=share).outlook for share in (None, "CC-1")
            )
            standings = budgeting.look(costs, given, NOW, found_strange=cases(state)).current()
        self.budgets = {one.budget.name: one.forecast for one in standings}


def test_the_days_of_a_case_that_we_ended_are_no_part_of_the_level(tmp_path: Path):
    found = Month(tmp_path, by_act=True)

    assert found.whole.by["CC-1"].amount == pytest.approx(CHARGED + LEFT * 4000, abs=Decimal(1))


def test_the_days_of_a_case_that_we_ended_are_no_part_of_the_scatter(tmp_path: Path):
    ended, left = (Month(tmp_path / str(by_act), by_act).whole.range for by_act in (True, False))

    assert ended.high.amount - ended.low.amount < left.high.amount - left.low.amount


def test_all_say_the_same_where_we_ended_a_case(tmp_path: Path):
    found = Month(tmp_path, by_act=True)

    assert found.whole.middle.amount == found.budgets["all"].middle
    assert found.share.middle.amount == found.whole.by["CC-1"].amount == found.budgets["one"].middle


def test_what_ended_by_itself_may_come_again(tmp_path: Path):
    found = Month(tmp_path, by_act=False)

    assert found.whole.by["CC-1"].amount > CHARGED + LEFT * 4100
