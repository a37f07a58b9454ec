"""The memory that a restore fills, each piece once: what shares it now may have lain apart when it was saved.

best = {"weights": model.state_dict()} is the model itself until there is a best one. Filled one after the other, both
would end as the last of them.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from copy import copy
from typing import Any, NamedTuple

from finops.checkpoint.arrays import is_array, is_whole, overwrite, shape_of

COMPARED = {"builtins", "array", "numpy", "torch"}  # what was pickled may answer == with anything
Place = tuple[str, int]  # a device and an address in it


class Span(NamedTuple):
    """The memory of an array: from `start` up to `end`, and in which order its elements lie there."""

    start: Place
    end: Place
    order: tuple[object, ...]


class _Piece(NamedTuple):
    """was: where that lies which it was filled with; None where nobody knows."""

    span: Span
    thing: Any
    was: Span | None


class Filled:
    """What was filled so far."""

    def __init__(self) -> None:
        self._starts: list[Place] = []  # of stretches of memory that do not touch, and what was filled in each
        self._ends: list[Place] = []
        self._pieces: list[list[_Piece]] = []
        self._collections: dict[int, tuple[Any, Any, Any]] = {}
        self._made: dict[tuple[str, Span | None], Any] = {}

    def array(self, thing: Any, was: Any) -> Any:
        """`thing`, filled with `was`; or what takes its place, where that would change what was filled before, or
        where it cannot be written."""
        if (span := span_of(thing)) is None:
            overwrite(thing, was)
            return thing
        near = self._near(span)
        told = [piece.was for piece in near if piece.span == span and piece.was is not None]
        if told and (theirs := span_of(was)) is not None:
            return thing if theirs in told else self._apart(thing, was)
        wide = [size > 1 and step == 0 for size, step in zip(thing.shape, _steps(thing), strict=True)]
        part = tuple(slice(0, 1) if one else slice(None) for one in wide)
        narrow = thing[part] if any(wide) else thing
        if not _can_be_written(narrow):
            return thing if same_bits(thing, was) else self._apart(thing, was)
        checked = any(wide) or _meets_itself(narrow)
        then = _copied(thing) if near or checked else thing
        others = [(piece.thing, _copied(piece.thing)) for piece in near]
        overwrite(narrow, was[part] if any(wide) else was)
        if (checked and not same_bits(thing, was)) or not all(same_bits(*one) for one in others):
            overwrite(narrow, then[part] if any(wide) else then)
            return self._apart(thing, was)
        self._add(_Piece(span, thing, span_of(was)))
        return thing

    def collection(self, thing: Any, was: Any) -> tuple[Any, Any]:
        """What is to be filled with `was`, and what it held before any of it was: `thing`, or another of its kind where
        it holds something else by now."""
        found, before, held = self._collections.setdefault(id(thing), (thing, was, copy(thing)))
        return found if before is was or alike(before, was, tied) else copy(held), held

    def holder(self, thing: Any, was: Any) -> None:
        """The arrays in `thing`, which was filled with `was`; None where nobody knows with what."""
        if is_array(thing):
            if (span := span_of(thing)) is not None:
                self._add(_Piece(span, thing, None if was is None else span_of(was)))
        elif isinstance(thing, dict):
            for key, one in thing.items():
                self.holder(one, was.get(key) if isinstance(was, dict) else None)
        elif isinstance(thing, list | tuple):
            for at, one in enumerate(thing):
                self.holder(one, was[at] if isinstance(was, list | tuple) and at < len(was) else None)

    def stranger(self, thing: Any, was: Any) -> None:
        """As `holder`, of an object that took `was` in its own way: those of its arrays that are now what was saved."""
        told: dict[str, list[Any]] = {}
        for one in _arrays_in(was):
            told.setdefault(str(shape_of(one)), []).append(one)
        for one in _arrays_in(getattr(thing, "__dict__", None)) if told else ():
            for theirs in told.get(str(shape_of(one)), []):
                if same_bits(one, theirs):
                    self.holder(one, theirs)

    def _near(self, span: Span) -> list[_Piece]:
        first, last = bisect_right(self._ends, span.start), bisect_left(self._starts, span.end)
        return [piece for pieces in self._pieces[first:last] for piece in pieces if _meet(piece.span, span)]

    def _add(self, piece: _Piece) -> None:
        first, last = bisect_right(self._ends, piece.span.start), bisect_left(self._starts, piece.span.end)
        together = [one for pieces in self._pieces[first:last] for one in pieces] + [piece]
        self._starts[first:last] = [min([piece.span.start, *self._starts[first:last]])]
        self._ends[first:last] = [max([piece.span.end, *self._ends[first:last]])]
        self._pieces[first:last] = [together]

    def _apart(self, thing: Any, was: Any) -> Any:
        """`was` on the device of `thing`; once, so that what was tied comes back tied."""
        if not hasattr(thing, "data_ptr") or thing.device == was.device:
            return was
        return self._made.setdefault((str(thing.device), span_of(was)), was.to(thing.device))


def span_of(thing: Any) -> Span | None:
    """None of an array without elements, and of one that is spread over several devices or is none."""
    if not is_array(thing) or not is_whole(thing) or 0 in thing.shape:
        return None
    torch = hasattr(thing, "data_ptr")
    at, device = (thing.data_ptr(), str(thing.device)) if torch else (thing.ctypes.data, "cpu")
    reach = [(size, step) for size, step in zip(thing.shape, _steps(thing), strict=True) if size > 1]
    start = at + sum((size - 1) * step for size, step in reach if step < 0)
    end = at + sum((size - 1) * step for size, step in reach if step > 0) + thing.dtype.itemsize
    signs = (thing.is_conj(), thing.is_neg()) if torch else (False, False)
    kind = str(thing.dtype).removeprefix("torch.")
    return Span((device, start), (device, end), (at, kind, tuple(thing.shape), *reach, *signs))


def tied(one: Any, other: Any) -> bool:
    """Whether two arrays of one checkpoint are the same: each was saved once."""
    span = span_of(one)
    return one.shape == other.shape and (one.dtype == other.dtype if span is None else span == span_of(other))


def same_bits(one: Any, other: Any) -> bool:
    if not hasattr(one, "data_ptr"):
        return not hasattr(other, "data_ptr") and bool(one.tobytes() == other.tobytes())
    torch = sys.modules["torch"]
    return isinstance(other, torch.Tensor) and torch.equal(*map(_bytes, (one, other)))


def alike(one: Any, other: Any, arrays: Any) -> bool:
    """Whether two values of a checkpoint are the same. arrays: says it of two arrays."""
    if one is other or type(one) is not type(other):
        return one is other
    if is_array(one):
        return bool(arrays(one, other))
    if isinstance(one, dict):
        return [*one] == [*other] and all(alike(one[key], other[key], arrays) for key in one)
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(alike(a, b, arrays) for a, b in zip(one, other, strict=True))
    if type(one).__module__ not in COMPARED:
        return False
    return bool(one == other) or bool(one != one and other != other)


def _arrays_in(thing: Any) -> Iterator[Any]:
    """In collections and models, not in other objects."""
    torch, seen, left = sys.modules.get("torch"), set[int](), [thing]
    while left:
        one = left.pop()
        if is_array(one):
            yield one
        elif id(one) not in seen and isinstance(one, dict | list | tuple):
            seen.add(id(one))
            left += one.values() if isinstance(one, dict) else one
        elif torch is not None and isinstance(one, torch.nn.Module):
            left += [*one.parameters(), *one.buffers()]


def _steps(thing: Any) -> Iterator[int]:
    """In bytes."""
    if not hasattr(thing, "data_ptr"):
        return iter(thing.strides)
    return (step * thing.dtype.itemsize for step in thing.stride())


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _meets_itself(thing: Any) -> bool:
    """Whether two of its elements may lie in the same place."""
    reach = thing.dtype.itemsize
    for step, size in sorted((abs(step), size) for step, size in zip(_steps(thing), thing.shape, strict=True)):
        if size > 1 and step < reach:
            return True
        reach += (size - 1) * step
    return False


def _can_be_written(thing: Any) -> bool:
    if not hasattr(thing, "data_ptr"):
        return bool(thing.flags.writeable)
    frozen = thing.is_inference() and not sys.modules["torch"].is_inference_mode_enabled()
    return not frozen and not _meets_itself(thing)


def _copied(thing: Any) -> Any:
    return thing.detach().clone() if hasattr(thing, "data_ptr") else thing.copy()


def _bytes(tensor: Any) -> Any:
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    return plain.contiguous().flatten().view(sys.modules["torch"].uint8)
