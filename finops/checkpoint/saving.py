"""What is saved of a training, and what became of it. Faults are told; what ends it is a later attempt alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from finops.checkpoint import rng
from finops.checkpoint.cadence import Cadence
from finops.checkpoint.faults import CannotSave, Fenced
from finops.checkpoint.metrics import Metrics
from finops.checkpoint.place import Place
from finops.checkpoint.reading import Reading
from finops.checkpoint.retention import Keep
from finops.checkpoint.saying import warn_or_log
from finops.checkpoint.stores import Store
from finops.checkpoint.stores.place_of_job import arguments
from finops.checkpoint.together.crew import Crew
from finops.checkpoint.told import moment
from finops.checkpoint.tree import Buffer, flatten
from finops.checkpoint.writer import Outcome, Writer
from finops.checkpoint.writing import Layout, lay_out

# Our own entries beside the caller's, whose names cannot begin so.
RANDOM, PLACE, CADENCE, DATA = "$random", "$place", "$cadence", "$data"


class Saving:
    """For the thread that trains. See finops.checkpoint.loop."""

    def __init__(
        self,
        state: Mapping[str, Any],
        store: Store,
        job: str,
        keep: Keep,
        cadence: Cadence,
        pickle: frozenset[str],
        seed: int,
        crew: Crew,
    ) -> None:
        self.state = state if isinstance(state, dict) else dict(state)  # what the caller puts into it is saved
        self._store, self._job, self._keep, self._cadence = store, job, keep, cadence
        self._pickle, self._crew = pickle, crew
        self._attempt = 0  # until there is something to save: who only restores ends nobody's training
        self._writer = Writer(store)
        self._reading = Reading(seed, crew.rank, crew.world, warn_or_log)
        self._looked = self._prepared = self._awaited = False
        self._saved: Place | None = None
        self._saves = self._failed = self._failing = self._nbytes = self._body = 0
        self._stalled = self._handed_at = 0.0
        self._metrics = Metrics(warn_or_log)
        self._saved_at = self._counted_at = time.monotonic()
        self._told: dict[str, Any] = {}  # the fields of told.Told that a save or a restore changes

    @property
    def place(self) -> Place:
        """Where in its data the training is, as of the last step."""
        return self._reading.place

    def wait(self) -> None:
        """Until the save that is being written is durable, or has failed, of which a warning tells."""
        self._writer.wait()
        self._hear()

    def _prepare(self) -> None:
        """Memory, beside the training. The optimizer has all of its state after a step: it gets no larger than this."""
        self._prepared = True
        self._metrics.ranked()  # what is no number is told now, not when an hour of training is to be saved
        try:
            self._body = self._snapshot()[0].body
        except CannotSave:  # now, when no more than a step is lost
            raise
        except Exception as fault:  # noqa: BLE001 - whatever state_dict raises
            self._complain(f"Step {self.place.step} cannot be saved: {fault!r}.")
        else:
            self._writer.ready_for(self._body)

    def _save(self, patient: bool, by_hand: bool = False) -> Exception | None:
        """What hindered it, of which a warning has told.

        patient: wait for memory that is not ready yet; else a later step tries again. by_hand: raise what is no want of
        memory or disk.
        """
        if not patient and self._body and not self._writer.ready_for(self._body):
            return None
        hindered: Exception | None = None
        handed_at = time.time()
        name = self._crew.saves(self._attempt, self.place.step)
        try:
            layout, buffers, whose = self._snapshot()
            self._body = layout.body
            meta = {
                "job": self._job,
                "attempt": self._attempt,
                "at": handed_at,
                "metrics": self._metrics.ranked(by_hand),
                "anew": not self._looked,
                "arguments": arguments(),
                **self.place.as_json(),
                **whose,
            }
            if not patient and not self._writer.ready_for(layout.body):
                return None
            self._stalled += self._writer.hand_over(name, layout, buffers, meta, self._keep)
            self._awaited, self._handed_at, self._saved = True, handed_at, self.place
        except Exception as fault:  # whatever state_dict raises
            self._crew.missed(name, repr(fault))
            if by_hand and not isinstance(fault, OSError | MemoryError):
                raise
            hindered = fault
            self._complain(
                f"Step {self.place.step} was not saved: {fault if isinstance(fault, CannotSave) else repr(fault)}"
            )
        now = time.monotonic()
        self._cadence.ran(now - self._counted_at)
        self._counted_at = self._saved_at = now
        return hindered

    def _snapshot(self) -> tuple[Layout, list[Buffer], dict[str, Any]]:
        """What is saved of this process, not copied yet, and what the meta says of it."""
        state, whose = self._crew.part(self.state, self._pickle)
        own = {RANDOM: rng.capture(), PLACE: self.place.as_json(), CADENCE: self._cadence.learnt()}
        own[DATA] = self._reading.told()
        nodes, buffers = flatten({**state, **own}, self._pickle)
        return lay_out(nodes, buffers), buffers, whose

    def _hear(self) -> None:
        """What became of the last save, once."""
        while self._writer.complaints:
            warn_or_log(self._writer.complaints.pop())
        if not self._awaited or self._writer.busy:
            return
        self._awaited = False
        outcome = self._writer.wait()
        if outcome is not None:
            self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        if isinstance(outcome.fault, Fenced):
            raise outcome.fault
        if outcome.fault is not None:
            self._saved = None
            self._complain(f"Step {outcome.name.step} was not saved, the ones before it stay: {outcome.fault}")
            return
        if self._failing:
            warn_or_log(f"Step {outcome.name.step} was saved: {self._failing} before it were not.")
            self._failing = 0
        self._saves += 1
        self._told |= {"saved_step": outcome.name.step, "saved_at": moment(self._handed_at)}
        self._nbytes += outcome.nbytes
        self._cadence.saved(outcome.stall, outcome.seconds)

    def _complain(self, what: str) -> None:
        """Once, until one succeeds: a disk that is full stays so for many saves."""
        self._failed += 1
        self._failing += 1
        if self._failing == 1:
            warn_or_log(f"{what} It is tried again, and told when it succeeds.")
