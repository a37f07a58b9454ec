"""Does what was approved: looked at again, with a tombstone, within the caps, one by one, and confirmed by reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from finops import approvals, tombstones
from finops.acts import Act, Caps, Outcome, Resolved, generation_of, is_image, over, perform, reconcile, state_of
from finops.approvals.moving import not_due
from finops.approvals.recording import POPULATION
from finops.approvals.workdays import Workdays
from finops.errors import AzureError, FinopsError, NotFound
from finops.estate.ids import key, type_of
from finops.estate.queries import ML_VERSION
from finops.jobs.sweeping import tombs
from finops.jobs.sweeping.acting import ACT, QUIET, Deed
from finops.jobs.sweeping.allowing import rehearsed
from finops.jobs.sweeping.checking import Check, check
from finops.jobs.sweeping.looking import Looker
from finops.jobs.sweeping.quieting import Watch
from finops.jobs.sweeping.settling import Settled, settle
from finops.jobs.sweeping.tombs import QUIETED
from finops.state import Busy, Record

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.config.model import Settings
    from finops.state import State

WHO = "finops janitor apply"
HOUR = timedelta(hours=1)

# would: a dry run. done: Azure confirms it. held: nothing was sent, and the approval stands. void: nothing was sent,
# and the approval stands no more. failed: reading shows that it had no effect. unknown: the next run finds out.
Result = Literal["would", "done", "held", "void", "failed", "unknown"]


@dataclass(frozen=True)
class Line:
    """What became, or would become, of one record in this run, and why."""

    record: Record
    result: Result
    what: str
    why: str


@dataclass(frozen=True)
class Applied:
    """One run. `resolved`: what was found out of intents that an earlier run left open."""

    executed: bool
    resolved: tuple[Resolved, ...]
    lines: tuple[Line, ...]

    @property
    def partial(self) -> bool:
        """Whether something that was due was not done."""
        return any(line.result in {"held", "failed", "unknown"} for line in self.lines) or any(
            one.outcome is None for one in self.resolved
        )


def apply(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    execute: bool = False,
    step: Callable[[str], None] = lambda doing: None,
    only: Iterable[int] = (),
) -> Applied:
    """Do what is due; without `execute` only say what would be done. only: numbers of findings; none: all of them."""
    if not execute:
        return _Run(azure, settings, state, now, step, frozenset(only)).rehearsed()
    with state.turn():
        step("Looking at what an earlier run left open")
        resolved = tuple(reconcile(azure, state, now, WHO))
        run = _Run(azure, settings, state, now, step, frozenset(only))
        run.settled(settle(state, settings.janitor, now))
        run.watch()
        run.act()
        tombs.cleared(state, settings, run.time())
        return Applied(True, resolved, tuple(run.lines))


@dataclass
class _Run:
    azure: Azure
    settings: Settings
    state: State
    now: datetime
    step: Callable[[str], None]
    only: frozenset[int]
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.azure.time.monotonic()
        self.settings = rehearsed(self.settings, self.state)
        self.looker = Looker(self.azure, self.settings, self.state)
        self.checks: dict[int, Check] = {}
        self.over: list[Record] = []  # quiet ones whose days are over

    # -- what would be done -------------------------------------------------------------------------------------

    def rehearsed(self) -> Applied:
        """A dry run: everything is looked at, and nothing is changed, neither in Azure nor in what is remembered."""
        due = self._wanted(approvals.due(self.state, self.settings, self.now))
        for record, seen in self._looked(due):
            quiet = self._first(record) == QUIET
            what = self._action(record)
            if seen.verdict == "same":
                self._say(record, "would", f"{what}{' (quiet step)' if quiet else ''}", record.finding.why)
            else:
                self._say(record, "held" if seen.verdict == "unknown" else "void", what, seen.why)
        if why := over(self._stand_ins([one.record for one in self.lines if one.result == "would"]), *self._limits()):
            self.lines = [
                Line(one.record, "held", one.what, why) if one.result == "would" else one for one in self.lines
            ]
        return Applied(False, (), tuple(self.lines))

    # -- quiet steps --------------------------------------------------------------------------------------------

    def settled(self, found: Iterable[Settled]) -> None:
        for one in found:
            self._say(one.record, one.result, "found out what became of it", one.why)

    def watch(self) -> None:
        """Look after what is quiet: take it back at a sign of life, or go on when its days are over."""
        if not self.state.kept(QUIETED):
            return
        self.step("Looking for signs of life")
        watch = Watch(self.azure, self.settings, self.state, self.looker, self.time())
        for number, (result, what, why) in watch.all():
            self._say(self.state.findings.get(number), result, what, why)
        self.over = watch.over

    # -- acts ---------------------------------------------------------------------------------------------------

    def act(self) -> None:
        due = self._wanted([*self._ended(), *approvals.schedule(self.state, self.settings, self.time())])
        if not due:
            return
        self.step("Reading again what is due")
        ready = [record for record, seen in self._looked(due) if self._still(record, seen)]
        self.step("Writing tombstones")
        deeds = [deed for record in ready if (deed := self._prepared(record)) is not None]
        self.step("Acting")
        self._perform(deeds)

    def _ended(self) -> list[Record]:
        """Quiet records whose days are over, with no sign of life: the change itself comes next, in working hours."""
        if not Workdays(self.settings.janitor).working(self.time()):
            return []
        return [
            record for record in getattr(self, "over", []) if not not_due(record, self.settings.janitor, self.time())
        ]

    def _looked(self, records: Sequence[Record]) -> list[tuple[Record, Check]]:
        if not records:
            return []
        try:
            estate, found = self.looker.look(records, self.time())
        except AzureError as fault:
            return [(record, Check("unknown", f"It could not be read again: {fault}")) for record in records]
        return [(record, check(record, estate, found)) for record in records]

    def _still(self, record: Record, seen: Check) -> bool:
        """Whether it may go on. What does not is moved on, or keeps its approval for a later run."""
        if seen.verdict == "same":
            return True
        self._not_done(record, seen)
        return False

    def _not_done(self, record: Record, seen: Check) -> None:
        what = self._action(record)
        if seen.verdict == "gone" and not self._is_gone(record):
            seen = Check("unknown", "A list does not show it, but it may still be there.")
        if seen.verdict == "unknown":
            self._say(record, "held", what, f"{seen.why} Its approval stands; it is tried again by the next run.")
            return
        try:
            if seen.verdict == "differs" and seen.finding is not None:
                # A look at a few resources asks nobody what they cost: the sweep did.
                before = record.finding
                found = replace(seen.finding, monthly_cost=before.monthly_cost, saving=before.saving)
                moved = approvals.reoffered(self.state, record.number, found, seen.why, self.time(), WHO)
            else:
                moved = approvals.moved(self.state, record.number, seen.verdict, seen.why, self.time(), WHO)
        except approvals.NotAllowed as refusal:
            self._say(self.state.findings.get(record.number), "held", what, f"{seen.why} {refusal}")
            return
        self._say(moved, "void", what, seen.why)

    def _is_gone(self, record: Record) -> bool:
        """Whether Azure itself says so, asked directly."""
        try:
            body = state_of(self.azure, record.finding.resource_id, ML_VERSION)
        except FinopsError:
            return False
        return body is None or generation_of(body) != record.finding.generation

    def _prepared(self, record: Record) -> tuple[Deed, Json] | None:
        """The deed with its tombstone on the disk; None where there cannot be one: then nothing is done."""
        step = self._first(record)
        action = self._action(record)
        try:
            body = state_of(self.azure, record.finding.resource_id, ML_VERSION)
            if body is None:
                raise NotFound("It is not there any more.", "", 404)
            tomb = tombs.written(self.azure, self.settings, record, action, self.time())
        except NotFound:
            self._not_done(record, Check("gone", "It is not there any more."))
            return None
        except FinopsError as fault:
            self._say(record, "held", action, f"There is no tombstone, so nothing is done: {fault}")
            return None
        deed = Deed(
            record, step, action, lambda fresh: self._agrees(record, action, tomb),
            lambda: self._enter(record, step, tomb), tomb.reference, self._decision(record),
        )  # fmt: skip
        return deed, body

    def _agrees(self, record: Record, action: str, tomb: tombstones.Tombstone) -> str | None:
        """Asked just before the request: the whole look once more, and the tombstone holds what is there now."""
        [(_, seen)] = self._looked([record])
        if seen.verdict == "same" and tombs.differs(self.azure, self.settings, record, action, tomb):
            seen = Check("unknown", "It was changed while its tombstone was written.")
        if seen.verdict == "same":
            return None
        self.checks[record.number] = seen
        return seen.why

    def _enter(self, record: Record, step: str, tomb: tombstones.Tombstone) -> None:
        """Move the record on, on the disk, before the request leaves. Raises NotAllowed without a valid approval."""
        now = self.time()
        why = f"{self._action(record)} is sent to Azure."
        if step == QUIET and record.finding.quiet:
            until = now + timedelta(days=record.finding.quiet["days"])
            self.state.keep(f"{QUIETED}{record.number}", tomb.reference, now)
            approvals.moved(
                self.state, record.number, "quiet", why, now, WHO, quiet_until=until, tombstone=tomb.reference
            )
        else:
            approvals.moved(self.state, record.number, "acted", why, now, WHO, tombstone=tomb.reference)

    def _perform(self, deeds: Sequence[tuple[Deed, Json]]) -> None:
        acts = [(deed, deed.act(body)) for deed, body in deeds]
        if not acts:
            return
        caps, last_hour = self._limits()
        if why := over([act for _, act in acts], caps, last_hour):
            self.state.audit(WHO, "refused all", "", why, {"wanted": len(acts)}, self.time())
            for deed, _ in acts:
                self._say(deed.record, "held", deed.action, why)
            return
        by_act = {id(act): deed for deed, act in acts}
        for images in (False, True):
            these = [act for _, act in acts if is_image(act.resource_id) == images]
            mine = Caps(
                caps.max_count, self.settings.janitor.max_percent, caps.per_owner, caps.max_monthly_money,
                self._population(images), caps.per_hour,
            )  # fmt: skip
            outcomes = perform(
                these, self.azure, self.state, mine, self.time(), "", self.settings.janitor.kill_switch, WHO,
                lambda outcome: self._told(by_act[id(outcome.act)], outcome),
            )  # fmt: skip
            told = {one.record.number for one in self.lines}
            for outcome in outcomes:  # those that were refused as a whole
                deed = by_act[id(outcome.act)]
                if deed.record.number not in told:
                    self._told(deed, outcome)

    def _told(self, deed: Deed, outcome: Outcome) -> None:
        """Write down what became of one act, as soon as it is known."""
        record = self.state.findings.get(deed.record.number)
        seen = self.checks.pop(record.number, None)
        entered = record.status in {"acted", "quiet"} and record.version != deed.record.version
        if outcome.result == "done":
            self._say(self._confirmed(record, deed, outcome), "done", deed.action, outcome.why)
        elif outcome.result == "unknown":
            self._say(record, "unknown", deed.action, f"{outcome.why} The next run finds out.")
        elif entered:
            why = outcome.why if outcome.result == "failed" else f"Nothing was sent: {outcome.why}"
            moved = approvals.moved(self.state, record.number, "failed", why, self.time(), WHO)
            self._say(moved, "failed", deed.action, why)
        elif outcome.result == "changed-since":
            self._not_done(record, seen or self._seen_by_act(outcome))
        else:
            self._say(record, "held", deed.action, f"{outcome.why} Its approval stands.")

    def _seen_by_act(self, outcome: Outcome) -> Check:
        """The verdict on what the act itself met in its last reading."""
        gone = outcome.why.startswith(("It is gone", "It is another one"))
        return Check("gone" if gone else "unknown", outcome.why)

    def _confirmed(self, record: Record, deed: Deed, outcome: Outcome) -> Record:
        if deed.step == QUIET:
            return record
        until = self.time() + timedelta(days=self.settings.janitor.restore_days)
        return approvals.moved(
            self.state, record.number, "confirmed", outcome.why, self.time(), WHO, restorable_until=until
        )

    # -- limits -------------------------------------------------------------------------------------------------

    def _limits(self) -> tuple[Caps, int]:
        """The caps over all kinds of things together, and how much was done within the last hour."""
        rules = self.settings.janitor
        population = max(self._population(images=False) + self._population(images=True), 1)
        caps = Caps(rules.max_acts, 100, rules.max_per_owner, rules.max_monthly_money, population, rules.max_acts)
        return caps, self.state.acts_since(self.time() - HOUR)

    def _population(self, images: bool) -> int:
        """How many things the rules looked at in the last sweep, each once: images, or all others."""
        looked_at = self.state.kept(POPULATION).get(POPULATION) or {}
        most: dict[str, int] = {}
        for rule in self.looker.rules:
            if (rule.type == tombs.IMAGE) == images:
                most[rule.type] = max(most.get(rule.type, 0), int(looked_at.get(rule.name, 0)))
        return sum(most.values())

    def _stand_ins(self, records: Sequence[Record]) -> list[Act]:
        """Acts that only count: what the caps say to as many."""
        return [
            Act(
                one.finding.resource_id, None, "count", "", "", {},
                one.finding.saving if one.finding.saving is not None else one.finding.monthly_cost,
                lambda hand: None, lambda body: None, lambda body: None, None, one.finding.owner,
            )
            for one in records
        ]  # fmt: skip

    # -- small things -------------------------------------------------------------------------------------------

    def time(self) -> datetime:
        """Now: the time at which the run began, and as long as it has lasted."""
        return self.now + timedelta(seconds=self.azure.time.monotonic() - self.started)

    def _wanted(self, records: Iterable[Record]) -> list[Record]:
        return [record for record in records if not self.only or record.number in self.only]

    def _first(self, record: Record) -> str:
        """Which step comes next in the life of a record."""
        return QUIET if record.finding.quiet and record.status != "quiet" else ACT

    def _action(self, record: Record) -> str:
        quiet = record.finding.quiet
        return str(quiet["action"]) if quiet and record.status != "quiet" else record.finding.action

    def _decision(self, record: Record) -> str:
        by = ", ".join(f"{vote.name} ({vote.oid})" for vote in record.votes if vote.says == "approve")
        return f"finding {record.number}, digest {record.finding.digest}, approved by {by}"

    def _say(self, record: Record, result: Result, what: str, why: str) -> None:
        self.lines.append(Line(record, result, what, why))


__all__ = ["Applied", "Busy", "Line", "apply", "key", "type_of"]
