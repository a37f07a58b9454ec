"""What a training did, a line of JSON for each thing, for a rehearsal that looks on.

Only where the environment names a file for it: FINOPS_CHECKPOINT_JOURNAL. Each line is handed to the system at once, so
that a training that is killed leaves all but its last moment.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.reading import Data
from finops.checkpoint.tree import flatten
from finops.checkpoint.writer import Outcome

JOURNAL = "FINOPS_CHECKPOINT_JOURNAL"

Json = dict[str, Any]


class Journaled(Checkpointer):
    """A Checkpointer that also tells when training began, each step, each save, and what the state was at the end."""

    def __init__(self, *arguments: Any, journal: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._fd = os.open(journal, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
        self._begun = False
        self._line(store=self._store.spec)

    def restore(self) -> int | None:
        found = super().restore()
        self._begin()
        return found

    def run(self, data: Data, epochs: int = 1) -> Iterator[Any]:
        yield from super().run(data, epochs)
        self._line(ends=_digest(self.state, self._pickle))

    def step(self, **metrics: float) -> None:
        self._begin()
        before = self.place
        told = {name: repr(float(value)) for name, value in metrics.items()}
        try:
            super().step(**metrics)
        finally:  # the step was taken also where it ends the training
            if self.place != before:
                self._line(step=self.place.step, epoch=self.place.epoch, samples=self.place.samples, metrics=told)

    def close(self) -> None:
        super().close()
        self._line(ends=_digest(self.state, self._pickle))

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._line(begins=self.place.step, cadence=asdict(self._cadence))

    def _settle(self, outcome: Outcome) -> None:
        super()._settle(outcome)
        if outcome.fault is None:
            self._line(saved=outcome.name.step, stall=outcome.stall, durable=outcome.seconds)

    def _line(self, **told: Any) -> None:
        os.write(self._fd, (json.dumps({"at": time.monotonic(), **told}) + "\n").encode())


def _digest(state: Mapping[str, Any], pickle: Iterable[str]) -> str:
    """SHA-256 of everything that would be saved of `state`."""
    nodes, buffers = flatten(state, frozenset(pickle))
    found = hashlib.sha256(json.dumps(nodes, sort_keys=True).encode())
    for buffer in buffers:
        held = bytearray(max(buffer.nbytes, 1))
        buffer.copy(ctypes.addressof(ctypes.c_char.from_buffer(held)))
        found.update(memoryview(held)[: buffer.nbytes])
    return found.hexdigest()


@dataclass(frozen=True)
class Step:
    """at: time.monotonic, which is one for all processes of a machine. figures: what `step` was given, exactly."""

    at: float
    epoch: int
    samples: int
    figures: Mapping[str, str]


@dataclass
class Account:
    """What the journal of one attempt says.

    begins: when training began, None where it did not come to that; from: the step it went on from. stalls, durables:
    seconds of each save. ends: the digest of the final state, None where the attempt did not come to it.
    """

    store: str = ""
    begins: float | None = None
    came_from: int = 0
    cadence: Json = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    stalls: list[float] = field(default_factory=list)
    durables: list[float] = field(default_factory=list)
    ends: str | None = None
    ended_at: float | None = None


def read(file: Path) -> Account:
    """What was told in `file`; nothing where it is not there, and without a last line that was cut."""
    found = Account()
    for line in file.read_bytes().splitlines(keepends=True) if file.exists() else []:
        if not line.endswith(b"\n"):
            break
        _add(found, json.loads(line))
    return found


def _add(found: Account, told: Json) -> None:
    if "store" in told:
        found.store = told["store"]
    elif "begins" in told:
        found.begins, found.came_from, found.cadence = told["at"], told["begins"], told["cadence"]
    elif "step" in told:
        found.steps[told["step"]] = Step(told["at"], told["epoch"], told["samples"], told["metrics"])
    elif "saved" in told:
        found.stalls.append(told["stall"])
        found.durables.append(told["durable"])
    elif "ends" in told:
        found.ends, found.ended_at = told["ends"], told["at"]
