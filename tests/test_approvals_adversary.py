"""The life of findings against an adversary: whatever people, sweeps, clocks and daemons do, nothing is acted on that
enough people have not approved as it is now. Its oracle is written apart from the code: a plain log of who saw what."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lives import ANA, BO, DAY, GROUP, MONDAY, OLA, RIA, desk, endpoint, finding, only, sweep, tell
from lives import rule as a_rule
from lives import settings as janitor

from finops import approvals
from finops.approvals import MOVES, STATUSES, NotAllowed, Person
from finops.errors import FinopsError
from finops.estate import Gap
from finops.janitor import Kept
from finops.state import Record, State

NAMES = st.sampled_from(["a", "b"])
PEOPLE = st.sampled_from([ANA, BO, OLA, RIA, Person("oid-ana", "Other Ana", "", ANA.roles)])
HOURS = st.sampled_from([0, 1, 8, 24, 25, 72, 24 * 8, 24 * 15, 24 * 31])
APPROVAL_DAYS, GRACE = 7, 5


class Life(RuleBasedStateMachine):
    """Two resources, three people who may decide, one who may not, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.state = State.open(Path(self.folder.name) / "state.db")
        self.now = MONDAY
        self.shape: dict[str, dict[str, Any]] = {
            "a": {"version": 1, "risk": "low"},
            "b": {"version": 1, "risk": "high"},
        }
        # The oracle: (finding, digest) -> who said yes to it, from when until when; a no takes it out.
        self.said: dict[tuple[int, str], dict[str, tuple[datetime, datetime]]] = {}
        self.used: set[int] = set()

    def teardown(self) -> None:
        try:
            assert self.state.verify_audit().fault is None
        finally:
            self.state.close()
            self.folder.cleanup()

    def there(self, name: str) -> Any:
        shape = self.shape[name]
        made = shape.get("made", 1)
        return finding(
            name, digest=f"{shape['version']:02}" * 32, fingerprint=f"spec-{shape['version'] // 3}",
            generation=f"g{made}", risk=shape["risk"], grace_days=GRACE,
        )  # fmt: skip

    @initialize()
    def first(self) -> None:
        sweep(self.state, self.now, self.there("a"), self.there("b"))

    # -- the world ---------------------------------------------------------------------------------------------

    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(hours=st.sampled_from([1, 30]))
    def the_clock_goes_back(self, hours: int) -> None:
        self.now -= timedelta(hours=hours)

    @rule(name=NAMES)
    def its_evidence_changes(self, name: str) -> None:
        self.shape[name]["version"] += 1

    @rule(name=NAMES)
    def it_is_made_again(self, name: str) -> None:
        self.shape[name] |= {"made": self.shape[name].get("made", 1) + 1, "version": self.shape[name]["version"] + 1}

    @rule(name=NAMES, risk=st.sampled_from(["low", "high", ""]))
    def its_risk_changes(self, name: str, risk: str) -> None:
        self.shape[name]["risk"] = risk

    # -- the janitor ---------------------------------------------------------------------------------------------

    @rule(
        what=st.sampled_from(["all", "all", "all", "none", "gap", "unknown", "kept", "off", "only a"]),
        told=st.booleans(),
    )
    def a_sweep(self, what: str, told: bool) -> None:
        both = [self.there("a"), self.there("b")]
        found = {"all": both, "only a": both[:1]}.get(what, [])
        kept = [Kept(a_rule().name, endpoint(name), "so", unknown=what == "unknown") for name in "ab"]
        sweep(
            self.state, self.now, *found, told=told,
            gaps=[Gap(GROUP, "everything", "403")] if what == "gap" else (),
            kept=kept if what in {"unknown", "kept"} else (),
            rules=[] if what == "off" else None,
            present=[endpoint("b")] if what == "only a" else (),
        )  # fmt: skip

    @rule()
    def they_are_told(self) -> None:
        tell(self.state, self.now)

    # -- people ---------------------------------------------------------------------------------------------------

    def seen(self, name: str, stale: bool = False) -> list[tuple[int, str]]:
        record = only(self.state, name)
        digest = record.finding.digest
        return [(record.number, f"{'0' if digest[0] != '0' else '1'}{digest[1:]}" if stale else digest)]

    def yes(self, row: tuple[int, str], who: Person) -> None:
        due = self.state.findings.get(row[0]).due_at or self.now
        until = max(self.now, due) + timedelta(days=APPROVAL_DAYS)
        self.said.setdefault(row, {})[who.oid] = (self.now, until)

    @rule(name=NAMES, who=PEOPLE, stale=st.sampled_from([False, False, False, True]))
    def somebody_approves(self, name: str, who: Person, stale: bool) -> None:
        rows = self.seen(name, stale)
        [answer] = desk(self.state).approve(rows, who, self.now)
        assert not (answer.ok and (stale or who is RIA))
        if answer.ok:
            self.yes(rows[0], who)

    @rule(who=PEOPLE)
    def somebody_approves_all(self, who: Person) -> None:
        rows = [self.seen(name)[0] for name in "ab"]
        for answer, row in zip(desk(self.state).approve(rows, who, self.now), rows, strict=True):
            if answer.ok:
                assert only(self.state, "a" if row == rows[0] else "b").finding.risk == "low"
                self.yes(row, who)

    @rule(name=NAMES, who=PEOPLE, verb=st.sampled_from(["deny", "snooze", "exempt"]))
    def somebody_says_no(self, name: str, who: Person, verb: str) -> None:
        rows = self.seen(name)
        decide = getattr(desk(self.state), verb)
        [answer] = (
            decide(rows, who, self.now, reason="because")
            if verb == "deny"
            else decide(rows, who, self.now, None, "why")
        )
        if answer.ok:
            self.said.pop(rows[0], None)

    @rule(name=NAMES, who=PEOPLE, needs=st.booleans())
    def the_owner_answers(self, name: str, who: Person, needs: bool) -> None:
        rows = self.seen(name)
        [answer] = desk(self.state).answer_as_owner(rows, who, self.now, needs, "because")
        assert not (answer.ok and who is not OLA)
        if answer.ok and needs:
            self.said.pop(rows[0], None)

    # -- the daemon -----------------------------------------------------------------------------------------------

    def rightful(self, record: Record) -> bool:
        """By the oracle: enough different people said yes to exactly this, and it still counts."""
        said = self.said.get((record.number, record.finding.digest), {})
        by = {oid for oid, (at, until) in said.items() if at <= self.now < until}
        low = record.finding.risk == "low"
        return len(by if low else by - {OLA.oid}) >= (1 if low else 2)

    @rule()
    def what_is_due_is_rightful(self) -> None:
        for record in approvals.due(self.state, janitor(), self.now):
            assert self.rightful(record), record
            assert record.due_at is not None
            assert record.due_at <= self.now
        approvals.schedule(self.state, janitor(), self.now)

    @rule(name=NAMES, status=st.sampled_from(STATUSES))
    def a_daemon_moves_it(self, name: str, status: str) -> None:
        record = only(self.state, name)
        head = self.state.audit_head()
        try:
            approvals.moved(self.state, record.number, status, "test", self.now, "t", quiet_until=self.now + 3 * DAY)
        except NotAllowed:
            assert self.state.audit_head() == head
            return
        assert status in MOVES[record.status]
        if status in {"scheduled", "quiet"} or (status == "acted" and record.status == "scheduled"):
            assert self.rightful(record), (record, status)
        if status == "acted":
            assert record.number not in self.used or self.rightful(record) or record.status == "quiet"
            self.used.add(record.number)
        if status == "quiet":
            said = self.said[record.number, record.finding.digest]
            said |= {oid: (at, until + 3 * DAY) for oid, (at, until) in said.items()}
        elif status not in {"scheduled"}:
            self.said.pop((record.number, record.finding.digest), None)

    @rule(name=NAMES)
    def a_daemon_finds_it_changed(self, name: str) -> None:
        record = only(self.state, name)
        try:
            approvals.reoffered(self.state, record.number, self.there(name), "changed", self.now)
        except FinopsError:
            return
        self.said.pop((record.number, record.finding.digest), None)

    # -- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def what_left_pending_takes_its_votes_along(self) -> None:
        """Everything that is not pending, approved or on its way has no vote that stands, and the oracle forgets it."""
        for name in "ab":
            found, _, _ = self.state.findings.all(search=f"/onlineendpoints/{name}", order="number", limit=None)
            for record in found:
                if record.status not in {"pending", "approved", "scheduled", "quiet"}:
                    assert [vote for vote in record.votes if vote.says == "approve"] == []
                    self.said.pop((record.number, record.finding.digest), None)
                for number, digest in list(self.said):
                    if number == record.number and digest != record.finding.digest:
                        del self.said[number, digest]

    @invariant()
    def at_most_one_life_at_a_time(self) -> None:
        found, _, _ = self.state.findings.all(limit=None)
        alive = [one.finding.resource_id for one in found if one.status not in approvals.ENDED]
        assert len(alive) == len(set(alive))


STEPS = int(os.environ.get("ADVERSARY_STEPS", "60"))
EXAMPLES = int(os.environ.get("ADVERSARY_HISTORIES", "40"))
TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
)
