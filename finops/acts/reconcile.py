"""First thing of every run: what became of intents whose outcome nobody wrote down, found out by reading."""

from __future__ import annotations

from datetime import datetime, timedelta

from finops.cloud import Azure
from finops.errors import AzureError
from finops.state import Intent, State, digest

from .manifests import state_of
from .model import Resolved
from .verdict import differs, verdict

# A request that left just before a crash may reach Azure after we are back: what reads "not done" is read once more.
LANDING_SECONDS = 15.0
LANDED = timedelta(hours=1)


def reconcile(azure: Azure, state: State, now: datetime, who: str = "finops") -> list[Resolved]:
    """Every intent that was open, with what reading says. What cannot be read stays open, and blocks its workspace.

    finops.state.Busy while another run changes Azure: its intents are its own.
    """
    with state.turn():
        return [_resolved(azure, state, intent, now, who) for intent in state.pending_intents()]


def _resolved(azure: Azure, state: State, intent: Intent, now: datetime, who: str) -> Resolved:
    outcome, why, read = _read(azure, intent)
    if outcome == "not-done" and abs(now - intent.opened_at) < LANDED:
        azure.time.sleep(LANDING_SECONDS)
        outcome, why, read = _read(azure, intent)
    if outcome is not None:
        state.close_intent(intent.number, outcome, f"Read afterwards: {why}", now, who, {"read": read})
    return Resolved(intent, outcome, why)


def _read(azure: Azure, intent: Intent) -> tuple[str | None, str, str | None]:
    """The outcome, why, and the digest of what was read."""
    try:
        body = state_of(azure, intent.resource_id, intent.api_version, intent.afterwards)
    except AzureError as fault:
        return None, f"It could not be read: {fault.what}", None
    said = differs(intent.afterwards, body)
    return *verdict(intent.generation, intent.afterwards is None, said, body), digest(body)
