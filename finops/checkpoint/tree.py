"""State as a tree of plain JSON and the buffers that it speaks of: nothing is executed on the way back.

What JSON has not is an object with the key "!", which says what it is: a tensor, an array, a tuple, a dict whose keys
are numbers. Types are taken exactly, so that what comes back is what was there: whoever holds one that is not known
here names the entry that holds it in `pickle`.
"""

from __future__ import annotations

import array
import ctypes
import math
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from finops.checkpoint import arrays
from finops.checkpoint.arrays import Buffer
from finops.checkpoint.faults import CannotSave, Foreign, Newer
from finops.checkpoint.holders import ends_of

__all__ = ["Buffer", "Json", "flatten", "rebuild", "refuse"]

Json = Any
KIND = "!"
DEEPEST = 100  # levels; reading them back takes some of Python's 1,000 frames for each
ROW = 64  # numbers from which on a list of them is bytes: the losses of a million steps take a second as text
CODES = {float: "d", int: "q"}
BITS = 10_000  # of an integer that is written in digits; Python refuses to read more than 4,300 of those
DICTS = {dict: "dict", OrderedDict: "ordered", Counter: "counter", defaultdict: "dict"}


def flatten(state: Mapping[str, object], pickle: Collection[str] = ()) -> tuple[Json, list[Buffer]]:
    """`state` as JSON, and the buffers it refers to by number. pickle: the entries that are pickled.

    Nothing is copied yet: the buffers are read when they are copied. Raises CannotSave.
    """
    return _flattened(state, pickle, _Told())


def refuse(state: Mapping[str, object], pickle: Collection[str] = ()) -> None:
    """Raise CannotSave as `flatten` would, without asking any object for its state yet."""
    _flattened({name: thing for name, thing in state.items() if name not in pickle}, (), _Told(ask=False))


def _flattened(state: Mapping[str, object], pickle: Collection[str], told: _Told) -> tuple[Json, list[Buffer]]:
    nodes = {
        name: told.pickled(thing, name) if name in pickle else told.of(thing, f"state[{name!r}]", name)
        for name, thing in state.items()
    }
    return nodes, told.buffers


def rebuild(nodes: Json, at: Callable[[int], memoryview], pickle: Collection[str] = ()) -> dict[str, Any]:
    """What `flatten` was given, with what holders told in their place.

    at: buffer number to its bytes, writable; tensors and arrays go on using them. Raises Foreign for an entry that was
    pickled and is not in `pickle`, Newer for a kind that is not known here.
    """
    for name, node in nodes.items():  # before any of them is loaded
        if _is_pickled(node) and name not in pickle:
            raise Foreign(
                f"state[{name!r}] was pickled, and loading a pickle runs whatever is in it.",
                f"Where you trust who wrote it, allow it by name: pickle=[{name!r}].",
            )
    rebuilt = _Rebuilt(at)
    return {name: _unpickled(node, at) if _is_pickled(node) else rebuilt.of(node) for name, node in nodes.items()}


class _Told:
    def __init__(self, ask: bool = True) -> None:
        self.buffers: list[Buffer] = []
        self._ask = ask
        self._tensors = arrays.Tensors(self.buffers)  # and not self: what is in a circle is let go of late
        self._arrays: dict[tuple[object, ...], int] = {}
        self._open: set[int] = set()

    def of(self, thing: Any, where: str, entry: str) -> Json:
        kind = type(thing)
        if thing is None or kind is bool or kind is str:
            return thing
        if kind is int:
            return thing if thing.bit_length() <= BITS else {KIND: "int", "v": hex(thing)}
        if kind is float:
            return thing if math.isfinite(thing) else {KIND: "float", "v": repr(thing)}
        if kind is complex:
            return {KIND: "complex", "v": [self.of(thing.real, where, entry), self.of(thing.imag, where, entry)]}
        if kind in (bytes, bytearray, memoryview, array.array):
            return self._of_bytes(thing, where)
        if (found := self._of_torch(thing, where) or self._of_numpy(thing, where, entry)) is not None:
            return found
        if id(thing) in self._open:
            raise CannotSave(f"{where} holds itself.", "Leave it out of the state, or break the circle.")
        if len(self._open) == DEEPEST:
            raise CannotSave(f"{where} is {DEEPEST} levels deep.", "Save it in a flatter form.")
        self._open.add(id(thing))
        try:
            return self._of_collection(thing, where, entry)
        finally:
            self._open.discard(id(thing))

    def _of_collection(self, thing: Any, where: str, entry: str) -> Json:
        kind = type(thing)
        if kind in DICTS:
            return self._of_dict(thing, where, entry)
        if kind is list:
            return self._of_row(thing) or [self.of(one, f"{where}[{at}]", entry) for at, one in enumerate(thing)]
        if kind in (tuple, set, frozenset):
            return {KIND: kind.__name__, "v": self._of_collection(list(thing), where, entry)}
        if kind is deque:
            return {KIND: "deque", "v": self._of_collection(list(thing), where, entry), "most": thing.maxlen}
        if (ends := ends_of(thing)) is not None:
            return self.of(ends.take(), where, entry) if self._ask else None
        raise CannotSave(
            f"{where} is a {kind.__module__}.{kind.__qualname__}, which has no plain form.",
            f"Give it state_dict and load_state_dict, leave it out, or allow pickle for this entry by name: "
            f"pickle=[{entry!r}].",
        )

    def _of_row(self, thing: list[Any]) -> Json:
        """Many numbers of one type as bytes; None for any other list, and where one is too large."""
        kinds = {*map(type, thing)} if len(thing) >= ROW else set()
        if len(kinds) != 1 or (code := CODES.get(kinds.pop())) is None:
            return None
        try:
            held = array.array(code, thing)
        except OverflowError:
            return None
        return {KIND: "row", "of": code, "at": _buffer(memoryview(held)).among(self.buffers)}

    def _of_dict(self, thing: dict[Any, Any], where: str, entry: str) -> Json:
        kind = DICTS[type(thing)]
        if kind == "dict" and KIND not in thing and all(type(key) is str for key in thing):
            return {key: self.of(one, f"{where}[{key!r}]", entry) for key, one in thing.items()}
        pairs = [[self.of(key, where, entry), self.of(one, f"{where}[{key!r}]", entry)] for key, one in thing.items()]
        node = {KIND: kind, "v": pairs}
        if metadata := getattr(thing, "_metadata", None):  # the versions of its modules, which torch wants back
            node["metadata"] = self.of(metadata, f"{where}._metadata", entry)
        return node

    def _of_bytes(self, thing: Any, where: str) -> Json:
        held = memoryview(thing)
        node = {KIND: type(thing).__name__, "at": _buffer(held).among(self.buffers)}
        if isinstance(thing, bytes | bytearray):
            return node
        if len(held.format) > 1:
            raise CannotSave(f"{where} is a memoryview of {held.format!r}.", "Save its items as an array or as bytes.")
        return {**node, "format": held.format if type(thing) is memoryview else thing.typecode, "shape": held.shape}

    def _of_torch(self, thing: Any, where: str) -> Json:
        torch = sys.modules.get("torch")
        if torch is None:
            return None
        if isinstance(thing, torch.Tensor):
            return {KIND: "tensor", **self._tensors.node(thing, where)}
        if isinstance(thing, torch.Size):
            return {KIND: "size", "v": list(thing)}
        if isinstance(thing, torch.dtype | torch.device | torch.layout | torch.memory_format):
            return {KIND: "device" if isinstance(thing, torch.device) else "torch", "v": str(thing).split(".")[-1]}
        return None

    def _of_numpy(self, thing: Any, where: str, entry: str) -> Json:
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(thing, numpy.ndarray | numpy.generic):
            return None
        kind = "ndarray" if isinstance(thing, numpy.ndarray) else "scalar"
        return {KIND: kind, **arrays.array_node(thing, where, entry, self.buffers, self._arrays)}

    def pickled(self, thing: Any, entry: str) -> Json:
        import pickle

        ends = ends_of(thing)
        try:
            held = pickle.dumps(thing if ends is None else ends.take())
        except (pickle.PicklingError, AttributeError, TypeError, ValueError, RecursionError) as fault:
            raise CannotSave(
                f"state[{entry!r}] cannot be pickled: {fault}.", "Leave it out, or give it a state_dict."
            ) from fault
        return {KIND: "pickle", "at": _buffer(memoryview(held)).among(self.buffers)}


class _Rebuilt:
    """Holds nothing that holds it: what is in a circle is let go of late, and this is as large as the checkpoint."""

    def __init__(self, at: Callable[[int], memoryview]) -> None:
        self._at = at

    def of(self, node: Json) -> Any:
        if isinstance(node, list):
            return [self.of(one) for one in node]
        if not isinstance(node, dict):
            return node
        if KIND not in node:
            return {key: self.of(one) for key, one in node.items()}
        if node[KIND] not in _KINDS:
            raise Newer(
                f"It holds a {node[KIND]!r}, which this version of aml-finops does not know.",
                "Run: pip install --upgrade aml-finops",
            )
        return _KINDS[node[KIND]](self, node)

    def bytes(self, node: Json) -> memoryview:
        return self._at(node["at"])

    def many(self, node: Json) -> list[Any]:
        found: list[Any] = self.of(node["v"])
        return found

    def pairs(self, node: Json) -> Iterator[tuple[Any, Any]]:
        return ((self.of(key), self.of(one)) for key, one in node["v"])


def _ordered(it: _Rebuilt, node: Json) -> OrderedDict[Any, Any]:
    found = OrderedDict(it.pairs(node))
    if "metadata" in node:
        found._metadata = it.of(node["metadata"])  # type: ignore[attr-defined]
    return found


def _view(it: _Rebuilt, node: Json) -> memoryview:
    held = memoryview(bytearray(it.bytes(node)))
    return held.cast(node["format"], node["shape"]) if held.nbytes else held


def _torch() -> Any:
    import torch

    return torch


_KINDS: Mapping[str, Callable[[_Rebuilt, Json], Any]] = {
    "int": lambda it, node: int(node["v"], 16),
    "float": lambda it, node: float(node["v"]),
    "complex": lambda it, node: complex(*it.many(node)),
    "bytes": lambda it, node: bytes(it.bytes(node)),
    "bytearray": lambda it, node: bytearray(it.bytes(node)),
    "memoryview": _view,
    "row": lambda it, node: it.bytes(node).cast("B").cast(node["of"]).tolist(),
    "array": lambda it, node: array.array(node["format"], bytes(it.bytes(node))),
    "tuple": lambda it, node: tuple(it.many(node)),
    "set": lambda it, node: set(it.many(node)),
    "frozenset": lambda it, node: frozenset(it.many(node)),
    "deque": lambda it, node: deque(it.many(node), node["most"]),
    "dict": lambda it, node: dict(it.pairs(node)),
    "counter": lambda it, node: Counter(dict(it.pairs(node))),
    "ordered": _ordered,
    "size": lambda it, node: _torch().Size(node["v"]),
    "torch": lambda it, node: arrays.torch_name(node["v"]),
    "device": lambda it, node: _torch().device(node["v"]),
    "tensor": lambda it, node: arrays.tensor(node, it.bytes(node)),
    "ndarray": lambda it, node: arrays.array(node, it.bytes(node)),
    "scalar": lambda it, node: arrays.array(node, it.bytes(node))[()],
}


def _is_pickled(node: Json) -> bool:
    return isinstance(node, dict) and node.get(KIND) == "pickle"


def _unpickled(node: Json, at: Callable[[int], memoryview]) -> Any:
    import pickle

    return pickle.loads(at(node["at"]))  # noqa: S301 - the caller named this entry


def _buffer(held: memoryview) -> Buffer:
    flat = held.cast("B") if held.c_contiguous and held.nbytes else memoryview(held.tobytes())

    def copy(to: int) -> None:
        memoryview((ctypes.c_char * len(flat)).from_address(to)).cast("B")[:] = flat

    return Buffer(len(flat), copy, held)
