"""One checkpoint that several processes wrote: a part of each, and a manifest that makes them one.

The manifest is named as the checkpoint of a single process is, holds the checksum of each part, and is the only
commit point: rank 0 publishes it once every process has read its own part back. Whoever lists, ranks or deletes
checkpoints sees the manifest; parts without one are not a checkpoint.

What is saved again at a step must not take the place of parts that a manifest names: its parts are named as those of
twice as many processes, then thrice (`of` in the manifest), and the former go once the manifest is theirs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

from finops.checkpoint.faults import Damaged, Fenced, StoreFault
from finops.checkpoint.format import Footer, read_footer
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store
from finops.checkpoint.together.ranks import read_note
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import Loaded, fill, get, lay_out, put, verify
from finops.errors import FinopsError

PARTS = "$parts"  # the one entry of a manifest
# For how long a part is waited for: processes that share a disk finish far apart. A training that was killed has no
# further parts to come but those that were being written.
PATIENCE, AFTERWARDS = 1800.0, 5.0
LONGEST = 0.5  # seconds between two looks
OFTEN = 0.1  # seconds between two looks below which it is not looked for what is seldom there

Waiting = Callable[[Callable[[], str]], Iterator[float]]


def whole(name: Name) -> Name:
    """The manifest of the set that `name` is in."""
    return Name(name.attempt, name.step)


def part(name: Name, rank: int, world: int) -> Name:
    return Name(name.attempt, name.step, rank, world)


def published(
    store: Store,
    name: Name,
    meta: Mapping[str, Any],
    write: Callable[[], int],
    goes_on: Callable[[], bool] = lambda: True,
    patience: float = PATIENCE,
) -> int:
    """Have `write` publish `name`; for a part, return once its set is a checkpoint. How many bytes `write` wrote.

    goes_on: whether the training is there. Where it was killed, the others probably were, and are not waited for long.
    Raises StoreFault on every process where the set did not become one.
    """
    if name.world == 1:
        return write()
    try:
        nbytes = write()
        said = {"sum": digest(verify(store, name)), "plan": meta.get("plan")}
    except Fenced:  # the notes are the later attempt's now
        raise
    except (FinopsError, OSError, ValueError, MemoryError) as fault:
        _say(store, name, fault=getattr(fault, "what", repr(fault)))
        raise
    _say(store, name, **said)
    wait = partial(_patiently, goes_on, patience)
    if name.rank == 0:
        _commit(store, name, said, meta, wait)
    else:
        _await_commit(store, name, said, wait)
    return nbytes


def say_missed(store: Store, name: Name, why: str) -> None:
    """Tell the others that the part `name` will not come. Raises StoreFault.

    In a note of its own, as the writer of this process may be telling of another set.
    """
    store.note(f"rank-{name.rank:05}.missed.json", json.dumps({"name": str(name), "fault": why}))


def forget(store: Store, rank: int) -> None:
    """What `rank` told of its parts is past: its steps are counted from an earlier one again. Raises StoreFault."""
    for kind in ("saved", "missed"):
        store.note(f"rank-{rank:05}.{kind}.json", "{}")


def digest(footer: Footer) -> str:
    """What tells one part from any other: its checksums, and what it says of itself."""
    told = [footer.body, footer.chunk, footer.sums, footer.tree, footer.meta]
    return blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()


def parts_of(manifest: Loaded) -> list[tuple[Name, str]]:
    """The parts of a set, in the order of their ranks, each with its digest; none where one process wrote it all."""
    sums = manifest.told["nodes"].get(PARTS, [])
    of = manifest.meta.get("of", len(sums))
    return [(part(manifest.name, rank, of), was) for rank, was in enumerate(sums)]


def footer_of(store: Store, name: Name, was: str) -> Footer:
    """The footer of a part. Raises Damaged where it is not the one that the set was made of."""
    with store.open(name) as source:
        footer = read_footer(source)
        if digest(footer) != was:
            raise Damaged(
                f"{source.name} is not the part that its set was made of.",
                "The checkpoint before it is used, where there is one.",
            )
    return footer


def verify_part(store: Store, name: Name, was: str) -> None:
    """Read all of a part and hold it against its set. Raises Damaged, Newer or StoreFault."""
    footer_of(store, name, was)
    verify(store, name)


def delete(store: Store, name: Name, there: Iterable[Name]) -> None:
    """Delete a checkpoint: its manifest first, so that no set is ever listed without its parts."""
    store.delete(name)
    for one in there:
        if one.world > 1 and whole(one) == name:
            store.delete(one)


def left_over(there: Iterable[Name], newest: Name) -> list[Name]:
    """Parts of sets before `newest` that never became a checkpoint."""
    names = list(there)
    committed = {name for name in names if name.world == 1}
    return [name for name in names if name.world > 1 and whole(name) < newest and whole(name) not in committed]


def _commit(store: Store, name: Name, own: Mapping[str, Any], meta: Mapping[str, Any], wait: Waiting) -> None:
    said, world = {0: own}, meta.get("world", name.world)
    try:
        for pause in wait(lambda: _ranks(set(range(world)) - set(said), "not saved")):
            for rank in set(range(world)) - set(said):
                told = _heard(store, part(name, rank, name.world), pause)
                if "fault" in told:
                    raise StoreFault(f"Rank {rank} could not save its part: {told['fault']}", "It is tried again.")
                if told:
                    said[rank] = told
            if len(said) == world:
                break
        if others := {rank for rank, told in said.items() if told["plan"] != own["plan"]}:
            raise StoreFault(
                f"{_ranks(others, 'not the same model as rank 0')}: what DistributedDataParallel holds is saved once.",
                "Give every process the same model and optimizer.",
            )
        nodes, buffers = flatten({PARTS: [said[rank]["sum"] for rank in range(world)]})
        layout = lay_out(nodes, buffers)
        held = bytearray(layout.body)
        fill(memoryview(held), ctypes.addressof(ctypes.c_char.from_buffer(held)), layout, buffers)
        put(store, whole(name), memoryview(held), layout.tree, {**meta, "world": world, "of": name.world})
    except Fenced:
        raise
    except FinopsError as fault:
        _say(store, name, fault=fault.what)
        raise
    _say(store, name, **own, committed=True)
    if name.world > world:
        with contextlib.suppress(StoreFault):  # they go with the checkpoint
            for one in store.names():
                if one.world > 1 and whole(one) == whole(name) and one.world < name.world:
                    store.delete(one)


def _await_commit(store: Store, name: Name, own: Mapping[str, Any], wait: Waiting) -> None:
    for pause in wait(lambda: "Rank 0 has not made the parts a checkpoint"):
        told = _heard(store, part(name, 0, name.world), pause)
        if told.get("committed"):
            return
        if (pause == LONGEST or "fault" in told) and _is_of(store, name, own["sum"]):
            return
        if "fault" in told:
            raise StoreFault(f"Rank 0 did not make the parts a checkpoint: {told['fault']}", "It is tried again.")
        if pause == LONGEST and _noted(store, name).get("name") != str(name):
            _say(store, name, **own)  # an attempt that is ending has written over it


def _patiently(goes_on: Callable[[], bool], patience: float, what: Callable[[], str]) -> Iterator[float]:
    """Time and again, slower and slower, with the seconds to the next time, until it has taken too long."""
    begun, pause = time.monotonic(), 0.02
    alone: float | None = None
    while True:
        yield pause
        now = time.monotonic()
        if alone is None and not goes_on():
            alone = now
        if now - begun > patience or (alone is not None and now - alone > AFTERWARDS):
            raise StoreFault(
                f"{what()} after {now - begun:.0f} s.",
                "Have every process save: with ck.step, or all of them with ck.save.",
            )
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST)


def _ranks(some: set[int], have: str) -> str:
    more = f" and {len(some) - 5} more" if len(some) > 5 else ""
    many = len(some) > 1
    return f"Rank{'s' * many} {', '.join(map(str, sorted(some)[:5]))}{more} {'have' if many else 'has'} {have}"


def _say(store: Store, name: Name, **said: Any) -> None:
    with contextlib.suppress(StoreFault):  # the place is away: the others find out as they wait
        store.note(f"rank-{name.rank:05}.saved.json", json.dumps({"name": str(name), **said}))


def _is_of(store: Store, name: Name, was: str) -> bool:
    """Whether the part `name` with that digest is of a checkpoint; one that was saved before at this step is not it."""
    with contextlib.suppress(Damaged):
        return whole(name) in store.names() and (name, was) in parts_of(get(store, whole(name)))
    return False


def _heard(store: Store, name: Name, pause: float) -> dict[str, Any]:
    """What was said of that part, and of no other; also that it will not come, or that it was told over."""
    told = _noted(store, name)
    if told.get("name") == str(name):
        return told
    other = Name.of(str(told.get("name")))
    if other is not None and (whole(other), other.world) > (whole(name), name.world):
        return {"fault": f"It has gone on to {whole(other)}."}
    missed = read_note(store, f"rank-{name.rank:05}.missed.json") if pause > OFTEN else {}
    return missed if missed.get("name") == str(name) else {}


def _noted(store: Store, name: Name) -> dict[str, Any]:
    return read_note(store, f"rank-{name.rank:05}.saved.json")
