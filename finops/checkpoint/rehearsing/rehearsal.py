"""A training script run twice: undisturbed, and on nodes that go, on this machine and within minutes.

The script is the user's own, in its own process; it finds the folder for its checkpoints in the environment, like in a
job. What a node would take with it is killed; its disk is not: what was written and not synced survives here.
"""

from __future__ import annotations

import hashlib
import math
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finops.checkpoint.cadence import PRIOR
from finops.checkpoint.faults import Foreign
from finops.checkpoint.notices.listening import IMDS, MARKER
from finops.checkpoint.rehearsing.announcing import Service
from finops.checkpoint.rehearsing.evicting import evict
from finops.checkpoint.rehearsing.journal import JOURNAL, Account, read
from finops.checkpoint.rehearsing.patterns import Pattern, scaled
from finops.checkpoint.stores.place_of_job import FOLDER
from finops.errors import FinopsError

TAIL = 12  # lines of the log that an error shows


class ScriptFailed(FinopsError):
    """The script ended by itself, and not well."""


@dataclass(frozen=True)
class Plan:
    """How to disturb. Seconds are of this machine.

    scale: how many seconds of the pattern pass in one; None: so many that about `evictions` fall into the training.
    notice: announced so long before, 0 for never, by `by`: "imds", "marker" or "SIGTERM"; delivered: how often, of 1.
    results: files that the script leaves, which must be the same. longest: times the undisturbed run, then it is given
    up.
    """

    command: Sequence[str]
    pattern: Pattern
    folder: Path
    scale: float | None = None
    evictions: float = 5.0
    notice: float = 0.0
    by: str = "imds"
    delivered: float = 1.0
    results: tuple[Path, ...] = ()
    seed: int = 0
    longest: float = 20.0


@dataclass(frozen=True)
class Attempt:
    """One start of the script. started, over: time.monotonic. code: what it ended with, None where it was evicted."""

    started: float
    over: float
    code: int | None
    account: Account
    announced: bool = False

    @property
    def seconds(self) -> float:
        return self.over - self.started

    @property
    def boot(self) -> float:
        """Until training began."""
        begins = self.account.begins
        return self.seconds if begins is None else begins - self.started

    @property
    def trained(self) -> float:
        """From where training began to its end, or the attempt's."""
        begins, ended = self.account.begins, self.account.ended_at
        return 0.0 if begins is None else (self.over if ended is None else ended) - begins


@dataclass
class Rehearsal:
    """What came of it. same: of each result file. lives: seconds for which training would have gone on, on the node of
    the last start, where it was not evicted, and on those after it."""

    plan: Plan
    undisturbed: Attempt
    scale: float = 1.0
    attempts: list[Attempt] = field(default_factory=list)
    same: dict[Path, bool] = field(default_factory=dict)
    lives: list[float] = field(default_factory=list)
    finished: bool = False

    @property
    def evicted(self) -> list[Attempt]:
        return [one for one in self.attempts if one.code is None]

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.attempts)


def rehearse(plan: Plan, env: Mapping[str, str], tell: Callable[[str], None] = lambda _: None) -> Rehearsal:
    """Run it undisturbed, then evicted until it is done. Raises ScriptFailed; Foreign where both share a folder.

    tell: given a line now and then for somebody who waits.
    """
    for result in plan.results:
        if result.exists():
            raise FinopsError(f"{result} is there already.", "Move it away: each run is to make its own.")
    with Service() as service:
        tell("Undisturbed ...")
        quiet = _attempt(plan, env, plan.folder / "undisturbed", 1, math.inf, math.inf, service, False)
        _check(plan.folder / "undisturbed", quiet.account)
        made = {result: _taken(result, plan.folder / "undisturbed") for result in plan.results}
        tell(f"  {quiet.seconds:.1f} s, {len(quiet.account.steps)} steps")
        trained = quiet.trained or quiet.seconds
        scale = plan.scale or plan.pattern.hours_between * 3600 * plan.evictions / trained
        found = Rehearsal(plan, quiet, scale)
        mean = plan.pattern.hours_between / scale
        _evicted(found, {**env, PRIOR: f"{mean:.9f}"}, service, tell)
        found.same = {result: digest == _taken(result, plan.folder / "evicted") for result, digest in made.items()}
    return found


def _evicted(found: Rehearsal, env: Mapping[str, str], service: Service, tell: Callable[[str], None]) -> None:
    plan, chance = found.plan, random.Random(found.plan.seed)  # noqa: S311 - which notices are delivered
    lives: Iterator[float] = scaled(plan.pattern, found.scale)
    trains = found.undisturbed.account.begins is not None  # then a node's time is that of training, starts apart
    last: list[float] = []
    while found.seconds < plan.longest * found.undisturbed.seconds:
        life = next(lives)
        announced = life - plan.notice if plan.notice and chance.random() < plan.delivered else math.inf
        number = len(found.attempts) + 1
        one = _attempt(plan, env, plan.folder / "evicted", number, life, max(announced, 0.0), service, trains)
        found.attempts.append(one)
        told = ", announced" if one.announced else ""
        at = max(one.account.steps, default=one.account.came_from)
        tell(f"  Attempt {number}: {one.seconds:.1f} s{told}, from step {one.account.came_from} to {at}")
        if number == 1 and one.account.came_from:
            raise Foreign(
                f"The first start went on from step {one.account.came_from}, which it cannot have saved.",
                f"Let the script take the folder that {FOLDER} names.",
            )
        if one.code is not None:
            found.finished, last = True, [life]
            break
    found.lives = [*last, *(next(lives) for _ in range(1000))]


def _attempt(
    plan: Plan,
    env: Mapping[str, str],
    folder: Path,
    number: int,
    life: float,
    announced: float,
    service: Service,
    trains: bool,
) -> Attempt:
    """life, announced: seconds from where training begins, or where it is not known to, from the start."""
    folder.mkdir(parents=True, exist_ok=True)
    journal, marker = folder / f"attempt-{number}.jsonl", folder / f"attempt-{number}.to-be-preempted"
    log = folder / f"attempt-{number}.log"
    given = {
        **env,
        FOLDER: str(folder / "checkpoints"),
        JOURNAL: str(journal),
        IMDS: service.address if plan.by == "imds" else "off",
        MARKER: str(marker),
        "PYTHONUNBUFFERED": "1",
    }
    service.announced = False
    with log.open("wb") as output:
        started = time.monotonic()
        try:
            process = subprocess.Popen([*plan.command], env=given, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        except OSError as fault:
            raise ScriptFailed(f"{plan.command[0]} cannot be run: {fault.strerror}.", "Give a command.") from fault
        code = told = None
        try:
            since = _begun(process, journal) if trains else started
            code = _waited(process, min(life, announced) + since)
            told = code is None and announced < life
            if told:
                _announce(plan.by, process, service, marker)
                code = _waited(process, life + since)
        finally:
            over = time.monotonic()
            evict(process, f"{JOURNAL}={journal}")
    account = read(journal)
    if code and told:  # it ended because it was told to
        code = None
    if code:
        raise ScriptFailed(_said(log, code, number), f"All that it printed is in {log}.")
    return Attempt(started, over, code, account, bool(told))


def _begun(process: subprocess.Popen[bytes], journal: Path) -> float:
    """When training began; now, where the process ended before."""
    while process.poll() is None:
        if (begins := read(journal).begins) is not None:
            return begins
        time.sleep(0.02)
    return time.monotonic()


def _waited(process: subprocess.Popen[bytes], until: float) -> int | None:
    """What it ended with, None where it still runs."""
    try:
        return process.wait(None if until == math.inf else max(until - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        return None


def _announce(by: str, process: subprocess.Popen[bytes], service: Service, marker: Path) -> None:
    if by == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    elif by == "marker":
        marker.touch()
    else:
        service.announced = True


def _said(log: Path, code: int, number: int) -> str:
    last = log.read_text("utf-8", "replace").splitlines()[-TAIL:]
    return f"The script ended with {code} at start {number}:\n" + "\n".join(f"  {line}" for line in last) + "\n"


def _check(folder: Path, account: Account) -> None:
    if account.store and not account.store.endswith(str(folder / "checkpoints")):
        raise Foreign(
            f"The script keeps its checkpoints in {account.store}, so that one run would go on with the other's.",
            f"Let it take the folder that {FOLDER} names: open() without folder=.",
        )


def _taken(result: Path, folder: Path) -> str | None:
    """What it holds, as a digest; it is moved out of the way of the next run."""
    if not result.exists():
        return None
    told = hashlib.sha256(result.read_bytes()).hexdigest()
    shutil.move(result, folder / result.name)
    return told
