"""kill -9 at random moments during `janitor apply`, against a simulator that fails one request in ten.

The simulator's own log says what was deleted, and how often; the simulator looks into the state at each deletion.
By default about twenty kills; FINOPS_APPLY_KILLS=200 is the long form (`make soak`).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from applying import HOME, SILENT, Applying, applying, cluster, empty_endpoint, silence, whole
from estates import deployment
from forking import Worker, worker_of

from finops import tombstones
from finops.simulator import Served
from finops.state import State

KILLS = int(os.environ.get("FINOPS_APPLY_KILLS", "20"))
KILLS_A_HISTORY = 4
# One request in ten goes wrong, each in another way.
KINDS = (
    "503",
    "500",
    "429-bare",
    "reset-before",
    "reset-after",
    "502-after",
    "truncated-json",
    "lro-poll-lost",
    "lro-fails",
)

Json = dict[str, Any]


def run(
    worker: Worker, janitor: Applying, seed: int, until: Callable[[], None] | None = None, undo: tuple[int, ...] = ()
) -> int:
    """The exit status of `dying_apply.py`; -9: killed with SIGKILL when `until` came back."""
    order = {
        "settings": json.loads(janitor.settings.model_dump_json()), "state": str(janitor.folder / "state.db"),
        "now": janitor.now.isoformat(), "seed": seed, "undo": undo,
    }  # fmt: skip

    def kill(child: int) -> None:
        if until is not None:
            until()
            os.kill(child, signal.SIGKILL)

    return worker.run(order, kill)[0]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_apply.py") as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applying]:
    with applying(tmp_path_factory.mktemp("killed"), max_acts=1000, max_percent=100, max_per_owner=1000) as started:
        yield started


@dataclass
class Staged:
    """The things of one history: what may be deleted, and what must not be."""

    approved: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def stage(served: Applying, folder: Path, name: str) -> tuple[Applying, Staged]:
    """A memory of its own, and waste of its own: approved, changed since it was, and never approved."""
    folder.mkdir()
    janitor_settings = served.settings.janitor.model_copy(update={"tombstones": folder / "tombstones"})
    settings = served.settings.model_copy(update={"janitor": janitor_settings})
    janitor = Applying(served.served, folder, settings)
    bodies = [empty_endpoint(f"{name}-{number}") for number in range(4)]
    bodies += [cluster(HOME, f"{name}-old"), empty_endpoint(f"{name}-used"), empty_endpoint(f"{name}-nobody")]
    for body in bodies:
        janitor.put(body)
    ids = [body["id"] for body in bodies]
    found = janitor.found(*ids)
    assert len(found) == len(ids)
    *_, used, nobody = ids
    janitor.approve(one for one in found if one.finding.resource_id != nobody)
    janitor.put(deployment(used))
    return janitor, Staged(ids[:5], [used, nobody])


@contextmanager
def witnessed(
    served: Served, state: Path, unasked: list[str], deleting: Event, deletions: Counter[str]
) -> Iterator[None]:
    """While the block runs, the server itself looks for an open intent and a record that is `acted` on the disk before
    it carries out a deletion. deleting: set then. deletions: of each resource, whatever was answered to them."""

    def admits(world: Any, request: Any, change: Any) -> None:
        if change.verb != "delete":
            return
        name = change.resource_id.lower()
        db = sqlite3.connect(f"file:{state}?mode=ro", uri=True)
        open_now = {row[0].lower() for row in db.execute("SELECT resource_id FROM intents WHERE outcome IS NULL")}
        acted = {row[0] for row in db.execute("SELECT resource FROM findings WHERE status = 'acted'")}
        db.close()
        deleting.set()
        deletions[name] += 1
        if name not in open_now:
            unasked.append(f"{change.resource_id} was deleted without an open intent")
        if name not in acted:
            unasked.append(f"{change.resource_id} was deleted while its record was not acted")

    served.app._inner.state.admission.append(admits)
    try:
        yield
    finally:
        served.app._inner.state.admission.remove(admits)


def judge(janitor: Applying, staged: Staged, deletions: Counter[str], tally: Counter[str]) -> list[str]:
    """What is wrong at the end of a history."""
    wrong = []
    for resource in [*staged.approved, *staged.kept]:
        times = deletions[resource.lower()]
        gone = janitor.body(resource) is None
        if resource in staged.kept and (times or gone):
            wrong.append(f"{resource} was deleted, and nobody approved that any more")
        if times > 1:
            wrong.append(f"{resource} was deleted {times} times")
    with State.open(janitor.folder / "state.db") as state:
        wrong += [f"intent {one.number} is open" for one in state.pending_intents()]
        wrong += [fault] if (fault := state.verify_audit().fault) else []
        records, _, _ = state.findings.all(limit=None)
        for record in records:
            status, resource = record.status, record.finding.resource_id
            gone = janitor.body(resource) is None
            tally[status] += 1
            if status == "acted":
                wrong.append(f"{resource} stays acted")
            if status == "confirmed" and not gone:
                wrong.append(f"{resource} is confirmed, and there")
            if gone and status != "confirmed":
                wrong.append(f"{resource} is gone, and {status}")
            if resource in staged.approved and status not in {"confirmed", "failed"}:
                wrong.append(f"{resource} was approved, and is {status} after a clean run")
            if status == "confirmed":
                tombstones.read(janitor.settings.janitor.tombstones, record.tombstone or "")
    return wrong


def rules(seed: int) -> list[Json]:
    share = 0.1 / len(KINDS)
    wrong = [
        {"fault": kind, "probability": share, "seed": seed * 100 + number, "times": 10_000}
        for number, kind in enumerate(KINDS)
    ]
    # So that a kill can fall between a request and what it does.
    return [{"fault": "slow", "method": "DELETE", "seconds": 0.03, "probability": 0.5, "seed": seed}, *wrong]


def history(
    worker: Worker, served: Applying, folder: Path, seed: int, kills: int, longest: float, tally: Counter[str]
) -> list[str]:
    """Killed `kills` times while one request in ten fails, then started until it has nothing to do: what is wrong.

    longest: seconds after which a kill may fall at the latest
    """
    chance = random.Random(seed)
    served.served.faults.clear()
    janitor, staged = stage(served, folder, f"h{seed}")
    janitor.served.requests.clear()
    unasked: list[str] = []
    deletions: Counter[str] = Counter()
    deleting = Event()

    def moment() -> None:
        """Half of the kills fall anywhere; the other half about a deletion, where most can go wrong."""
        deleting.clear()
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0, longest))
        else:
            deleting.wait(3 * longest)
            time.sleep(chance.choice((0, 0, chance.uniform(0, 0.2))))

    with witnessed(janitor.served, folder / "state.db", unasked, deleting, deletions):
        for _ in range(kills):
            janitor.served.faults.add(rules(chance.randrange(10**6)))
            status = run(worker, janitor, seed, moment)
            tally["killed" if status == -9 else "came to its end first"] += 1
            with janitor.state() as state:
                tally["killed with a request under way"] += status == -9 and bool(state.pending_intents())
            janitor.served.faults.clear()
            janitor.live(minutes=5)
        for _ in range(3):  # what Azure was still at comes to its end
            assert run(worker, janitor, seed) == 0
            janitor.live(minutes=20)
    tally["deletions"] += deletions.total()
    wrong = [*unasked, *judge(janitor, staged, deletions, tally)]
    for resource in [*staged.approved, *staged.kept]:
        janitor.gone(resource)
    return wrong


def test_killed_at_any_moment_nothing_is_deleted_unasked_or_twice_or_left_acted(
    worker: Worker, served: Applying, tmp_path: Path
):
    tally: Counter[str] = Counter()
    failed = {}
    seed = 0
    began = time.monotonic()
    assert history(worker, served, tmp_path / "h0", 0, 0, 0, tally) == []
    longest = (time.monotonic() - began) / 2
    while tally["killed"] < KILLS:
        seed += 1
        kills = min(KILLS_A_HISTORY, KILLS - tally["killed"])
        wrong = history(worker, served, tmp_path / f"h{seed}", seed, kills, longest, tally)
        if wrong:
            failed[seed] = wrong
    sys.stderr.write(f"{seed} histories: {dict(tally)}\n")

    assert failed == {}
    assert tally["confirmed"] > seed  # it did get things done


def test_an_undo_that_is_killed_goes_on_where_it_was(worker: Worker, tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.served.requests.clear()
        made = Event()
        janitor.served.world.resources.listen(lambda resource_id, body: made.set())
        chance = random.Random(7)

        def moment() -> None:
            made.wait(10)
            made.clear()
            time.sleep(chance.uniform(0, 0.1))

        for seed in range(6):
            run(worker, janitor, seed, moment, (record.number,))
            janitor.live(minutes=20)
            made.clear()
        if janitor.record(record.number).status != "restored":
            undone = janitor.undo(record.number)
            assert undone.equal, undone.stopped

        puts = Counter(one for one in janitor.changes() if one.startswith("PUT"))
        assert puts["PUT onlineEndpoints/silent"] == 2  # made, then given its traffic
        assert set(puts.values()) == {1, 2}
        assert janitor.record(record.number).status == "restored"
