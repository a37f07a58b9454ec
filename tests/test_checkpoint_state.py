"""What was saved goes back into the objects that held it, or, where it does not fit, into none of them."""

from __future__ import annotations

import os
import random
import re
from array import array
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest

from finops import checkpoint
from finops.checkpoint.loop import Checkpointer

State = dict[str, Any]


class Model:
    """Something with state of its own."""

    def __init__(self, weights: Any) -> None:
        self.weights = weights

    def state_dict(self) -> State:
        return {"weights": self.weights}

    def load_state_dict(self, state: State) -> None:
        self.weights = state["weights"]


def opened(folder: Path, state: State, job: str = "j", **more: Any) -> Checkpointer:
    return checkpoint.open(state, folder, job=job, **more)


def save(folder: Path, state: State, **more: Any) -> None:
    with opened(folder, state, **more) as ck:
        ck.save(1, wait=True)


def restore(folder: Path, state: State, **more: Any) -> State:
    with opened(folder, state, **more) as ck:
        assert ck.restore() == 1
    return state


def test_objects_keep_their_identity_wherever_they_are(tmp_path: Path):
    def made(number: int) -> State:
        many = [Model(number), {"deep": (Model([number]), number)}]
        return {"model": Model(b"%d" % number), "many": many, "by name": {"a": Model({number: None})}}

    save(tmp_path, made(1))
    state = made(2)
    held = (state["model"], state["many"], state["many"][0], state["many"][1]["deep"][0], state["by name"]["a"])
    restore(tmp_path, state)

    assert [one.weights for one in held if isinstance(one, Model)] == [b"1", 1, [1], {1: None}]
    assert state["many"] is held[1]
    assert held[1][0] is held[2]
    assert held[1][1]["deep"] == (held[3], 1)
    assert state["by name"]["a"] is held[4]


def test_collections_are_filled_where_they_are(tmp_path: Path):
    shared = {"b": 0}
    save(
        tmp_path,
        {"d": {"a": {"b": 1}, "c": [1, 2, 3]}, "l": [1, (2, [3])], "x": bytearray(b"12"), "q": array("d", [1])},
    )

    kept = {"d": {"a": shared, "gone": 1}, "l": [], "x": bytearray(), "q": array("d", [5, 6])}
    parts = dict(kept)
    restore(tmp_path, kept)

    assert all(kept[name] is parts[name] for name in parts)
    assert kept["d"]["a"] is shared
    assert kept == {"d": {"a": {"b": 1}, "c": [1, 2, 3]}, "l": [1, (2, [3])], "x": b"12", "q": array("d", [1])}


def test_dicts_that_do_more_stay_what_they_are(tmp_path: Path):
    save(tmp_path, {"stats": {"count": defaultdict(int, a=1), "most": Counter(b=2)}})

    state = restore(tmp_path, {"stats": {"count": defaultdict(int), "most": Counter()}})

    state["stats"]["count"]["new"] += 1
    assert state == {"stats": {"count": {"a": 1, "new": 1}, "most": {"b": 2}}}


def test_dicts_come_back_in_the_order_they_had(tmp_path: Path):
    save(tmp_path, {"d": {"b": 1, "a": 2}})

    assert list(restore(tmp_path, {"d": {"a": 0, "b": 0}})["d"]) == ["b", "a"]


def test_plain_values_take_their_place_in_the_callers_own_dict(tmp_path: Path):
    state: State = {"best": None, "name": "x", "at": (0, 0)}
    with opened(tmp_path, state) as ck:
        state.update(best=0.5, at=(1, 2))
        ck.save(1, wait=True)

    assert restore(tmp_path, {"best": None, "name": "", "at": None}) == {"best": 0.5, "name": "x", "at": (1, 2)}


def test_arrays_are_filled_where_they_are(tmp_path: Path):
    base = numpy.zeros((3, 4), order="F")
    save(tmp_path, {"w": numpy.arange(12.0).reshape(3, 4), "deep": {"v": numpy.arange(3), "grown": numpy.arange(5)}})

    inner = numpy.zeros(3, dtype=int)
    state = restore(tmp_path, {"w": base, "deep": {"v": inner, "grown": numpy.zeros(0)}})

    assert (base.tolist(), inner.tolist()) == (numpy.arange(12.0).reshape(3, 4).tolist(), [0, 1, 2])
    assert (state["w"] is base, state["deep"]["v"] is inner) == (True, True)
    assert state["deep"]["grown"].tolist() == [0, 1, 2, 3, 4]


def test_generators_of_random_numbers_go_on_where_they_were(tmp_path: Path):
    def made(seed: int) -> State:
        return {
            "mine": random.Random(seed),
            "new": numpy.random.default_rng(seed),
            "old": numpy.random.RandomState(seed),
            "other": numpy.random.Generator(numpy.random.Philox(seed)),
        }

    def drawn(state: State) -> list[float]:
        return [float(one.random()) for one in state.values()]

    then = made(1)
    drawn(then)
    save(tmp_path, then)
    now = restore(tmp_path, made(2))

    assert drawn(now) == drawn(then)


# What does not fit

SAVED: State = {"model": Model(1), "steps": [1], "w": numpy.zeros(3)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ema": Model(1)}, "it has no 'ema'"),
        ({"steps": {}}, "it has steps as list instead of dict"),
        ({"steps": bytearray()}, "it has steps as list instead of bytearray"),
        ({"steps": [[Model(1)]]}, "it has steps[0] as int instead of list"),
        ({"w": [0.0]}, "it has w as ndarray instead of list"),
        ({"steps": [1, Model(1)]}, "it has no steps[1]"),
        ({"w": numpy.zeros(4)}, "it has w of float64 (3,) instead of float64 (4,)"),
        ({"w": numpy.zeros(3, dtype="f4")}, "it has w of float64 (3,) instead of float32 (3,)"),
        ({"w": numpy.zeros((1, 3))}, "it has w of float64 (3,) instead of float64 (1, 3)"),
    ],
    ids=["missing", "dict", "bytes", "holders", "list", "shorter", "shape", "dtype", "dimensions"],
)
def test_a_state_of_another_shape_is_refused_before_anything_is_changed(tmp_path: Path, changed: State, said: str):
    save(tmp_path, SAVED)
    random.seed(1)
    state = {"model": Model(2), "steps": [2], "w": numpy.ones(3), **changed}
    before = repr({**state, "model": state["model"].weights, "random": random.getstate()})

    with (
        opened(tmp_path, state) as ck,
        pytest.raises(checkpoint.Foreign, match=re.escape(f"does not fit this training: {said}")) as fault,
    ):
        ck.restore()

    assert str(fault.value).startswith("attempt-0001.step-000000000001.ckpt does not fit")
    assert str(fault.value).endswith(
        "Nothing was restored. Go on with the state that it was saved with, or name another folder to begin anew."
    )
    assert repr({**state, "model": state["model"].weights, "random": random.getstate()}) == before


def test_an_entry_that_the_state_no_longer_has_is_told(tmp_path: Path):
    save(tmp_path, SAVED)

    with (
        opened(tmp_path, {"steps": [1], "w": numpy.zeros(3)}) as ck,
        pytest.raises(checkpoint.Foreign, match="has 'model', w"),
    ):
        ck.restore()


def test_another_jobs_checkpoint_is_refused_before_anything_is_changed_or_unpickled(tmp_path: Path):
    save(tmp_path, {"steps": [1], "x": Loud()}, pickle=["x"], job="theirs")
    state = {"steps": [2], "x": None}
    del os.environ["FINOPS_TEST_LOUD"]

    with pytest.raises(
        checkpoint.Foreign, match=r"checkpoint of job 'theirs'; this is 'j'.*folder, or say job='theirs'"
    ):
        opened(tmp_path, state, pickle=["x"])

    assert (state, "FINOPS_TEST_LOUD" in os.environ) == ({"steps": [2], "x": None}, False)


class Loud:
    """Says so when it is unpickled."""

    def __reduce__(self) -> Any:
        os.environ["FINOPS_TEST_LOUD"] = "1"
        return os.putenv, ("FINOPS_TEST_LOUD", "1")


def test_what_refuses_its_state_says_which_it_was_and_leaves_the_others_alone(tmp_path: Path):
    class Strict(Model):
        def load_state_dict(self, state: State) -> None:
            raise KeyError(state["weights"])

    save(tmp_path, {"a": [1], "b": Model(1), "c": {"x": 1}})
    state = {"a": [2], "b": Strict(2), "c": {"x": 2}}

    with opened(tmp_path, state) as ck, pytest.raises(KeyError) as fault:
        ck.restore()

    assert fault.value.__notes__ == [
        "This was state['b'], restored from attempt-0001.step-000000000001.ckpt. To begin anew, name another folder."
    ]
    assert (state["a"], state["c"]) == ([2], {"x": 2})


def test_a_pickle_is_loaded_where_its_entry_is_named_and_nowhere_else(tmp_path: Path):
    save(tmp_path, {"x": Fraction(1, 2), "y": [1]}, pickle="x")

    assert restore(tmp_path, {"x": None, "y": []}, pickle="x") == {"x": Fraction(1, 2), "y": [1]}
    with (
        opened(tmp_path, {"x": None, "y": [0]}) as ck,
        pytest.raises(checkpoint.Foreign, match=r"ckpt cannot be restored: state\['x'\] was pickled.*pickle=\['x'\]"),
    ):
        ck.restore()


def test_a_pickle_of_what_is_not_there_is_refused_at_once(tmp_path: Path):
    with pytest.raises(ValueError, match=r"pickle=\['sched'\]: the state has no such entry, but \['scheduler'\]"):
        opened(tmp_path, {"scheduler": 1}, pickle=["sched"])


def test_what_cannot_be_saved_is_told_when_the_training_begins(tmp_path: Path):
    with pytest.raises(checkpoint.CannotSave, match=r"state\['x'\]\['y'\] is a fractions.Fraction"):
        opened(tmp_path, {"x": {"y": Fraction(1, 2)}})


def test_no_object_is_asked_for_its_state_before_there_is_something_to_save(tmp_path: Path):
    class Unready(Model):
        def state_dict(self) -> State:
            raise AssertionError("not yet")

    with opened(tmp_path, {"a": Unready(1), "b": [Unready(2)], "c": Fraction(1, 2)}, pickle=["c"]) as ck:
        assert ck.restore() is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"share": 0}, "share=0: the most of the time that saving may take, above 0 and at most 1"),
        ({"share": float("nan")}, "share=nan"),
        ({"share": 2}, "share=2"),
        ({"every": -5}, "every=-5: seconds between saves, 0 or more"),
        ({"every": float("nan")}, "every=nan"),
        ({"keep": 2.5}, "keep=2.5"),
    ],
    ids=repr,
)
def test_a_setting_that_cannot_be_meant_is_refused_before_an_attempt_is_counted(
    tmp_path: Path, wrong: State, said: str
):
    with pytest.raises(ValueError, match=re.escape(said)):
        opened(tmp_path, {"a": [1]}, **wrong)

    assert not list(tmp_path.iterdir())


# What shares memory, and what cannot be written


def test_an_object_gets_its_own_back_where_a_collection_holds_the_same_memory_until_there_is_something_better(
    tmp_path: Path,
):
    def made() -> State:
        model = Filling(numpy.zeros(2))
        return {"best": {"weights": model.weights}, "models": [model]}

    then = made()
    then["best"]["weights"] = numpy.array([1.0, 1.0])
    then["models"][0].weights[:] = 2
    save(tmp_path, then)
    now = made()
    restore(tmp_path, now)

    assert (now["models"][0].weights.tolist(), now["best"]["weights"].tolist()) == ([2, 2], [1, 1])


class Filling(Model):
    def load_state_dict(self, state: State) -> None:
        self.weights[...] = state["weights"]


def test_what_has_memory_of_its_own_in_a_checkpoint_gets_its_own(tmp_path: Path):
    def made() -> State:
        row, part, deep = numpy.zeros(2), numpy.zeros(4), {"w": numpy.zeros(2), "n": [0]}
        return {"rows": [row] * 3, "parts": [part, part[1:3]], "now": deep, "best": deep, "lists": [[0]] * 2}

    then = made()
    then["rows"] = [numpy.full(2, number) for number in (1.0, 1.0, 2.0)]
    then["parts"] = [numpy.arange(4.0), numpy.full(2, 9.0)]
    then["best"] = {"w": numpy.ones(2), "n": [1], "more": numpy.ones(1)}
    then["now"]["more"] = numpy.zeros(1)
    then["lists"] = [[1], [2]]
    save(tmp_path, then)
    now = made()
    row, deep = now["rows"][0], now["now"]
    restore(tmp_path, now)
    now["rows"][0][:] = 7

    assert [one.tolist() for one in now["rows"]] == [[7, 7], [1, 1], [2, 2]]
    assert [one.tolist() for one in now["parts"]] == [[0, 1, 2, 3], [9, 9]]
    assert (now["rows"][0] is row, now["now"] is deep) == (True, True)
    assert repr((now["now"], now["best"], now["lists"])) == repr((then["now"], then["best"], then["lists"]))


def test_what_was_one_stays_one(tmp_path: Path):
    def made(number: float) -> State:
        row, part, deep = numpy.full(2, number), numpy.full(4, number), {"w": numpy.full(2, number)}
        columns = numpy.full((2, 2), number)
        return {
            "row": row,
            "rows": [row] * 2,
            "parts": [part, part[1:3], part[::-1]],
            "deep": [deep, deep],
            "columns": [columns[:, 0], columns[:, 1]],
        }

    then = made(1)
    then["columns"][1][:] = 2
    save(tmp_path, then)
    now = made(0)
    parts = [*now["rows"], *now["parts"], *now["deep"], *now["columns"]]
    restore(tmp_path, now)

    found = [*now["rows"], *now["parts"], *now["deep"], *now["columns"]]
    assert all(one is other for one, other in zip(found, parts, strict=True))
    assert now["rows"][0] is now["row"]
    assert repr(now) == repr(then)


def test_arrays_that_were_one_come_back_as_one(tmp_path: Path):
    row = numpy.zeros(2)
    save(tmp_path, {"kept": {"a": row, "b": row, "c": row.copy()}})

    kept = restore(tmp_path, {"kept": {}})["kept"]
    kept["a"][0] = 7

    assert (kept["b"].tolist(), kept["c"].tolist()) == ([7, 0], [0, 0])


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (
            lambda: {"x": numpy.zeros(2), "y": numpy.zeros(2)},
            lambda: dict.fromkeys("xy", numpy.ones(2)),
            "it has y apart from x, whose memory it is here: make one of them a copy",
        ),
        (
            lambda: {"x": Model(1), "y": [Model(2)]},
            lambda: (lambda one: {"x": one, "y": [one]})(Model(3)),
            "it has y apart from x, and here they are the same object",
        ),
    ],
    ids=["arrays", "objects"],
)
def test_two_that_are_one_by_now_are_refused_where_neither_can_be_replaced(
    tmp_path: Path, then: Any, now: Any, said: str
):
    save(tmp_path, then())
    state = now()

    with opened(tmp_path, state) as ck, pytest.raises(checkpoint.Foreign, match=re.escape(said)):
        ck.restore()

    assert state["x"].weights == 3 if isinstance(state["x"], Model) else state["x"].tolist() == [1, 1]


def test_what_was_pickled_is_not_asked_whether_it_is_the_same(tmp_path: Path):
    save(tmp_path, {"x": [Silent(1)], "y": [Silent(2)]}, pickle=["x", "y"])

    one: list[Any] = []
    found = restore(tmp_path, {"x": one, "y": one}, pickle=["x", "y"])

    assert (found["x"][0].number, found["y"][0].number) == (1, 2)


class Silent:
    """As a pandas DataFrame, it has no truth of being equal."""

    def __init__(self, number: int) -> None:
        self.number = number

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")


def test_an_array_that_cannot_be_written_is_replaced_where_it_is_another(tmp_path: Path):
    def made(number: int) -> State:
        read_only = numpy.frombuffer(bytes([number] * 4), dtype=numpy.uint8)
        spread = numpy.broadcast_to(numpy.array([float(number)]), (2, 3))
        return {"a": read_only, "deep": {"b": spread, "same": numpy.frombuffer(b"1234", dtype=numpy.uint8)}}

    then, now = made(1), made(2)
    save(tmp_path, then)
    same = now["deep"]["same"]
    restore(tmp_path, now)

    assert (now["a"].tolist(), now["deep"]["b"].tolist()) == ([1] * 4, [[1.0] * 3] * 2)
    assert now["deep"]["same"] is same
    now["a"][0] = 3
