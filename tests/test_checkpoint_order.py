"""The order of an epoch is a permutation that can be entered anywhere, the same wherever it is computed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.checkpoint.data.order import FEW, Order

lengths, seeds, epochs = st.integers(0, 2000), st.integers(0, 1 << 70), st.integers(0, 1 << 40)


@given(length=lengths, seed=seeds, epoch=epochs)
def test_each_sample_has_one_place(length: int, seed: int, epoch: int):
    order = Order(length, seed, epoch)

    assert sorted(order[at] for at in range(length)) == list(range(length))


def test_it_is_the_same_in_every_version():
    assert [Order(10, 0, 0)[at] for at in range(10)] == [9, 6, 8, 2, 3, 1, 5, 0, 7, 4]
    assert Order(1 << 40, 3, 9)[12345] == 789312476094


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(Order(100, seed, epoch)[at] for at in range(100)) for seed in range(10) for epoch in range(10)}

    assert len(orders) == 100


@pytest.mark.parametrize("length", [2, 3, 5, 8, 13])
def test_each_sample_comes_at_each_place_equally_often(length: int):
    rounds = 2000
    seen = Counter((at, Order(length, 1, epoch)[at]) for epoch in range(rounds) for at in range(length))

    expected = rounds / length
    squares = sum((seen[at, sample] - expected) ** 2 / expected for at in range(length) for sample in range(length))
    degrees = (length - 1) ** 2
    assert squares < degrees + 5 * (2 * degrees) ** 0.5


def test_neighbours_are_not_read_one_after_the_other():
    order = Order(10_000, 0, 0)

    follows = sum(abs(order[at + 1] - order[at]) == 1 for at in range(9_999))

    assert follows < 10  # 2 are to be expected


@pytest.mark.parametrize("length", [1, 2, 3, 1000, (1 << 20) + 1, (1 << 33) + 7, (1 << 62) + 1])
def test_many_at_once_are_the_same_as_each_by_itself(length: int):
    pytest.importorskip("numpy")
    order = Order(length, 5, 2)
    positions = sorted({*range(min(length, 100)), *range(max(0, length - 100), length)})

    assert order.several(positions) == [order[at] for at in positions]


def test_few_at_once_and_none():
    order = Order(100, 0, 0)

    assert order.several(range(FEW - 1)) == [order[at] for at in range(FEW - 1)]
    assert order.several([]) == []


def test_it_needs_no_library():
    script = (
        "import sys; from finops.checkpoint.data.order import Order; o = Order(50, 0, 0); "
        "assert o.several(range(50)) == [o[k] for k in range(50)]; assert 'numpy' not in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("position", [-1, 10, 1 << 40])
def test_what_is_beyond_the_end_is_refused(position: int):
    with pytest.raises(IndexError):
        Order(10, 0, 0)[position]


def test_a_length_below_zero_is_refused():
    with pytest.raises(ValueError, match="length -1"):
        Order(-1, 0, 0)
