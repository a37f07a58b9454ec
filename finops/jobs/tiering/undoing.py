"""`finops tier undo`: our lifecycle rules out, tracking and inventory as they were; what others set stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops import approvals
from finops.acts import Act, Caps, Names, Resolved, perform, reconcile
from finops.acts.hand import thrown
from finops.acts.storage import INVENTORY, RULES, SERVICE, VERSION, part_of
from finops.approvals.whose import TIERING
from finops.errors import FinopsError, UsageError
from finops.estate.ids import key
from finops.jobs.run import Run
from finops.jobs.tiering import deeds
from finops.jobs.tiering.applied import RESULTS, Applied, Line
from finops.jobs.tiering.moves import WENT, Batch, cut, found_out, keep, left
from finops.jobs.tiering.past import changes
from finops.jobs.tiering.returning import way_back
from finops.tiering.account import account as account_of
from finops.tiering.policy import is_ours, rules_in, unmerged
from finops.tiering.singles import look_again

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.config.model import Settings
    from finops.state import Intent, State
    from finops.tiering.model import Account

WHO = "finops tier undo"


def undo(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    execute: bool = False,
    step: Callable[[str], None] = lambda doing: None,
    accounts: Iterable[str] = (),
    who: str = WHO,
) -> Applied:
    """Take back what tiering set on accounts; without `execute` only say what would be taken back.

    accounts: names; none: every account that tiering ever changed. Doing it again changes nothing more.
    """
    if not execute:
        return _Undo(azure, settings, state, now, step, list(accounts), who).carried_out(False, ())
    with state.turn():
        step("Looking at what an earlier run left open")
        resolved = tuple(reconcile(azure, state, now, who))
        found_out(azure, state, now)
        return _Undo(azure, settings, state, now, step, list(accounts), who).carried_out(True, resolved)


@dataclass
class _Undo(Run):
    names: list[str]
    who: str

    def carried_out(self, execute: bool, resolved: tuple[Resolved, ...]) -> Applied:
        lines: list[Line] = []
        for account_id, intents in self._changed().items():
            name = account_id.rpartition("/")[2]
            self.step(f"Looking at {name}")
            try:
                lines += self._one(account_id, intents, execute)
            except FinopsError as fault:
                lines.append(Line(name, "held", "undo", f"It could not be looked at: {fault}"))
        return Applied(execute, resolved, tuple(lines), len(self.state.pending_intents()))

    def _changed(self) -> dict[str, list[Intent]]:
        """What tiering did, or may have done, by account; oldest first."""
        found: dict[str, list[Intent]] = {}
        for intent in changes(self.state):
            found.setdefault(key(intent.resource_id), []).append(intent)
        wanted = [name.strip().lower().rpartition("/")[2] for name in self.names]
        known = {account_id.rpartition("/")[2]: account_id for account_id in found}
        for name in wanted:
            if name not in known:
                raise UsageError(f"Tiering never changed an account '{name}'.", _hint(known))
        return {known[name]: found[known[name]] for name in wanted} if wanted else found

    def _one(self, account_id: str, intents: list[Intent], execute: bool) -> list[Line]:
        found = account_of(self.azure.get(account_id, VERSION), None)
        wanted = [*self._rules(found), *self._tracking(found, intents), *self._inventory(found)]
        lines = [self._done(found, act) if execute else self._would(found, act) for act in wanted]
        lines += self._moves(found, intents, execute)
        if execute and all(line.result == "done" for line in lines):
            self._restored(account_id)
        return lines or [Line(found.name, "so", "undo", "Nothing of ours is left to take back.")]

    def _moves(self, account: Account, intents: list[Intent], execute: bool) -> Iterator[Line]:
        """Single blobs back to where they were, those that are still where we moved them."""
        storage = self.azure.storage(self.azure.get(account.id, VERSION))
        ready, _ = look_again(self.azure, storage, [one.back() for one in left(intents, self.state.kept(WENT))])
        # Bound to their time of writing again: an etag changes with more than the content.
        for batch in cut(self.azure, account, [replace(one, etag="") for one in ready]):
            costs = way_back(self.azure, account, batch.wanted, self.now, self.settings.tiering.currency)
            why = f"Move {len(batch.wanted):,} blobs back. {costs}"
            act = batch.act(why, {}, Decimal(0), self._decision(), None, gives_back=True)
            if not execute:
                yield self._would(account, act)
                continue
            line = self._done(account, act, batch)
            whole = line.result != "done" or batch.whole
            yield (
                line
                if whole and line.result != "done"
                else replace(line, result="done" if whole else "held", why=batch.says)
            )

    def _restored(self, account_id: str) -> None:
        """What was approved and done is undone now."""
        records, _, _ = self.state.findings.all(status="confirmed", rule=TIERING, limit=None)
        for record in records:
            if key(record.finding.resource_id) == account_id:
                said = "Our rules are out again, and single blobs are back."
                approvals.moved(self.state, record.number, "restored", said, self.now, self.who)

    def _rules(self, account: Account) -> list[Act]:
        policy = self.azure.state_of(f"{account.id}/managementPolicies/default", VERSION)
        seen = rules_in(policy)
        ours = [str(rule["name"]) for rule in seen if is_ours(rule, account.id)]
        if not ours:
            return []
        left = len(seen) - len(ours)
        why = f"Take out {', '.join(ours)}; {left} rules of others stay. What was moved stays where it is."
        wanted = unmerged(policy, account.id)
        return [deeds.rules_act(account, seen, wanted, why, {}, Decimal(0), self._decision(), gives_back=True)]

    def _tracking(self, account: Account, intents: list[Intent]) -> list[Act]:
        """Off again, if the last word on it was ours and it is on."""
        last = [one.action for one in intents if one.action in (deeds.TRACK, deeds.UNTRACK) and one.outcome == "done"]
        if last[-1:] != [deeds.TRACK] or not part_of(self.azure, account.id, SERVICE).get("tracking"):
            return []
        if self._counts_reads(account):
            return []
        return [deeds.tracking_act(account, False, "We turned it on.", {}, self._decision())]

    def _counts_reads(self, account: Account) -> bool:
        """Whether somebody else's rule counts from the last access by now: it would stand still."""
        found = part_of(self.azure, account.id, RULES).get("rules", ())
        theirs = [rule for rule in found if not is_ours(rule, account.id)]
        return "LastAccessTime" in str(theirs)

    def _inventory(self, account: Account) -> list[Act]:
        before = part_of(self.azure, account.id, INVENTORY)
        rules = list(before.get("rules") or ())
        theirs = [rule for rule in rules if rule.get("name") != deeds.OUR_RULE]
        if len(theirs) == len(rules):
            return []
        policy: Json | None = {**before, "rules": theirs} if theirs else None
        why = f"Take out {deeds.OUR_RULE}; {len(theirs)} rules of others stay, and the inventories that were written."
        return [deeds.inventory_act(account, before, policy, why, {}, self._decision(), gives_back=True)]

    def _would(self, account: Account, act: Act) -> Line:
        stop = thrown(self.settings.tiering.kill_switch)
        return Line(account.name, "held" if stop else "would", act.action, stop or act.why)

    def _done(self, account: Account, act: Act, batch: Batch | None = None) -> Line:
        caps = Caps(1, 100, None, None, 1, names=Names().of("tiering"))
        [outcome] = perform(
            [act], self.azure, self.state, caps, self.now, self._decision(), self.settings.tiering.kill_switch, self.who
        )
        keep(self.state, outcome.intent, batch, self.now)
        return Line(account.name, RESULTS[outcome.result], act.action, outcome.why)

    def _decision(self) -> str:
        return f"undo of tiering, asked for by {self.who}"


def _hint(known: Iterable[str]) -> str:
    return f"It changed: {', '.join(sorted(known)) or 'none'}."
