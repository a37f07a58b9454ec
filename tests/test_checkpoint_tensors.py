"""Tensors of every dtype and layout come back bit for bit; models that do not fit are refused before any is changed."""

from __future__ import annotations

import ctypes
import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest

from finops import checkpoint
from finops.checkpoint.state import check, give_back
from finops.checkpoint.tree import flatten, rebuild

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def there_and_back(state: dict[str, Any]) -> dict[str, Any]:
    nodes, buffers = flatten(state)
    held = []
    for buffer in buffers:
        memory = bytearray(max(buffer.nbytes, 1))
        buffer.copy(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
        held.append(memoryview(memory)[: buffer.nbytes])
    return rebuild(json.loads(json.dumps(nodes, allow_nan=False)), held.__getitem__)


def dtypes() -> list[Any]:
    found = {dtype for name in dir(torch) if isinstance(dtype := getattr(torch, name), torch.dtype)}
    return sorted(found, key=str)


def of_bytes(dtype: Any, *shape: int) -> Any:
    """A tensor of that dtype whose bits are all kinds of things, not-a-numbers among them."""
    bits = (torch.arange(dtype.itemsize * math.prod(shape)) * 37 % 256).to(torch.uint8)
    return (bits % 2 if dtype == torch.bool else bits).view(dtype).reshape(shape)


def bits(tensor: Any) -> list[int]:
    return tensor.contiguous().flatten().view(torch.uint8).tolist()


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_tensors_of_every_dtype_come_back_bit_for_bit():
    tried = []
    for dtype in dtypes():
        if str(dtype).startswith(("torch.q", "torch.bits")):  # quantized ones are refused, bits are not for people
            continue
        tensor = of_bytes(dtype, 2, 3, 4)

        found = there_and_back({"t": tensor, "none": tensor[:0], "one": tensor[0, 0, 0]})

        assert (found["t"].dtype, found["t"].shape, bits(found["t"])) == (dtype, tensor.shape, bits(tensor)), dtype
        assert (found["none"].dtype, found["none"].shape) == (dtype, (0, 3, 4))
        assert (found["one"].shape, bits(found["one"])) == ((), bits(tensor[0, 0, 0]))
        tried.append(str(dtype))
    assert {"torch.bfloat16", "torch.float8_e4m3fn", "torch.complex64", "torch.uint64", "torch.bool"} <= set(tried)


def test_views_conjugates_and_transposed_tensors_come_back():
    base = torch.arange(12.0).reshape(3, 4)
    imaginary = torch.tensor([1 + 2j]).conj()
    state = {
        "view": base[:, 1:3],
        "every other": base[::2, ::2],
        "conj": imaginary,
        "neg": imaginary.imag,
        "empty": base[:0],
        "scalar": torch.tensor(3),
        "spread": torch.ones(1).expand(3, 2),
        "turned": base.t(),
    }

    found = there_and_back(state)

    for name, tensor in state.items():
        assert torch.equal(found[name], tensor.resolve_conj().resolve_neg()), name
    assert found["turned"].stride() == base.t().stride()


def test_a_tensor_lies_in_memory_as_it_did_so_that_its_moments_do_too():
    image = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)

    found = there_and_back({"x": image})["x"]

    assert torch.equal(found, image)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_tied_tensors_are_written_once_and_come_back_tied():
    base = torch.arange(12.0)

    nodes, buffers = flatten({"a": base, "b": base, "part": base[:4]})
    found = there_and_back({"a": base, "b": base})

    assert (len(buffers), nodes["a"]["at"]) == (2, nodes["b"]["at"])
    assert found["a"].data_ptr() == found["b"].data_ptr()


def test_tensors_that_are_made_when_the_state_is_told_are_not_taken_for_tied():
    class Fresh:
        def __init__(self, number: int) -> None:
            self.number = number

        def state_dict(self) -> dict[str, Any]:
            return {"x": torch.full((1000,), float(self.number))}

        def load_state_dict(self, state: dict[str, Any]) -> None: ...

    found = there_and_back({str(number): Fresh(number) for number in range(20)})

    assert [float(found[str(number)]["x"].mean()) for number in range(20)] == list(range(20))


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (lambda: torch.eye(2).to_sparse(), "only whole, dense tensors"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.qint8), "is a quantized Tensor"),
        (lambda: torch.empty(2, device="meta"), "on meta: only whole, dense tensors"),
        (lambda: torch.nn.LazyLinear(3).weight, "has no shape yet. Run one batch"),
    ],
    ids=["sparse", "quantized", "meta", "lazy"],
)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_a_tensor_without_memory_of_its_own_is_refused(tensor: Any, said: str):
    with pytest.raises(checkpoint.CannotSave, match=rf"state\['s'\].*{said}"):
        flatten({"s": tensor()})


def test_a_model_and_its_optimizer_come_back():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    state = {"model": model, "optimizer": optimizer, "size": torch.Size([2, 3]), "kind": torch.float16}

    found = there_and_back(state)

    torch.testing.assert_close(dict(found["model"]), dict(model.state_dict()), rtol=0, atol=0)
    torch.testing.assert_close(found["optimizer"], optimizer.state_dict(), rtol=0, atol=0)
    assert found["model"]._metadata == model.state_dict()._metadata
    assert (found["size"], found["kind"]) == (torch.Size([2, 3]), torch.float16)


def test_what_is_held_in_lists_and_dicts_gets_its_own_back_and_keeps_its_identity():
    def made(seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        shadow = {"w": torch.randn(2, requires_grad=True)}
        return {"nets": {"g": torch.nn.Linear(2, 2), "d": torch.nn.Linear(2, 1)}, "ema": shadow, "rng": [generator]}

    then, now = made(1), made(2)
    shadow, net = now["ema"]["w"], now["nets"]["g"]
    found = there_and_back(then)

    check(now, found, "it")
    give_back(now, found, "it")

    assert torch.equal(net.weight, then["nets"]["g"].weight)
    assert now["ema"]["w"] is shadow
    assert shadow.requires_grad
    assert torch.equal(shadow, then["ema"]["w"])
    assert torch.rand(1, generator=now["rng"][0]) == torch.rand(1, generator=then["rng"][0])


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (torch.nn.Linear(2, 4), r"it has model.weight of float32 \(3, 2\) instead of float32 \(4, 2\)"),
        (torch.nn.Linear(2, 3).double(), r"it has model.weight of float32 \(3, 2\) instead of float64 \(3, 2\)"),
        (torch.nn.Linear(2, 3, bias=False), "it has model.bias, which the model has not"),
        (torch.nn.Sequential(torch.nn.Linear(2, 3)), r"it has no model\.0\.weight"),
        (torch.ones(3, 2), r"it has model of dict instead of float32 \(3, 2\)"),
    ],
    ids=["shape", "dtype", "fewer", "names", "a tensor"],
)
def test_a_model_that_changed_is_refused_and_nothing_is_changed(now: Any, said: str):
    found = there_and_back({"a": {"x": 1}, "model": torch.nn.Linear(2, 3)})
    state = {"a": {"x": 2}, "model": now}
    before = [bits(tensor) for tensor in (now.state_dict().values() if hasattr(now, "state_dict") else [now])]

    with pytest.raises(checkpoint.Foreign, match=f"it does not fit this training: {said}.*Nothing was restored"):
        check(state, found, "it")

    after = [bits(tensor) for tensor in (now.state_dict().values() if hasattr(now, "state_dict") else [now])]
    assert (state["a"], before) == ({"x": 2}, after)


def test_a_model_that_is_quite_another_is_told_in_a_few_words():
    found = there_and_back({"model": torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(20)))})

    with pytest.raises(checkpoint.Foreign, match="and 35 more") as fault:
        check({"model": torch.nn.Sequential(*(torch.nn.Linear(2, 3) for _ in range(20)))}, found, "it")

    assert len(str(fault.value)) < 700


def test_an_optimizer_of_other_groups_is_refused():
    one, two = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2, bias=False)
    found = there_and_back({"o": torch.optim.SGD(one.parameters())})

    with pytest.raises(checkpoint.Foreign, match=r"it has o of \[2\] parameters a group instead of \[1\]"):
        check({"o": torch.optim.SGD(two.parameters())}, found, "it")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (torch.optim.RMSprop, "with alpha, centered, momentum and without amsgrad, betas"),
        (torch.optim.AdamW, "with decoupled_weight_decay=True instead of False"),
        (torch.optim.SGD, "that is an optimizer of another class"),
    ],
)
def test_an_optimizer_of_another_class_is_refused(other: Any, told: str):
    layer = torch.nn.Linear(2, 2)
    found = there_and_back({"o": other(layer.parameters(), lr=0.1)})

    with pytest.raises(checkpoint.Foreign) as fault:
        check({"o": torch.optim.Adam(layer.parameters(), lr=0.1)}, found, "it")

    assert told in str(fault.value)


def test_an_optimizer_that_an_older_torch_saved_with_another_scheduler_is_taken():
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10)
    found = there_and_back({"o": optimizer})
    del found["o"]["param_groups"][0]["decoupled_weight_decay"]

    check({"o": torch.optim.Adam(layer.parameters())}, found, "it")


def test_an_optimizer_restored_goes_on_as_the_one_that_was_saved():
    def trained(steps: int) -> dict[str, Any]:
        torch.manual_seed(0)
        model = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, foreach=True)
        state = {"m": model, "o": optimizer, "s": torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])}
        for _ in range(steps):
            train(state)
        return state

    def train(state: dict[str, Any]) -> None:
        state["o"].zero_grad()
        state["m"](torch.ones(2, 3, 5, 5)).square().sum().backward()
        state["o"].step()
        state["s"].step()

    then, now = trained(2), trained(0)
    found = there_and_back(then)
    check(now, found, "it")
    give_back(now, found, "it")
    train(then)
    train(now)

    assert bits(now["m"].weight) == bits(then["m"].weight)
    assert now["s"].get_last_lr() == then["s"].get_last_lr()
    moment = now["o"].state[now["m"].weight]["exp_avg"]
    assert moment.stride() == then["o"].state[then["m"].weight]["exp_avg"].stride()


def test_a_step_restored_through_the_three_lines_is_the_one_that_was_saved(tmp_path: Path):
    model, other = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    with checkpoint.open({"m": model}, tmp_path, job="j") as ck:
        ck.save(step=7, wait=True)

    with warnings.catch_warnings(), checkpoint.open({"m": other}, tmp_path, job="j") as ck:
        warnings.simplefilter("error")
        assert ck.restore() == 7

    assert torch.equal(model.weight, other.weight)


def test_small_tied_tensors_are_restored_tied(tmp_path: Path):
    tied = torch.arange(3.0)
    with checkpoint.open({"kept": {"a": tied, "b": tied}}, tmp_path, job="j") as ck:
        ck.save(step=1, wait=True)

    state: dict[str, Any] = {"kept": {}}
    with checkpoint.open(state, tmp_path, job="j") as ck:
        ck.restore()

    state["kept"]["a"][0] = 7
    assert state["kept"]["b"].tolist() == [7, 1, 2]


def optimizers() -> list[Any]:
    known = {name: one for name, one in vars(torch.optim).items() if isinstance(one, type)}
    sparse = {"SparseAdam", "Optimizer"}  # of models whose gradients are sparse; the one that all are made of
    return [one for name, one in known.items() if issubclass(one, torch.optim.Optimizer) and name not in sparse]


def test_every_optimizer_of_torch_comes_back():
    def made(kind: Any) -> tuple[Any, Any]:
        model = torch.nn.Linear(2, 2, bias=False)
        return model, kind(model.parameters(), lr=0.1)

    for kind in optimizers():
        model, then = made(kind)

        def loss(model: Any = model, then: Any = then) -> Any:
            then.zero_grad()
            found = model(torch.ones(1, 2)).square().sum()
            found.backward()
            return found

        then.step(loss)
        then.step(loss)
        state = {"o": made(kind)[1]}
        found = there_and_back({"o": then})
        check(state, found, "it")
        give_back(state, found, "it")

        torch.testing.assert_close(state["o"].state_dict(), then.state_dict(), rtol=0, atol=0)
    assert len(optimizers()) >= 12


def schedulers(optimizer: Any) -> list[Any]:
    made = torch.optim.lr_scheduler
    return [
        made.LambdaLR(optimizer, lambda epoch: 0.9),
        made.MultiStepLR(optimizer, [1, 2]),
        made.CosineAnnealingWarmRestarts(optimizer, 10),
        made.CyclicLR(optimizer, 0.1, 0.2),
        made.OneCycleLR(optimizer, 0.1, total_steps=10),
        made.ReduceLROnPlateau(optimizer),
        made.SequentialLR(optimizer, [made.ConstantLR(optimizer), made.ExponentialLR(optimizer, 0.9)], [2]),
        made.ChainedScheduler([made.StepLR(optimizer, 2), made.LinearLR(optimizer)]),
    ]


def test_schedulers_of_every_make_come_back():
    def momentum() -> Any:
        return torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9)

    then, now = momentum(), momentum()
    for was, one in zip(schedulers(then), schedulers(now), strict=True):
        then.step()
        was.step(0.5) if isinstance(was, torch.optim.lr_scheduler.ReduceLROnPlateau) else was.step()
        state = {"s": one}
        found = there_and_back({"s": was})
        check(state, found, "it")
        give_back(state, found, "it")

        assert repr(one.state_dict()) == repr(was.state_dict())


# What shares memory, and what cannot be written


def given(now: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    found = there_and_back(then)
    check(now, found, "it")
    give_back(now, found, "it")
    return now


@pytest.mark.parametrize("first", ["model", "best"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["", "in an object of one's own"])
def test_a_model_and_its_best_weights_come_back_each_as_it_was(first: str, wrapped: bool):
    class Wrapping:
        def __init__(self, model: Any) -> None:
            self.model = model
            self.state_dict, self.load_state_dict = model.state_dict, model.load_state_dict

    def made() -> tuple[Any, dict[str, Any]]:
        model = torch.nn.Linear(2, 1)
        state = {"model": [Wrapping(model) if wrapped else model], "best": {"weights": model.state_dict()}}
        return model, {first: state[first], **state}

    model, then = made()
    before = given(made()[1], then)
    with torch.no_grad():
        model.weight.fill_(1)
    then["best"]["weights"] = {key: one.clone() for key, one in model.state_dict().items()}
    same = given(made()[1], then)
    with torch.no_grad():
        model.weight.fill_(2)
    other, now = made()
    given(now, then)

    assert (other.weight.tolist(), now["best"]["weights"]["weight"].tolist()) == ([[2, 2]], [[1, 1]])
    assert before["best"]["weights"]["weight"].data_ptr() == before["model"][0].state_dict()["weight"].data_ptr()
    assert same["best"]["weights"]["weight"].data_ptr() != same["model"][0].state_dict()["weight"].data_ptr()


def test_a_tensor_of_the_state_that_an_object_keeps_too_is_filled_where_it_is():
    class Keeping:
        def __init__(self, tensor: Any) -> None:
            self.tensor = tensor

        def state_dict(self) -> dict[str, Any]:
            return {"n": torch.ones(2)}

        def load_state_dict(self, state: dict[str, Any]) -> None: ...

    def made(number: float) -> dict[str, Any]:
        tensor = torch.full((2,), number)
        return {"keeping": Keeping(tensor), "tensor": tensor}

    now = given(made(0), made(3))

    assert now["keeping"].tensor is now["tensor"]
    assert now["tensor"].tolist() == [3, 3]


def test_a_tied_model_is_refused_what_an_untied_one_saved():
    def made(tie: bool) -> Any:
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
        if tie:
            model[1].weight = model[0].weight
        return model

    now = made(True)
    before = bits(now[0].weight)
    with pytest.raises(checkpoint.Foreign, match=r"it has model\.1\.weight apart from model\.0\.weight, whose memory"):
        given({"model": now}, {"model": made(False)})
    then = made(True)
    given({"model": now}, {"model": then})

    assert before != bits(now[0].weight) == bits(then[1].weight)


def test_a_tensor_that_cannot_be_written_is_filled_where_it_can_and_replaced_where_not():
    def made(number: float) -> dict[str, Any]:
        base = torch.full((1,), number)
        with torch.inference_mode():
            inferred = torch.full((2,), number)
        windows = torch.full((3,), number).unfold(0, 2, 1)
        return {"base": base, "wide": base.expand(4), "inferred": inferred, "deep": [windows, torch.zeros(1).expand(2)]}

    then, now = made(1), made(2)
    then["deep"][1] = torch.tensor([5.0, 6.0])
    wide = now["wide"]
    given(now, then)

    assert now["wide"] is wide
    assert all(torch.equal(now[name], then[name]) for name in ("base", "wide", "inferred"))
    assert [one.tolist() for one in now["deep"]] == [[[1, 1], [1, 1]], [5, 6]]
    assert now["wide"].data_ptr() == now["base"].data_ptr()
