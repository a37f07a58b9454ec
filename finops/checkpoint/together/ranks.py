"""The processes of one training: which attempt they are and at which step all of them save, told through the store.

Nothing here is a collective, so that a save waits for nobody's training. At the start every process says in the
store that it is there, rank 0 answers, and whoever sees no other process knows that the place is not shared. Rank 0
claims the attempt once there is something to save, and tells its number. To save, rank 0 asks; each process answers
from a thread of its own with a step that it has not reached and promises not to pass before it is told; the highest of
these is the step at which all of them save.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finops.checkpoint.faults import Fenced, StoreFault
from finops.checkpoint.saying import warn_or_log
from finops.checkpoint.stores import Store

Json = dict[str, Any]
Hears = Callable[[int], None]
BEGUN, CLAIMED, ASKED, FLAGGED = (f"ranks.{what}.json" for what in ("begun", "claimed", "asked", "flagged"))
SETTLED = 30.0  # seconds after which it is worth a word that a process is missed
NEVER = -1  # the step of a save that was called off


@dataclass(frozen=True)
class Pace:
    """Seconds. idle: between looks at the store while nothing is going on. quick: while something is.

    promised: how long a training waits for the step that all agree on before it goes on without that save. opening:
    how long one waits for the others to begin; torch's own limit for gloo is half an hour. rest: after a save that
    could not be agreed on, doubled each time up to half an hour.
    """

    idle: float = 0.5
    quick: float = 0.02
    promised: float = 10.0
    opening: float = 1800.0
    rest: float = 60.0


# torchrun and Azure ML; Open MPI; MPICH, Intel MPI; srun. An sbatch script has SLURM_NTASKS though it is one process.
LAUNCHERS = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)


def seat(env: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Which process this is, and of how many: as torch.distributed knows it, else as the launcher says."""
    torch = sys.modules.get("torch")
    group = getattr(torch, "distributed", None)
    if group is not None and group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    told = ((env.get(rank, ""), env.get(world, "")) for rank, world in LAUNCHERS)
    return next(((int(rank), int(world)) for rank, world in told if rank.isdigit() and world.isdigit()), (0, 1))


class Ranks:
    """This process among the others. One object for the training's thread; a thread of its own listens."""

    def __init__(
        self, store: Store, rank: int, world: int, pace: Pace = Pace(), missed: Hears = lambda _: None
    ) -> None:
        """missed: called, from the thread that listens, with a step that this process passed where others save."""
        self.rank, self.world = rank, world
        self._store, self._pace, self._missed = store, pace, missed
        self._gathers: dict[str, Any] = {}
        self._turn = 0
        self._held = threading.Lock()
        self._step = 0
        self._stepped: float | None = None
        self._step_seconds = 0.0
        self._round = 0
        self._horizon: int | None = None
        self._at: int | None = None
        self._wanted = self._pressing = self._flagged = self._busy = False
        self._open = False  # whether a promise was given, of which it is not known yet what came of it
        self._passed = self._saved = self._off = NEVER  # _off: at which it told that it would not save
        self._fails, self._rests_until = 0, 0.0
        self._decided, self._woken, self._ending = threading.Event(), threading.Event(), threading.Event()
        self._session = self._begin() if rank == 0 else self._join()  # tells our notes from those of another start
        self._listening = threading.Thread(target=self._listen, name="finops-checkpoint-ranks", daemon=True)
        self._listening.start()

    # For the thread that trains

    def claim(self, seen: int) -> int:
        """See finops.checkpoint.together.crew.Crew."""
        if self.rank == 0:
            attempt = claimed(self._store, seen)
            self._say(CLAIMED, attempt=attempt)
            return attempt
        for _ in self._patiently(lambda: "rank 0 to begin the attempt"):  # without a word, which the claim might clear
            if (said := self._said(CLAIMED)).get("attempt"):
                return int(said["attempt"])
        raise AssertionError("it waits or raises")

    def due(self, step: int, wanted: bool, urgent: bool = False, busy: bool = False) -> bool:
        """Whether all save at `step`, which this process has just taken.

        wanted: it is time to; rank 0's word counts. urgent: this process may vanish; anybody's word counts. busy: the
        last save is still being written. Waits only where the others' answer takes longer than the steps that were
        promised.
        """
        with self._held:
            self._tick(step)
            self._busy = busy
            if self._at is None and self._horizon is None and (urgent or (wanted and self.rank == 0)):
                self._want(urgent)
            if self._at is None and (self._horizon is None or step < self._horizon):
                return False
            if self._at is not None:
                return self._reached(step)
        self._decided.wait(self._pace.promised)
        with self._held:
            self._horizon = None
            return self._at is not None and self._reached(step)

    def saves(self, step: int) -> None:
        """This process saves at `step`, whether it was due or not."""
        with self._held:
            self._saved, self._passed = step, NEVER if self._passed == step else self._passed
            self._at = None if self._at == step else self._at

    @property
    def agreed(self) -> bool:
        """Whether there is a step to come at which all save."""
        return self._at is not None

    def gather(self, value: Any) -> list[Any]:
        """What each process said here, in the order of their ranks. All of them call it, or nobody goes on."""
        self._turn += 1
        # Somebody may still be reading the turn before this one, never the one before that.
        last = str(self._turn - 1)
        self._gathers = {key: was for key, was in self._gathers.items() if key == last} | {str(self._turn): value}
        self._say(_note(self.rank, "gathers"), turns=self._gathers)
        said = {self.rank: value}
        for _ in self._patiently(lambda: f"what {self._others(set(said))} found"):
            for rank in set(range(self.world)) - set(said):
                turns = self._said(_note(rank, "gathers")).get("turns", {})
                if str(self._turn) in turns:
                    said[rank] = turns[str(self._turn)]
            if len(said) == self.world:
                break
        return [said[rank] for rank in range(self.world)]

    def close(self) -> None:
        """Answer nobody any more."""
        self._ending.set()
        self._woken.set()
        self._listening.join(self._pace.promised)
        with self._held:
            self._pass(self._at)
        with contextlib.suppress(StoreFault):
            self._tell_passed()
            self._say(_note(self.rank, "answers"), ended=True)

    # To begin

    def _begin(self) -> str:
        self._store.make()
        session = secrets.token_hex(8)
        told: Json | None = None
        here: dict[int, Json] = {}
        for _ in self._patiently(lambda: f"{self._others(_joined(here, session) | {0})} to open it"):
            here.update({rank: self._read(_note(rank, "here")) for rank in range(1, self.world)})
            nonces = {str(rank): one.get("nonce") for rank, one in here.items()}
            if nonces != told:
                self._write(BEGUN, {"session": session, "world": self.world, "nonces": nonces})
                told = nonces
            if len(_joined(here, session)) == self.world - 1:
                break
        return session

    def _join(self) -> str:
        nonce, said, begun = secrets.token_hex(8), 0.0, Json()
        for waited in self._patiently(lambda: "rank 0 to open it"):
            try:
                if time.monotonic() - said > 1:  # an attempt that is ending may have written over it
                    self._write(_note(self.rank, "here"), {"nonce": nonce})
                    said = time.monotonic()
                begun = self._read(BEGUN)
            except StoreFault:
                # Rank 0 makes the folder and clears it of what was left half written.
                if waited > SETTLED:
                    raise
            if begun.get("nonces", {}).get(str(self.rank)) == nonce:
                break
        session = str(begun["session"])
        self._write(_note(self.rank, "here"), {"nonce": nonce, "joined": session})
        return session

    # The listening thread

    def _listen(self) -> None:
        while not self._ending.is_set():
            self._woken.wait(self._pace.idle)
            self._woken.clear()
            if self._ending.is_set():
                return
            with contextlib.suppress(StoreFault):  # away: looked at again, and no save is agreed on meanwhile
                if self.rank == 0:
                    self._lead()
                else:
                    self._follow()
            with contextlib.suppress(StoreFault):
                self._tell_passed()

    def _lead(self) -> None:
        if self._said(FLAGGED).get("after", NEVER) >= self._round:
            self._wanted = self._pressing = True
        if not self._wanted or self._busy or self._at is not None:
            return
        if time.monotonic() < self._rests_until and not self._pressing:
            return
        self._promise(self._round + 1)
        at = NEVER
        try:
            self._say(ASKED, round=self._round)
            at = max(*self._answers(), self._off + 1)
            self._say(ASKED, round=self._round, at=at)
        except StoreFault:  # who was told keeps to it, and hears that the set is not complete
            with self._held:
                self._pass(at)
            at, self._off = NEVER, max(at, self._off)
            with contextlib.suppress(StoreFault):
                self._say(ASKED, round=self._round, at=at)
        finally:
            self._decide(at)
        self._fails = 0 if at != NEVER else self._fails + 1
        self._rests_until = time.monotonic() + self._pace.rest * 2 ** min(self._fails, 6) / 2 if self._fails else 0.0

    def _answers(self) -> list[int]:
        answers = {0: self._horizon or 0}
        until = time.monotonic() + self._pace.promised
        while len(answers) < self.world:
            for rank in set(range(self.world)) - set(answers):
                said = self._said(_note(rank, "answers"))
                if said.get("round") == self._round:
                    answers[rank] = said["horizon"]
                elif "ended" in said:
                    until = 0.0
            if time.monotonic() > until or self._ending.is_set():
                raise StoreFault("Not all answered.", "The next save asks again.")
            time.sleep(self._pace.quick)
        return list(answers.values())

    def _follow(self) -> None:
        if self._flagged:
            self._flagged = False
            self._say(FLAGGED, after=self._round, rank=self.rank)
        asked = self._said(ASKED)
        if self._open and asked.get("round") == self._round and "at" in asked:  # it came after the last look for it
            self._decide(asked["at"])
        if asked.get("round", 0) <= self._round or "at" in asked or self._at is not None:
            return
        self._promise(asked["round"])
        self._say(_note(self.rank, "answers"), round=self._round, horizon=self._horizon)
        until = time.monotonic() + 2 * self._pace.promised
        while time.monotonic() < until:  # also where it is ending: the others may save at a step that it never takes
            asked = self._said(ASKED)
            if "at" in asked or asked.get("round", self._round) != self._round or (not asked and self._ending.is_set()):
                break  # or the store is away while it ends
            time.sleep(self._pace.quick)
        still = asked.get("round", self._round) == self._round
        self._decide(asked.get("at", NEVER) if still else NEVER, known="at" in asked or not still)

    def _promise(self, number: int) -> None:
        """Not to pass a step that is far enough for the answer to be there before it, as fast as steps are now."""
        with self._held:
            self._round, self._wanted, self._pressing = number, False, False
            ahead = 1.5 * self._pace.idle + 5 * self._pace.quick
            self._horizon = self._step + max(1, math.ceil(ahead / self._step_seconds) if self._step_seconds else 1)
            self._open = True
            self._decided.clear()

    def _decide(self, at: int, known: bool = True) -> None:
        with self._held:
            self._horizon, self._open = None, not known
            self._at = at if at >= self._step else None
            if self._at is None:
                self._pass(at)
            self._decided.set()

    def _tell_passed(self) -> None:
        if (at := self._passed) == NEVER:
            return
        self._missed(at)
        with self._held:
            if self._passed == at:
                self._passed = NEVER

    # Within, `_held`

    def _tick(self, step: int) -> None:
        now = time.monotonic()
        if self._stepped is not None and step > self._step:
            taken = (now - self._stepped) / (step - self._step)
            self._step_seconds += 0.3 * (taken - self._step_seconds) if self._step_seconds else taken
        self._step, self._stepped = step, now

    def _want(self, urgent: bool) -> None:
        if not self._wanted or (urgent and not self._pressing):
            self._wanted, self._pressing = True, urgent
            self._flagged = self.rank != 0
            self._woken.set()

    def _reached(self, step: int) -> bool:
        assert self._at is not None
        if step < self._at:
            return False
        held, at, self._at = step == self._at, self._at, None
        if not held:
            self._pass(at)
            self._woken.set()
        return held

    def _pass(self, at: int | None) -> None:
        """The others may save at `at`, and this process has not."""
        if at not in (None, NEVER, self._saved):
            self._passed = at

    # Notes

    def _say(self, note: str, **said: Any) -> None:
        self._write(note, {"session": self._session, **said})

    def _said(self, note: str) -> Json:
        """What is in `note`, where this start of the job wrote it."""
        said = self._read(note)
        return said if said.get("session") == self._session else {}

    def _write(self, note: str, said: Json) -> None:
        self._store.note(note, json.dumps(said))

    def _read(self, note: str) -> Json:
        return read_note(self._store, note)

    def _others(self, known: set[int]) -> str:
        missing = sorted(set(range(self.world)) - known)
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        return f"rank{'s' * (len(missing) > 1)} {', '.join(map(str, missing[:5]))}{more}"

    def _patiently(self, what: Callable[[], str]) -> Iterator[float]:
        """Time and again, slower and slower, with the seconds since the beginning, until it has taken too long."""
        begun, pause, warned, waited = time.monotonic(), self._pace.quick, False, 0.0
        while True:
            yield waited
            waited = time.monotonic() - begun
            if waited > self._pace.opening:
                raise StoreFault(
                    f"Rank {self.rank} of {self.world} has waited {waited:.0f} s in {self._store.spec} for {what()}.",
                    "Call open, restore and save in every process, with one folder that all nodes share.",
                )
            if waited > SETTLED and not warned:
                warn_or_log(f"Rank {self.rank} of {self.world} waits in {self._store.spec} for {what()}.")
                warned = True
            time.sleep(pause)
            pause = min(pause * 1.2, max(self._pace.idle, self._pace.quick))


def claimed(store: Store, seen: int) -> int:
    """The number of the next attempt, which begins. Raises Fenced where one has begun since `seen` was the newest."""
    if (newest := store.newest()) > seen:
        raise Fenced(
            f"Attempt {newest} of this job has begun in {store.spec} since this one opened it.",
            "Nothing to do where the job was restarted. Else give each job its own folder, or open it again.",
        )
    return store.claim()


def read_note(store: Store, name: str) -> Json:
    """What `name` holds; nothing where it holds no JSON, as a mount may show a note that is not all there yet."""
    try:
        found = json.loads(store.notes(name) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _note(rank: int, kind: str) -> str:
    return f"rank-{rank:05}.{kind}.json"


def _joined(here: Mapping[int, Json], session: str) -> set[int]:
    return {rank for rank, one in here.items() if one.get("joined") == session}
