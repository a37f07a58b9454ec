"""Anomalies in cells: what one thing costs, where a cost centre, a workspace and a meter meet."""

from __future__ import annotations

from decimal import Decimal

import pytest
from test_anomalies_detect import CENTRE, WOBBLE, day, days_of, found, series

from finops.anomalies import Bar, Cell, Raised, Scope, detect

MAIN: Cell = (CENTRE, Scope("workspace", "mlw-main"), Scope("meter", "NC24"))
SIDE: Cell = (CENTRE, Scope("workspace", "mlw-side"), Scope("meter", "NC6"))


def restless(days: int = 90) -> list[float]:
    """What differs by a third from day to day."""
    return [300 * (1 + 6 * (WOBBLE[(5 * n) % 11] - 1)) for n in range(days)]


def flat(days: int = 90) -> list[float]:
    return [40 * WOBBLE[n % 11] for n in range(days)]


def judged(parts: dict[Cell, list[float]], split: bool = True, kinds: tuple[str, ...] = ("cost centre",), **more):
    """What is found of the days of these cells, and of the scopes that they add up to."""
    sums: dict[Scope, list[float]] = {}
    for cell, costs in parts.items():
        for scope in cell:
            was = sums.get(scope, [0.0] * len(costs))
            sums[scope] = [one + other for one, other in zip(was, costs, strict=True)]
    cells = {cell: days_of(costs) for cell, costs in parts.items()} if split else {}
    through = day(len(next(iter(parts.values()))) - 1)
    days = {scope: days_of(costs) for scope, costs in sums.items() if scope.kind in kinds}
    return detect(days, through, cells=cells, **more)


def test_what_a_restless_cost_centre_hides_is_told_where_a_cell_of_it_shows_it():
    parts = {MAIN: restless(), SIDE: flat()}
    parts[SIDE][80] += 130

    [one] = judged(parts)

    assert judged(parts, split=False) == ()
    assert (one.scope, one.first, one.also) == (CENTRE, day(80), SIDE[1:2])


def test_of_a_cell_the_cost_centre_went_off_by_what_the_cell_did():
    parts = {MAIN: restless(), SIDE: flat()}
    parts[SIDE][80] += 130

    [one] = judged(parts)

    assert one.actual == sum(Decimal(f"{costs[80]:.2f}") for costs in parts.values()) or abs(
        one.actual - Decimal(parts[MAIN][80] + parts[SIDE][80])
    ) < Decimal("0.02")
    assert abs(one.impact - 130) < 10


def test_two_bursts_of_one_day_in_two_cells_are_no_news():
    parts = {MAIN: flat(), SIDE: flat()}
    for n in (25, 65, 85):
        parts[MAIN][n] += 60
    for n in (35, 55, 85):
        parts[SIDE][n] += 40

    assert [one.first for one in judged(parts, split=False)][-1] == day(85)
    assert [one.first for one in judged(parts) if one.first > day(80)] == []


def test_a_cell_that_is_gone_is_told():
    parts = {MAIN: restless(), SIDE: [100 * WOBBLE[n % 11] for n in range(90)]}
    parts[SIDE][85:] = [0.0] * 5

    assert [(one.first, one.impact < 0) for one in judged(parts)] == [(day(85), True)]


def test_a_cell_that_is_used_less_is_none():
    parts = {MAIN: restless(), SIDE: [100 * WOBBLE[n % 11] for n in range(90)]}
    parts[SIDE][85:] = [30.0] * 5

    assert judged(parts) == ()


def test_two_cells_that_go_off_on_one_day_are_one_anomaly():
    parts = {MAIN: flat(), SIDE: flat()}
    for costs in parts.values():
        costs[80] += 400

    [one] = judged(parts)

    assert abs(one.impact - 800) < 20


@pytest.mark.parametrize("scope", SIDE)
def test_what_was_said_to_be_none_in_a_scope_is_none_in_its_cells(scope: Scope):
    parts = {MAIN: restless(), SIDE: flat()}
    parts[SIDE][80] += 130

    assert (
        judged(parts, kinds=("cost centre", scope.kind), raised=[Raised(scope, day(60), day(88), Decimal(200))]) == ()
    )


def test_days_to_come_change_nothing_in_cells_either():
    parts = {MAIN: restless(), SIDE: flat()}
    parts[SIDE][80] += 130
    cells = {cell: days_of(costs) for cell, costs in parts.items()}
    longer = {cell: days_of([*costs, 9000.0]) for cell, costs in parts.items()}
    days = {CENTRE: days_of([one + other for one, other in zip(*parts.values(), strict=True)])}

    assert detect(days, day(89), cells=longer) == detect(days, day(89), cells=cells)


def test_large_money_is_told_by_less():
    costs = series(level=20)
    costs[71] += 520

    assert [one.first for one in found(costs)] == [day(71)]
    assert found(costs, bar=Bar(minimum=Decimal(400))) == ()


def test_a_batch_of_the_first_week_of_the_history_is_known_a_month_later():
    costs = [20 * WOBBLE[n % 11] for n in range(60)]
    at = [n for n in range(60) if day(n).day == 3]
    for n in at:
        costs[n] += 300

    assert [day(n) for n in at][:2] == [day(0), day(31)]
    assert found(costs) == ()


def test_a_step_with_a_monthly_batch_in_it_is_one_anomaly():
    costs = [20 * WOBBLE[n % 11] for n in range(100)]
    for n in range(100):
        costs[n] += (300 if day(n).day <= 2 else 0) + (256 if n >= 78 else 0)

    assert [one.first for one in found(costs) if one.first > day(60)] == [day(78)]
