"""Does what was approved: looked at again, with a tombstone, within the caps, one by one, and confirmed by reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops import approvals, tombstones
from finops.acts import Outcome, generation_of, is_image, perform, reconcile, state_of
from finops.acts.hand import thrown
from finops.approvals.moving import not_due
from finops.approvals.workdays import Workdays
from finops.errors import AzureError, FinopsError, NotFound
from finops.estate.generation import same_generation
from finops.estate.queries import ML_VERSION
from finops.jobs.run import Run
from finops.jobs.sweeping import tombs
from finops.jobs.sweeping.acting import QUIET, Deed, action_of, decision_of, first_step, nothing_to_take
from finops.jobs.sweeping.allowing import rehearsed
from finops.jobs.sweeping.applied import Applied, Line, Result
from finops.jobs.sweeping.bounds import Bounds
from finops.jobs.sweeping.checking import Check, check
from finops.jobs.sweeping.looking import Looker
from finops.jobs.sweeping.previewing import GIVES_BACK, previewed
from finops.jobs.sweeping.quieting import Watch, waits_for
from finops.jobs.sweeping.settling import Settled, settle
from finops.jobs.sweeping.tombs import QUIETED
from finops.jobs.sweeping.waiting import Waits, waiting
from finops.jobs.sweeping.wording import taking
from finops.state import Busy, Record

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.config.model import Settings
    from finops.state import State

WHO = "finops janitor apply"


def apply(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    execute: bool = False,
    step: Callable[[str], None] = lambda doing: None,
    only: Iterable[int] = (),
    stopping: Callable[[], bool] = lambda: False,
) -> Applied:
    """Do what is due; without `execute` only say what would be done. only: numbers of findings; none: all of them.

    stopping: asked between acts; once True, the one in hand is finished, and the rest keeps its approval
    """
    only = frozenset(only)
    for number in only:
        state.findings.get(number)  # raises where there is none
    if not execute:
        return _Run(azure, settings, state, now, step, only).rehearsed()
    with state.turn():
        step("Looking at what an earlier run left open")
        resolved = tuple(reconcile(azure, state, now, WHO))
        run = _Run(azure, settings, state, now, step, only, stopping=stopping)
        run.settled(settle(state, settings.janitor, now))
        run.watch()
        run.act()
        tombs.cleared(state, settings, run.time())
        return Applied(True, resolved, tuple(run.lines), run.waiting())


@dataclass
class _Run(Run):
    only: frozenset[int]
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings = rehearsed(self.settings, self.state)
        self.looker = Looker(self.azure, self.settings, self.state)
        self.checks: dict[int, Check] = {}
        self.over: list[Record] = []  # quiet ones whose days are over

    # -- what would be done -------------------------------------------------------------------------------------

    def rehearsed(self) -> Applied:
        """A dry run: everything is looked at, and nothing is changed, neither in Azure nor in what is remembered."""
        self.over = self._quiet_next()
        due = self._wanted([*self._ended(), *approvals.due(self.state, self.settings, self.now)])
        for record, seen in self._looked(due):
            quiet = first_step(record) == QUIET
            what = action_of(record)
            if seen.verdict == "same" and (why := waits_for(self.state, record)):
                self._say(record, "held", what, why)
            elif seen.verdict == "same":
                self._say(record, "would", f"{what}{' (quiet step)' if quiet else ''}", record.finding.why)
            else:
                self._say(record, "held" if seen.verdict == "unknown" else "void", what, seen.why)
        would = [one.record for one in self.lines if one.result == "would" and one.what != GIVES_BACK]
        held = self._bounds().refused(would, self.time())
        if stop := thrown(self.settings.janitor.kill_switch):
            held = {one.record.number: f"{stop} While it is, nothing is changed." for one in self.lines}
        self.lines = [
            replace(one, result="held", why=held[one.record.number])
            if one.result == "would" and one.record.number in held
            else one
            for one in self.lines
        ]
        return Applied(False, (), tuple(self.lines), self.waiting(), len(self.state.pending_intents()))

    def _quiet_next(self) -> list[Record]:
        """Says what would be done about quiet steps, but for those whose days are over: these come back."""
        ended = []
        for record, result, why in previewed(self.azure, self.state, self.looker, self.time()):
            if result == "over":
                ended.append(record)
            else:
                self._say(record, result, GIVES_BACK if result == "would" else "watch it", why)
        return ended

    def waiting(self) -> tuple[Waits, ...]:
        """What was approved and not tried, because its time has not come."""
        told = {one.record.number for one in self.lines}
        found = waiting(self.state, self.settings.janitor, self.time(), self.only)
        return tuple(one for one in found if one.record.number not in told)

    # -- quiet steps --------------------------------------------------------------------------------------------

    def settled(self, found: Iterable[Settled]) -> None:
        for one in found:
            self._say(one.record, one.result, "found out what became of it", one.why)

    def watch(self) -> None:
        """Look after what is quiet: take it back at a sign of life, or go on when its days are over."""
        if not self.state.kept(QUIETED):
            return
        self.step("Looking for signs of life")
        watch = Watch(self.azure, self.settings, self.state, self.looker, self.time(), self.stopping)
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
        # Before the tombstones: what is not done needs none, and an image's is as large as the image.
        held = self._bounds().refused(ready, self.time())
        if held:
            why = "; ".join(dict.fromkeys(held.values()))
            self.state.audit(WHO, "refused all", "", why, {"wanted": len(held)}, self.time())
        for record in ready:
            if record.number in held:
                self._say(record, "held", action_of(record), held[record.number])
        ready = [record for record in ready if record.number not in held]
        self.step("Writing tombstones")
        deeds = [deed for record in ready if (deed := self._prepared(record)) is not None]
        self.step("Acting")
        self._perform(deeds)

    def _ended(self) -> list[Record]:
        """Quiet records whose days are over, with no sign of life: the change itself comes next, in working hours."""
        if not Workdays(self.settings.janitor).working(self.time()):
            return []
        return [record for record in self.over if not not_due(record, self.settings.janitor, self.time())]

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
        what = action_of(record)
        if seen.verdict == "gone" and not self._is_gone(record):
            seen = Check("unknown", "A list does not show it, but it may still be there.")
        if seen.verdict == "unknown":
            self._say(record, "held", what, f"{seen.why} Its approval stands; it is tried again by the next run.")
            return
        try:
            if seen.verdict == "differs" and seen.finding is not None:
                # A look at a few resources does not ask what they cost, which may be what made the risk high.
                before = record.finding
                found = replace(seen.finding, monthly_cost=before.monthly_cost, saving=before.saving)
                if before.risk == "high":
                    found = replace(found, risk="high")
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
        return body is None or not same_generation(generation_of(body), record.finding.generation)

    def _prepared(self, record: Record) -> tuple[Deed, Json] | None:
        """The deed with its tombstone on the disk; None where there cannot be one: then nothing is done."""
        step = first_step(record)
        action = action_of(record)
        if why := waits_for(self.state, record):
            self._say(record, "held", action, f"{why} Its approval stands.")
            return None
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
        if step == QUIET and nothing_to_take(tomb.content):
            self._only_watched(record, action, tomb)
            return None
        deed = Deed(
            record, step, action, lambda fresh: self._agrees(record, action, tomb),
            lambda: self._enter(record, step, tomb), tomb.reference, decision_of(record),
        )  # fmt: skip
        return deed, body

    def _only_watched(self, record: Record, action: str, tomb: tombstones.Tombstone) -> None:
        """Begin a quiet step that has nothing to take away: nothing is sent, and its days begin."""
        if why := self._agrees(record, action, tomb):
            return self._not_done(record, self.checks.pop(record.number, Check("unknown", why)))
        why = "It has nothing that could be taken away: nothing is sent, and it is watched."
        try:
            self._enter(record, QUIET, tomb, why)
        except approvals.NotAllowed as refusal:
            return self._say(self.state.findings.get(record.number), "held", action, str(refusal))
        return self._say(self.state.findings.get(record.number), "done", action, why)

    def _agrees(self, record: Record, action: str, tomb: tombstones.Tombstone) -> str | None:
        """Asked just before the request: the whole look once more, and the tombstone holds what is there now."""
        if why := waits_for(self.state, record):  # since this run
            self.checks[record.number] = Check("unknown", why)
            return why
        [(_, seen)] = self._looked([record])
        if seen.verdict == "same" and tombs.differs(self.azure, self.settings, record, action, tomb):
            seen = Check("unknown", "It was changed while its tombstone was written.")
        if seen.verdict == "same":
            return None
        self.checks[record.number] = seen
        return seen.why

    def _enter(self, record: Record, step: str, tomb: tombstones.Tombstone, why: str = "") -> None:
        """Move the record on, on the disk, before the request leaves. Raises NotAllowed without a valid approval."""
        now = self.time()
        if step == QUIET and record.finding.quiet:
            why = why or taking(tomb.content)
            until = now + timedelta(days=record.finding.quiet["days"])
            self.state.keep(f"{QUIETED}{record.number}", tomb.reference, now)
            approvals.moved(
                self.state, record.number, "quiet", why, now, WHO, tombstone=tomb.reference, quiet_until=until,
                approved_until=until + timedelta(days=self.settings.janitor.approval_days),
            )  # fmt: skip
        else:
            why = f"{action_of(record)} is sent to Azure."
            approvals.moved(self.state, record.number, "acted", why, now, WHO, tombstone=tomb.reference)

    def _perform(self, deeds: Sequence[tuple[Deed, Json]]) -> None:
        acts = [(deed, deed.act(body)) for deed, body in deeds]
        if not acts:
            return
        by_act = {id(act): deed for deed, act in acts}
        for images in (False, True):
            these = [act for _, act in acts if is_image(act.resource_id) == images]
            mine = self._bounds().caps(images)
            outcomes = perform(
                these, self.azure, self.state, mine, self.time(), "", self.settings.janitor.kill_switch, WHO,
                lambda outcome: self._told(by_act[id(outcome.act)], outcome), self.stopping,
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
            self._drop(deed, record)
            self._not_done(record, seen or self._seen_by_act(outcome))
        else:
            self._drop(deed, record)
            self._say(record, "held", deed.action, f"{outcome.why} Its approval stands.")

    def _drop(self, deed: Deed, record: Record) -> None:
        """Nothing was sent, and nothing names its tombstone: the next try writes another one."""
        if deed.tombstone != record.tombstone:
            tombstones.remove(self.settings.janitor.tombstones, deed.tombstone.partition(" ")[0])

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

    def _bounds(self) -> Bounds:
        return Bounds(self.settings.janitor, self.state, self.looker.rules)

    # -- small things -------------------------------------------------------------------------------------------

    def _wanted(self, records: Iterable[Record]) -> list[Record]:
        return [record for record in records if not self.only or record.number in self.only]

    def _say(self, record: Record, result: Result, what: str, why: str) -> None:
        self.lines.append(Line(record, result, what, why))


__all__ = ["Applied", "Busy", "Line", "apply"]
