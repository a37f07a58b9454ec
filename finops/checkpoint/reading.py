"""How far a training has come in its data: over epochs, attempts, and loops of every form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import index
from typing import Any

from finops.checkpoint import rng
from finops.checkpoint.data.feed import Feed, feed_of
from finops.checkpoint.place import Place

Data = Iterable[Any] | Callable[[], Iterable[Any]]


class Reading:
    """place: of the last step. given: samples of its epoch that were read, further than the last step within one.

    warn: is told what people should know.
    """

    def __init__(self, seed: int, rank: int, world: int, warn: Callable[[str], None]) -> None:
        self.place = Place()
        self.given = 0
        self._seed, self._rank, self._world, self._warn = seed, rank, world, warn
        self._feed: Feed | None = None
        self._random: Mapping[str, Any] | None = None
        self._told: Mapping[str, Any] = {}  # what a checkpoint says of the data that is to be entered
        self._asked = 0
        self._in_epoch = self._is_read = False
        self._says_done = False
        self._steps = False  # whether the loop tells of each step

    def run(self, data: Data, epochs: int) -> Iterator[Any]:
        """Their batches from this place on; within `epochs`, those of its epoch."""
        if self._in_epoch and self._is_read:
            raise ValueError("the data of this epoch was read: read several together, as by zip")
        if isinstance(data, Iterator) and epochs > 1:
            raise ValueError(f"a {type(data).__name__} can be read once: give a function that returns a new one")
        self._feed = feed_of(data, self._seed_of_job(), self._rank, self._world)
        last = self.place.epoch + 1
        if not self._in_epoch:
            last, self._asked = self._asked + epochs, self._asked + epochs
            self._skip_to(last - epochs, last)
            self._say_done(last, epochs)
        while self.place.epoch < last:
            for batch, samples in self._entered(self._feed):
                self.given = samples
                yield batch
            if self._in_epoch:
                self._is_read = True
                return
            self._turn_to(self.place.epoch + 1)

    def epochs(self, last: int) -> Iterator[int]:
        self._say_done(last, last)
        while (number := self.place.epoch) < last:
            self._in_epoch, self._is_read = True, False
            try:
                yield number
            finally:
                self._in_epoch = False
            self._turn_to(number + 1)

    @property
    def is_within(self) -> bool:
        """Whether an epoch goes on of which more is done than to read it."""
        return self._in_epoch

    @property
    def is_settled(self) -> bool:
        """Whether nothing was read since the last step."""
        return self.given == self.place.samples

    def stepped(self) -> None:
        self.place = Place(self.place.step + 1, self.place.epoch, self.given)
        self._steps = True

    def saved_at(self, step: int | None) -> None:
        """By hand. A loop that numbers its steps itself, or tells of none, means all that it was given; others mean
        their last step. Where the data of an epoch was read, the epoch is done."""
        if step is not None or not self._steps:
            if (number := self.place.step if step is None else index(step)) < 0:
                raise ValueError(f"step {number}: steps are counted from 0")
            self.place = replace(self.place, step=number, samples=self.given)
        if self._in_epoch and self._is_read:
            self._turn_to(self.place.epoch + 1)

    def told(self) -> dict[str, Any]:
        """What a later attempt needs beside the place: plain values."""
        if self._feed is None:
            return {**self._told}
        # What was read beyond the last step is read again, which only a count can say.
        kept = self._feed.kept() if self.given == self.place.samples else None
        told = {"seed": self._seed, "length": self._feed.length, "world": self._world, "kept": kept}
        return told | {"steps": self._steps}

    def recall(self, place: Place, random: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        self.place, self.given, self._asked = place, place.samples, 0
        self._random, self._told = random, told
        self._steps = told.get("steps", False)
        self._set_random(random)

    def _seed_of_job(self) -> int:
        if (told := self._told.get("seed", self._seed)) != self._seed:
            self._warn(f"seed={self._seed}: this job began with {told}, and goes on with that.")
            self._seed = told
        return self._seed

    def _skip_to(self, first: int, last: int) -> None:
        """To the first of the epochs that were asked for."""
        if self.place.epoch < first:  # the loop left the one before early
            self._turn_to(first)
        if (self.place.epoch, self.place.samples) > (last, 0):
            self._warn(
                f"Epoch {first} was done before. What your loop does after `run` is done again: write "
                "`for epoch in ck.epochs(...)` around it."
            )

    def _say_done(self, last: int, asked: int) -> None:
        if self._random is not None and not self._says_done and self.place.epoch == last:
            self._says_done = True
            self._warn(
                f"All that is asked for, {asked} epoch{'s' * (asked != 1)}, was done before (step {self.place.step}): "
                "nothing is trained. To begin anew, name another folder."
            )

    def _entered(self, feed: Feed) -> Iterator[tuple[Any, int]]:
        """The rest of this epoch; after a restore, with the random numbers of that moment."""
        random, self._random = self._random, None
        told, self._told = self._told, {}
        samples = self.place.samples
        if samples and told and told["length"] != feed.length:
            self._warn(f"The data has {feed.length} samples; it had {told['length']} when this epoch began.")
        if random is not None:
            self._set_random(random)
        kept = told["kept"] if told and told["world"] == self._world else None
        batches = feed.since(self.place.epoch, samples, kept)
        if random is not None and samples:  # to come there may have drawn some
            self._set_random(random)
        self.given = samples
        return batches

    def _turn_to(self, epoch: int) -> None:
        self.place, self.given = replace(self.place, epoch=epoch, samples=0), 0

    def _set_random(self, found: Mapping[str, Any]) -> None:
        for missing in rng.bring_back(found):
            self._warn(f"Not restored: {missing}.")
