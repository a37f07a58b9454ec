"""The page of one finding: all that is known about it, and the forms that this person may send."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from finops.approvals import OPEN, Person, counting, is_high, needed, over, owns
from finops.approvals.votes import GO, is_own, ran_out
from finops.janitor.wording import words
from finops.state import Record

from .chart import chart
from .form import Form
from .rows import days
from .undo import way_back
from .words import NOTHING, amount, day, left, moment, value_of

if TYPE_CHECKING:
    from .people import SignedIn
    from .site import Site

TONES = {"approved": "good", "scheduled": "good", "confirmed": "good", "restored": "good", "failed": "bad",
         "asked": "watch", "pending": "watch", "quiet": "watch", "acted": "watch"}  # fmt: skip
_NUMBER = re.compile("[0-9]{1,20}")  # Python refuses to read thousands of digits
LONGEST_TABLE = 100  # rows of evidence; more are counted


@dataclass(frozen=True)
class May:
    """What this person can send about this finding."""

    approve: bool
    deny: bool
    snooze: bool
    answer: bool

    @property
    def any(self) -> bool:
        return self.approve or self.deny or self.snooze


def one(site: Site, request: Request) -> Response:
    given = request.path_params["number"]
    if not _NUMBER.fullmatch(given):
        raise HTTPException(404)
    record = site.state.findings.find(int(given))
    if record is None:
        raise HTTPException(404, f"There is no finding {given}.")
    return shown_one(site, request, record)


def shown_one(
    site: Site, request: Request, record: Record, problem: str = "", form: Form | None = None, status: int = 200
) -> Response:
    """The page; with what was wrong and what had been written, where a form was refused."""
    signed: SignedIn = request.state.signed
    now, finding = site.now(), record.finding
    evidence = finding.evidence
    is_over = over(record, now)
    may = may_of(record, signed.person, now)
    votes = site.state.findings.votes(record.number)
    return site.answer(
        "finding.html",
        request,
        status,
        record=record,
        now=now,
        is_over=is_over,
        tone="plain" if is_over else TONES.get(record.status, "plain"),
        tiles=_tiles(record),
        money_note=_money_note(record),
        seen=_seen(record),
        dates=_dates(record, now),
        problem=problem,
        tried=form.text("action") if form else "",
        reason=form.reason if form else "",
        may=may,
        need=_ended(record, site.settings.janitor.again_days, now) or _need(record, signed.person, now),
        afterwards=_afterwards(record),
        stale_sign_in=site.door.stale(signed) if may.approve or may.answer else "",
        sign_in_again=site.door.again(f"/findings/{record.number}"),
        chart=chart(evidence, "requests a day" if "endpoints/" in finding.resource_id.lower() else "use a day"),
        check_columns=["What", "Is", "Asked", "Holds", "As of"],
        checks=checked(evidence.get("checks")),
        lines=texts(evidence.get("lines")),
        facts=pairs(evidence.get("facts")),
        goes_with_it=texts(evidence.get("goesWithIt")),
        risks=texts(evidence.get("risks")),
        asked=_asked(record),
        answers=[vote for vote in votes if vote.says == GO],
        approvals=counting(record, now),
        risk_said=_risk(record),
        undo=way_back(finding),
        restorable=_restorable(record, site.settings.janitor.restore_days),
        history=site.state.findings.history(record.number),
        rule=site.rules.get(finding.rule),
        **days(site.settings.janitor, now),
    )


def may_of(record: Record, person: Person, now: datetime) -> May:
    """Which forms are shown. The desk decides anew what is taken."""
    open_ = person.approves and record.status in OPEN
    own = is_high(record) and is_own(record, person)
    return May(
        approve=open_ and record.status == "pending" and not own and not over(record, now),
        deny=open_ and record.status != "denied",
        snooze=open_,
        answer=owns(person, record.finding.owner) and record.status in {"asked", "pending", "approved"},
    )


def checked(checks: Any) -> list[list[str]]:
    """A row for each of the rule's conditions: what, what it is, what is asked, whether it holds, as of when."""
    given = [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    rows = [check for check in given if check.get("field") != "type"]  # the heading says what it is
    return [
        [
            value_of(row.get("what")),
            value_of(row.get("is")),
            value_of(row.get("asked")),
            f"not known: {value_of(row['unknown'])}" if row.get("unknown") else value_of(row.get("held")),
            _as_of(row.get("asOf")),
        ]
        for row in rows[:LONGEST_TABLE]
    ]


def texts(lines: Any) -> list[str]:
    found = [value_of(line) for line in lines] if isinstance(lines, list) else []
    more = [f"And {len(found) - LONGEST_TABLE} more."] if len(found) > LONGEST_TABLE else []
    return found[:LONGEST_TABLE] + more


def pairs(facts: Any) -> list[tuple[str, str]]:
    """Of a list of pairs in its order, or of a dict."""
    found = list(facts.items()) if isinstance(facts, dict) else facts if isinstance(facts, list) else []
    pair = [each for each in found if isinstance(each, list | tuple) and len(each) == 2]
    return [(words(str(name)), _fact(value)) for name, value in pair[:LONGEST_TABLE]]


def _fact(fact: Any) -> str:
    if not isinstance(fact, dict):
        return value_of(fact)
    if "value" not in fact:
        return f"not known: {value_of(fact.get('reason'))}"
    return f"{value_of(fact['value'])} ({_as_of(fact.get('asOf'))})"


def _as_of(written: Any) -> str:
    """The moment that evidence writes as ISO text; as it is where it is none."""
    try:
        return moment(datetime.fromisoformat(str(written))) if written else NOTHING
    except (ValueError, TypeError):
        return value_of(written)


def _tiles(record: Record) -> list[tuple[str, Decimal | None]]:
    """The three sums to decide by. Of tiers what they save and cost: what the account costs in all is not known."""
    finding = record.finding
    if finding.action == "tier":
        once, worst = (_money(finding.evidence.get(name)) for name in ("once", "worst"))
        return [("Saves, a month", finding.saving), ("Costs once", once), ("Costs if all is read back", worst)]
    keeps = _keeps(finding.monthly_cost, finding.saving)
    return [("Stops, a month", finding.saving), ("Costs now, a month", finding.monthly_cost), ("Keeps costing", keeps)]


def _money(written: Any) -> Decimal | None:
    """A sum that evidence writes as text; None where it is none."""
    try:
        found = Decimal(str(written))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _keeps(cost: Decimal | None, saving: Decimal | None) -> Decimal | None:
    """What goes on costing. A saving at today's prices may be above what the last 30 days cost."""
    return None if cost is None or saving is None else max(cost - saving, Decimal(0))


def _money_note(record: Record) -> str:
    finding = record.finding
    if finding.action == "tier":
        return "By Azure's published prices, for what the inventory holds. What the account costs in all is not in it."
    if finding.monthly_cost is None:
        return "What it costs is not known: no charges of it were found."
    said = "The cost of the last 30 days, at the price paid."
    if finding.saving is None:
        return f"{said} What stops of it is not known."
    rest = finding.monthly_cost - finding.saving
    return f"{said} {amount(rest, record.currency)} of it goes on: disks, registry, shared parts." if rest > 0 else said


def _seen(record: Record) -> str:
    return _as_of(record.finding.evidence.get("asOf") or record.last_at.isoformat())


def _dates(record: Record, now: datetime) -> list[tuple[str, str]]:
    if over(record, now):
        return [("Request ended", moment(record.expires_at))]
    named = [
        ("Request expires", record.expires_at if record.status in {"asked", "pending"} else None),
        ("Owner's grace ends", record.due_at if record.status in {"asked", "pending", "approved"} else None),
        ("Approved until", record.approved_until),
        ("Quiet step until", record.quiet_until),
        ("Left alone until", record.snoozed_until if record.status in {"snoozed", "exempt", "denied"} else None),
    ]
    return [(term, f"{moment(at)} ({left(at, now)})") for term, at in named if at is not None]


def _ended(record: Record, again_days: int, now: datetime) -> str:
    """What comes of a request that ended undecided, or of an approval that was not used; "" for any other."""
    asked = "its owner and the approvers are asked again. You can still say no, or not now."
    if over(record, now):
        said = f"Nobody decided until {moment(record.expires_at)}, so nothing is done. The next sweep notes that"
        return f"{said}; if it is found {again_days} days later still, {asked}"
    if record.status == "expired" and not ran_out(record):
        again = record.changed_at + timedelta(days=again_days)
        return f"Nobody decided in time, so nothing is done. If a sweep finds it still from {day(again)} on, {asked}"
    return f"If the next sweep finds it still, {asked}" if record.status == "expired" else ""


def _need(record: Record, person: Person, now: datetime) -> str:
    if record.status != "pending":
        return {
            "asked": "Its owner is being asked first. You can already say no, or not now.",
            "approved": "It is approved. Until it is done you can still say no, or not now.",
            "scheduled": "It is approved and about to be done. You can still say no, or not now.",
        }.get(record.status, "You can say no, or not now.")
    if not is_high(record):
        return "One approval is enough."
    own = " It is yours, or you put it forward, so yours does not count." if is_own(record, person) else ""
    return f"High risk: {needed(record)} different people must approve, {len(counting(record, now))} did so far.{own}"


def _afterwards(record: Record) -> str:
    grace = f"after the owner's grace, {day(record.due_at)}, and" if record.due_at else "only"
    if record.finding.action == "tier":
        return f"{grace} in working hours it is planned again. {_holds(record)}"
    quiet = record.finding.quiet
    first = f" First comes a quiet step of {quiet.get('days')} days, taken back at any sign of life." if quiet else ""
    return f"{grace} in working hours it is read again, and if anything of this differs, your approval is void.{first}"


def _holds(record: Record) -> str:
    """What a plan may differ in from the one that was approved: finops.jobs.tiering.proposing and standing say so."""
    more = (
        "or where blobs, bytes, the one-off cost or the worst case are over a quarter higher (money: by over 0.50 too)"
    )
    if record.finding.evidence.get("singles"):
        own = "Of single blobs only those that you approve are moved"
        return f"{own}. Your approval is void where rules are set in place of that, {more}."
    return (
        "The rules are set as they stand here. Your approval is void where they take what is protected, in use or "
        "brought back by then, where others would save over a quarter more, where these save over a fifth less, "
        f"{more}."
    )


def _asked(record: Record) -> str:
    if record.asked_at is None:
        return "Nobody was asked yet."
    return f"Asked on {moment(record.asked_at)}; the grace ends on {day(record.due_at)}."


def _risk(record: Record) -> str:
    return (
        "High: two different people must approve, neither its owner nor who put it forward."
        if is_high(record)
        else "Low: one person approves, also together with others."
    )


def _restorable(record: Record, restore_days: int) -> str:
    if record.status == "restored":
        return "It was restored."
    if record.finding.action == "tier":
        return "At any time."
    if record.restorable_until is not None:
        return moment(record.restorable_until)
    return f"{restore_days} days after it is done."
