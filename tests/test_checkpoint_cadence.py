"""How often is saved follows from what it costs and how often nodes vanish, within bounds."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.checkpoint.cadence import CHEAP, FIRST, HOUR, PRIOR_HOURS, SOON, Cadence

costs, hours = st.floats(0, 1e4), st.floats(0, 1e5)


def learnt(cost: float, durable: float = 0.0, **more: float) -> Cadence:
    found = Cadence(**more)
    found.saved(cost, durable)
    return found


def test_before_anything_is_known_the_first_save_comes_within_a_minute():
    assert Cadence().interval == FIRST


def test_where_nodes_last_minutes_the_first_save_comes_sooner():
    assert Cadence(prior_hours=0.1).interval == pytest.approx(0.1 * HOUR / 20)


def test_it_is_dalys_optimum_of_cost_and_time_between_evictions():
    found = learnt(cost=0.1).interval

    assert found == pytest.approx(math.sqrt(2 * 0.1 * PRIOR_HOURS * HOUR) - 0.1)


def test_it_is_saved_sooner_than_that_where_it_costs_next_to_nothing():
    assert learnt(cost=0.5).interval == SOON
    assert learnt(cost=2.0).interval == pytest.approx(2.0 / CHEAP)


@pytest.mark.parametrize("cost", [0.05, 0.1, 10.0, 100.0])
def test_no_other_interval_loses_less(cost: float):
    cadence, between = learnt(cost, share=1.0), PRIOR_HOURS * HOUR

    def lost(interval: float) -> float:  # a second: saving, and half an interval at each eviction
        return cost / (interval + cost) + (interval + cost) / 2 / between

    assert all(
        lost(cadence.interval) <= lost(other) + 1e-9 for other in (n * cadence.interval / 20 for n in range(1, 99))
    )


def test_what_saving_may_take_is_a_bound():
    assert learnt(cost=600.0, share=0.02).interval == pytest.approx(600 / 0.02)  # hours, beyond any other bound


def test_a_save_is_not_begun_while_the_one_before_is_being_written():
    assert learnt(cost=0.001, durable=300.0).interval == 300


def test_it_is_never_longer_than_an_hour_unless_a_save_costs_or_takes_that_much():
    assert learnt(cost=0.0, durable=0.0, least=7200).interval == 3600
    assert learnt(cost=1.0, durable=5000.0).interval == 5000


@given(cost=costs, durable=costs, ran=hours, evictions=st.integers(0, 1000), share=st.floats(0.001, 1))
def test_whatever_happened_it_is_within_its_bounds(
    cost: float, durable: float, ran: float, evictions: int, share: float
):
    cadence = learnt(cost, durable, share=share)
    cadence.ran(ran * HOUR)
    cadence.evicted(evictions)

    assert cadence.least <= cadence.interval <= max(cadence.most, durable, cost / share)


def test_evictions_make_it_shorter_and_quiet_hours_longer():
    calm, usual, often = learnt(0.1), learnt(0.1), learnt(0.1)
    calm.ran(100 * HOUR)
    often.evicted(10)

    assert often.interval < usual.interval < calm.interval


def test_the_prior_counts_as_one_eviction_seen():
    cadence = Cadence(prior_hours=8)
    cadence.ran(4 * HOUR)
    cadence.evicted(2)

    assert cadence.hours_between_evictions == 4


def test_a_disk_that_slows_down_shows_within_a_few_saves():
    cadence = learnt(0.1, 1.0)
    for _ in range(6):
        cadence.saved(1.0, 10.0)

    assert cadence.cost > 0.85
    assert cadence.durable > 8.5


def test_what_was_learnt_survives_the_node():
    before = learnt(0.3, 2.0)
    before.ran(5 * HOUR)
    before.evicted()
    after = Cadence()

    after.recall(json.loads(json.dumps(before.learnt())))

    assert after == before


def test_what_an_older_version_did_not_keep_stays_as_it_is():
    cadence = Cadence()

    cadence.recall({"cost": 2.0})

    assert (cadence.cost, cadence.saves) == (2.0, 0)
