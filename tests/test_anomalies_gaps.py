"""Charges that are not there, and charges in two currencies: what is judged of the others, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from charges_files import charge, focus

from finops import charges
from finops.anomalies import Scope
from finops.config.model import Settings
from finops.jobs import anomalies
from finops.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START, END = date(2026, 8, 1), date(2026, 11, 19)
ONE = "/subscriptions/11111111-1111-1111-1111-111111111111"
TWO = "/subscriptions/22222222-2222-2222-2222-222222222222"
NEVER = date(2027, 1, 1)
Row = dict[str, Any]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as found:
        yield found


def daily(subscription: str, usual: float, up: dict[date, float], until: date = NEVER, **more: Any) -> list[Row]:
    """A charge a day, a little up and down; `up`: what a day costs in place of that."""
    rows = []
    for n in range((min(until, END) - START).days + (until > END)):
        day = START + timedelta(days=n)
        cost = up.get(day, usual * (0.97 + 0.01 * (n * 5 % 7)))
        rows.append(charge(f"{day}", f"{cost:.2f}", ChargeCategory="Usage", SubAccountId=subscription, **more))
    return rows


def days(first: date, cost: float) -> dict[date, float]:
    return {first + timedelta(days=n): cost for n in range((END - first).days + 1)}


def watched(folder: Path, state: State, *rows: Row, now: datetime = NOW, **settings: Any) -> anomalies.Watched:
    wanted = {"mail": {"outbox": f"{folder / 'outbox'}", "finance": ["finance@contoso.example"]}, **settings}
    with charges.load([focus(folder / "costs.csv", *rows)], late_hours=24, now=now) as book:
        return anomalies.watch(None, book, state, Settings.model_validate(wanted), now)


UP = days(date(2026, 11, 14), 1600.0)


def test_a_subscription_that_was_shut_down_does_not_blind_the_others(tmp_path: Path, state: State):
    stopped = daily(TWO, 50, {}, until=date(2026, 10, 25))

    done = watched(tmp_path, state, *daily(ONE, 200, UP), *stopped)

    assert [case.anomaly.first for case in done.new] == [date(2026, 11, 14)]


def test_its_end_is_no_anomaly_but_a_gap_that_is_said(tmp_path: Path, state: State):
    stopped = daily(TWO, 50, {}, until=date(2026, 10, 25))

    done = watched(tmp_path, state, *daily(ONE, 200, {}), *stopped)

    assert done.new == ()
    [gap] = done.gaps
    assert gap.startswith("subscription 22222222-2222-2222-2222-222222222222: ")
    assert gap.endswith("nothing of it is judged after 2026-10-24")


def test_a_subscription_whose_charges_come_late_is_judged_up_to_its_last_day(tmp_path: Path, state: State):
    late = daily(TWO, 50, {date(2026, 11, 15): 900.0}, until=date(2026, 11, 17))

    done = watched(tmp_path, state, *daily(ONE, 200, {}), *late)

    assert [(case.anomaly.first, round(case.anomaly.impact, -1)) for case in done.new] == [(date(2026, 11, 15), 850)]


def test_a_case_is_not_closed_because_charges_lack(tmp_path: Path, state: State):
    both = {date(2026, 11, 14): 900.0}
    watched(tmp_path, state, *daily(ONE, 200, {}), *daily(TWO, 200, both))
    assert len(anomalies.cases(state)) == 1

    short = daily(TWO, 200, {}, until=date(2026, 11, 14))
    done = watched(tmp_path, state, *daily(ONE, 200, {}), *short)

    assert done.ended == ()


def test_each_currency_is_judged_by_itself(tmp_path: Path, state: State):
    euros = daily(TWO, 100, days(date(2026, 11, 14), 9000.0), BillingCurrency="EUR")

    done = watched(tmp_path, state, *daily(ONE, 200, {}), *euros, report={"currency": "USD"})

    assert [case.currency for case in done.new] == ["EUR"]


def test_the_same_day_in_two_currencies_is_two_cases(tmp_path: Path, state: State):
    euros = daily(TWO, 100, days(date(2026, 11, 14), 9000.0), BillingCurrency="EUR")

    watched(tmp_path, state, *daily(ONE, 200, UP), *euros)

    known = anomalies.cases(state)
    assert sorted(case.currency for case in known) == ["EUR", "USD"]
    assert len({case.id for case in known}) == 2


def test_a_bar_that_was_raised_in_one_currency_is_none_in_another(tmp_path: Path, state: State):
    yen = daily(TWO, 10_000, days(date(2026, 11, 14), 900_000.0), BillingCurrency="JPY")
    watched(tmp_path, state, *daily(ONE, 200, {}), *yen)
    [case] = anomalies.cases(state)
    anomalies.false_positive(state, case.id, "the batch", "ann", date(2026, 12, 31), NOW)

    done = watched(tmp_path, state, *daily(ONE, 200, UP), *yen)

    assert [(case.currency, case.anomaly.scope) for case in done.new] == [("USD", Scope("cost centre", "(untagged)"))]
