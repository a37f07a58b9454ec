"""What tiering did before, by its intents: what became of a request, when an account was taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.approvals.whose import of_janitor
from finops.estate.ids import key
from finops.jobs.tiering.deeds import MOVE_BACK, SET_RULES, TAKE_RULES, TIERING

if TYPE_CHECKING:
    from finops.state import Intent, Record, State


# The decision of acts by which tiering itself takes out rules that take what is protected by now.
PROTECTS = "what is protected is not moved"


def changes(state: State, account_id: str = "") -> list[Intent]:
    """The changes of tiering, oldest first; of one account, or of all."""
    return [
        intent
        for intent in state.intents_since(datetime.min.replace(tzinfo=UTC))
        if intent.rule.startswith(TIERING) and (not account_id or key(intent.resource_id) == key(account_id))
    ]


def undone_at(state: State, account_id: str) -> datetime | None:
    """When people had rules or moves of an account taken back last; None: never."""
    back = [
        one for one in changes(state, account_id) if one.action in (TAKE_RULES, MOVE_BACK) and one.decision != PROTECTS
    ]
    return back[-1].opened_at if back else None


def set_for(state: State, account_id: str) -> Decimal:
    """What the rules in force were to save a month when they were set; 0 where that is not known."""
    told = [one.saving for one in changes(state, account_id) if one.action == SET_RULES and one.outcome == "done"]
    return Decimal(told[-1]) if told and told[-1] else Decimal(0)


def settled(state: State) -> Iterator[tuple[Record, Literal["confirmed", "failed", ""], str]]:
    """Requests that were left in the middle, with the status that their intents tell of; "": it is not known yet."""
    left, _, _ = state.findings.all(status="acted", limit=None)
    mine = [record for record in left if not of_janitor(record)]
    for record in mine:
        told = [
            one for one in changes(state, record.finding.resource_id) if one.evidence.get("record") == record.number
        ]
        if not told:
            yield record, "failed", "No request for it was written down, so none was sent."
        elif any(one.outcome is None for one in told):
            yield record, "", "What became of it cannot be read yet."
        elif any(one.outcome == "done" for one in told):
            yield record, "confirmed", told[-1].outcome_why or "It was read to be done."
        else:
            yield record, "failed", f"{told[-1].outcome}: {told[-1].outcome_why}"
