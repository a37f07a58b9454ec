"""The three lines: what a training script holds."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from finops.checkpoint.cadence import Cadence
from finops.checkpoint.faults import StoreFault
from finops.checkpoint.finding import compare_arguments, latest, newest_attempt, newest_whole
from finops.checkpoint.names import Name
from finops.checkpoint.notices.watch import Watch
from finops.checkpoint.place import Place
from finops.checkpoint.reading import Data
from finops.checkpoint.retention import Keep
from finops.checkpoint.saving import CADENCE, DATA, PLACE, RANDOM, Saving
from finops.checkpoint.saying import warn, warn_or_log
from finops.checkpoint.state import check, give_back
from finops.checkpoint.stats import Stats
from finops.checkpoint.stores import Store
from finops.checkpoint.together.crew import Alone, Crew, Together
from finops.checkpoint.together.distributed import Gathered
from finops.checkpoint.told import moment
from finops.checkpoint.tree import refuse
from finops.checkpoint.writing import Loaded


class Checkpointer(Saving):
    """Saves and restores the state of one training. Use it from the thread that trains. See finops.checkpoint.open."""

    def __init__(
        self,
        state: Mapping[str, Any],
        store: Store,
        job: str,
        keep: Keep,
        cadence: Cadence,
        pickle: Collection[str] = (),
        seed: int = 0,
        watch: Watch | None = None,
        crew: Crew | None = None,
    ) -> None:
        if reserved := [name for name in state if name.startswith("$")]:
            raise ValueError(f"state[{reserved[0]!r}]: names that begin with $ are taken")
        pickled = frozenset([pickle] if isinstance(pickle, str) else pickle)
        if unknown := sorted(pickled - {*state}):
            raise ValueError(f"pickle={unknown}: the state has no such entry, but {sorted(state)}")
        crew = crew or Alone(store)
        if crew.world == 1:
            refuse(state, pickled)  # now, and not when an hour of training waits to be saved
        self._seen = newest_attempt(store, job)
        super().__init__(state, store, job, keep, cadence, pickled, seed, crew)
        self._loops = 0
        self._busy_at = 0.0  # when a save was last under way, in time.monotonic: no other is agreed on meanwhile
        self._restored: int | None = None
        self._came_from = 0  # the attempt that was gone on from
        self._passed_over: list[str] = []
        self._closed = False
        self._watch = watch
        self._holds = True  # what ends with `close`, or with itself
        if watch is not None:
            watch.start()

    # The loop

    def run(self, data: Data, epochs: int = 1) -> Iterator[Any]:
        """The batches of `epochs` epochs, from where the newest whole checkpoint left off; called again, of the next.

        data: a torch DataLoader, a sequence, anything that can be read again, or a function that returns what is read.
        Within `ck.epochs` it is one epoch. At the end the last step is saved.
        """
        if not self._looked:
            self.restore()
        self._claim()
        within = self._reading.is_within
        self._loops += not within
        number = self._loops
        try:
            yield from self._reading.run(data, epochs)
        except GeneratorExit:
            if not within:
                self._left(number, saved=self._reading.is_settled)
            raise
        if not self._reading.is_within:
            self._finish()

    def epochs(self, last: int) -> Iterator[int]:
        """The numbers of the epochs before `last` that are left, where a loop does more in each than to read it.

        for epoch in ck.epochs(10):
            for batch in ck.run(loader):
                train(batch)
                ck.step()
            scheduler.step()

        What stands after `run` is done again where the node vanishes before the next epoch's first save. A `save` there
        counts the epoch as done, so it comes last.
        """
        if not self._looked:
            self.restore()
        self._claim()
        self._loops += 1
        number = self._loops
        try:
            yield from self._reading.epochs(last)
        except GeneratorExit:
            self._left(number, saved=False)  # what stands after `run` may have changed the state since the last step
            raise
        self._finish()

    def step(self, **metrics: float) -> None:
        """A step was taken on all that `run` gave so far. Saves where it is time to.

        metrics: what `keep` ranks the best by; numbers or tensors of one number.
        """
        self._claim()
        self._reading.stepped()
        self._metrics.take(metrics)
        self._hear()
        announced = None if self._watch is None or self._watch.quiet else self._watch
        self._writer.hurry(announced is not None)
        if isinstance(self._crew, Together):
            self._step_together(self._crew, announced)
            return
        if announced is not None:
            self._heed(announced)
        if not self._prepared:
            self._prepare()
        elif not self._writer.busy and time.monotonic() - self._saved_at >= self._cadence.interval:
            self._save(patient=False)

    # By hand

    def save(self, step: int | None = None, wait: bool = False, **metrics: float) -> None:
        """Save now, after the one being written; a fault of the state is raised.

        wait: until it is durable; raises StoreFault where it failed.

        step: says that a step was taken on all that `run` gave so far, as `step` does. Without, it is the last one.
        """
        self._claim()
        self._reading.saved_at(step)
        if metrics:
            self._metrics.take(metrics)
        self._writer.wait()
        self._hear()
        fault = self._save(patient=True, by_hand=True)
        if wait:
            if fault is not None:
                raise StoreFault(f"Step {self.place.step} was not saved: {fault!r}.", "See what it says.") from fault
            self.wait()
            if (outcome := self._writer.wait()) is not None and outcome.fault is not None:
                raise outcome.fault

    def restore(self) -> int | None:
        """Put the newest whole checkpoint into the state; its step, or None where there is none.

        Damaged ones are passed over, with a warning. Raises Foreign where it is another job's, or the state has another
        shape; StoreFault or Newer where one is there that cannot be read, and no other: to begin anew would lose it.
        Nothing was changed then.
        """
        begun = time.monotonic()
        if self._crew.world > 1:  # what its writer tells belongs to the steps before it went back
            self._writer.wait()
        found = self._newest_whole()
        self._looked = True
        if found is None:
            return None
        self._use(found)
        self._told |= {"restoring_seconds": time.monotonic() - begun}
        return self._restored

    def latest(self) -> Name | None:
        """The newest checkpoint in the store; whether it is whole is known when it is restored."""
        return latest(self._store)

    def stats(self) -> Stats:
        return Stats(
            self._attempt,
            self._restored,
            self._saves,
            self._failed,
            self._stalled,
            self._nbytes,
            self._cadence.evictions,
            self._cadence.interval,
            tuple(self._passed_over),
        )

    def close(self) -> None:
        """Save the last step, have it durable and end the writer.

        Not where a fault is on its way, nor where the loop was left between two steps: the state may be of none. Nor of
        several processes, of which it is not known that all are at this step. A fault is told before an end by SIGTERM.
        """
        self.wait()
        settled = self._reading.is_settled and sys.exception() is None and not isinstance(self._crew, Together)
        if self._attempt and settled and not self._closed and self.place.step and self._saved != self.place:
            self._save(patient=True)
            self.wait()
        self._closed = True
        self._holds = False
        self._writer.close()
        self._crew.close()
        if self._watch is not None:
            over = self._watch.trains and self._watch.over(time.monotonic())
            self._watch.close()
            if over and sys.exception() is None:
                raise self._watch.end()

    def __enter__(self) -> Checkpointer:
        return self

    def __del__(self) -> None:
        """Nobody holds it any more. What is being saved is finished beside."""
        if not getattr(self, "_holds", False) or not self._writer.is_ours or sys.is_finalizing():
            return
        self._writer.let_go()
        self._crew.close()
        if self._watch is not None:
            self._watch.let_go(self._figures())

    def __exit__(self, *_: object) -> None:
        self.close()

    # Within

    def _claim(self) -> None:
        """Begin the attempt, once something is done that is to be kept."""
        if self._attempt:
            return
        self._attempt = self._crew.claim(self._seen)
        if self._watch is not None:
            self._watch.tell(self._store, self._job, self._attempt, self._figures)
        self._count_evictions()
        if not self._looked and (newest := self.latest()) is not None:
            warn(
                f"The training begins anew, beside {newest} and what else earlier attempts saved, which stays. To go "
                "on from there say ck.restore() before the first step, or read the data by ck.run."
            )

    def _count_evictions(self) -> None:
        if 0 < self._came_from < self._attempt:
            self._cadence.evicted(self._attempt - self._came_from)

    def _finish(self, saved: bool = True, heard: bool = True) -> None:
        """The last step is saved, so that a job that is started again knows that it was done.

        saved: not where the state may be another than that of the last step. heard: as Watch.end says.
        """
        if self._watch is not None:
            self._watch.finish()
        self.wait()
        if saved and self._saved != self.place:
            self._save(patient=True)
            self.wait()
        if self._watch is not None:
            if self._watch.trains and self._watch.over(time.monotonic()):
                self._end(self._watch, heard)
            self._watch.rest()

    def _left(self, loop: int, saved: bool) -> None:
        """By break, return or an exception. Of several processes it is not known that all of them did.

        loop: which it was; one that is left to the garbage collector may be closed in the midst of a later one.
        """
        if loop == self._loops and not sys.is_finalizing():
            self._finish(saved and not isinstance(self._crew, Together), heard=False)

    def _heed(self, watch: Watch) -> None:
        """The node may go: save now, and again as soon as that is durable, while the training goes on."""
        if watch.over(time.monotonic()):
            watch.finish()
            self._writer.wait()
            self._hear()
            self._save(patient=True)
            self._end(watch)
        notice = watch.asks(self._saved_at, time.monotonic())
        if notice is not None and not self._writer.busy:
            self._save(patient=True)
            if watch.heed(notice):
                warn_or_log(f"{notice.what}: step {self.place.step} is being saved, and the training goes on.")

    def _step_together(self, crew: Together, watch: Watch | None) -> None:
        """As `step`, at one step for all processes: rank 0 says when, and each of them where its node may go.

        watch: where it has something to say.
        """
        now, over, notice = time.monotonic(), False, None
        if watch is not None:
            over, notice = watch.over(now), watch.asks(self._saved_at, now)
        wanted = now - self._saved_at >= self._cadence.interval
        busy = self._writer.busy
        self._busy_at = now if busy else self._busy_at
        if crew.due(self.place.step, wanted, over or notice is not None, busy):
            if watch is not None and over:
                watch.finish()
            self._writer.wait()
            self._hear()
            self._save(patient=True)
            if watch is not None and over:
                self._end(watch)
            if watch is not None and notice is not None and watch.heed(notice):
                warn_or_log(f"{notice.what}: step {self.place.step} is being saved, and the training goes on.")
        elif watch is not None and watch.late(now, self._busy_at) and not crew.agreed:
            self._end(watch, True, "The processes could not agree on a last save.")
        elif not self._prepared:
            self._prepare()

    def _end(self, watch: Watch, heard: bool = True, *what: str) -> None:
        self.wait()
        warn_or_log(" ".join([f"SIGTERM came: the training ends at step {self.place.step}.", *what]))
        raise watch.end(heard)

    def _figures(self) -> dict[str, Any]:
        return {
            **self._told,
            "step": self.place.step,
            "saves": self._saves,
            "failed": self._failed,
            "bytes": self._nbytes,
            "stalled_seconds": self._stalled,
        }

    def _newest_whole(self) -> Loaded | Gathered | None:
        return newest_whole(self._store, self._crew, self._job, self.state, self._pickle, self._passed_over.append)

    def _use(self, found: Loaded | Gathered) -> None:
        theirs = {name: one for name, one in found.state.items() if not name.startswith("$")}
        check(self.state, theirs, str(found.name))
        if self._crew.rank == 0:
            compare_arguments(str(found.name), found.meta.get("arguments"))
        give_back(self.state, theirs, str(found.name))
        self._saved = Place.of(found.state[PLACE])
        self._reading.recall(self._saved, found.state[RANDOM], found.state.get(DATA, {}))
        self._cadence.recall(found.state[CADENCE])
        self._came_from = found.meta["attempt"]
        self._count_evictions()
        self._restored = self.place.step
        self._told |= {"restored": found.meta["attempt"], "restored_step": self.place.step}
        self._told |= {"restored_at": moment(found.meta["at"])}
