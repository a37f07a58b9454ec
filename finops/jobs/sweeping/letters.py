"""What the janitor's mails say: items with amounts ready, and the letters that hold them, as HTML and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals import is_high
from finops.approvals.links import link
from finops.approvals.naming import DONE, QUIET, VERBS, holder_of, kind_of, name_of, shown
from finops.approvals.whose import of_janitor
from finops.report.model import Money
from finops.report.render import inlined
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import Event, Record

Json = dict[str, Any]
WHOLE, BRIEF = 8, 25  # items that a mail shows whole, and in a line; Gmail cuts one of more than about 102 KB
LONGEST_WHY = 400


@dataclass(frozen=True)
class Item:
    """One finding as a mail shows it."""

    number: int
    id: str
    digest: str
    round: int
    name: str
    kind: str
    holder: str
    verb: str
    done: str
    amount: Money | None
    amount_is: str  # "saved a month", "cost in 30 days"
    why: str
    quiet: str
    high: bool
    changed: str
    dependents: tuple[str, ...]
    not_checked: tuple[str, ...]
    owner: str
    due: datetime | None
    expires: datetime | None
    restorable: datetime | None
    watched: datetime | None  # until then it is in a quiet step
    stopped: bool  # which stops it: what was stopped is not started again by itself
    link: str | None
    undo: str

    @property
    def reference(self) -> str:
        """What commands call it: its number, and the start of the digest of what is to be decided on."""
        return f"{self.number}-{self.digest[:8]}"


@dataclass
class Letter:
    """All that the same people are told of one kind in one run."""

    kind: str  # owner, approvers, reminder, receipt
    to: tuple[str, ...]
    items: list[Item] = field(default_factory=list)
    events: list[tuple[Event, Item, str]] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)  # who decides: people to ask, where answers go to nobody

    def ask(self, item: Item) -> None:
        self.items.append(item)

    def report(self, event: Event, item: Item, also: str = "") -> None:
        """also: a sentence on what is so since, where the event does not say it."""
        self.events.append((event, item, also))

    @property
    def about(self) -> list[str]:
        """Keys of what it tells: the same letter after a crash has the same."""
        return [f"janitor/{self.kind}/{one.number}/{one.round}" for one in self.items] + [
            f"janitor/event/{event.number}" for event, _, _ in self.events
        ]


def item_of(record: Record, settings: Settings, due: datetime | None, expires: datetime | None) -> Item:
    finding = record.finding
    saves = finding.saving is not None
    amount = finding.saving if saves else finding.monthly_cost
    quiet = finding.quiet
    return Item(
        number=record.number,
        id=shown(finding.resource_id),
        digest=finding.digest,
        round=record.round,
        name=shown(name_of(finding.resource_id)),
        kind=kind_of(finding.resource_id),
        holder=shown(holder_of(finding.resource_id)),
        verb=VERBS.get(finding.action, finding.action),
        done=DONE.get(finding.action, finding.action),
        amount=Money(amount, record.currency) if amount is not None and record.currency else None,
        amount_is="a month" if saves else "in the last 30 days",
        why=_cut(shown(finding.why)),
        quiet=f"First {QUIET.get(quiet['action'], quiet['action'])} for {quiet['days']} days." if quiet else "",
        high=is_high(record),
        changed=shown(record.note) if record.round > 1 else "",
        dependents=tuple(map(shown, finding.dependents[:5])),
        not_checked=tuple(map(shown, finding.not_checked[:5])),
        owner=shown(finding.owner),
        due=due,
        expires=expires,
        restorable=record.restorable_until,
        watched=record.quiet_until if record.status == "quiet" else None,
        stopped=quiet is not None and quiet["action"] == "stop",
        link=link(settings.web, record.number),
        undo=undo_of(record),
    )


def undo_of(record: Record) -> str:
    """The command that takes it back."""
    if of_janitor(record):
        return f"finops janitor undo {record.number}"
    return f"finops tier undo --account {name_of(record.finding.resource_id)} --execute"


def written(letter: Letter, settings: Settings, now: datetime, head: str) -> Json:
    """The letter as subject, text and HTML, ready to be kept and left in the outbox.

    head: of the audit trail, which the mails to those who decide note at their foot.
    """
    templates = Templates(settings.folders.reports, Words(2))
    items = sorted(letter.items, key=lambda one: (-(one.amount.amount if one.amount else Decimal(-1)), one.number))
    high = [one for one in items if one.high][:WHOLE]
    low = [one for one in items if not one.high][: WHOLE if len(items) > WHOLE + 2 else WHOLE + 2]
    rest = [one for one in items if one not in high and one not in low]
    context = {
        "organisation": settings.report.organisation,
        "kind": letter.kind,
        "head": head,
        "total": total(items),
        "unpriced": sum(one.amount is None for one in items),
        "ownerless": sum(not one.owner for one in items),
        "high": high,
        "high_count": sum(one.high for one in items),
        "low": low,
        "rest": rest[:BRIEF],
        "count": len(items),
        "more": len(rest[BRIEF:]),
        "several_due": len({one.due for one in items if one.due}) > 1,
        "restore_days": settings.janitor.restore_days,
        "reply_to": settings.mail.reply_to or "",
        "contacts": [one for one in letter.contacts if one not in letter.to][:3],
        "due": min((one.due for one in items if one.due), default=None),
        "expires": min((one.expires for one in items if one.expires), default=None),
        "page": link(settings.web, "mine" if letter.kind == "owner" else "pending"),
        "example": f"{now + timedelta(days=30):%Y-%m-%d};training the summer model",
        **_reported(letter.events),
    }
    name = {"owner": "janitor-owner", "receipt": "janitor-receipt"}.get(letter.kind, "janitor-approvers")
    subject = templates.line(f"{name}.subject.txt", **context)
    preheader = templates.line(f"{name}.preheader.txt", **context)
    html = templates.render(f"{name}.html", subject=subject, preheader=preheader, **context)
    text = templates.render(f"{name}.txt", subject=subject, **context)
    return {
        "kind": f"janitor-{letter.kind}", "to": list(letter.to), "subject": subject, "text": text,
        "html": inlined(html), "about": letter.about,
    }  # fmt: skip


def total(items: Sequence[Item]) -> Money | None:
    """What they come to, as far as it is known; None for nothing, or where currencies differ: they are never added."""
    known = [one.amount for one in items if one.amount]
    if len({one.currency for one in known}) != 1:
        return None
    amount = sum((one.amount for one in known), Decimal(0))
    return Money(amount, known[0].currency) if amount else None


def _reported(events: Sequence[tuple[Event, Item, str]]) -> Json:
    """What is told, by what became of it: done, watched from now on, watched no more, brought back, not done."""
    by: dict[str, list[Json]] = {"done": [], "watched": [], "ended": [], "back": [], "not_done": []}
    for event, item, also in events:
        row = {"item": item, "at": event.at.astimezone(UTC), "why": _cut(shown(event.why)), "also": shown(also)}
        by[_part(event)].append({**row, "after": event.after})
    return {
        **{name: rows[:BRIEF] for name, rows in by.items()},
        **{f"{name}_count": len(rows) for name, rows in by.items()},
        "done_total": total([item for event, item, _ in events if event.after == "confirmed"]),
    }


def _part(event: Event) -> str:
    if event.after in {"confirmed", "restored", "quiet"}:
        return {"confirmed": "done", "restored": "back", "quiet": "watched"}[event.after]
    return "ended" if event.before == "quiet" else "not_done"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_WHY else text[: LONGEST_WHY - 1] + "…"
