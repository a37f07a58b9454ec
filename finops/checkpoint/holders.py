"""Objects that hold state of their own: how it is taken from them, and how they get it back."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Ends(NamedTuple):
    """take: the state, of plain values, arrays and tensors. give: puts such a state into the object."""

    take: Callable[[], Any]
    give: Callable[[Any], object]


def unwrapped(thing: Any) -> Any:
    """The model that DistributedDataParallel wraps, so that it fits one that is not wrapped; else what it is."""
    wrapping = sys.modules.get("torch.nn.parallel.distributed")
    return thing.module if wrapping is not None and isinstance(thing, wrapping.DistributedDataParallel) else thing


def ends_of(thing: Any) -> Ends | None:
    """Those of a model, an optimizer, whatever else has state_dict and load_state_dict, or of a generator of random
    numbers; None for a plain value."""
    if isinstance(thing, type):  # the class in place of an object: there is nothing to take yet
        return None
    thing = unwrapped(thing)
    if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict"):
        return Ends(thing.state_dict, thing.load_state_dict)
    if isinstance(thing, random.Random):
        return Ends(thing.getstate, thing.setstate)
    if (torch := sys.modules.get("torch")) is not None and isinstance(thing, torch.Generator):
        return Ends(thing.get_state, thing.set_state)
    if (numbers := sys.modules.get("numpy.random")) is not None:
        if isinstance(thing, numbers.Generator):
            source = thing.bit_generator
            return Ends(lambda: source.state, lambda state: setattr(source, "state", state))
        if isinstance(thing, numbers.RandomState):
            return Ends(thing.get_state, thing.set_state)
    return None
