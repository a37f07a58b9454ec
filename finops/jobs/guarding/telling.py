"""Telling owners: what is not as it must be, what was done about it, and which exemptions end. Each thing once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops import mail
from finops.approvals.people import address
from finops.jobs.guarding.plan import Line, Plan
from finops.report.model import Money
from finops.report.render import inlined
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State


@dataclass
class Letter:
    """All that one person is told in one run, and the keys under which it is remembered."""

    notices: list[dict[str, Any]] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    expiring: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    deadline: datetime | None = None


@dataclass(frozen=True)
class Deed:
    """Something that was done, for the one whose it is."""

    line: Line
    did: str
    notes: tuple[str, ...] = ()


def announce(plan: Plan, settings: Settings, state: State, now: datetime) -> list[Path]:
    """Leave a mail for everybody who has something new to know; where they lie. Starts the grace of what it tells."""
    letters: dict[str, Letter] = {}
    grace = timedelta(days=settings.guard.grace_days)
    for line in plan.lines:
        if not _is_to_be_told(line) or state.told_at(line.key) is not None:
            continue
        for person in _recipients(line.owner, settings):
            letter = letters.setdefault(person, Letter())
            ends = now + grace if line.rule == "spot" and line.mode == "enforce" else None
            letter.notices.append(_notice(line, plan.currency, ends))
            letter.keys.append(line.key)
            letter.deadline = min(filter(None, (letter.deadline, ends)), default=None)
    for listed in plan.exemptions:
        one = listed.exemption
        key = f"guard/exemption/{one.scope.lower()}/{one.until}"
        if listed.status != "expiring" or state.told_at(key) is not None:
            continue
        for person in _recipients(one.owner, settings):
            letter = letters.setdefault(person, Letter())
            letter.expiring.append({"scope": one.scope, "until": one.until, "reason": one.reason or "no reason given"})
            letter.keys.append(key)
    return _send("owner-notice", letters, settings, state, now)


def report_deeds(deeds: Iterable[Deed], settings: Settings, state: State, now: datetime) -> list[Path]:
    """Leave a mail for everybody whose resource was changed."""
    letters: dict[str, Letter] = {}
    for deed in deeds:
        for person in _recipients(deed.line.owner, settings):
            letter = letters.setdefault(person, Letter())
            letter.done.append({"name": deed.line.name, "id": deed.line.id, "did": deed.did, "notes": deed.notes})
            letter.keys.append(f"{deed.line.key}/done/{now:%Y-%m-%dT%H:%M:%S}")
    return _send("owner-changed", letters, settings, state, now)


def _is_to_be_told(line: Line) -> bool:
    """In mode audit nobody is told; a tag that is only inherited, or a thing that only is reported, asks nobody."""
    if line.mode == "audit" or line.status == "keep" or line.action == "report":
        return False
    return not (line.rule == "tags" and line.change and line.mode == "enforce")


def _recipients(owner: str, settings: Settings) -> list[str]:
    person = address(owner)
    return [person] if person else list(settings.guard.admins)


def _notice(line: Line, currency: str, ends: datetime | None) -> dict[str, Any]:
    return {
        "name": line.name,
        "id": line.id,
        "why": line.why,
        "next": _next(line, ends),
        "cost": _money(line.cost, currency),
        "saving": _money(line.saving, currency),
        "notes": line.notes,
    }


def _next(line: Line, ends: datetime | None) -> str:
    if line.rule == "tags":
        proposed = line.action.partition("CostCenter = ")[2]
        return (
            f"Is {proposed} right? Then set CostCenter to it."
            if proposed
            else "Please set its tag CostCenter to the cost centre that pays for it."
        )
    if line.rule == "spot":
        asked = "Please make it anew with spot nodes (tier: low_priority), or delete it."
        if ends is None:
            return asked
        what = "it is made anew with spot nodes, under the same name and with the same settings,"
        if not line.action.startswith("make it anew"):
            what = "its maximum is set to 0 nodes"
        return f"{asked} After {ends:%d %B %Y %H:%M} UTC, {what} as soon as no job runs or queues on it."
    wanted = ", ".join(f"{name} {value}" for name, value in line.change.items())
    return f"It is set right now: {wanted}." if line.mode == "enforce" else f"Please set: {wanted}."


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return Money(amount, currency) if amount and currency else None


def _send(kind: str, letters: dict[str, Letter], settings: Settings, state: State, now: datetime) -> list[Path]:
    """Each mail goes into the outbox before what it tells counts as told: a crash in between loses none."""
    templates = Templates(settings.folders.reports, Words(2))
    outbox = mail.Outbox(settings.mail.outbox)
    paths = []
    for to, letter in letters.items():
        context: dict[str, Any] = {
            "organisation": settings.report.organisation,
            "notices": letter.notices,
            "done": letter.done,
            "expiring": letter.expiring,
            "deadline": letter.deadline,
            "example": f"{now + timedelta(days=30):%Y-%m-%d};training the summer model",
        }
        subject = templates.line("owner-notice.subject.txt", **context)
        html = templates.render("owner-notice.html", subject=subject, preheader="", **context)
        text = templates.render("owner-notice.txt", **context)
        paths.append(outbox.put(mail.notice(kind, to, subject, text, inlined(html), letter.keys, now, settings.mail)))
    for letter in letters.values():
        for key in letter.keys:
            state.told(key, now)
    return paths
