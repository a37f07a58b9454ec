"""Tensors and arrays: their bytes in the order in which their memory has them, and back.

The order is kept because it is part of how fast they are: an optimizer whose moments lie otherwise than its parameters
(channels_last) leaves the fused path, or refuses. It also spares a copy when they are saved.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from finops.checkpoint.faults import CannotSave, Foreign

Json = Any
NUMBERS_AND_TEXT = "biufcSUmM"  # kinds of numpy's dtypes that are bytes and nothing else


@dataclass(frozen=True)
class Buffer:
    """`nbytes` bytes, which `copy` writes to an address of this process. kept: what must live until it has.

    lies: the address where they lie in the memory of this process already, in their order; None where they do not.
    """

    nbytes: int
    copy: Callable[[int], None]
    kept: object = None
    lies: int | None = None

    def among(self, buffers: list[Buffer]) -> int:
        """Its number there, once it was added."""
        buffers.append(self)
        return len(buffers) - 1


def is_array(thing: object) -> bool:
    """Whether it is a tensor or a numpy array: something that is filled rather than replaced."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    return (torch is not None and isinstance(thing, torch.Tensor)) or (
        numpy is not None and isinstance(thing, numpy.ndarray)
    )


def shape_of(thing: Any) -> str | None:
    """Its dtype and shape, for people and for comparing; None where it has none (yet)."""
    if not is_array(thing) or _is_uninitialized(thing):
        return None
    return f"{str(thing.dtype).removeprefix('torch.')} {tuple(thing.shape)}"


def is_whole(thing: Any) -> bool:
    """Whether it is a numpy array, or a tensor that has all of its elements in memory of its own."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(thing, torch.Tensor):
        return True
    # Shards, quantized and nested ones answer torch's calls by themselves and have no memory to copy.
    wrapped = type(thing).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    loose = wrapped or _is_uninitialized(thing) or thing.layout != torch.strided or thing.is_quantized
    return not loose and thing.device.type != "meta"


def overwrite(thing: Any, was: Any) -> None:
    """Fill an array or tensor with another of its shape, in the memory, on the device and in the graph that it has."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.Tensor):
        thing.detach().copy_(was)
    else:
        thing[...] = was


class Tensors:
    """Says what a tensor is, and adds its bytes to `buffers`; those of tied ones once."""

    def __init__(self, buffers: list[Buffer]) -> None:
        self._buffers = buffers
        self._known: dict[tuple[object, ...], int] = {}

    def node(self, thing: Any, where: str) -> Json:
        _refuse_others(thing, where)
        place = (thing.device, thing.data_ptr(), thing.dtype, thing.shape, thing.stride())
        key = (*place, thing.is_conj(), thing.is_neg())
        held = thing.detach().resolve_conj().resolve_neg()
        order = [] if held.is_contiguous() else _memory_order(held.stride())
        lying = held.permute(order) if order else held
        if not held.numel() or key not in self._known:
            self._known[key] = _of_tensor(lying, thing).among(self._buffers)
        node = {"at": self._known[key], "dtype": str(held.dtype).removeprefix("torch."), "shape": list(held.shape)}
        return {**node, "order": order} if order else node


def tensor(node: Json, held: memoryview) -> Any:
    """The tensor whose bytes are `held`, and which goes on using them."""
    import torch

    dtype, shape = torch_name(node["dtype"]), node["shape"]
    if not held.nbytes:  # frombuffer takes none
        return torch.empty(shape, dtype=dtype)
    order = node.get("order") or range(len(shape))
    flat = torch.frombuffer(held, dtype=torch.uint8).view(dtype)
    return flat.view([shape[at] for at in order]).permute(_back(order))


def torch_name(name: str) -> Any:
    """torch.float32 of "float32"."""
    import torch

    try:
        return getattr(torch, name)
    except AttributeError:
        raise Foreign(
            f"It holds torch.{name}, which torch {torch.__version__} has not.", "Install the torch that saved it."
        ) from None


def array_node(thing: Any, where: str, entry: str, buffers: list[Buffer], known: dict[tuple[object, ...], int]) -> Json:
    """What a numpy array or scalar is. known: those that were told before, whose bytes are not added again."""
    import numpy

    if isinstance(thing, numpy.ndarray) and type(thing) not in (numpy.ndarray, numpy.memmap):
        raise CannotSave(
            f"{where} is a numpy {type(thing).__name__}, of which only the data has a plain form.",
            f"Save its parts as arrays, or allow pickle for this entry by name: pickle=[{entry!r}].",
        )
    if thing.dtype.kind not in NUMBERS_AND_TEXT:
        raise CannotSave(
            f"{where} is a numpy array of {thing.dtype}, which has no plain form.",
            f"Save its columns as arrays of numbers, or allow pickle for this entry by name: pickle=[{entry!r}].",
        )
    array = numpy.asarray(thing)
    order = [] if array.flags.c_contiguous else _memory_order(array.strides)
    key = (array.ctypes.data, array.dtype.str, array.shape, array.strides)
    if not array.size or key not in known:
        lying = numpy.ascontiguousarray(array.transpose(order) if order else array)
        # The array itself as well: another one in its memory would be taken for it.
        copy = partial(_copy_array, lying)
        known[key] = Buffer(lying.nbytes, copy, (lying, array), lying.ctypes.data).among(buffers)
    node = {"at": known[key], "dtype": array.dtype.str, "shape": list(array.shape)}
    return {**node, "order": order} if order else node


def array(node: Json, held: memoryview) -> Any:
    """The numpy array whose bytes are `held`, and which goes on using them."""
    import numpy

    shape = node["shape"]
    order = node.get("order") or range(len(shape))
    lying = numpy.ndarray([shape[at] for at in order], numpy.dtype(node["dtype"]), buffer=held)
    return lying.transpose(_back(order))


def _refuse_others(thing: Any, where: str) -> None:
    if _is_uninitialized(thing):
        raise CannotSave(f"{where} has no shape yet.", "Run one batch through the model first.")
    if not is_whole(thing):
        raise CannotSave(
            f"{where} is a {'quantized ' * thing.is_quantized}{type(thing).__name__} of layout {thing.layout} on "
            f"{thing.device}: only whole, dense tensors are saved.",
            "Save shards with finops.checkpoint.together.distributed; turn others into dense ones first.",
        )


def _is_uninitialized(thing: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.parameter.UninitializedTensorMixin)


def _memory_order(strides: Sequence[int]) -> list[int]:
    """The dimensions from the one whose steps are widest to the one whose are narrowest."""
    return sorted(range(len(strides)), key=lambda at: -strides[at])


def _back(order: Sequence[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def _of_tensor(lying: Any, kept: object) -> Buffer:
    """On the processor by one memmove, which lets other threads run; torch's own copy waits for its pool of threads."""
    nbytes = lying.numel() * lying.element_size()

    def copy(to: int) -> None:
        if nbytes:
            near = lying.cpu().contiguous()
            ctypes.memmove(to, near.data_ptr(), nbytes)

    here = lying.device.type == "cpu" and lying.is_contiguous()
    return Buffer(nbytes, copy, (lying, kept), lying.data_ptr() if here else None)


def _copy_array(lying: Any, to: int) -> None:
    ctypes.memmove(to, lying.ctypes.data, lying.nbytes)
