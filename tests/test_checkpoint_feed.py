"""Each sample of an epoch counts once, wherever attempts ended (G5): sequences, streams, and what tells its place."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.checkpoint import CheckpointWarning, rng
from finops.checkpoint.place import Place
from finops.checkpoint.reading import Reading

NEVER = 1 << 30
# of each attempt that is killed: the step after which it saves, and how many more it takes
kills = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 10)), max_size=6)
warned: list[str] = []


def attempt(world: int = 1, rank: int = 0, seed: int = 0) -> Reading:
    return Reading(seed, rank, world, warned.append)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warned.clear()


class Saved:
    """What a checkpoint holds of where a training is."""

    def __init__(self, reading: Reading) -> None:
        self.place, self.random, self.told = reading.place, rng.capture(), reading.told()

    def give(self, reading: Reading) -> Reading:
        reading.recall(Place.of(self.place.as_json()), self.random, self.told)
        return reading


def survives(make: Any, epochs: int, kills: list[tuple[int, int]], every: int = 1) -> list[Any]:
    """The items that count, where the training is killed again and again: (epoch, item). every: items a step."""
    counted: list[Any] = []
    saved: Saved | None = None
    for saves_after, dies_after in [*kills, (0, NEVER)]:
        reading = saved.give(attempt()) if saved else attempt()
        since, steps = list[Any](), 0
        for number, item in enumerate(reading.run(make(), epochs), 1):
            since.append((reading.place.epoch, item))
            if number % every:
                continue
            reading.stepped()
            steps += 1
            if steps == saves_after:
                counted, saved, since = counted + since, Saved(reading), []
            if steps >= saves_after + dies_after:
                break
        else:
            return counted + since
    raise AssertionError


@given(length=st.integers(0, 60), epochs=st.integers(1, 4), kills=kills)
def test_each_item_of_a_list_counts_once_an_epoch(length: int, epochs: int, kills: list[tuple[int, int]]):
    counted = survives(lambda: list(range(length)), epochs, kills)

    assert counted == [(epoch, item) for epoch in range(epochs) for item in range(length)]


@given(length=st.integers(0, 40), every=st.integers(1, 7), kills=kills)
def test_what_was_accumulated_when_it_died_is_read_again(length: int, every: int, kills: list[tuple[int, int]]):
    counted = survives(lambda: list(range(length)), 1, kills, every)

    assert [item for _, item in counted] == list(range(length))


class Shuffling:
    """Shuffles itself as it is begun, by the random numbers of the training."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __iter__(self) -> Iterator[int]:
        order = list(range(self._length))
        random.shuffle(order)
        return iter(order)


@pytest.mark.filterwarnings("ignore::finops.checkpoint.CheckpointWarning")
@given(length=st.integers(1, 40), epochs=st.integers(1, 3), kills=kills)
def test_a_stream_that_shuffles_itself_goes_on_in_the_order_it_had(
    length: int, epochs: int, kills: list[tuple[int, int]]
):
    counted = survives(lambda: Shuffling(length), epochs, kills)

    assert Counter(counted) == Counter((epoch, item) for epoch in range(epochs) for item in range(length))


@pytest.mark.filterwarnings("ignore::finops.checkpoint.CheckpointWarning")
@given(length=st.integers(1, 40), epochs=st.integers(1, 3), kills=kills)
def test_a_function_is_asked_for_each_epochs_data(length: int, epochs: int, kills: list[tuple[int, int]]):
    def made() -> Iterator[tuple[int, int]]:
        return zip(range(length), range(length, 0, -1), strict=True)

    counted = survives(lambda: made, epochs, kills)

    assert counted == [(epoch, item) for epoch in range(epochs) for item in made()]


class Telling:
    """Data that tells where it is, and reads nothing twice: `opened` counts what it read."""

    def __init__(self, length: int) -> None:
        self._length, self._at, self.opened = length, 0, 0

    def __iter__(self) -> Iterator[int]:
        while self._at < self._length:
            self._at += 1
            self.opened += 1
            yield self._at - 1
        self._at = 0

    def state_dict(self) -> dict[str, int]:
        return {"at": self._at}

    def load_state_dict(self, told: dict[str, int]) -> None:
        self._at = told["at"]


@given(length=st.integers(1, 40), epochs=st.integers(1, 3), kills=kills)
def test_data_that_tells_its_place_goes_on_from_there(length: int, epochs: int, kills: list[tuple[int, int]]):
    counted = survives(lambda: Telling(length), epochs, kills)

    assert counted == [(epoch, item) for epoch in range(epochs) for item in range(length)]


def test_data_that_tells_its_place_is_not_read_again():
    first, again = attempt(), Telling(100)
    for _, _ in zip(range(60), first.run(Telling(100), 1), strict=False):
        first.stepped()
    second = Saved(first).give(attempt())

    rest = list(second.run(again, 1))

    assert rest == list(range(60, 100))
    assert again.opened == 40


def test_a_place_that_has_no_plain_form_is_counted_instead():
    class Odd(Telling):
        def state_dict(self) -> Any:
            return {"at": object()}

    first = attempt()
    for _, _ in zip(range(4), first.run(Odd(10), 1), strict=False):
        first.stepped()
    with pytest.warns(CheckpointWarning, match="counted instead"):
        saved = Saved(first)

    with pytest.warns(CheckpointWarning, match="4 batches are read and passed over"):
        assert list(saved.give(attempt()).run(Odd(10), 1)) == [4, 5, 6, 7, 8, 9]


def test_where_batches_wait_for_their_step_the_place_is_that_of_the_step():
    first = attempt()
    batches = first.run(Telling(10), 1)
    next(batches)
    first.stepped()
    next(batches)  # read, and not stepped on

    second = Saved(first).give(attempt())

    with pytest.warns(CheckpointWarning, match="1 batches are read"):
        assert list(second.run(Telling(10), 1)) == [1, 2, 3, 4, 5, 6, 7, 8, 9]


@given(
    length=st.integers(0, 80),
    parts=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 12)), min_size=1, max_size=4),
)
def test_as_many_processes_as_there_are_share_what_is_left(length: int, parts: list[tuple[int, int]]):
    counted, saved = list[int](), None
    for number, (world, stops) in enumerate(parts):
        ranks = [saved.give(attempt(world, rank)) if saved else attempt(world, rank) for rank in range(world)]
        runs = [reading.run(list(range(length)), 1) for reading in ranks]
        for step, items in enumerate(zip(*runs, strict=True)):
            if step == stops and number < len(parts) - 1:
                break
            counted += items
            for reading in ranks:
                reading.stepped()
            saved = Saved(ranks[0])
        else:
            break

    assert sorted(counted) == list(range(len(counted)))
    assert number < len(parts) - 1 or length - len(counted) < parts[-1][0]


def test_a_list_is_entered_without_a_word_and_a_stream_with_one():
    first = attempt()
    for _, _ in zip(range(3), first.run(iter(range(10)), 1), strict=False):
        first.stepped()
    saved = Saved(first)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(saved.give(attempt()).run(list(range(10)), 1)) == [3, 4, 5, 6, 7, 8, 9]
    with pytest.warns(CheckpointWarning, match="3 batches are read and passed over"):
        assert list(saved.give(attempt()).run(iter(range(10)), 1)) == [3, 4, 5, 6, 7, 8, 9]


def test_a_stream_that_became_shorter_is_told():
    first = attempt()
    for _, _ in zip(range(8), first.run(iter(range(10)), 1), strict=False):
        first.stepped()

    with pytest.warns(CheckpointWarning) as told:
        assert list(Saved(first).give(attempt()).run(iter(range(5)), 1)) == []

    assert "Only 5 batches were there of 8" in str(told[1].message)


def test_data_of_another_length_is_told():
    first = attempt()
    for _, _ in zip(range(3), first.run(list(range(10)), 1), strict=False):
        first.stepped()

    assert list(Saved(first).give(attempt()).run(list(range(12)), 1)) == list(range(3, 12))
    assert warned == ["The data has 12 samples; it had 10 when this epoch began."]


def test_a_job_goes_on_with_the_seed_it_began_with():
    first = attempt(seed=1)
    next(first.run([1, 2], 1))
    first.stepped()
    second = Saved(first).give(attempt(seed=2))

    list(second.run([1, 2], 1))

    assert warned == ["seed=2: this job began with 1, and goes on with that."]
    assert second.told()["seed"] == 1


def test_an_iterator_has_one_epoch():
    with pytest.raises(ValueError, match="can be read once: give a function"):
        next(attempt().run(iter([1]), 2))


def test_arrays_are_entered_anywhere():
    numpy = pytest.importorskip("numpy")
    first = attempt()
    for _, _ in zip(range(3), first.run(numpy.arange(10), 1), strict=False):
        first.stepped()

    assert [int(one) for one in Saved(first).give(attempt()).run(numpy.arange(10), 1)] == [3, 4, 5, 6, 7, 8, 9]
    assert warned == []
