"""Findings and cases: what a case told already is no news, in whichever of its scopes it is found."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from finops.anomalies import Anomaly, Scope
from finops.anomalies.cases import Case
from finops.anomalies.model import Reach
from finops.jobs.anomalies.matching import matched

CENTRE, METER = Scope("cost centre", "CC-4300"), Scope("meter", "NC24")
FIRST = date(2026, 9, 1)


def finding(name: str, scope: Scope, a_day: int, *also: Scope, days: int = 10) -> Anomaly:
    cost, none = Decimal(a_day * days), Decimal(0)
    return Anomaly(name, scope, "growth", FIRST, FIRST + timedelta(days=days - 1), cost, Reach(none, none, none), cost,
                   None, also=also)  # fmt: skip


def test_a_part_of_an_open_case_that_is_found_apart_is_no_news():
    case = Case(finding("A1", CENTRE, 90, METER), "USD", "billed")

    of_case, fresh = matched([finding("A1", CENTRE, 90), finding("A2", METER, 40)], [case])

    assert (list(of_case), fresh) == (["A1"], [])


def test_what_costs_more_a_day_than_the_open_case_is_news():
    case = Case(finding("A1", CENTRE, 90, METER), "USD", "billed")

    _, fresh = matched([finding("A1", CENTRE, 90), finding("A2", METER, 200)], [case])

    assert [one.id for one in fresh] == ["A2"]
