"""What tiering did before, by its intents: what became of a request, when an account was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.acts.storage import RULES, parts_in, plain
from finops.approvals import WORDS
from finops.approvals.votes import ASIDE
from finops.approvals.whose import TIERING as TIERING_RULE
from finops.approvals.whose import of_janitor
from finops.estate.ids import key
from finops.jobs.tiering.deeds import MOVE_BACK, SET_RULES, TAKE_RULES, TIERING
from finops.tiering.policy import is_ours, rules_in

if TYPE_CHECKING:
    from finops.state import Intent, Record, State
    from finops.tiering.looking import Seen
    from finops.tiering.model import Account


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


def not_wanted(state: State, seen: Seen, now: datetime, named: bool) -> str:
    """What people said or did against tiering an account: it holds for what needs no approval, too. "" for nothing.

    named: somebody named the account, who is then taken to know what was done to our rules by hand
    """
    if why := put_aside(state, seen.account.id, now):
        return why
    changed = [] if named else by_hand(state, seen.account, rules_in(seen.policy))
    if not changed:
        return ""
    said = f"Somebody changed, switched off or deleted {', '.join(changed)} since we set it: it is left so."
    return f"{said} To set rules all the same: --account {seen.account.name}"


def put_aside(state: State, account_id: str, now: datetime) -> str:
    """That a person said no to tiering an account, put it off or exempted it, and until when; "" where nobody did."""
    number = state.findings.alive().get((TIERING_RULE, key(account_id)))
    record = state.findings.get(number) if number is not None else None
    if record is None or record.status not in ASIDE or record.snoozed_until is None or record.snoozed_until <= now:
        return ""
    return f"Finding {number}: {WORDS[record.status]}, until {record.snoozed_until:%d %B %Y}."


def by_hand(state: State, account: Account, there: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of rules that our last change left in force, and that are not as it left them.

    there: the rules in force
    """
    made = account.created.isoformat() if account.created else ""
    left = rules_left([one for one in changes(state, account.id) if one.generation == made])
    found = plain(list(there))
    return [str(rule["name"]) for rule in left if rule not in found]


def rules_left(intents: Sequence[Intent]) -> list[Mapping[str, Any]]:
    """Our rules as the last of these changes left them in force."""
    last = [one for one in intents if one.action in (SET_RULES, TAKE_RULES) and one.outcome == "done"][-1:]
    found = ((one, rule) for one in last for rule in parts_in(one.afterwards).get(RULES, {}).get("rules", ()))
    return [rule for one, rule in found if is_ours(rule, one.resource_id)]


def set_for(state: State, account_id: str) -> Decimal:
    """What the rules in force were to save a month when they were set; 0 where that is not known."""
    told = [one.saving for one in changes(state, account_id) if one.action == SET_RULES and one.outcome == "done"]
    return Decimal(told[-1]) if told and told[-1] else Decimal(0)


def settled(state: State, now: datetime) -> Iterator[tuple[Record, Literal["confirmed", "failed", ""], str, bool]]:
    """Requests that were left in the middle, with the status that their intents tell of; "": it is not known yet. And
    whether what was approved and did not reach Azure may still be sent: nobody is asked twice because a run died."""
    left, _, _ = state.findings.all(status="acted", limit=None)
    mine = [record for record in left if not of_janitor(record)]
    for record in mine:
        told = [
            one for one in changes(state, record.finding.resource_id) if one.evidence.get("record") == record.number
        ]
        outcomes = {one.outcome for one in told}
        if not told:
            yield record, "failed", "No request for it was written down, so none was sent.", False
        elif None in outcomes:
            yield record, "", "What became of it cannot be read yet.", False
        else:
            holds = record.approved_until is not None and record.approved_until > now and "failed" not in outcomes
            more = holds and ("not-done" in outcomes or bool(record.finding.evidence.get("singles")))
            last = told[-1]
            if "done" in outcomes:
                yield record, "confirmed", last.outcome_why or "It was read to be done.", more
            else:
                yield record, "failed", f"{last.outcome}: {last.outcome_why}", more
