"""The whole daemon while its disk cannot be written: what cannot be written down is not done; then it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from disks import read_only, small, writable
from forking import Worker, worker_of
from tallying import changes_of, duties_of, twice_told, unasked
from year import Plan, Year, lived, mails

from finops.simulator import Served
from finops.state import State

HOUR = timedelta(hours=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MONDAY = datetime(2027, 3, 15, 3, tzinfo=UTC)
# Swept at six, approved at nine, due from Wednesday morning on: the disk is as it was by noon of that day.
UNTIL = MONDAY + 56 * HOUR
OFF = ("watch", "anomalies", "budgets", "compliance", "tier", "report", "close", "housekeeping")
SCHEDULE = dict.fromkeys(OFF, "off") | {
    "guard": "every 12 hours", "deliver": "every 2 hours", "tell": "every 6 hours",
    "apply": "working hours every 60 minutes", "sweep": "daily at 06:00",
}  # fmt: skip


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_daemon.py") as found:
        yield found


@dataclass
class Lived:
    """What was there when the disk could not be written any more, when it could again, and at the end.

    written: whether the database could be. Then the guard may act, for which it writes nothing else; the janitor not.
    """

    year: Year
    says: Path
    written: bool
    seen: list[tuple[datetime, list[Any]]] = field(default_factory=list)

    def see(self) -> bool:
        folder = self.year.folder
        held = [sorted(file.name for file in (folder / name).rglob("*")) for name in ("outbox", "tombstones")]
        changed = [
            one for one in changes_of(self.year) if not self.written or "/onlineendpoints/" in one["path"].lower()
        ]
        self.seen.append((self.year.now, [*held, len(changed)]))
        return True


def whenever(served: Served, doings: list[tuple[datetime, Callable[[], bool]]]) -> None:
    """Do each once its time has come, while the daemon waits; again and again until it can be done."""
    inner = served.app._inner

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        waits = scope.get("method") == "POST" and scope.get("path") == "/simulator/clock"
        if waits and doings and served.world.clock.now() >= doings[0][0] and doings[0][1]():
            doings.pop(0)
        await inner(scope, receive, send)

    watched.state = inner.state  # type: ignore[attr-defined]
    served.app._inner = watched  # type: ignore[assignment]


@pytest.fixture(scope="module", params=["everything", "all but the database"])
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Iterator[Lived]:
    own = tmp_path_factory.mktemp("own")
    plan = Plan(3, 0, 7, SCHEDULE, share=0, lease=2 * 3600, begins=MONDAY, persist_runs=1, denied=0)
    state = "" if request.param == "everything" else str(own / "state.db")
    try:
        with small(own / "disk", 512) as disk, lived(disk / "life", plan, state) as year:
            found = Lived(year, own / "log", bool(state))
            year.asks = {"lets_go": True, "log": str(found.says)}

            def broken() -> bool:
                return year.tally.approved > 0 and read_only(disk) and found.see()

            def mended() -> bool:
                return found.see() and writable(disk)

            doings: list[tuple[datetime, Callable[[], bool]]] = [(MONDAY, broken), (UNTIL, mended)]
            whenever(year.served, doings)
            year.live(worker)
            found.see()
            assert doings == []
            yield found
    except FileNotFoundError as why:
        pytest.skip(str(why))


@pytest.fixture
def state(life: Lived) -> Iterator[State]:
    with State.open(life.year.state) as found:
        yield found


def test_meanwhile_nothing_is_sent_kept_or_changed(life: Lived):
    (began, before), (ended, after), _ = life.seen

    assert after == before
    assert ended - began > 20 * HOUR


def test_what_was_due_meanwhile_is_done_afterwards_and_once(life: Lived, state: State):
    _, (ended, during), (_, end) = life.seen

    deleted = [
        one for one in changes_of(life.year) if one["method"] == "DELETE" and "/onlineendpoints/" in one["path"].lower()
    ]
    assert all(datetime.fromisoformat(one["at"]) > ended for one in deleted)
    assert len(deleted) == len({one["path"] for one in deleted}) == 2
    assert len(end[0]) > len(during[0])
    assert unasked(life.year, state) == []
    assert twice_told(life.year) == []


def test_it_lives_and_says_why_in_one_clear_sentence(life: Lived):
    said = life.says.read_text("utf-8")

    assert life.year.tally.exits == {0: 1}
    assert "may be written" in said or "Read-only file system" in said
    assert "Traceback" not in said


def test_each_slot_was_worked_through_or_is_told_with_the_reason(life: Lived, state: State):
    assert duties_of(life.year, state, life.year.ends - HOUR).wrong == []
    assert state.pending_intents() == []
    assert state.daybook.open_runs() == []
    assert state.verify_audit().fault is None
    state.check()


def test_it_goes_on_by_itself_within_the_hour(life: Lived, state: State):
    ended = life.seen[1][0]

    again = [one for one in state.daybook.runs(LONG_AGO) if one.outcome == "done" and one.began_at >= ended]
    assert min(one.began_at for one in again) - ended <= HOUR
    assert mails(life.year.folder / "outbox")
