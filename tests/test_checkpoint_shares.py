"""Each sample of an epoch is read once, by one process, also where their number changes in mid-epoch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finops.checkpoint.data.feed import feed_of
from finops.checkpoint.data.shares import steps

worlds = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=4)


@given(length=st.integers(0, 300), size=st.integers(1, 8), attempts=worlds)
def test_each_sample_is_read_once_however_many_processes_go_on(length: int, size: int, attempts: list[tuple[int, int]]):
    at, read, world = 0, list[int](), 1
    for number, (world, stops) in enumerate(attempts):
        shared = steps(length, at, size, world)
        if number < len(attempts) - 1:
            shared = shared[:stops]
        for step in shared:
            read += [sample for rank in range(world) for sample in step[rank::world]]
            at = step.stop

    assert sorted(read) == list(range(at))
    assert length - at < world


@given(length=st.integers(0, 300), since=st.integers(0, 300), size=st.integers(1, 8), world=st.integers(1, 9))
def test_every_process_takes_part_in_every_step_with_about_as_many_samples(
    length: int, since: int, size: int, world: int
):
    for drop_last in (True, False):
        for step in steps(length, since, size, world, drop_last):
            many = [len(step[rank::world]) for rank in range(world)]
            assert min(many) > 0
            assert max(many) <= min(many) + 1
            assert max(many) <= (size if drop_last else size + 1)


def test_what_is_too_little_for_all_processes_is_added_to_the_step_before():
    shared = steps(10, 0, 2, 4)

    assert [[list(step[rank::4]) for rank in range(4)] for step in shared] == [[[0, 4, 8], [1, 5, 9], [2, 6], [3, 7]]]


def test_the_last_step_is_left_out_where_that_was_asked_for():
    assert steps(10, 0, 2, 2, drop_last=True) == [range(4), range(4, 8)]


def test_of_a_sequence_each_process_reads_as_many_items():
    items = list(range(400))

    read = [[item for item, _ in feed_of(items, 0, rank, 3).since(0, 280)] for rank in range(3)]

    assert [len(some) for some in read] == [40, 40, 40]
    assert sorted(item for some in read for item in some) == items[280:]
