"""Which rules may act: one that would have deleted what was used later stays in mode ask."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from finops import janitor
from finops.janitor.model import Json, Mode
from finops.janitor.rehearsal import Rehearsal, kept_form, refusal

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

KEPT = "janitor/rehearsed/"


def remember(state: State, rehearsal: Rehearsal, now: datetime) -> Json:
    """What is kept of it: it is asked for where the mode act is read."""
    kept = kept_form(rehearsal, now)
    state.keep(KEPT + rehearsal.rule, kept, now)
    return kept


def refusals(settings: Settings, state: State) -> dict[str, str]:
    """The rules that are to act but may not, by name, and why: too much of what they would delete was used later."""
    kept = state.kept(KEPT)
    told = {
        rule.name: refusal(rule, kept.get(KEPT + rule.name), settings.janitor.max_regret_percent)
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
