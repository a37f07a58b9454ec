"""What a training does alone, and what it does together with the other processes of its job."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store
from finops.checkpoint.together.distributed import Gathered, load, part_of, unsharded
from finops.checkpoint.together.ranks import Pace, Ranks, claimed
from finops.checkpoint.together.sets import forget, say_missed
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

    def saves(self, attempt: int, step: int) -> Name:
        """This process is about to save at `step`: what its part is called."""
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

    def saves(self, attempt: int, step: int) -> Name:
        return Name(attempt, step)

    def missed(self, name: Name, why: str) -> None:
        """Nobody waits."""

    def close(self) -> None:
        """Nobody listens."""


class Together:
    """One of several processes: see finops.checkpoint.together.ranks."""

    def __init__(self, store: Store, rank: int, world: int, pace: Pace | None = None) -> None:
        self._store = store
        self._attempt = 0
        self._saved, self._turn = -1, 0  # at which step it saved last, and how often
        self._ranks = Ranks(store, rank, world, pace or Pace(), self._passed)
        self.rank, self.world = rank, world
        self.due = self._ranks.due
        self.close = self._ranks.close

    @property
    def agreed(self) -> bool:
        """Whether there is a step to come at which all save."""
        return self._ranks.agreed

    def claim(self, seen: int) -> int:
        self._attempt = self._ranks.claim(seen)
        return self._attempt

    def names(self) -> list[Name]:
        if self._attempt:  # they go back to an earlier step, once every writer has heard what it waits for
            self._ranks.gather(None)
            forget(self._store, self.rank)
            self._saved = -1
        mine = [str(name) for name in self._store.names() if name.world == 1] if self.rank == 0 else []
        return [name for name in map(Name.of, self._ranks.gather(mine)[0]) if name is not None]

    def agree(self, whole: bool) -> bool:
        return all(self._ranks.gather(whole))

    def part(self, state: State, pickle: Collection[str]) -> tuple[State, dict[str, Any]]:
        taken, plan = part_of(state, self.rank, self.world, pickle)
        return taken, {"plan": plan, "world": self.world}

    def saves(self, attempt: int, step: int) -> Name:
        self._saved, self._turn = step, self._turn + 1 if step == self._saved else 1
        self._ranks.saves(step)
        return Name(attempt, step, self.rank, self.world * self._turn)

    def missed(self, name: Name, why: str) -> None:
        with contextlib.suppress(StoreFault):  # the place is away: the others find out as they wait
            say_missed(self._store, name, why)

    def _passed(self, step: int) -> None:
        name = Name(self._attempt, step, self.rank, self.world)
        say_missed(self._store, name, "It had gone on before it knew of the step at which all save.")


def whole_of(store: Store, found: Loaded, crew: Crew, state: State, pickle: Collection[str] = ()) -> Loaded | Gathered:
    """`found` as this process needs it; what several processes saved, put together. Raises as `load` does."""
    return load(store, found, crew.rank, crew.world, state, pickle)
