"""A state that several processes hold: the part that each of them saves, and the whole put together again.

A tensor that is sharded (DTensor: fully_shard, tensor parallelism) is saved in the pieces in which it lies. What
DistributedDataParallel keeps alike everywhere, the parameters and their optimizer's state, is saved once, shared out
by size. Everything else is a process's own and saved by each. In the place of a tensor that is somebody else's, or in
pieces, stands a leaf: a dict with the key LEAF that tells it, and with "local" where this process holds some of it.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from finops.checkpoint import rng
from finops.checkpoint.faults import CannotSave
from finops.checkpoint.holders import ends_of, unwrapped
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store
from finops.checkpoint.together.sets import footer_of, parts_of, verify_part
from finops.checkpoint.writing import Loaded, get

LEAF = "$leaf"
RANDOM = "$random"
SMALL = 1024  # bytes; below, where it is to be found takes as much room as the thing


@dataclass(frozen=True)
class Gathered:
    """A checkpoint that is whole, as one process needs it. As finops.checkpoint.writing.Loaded."""

    name: Name
    meta: Mapping[str, Any]
    state: dict[str, Any]


def unsharded(state: Mapping[str, Any], pickle: Collection[str] = ()) -> Mapping[str, Any]:
    """What the only process saves: tensors that are sharded over it alone, as what they are. Raises CannotSave."""
    return part_of(state, 0, 1, pickle)[0] if _is_sharded(state) else state


def part_of(
    state: Mapping[str, Any], rank: int, world: int, pickle: Collection[str] = ()
) -> tuple[dict[str, Any], str]:
    """What this process saves of `state`, and a digest that is the same wherever what is shared out is the same.

    Nothing is copied and nobody is asked. Raises CannotSave.
    """
    parting = _Parting(rank, world, state)
    taken = {entry: thing if entry in pickle else parting.of(thing, entry) for entry, thing in state.items()}
    return taken, blake2b(json.dumps(parting.plan).encode(), digest_size=8).hexdigest()


def load(
    store: Store, found: Loaded, rank: int, world: int, state: Mapping[str, Any], pickle: Collection[str] = ()
) -> Loaded | Gathered:
    """The checkpoint `found` as process `rank` of `world` needs it, for `state`, of which nothing is changed.

    Where the number of processes is another than when it was saved, what was a process's own goes to the one of that
    rank, modulo. Between them all processes read every part, so that one that is missing is missed. Raises Damaged,
    Newer or StoreFault.
    """
    parts = parts_of(found)
    if not parts:
        targets = _sharded(state)
        return Gathered(found.name, found.meta, _fitted(found.state, targets)) if targets else found
    mine = rank % len(parts)
    for index in range(rank, len(parts), world):
        if index != mine:
            verify_part(store, *parts[index])
    footer_of(store, *parts[mine])
    own = get(store, parts[mine][0], pickle).state
    if any(True for _ in leaves(own)):
        from finops.checkpoint.together.resharding import values

        made = values(store, parts, mine, dict(leaves(own)), _targets(state))
        own = {entry: _filled(thing, made) for entry, thing in own.items()}
    if mine != rank and RANDOM in own:  # two that draw the same numbers drop the same units of their models
        own[RANDOM] = rng.capture()
    return Gathered(found.name, found.meta, _fitted(own, _sharded(state)))


def leaves(thing: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The leaves of what one process saved, or of the nodes that tell it, by name."""
    if isinstance(thing, dict) and LEAF in thing:
        yield thing[LEAF]["name"], thing
    elif isinstance(thing, dict):
        for one in thing.values():
            yield from leaves(one)
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from leaves(one)


def _filled(thing: Any, made: Mapping[str, Any]) -> Any:
    if isinstance(thing, dict) and LEAF in thing:
        return made[thing[LEAF]["name"]]
    return _mapped(thing, lambda key, one: _filled(one, made))


class _Parting:
    def __init__(self, rank: int, world: int, state: Mapping[str, Any]) -> None:
        self.plan: list[Any] = []
        self._rank, self._world = rank, world
        self._loads = [0] * world
        self._alike = {id(one) for module in _replicated(state) for one in module.parameters()}

    def of(self, thing: Any, name: str, alike: bool = False) -> Any:
        """alike: what lies below is the same in every process."""
        torch = sys.modules.get("torch")
        if torch is None:
            return thing
        if isinstance(thing, torch.Tensor):
            if hasattr(thing, "device_mesh"):
                return _piece(thing, name) if self._world > 1 else _all_of(thing, name)
            return self._shared_out(thing, name) if alike and self._world > 1 and thing.nbytes >= SMALL else thing
        if isinstance(thing, torch.nn.Module):
            return self._of_module(thing, name)
        if isinstance(thing, torch.optim.Optimizer):
            return self._of_optimizer(thing, name)
        if (ends := ends_of(thing)) is not None:
            thing = ends.take()
        return _mapped(thing, lambda key, one: self.of(one, f"{name}/{key}", alike))

    def _of_module(self, module: Any, name: str) -> Any:
        _refuse_wrapped(module, name)
        module = unwrapped(module)
        shared = {key for key, one in module.named_parameters(remove_duplicate=False) if id(one) in self._alike}
        return _mapped(module.state_dict(), lambda key, one: self.of(one, f"{name}/{key}", key in shared))

    def _of_optimizer(self, optimizer: Any, name: str) -> Any:
        alike = all(id(one) in self._alike for group in optimizer.param_groups for one in group["params"])
        told = optimizer.state_dict()
        return _mapped(told, lambda key, one: self.of(one, f"{name}/{key}", alike and key == "state"))

    def _shared_out(self, tensor: Any, name: str) -> Any:
        holder = min(range(self._world), key=self._loads.__getitem__)
        self._loads[holder] += tensor.nbytes
        told = _told(tensor, name, [0] * tensor.dim(), list(tensor.shape))
        self.plan.append([told, holder])
        return {LEAF: told, "local": tensor} if holder == self._rank else {LEAF: told}


def _all_of(tensor: Any, name: str) -> Any:
    if tensor.device_mesh.size() > 1:
        raise CannotSave(
            f"{name} is sharded over {tensor.device_mesh.size()} processes, and this one saves alone.",
            "Open it in all of them, without alone=True.",
        )
    return tensor.to_local()


def _piece(tensor: Any, name: str) -> Any:
    """Of those who hold the same piece, the first has it written."""
    chunks = tensor.__create_chunk_list__()
    if len(chunks) != 1:
        raise CannotSave(f"{name} lies in {len(chunks)} pieces in one process.", "Leave it out of the state.")
    told = _told(tensor, name, list(chunks[0].offsets), list(chunks[0].sizes))
    told["shards"] = [getattr(one, "dim", None) for one in tensor.placements]
    at = tensor.device_mesh.get_coordinate()
    first = at is not None and not any(
        place for place, one in zip(at, tensor.placements, strict=True) if one.is_replicate()
    )
    local = tensor.to_local()
    return {LEAF: told, "local": local} if first and local.numel() else {LEAF: told}


def _told(tensor: Any, name: str, offsets: list[int], sizes: list[int]) -> dict[str, Any]:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return {"name": name, "shape": list(tensor.shape), "dtype": dtype, "offsets": offsets, "sizes": sizes}


def _replicated(thing: Any) -> Iterator[Any]:
    """The models in `thing` that are the same in every process, without what wraps them."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if unwrapped(thing) is not thing:
        yield unwrapped(thing)
    elif isinstance(thing, Mapping):
        for one in thing.values():
            yield from _replicated(one)
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from _replicated(one)


def _refuse_wrapped(module: Any, name: str) -> None:
    fsdp = sys.modules.get("torch.distributed.fsdp")
    wrapped = getattr(fsdp, "FullyShardedDataParallel", None)
    if wrapped is not None and any(isinstance(one, wrapped) for one in module.modules()):
        raise CannotSave(
            f"state[{name!r}] is wrapped in FullyShardedDataParallel, whose state takes all processes to gather.",
            "Shard it with torch.distributed.fsdp.fully_shard, which replaces it.",
        )


def _mapped(thing: Any, of: Callable[[Any, Any], Any]) -> Any:
    """A collection with `of(key, one)` in the place of each of its parts; anything else as it is."""
    if type(thing) is dict:
        return {key: of(key, one) for key, one in thing.items()}
    if type(thing) is OrderedDict:
        made = OrderedDict((key, of(key, one)) for key, one in thing.items())
        if hasattr(thing, "_metadata"):
            made._metadata = thing._metadata  # type: ignore[attr-defined]
        return made
    if type(thing) in (list, tuple):
        return type(thing)(of(at, one) for at, one in enumerate(thing))
    return thing


def _targets(state: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of `state` by the names of their leaves; of what an optimizer keeps of a parameter, the parameter."""
    found: dict[str, Any] = {}
    for entry, thing in state.items():
        _find(thing, entry, found)
    return found


def _find(thing: Any, name: str, found: dict[str, Any]) -> Any:
    torch = sys.modules["torch"]
    if isinstance(thing, torch.Tensor):
        found[name] = thing
    elif isinstance(thing, torch.optim.Optimizer):
        parameters = [one for group in thing.param_groups for one in group["params"]]
        found.update({f"{name}/state/{at}": one for at, one in enumerate(parameters)})
    else:
        ends = ends_of(unwrapped(thing))
        _mapped(thing if ends is None else ends.take(), lambda key, one: _find(one, f"{name}/{key}", found))


def _sharded(state: Mapping[str, Any]) -> dict[str, Any]:
    """The targets of `state` where some of them are sharded."""
    return _targets(state) if _is_sharded(state) else {}


def _is_sharded(thing: Any) -> bool:
    """Whether a model, an optimizer or a tensor in it is. Nobody is asked for its state."""
    torch = sys.modules.get("torch")
    if torch is None or "torch.distributed.tensor" not in sys.modules:
        return False
    if isinstance(thing, torch.nn.Module):
        return any(hasattr(one, "device_mesh") for one in thing.parameters())
    if isinstance(thing, torch.optim.Optimizer):
        return any(hasattr(one, "device_mesh") for group in thing.param_groups for one in group["params"])
    if isinstance(thing, Mapping):
        return any(map(_is_sharded, thing.values()))
    if isinstance(thing, list | tuple):
        return any(map(_is_sharded, thing))
    return hasattr(thing, "device_mesh") and isinstance(thing, torch.Tensor)


def _fitted(found: dict[str, Any], targets: Mapping[str, Any]) -> dict[str, Any]:
    """With the pieces of this process in the place of tensors that are whole, where those of the state are sharded."""
    if not targets:
        return found
    from finops.checkpoint.together.resharding import cut

    def fit(thing: Any, name: str) -> Any:
        if not hasattr(thing, "data_ptr") or hasattr(thing, "device_mesh"):
            return _mapped(thing, lambda key, one: fit(one, f"{name}/{key}"))
        target: Any = targets.get(name, targets.get(name.rpartition("/")[0]))
        return cut(thing, target) if hasattr(target, "device_mesh") and thing.shape == target.shape else thing

    return {entry: fit(thing, entry) for entry, thing in found.items()}
