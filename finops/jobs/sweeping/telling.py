"""The janitor's mails: one digest for each owner and group of approvers, reminders, receipts. Each thing once.

All mails of a run are written down before the first of them is left in the outbox: whoever is killed in between
leaves the same mails again, and the outbox takes each only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops import approvals, mail
from finops.approvals import APPROVED, Workdays, address
from finops.config.people import may_tell
from finops.config.scopes import nearest
from finops.errors import FinopsError
from finops.jobs.sweeping.letters import Item, Letter, item_of, written
from finops.jobs.sweeping.tombs import QUIETED
from finops.state import Event, Record, Vote

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
    left = _finish(state, settings, now)
    asked = {tuple(one) for one in _plan(state)["asked"]}
    waiting = [one for one in _open(state) if one.asked_at is None and (one.number, one.round) not in asked]
    if Workdays(settings.janitor).quiet(now):
        return Told(left.mails, len(waiting), left.problems)
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
        more = _finish(state, settings, now)
        left = Told((*left.mails, *more.mails), problems=more.problems)
    return Told(left.mails, 0, (*told.problems, *left.problems))


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
    """To the owner and to those who approved: what was done, undone, or approved and not done after all; and when it
    is taken out of use to be watched, and when that is over."""
    if event.before == event.after:
        return  # somebody said something, and nothing came of it yet
    record = state.findings.get(event.finding)
    done = event.after in {"confirmed", "restored"}
    # One that is over again is told by its end.
    begins = event.after == "quiet" and record.status == "quiet"
    ends = event.before == "quiet" and event.after in NOT_DONE - {"failed"}
    missed = event.before in APPROVED | {"acted"} and event.after in NOT_DONE
    if not (done or begins or missed):
        return
    people = list(_voters(record, state.findings.votes(event.finding), settings))
    if done or begins or ends:
        people = [*owner_of(record, settings), *people]
    item = item_of(record, settings, record.due_at, record.expires_at)
    also = _also(state, record, begins, ends)
    for person in dict.fromkeys(people):
        told.letter("receipt", [person], approvers_of(record, settings)).report(event, item, also)


def _voters(record: Record, votes: Iterable[Vote], settings: Settings) -> Iterator[str]:
    """The addresses of those who approved; the approvers' own for one who has none, as on the command line."""
    for vote in votes:
        if vote.says == "approve":
            person = address(vote.email)
            yield from [person] if person else approvers_of(record, settings)


def _also(state: State, record: Record, begins: bool, ends: bool) -> str:
    """What the event of a quiet step could not know when it was written."""
    if begins:
        about = [one.evidence for one in state.pending_intents()]
        open_ = any(one.get("record") == record.number and one.get("step") == "quiet" for one in about)
        return "Azure has not confirmed it yet: the next run finds out." if open_ else ""
    if not ends or record.status == "gone":
        return ""
    if state.kept(f"{QUIETED}{record.number}").get(f"{QUIETED}{record.number}"):
        return "What was taken is not given back yet: each run tries it again until it is."
    if (record.finding.quiet or {}).get("action") == "stop":
        return "It is not started again by us: whoever needs it starts it."
    return "Whatever was taken is given back, but for what somebody has changed since."


def owner_of(record: Record, settings: Settings) -> list[str]:
    """The owner's address, else those who are told where nobody is known as the owner."""
    person = address(record.finding.owner)
    return [person] if person and may_tell(settings, person) else list(settings.guard.admins)


def approvers_of(record: Record, settings: Settings) -> list[str]:
    """The group that is asked to approve: that of the nearest scope."""
    return list(nearest(settings.janitor.approvers, record.finding.resource_id, settings.guard.admins))


# -- leaving it in the outbox -------------------------------------------------------------------------------------


def _write_down(told: Round, events: list[Event], state: State, settings: Settings, now: datetime) -> None:
    head = state.audit_head()
    before = _plan(state)
    mails = [{"at": now.isoformat(), **written(letter, settings, now, head)} for letter in told.letters.values()]
    plan = {
        "mails": [*before["mails"], *mails],
        "asked": [*before["asked"], *([record.number, record.round] for record in told.asked)],
        "keys": told.keys,
        "cursor": events[-1].number if events else None,
    }
    state.keep(OUTGOING, plan, now)


def _plan(state: State) -> Json:
    """What was written down and has not all left."""
    found: Json = state.kept(OUTGOING).get(OUTGOING) or {"mails": [], "asked": [], "keys": [], "cursor": None}
    return found


def _finish(state: State, settings: Settings, now: datetime) -> Told:
    """Leave in the outbox what was written down, and remember it as told.

    A mail that does not leave stops no other: it stays written down, and what it asks does not count as asked. One that
    was given up for everybody is no longer: what it asks is asked anew.
    """
    plan = _plan(state)
    outbox = mail.Letterbox(state, settings, now)
    paths, stayed, problems = [], [], []
    silent: set[str] = set()
    for one in plan["mails"]:
        message = partial(
            mail.notice, one["kind"], subject=one["subject"], text=one["text"], html=one["html"], about=one["about"],
            made=datetime.fromisoformat(one["at"]), settings=settings.mail,
        )  # fmt: skip
        try:
            paths.append(outbox.put_for(one["to"], settings.guard.admins, message))
        except FinopsError as fault:
            stayed += [] if isinstance(fault, mail.Refused) else [one]
            silent.update(one["about"])
            problems.append(str(fault))
    waits = {(number, round_) for number, round_ in plan["asked"] if silent & _asking(number, round_)}
    # Grace begins when the mails have left, be that days after they were written.
    approvals.told(
        state, list(_still(state, (one for one in plan["asked"] if tuple(one) not in waits))), settings.janitor, now
    )
    for key in plan["keys"]:
        state.told(key, now)
    if plan["cursor"] is not None:
        state.keep(CURSOR, plan["cursor"], now)
    kept = {key for one in stayed for key in one["about"]}
    if stayed:
        asked = [one for one in plan["asked"] if kept & _asking(*one)]
        state.keep(OUTGOING, {"mails": stayed, "asked": asked, "keys": [], "cursor": None}, now)
    elif plan["mails"] or plan["keys"] or plan["cursor"] is not None:
        state.drop(OUTGOING)
    return Told(tuple(paths), problems=tuple(problems))


def _asking(number: int, round_: int) -> set[str]:
    """The keys of mails (Letter.about) that ask about a finding."""
    return {f"janitor/{kind}/{number}/{round_}" for kind in ("owner", "approvers")}


def _still(state: State, asked: Iterable[list[int]]) -> Iterator[Record]:
    """Findings that still wait in the round that the mails speak of."""
    for number, round_ in asked:
        record = state.findings.get(number)
        if record.round == round_:
            yield record


__all__ = ["Item", "Told", "approvers_of", "owner_of", "tell"]
