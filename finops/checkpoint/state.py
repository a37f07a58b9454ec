"""The caller's objects: whether what was saved fits them, and how they get it back."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from finops.checkpoint.arrays import is_array, shape_of
from finops.checkpoint.faults import Foreign
from finops.checkpoint.filling import Filled, alike, same_bits, span_of, tied
from finops.checkpoint.holders import ends_of, unwrapped

DECOUPLED = "decoupled_weight_decay"  # all that tells AdamW from Adam
OF_SCHEDULERS = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}  # what they add to a group
MOST_NAMED = 5  # differences that a message names; a model of another shape differs in hundreds


def check(state: Mapping[str, Any], found: Mapping[str, Any], name: str) -> None:
    """Raise Foreign where `found`, of the checkpoint `name`, does not fit `state`. Nothing is changed.

    Told are models, optimizers, arrays and the kind of collections. What else has a load_state_dict judges by itself.
    """
    wrong = [f"it has no {entry!r}" for entry in state if entry not in found]
    wrong += [f"it has {entry!r}, which the state has not" for entry in found if entry not in state]
    for entry, thing in state.items():
        if entry in found:
            wrong += _differences(entry, thing, found[entry])
    wrong = wrong or [*_of_one_memory(state, found)]
    if wrong:
        more = f"; and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        raise Foreign(
            f"{name} does not fit this training: {'; '.join(wrong[:MOST_NAMED])}{more}. Nothing was restored.",
            "Go on with the state that it was saved with, or name another folder to begin anew.",
        )


def give_back(state: MutableMapping[str, Any], found: Mapping[str, Any], name: str) -> None:
    """Put `found`, which `check` let pass, into the objects of `state`.

    Models, arrays and collections keep their identity, tensors their device; other values take their place in `state`,
    and so does an array that cannot be written, or that shares memory now and had its own when it was saved.
    First come those that only find out while they load whether they can: what they refuse leaves the others untouched.
    """
    filled, given = Filled(), set[int]()
    holders = [(entry, *held) for entry in found for held in _holders(state[entry], found[entry])]
    for entry, thing, was in sorted(holders, key=lambda held: _is_checked(held[1])):
        if id(thing) not in given:
            given.add(id(thing))
            with _told_of(entry, name):
                _give(thing, was, filled)
    for entry in sorted(found, key=lambda entry: not is_array(state[entry])):
        with _told_of(entry, name):
            state[entry] = _into(state[entry], found[entry], filled)


@contextmanager
def _told_of(entry: str, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException as fault:
        fault.add_note(f"This was state[{entry!r}], restored from {name}. To begin anew, name another folder.")
        raise


def _give(thing: Any, was: Any, filled: Filled) -> None:
    ends = ends_of(thing)
    assert ends is not None
    ends.give(was)
    if not _is_checked(thing):  # what it does when it is asked for its state, nobody knows
        filled.stranger(thing, was)
    else:  # what is gathered from several processes is not tied any more
        filled.holder(ends.take(), was if unwrapped(thing) is thing else None)


def _holders(thing: Any, was: Any) -> Iterator[tuple[Any, Any]]:
    """What has state of its own, in `thing` as well, and that state."""
    if ends_of(thing) is not None:
        yield thing, was
    elif isinstance(thing, dict | list | tuple) and _kind(thing) == _kind(was):
        theirs = dict(_parts(was))
        for key, one in _parts(thing):
            if key in theirs:
                yield from _holders(one, theirs[key])


def _into(thing: Any, was: Any, filled: Filled) -> Any:
    """What takes the place of `thing`: itself, filled with what was saved, where it can be filled."""
    if ends_of(thing) is not None:
        return thing
    if is_array(thing) and shape_of(thing) == shape_of(was):
        return filled.array(thing, was)
    if isinstance(thing, dict) and isinstance(was, dict):
        thing, held = filled.collection(thing, was)
        parts = {key: _into(held.get(key), one, filled) for key, one in was.items()}
        thing.clear()
        thing.update(parts)
        return thing
    if type(thing) is type(was) and type(thing) in (list, bytearray, array):
        thing, held = filled.collection(thing, was)
        thing[:] = _each(held, was, filled) if type(thing) is list else was
        return thing
    return tuple(_each(thing, was, filled)) if type(thing) is type(was) is tuple else was


def _each(things: Any, were: Any, filled: Filled) -> list[Any]:
    return [_into(things[at] if at < len(things) else None, was, filled) for at, was in enumerate(were)]


def _of_one_memory(state: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """What is one here and was two when it was saved, where nothing can take the place of either."""
    seen: dict[Any, tuple[str, Any, Any, bool]] = {}  # with the tensors themselves: memory that is let go of is reused
    holders: dict[int, tuple[str, Any]] = {}
    for entry, thing in state.items():
        for held, was in _holders(thing, found[entry]):
            first, theirs = holders.setdefault(id(held), (entry, was))
            if not alike(theirs, was, same_bits):
                yield f"it has {entry} apart from {first}, and here they are the same object"
            elif _is_module(held) and (ends := ends_of(held)) is not None:
                pieces = ((f"{entry}.{key}", one, was.get(key), False) for key, one in ends.take().items())
                yield from _mixed(pieces, seen)
        if is_array(thing):
            yield from _mixed([(entry, thing, found[entry], True)], seen)


def _mixed(pieces: Iterable[tuple[str, Any, Any, bool]], seen: dict[Any, tuple[str, Any, Any, bool]]) -> Iterator[str]:
    """The last of a piece: whether it is an array of its own, and not a model's."""
    for piece in pieces:
        where, one, was, alone = piece
        if (span := span_of(one)) is None or not is_array(was):
            continue
        first, _, theirs, other = seen.setdefault(span, piece)
        if not tied(theirs, was) and ((alone and other) or not same_bits(theirs, was)):
            yield f"it has {where} apart from {first}, whose memory it is here: make one of them a copy"


def _differences(where: str, thing: Any, was: Any, within: bool = False) -> Iterator[str]:
    """within: below an entry, where an array or a collection of another kind takes the place of the one there."""
    if (ends := ends_of(thing)) is not None:
        if _is_module(thing):
            yield from _of_module(where, ends.take(), was)
        elif _is_optimizer(thing):
            yield from _of_optimizer(where, ends.take(), was)
        return
    if is_array(thing):
        if not within and shape_of(thing) != shape_of(was):
            yield f"it has {where} of {shape_of(was) or _kind(was)} instead of {shape_of(thing)}"
        return
    if not isinstance(thing, dict | list | tuple | bytearray | array):
        return
    if _kind(thing) != _kind(was):
        if not (within or type(thing) is tuple) or _holds(thing):
            yield f"it has {where} as {_kind(was)} instead of {_kind(thing)}"
    elif isinstance(thing, dict | list | tuple):
        theirs = dict(_parts(was))
        for key, one in _parts(thing):
            if key in theirs:
                yield from _differences(f"{where}[{key!r}]", one, theirs[key], within=True)
            elif ends_of(one) is not None:
                yield f"it has no {where}[{key!r}]"


def _of_module(where: str, now: Mapping[str, Any], then: Any) -> Iterator[str]:
    if not isinstance(then, Mapping):
        yield f"it has {where} as {_kind(then)} instead of a model's state"
        return
    for key in now:
        if key not in then:
            yield f"it has no {where}.{key}"
        elif shape_of(now[key]) is not None and shape_of(now[key]) != shape_of(then[key]):
            yield f"it has {where}.{key} of {shape_of(then[key]) or _kind(then[key])} instead of {shape_of(now[key])}"
    yield from (f"it has {where}.{key}, which the model has not" for key in then if key not in now)


def _of_optimizer(where: str, now: Mapping[str, Any], then: Any) -> Iterator[str]:
    if not isinstance(then, Mapping) or "param_groups" not in then:
        yield f"it has {where} as {_kind(then)} instead of an optimizer's state"
        return
    ours, theirs = ([len(group["params"]) for group in told["param_groups"]] for told in (now, then))
    if ours != theirs:
        yield f"it has {where} of {theirs} parameters a group instead of {ours}"
    elif wrong := next((told for groups in zip(*_groups(now, then), strict=True) if (told := _of_group(*groups))), ""):
        yield f"it has {where} with {wrong}: that is an optimizer of another class"


def _groups(*told: Mapping[str, Any]) -> tuple[list[dict[str, Any]], ...]:
    return tuple(one["param_groups"] for one in told)


def _of_group(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """What only an optimizer of another class has. A newer torch has settings that an older one had not."""
    more, less = theirs.keys() - ours.keys() - OF_SCHEDULERS, ours.keys() - theirs.keys() - OF_SCHEDULERS
    if more and less:
        return f"{', '.join(sorted(more))} and without {', '.join(sorted(less))}"
    if DECOUPLED in ours and DECOUPLED in theirs and ours[DECOUPLED] != theirs[DECOUPLED]:
        return f"{DECOUPLED}={theirs[DECOUPLED]} instead of {ours[DECOUPLED]}"
    return ""


def _parts(thing: Any) -> Iterator[tuple[Any, Any]]:
    return iter(thing.items()) if isinstance(thing, dict) else enumerate(thing)


def _holds(thing: Any) -> bool:
    """Whether a part of it has state of its own, which a plain value cannot take the place of."""
    return isinstance(thing, dict | list | tuple) and any(ends_of(one) is not None for _, one in _parts(thing))


def _kind(thing: Any) -> str:
    """The name of its type; of a dict of any sort, dict."""
    return "dict" if isinstance(thing, dict) else type(thing).__name__


def _is_checked(thing: Any) -> bool:
    return _is_module(thing) or _is_optimizer(thing)


def _is_module(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def _is_optimizer(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.optim.Optimizer)
