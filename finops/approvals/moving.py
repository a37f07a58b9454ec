"""The only way in which a status changes: by the table, in one transaction with event and audit entry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from finops.approvals.statuses import APPROVED, ENDED, WAITING, allowed
from finops.approvals.votes import invalid
from finops.approvals.whose import of_janitor
from finops.approvals.workdays import Workdays
from finops.errors import FinopsError
from finops.janitor import Finding
from finops.state import Change, Record, State, StoredFinding

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings, Settings

US = "finops janitor"  # who moves what no person moved


class NotAllowed(FinopsError):
    """A step that the table of statuses, or the lack of a valid approval, forbids. Nothing was changed."""


def moved(state: State, number: int, status: str, why: str, now: datetime, who: str, **fields: Any) -> Record:
    """The finding with its new status, on the disk with event and audit entry; NotAllowed where it may not get it.

    Into scheduled, quiet and acted only with a valid approval, which `acted` uses up. Nobody approves through here.
    fields: tombstone, quiet_until, approved_until (at least, of what becomes quiet), restorable_until
    """
    if status == "approved":
        raise NotAllowed(f"Finding {number} cannot be approved by a move.", "People approve: Desk.approve.")
    with state.findings.changing() as change:
        return step(change, change.get(number), status, why, now, who, **fields)


def step(
    change: Change,
    record: Record,
    status: str,
    why: str,
    now: datetime,
    who: str,
    finding: StoredFinding | None = None,
    **fields: Any,
) -> Record:
    """One step within a transaction."""
    if not allowed(record.status, status):
        raise NotAllowed(
            f"Finding {record.number} is {record.status}; it cannot become {status}.", "Look at it again: it has moved."
        )
    if status in {"scheduled", "quiet", "acted"}:
        problem = invalid(record, now)
        if problem:
            raise NotAllowed(f"Finding {record.number} cannot become {status}. {problem}", "It is to be approved anew.")
    if status == "quiet":
        fields = _prolonged(change, record, now, fields)
    if status in APPROVED:
        return change.move(record, status, why, now, who, alive=True, finding=finding, **fields)
    if record.status in APPROVED | {"pending"}:
        change.end_votes(record, "used" if status == "acted" else why)
    ran_out = record.approved_until is not None and record.approved_until <= now and status in WAITING
    if status != "acted" and not ran_out:
        fields = {"approved_until": None, **fields}
    if status in {"asked", "pending"} and record.status != "asked":
        # They are told anew: a new round, whose clock starts when they are.
        fields = {"round": record.round + 1, "asked_at": None, "expires_at": None, **fields}
    if status in {"found", "asked"} or (finding is not None and _is_anothers(record.finding, finding)):
        fields = {"due_at": None, **fields}  # another question, or another to answer it: another grace
    if status in {"found", "asked", "pending"}:
        fields = {"snoozed_until": None, "quiet_until": None, **fields}
    return change.move(record, status, why, now, who, alive=status not in ENDED, finding=finding, **fields)


def _is_anothers(before: StoredFinding, finding: StoredFinding) -> bool:
    """Whether it has another owner, or was made again: what its owner said, or did not, was about another."""
    return (before.owner, before.generation) != (finding.owner, finding.generation)


def _prolonged(change: Change, record: Record, now: datetime, fields: dict[str, Any]) -> dict[str, Any]:
    """While the quiet step lasts, the approval is in use; after it, it holds for as long as one given that day."""
    until, longest = fields.get("quiet_until"), fields.get("approved_until")
    if not isinstance(until, datetime) or until <= now or record.approved_until is None:
        raise NotAllowed(f"Finding {record.number} cannot become quiet without an end.", "Give quiet_until.")
    ends = max(record.approved_until + (until - now), longest or until)
    change.prolong_votes(record, ends - record.approved_until)
    return {**fields, "approved_until": ends}


def reoffered(state: State, number: int, finding: Finding, why: str, now: datetime, who: str = US) -> Record:
    """The finding as it is now, waiting for a decision again: what was approved is not what is there any more."""
    with state.findings.changing() as change:
        return step(change, change.get(number), "pending", why, now, who, finding=stored(finding))


def due(state: State, settings: Settings, now: datetime) -> list[Record]:
    """What the janitor may try now, dearest first: approved, the grace over, the rule in mode act, in working hours.

    Changes nothing. Whoever acts on one moves it on: approved -> scheduled -> quiet or acted.
    """
    rules = settings.janitor
    if not Workdays(rules).working(now):
        return []
    found, _, _ = state.findings.all(status=("approved", "scheduled"), limit=None)
    return [record for record in found if of_janitor(record) and not not_due(record, rules, now)]


def not_due(record: Record, settings: JanitorSettings, now: datetime) -> str:
    """Why it may not be tried now, "" where it may. Working hours are asked about elsewhere."""
    problem = invalid(record, now)
    if problem:
        return problem
    if record.due_at is None or record.due_at > now:
        return f"Its owner has until {record.due_at:%d %B %Y %H:%M} UTC." if record.due_at else "No one was told yet."
    mode = settings.mode_of(record.finding.rule)
    return "" if mode == "act" else f"Its rule is in mode {mode}; only act changes anything."


def schedule(state: State, settings: Settings, now: datetime) -> list[Record]:
    """What is scheduled: what became due now is moved on, and all that may be tried comes back, dearest first."""
    for record in due(state, settings, now):
        if record.status == "approved":
            why = "The grace is over and people are at work: it is checked again, then acted on."
            try:
                moved(state, record.number, "scheduled", why, now, US)
            except NotAllowed:
                continue  # somebody denied it meanwhile
    return [record for record in due(state, settings, now) if record.status == "scheduled"]


def lapsed(state: State, now: datetime) -> list[Record]:
    """What expired now: requests that nobody decided, approvals that nobody used in time. Nothing happens to either."""
    with state.findings.changing() as change:
        return [step(change, record, "expired", _lapse(record), now, US) for record in change.due_to_end(now)]


def _lapse(record: Record) -> str:
    if record.status in {"approved", "scheduled"}:
        return f"It was approved until {record.approved_until:%d %B %Y %H:%M} UTC, and not done by then."
    return f"Nobody decided until {record.expires_at:%d %B %Y %H:%M} UTC."


def stored(finding: Finding) -> StoredFinding:
    quiet = {"action": finding.quiet.action, "days": finding.quiet.days} if finding.quiet else None
    return StoredFinding(
        rule=finding.rule,
        resource_id=finding.resource_id,
        generation=finding.generation,
        fingerprint=finding.fingerprint,
        digest=finding.digest,
        action=finding.action,
        why=finding.why,
        evidence=finding.evidence,
        owner=finding.owner,
        risk=finding.risk,
        monthly_cost=finding.monthly_cost,
        saving=finding.saving,
        dependents=finding.dependents,
        not_checked=finding.not_checked,
        grace_days=finding.grace_days,
        quiet=quiet,
    )


def told(state: State, records: list[Record], settings: JanitorSettings, now: datetime, who: str = US) -> list[Record]:
    """Findings whose owners and approvers have just been told: the owner's grace and the request's time begin."""
    calendar = Workdays(settings)
    done = []
    with state.findings.changing() as change:
        for seen in records:
            record = change.get(seen.number)
            if record.round != seen.round or record.status not in {"asked", "pending"} or record.asked_at is not None:
                continue
            finding = record.finding
            days = finding.grace_days + (0 if finding.owner else settings.ownerless_days)
            times: dict[str, Any] = {"asked_at": now, "expires_at": now + timedelta(days=settings.request_days)}
            if record.due_at is None:
                times["due_at"] = calendar.after(now, days)
            if record.status == "asked":
                done.append(step(change, record, "pending", "Owner and approvers were asked.", now, who, **times))
            else:
                done.append(change.say(record, "Owner and approvers were told that it changed.", now, who, **times))
    return done
