"""The janitor's mails: one digest for each owner and group of approvers, reminders, receipts. Each thing once.

All mails of a run are written down before the first of them is left in the outbox: whoever is killed in between
leaves the same mails again, and the outbox takes each only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops import approvals, mail
from finops.approvals import APPROVED, Workdays, address
from finops.estate.ids import scopes
from finops.jobs.sweeping.letters import Item, Letter, item_of, written
from finops.state import Event, Record

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
OUTGOING = "janitor/outgoing"  # kept under: mails that are being left in the outbox
CURSOR = "janitor/told-events"  # kept under: the last event that receipts told of
# Ends of a life that those who approved it are told of.
NOT_DONE = frozenset({"kept", "gone", "failed", "pending", "stale", "expired", "denied", "snoozed", "exempt"})


@dataclass(frozen=True)
class Told:
    """The mails that were left, how many findings wait for the end of the quiet hours, and what is wrong."""

    mails: tuple[Path, ...] = ()
    waiting: int = 0
    problems: tuple[str, ...] = ()


@dataclass
class Round:
    """What is to be told in one run. `asked`: findings whose grace begins once their mails lie in the outbox."""

    letters: dict[tuple[str, ...], Letter] = field(default_factory=dict)
    asked: list[Record] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def letter(self, kind: str, people: Iterable[str], contacts: Iterable[str] = ()) -> Letter:
        to = tuple(dict.fromkeys(people))
        letter = self.letters.setdefault((kind, *to), Letter(kind, to))
        letter.contacts = list(dict.fromkeys((*letter.contacts, *contacts)))
        return letter


def tell(state: State, settings: Settings, now: datetime) -> Told:
    """Leave the mails that are due in the outbox; none in quiet hours. Reads and writes only the state."""
    left = _finish(state, settings)
    waiting = [one for one in _open(state) if one.asked_at is None]
    if Workdays(settings.janitor).quiet(now):
        return Told(tuple(left), len(waiting))
    told = Round()
    for record in waiting:
        _ask(told, record, settings, now)
    for record in _open(state):
        _remind(told, state, record, settings, now)
    events = state.findings.events(int(state.kept(CURSOR).get(CURSOR, 0)))
    for event in events:
        _receipt(told, state, event, settings)
    if told.letters or events:
        _write_down(told, events, state, settings, now)
    return Told((*left, *_finish(state, settings)), 0, tuple(told.problems))


def _open(state: State) -> list[Record]:
    found, _, _ = state.findings.all(status=("asked", "pending"), limit=None)
    return found


# -- who is told what ---------------------------------------------------------------------------------------------


def _ask(told: Round, record: Record, settings: Settings, now: datetime) -> None:
    rules = settings.janitor
    days = record.finding.grace_days + (0 if record.finding.owner else rules.ownerless_days)
    due = record.due_at or Workdays(rules).after(now, days)
    item = item_of(record, settings, due, now + timedelta(days=rules.request_days))
    people = {"owner": owner_of(record, settings), "approvers": approvers_of(record, settings)}
    for kind, whom in people.items():
        if whom:
            told.letter(kind, whom, people["approvers"]).ask(item)
    if any(people.values()):
        told.asked.append(record)
    else:
        told.problems.append(f"Nobody can be told of finding {record.number}: set janitor.approvers or guard.admins.")


def _remind(told: Round, state: State, record: Record, settings: Settings, now: datetime) -> None:
    """Once in each round, some days before the request expires."""
    rules = settings.janitor
    ends = record.expires_at
    if record.asked_at is None or ends is None or ends <= now or ends - now > timedelta(days=rules.remind_days):
        return
    key = f"janitor/reminder/{record.number}/{record.round}"
    people = approvers_of(record, settings)
    if people and state.told_at(key) is None:
        told.letter("reminder", people).ask(item_of(record, settings, record.due_at, ends))
        told.keys.append(key)


def _receipt(told: Round, state: State, event: Event, settings: Settings) -> None:
    """To the owner and to those who approved: what was done, undone, or approved and not done after all."""
    done = event.after in {"confirmed", "restored"}
    missed = event.before in APPROVED | {"acted"} and event.after in NOT_DONE and event.after != event.before
    if not done and not missed:
        return
    record = state.findings.get(event.finding)
    voters = [address(vote.email) for vote in state.findings.votes(event.finding) if vote.says == "approve"]
    people = [*owner_of(record, settings), *(voter for voter in voters if voter)] if done else voters
    item = item_of(record, settings, record.due_at, record.expires_at)
    for person in dict.fromkeys(one for one in people if one):
        told.letter("receipt", [person], approvers_of(record, settings)).report(event, item)


def owner_of(record: Record, settings: Settings) -> list[str]:
    """The owner's address, else those who are told where nobody is known as the owner."""
    person = address(record.finding.owner)
    return [person] if person else list(settings.guard.admins)


def approvers_of(record: Record, settings: Settings) -> list[str]:
    """The group that is asked to approve: that of the nearest scope."""
    groups = {scope.rstrip("/").lower(): people for scope, people in settings.janitor.approvers.items()}
    for scope in (*scopes(record.finding.resource_id), ""):
        if scope in groups:
            return list(groups[scope])
    return list(settings.guard.admins)


# -- leaving it in the outbox -------------------------------------------------------------------------------------


def _write_down(told: Round, events: list[Event], state: State, settings: Settings, now: datetime) -> None:
    mails = [written(letter, settings, now) for letter in told.letters.values()]
    state.keep(
        OUTGOING,
        {
            "mails": mails,
            "asked": [[record.number, record.round] for record in told.asked],
            "keys": told.keys,
            "cursor": events[-1].number if events else None,
            "at": now.isoformat(),
        },
        now,
    )


def _finish(state: State, settings: Settings) -> list[Path]:
    """Leave in the outbox what was written down, and remember it as told."""
    kept = state.kept(OUTGOING).get(OUTGOING)
    if kept is None:
        return []
    now = datetime.fromisoformat(kept["at"])
    outbox = mail.Outbox(settings.mail.outbox)
    paths = [
        outbox.put(
            mail.notice(
                one["kind"], one["to"], one["subject"], one["text"], one["html"], one["about"], now, settings.mail
            )
        )
        for one in kept["mails"]
    ]
    approvals.told(state, list(_still(state, kept["asked"])), settings.janitor, now)
    for key in kept["keys"]:
        state.told(key, now)
    if kept["cursor"] is not None:
        state.keep(CURSOR, kept["cursor"], now)
    state.drop(OUTGOING)
    return paths


def _still(state: State, asked: Iterable[list[int]]) -> Iterator[Record]:
    """Findings that still wait in the round that the mails speak of."""
    for number, round_ in asked:
        record = state.findings.get(number)
        if record.round == round_:
            yield record


__all__ = ["Item", "Told", "approvers_of", "owner_of", "tell"]
