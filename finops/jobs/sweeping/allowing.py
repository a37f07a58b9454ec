"""Which rules may act: one that would have deleted what was used later stays in mode ask."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops import janitor
from finops.janitor.model import Json, Mode
from finops.janitor.rehearsal import Rehearsal, kept_form, refusal

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

KEPT = "janitor/rehearsed/"
LIFTS = "liftedAfterSeconds"  # how long one must have looked to take its place, if not as long as it did itself


def remember(state: State, rehearsal: Rehearsal, now: datetime) -> Json:
    """What is kept of it: it is asked for where the mode act is read.

    What was used later is not forgotten for a rehearsal that could not have seen it: one that is not whole, that would
    have done nothing, or that looked for a shorter time. So what is given back may be of an earlier one.
    """
    kept = kept_form(rehearsal, now)
    before = _kept(state, rehearsal.rule, rehearsal.digest)
    if before and Decimal(before["regretPercent"]):
        longest = max(_seconds(kept), before.get(LIFTS, _seconds(before)))
        if not (rehearsal.complete and rehearsal.acted and _seconds(kept) >= longest):
            if Decimal(kept["regretPercent"]) <= Decimal(before["regretPercent"]):
                return before
            kept[LIFTS] = longest
    state.keep(f"{KEPT}{rehearsal.rule}/{rehearsal.digest}", kept, now)
    return kept


def _seconds(kept: Json) -> float:
    """How long it looked."""
    return (datetime.fromisoformat(kept["to"]) - datetime.fromisoformat(kept["from"])).total_seconds()


def _kept(state: State, rule: str, digest: str) -> Json | None:
    """The rehearsal that counts of a rule as it is; before they were kept by digest, there was one a rule."""
    kept = state.kept(f"{KEPT}{rule}")
    found: Json | None = kept.get(f"{KEPT}{rule}/{digest}") or kept.get(f"{KEPT}{rule}")
    return found if found and found.get("digest") == digest else None


def refusals(settings: Settings, state: State) -> dict[str, str]:
    """The rules that are to act but may not, by name, and why: too much of what they would delete was used later."""
    told = {
        rule.name: refusal(rule, _kept(state, rule.name, rule.digest), settings.janitor.max_regret_percent)
        for rule in janitor.rules(janitor.folders(settings), settings.janitor)
        if rule.mode == "act"
    }
    return {name: why for name, why in told.items() if why}


def rehearsed(settings: Settings, state: State) -> Settings:
    """The settings, with each rule that may not act in mode ask."""
    refused = refusals(settings, state)
    return with_mode(settings, refused, "ask") if refused else settings


def with_mode(settings: Settings, names: Iterable[str], mode: Mode) -> Settings:
    """The settings with some rules in another mode."""
    from finops.config.model import RuleSettings

    own = settings.janitor.rules
    changed = {name: own.get(name, RuleSettings()).model_copy(update={"mode": mode}) for name in names}
    held = settings.janitor.model_copy(update={"rules": {**own, **changed}})
    return settings.model_copy(update={"janitor": held})
