"""What people must approve before blobs are moved: a finding with the same life, page and mails as the janitor's."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops import approvals
from finops.approvals import Workdays, invalid
from finops.approvals.moving import step
from finops.approvals.statuses import ENDED
from finops.approvals.votes import ASIDE, ran_out
from finops.approvals.whose import TIERING
from finops.estate import Estate, Known
from finops.estate.ids import key
from finops.jobs.tiering.proposing import ARCHIVE, Proposal, named, size
from finops.state import Change, Record, State, StoredFinding
from finops.tiering.waking import APPROVAL, GOES_ON

if TYPE_CHECKING:
    from finops.config.model import Settings

US = "finops tier apply"
ACTION = "tier"
APPROVED_MOVES = "tiering/moves/"  # kept under, by digest: the single blobs that are asked about


def ask(state: State, settings: Settings, now: datetime, proposed: Proposal, owner: str) -> Record:
    """The request for what is proposed, entered or brought up to date. Asking for the same again changes nothing."""
    seen = finding(proposed, settings, owner)
    if proposed.singles:
        state.keep(f"{APPROVED_MOVES}{seen.digest}", [named(one) for one in proposed.singles], now)
    with state.findings.changing() as change:
        current = change.living(TIERING, seen.resource_id)
        if current is not None and current.finding.generation != seen.generation:
            step(change, current, "gone", "The account was deleted, and another one made under its name.", now, US)
            current = None
        if current is None:
            return _begun(change, settings, now, seen, proposed)
        return _advanced(change, current, settings, now, seen, proposed)


def no_more(state: State, account_id: str, why: str, now: datetime) -> None:
    """End a request that is not needed any more. What people put aside stays so until it is over."""
    with state.findings.changing() as change:
        current = change.living(TIERING, account_id)
        aside = current and current.status in ASIDE and current.snoozed_until and current.snoozed_until > now
        if current is not None and not aside and approvals.allowed(current.status, "kept"):
            step(change, current, "kept", why, now, US)


def due(record: Record, settings: Settings, now: datetime) -> str:
    """Why it may not be done now, "" where it may."""
    if problem := invalid(record, now):
        return f"Finding {record.number}: {approvals.WORDS[record.status]}." if record.status != "approved" else problem
    if record.due_at is None or record.due_at > now:
        until = f"{record.due_at:%d %B %Y %H:%M} UTC" if record.due_at else "it was told"
        return f"Finding {record.number} is approved; its owner has until {until}."
    calendar = Workdays(settings.janitor)
    if not calendar.working(now):
        return f"Finding {record.number} waits for the next working hour: {calendar.next_work(now):%a %d %b %H:%M} UTC."
    return ""


def wanted_of(state: State, record: Record, proposed: Proposal) -> Proposal:
    """What may be done of it: of single blobs, only those that were approved by name."""
    if not proposed.singles:
        return proposed
    key = f"{APPROVED_MOVES}{record.finding.digest}"
    known = set(state.kept(key).get(key) or ())
    kept = tuple(one for one in proposed.singles if named(one) in known)
    return Proposal(proposed.seen, proposed.plan, kept, proposed.figures)


def _begun(change: Change, settings: Settings, now: datetime, seen: StoredFinding, proposed: Proposal) -> Record:
    last = change.last(TIERING, seen.resource_id)
    if last is not None and last.status == "restored":
        until = last.changed_at + timedelta(days=settings.janitor.snooze_days)
        if until > now:
            said = f"It was taken back on {last.changed_at:%d %B %Y}; it is left alone until {until:%d %B %Y}."
            return change.get(change.add(seen, "snoozed", said, now, US, proposed.plan.currency, snoozed_until=until))
    number = change.add(seen, "found", "Planned for the first time.", now, US, proposed.plan.currency)
    return step(change, change.get(number), "asked", "It needs an approval.", now, US)


def _advanced(
    change: Change, current: Record, settings: Settings, now: datetime, seen: StoredFinding, proposed: Proposal
) -> Record:
    status = current.status
    if status in {"quiet", "acted"} | ENDED:
        return current
    until = current.snoozed_until
    if status in {"denied", "snoozed", "exempt"} and until is not None and until > now:
        return current
    again = {"denied", "snoozed", "exempt", "failed", "stale"}
    rested = status == "expired" and (
        ran_out(current) or now - current.changed_at >= timedelta(days=settings.janitor.again_days)
    )
    if status in again or rested:
        found = step(change, current, "found", "It would still save money.", now, US, finding=seen, last_at=now)
        return step(change, found, "asked", "It needs an approval.", now, US)
    if status in {"found", "expired"}:
        change.touch(current, seen, last_at=now)
        return change.get(current.number)
    if status == "asked":
        change.touch(current, seen if proposed.still(current.finding.evidence) else None, last_at=now)
        return change.get(current.number)
    if why := proposed.still(current.finding.evidence):
        said = f"The plan is another one: {why}. Earlier approvals do not count any more."
        return step(change, current, "pending", said, now, US, finding=seen, last_at=now)
    change.touch(current, last_at=now, runs=current.runs + 1)
    return change.get(current.number)


def finding(proposed: Proposal, settings: Settings, owner: str) -> StoredFinding:
    """What people decide on."""
    account, plan = proposed.seen.account, proposed.plan
    dearest = max(proposed.sum(figure) for figure in ("month", "once", "worst"))
    return StoredFinding(
        rule=TIERING,
        resource_id=account.id,
        generation=account.created.isoformat() if account.created else "",
        fingerprint="",
        digest=proposed.digest,
        action=ACTION,
        why=f"{proposed.says} By Azure's published prices.",
        evidence=proposed.evidence | _for_people(proposed),
        owner=owner,
        risk="high" if dearest >= settings.janitor.high_risk_cost else "low",
        monthly_cost=None,
        saving=proposed.sum("month").quantize(Decimal("0.01")),
        dependents=(),
        not_checked=plan.unresolved[:20],
        grace_days=settings.tiering.grace_days,
        quiet=None,
    )


def _for_people(proposed: Proposal) -> dict[str, Any]:
    plan = proposed.plan

    def money(figure: str) -> str:
        return f"{proposed.sum(figure):,.2f} {plan.currency}"

    moves = [f"{m.before} to {m.after}: {m.blobs:,} blobs, {size(m.bytes)}" for m in proposed.figures]
    rules = [
        f"{rule.name}: {', '.join(f'{tier} after {days} days' for tier, days in rule.days)}; {rule.takes}"
        for rule in plan.rules
    ]
    risks = ["A blob that leaves its new tier early is charged for the rest: Cool 30 days, Cold 90, Archive 180."]
    if not proposed.singles:
        risks.insert(0, GOES_ON)
    if proposed.archives and plan.waking:
        risks.insert(0, plan.waking.said)
    facts = [
        ["savesAMonth", money("month")], ["costsOnce", money("once")],
        ["ifAllIsReadBack", f"{money('worst')} more than today"],
    ]  # fmt: skip
    urgent = plan.waking.urgent(proposed.figures) if plan.waking and proposed.archives else None
    if urgent is not None:
        facts.append(["ifReadBackAtHighPriority", f"{urgent:,.2f} {plan.currency} more than today"])
    facts.append(["moved", f"{size(proposed.bytes)} of {size(plan.bytes)}"])
    if proposed.archives:
        archived = sum(m.bytes for m in proposed.figures if m.after == ARCHIVE)
        facts += [["toArchive", size(archived)], ["hoursUntilItCanBeReadAgain", "up to 15"]]
    basis, at = plan.basis.removeprefix("last "), f"{plan.as_of:%d %b %Y %H:%M} UTC"
    facts += [["agesCountFrom", f"the last {basis}"], ["inventoryOf", at]]
    singles = [f"{len(proposed.singles):,} blobs are moved one by one, no rule is set."]
    return {
        "title": "Blobs in a dearer tier than they need",
        "lines": [*moves, *(singles if proposed.singles else rules)],
        "facts": facts,
        "risks": risks,
        "notes": [note for note in plan.notes if note not in (*risks, APPROVAL, GOES_ON)],
    }


def owner_of(found: Estate, account_id: str) -> str:
    """The owner's address, "" where nobody is known."""
    resource = found.resources.get(key(account_id))
    fact = resource.facts.get("owner") if resource else None
    return str(fact.value or "") if isinstance(fact, Known) else ""
