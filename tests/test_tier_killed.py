"""kill -9 at random moments during `tier apply` and `tier undo`, against a simulator that sometimes loses an answer.

Rules that people approved, tracking with a daily inventory, and single blobs that they approved, in batches; the server
itself looks for an open intent, and for an approval that is used up, before it carries out a change. By default about a
dozen kills; FINOPS_TIER_KILLS=200 is the long form (`make soak`).
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from forking import Worker, worker_of
from storing import rule
from test_tier_apply_singles import OLD, blob, tiers
from test_tier_approve import after_the_grace, approve, asked, record
from tier_applying import INVENTORY, SERVICE, ZONES, Tiering, tiering

from finops.jobs.tiering.deeds import MOVE, MOVE_BACK, SET_RULES, TAKE_RULES

KILLS = int(os.environ.get("FINOPS_TIER_KILLS", "12"))
KILLS_A_HISTORY = 4  # half of them while it is applied, half while it is undone
CHANGE = re.compile(r"managementpolicies|blobservices/default|inventorypolicies|comp=batch", re.IGNORECASE)
PART = re.compile(rb"^PUT (/\S+)\?comp=tier", re.MULTILINE)
THEIRS = rule("theirs", ["logs/"], delete={"daysAfterModificationGreaterThan": 3000})
FAULTS = (
    {"fault": "slow", "method": "PUT|POST|DELETE", "seconds": 0.05, "probability": 0.5},
    {"fault": "reset-after", "method": "PUT|POST|DELETE", "probability": 0.05},
    {"fault": "503", "probability": 0.02},
)

EVER = datetime(2000, 1, 1, tzinfo=UTC)

Json = dict[str, Any]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_tier.py") as found:
        yield found


@contextmanager
def approved(folder: Path) -> Iterator[Tiering]:
    """Rules that archive, approved and due, beside a rule of somebody else; and an inventory that is wanted."""
    with tiering(folder, sku="Standard_LRS", inventory_rule="nightly", grace_days=0) as account:
        place = account.inventory
        account.govern(THEIRS)
        account.set(inventory=None)
        asked(account)
        approve(account)
        after_the_grace(account)
        account.set(inventory="nightly")
        account.inventory = place
        yield account


@contextmanager
def untracked(folder: Path) -> Iterator[Tiering]:
    with tiering(folder, OLD[:20], tracked=False, inventory_rule="nightly", tracking=True) as account:
        yield account


@contextmanager
def single(folder: Path) -> Iterator[Tiering]:
    """Two batches of blobs, approved by name and due, and one that somebody cooled before."""
    told = [*OLD[:259], blob(700, tier="Cool")]
    with tiering(folder, told, sku=ZONES, small_account=1000, mode="ask", grace_days=0, inventory=False) as account:
        account.served.world.clock.advance(hours=36)  # to a working day
        asked(account)
        approve(account)
        after_the_grace(account)
        yield account


KINDS = (single, approved, untracked)


def standing(account: Tiering) -> Json:
    """What tiering may change of an account, as it is now."""

    def policy(of: str) -> Any:
        return ((account.body(of) or {}).get("properties") or {}).get("policy", {}).get("rules", [])

    tracking = (account.body(SERVICE) or {}).get("properties", {}).get("lastAccessTimeTrackingPolicy") or {}
    return {
        "rules": account.rules(),
        "inventory": policy(INVENTORY),
        "tracking": tracking.get("enable") is True,
        "tiers": tiers(account),
    }


class History:
    """One account, its memory, and what the server saw of what was done to it."""

    def __init__(self, worker: Worker, account: Tiering, folder: Path, seed: int, tally: Counter[str]) -> None:
        self.worker, self.account, self.seed, self.tally = worker, account, seed, tally
        self.state, self.chance = folder / "state.db", random.Random(seed)
        self.changing, self.wrong, self.moved = Event(), list[str](), Counter[str]()
        self.longest, self.sent = 1.0, list[str]()
        inner = account.served.app._inner

        async def witnessed(scope: Any, receive: Any, send: Any) -> None:
            body = (scope.get("state") or {}).get("body") or b""
            target = f"{scope.get('path', '')}?{scope.get('query_string', b'').decode()}"
            if scope.get("method") in {"PUT", "POST", "DELETE"} and CHANGE.search(target):
                self.sent.append(f"{scope['method']} {target}")
                self._look(self.sent[-1])
                self.moved.update(path.decode() for path in PART.findall(body))
                self.changing.set()
            await inner(scope, receive, send)

        witnessed.state = inner.state  # type: ignore[attr-defined]
        account.served.app._inner = witnessed  # type: ignore[assignment]

    def _look(self, target: str) -> None:
        db = sqlite3.connect(f"file:{self.state}?mode=ro", uri=True)
        pending = db.execute("SELECT count(*) FROM intents WHERE outcome IS NULL").fetchone()[0]
        unasked = db.execute(
            "SELECT count(*) FROM findings WHERE status IN ('asked', 'pending', 'approved')"
        ).fetchone()
        db.close()
        if not pending:
            self.wrong.append(f"{target} without an open intent")
        if ("managementPolicies" in target or "comp=batch" in target) and unasked[0]:
            self.wrong.append(f"{target} while its approval was not used up")

    def run(self, undo: bool, until: Callable[[], None] | None = None) -> tuple[int, str]:
        """The exit status of `dying_tier.py`, -9: killed with SIGKILL when `until` came back; and what it said."""
        paths = [str(self.account.inventory)] if self.account.inventory else []
        order = {
            "settings": json.loads(self.account.settings.model_dump_json()), "state": str(self.state), "undo": undo,
            "now": self.account.now.isoformat(), "seed": self.chance.randrange(10**6), "paths": paths,
        }  # fmt: skip

        def kill(child: int) -> None:
            if until is not None:
                until()
                os.kill(child, signal.SIGKILL)

        return self.worker.run(order, kill)

    def _moment(self) -> None:
        """Half of the kills fall anywhere; the other half about a change, where most can go wrong."""
        self.changing.clear()
        if self.chance.random() < 0.4:
            time.sleep(self.chance.uniform(0, self.longest))
        else:
            self.changing.wait(3 * self.longest)
            time.sleep(self.chance.choice((0, 0, self.chance.uniform(0, 0.1), self.chance.uniform(0, 0.5))))

    def to_the_end(self, undo: bool, kills: int) -> Json:
        """Killed so often, then run until it has nothing to do: how the account stands."""
        for _ in range(kills):
            self.account.faults(*({**fault, "seed": self.chance.randrange(10**6)} for fault in FAULTS))
            status, _ = self.run(undo, self._moment)
            self.tally["killed" if status == -9 else "came to its end first"] += 1
            self.tally["killed with an intent open"] += status == -9 and bool(self.account.state.pending_intents())
            self.account.faults()
        for _ in range(2):
            began, before = time.monotonic(), len(self.sent)
            status, said = self.run(undo)
            self.longest = time.monotonic() - began
            if status:
                self.wrong.append(f"a run that nobody killed ended with {status}")
        if more := self.sent[before:]:
            self.wrong.append(f"the last run still sent {more} and said: {said}")
        return standing(self.account)

    def judge(self, acts: list[str]) -> list[str]:
        """What is wrong at the end. acts: those that must have been done, once each and no other."""
        state, wrong = self.account.state, list(self.wrong)
        wrong += [f"intent {one.number} is open" for one in state.pending_intents()]
        wrong += [fault] if (fault := state.verify_audit().fault) else []
        told = Counter(str(entry["what"]) for entry in state.audit_entries())
        intents = state.intents_since(EVER)
        done = Counter(one.action for one in intents if one.outcome == "done")
        if done != Counter(acts):
            wrong.append(f"recorded as done: {dict(done)}, not {dict(Counter(acts))}")
        if told["done"] != len(acts):
            wrong.append(f"{told['done']} acts are done in the audit trail, not {len(acts)}")
        wrong += [f"{path} was moved {times} times" for path, times in self.moved.items() if times != 1]
        return wrong


def actions(account: Tiering) -> list[str]:
    found = [one.action for one in account.state.intents_since(EVER) if one.outcome == "done"]
    return sorted(found)


@pytest.fixture(scope="module")
def unkilled(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By kind: how the account stands before, once applied and once undone, and what was done, where nobody kills."""
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind.__name__)
        with kind(folder) as account:
            history = History(worker, account, folder, 0, Counter())
            before = standing(account)
            applied = history.to_the_end(False, 0)
            first, history.moved = actions(account), Counter()
            undone = history.to_the_end(True, 0)
            assert history.wrong == []
            found[kind.__name__] = (before, applied, first, undone, actions(account), history.longest)
    return found


def test_the_runs_that_are_killed_do_something_and_undo_takes_all_of_it_back(unkilled: dict[str, Any]):
    done = {kind: (told[2], told[4]) for kind, told in unkilled.items()}

    assert SET_RULES in done["approved"][0]
    assert TAKE_RULES in done["approved"][1]
    assert Counter(done["single"][1])[MOVE_BACK] == Counter(done["single"][0])[MOVE] == 2
    assert [len(first) for first, _ in done.values()] == [2, 3, 3]
    for before, applied, _, undone, _, _ in unkilled.values():
        assert applied != before
        assert undone == before


def test_killed_at_any_moment_all_stands_as_without_and_nothing_is_done_twice_or_lost(
    worker: Worker, unkilled: dict[str, Any], tmp_path: Path
):
    tally: Counter[str] = Counter()
    failed = {}
    seed = 0
    while tally["killed"] < KILLS:
        kind = KINDS[seed % len(KINDS)]
        seed += 1
        folder = tmp_path / f"h{seed}"
        _, applied, first, undone, acts, longest = unkilled[kind.__name__]
        with kind(folder) as account:
            history = History(worker, account, folder, seed, tally)
            history.longest = longest
            wrong = []
            if history.to_the_end(False, KILLS_A_HISTORY // 2) != applied:
                wrong.append("applied, it does not stand as without kills")
            wrong += history.judge(first)
            history.wrong, history.moved = [], Counter()
            if kind is not untracked and record(account).status != "confirmed":
                wrong.append(f"its request is {record(account).status}")
            if history.to_the_end(True, KILLS_A_HISTORY // 2) != undone:
                wrong.append("undone, it does not stand as without kills")
            wrong += history.judge(acts)
            if kind is not untracked and record(account).status != "restored":
                wrong.append(f"its request is {record(account).status}")
        tally[kind.__name__] += 1
        if wrong:
            failed[seed, kind.__name__] = wrong
            sys.stderr.write(f"{seed} {kind.__name__}: {wrong}\n")
    sys.stderr.write(f"{seed} histories: {dict(tally)}\n")

    assert failed == {}
    assert tally["killed with an intent open"] > 0
