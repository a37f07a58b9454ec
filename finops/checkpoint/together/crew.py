"""What a training does alone, and what it does together with the other processes of its job."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store
from finops.checkpoint.together.distributed import Gathered, load, part_of, unsharded
from finops.checkpoint.together.ranks import Pace, Ranks, claimed
from finops.checkpoint.together.sets import say_missed
from finops.checkpoint.writing import Loaded

State = Mapping[str, Any]


class Crew(Protocol):
    """rank: of this process among `world`."""

    rank: int
    world: int

    def claim(self, seen: int) -> int:
        """Begin the next attempt: its number, the same for all of them, which all of them ask for.

        Raises Fenced where another than `seen`, the newest at the time, has begun since: this one is late.
        """
        ...

    def names(self) -> list[Name]:
        """The checkpoints in the store, newest first, the same for all: parts are not checkpoints."""
        ...

    def agree(self, whole: bool) -> bool:
        """Whether all of them found it whole."""
        ...

    def part(self, state: State, pickle: Collection[str]) -> tuple[State, dict[str, Any]]:
        """What this process saves, and what its meta says of it."""
        ...

    def missed(self, name: Name, why: str) -> None:
        """The part `name` could not even be handed to the writer: nobody needs to wait for it."""
        ...

    def close(self) -> None: ...


class Alone:
    """One process."""

    rank, world = 0, 1

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, seen: int) -> int:
        return claimed(self._store, seen)

    def names(self) -> list[Name]:
        return [name for name in self._store.names() if name.world == 1]

    def agree(self, whole: bool) -> bool:
        return whole

    def part(self, state: State, pickle: Collection[str]) -> tuple[State, dict[str, Any]]:
        return unsharded(state, pickle), {}

    def missed(self, name: Name, why: str) -> None:
        """Nobody waits."""

    def close(self) -> None:
        """Nobody listens."""


class Together:
    """One of several processes: see finops.checkpoint.together.ranks."""

    def __init__(self, store: Store, rank: int, world: int, pace: Pace | None = None) -> None:
        self._store = store
        self._ranks = Ranks(store, rank, world, pace or Pace())
        self.rank, self.world = rank, world
        self.claim = self._ranks.claim
        self.due = self._ranks.due
        self.close = self._ranks.close

    def names(self) -> list[Name]:
        mine = [str(name) for name in self._store.names() if name.world == 1] if self.rank == 0 else []
        return [name for name in map(Name.of, self._ranks.gather(mine)[0]) if name is not None]

    def agree(self, whole: bool) -> bool:
        return all(self._ranks.gather(whole))

    def part(self, state: State, pickle: Collection[str]) -> tuple[State, dict[str, Any]]:
        taken, plan = part_of(state, self.rank, self.world, pickle)
        return taken, {"plan": plan, "world": self.world}

    def missed(self, name: Name, why: str) -> None:
        say_missed(self._store, name, why)


def whole_of(store: Store, found: Loaded, crew: Crew, state: State, pickle: Collection[str] = ()) -> Loaded | Gathered:
    """`found` as this process needs it; what several processes saved, put together. Raises as `load` does."""
    return load(store, found, crew.rank, crew.world, state, pickle)
