"""What tiering saves, as claims: what people are asked about, and each account from its first act to its undo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from finops.approvals.naming import DONE, VERBS, kind_of, name_of
from finops.approvals.votes import ran_out
from finops.approvals.whose import TIERING
from finops.jobs.act_claims import made_at, of_act
from finops.jobs.tiering.deeds import MOVE, MOVE_BACK, SET_RULES, TAKE_RULES
from finops.jobs.tiering.past import changes, rules_left
from finops.report import Claim

if TYPE_CHECKING:
    from finops.state import Intent, Record, State

SOURCE = "Tiering"
WAITING: dict[str, Literal["found", "decided"]] = {
    **dict.fromkeys(("found", "asked", "pending", "failed", "expired"), "found"),
    **dict.fromkeys(("approved", "scheduled"), "decided"),
}
WITH_IT = "what it costs is counted with the account's blobs"


def claims(state: State) -> Iterator[Claim]:
    """Requests that wait or are decided, then what was done. Money in the currency of the prices."""
    records, _, _ = state.findings.all(status=tuple(WAITING), rule=TIERING, order="number", limit=None)
    yield from (_waiting(record) for record in records)
    yield from _done(state)


def _waiting(record: Record) -> Claim:
    finding = record.finding
    return Claim(
        number=record.number,
        stage=WAITING[record.status],
        resource_id=finding.resource_id,
        name=name_of(finding.resource_id),
        what=kind_of(finding.resource_id),
        holder="",
        rule=TIERING,
        does=VERBS["tier"],
        did=DONE["tier"],
        expected=finding.saving,
        cost=None,
        currency=record.currency,
        created=made_at(finding.generation),
        owner=finding.owner,
        source=SOURCE,
        ref=f"tiering-{record.number}",
        measure="stored",
        basis="list price",
        lapsed=ran_out(record),
    )


def _done(state: State) -> Iterator[Claim]:
    """All that tiering did to one account until it was taken back is one saving: its charges cannot tell them apart."""
    begun: dict[str, Claim] = {}
    acts: dict[str, list[Intent]] = {}
    for intent in changes(state):
        if intent.outcome != "done":
            continue
        account = intent.resource_id.rstrip("/").lower()
        mine = acts.setdefault(account, [])
        mine.append(intent)
        if intent.action in (SET_RULES, MOVE):
            begun[account] = _more(begun.get(account), intent)
        elif intent.action in (TAKE_RULES, MOVE_BACK):
            if account in begun and not rules_left(mine):
                yield replace(begun.pop(account), until=intent.opened_at)
            elif account in begun:  # nobody reckoned what the rest of it saves
                begun[account] = replace(begun[account], expected=None)
        else:
            yield replace(_claim(intent), does=intent.action, did=intent.action, measure="none", cannot=WITH_IT)
    yield from begun.values()


def _more(before: Claim | None, intent: Intent) -> Claim:
    """The saving with one act more: batches add up, rules take the place of those before."""
    now = _claim(intent)
    if before is None:
        return now
    if intent.action == SET_RULES or before.expected is None or now.expected is None:
        return replace(before, expected=now.expected)
    return replace(before, expected=before.expected + now.expected)


def _claim(intent: Intent) -> Claim:
    currency, ref = str(intent.evidence.get("currency") or ""), f"tiering-act-{intent.number}"
    return replace(of_act(intent, currency, VERBS["tier"], DONE["tier"], "stored", SOURCE, ref), basis="list price")
