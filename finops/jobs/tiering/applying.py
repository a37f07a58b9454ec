"""`finops tier apply`: plan each account anew, and do what the settings, or people, allow; through acts only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops import approvals, estate
from finops.acts import STOPPING, Act, Caps, Names, Outcome, over, perform, reconcile
from finops.acts.hand import thrown
from finops.acts.storage import ACCOUNTS, CONTAINER, INVENTORY, part_of, plain
from finops.approvals import APPROVED
from finops.approvals.whose import TIERING
from finops.errors import AzureError, DataError
from finops.estate.ids import key
from finops.jobs.run import Run
from finops.jobs.sweeping.telling import tell
from finops.jobs.tiering import deeds
from finops.jobs.tiering.applied import RESULTS, Applied, Line, Result
from finops.jobs.tiering.asking import ask, due, no_more, owner_of, wanted_of
from finops.jobs.tiering.moves import Batch, bytes_of, cut, found_out, keep, moved_since, said
from finops.jobs.tiering.overreach import UNTOLD, closed_to, too_much, without
from finops.jobs.tiering.past import PROTECTS, not_wanted, set_for, settled, undone_at
from finops.jobs.tiering.planning import reckoned, seen_of
from finops.jobs.tiering.proposing import Proposal, dear, in_force, proposal
from finops.jobs.tiering.standing import as_approved, good_enough
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.looking import everything_read
from finops.tiering.policy import rules_in
from finops.tiering.yields import closings

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.config.model import Settings
    from finops.estate import Estate
    from finops.state import Record, State
    from finops.tiering.looking import Seen
    from finops.tiering.plan import TierPlan
    from finops.tiering.readers import Reading

WHO = "finops tier apply"
HOUR = timedelta(hours=1)


def apply(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    execute: bool = False,
    step: Callable[[str], None] = lambda doing: None,
    accounts: Iterable[str] = (),
    paths: Sequence[Path] = (),
    protect: Sequence[str] = (),
    *,
    only: Collection[str] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Applied:
    """Do what may be done; without `execute` only say what would be.

    accounts: names; none: every account whose mode is not off. paths: of the inventory of the only one
    only: no others are looked at, and nobody named them. stopping: once True, the rest is left as by a run that died
    """
    names = list(accounts)
    if not execute:
        return _Run(azure, settings, state, now, step, names, paths, protect, False).rehearsed()
    with state.turn():
        step("Looking at what an earlier run left open")
        resolved = tuple(reconcile(azure, state, now, WHO))
        found_out(azure, state, now)
        approvals.lapsed(state, now)
        run = _Run(azure, settings, state, now, step, names, paths, protect, True, chosen=only, stopping=stopping)
        run.settle()
        run.act()
        mails = tell(state, settings, run.time())
        return Applied(True, resolved, tuple(run.lines), len(state.pending_intents()), mails.mails, mails.problems)


@dataclass(frozen=True)
class Deed:
    """One act that is wanted."""

    account: str
    act: Act
    proposed: Proposal | None = None
    finding: int = 0
    batch: Batch | None = None


@dataclass
class _Run(Run):
    names: list[str]
    paths: Sequence[Path]
    protect: Sequence[str]
    execute: bool
    lines: list[Line] = field(default_factory=list)
    outcomes: list[tuple[Deed, Line]] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    population: int = 0
    entered: set[int] = field(default_factory=set)  # findings whose approval this run has used up
    broken: dict[int, tuple[str, str]] = field(default_factory=dict)  # approved, and not all sent: how they stand
    narrowed: set[str] = field(default_factory=set)  # accounts that rules of ours are taken out of, by their ids
    chosen: Collection[str] | None = None  # names of accounts: no others are looked at
    left: set[int] = field(default_factory=set)  # findings of which something was not begun

    # -- the two kinds of run -----------------------------------------------------------------------------------

    def rehearsed(self) -> Applied:
        """A dry run: everything is looked at, and nothing is changed, neither in Azure nor in what is remembered."""
        self._look()
        held = thrown(self.settings.tiering.kill_switch) or self._over()
        for deed in self.deeds:
            self._say(deed, "held" if held else "would", held or deed.act.why)
        return Applied(False, (), tuple(self.lines), len(self.state.pending_intents()))

    def settle(self) -> None:
        """Bring requests that a run was broken off on to where their intents say that they belong."""
        working = approvals.Workdays(self.settings.janitor).working(self.time())
        for record, status, why, more in settled(self.state, self.time()):
            if more and working:
                self.entered.add(record.number)
                self.broken[record.number] = status, why
            elif status:
                approvals.moved(self.state, record.number, status, why, self.time(), WHO)
            result: Result = "done" if status == "confirmed" else "failed" if status else "unknown"
            name = record.finding.resource_id.rpartition("/")[2]
            self.lines.append(Line(name, result, "found out what became of it", why, None, record.number))

    def act(self) -> None:
        self._look()
        if why := self._over():
            self.state.audit(WHO, "refused all", "", why, {"wanted": len(self.deeds)}, self.time())
            for deed in self.deeds:
                self._say(deed, "held", why)
            return
        if self.deeds:
            self.step("Acting")
        for deed in self.deeds:  # each by itself: what Azure refuses to one account does not stop the others
            if self.stopping():
                self.left.add(deed.finding)
                self._say(deed, "held", STOPPING)
                continue
            own = self.settings.tiering
            caps = replace(self._caps(), max_count=1, population=max(self.population, 1))
            [outcome] = perform(
                [deed.act], self.azure, self.state, caps, self.time(), deed.act.decision, own.kill_switch, WHO
            )
            keep(self.state, outcome.intent, deed.batch, self.time())
            self._told(deed, outcome)
        self._closed()

    # -- what is wanted -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.step("Reading the estate")
        found = estate.read(self.azure, self.now)
        names = self._accounts(found)
        self.population = len(names)
        read = everything_read(self.azure, found) if names else None
        for name in names:
            self.step(f"Planning {name}")
            try:
                self._one(found, name, read)
            except (DataError, AzureError) as fault:
                self.lines.append(Line(name, "refused", "plan", str(fault)))

    def _accounts(self, found: Estate) -> list[str]:
        """The accounts that are looked at: those that are named, else every one that is not off."""
        known = {each.id.rpartition("/")[2]: each.id for each in found.of_type(ACCOUNTS)}
        if self.names:
            return [name.strip().lower().rpartition("/")[2] for name in self.names]
        on = [name for name, whole in sorted(known.items()) if self.settings.tiering.mode_of(whole) != "off"]
        if self.chosen is not None:
            on = [name for name in on if name in self.chosen]
        if self.paths and len(on) != 1:
            raise DataError(f"--inventory was given, and there are {len(on)} accounts.", "Name one: --account NAME.")
        return on

    def _one(self, found: Estate, name: str, read: Reading | None) -> None:
        seen = seen_of(self.azure, self.settings, found, name, self.now, self.protect, read)
        mode = self.settings.tiering.mode_of(seen.account.id)
        known = closed_to(seen.policy, seen.account.id, seen.protected)
        taken = too_much(seen.policy, seen.account.id, known, UNTOLD if seen.unresolved else "")
        if mode == "off":
            self._takes_out(seen, taken, mode)
            self.lines.append(Line(name, "listed", "plan", "Its mode is off: tiering leaves it alone."))
            return
        if mode in ("ask", "enforce"):
            self._set_up(seen)
        try:
            with reckoned(self.azure, seen, self.paths, self.now) as made:
                closed = closings(made.optimum, seen.protected)
                taken = too_much(seen.policy, seen.account.id, closed, made.plan.no_archive)
                moved = moved_since(self.state, seen.account.id, made.plan.as_of)
                proposed = proposal(made, self.settings.tiering.small_account, moved)
                standing = self._standing(seen.account.id)
                if standing and standing.get("rules") != proposed.rules and not proposed.singles and proposed.rules:
                    proposed = as_approved(made, standing) or proposed
                set_at = set_for(self.state, seen.account.id)
                enough = not taken and proposed.rules and not standing and good_enough(made, set_at)
        finally:  # without a plan, too: whatever keeps us from one protects no less
            self._takes_out(seen, taken, mode)
        if enough and not proposed.plan.refusals:
            self._line(proposed, "so", deeds.SET_RULES, "The rules in force are nearly as good.")
        elif not (seen.account.id in self.narrowed and proposed.nothing):
            self._wants(proposed, mode, owner_of(found, seen.account.id))

    def _standing(self, account_id: str) -> Mapping[str, Any]:
        """The evidence of the request that people have before them, {} where there is none."""
        number = self.state.findings.alive().get((TIERING, key(account_id)))
        record = self.state.findings.get(number) if number else None
        return record.finding.evidence if record and record.status in {"asked", "pending", "acted", *APPROVED} else {}

    def _set_up(self, seen: Seen) -> None:
        """What the settings ask for besides rules: last access tracking, and an inventory."""
        own, account = self.settings.tiering, seen.account
        if own.tracking and not account.tracking:
            why = "tiering.tracking asks for it: without it nobody knows what is read."
            act = deeds.tracking_act(account, True, why, {}, "tiering.tracking in the settings")
            self.deeds.append(Deed(account.name, act))
        if own.inventory is None:
            return
        decision = "tiering.inventory in the settings"
        before = part_of(self.azure, account.id, INVENTORY)
        rule = deeds.inventory_rule(account, own.inventory)
        rules = list(before.get("rules") or ())
        theirs = [each for each in rules if each.get("name") != deeds.OUR_RULE]
        if plain(rule) in plain(rules):
            return
        if not part_of(self.azure, account.id, f"{CONTAINER}{own.inventory}"):
            why = f"The inventory is written into the container {own.inventory}."
            self.deeds.append(Deed(account.name, deeds.container_act(account, own.inventory, why, {}, decision)))
        policy: Json = {"enabled": True, "type": "Inventory", **before, "rules": [*theirs, rule]}
        why = f"A daily inventory into {own.inventory}; the {len(theirs)} rules of others stay as they are."
        self.deeds.append(Deed(account.name, deeds.inventory_act(account, before, policy, why, {}, decision)))

    def _wants(self, proposed: Proposal, mode: str, owner: str) -> None:
        made, what = proposed.plan, deeds.MOVE if proposed.singles else deeds.SET_RULES
        account_id = proposed.seen.account.id
        if made.refusals:
            self._line(proposed, "refused", what, " ".join(made.refusals))
        elif proposed.nothing:
            self._ends(account_id, "Nothing is to be moved: nothing would save more than it costs.", proposed, what)
        elif in_force(proposed):
            self._ends(account_id, "These rules are in force already.", proposed, what)
        elif mode == "list":
            self._line(proposed, "listed", what, f"Its mode is list. {proposed.says}")
        elif why := self._early(made) or dear(proposed, self.settings.tiering):
            self._line(proposed, "held", what, why)
        elif why := self._undone(proposed):
            self._line(proposed, "so", what, why)
        elif mode == "ask" or proposed.archives:
            self._asks(proposed, what, owner)
        elif why := not_wanted(self.state, proposed.seen, self.now, bool(self.names)):
            self._line(proposed, "so", what, why)
        else:
            self._does(proposed, f"tiering.mode enforce for {account_id}, plan {made.fingerprint}")

    def _asks(self, proposed: Proposal, what: str, owner: str) -> None:
        """Do what was approved and is due; ask about the rest. A dry run writes nothing down."""
        if self.execute:
            record = ask(self.state, self.settings, self.time(), proposed, owner)
        else:
            number = self.state.findings.alive().get((TIERING, key(proposed.seen.account.id)))
            if number is None:
                self._line(proposed, "asks", what, f"It needs an approval: --execute asks for it. {proposed.says}")
                return
            record = self.state.findings.get(number)
        broken = record.number in self.broken
        if (broken or not self.execute) and (why := proposed.still(record.finding.evidence)):
            self._line(proposed, "asks", what, f"It needs an approval again, for {why}.", record.number)
        elif why := "" if broken else due(record, self.settings, self.time()):
            self._line(proposed, "asks", what, why, record.number)
        else:
            by = ", ".join(f"{vote.name} ({vote.oid})" for vote in record.votes if vote.says == "approve")
            decision = f"finding {record.number}, digest {record.finding.digest}, approved by {by}"
            wanted = wanted_of(self.state, record, proposed)
            if proposed.singles and not wanted.singles:
                why = "Of the blobs that were approved none is to be moved any more; the next run asks about others."
                self._ends(proposed.seen.account.id, why, proposed, what)
            else:
                self._does(wanted, decision, record)

    def _does(self, proposed: Proposal, decision: str, record: Record | None = None) -> None:
        enter = (lambda: self._enter(record.number)) if record else None
        number = record.number if record else 0
        evidence = proposed.evidence | ({"record": number} if number else {})
        seen, made, month = proposed.seen, proposed.plan, proposed.sum("month")
        if seen.account.id in self.narrowed:
            what = deeds.MOVE if proposed.singles else deeds.SET_RULES
            self._line(proposed, "so", what, "Rules of ours are taken out first; the next run plans with that.", number)
            return
        if proposed.singles:
            of = max(bytes_of(proposed.singles), 1)
            for batch in cut(self.azure, seen.account, proposed.singles):
                saving = (month * bytes_of(batch.wanted) / of).quantize(Decimal("0.000001"))
                act = batch.act(proposed.says, evidence, saving, decision, enter)
                self.deeds.append(Deed(proposed.name, act, proposed, number, batch))
            return
        act = deeds.rules_act(
            seen.account, rules_in(seen.policy), made.policy, proposed.says, evidence, month, decision,
            enter=enter,
        )  # fmt: skip
        self.deeds.append(Deed(proposed.name, act, proposed, number))

    def _takes_out(self, seen: Seen, taken: Mapping[str, Sequence[Mapping[str, Any]]], mode: str) -> None:
        """To move less needs nobody's word, so it comes before anything that people are asked about."""
        if not taken:
            return
        why = " ".join(f"{why}: {', '.join(str(each['name']) for each in some)}." for why, some in taken.items())
        if mode not in ("ask", "enforce"):
            said = f"{why} Its mode is {mode}: they stay in force. `finops tier undo` takes all of ours out."
            self.lines.append(Line(seen.account.name, "listed", deeds.TAKE_RULES, said))
            return
        out = [rule for some in taken.values() for rule in some]
        act = deeds.rules_act(
            seen.account, rules_in(seen.policy), without(seen.policy, out), why, {}, Decimal(0), PROTECTS,
            gives_back=True,
        )  # fmt: skip
        self.narrowed.add(seen.account.id)
        self.deeds.append(Deed(seen.account.name, act))

    def _enter(self, number: int) -> None:
        """The approval is used up, on the disk, before the first request leaves."""
        now = self.time()
        record = self.state.findings.get(number)
        if record.status == "acted" and number in self.entered:
            return  # by an earlier batch of the same run
        self.entered.add(number)
        if record.status == "approved":
            said = "The grace is over and people are at work."
            approvals.moved(self.state, record.number, "scheduled", said, now, WHO)
        approvals.moved(self.state, record.number, "acted", "The request is sent to Azure.", now, WHO)

    def _ends(self, account_id: str, why: str, proposed: Proposal, what: str) -> None:
        if self.execute:
            no_more(self.state, account_id, why, self.time())
        self._line(proposed, "so", what, why)

    def _early(self, made: TierPlan) -> str:
        if not self.settings.tiering.tracking or made.basis == LAST_ACCESS:
            return ""
        return "Reads are not in the inventory yet: it waits until they have been noted for 30 days."

    def _undone(self, proposed: Proposal) -> str:
        """That people took it back lately: nothing does it again by itself. Whoever names the account means it."""
        if self.names:
            return ""
        last = undone_at(self.state, proposed.seen.account.id)
        until = last + timedelta(days=self.settings.janitor.snooze_days) if last else None
        if last is None or until is None or until <= self.now:
            return ""
        said = f"It was taken back on {last:%d %B %Y}, and is left alone until {until:%d %B %Y}."
        return f"{said} Sooner: --account {proposed.name}"

    # -- limits and telling -------------------------------------------------------------------------------------

    def _caps(self) -> Caps:
        own = self.settings.tiering
        names = Names().of("tiering")
        return Caps(own.max_acts, 100, None, own.max_monthly_money, self.population, own.max_per_hour, names)

    def _over(self) -> str | None:
        return over([deed.act for deed in self.deeds], self._caps(), self.state.acts_since(self.now - HOUR))

    def _told(self, deed: Deed, outcome: Outcome) -> None:
        result, why = RESULTS[outcome.result], outcome.why
        if deed.proposed is None and result == "done":
            why = deed.act.why  # that it is so now, the result says
        if deed.batch is not None and result == "done":
            result, why = "done" if deed.batch.whole else "held", deed.batch.says
        self._say(deed, result, why)

    def _closed(self) -> None:
        """What was approved and sent is over: done, as far as anything of it was; else it failed."""
        for number in sorted(self.entered):
            mine = [(deed, line) for deed, line in self.outcomes if deed.finding == number]
            unknown = number in self.left or any(one.result == "unknown" for _, one in mine)
            if self.state.findings.get(number).status != "acted" or unknown:
                continue  # the next run goes on with it
            before, told = self.broken.get(number, ("failed", ""))
            done = any(one.result == "done" or (deed.batch and deed.batch.done) for deed, one in mine)
            sent = [deed.batch for deed, _ in mine if deed.batch and deed.batch.ended]
            others = dict.fromkeys(one.why for deed, one in mine if not (deed.batch and deed.batch.ended))
            rest = "Of what a run that was broken off had left: " if told and sent else ""
            why = " ".join([*([rest + said(sent)] if sent else []), *others]) or told
            done = done or before == "confirmed"
            approvals.moved(self.state, number, "confirmed" if done else "failed", why, self.time(), WHO)

    def _say(self, deed: Deed, result: Result, why: str) -> None:
        self.lines.append(Line(deed.account, result, deed.act.action, why, deed.proposed, deed.finding))
        self.outcomes.append((deed, self.lines[-1]))

    def _line(self, proposed: Proposal, result: Result, what: str, why: str, number: int = 0) -> None:
        self.lines.append(Line(proposed.name, result, what, why, proposed, number))
