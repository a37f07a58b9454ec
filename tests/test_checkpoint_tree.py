"""State goes into plain JSON and buffers and comes back as it was; what has no plain form is refused by name."""

from __future__ import annotations

import ctypes
import gc
import json
import math
import random
import weakref
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops import checkpoint
from finops.checkpoint.tree import flatten, rebuild


def there_and_back(state: dict[str, Any], pickle: tuple[str, ...] = ()) -> dict[str, Any]:
    nodes, buffers = flatten(state, pickle)
    held = []
    for buffer in buffers:
        memory = bytearray(max(buffer.nbytes, 1))
        buffer.copy(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
        held.append(memoryview(memory)[: buffer.nbytes])
    return rebuild(json.loads(json.dumps(nodes, allow_nan=False)), held.__getitem__, pickle)


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
keys = st.text() | st.integers() | st.tuples(st.integers(), st.text())
nested = st.recursive(
    plain | st.complex_numbers(allow_nan=False),
    lambda within: (
        st.lists(within)
        | st.tuples(within, within)
        | st.dictionaries(keys, within)
        | st.dictionaries(keys, within).map(OrderedDict)
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(), nested))
def test_plain_state_comes_back_equal_and_of_the_same_types(state: dict[str, Any]):
    found = there_and_back(state)

    assert repr(found) == repr(state)


@settings(deadline=None, max_examples=60)
@given(st.sets(st.integers() | st.text()))
def test_sets_come_back(members: set[Any]):
    assert there_and_back({"s": members, "f": frozenset(members)}) == {"s": members, "f": frozenset(members)}


@pytest.mark.parametrize("number", [math.inf, -math.inf, -0.0, 5e-324])
def test_numbers_that_json_has_not_come_back(number: float):
    assert repr(there_and_back({"x": number})) == repr({"x": number})


def test_not_a_number_comes_back():
    assert math.isnan(there_and_back({"x": math.nan})["x"])


def test_counters_and_the_state_of_random_numbers_come_back():
    state = {"milestones": Counter({30: 1, 60: 2}), "random": random.getstate(), "numpy": numpy.random.get_state()}

    found = there_and_back(state)

    assert type(found["milestones"]) is Counter
    assert found["milestones"] == state["milestones"]
    assert found["random"] == state["random"]
    numpy.random.RandomState().set_state(found["numpy"])


def test_a_default_dict_comes_back_as_a_dict():
    assert there_and_back({"x": defaultdict(list, {1: [2]})}) == {"x": {1: [2]}}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers() | st.floats(), min_size=64) | st.lists(st.floats(), min_size=64), st.booleans())
def test_many_numbers_come_back_to_the_last_bit(numbers: list[Any], alike: bool):
    numbers += [2**63 - 1, 2**63, -(2**63)] if not alike else []

    found = there_and_back({"l": numbers, "t": (*numbers,), "q": deque(numbers, 70), "s": [set(range(70)), {*numbers}]})

    assert repr(found["l"]) == repr(numbers)
    assert repr((found["t"], found["q"])) == repr(((*numbers,), deque(numbers, 70)))
    assert found["s"][0] == set(range(70))
    assert sorted(map(repr, found["s"][1])) == sorted(map(repr, {*numbers}))


def test_a_million_numbers_are_bytes_and_not_text():
    nodes, buffers = flatten({"losses": [0.1] * 10**6, "steps": list(range(10**6)), "few": [1.5, 2.5]})

    assert nodes == {
        "losses": {"!": "row", "of": "d", "at": 0},
        "steps": {"!": "row", "of": "q", "at": 1},
        "few": [1.5, 2.5],
    }
    assert [one.nbytes for one in buffers] == [8 * 10**6] * 2


def test_a_queue_comes_back_with_its_length():
    found = there_and_back({"x": deque([1, (2,)], maxlen=3)})["x"]

    assert (found, found.maxlen) == (deque([1, (2,)]), 3)


def test_integers_and_text_of_any_size_come_back():
    state = {"big": 10**6000, "below": -(10**6000), "alone": "\ud800", "key": {"!": 1}}

    assert there_and_back(state) == state


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_plain_arrays_come_back(code: str):
    held = array(code, [1, 2, 3])

    found = there_and_back(
        {"a": held, "none": array(code), "seen": memoryview(held), "unseen": memoryview(array(code))}
    )

    assert (found["a"].typecode, found["a"], found["none"]) == (code, held, array(code))
    assert (found["seen"].format, found["seen"], len(found["unseen"])) == (code, memoryview(held), 0)


def test_a_view_of_several_dimensions_and_with_gaps_comes_back():
    matrix = memoryview(bytes(range(24))).cast("h", [3, 4])

    found = there_and_back({"m": matrix, "gaps": memoryview(b"abcdef")[::2]})

    assert (found["m"].shape, found["m"].tolist(), bytes(found["gaps"])) == ((3, 4), matrix.tolist(), b"ace")


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "<i4", ">f8", "f2", "c16", "S3", "<U2", "M8[ns]", "m8[s]"])
def test_arrays_of_every_kind_come_back(dtype: str):
    array = numpy.arange(24).astype("i1").astype(dtype).reshape(2, 3, 4)[:, ::2].transpose(2, 0, 1)

    found = there_and_back({"a": array, "none": array[:0], "one": array[0, 0, 0]})

    assert found["a"].dtype == array.dtype
    assert found["a"].tolist() == array.tolist()
    assert found["none"].shape == (0, 2, 2)
    assert (type(found["one"]), found["one"]) == (type(array[0, 0, 0]), array[0, 0, 0])
    found["a"][...] = array  # writable


def test_an_array_lies_in_memory_as_it_did():
    array = numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))

    found = there_and_back({"a": array, "turned": numpy.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)})

    assert (found["a"].flags.f_contiguous, found["a"].tolist()) == (True, array.tolist())
    assert found["turned"].strides == (8, 96, 32)


def test_an_array_that_is_more_than_its_data_is_refused():
    with pytest.raises(checkpoint.CannotSave, match=r"state\['a'\] is a numpy MaskedArray, of which only the data"):
        flatten({"a": numpy.ma.array([1, 2], mask=[True, False])})


class Mode(StrEnum):
    MAX = "max"


class Thing(NamedTuple):
    x: int


class Ordinary(dict[str, int]):
    pass


class Model:
    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@pytest.mark.parametrize("thing", [Mode.MAX, Thing(1), Ordinary(a=1), Model, Path(), range(3)], ids=repr)
def test_a_type_that_would_come_back_as_another_is_refused(thing: object):
    with pytest.raises(checkpoint.CannotSave, match="which has no plain form"):
        flatten({"x": thing})


def test_an_object_that_tells_its_state_is_asked_for_it_wherever_it_is():
    generator = numpy.random.default_rng(7)
    generator.random(3)

    found = there_and_back({"many": [{"it": generator}], "plain": random.Random(3)})

    assert found["many"][0]["it"] == generator.bit_generator.state
    assert found["plain"] == random.Random(3).getstate()


def test_a_view_whose_items_have_no_plain_name_is_refused():
    with pytest.raises(checkpoint.CannotSave, match=r"state\['x'\] is a memoryview of '<i'"):
        flatten({"x": memoryview((ctypes.c_int * 2)())})


def test_what_lies_too_deep_is_refused():
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]

    with pytest.raises(checkpoint.CannotSave, match="100 levels deep"):
        flatten({"d": deep})


def test_what_is_as_deep_as_is_allowed_comes_back_to_whoever_is_deep_in_calls():
    deep: dict[str, Any] = {}
    for number in range(99):
        deep = {"a": deep} if number % 2 else {"t": (deep,)}["t"][0]

    def called(times: int) -> dict[str, Any]:
        return called(times - 1) if times else there_and_back({"d": deep})

    assert called(300) == {"d": deep}


def test_what_was_saved_is_let_go_of_at_once():
    held, kept = bytearray(b"1"), numpy.arange(3)
    seen = weakref.ref(kept)
    gc.disable()
    try:
        flatten({"b": held, "a": kept, "deep": [{"a": kept}]})
        del kept

        held.extend(b"2")  # a BufferError where somebody still looks at it
        assert seen() is None
    finally:
        gc.enable()


def test_what_was_read_is_let_go_of_at_once():
    nodes, _ = flatten({"b": b"1", "a": (2, [b"3"])})
    held = bytearray(b"123")

    gc.disable()
    try:
        rebuild(nodes, lambda _: memoryview(held))

        held.extend(b"4")
    finally:
        gc.enable()


def test_what_has_no_plain_form_is_refused_with_where_it_is():
    with pytest.raises(
        checkpoint.CannotSave, match=r"state\['s'\]\['x'\]\[1\] is a fractions.Fraction.*pickle=\['s'\]"
    ):
        flatten({"s": {"x": [1, Fraction(1, 2)]}})


def test_an_array_of_objects_is_refused():
    with pytest.raises(checkpoint.CannotSave, match=r"state\['a'\] is a numpy array of object"):
        flatten({"a": numpy.array([object()])})


def test_what_holds_itself_is_refused():
    circle: list[Any] = []
    circle.append(circle)

    with pytest.raises(checkpoint.CannotSave, match=r"state\['c'\]\[0\] holds itself"):
        flatten({"c": circle})


def test_the_same_list_twice_is_no_circle():
    twice = [1]

    assert there_and_back({"a": [twice, twice]}) == {"a": [[1], [1]]}


def test_pickle_is_used_for_the_entry_that_names_it_and_no_other():
    assert there_and_back({"s": Fraction(1, 2)}, pickle=("s",)) == {"s": Fraction(1, 2)}


def test_a_pickle_that_nobody_asked_for_is_not_loaded_nor_is_another():
    nodes, _ = flatten({"r": Fraction(1, 3), "s": Fraction(1, 2)}, pickle=["r", "s"])
    read: list[int] = []

    with pytest.raises(checkpoint.Foreign, match=r"loading a pickle runs whatever is in it.*pickle=\['s'\]"):
        rebuild(nodes, read.append, pickle=["r"])
    assert not read


def test_what_cannot_be_pickled_is_told():
    with pytest.raises(checkpoint.CannotSave, match=r"state\['s'\] cannot be pickled: .*lambda"):
        flatten({"s": lambda: None}, pickle=["s"])


def test_a_kind_of_a_later_version_is_told_as_such():
    with pytest.raises(checkpoint.Newer, match=r"holds a 'quaternion', which this version.*pip install --upgrade"):
        rebuild({"x": [{"!": "quaternion"}]}, lambda _: memoryview(b""))
