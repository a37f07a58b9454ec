"""The desk: where people decide, one answer for each row in a sentence. What they decide on is named by its digest."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops.approvals.moving import step
from finops.approvals.people import COMMAND_LINE, Answer, Person, owns
from finops.approvals.statuses import APPROVED, ENDED, allowed
from finops.approvals.votes import APPROVE, GO, counting, is_high, is_own, needed, same_person
from finops.errors import FinopsError
from finops.state import Change, Record, State

if TYPE_CHECKING:
    from finops.config.model import JanitorSettings

Rows = Sequence[tuple[int, str]]  # number, and the digest of what the person saw
Decide = Callable[[Change, Record], str]  # does it, and gives what to say
LONGEST_REASON = 1000


class Refused(Exception):
    """Why a row is not decided, in a sentence."""


class Desk:
    """Takes decisions on findings. Each row is answered; a bulk is one transaction."""

    def __init__(self, state: State, settings: JanitorSettings) -> None:
        self._state = state
        self._settings = settings

    def approve(self, rows: Rows, person: Person, now: datetime, reason: str = "") -> list[Answer]:
        """Approve what was seen: single-use, for its present digest, until some days after the grace."""

        def approve(change: Change, record: Record) -> str:
            _refuse_approval(record, person, now)
            until = max(now, record.due_at or now) + timedelta(days=self._settings.approval_days)
            mine = [v.number for v in record.votes if v.says == APPROVE and (v.oid == person.oid or v.until <= now)]
            change.end_votes(record, "too old, or said again", mine)
            change.vote(record, person.oid, person.name, person.email, APPROVE, reason, now, until)
            voted = change.get(record.number)
            stand = counting(voted, now)
            if len(stand) < needed(voted):
                change.say(voted, _because("Approved by one of two", reason), now, person.who)
                return "You approved it. It is of high risk: another person must approve it as well."
            ends = min(vote.until for vote in stand)
            step(change, voted, "approved", _because("Approved", reason), now, person.who, approved_until=ends)
            return f"Approved until {ends:%d %B %Y %H:%M} UTC. It is checked again before anything is done."

        return self._each(rows, person, now, approve)

    def deny(self, rows: Rows, person: Person, now: datetime, reason: str) -> list[Answer]:
        """Say no, for a reason. It holds for janitor.longest_days."""
        until = now + timedelta(days=self._settings.longest_days)
        return self._left_alone(rows, person, now, "denied", until, reason, "Denied")

    def snooze(
        self, rows: Rows, person: Person, now: datetime, until: datetime | None = None, reason: str = ""
    ) -> list[Answer]:
        """Leave it alone until a moment, for a reason; by default for janitor.snooze_days."""
        return self._left_alone(rows, person, now, "snoozed", self._end(now, until), reason, "Snoozed")

    def exempt(
        self, rows: Rows, person: Person, now: datetime, until: datetime | None = None, reason: str = ""
    ) -> list[Answer]:
        """Take it out of the rule until a moment, for a reason; by default for janitor.snooze_days."""
        return self._left_alone(rows, person, now, "exempt", self._end(now, until), reason, "Exempt")

    def answer_as_owner(
        self, rows: Rows, person: Person, now: datetime, needs: bool, reason: str = "", until: datetime | None = None
    ) -> list[Answer]:
        """The owner's word: needed (snoozed until a moment, for a reason), or not (the grace ends now).

        Whoever says that it is not needed has put it forward: for high risk, others must approve it.
        """
        if needs:
            return self._left_alone(
                rows, person, now, "snoozed", self._end(now, until), reason, "Its owner needs it", as_owner=True
            )

        def let_go(change: Change, record: Record) -> str:
            if record.status not in {"asked", "pending", "approved"}:
                raise Refused(f"It is {record.status}: there is nothing to answer.")
            change.end_votes(record, "said again", [v.number for v in record.votes if v.says == GO])
            change.vote(record, person.oid, person.name, person.email, GO, reason, now, now + timedelta(days=366))
            said = _because("Its owner does not need it", reason)
            change.say(change.get(record.number), said, now, person.who, due_at=now,
                       requester=person.oid[:200])  # fmt: skip
            return "Thank you. It is done as soon as it is approved."

        return self._each(rows, person, now, let_go, as_owner=True)

    def _left_alone(
        self, rows: Rows, person: Person, now: datetime, status: str, until: datetime, reason: str, word: str,
        as_owner: bool = False,
    ) -> list[Answer]:  # fmt: skip
        def leave(change: Change, record: Record) -> str:
            problem = self._no_good(now, until, reason)
            if problem:
                raise Refused(problem)
            said = _because(f"{word} until {until:%d %B %Y}", reason)
            if record.status == "quiet":
                change.end_votes(record, said)
                change.vote(record, person.oid, person.name, person.email, status, reason, now, until)
                change.say(record, f"{said} The quiet step is to be taken back.", now, person.who, snoozed_until=until)
                return "Noted: what was done for the quiet step is taken back, and nothing more is done."
            if record.status == status == "denied":
                raise Refused("It is denied already.")
            if record.status != status and not allowed(record.status, status):
                raise Refused(f"It is {record.status}: too late for that.")
            if record.status == status:
                change.say(record, said, now, person.who, snoozed_until=until)
            else:
                step(change, record, status, said, now, person.who, snoozed_until=until)
            return f"{word} until {until:%d %B %Y}."

        return self._each(rows, person, now, leave, as_owner=as_owner)

    def _no_good(self, now: datetime, until: datetime, reason: str) -> str:
        longest = now + timedelta(days=self._settings.longest_days)
        if not reason.strip():
            return "Give a reason: others read it."
        if len(reason) > LONGEST_REASON:
            return f"The reason is too long: at most {LONGEST_REASON} characters."
        if until <= now:
            return "Its end is past: give a later day."
        if until > longest:
            return f"{until:%d %B %Y} is too far away: at most {self._settings.longest_days} days, {longest:%d %B %Y}."
        return ""

    def _end(self, now: datetime, until: datetime | None) -> datetime:
        return until if until is not None else now + timedelta(days=self._settings.snooze_days)

    def _each(self, rows: Rows, person: Person, now: datetime, decide: Decide, as_owner: bool = False) -> list[Answer]:
        """One answer for each row, all in one transaction; a row that is named twice is decided once."""
        unique = list(dict.fromkeys(rows))
        answers = []
        with self._state.findings.changing() as change:
            for number, digest in unique:
                try:
                    record = _seen(change, number, digest)
                    _refuse_person(record, person, as_owner)
                    if len(unique) > 1 and is_high(record):
                        raise Refused("It is of high risk, and decided on its own, not with others.")
                    answers.append(Answer(number, True, decide(change, record)))
                except Refused as refused:
                    answers.append(Answer(number, False, str(refused)))
        return answers


def _seen(change: Change, number: int, digest: str) -> Record:
    try:
        record = change.get(number)
    except FinopsError as fault:
        raise Refused(fault.what) from fault
    if record.status in ENDED:
        raise Refused(f"It is {record.status}: {record.note}")
    if not hmac.compare_digest(digest.encode(), record.finding.digest.encode()):
        raise Refused("It is not what you saw any more. Look at it again, and decide anew.")
    return record


def _refuse_person(record: Record, person: Person, as_owner: bool) -> None:
    if not person.oid.strip():
        raise Refused("Nobody is signed in.")
    if as_owner:
        if not owns(person, record.finding.owner):
            whose = record.finding.owner or "nobody known"
            raise Refused(f"You are not its owner, as far as is known: that is {whose}.")
    elif not person.approves:
        raise Refused("You may look, but not decide: that takes the role of an approver.")


def _refuse_approval(record: Record, person: Person, now: datetime) -> None:
    if record.status == "expired":
        raise Refused(f"The request has expired. {record.note} It will be made again if it is still there.")
    if record.status in APPROVED:
        raise Refused("It is approved already.")
    if record.status != "pending":
        raise Refused(f"It is {record.status}: there is nothing to approve.")
    if record.expires_at is not None and record.expires_at <= now:
        raise Refused(f"The request expired on {record.expires_at:%d %B %Y %H:%M} UTC.")
    if is_high(record) and person.oid == COMMAND_LINE:
        raise Refused("Its risk is high, and on the command line nothing proves who you are: approve it on the page.")
    if is_high(record) and is_own(record, person):
        raise Refused("It is yours, or you put it forward, and its risk is high: others must approve it.")
    if any(same_person(vote, person) for vote in counting(record, now)):
        raise Refused("You have approved it already; another person must approve it as well.")


def _because(said: str, reason: str) -> str:
    return f"{said}: {reason.strip()[:LONGEST_REASON]}" if reason.strip() else f"{said}."
