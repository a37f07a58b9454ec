"""Findings on the command line: opening what is remembered, and printing records for people and programs."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.cli.output import note
from finops.cli.session import Session
from finops.errors import TemporaryError, UsageError

if TYPE_CHECKING:
    from finops.approvals import Person
    from finops.janitor import Finding
    from finops.state import Event, Record, State, StoredFinding

Json = dict[str, Any]
ID = re.compile(r"(\d{1,9})(?:-([0-9a-f]{8,64}))?")


@contextmanager
def opened(session: Session, create: bool = False, first: str = "finops janitor sweep") -> Iterator[State]:
    """What is remembered. Without `create` it must be there: a look leaves no database behind.

    first: the command that makes one
    """
    from finops.config.secrets import sealing
    from finops.state import State

    settings = session.settings.state
    if not create and "://" not in settings.url and not Path(settings.url).exists():
        raise UsageError(f"There is no state database at {settings.url}.", f"Run `{first}` first, or check state.url.")
    with State.open(settings.url, audit_key=sealing(settings.audit_key)) as state:
        yield state


@contextmanager
def look_at(session: Session) -> Iterator[State | None]:
    """What is remembered, where there is something; nothing of it concerns a recording."""
    url = session.settings.state.url
    if session.estate or ("://" not in url and not Path(url).exists()):
        yield None
        return
    with opened(session) as state:
        yield state


def time_of(session: Session) -> datetime | None:
    """The time as of which to show what is remembered; None, and why, where a simulator would have to be asked."""
    try:
        return session.now
    except TemporaryError as fault:
        note(f"! {fault.what} What is shown is as the last command left it.")
        return None


def as_of(now: datetime | None, record: Record) -> Record:
    """`record` as the page shows it: a request that nobody decided in time is expired, before a sweep notes that."""
    from finops.approvals import over

    if now is None or not over(record, now):
        return record
    assert record.expires_at is not None
    said = f"Nobody decided until {_moment(record.expires_at)}. The next sweep notes that."
    return replace(record, status="expired", note=said)


def person() -> Person:
    """Whoever can open the state database. All of them are one person: nothing here proves which one it is."""
    from finops.approvals import APPROVER, COMMAND_LINE, READER, Person

    return Person(COMMAND_LINE, f"{_user()} on {socket.gethostname()}", "", frozenset({READER, APPROVER}))


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def numbered(given: str) -> tuple[int, str]:
    """The number in an ID such as 12-3f9a1c2b, and the start of the digest ("" in a bare number)."""
    found = ID.fullmatch(given.strip().lower())
    if not found:
        raise UsageError(f"'{given}' is no ID.", "Write it as `finops janitor list` prints it, such as 12-3f9a1c2b.")
    return int(found[1]), found[2] or ""


def finding_number(given: str) -> int:
    """The type of a command's parameter: a finding as 12 or, as `finops janitor list` prints it, as 12-3f9a1c2b."""
    return numbered(given)[0]


def reference(record: Record) -> str:
    """What commands call a finding as it is now: its number, and the start of its digest."""
    return f"{record.number}-{record.finding.digest[:8]}"


def brief(record: Record) -> Json:
    """The row of a table: no wider than people read. The whole of it is in every other format."""
    from finops.approvals.naming import VERBS, holder_of, name_of

    finding = record.finding
    amount = finding.saving if finding.saving is not None else finding.monthly_cost
    holder = holder_of(finding.resource_id)
    return {
        "ID": reference(record),
        "Amount": None if amount is None else round(amount, 2),
        "Would": VERBS.get(finding.action, finding.action),
        "Risk": finding.risk or "high",
        "Status": record.status,
        "Until": _day(_until(record)),
        "Resource": f"{holder}/{name_of(finding.resource_id)}" if holder else name_of(finding.resource_id),
        "Owner": finding.owner,
    }


def row(record: Record) -> Json:
    """Everything that is remembered of a finding but its evidence and history."""
    left_out = {"finding", "votes", "version"}
    life = {name: value for name, value in vars(record).items() if name not in left_out}
    votes = [
        {"says": one.says, "by": one.name, "oid": one.oid, "at": one.at, "until": one.until} for one in record.votes
    ]
    return {"id": reference(record), **life, **whole(record.finding), "votes": votes}


def whole(finding: StoredFinding | Finding) -> Json:
    """Every field of a finding but its evidence."""
    from finops.janitor import Quiet

    fields = {name: value for name, value in vars(finding).items() if name != "evidence"}
    quiet = asdict(finding.quiet) if isinstance(finding.quiet, Quiet) else finding.quiet
    lists = {"dependents": list(finding.dependents), "not_checked": list(finding.not_checked)}
    return {**fields, **lists, "quiet": quiet}


def told(record: Record, events: list[Event]) -> Iterator[str]:
    """A finding for people, line by line, no wider than their terminal but for what belongs on one line."""
    from finops.approvals import WORDS, is_high, needed
    from finops.approvals.naming import QUIET, VERBS, kind_of, name_of

    finding = record.finding

    def said(label: str, text: str) -> str:
        return _wrapped(f"{label:<10} {_plain(text)}", " " * 11)

    name, kind = _plain(name_of(finding.resource_id)), kind_of(finding.resource_id)
    yield f"{reference(record)}  {VERBS.get(finding.action, finding.action)} the {kind} {name}"
    yield _plain(finding.resource_id)
    yield ""
    yield said("Status", f"{record.status}: {WORDS[record.status]}")
    if record.note:
        yield said("", record.note)
    yield said("Why", finding.why)
    yield f"Saves      {_money(finding.saving, record.currency)} a month"
    yield f"Cost       {_money(finding.monthly_cost, record.currency)} in 30 days"
    yield f"Owner      {_plain(finding.owner) or 'nobody is known'}"
    approvals = f"{needed(record)} different people" if is_high(record) else "one person"
    yield f"Risk       {finding.risk}: {approvals} must approve"
    if finding.quiet:
        first = str(finding.quiet["action"])
        yield f"First      {QUIET.get(first, first)} for {finding.quiet['days']} days"
    first, last = _moment(record.first_at), _moment(record.last_at)
    yield f"Found      once, {last}" if record.runs == 1 else f"Found      {record.runs} times, {first} to {last}"
    for label, moment in {
        "Not before": record.due_at, "Expires": record.expires_at, "Approved": record.approved_until,
        "Left alone": record.snoozed_until, "Quiet": record.quiet_until, "Restorable": record.restorable_until,
    }.items():  # fmt: skip
        if moment is not None:
            yield f"{label:<10} {'' if label in {'Not before', 'Expires'} else 'until '}{_moment(moment)}"
    known = [*(finding.evidence.get("risks") or []), *(finding.evidence.get("notes") or [])]
    for label, lines in {
        "Evidence": finding.evidence.get("lines") or [], "Refers to it": finding.dependents,
        "Not checked": finding.not_checked, "To be known": known if finding.action == "tier" else [],
    }.items():  # fmt: skip
        if lines:
            yield from ("", label, *(_hanging(_plain(str(one))) for one in lines))
    if record.votes:
        yield from ("", "Votes", *(f"  {one.says}: {_plain(one.name)} ({_plain(one.oid)}), {_moment(one.at)}"
                                   for one in record.votes))  # fmt: skip
    yield from ("", "History")
    for event in events:
        told = f"  {_moment(event.at)}  {event.after:<9}  {_plain(event.who)}: {_plain(event.why)}"
        yield _wrapped(told, " " * 34)


def _wrapped(line: str, indent: str) -> str:
    """A line in as many as the terminal needs, the later ones indented."""
    import shutil
    import textwrap

    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    whole = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(whole)


def _hanging(line: str) -> str:
    """A line that is indented by itself, in as many as the terminal needs."""
    depth = " " * (len(line) - len(line.lstrip()) + 2)
    return _wrapped(depth + line.lstrip(), depth + "    ")


def _until(record: Record) -> datetime | None:
    """The moment that matters in this status."""
    return {
        "pending": record.expires_at, "approved": record.approved_until, "scheduled": record.approved_until,
        "quiet": record.quiet_until, "confirmed": record.restorable_until,
    }.get(record.status, record.snoozed_until)  # fmt: skip


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _money(amount: Any, currency: str) -> str:
    return "not known" if amount is None else f"{amount:,.2f} {currency}".strip()


def _plain(text: str) -> str:
    """Text of others on a terminal: control characters would move the cursor or colour it."""
    from finops.approvals.naming import shown

    return "".join(char if char.isprintable() else "�" for char in shown(text))
