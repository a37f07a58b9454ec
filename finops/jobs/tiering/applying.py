"""`finops tier apply`: plan each account anew, and do what the settings, or people, allow; through acts only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from finops import estate
from finops.acts import Act, Caps, Names, Outcome, over, perform, reconcile
from finops.acts.hand import thrown
from finops.acts.storage import ACCOUNTS, CONTAINER, INVENTORY, part_of, plain
from finops.errors import AzureError, DataError
from finops.jobs.tiering import deeds
from finops.jobs.tiering.applied import Applied, Line, Result
from finops.jobs.tiering.planning import reckoned, seen_of
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.policy import rules_in

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.config.model import Settings
    from finops.estate import Estate
    from finops.state import State
    from finops.tiering.looking import Seen
    from finops.tiering.model import Protected
    from finops.tiering.plan import TierPlan

WHO = "finops tier apply"
HOUR = timedelta(hours=1)
RESULTS: dict[str, Result] = {
    "done": "done", "refused": "held", "changed-since": "held", "failed": "failed", "unknown": "unknown",
}  # fmt: skip


def apply(
    azure: Azure,
    settings: Settings,
    state: State,
    now: datetime,
    execute: bool = False,
    step: Callable[[str], None] = lambda doing: None,
    accounts: Iterable[str] = (),
    paths: Sequence[Path] = (),
    protect: Sequence[Protected] = (),
) -> Applied:
    """Do what may be done; without `execute` only say what would be.

    accounts: names; none: every account whose mode is not off. paths: of the inventory of the only one
    """
    names = list(accounts)
    if not execute:
        return _Run(azure, settings, state, now, step, names, paths, protect).rehearsed()
    with state.turn():
        step("Looking at what an earlier run left open")
        resolved = tuple(reconcile(azure, state, now, WHO))
        run = _Run(azure, settings, state, now, step, names, paths, protect)
        run.act()
        return Applied(True, resolved, tuple(run.lines), len(state.pending_intents()))


@dataclass(frozen=True)
class Deed:
    """One act that is wanted."""

    account: str
    act: Act
    plan: TierPlan | None = None


@dataclass
class _Run:
    azure: Azure
    settings: Settings
    state: State
    now: datetime
    step: Callable[[str], None]
    names: list[str]
    paths: Sequence[Path]
    protect: Sequence[Protected]
    lines: list[Line] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    population: int = 0

    def __post_init__(self) -> None:
        self.started = self.azure.time.monotonic()

    # -- the two kinds of run -----------------------------------------------------------------------------------

    def rehearsed(self) -> Applied:
        """A dry run: everything is looked at, and nothing is changed, neither in Azure nor in what is remembered."""
        self._look()
        held = thrown(self.settings.tiering.kill_switch) or self._over()
        for deed in self.deeds:
            self._say(deed, "held" if held else "would", held or deed.act.why)
        return Applied(False, (), tuple(self.lines), len(self.state.pending_intents()))

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
            own = self.settings.tiering
            caps = replace(self._caps(), max_count=1, population=max(self.population, 1))
            [outcome] = perform(
                [deed.act], self.azure, self.state, caps, self.time(), deed.act.decision, own.kill_switch, WHO
            )
            self._told(deed, outcome)

    # -- what is wanted -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.step("Reading the estate")
        found = estate.read(self.azure, self.now)
        names = self._accounts(found)
        self.population = len(names)
        for name in names:
            self.step(f"Planning {name}")
            try:
                self._one(found, name)
            except (DataError, AzureError) as fault:
                self.lines.append(Line(name, "refused", "plan", str(fault)))

    def _accounts(self, found: Estate) -> list[str]:
        """The accounts that are looked at: those that are named, else every one that is not off."""
        known = {each.id.rpartition("/")[2]: each.id for each in found.of_type(ACCOUNTS)}
        if self.names:
            return [name.strip().lower().rpartition("/")[2] for name in self.names]
        on = [name for name, whole in sorted(known.items()) if self.settings.tiering.mode_of(whole) != "off"]
        if self.paths and len(on) != 1:
            raise DataError(f"--inventory was given, and there are {len(on)} accounts.", "Name one: --account NAME.")
        return on

    def _one(self, found: Estate, name: str) -> None:
        seen = seen_of(self.azure, self.settings, found, name, self.now, self.protect)
        mode = self.settings.tiering.mode_of(seen.account.id)
        if mode == "off":
            self.lines.append(Line(name, "listed", "plan", "Its mode is off: tiering leaves it alone."))
            return
        if mode in ("ask", "enforce"):
            self._set_up(seen)
        with reckoned(self.azure, seen, self.paths, self.now) as made:
            self._wants(seen, made.plan, mode)

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

    def _wants(self, seen: Seen, made: TierPlan, mode: str) -> None:
        name = seen.account.name
        if made.refusals:
            self.lines.append(Line(name, "refused", deeds.SET_RULES, " ".join(made.refusals), made))
        elif not made.rules:
            why = "Nothing is to be moved: no rule would save more than it costs."
            self.lines.append(Line(name, "so", deeds.SET_RULES, why, made))
        elif plain(made.policy or {}) == plain({"rules": rules_in(seen.policy)}):
            self.lines.append(Line(name, "so", deeds.SET_RULES, "These rules are in force already.", made))
        elif mode == "list":
            self.lines.append(Line(name, "listed", deeds.SET_RULES, f"Its mode is list. {told(made)}", made))
        elif why := self._early(made) or self._dear(made):
            self.lines.append(Line(name, "held", deeds.SET_RULES, why, made))
        else:
            decision = f"tiering.mode {mode} for {seen.account.id}, plan {made.fingerprint}"
            self.deeds.append(Deed(name, _act(seen, made, decision), made))

    def _early(self, made: TierPlan) -> str:
        if not self.settings.tiering.tracking or made.basis == LAST_ACCESS:
            return ""
        return "Reads are not in the inventory yet: it waits until they have been noted for 30 days."

    def _dear(self, made: TierPlan) -> str:
        own = self.settings.tiering
        if own.max_once is not None and made.once > own.max_once:
            said = f"Moving costs {made.once:,.2f} {made.currency} once; the limit is {own.max_once}."
            return f"{said} Raise tiering.max_once if this is right."
        if own.max_worst is not None and made.worst > own.max_worst:
            said = f"Reading all of it back would cost {made.worst:,.2f} {made.currency}; the limit is {own.max_worst}."
            return f"{said} Raise tiering.max_worst if this is right."
        return ""

    # -- limits and telling -------------------------------------------------------------------------------------

    def _caps(self) -> Caps:
        own = self.settings.tiering
        names = Names().of("tiering")
        return Caps(own.max_acts, 100, None, own.max_monthly_money, self.population, own.max_per_hour, names)

    def _over(self) -> str | None:
        return over([deed.act for deed in self.deeds], self._caps(), self.state.acts_since(self.now - HOUR))

    def _told(self, deed: Deed, outcome: Outcome) -> None:
        self._say(deed, RESULTS[outcome.result], outcome.why)

    def _say(self, deed: Deed, result: Result, why: str) -> None:
        self.lines.append(Line(deed.account, result, deed.act.action, why, deed.plan))

    def time(self) -> datetime:
        """Now: the time at which the run began, and as long as it has lasted."""
        return self.now + timedelta(seconds=self.azure.time.monotonic() - self.started)


def _act(seen: Seen, made: TierPlan, decision: str) -> Act:
    evidence: Json = {
        "plan": made.fingerprint, "rules": [rule.body() for rule in made.rules], "basis": made.basis,
        "bytes": made.moved_bytes, "blobs": made.moved_blobs, "currency": made.currency, "month": str(made.month),
        "once": str(made.once), "worst": str(made.worst), "stored": made.bytes, "asOf": made.as_of.isoformat(),
    }  # fmt: skip
    return deeds.rules_act(seen.account, rules_in(seen.policy), made.policy, told(made), evidence, made.month, decision)


def told(made: TierPlan) -> str:
    some = "1 rule moves" if len(made.rules) == 1 else f"{len(made.rules)} rules move"
    return (
        f"{some} {made.moved_blobs:,} blobs; saves {made.month:,.2f} {made.currency} a month, costs {made.once:,.2f} "
        f"once, {made.worst:,.2f} if all of it is read back."
    )
