"""The outbox in the database: what is put there leaves once, whatever dies in between.

Each attempt is written down before it is made, again right before the step after which the mail may arrive, and once
more when its outcome is known. Whoever is killed leaves an attempt open; the next round finds out what became of it
before it sends anything, and where nobody can be asked, `mail.when_unsure` decides. A fault is treated as a kill.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING

from finops.errors import FinopsError
from finops.mail.content import letter_of
from finops.mail.rewriting import TooLarge, with_fields
from finops.mail.transport import Answer, Outgoing, Said, TooMany, Transport, Unreachable
from finops.state import Attempt, Busy, Fate, Recipient, StoredLetter

if TYPE_CHECKING:
    from finops.config.model import AzureSettings, MailSettings
    from finops.state import Letterbook, State

# Minutes until the next try. Greylisting asks for 5 to 15 (RFC 6647); after these, once an hour.
BACKOFF = (1, 5, 15, 30, 60)
FEWEST_TRIES = 3  # before a mail is given up, however old it is
LEFT = frozenset({"sent", "proven", "missing"})  # outcomes of attempts by which somebody got the mail
LOST_AFTER = timedelta(days=7)  # a mail is looked for among the sent ones for so long


@dataclass(frozen=True)
class Delivered:
    """Recipients by what became of them in one round: sent, given up, held for a person; and still owed afterwards.

    problems: what a person should know, one line each; busy: another process is at it, and nothing was done here
    """

    sent: int = 0
    failed: int = 0
    held: int = 0
    waiting: int = 0
    problems: tuple[str, ...] = ()
    busy: bool = False


class Post:
    """The letters of one state, and how they leave."""

    def __init__(self, state: State, settings: MailSettings, azure: AzureSettings | None = None) -> None:
        self._letters = state.letters
        self._settings = settings
        self._azure = azure

    def put(self, message: EmailMessage, now: datetime, link: str = "") -> bool:
        """Whether the letter is new: one with its Message-ID is kept once. On the disk when this returns.

        link: where chats lead to
        """
        return self._letters.add(letter_of(message, self._settings, link), now)

    def deliver(self, now: datetime, transports: Mapping[str, Transport] | None = None) -> Delivered:
        """Send what is due. Another process that is at it already does so in our place.

        transports: by channel (mail, teams, slack), in place of those that the settings name
        """
        with ExitStack() as stack:
            try:
                alone = stack.enter_context(self._letters.turn())
            except Busy:
                return Delivered(waiting=self._owed(), busy=True)
            if transports is None:
                from finops.mail.carriers import carriers

                transports = stack.enter_context(carriers(self._settings, self._azure))
            found = _Round(self._letters, self._settings, transports, now, alone).run()
        return replace(found, waiting=self._owed())

    def retry(self, number: int, now: datetime) -> int:
        """Have a letter sent again to those for whom it failed or may have arrived: how many."""
        return self._letters.decide(number, ("failed", "unsure"), Fate("waiting", "", now), now)

    def arrived(self, number: int, now: datetime, who: str) -> int:
        """Take a letter for arrived with those for whom nobody knows, as `who` says: how many."""
        return self._letters.decide(number, ("unsure",), Fate("sent", f"it arrived, as {who} says"), now)

    def _owed(self) -> int:
        return self._letters.count().get("waiting", 0)


class _Round:
    """One round of delivering, in one's turn."""

    def __init__(
        self,
        letters: Letterbook,
        settings: MailSettings,
        transports: Mapping[str, Transport],
        now: datetime,
        alone: bool,
    ) -> None:
        self._letters = letters
        self._settings = settings
        self._transports = transports
        self._now = now
        self._alone = alone
        self._counts = {"sent": 0, "failed": 0, "unsure": 0}
        self._problems: list[str] = []
        self._down: set[str] = set()  # channels that cannot be spoken to in this round

    def run(self) -> Delivered:
        for attempt in self._letters.open_attempts():
            self._settle(attempt)
        for number, channel in self._letters.due(self._now):
            # those who get it by themselves are taken one after the other
            while channel not in self._down and self._send(number, channel):
                pass
        self._prove()
        self._letters.clear(self._now - timedelta(days=self._settings.keep_days))
        counts = self._counts
        return Delivered(counts["sent"], counts["failed"], counts["unsure"], 0, tuple(dict.fromkeys(self._problems)))

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(self, number: int, channel: str) -> bool:
        """Make one attempt for those who are due. False where there is nobody, or nothing more can be done now."""
        letter = self._letters.get(number)
        tried = self._letters.attempts(number)
        to = self._whom(letter, channel)
        transport = self._transports.get(channel)
        if not to or any(one.ended_at is None and one.channel == channel for one in tried):
            return False
        if transport is None:
            self._problem(letter, f"there is no way out for {channel} any more (mail.{channel}.webhook)")
            return False
        wire_id = _wire_id(letter.message_id, [one.wire_id for one in tried if one.outcome in LEFT])
        mail = self._outgoing(letter, channel, wire_id, to, transport.receipt())
        attempt = self._letters.begin(
            number, channel, transport.name, wire_id, [one.number for one in to], self._now,
            self._now + transport.longest, mail.receipt,
        )  # fmt: skip
        by_address = {one.address: one for one in to}
        settled: dict[int, Fate] = {}

        def handing(said: Mapping[str, Said]) -> None:
            """A fault of the disk here comes before anything can arrive, and stops the attempt."""
            fates = {by_address[who].number: self._fate(by_address[who], letter, one) for who, one in said.items()}
            self._letters.handed(attempt, self._now, fates)
            settled.update(fates)
            for who, one in said.items():
                self._note(letter, by_address[who], one, fates[by_address[who].number])

        try:
            said = transport.send(mail, handing)
        except TooMany as fault:
            self._apart(attempt, [one for one in to if one.number not in settled], fault.what)
            return True
        except TooLarge as fault:
            self._end(attempt, "refused", letter, {one: Said("refused", str(fault)) for one in to})
            return True
        except FinopsError as fault:
            return self._after_fault(attempt, letter, to, fault)
        except OSError as fault:
            return self._after_fault(attempt, letter, to, _unforeseen(fault))
        if any(one.status == "pending" for one in said.values()):
            return False  # asked for in the next round
        rest = {by_address[who]: one for who, one in said.items() if by_address[who].number not in settled}
        statuses = {one.status for one in rest.values()}
        self._end(attempt, "sent" if "sent" in statuses else "refused" if statuses == {"refused"} else "not-sent",
                  letter, rest)  # fmt: skip
        return bool(self._whom(self._letters.get(number), channel))

    def _after_fault(self, attempt: int, letter: StoredLetter, to: list[Recipient], fault: FinopsError) -> bool:
        """What is known after a fault stands in the database: whether the mail had been handed over."""
        [known] = [one for one in self._letters.attempts(letter.number) if one.number == attempt]
        if isinstance(fault, Unreachable):
            self._down.add(known.channel)
        if known.handed_at is None:
            self._end(attempt, "not-sent", letter, {one: Said("later", str(fault)) for one in to}, str(fault))
            return False
        self._settle(known, str(fault))
        return False

    def _apart(self, attempt: int, to: list[Recipient], why: str) -> None:
        """What was refused for all may be about one of them: each gets it by itself."""
        single = Fate("waiting", why, self._now, counts=False, alone=True)
        self._letters.end(attempt, "not-sent", why, {one.number: single for one in to}, self._now)

    def _whom(self, letter: StoredLetter, channel: str) -> list[Recipient]:
        """Who is due: all together, but those who get it by themselves one at a time."""
        due = [
            one for one in letter.recipients
            if one.channel == channel and one.status == "waiting" and one.due_at and one.due_at <= self._now
        ]  # fmt: skip
        together = [one for one in due if not one.alone]
        return together or due[:1]

    def _outgoing(
        self, letter: StoredLetter, channel: str, wire_id: str, to: list[Recipient], receipt: str
    ) -> Outgoing:
        content = self._letters.content(letter.number)
        if wire_id != letter.message_id:
            content = with_fields(content, Message_ID=wire_id)
        addresses = tuple(one.address for one in to)
        return Outgoing(wire_id, content, addresses, letter.subject, letter.kind, letter.link, receipt)

    # -- what became of it ------------------------------------------------------------------------------------------

    def _settle(self, attempt: Attempt, fault: str = "") -> None:
        """Find out what became of an attempt that was not ended."""
        letter = self._letters.get(attempt.letter)
        to = [one for one in letter.recipients if one.number in attempt.recipients and one.status == "waiting"]
        if not fault and not self._alone and self._now < attempt.until:
            return  # whoever began it may have lost only the connection to the database
        if attempt.handed_at is None:
            again = {one.number: Fate("waiting", one.note, self._now, counts=False) for one in to}
            self._letters.end(attempt.number, "not-sent", "it was interrupted before anything left", again, self._now)
            return
        transport = self._transports.get(attempt.channel)
        patience = timedelta(minutes=self._settings.unsure_minutes)
        try:
            if transport is None or transport.name != attempt.transport:
                answer = Answer("cannot", f"the way out was {attempt.transport} then")
            else:
                answer = transport.ask(attempt)
        except FinopsError as trouble:
            answer = Answer("pending", str(trouble))
        except OSError as trouble:
            answer = Answer("pending", _unforeseen(trouble).what)
        if answer.found == "absent" and self._now - attempt.handed_at >= patience:
            assert transport
            known = not transport.proves or self._finds(transport)
            no = "it has not been seen yet that mails that left are found there"
            answer = Answer("never", answer.why) if known else Answer("cannot", f"{answer.why}, and {no}")
        elif answer.found == "pending" and self._now - attempt.handed_at >= timedelta(hours=self._settings.retry_hours):
            answer = Answer("cannot", answer.why)
        self._conclude(attempt, letter, to, answer, "; ".join(part for part in (fault, answer.why) if part))

    def _conclude(self, attempt: Attempt, letter: StoredLetter, to: list[Recipient], answer: Answer, said: str) -> None:
        if answer.found == "arrived":
            transport = self._transports.get(attempt.channel)
            outcome = "proven" if transport and transport.proves else "sent"
            self._end(attempt.number, outcome, letter, dict.fromkeys(to, Said("sent", answer.why)), said)
        elif answer.found == "refused" and len(to) > 1:
            self._apart(attempt.number, to, said)
        elif answer.found == "refused":
            self._end(attempt.number, "refused", letter, dict.fromkeys(to, Said("refused", said)), said)
        elif answer.found == "never":
            self._end(attempt.number, "not-sent", letter, dict.fromkeys(to, Said("later", said)), said)
        elif answer.found == "cannot":
            self._unsure(attempt, letter, to, said)
        else:
            self._problem(letter, f"it may have left, and is looked for again: {said}")

    def _unsure(self, attempt: Attempt, letter: StoredLetter, to: list[Recipient], said: str) -> None:
        """It may have arrived, and nobody can be asked: send it again, or hold it for a person."""
        why = f"it may have arrived, and nobody can be asked: {said}"
        if self._resends(letter.kind):
            self._end(attempt.number, "unsure", letter, dict.fromkeys(to, Said("later", f"{why}; sent again")), said)
            return
        held = {one.number: Fate("unsure", why) for one in to}
        self._letters.end(attempt.number, "unsure", said, held, self._now)
        self._counts["unsure"] += len(held)
        self._problem(letter, f"{why}. Held: `finops mail retry {letter.number}` sends it again")

    def _resends(self, kind: str) -> bool:
        """A lost notice is worse than two; a second report is worse than one that a person looks after (I7)."""
        rule = self._settings.when_unsure
        return rule == "send" or (rule == "by-kind" and kind != "report")

    def _end(
        self, attempt: int, outcome: str, letter: StoredLetter, said: Mapping[Recipient, Said], why: str = ""
    ) -> None:
        fates = {one.number: self._fate(one, letter, what) for one, what in said.items()}
        whys = "; ".join(dict.fromkeys(what.why for what in said.values() if what.why))
        self._letters.end(attempt, outcome, why or whys, fates, self._now)
        for one, what in said.items():
            self._note(letter, one, what, fates[one.number])

    def _note(self, letter: StoredLetter, one: Recipient, said: Said, fate: Fate) -> None:
        """Count it, and say what is wrong."""
        if fate.status in self._counts:
            self._counts[fate.status] += 1
        if said.status in ("refused", "later"):
            end = "given up" if fate.status == "failed" else "tried again"
            self._problem(letter, f"{said.why} ({one.address or one.channel}; {end})")

    def _fate(self, one: Recipient, letter: StoredLetter, said: Said) -> Fate:
        if said.status == "sent":
            return Fate("sent", said.why)
        if said.status == "refused":
            return Fate("failed", said.why)
        tries = one.tries + 1
        old = self._now - letter.put_at >= timedelta(hours=self._settings.retry_hours)
        if old and tries >= FEWEST_TRIES:
            return Fate("failed", f"given up after {tries} tries: {said.why}")
        wait = timedelta(minutes=BACKOFF[min(tries, len(BACKOFF)) - 1])
        return Fate("waiting", said.why, self._now + wait)

    def _problem(self, letter: StoredLetter, what: str) -> None:
        self._problems.append(f"Letter {letter.number} ({letter.subject}): {what}.")

    def _finds(self, transport: Transport) -> bool:
        """Whether mails that left are found again: the last that was looked for was."""
        if not self._letters.finds(transport.name):
            self._prove()
        return self._letters.finds(transport.name)

    def _prove(self) -> None:
        """Look for what was taken some time ago: a server that takes mail and drops it is found out here."""
        patience = timedelta(minutes=self._settings.unsure_minutes)
        trusted: dict[str, bool] = {}
        for attempt in self._letters.unproven(self._now - LOST_AFTER, self._now - patience):
            transport = self._transports.get(attempt.channel)
            if transport is None or transport.name != attempt.transport or not transport.proves:
                continue
            trusted.setdefault(transport.name, self._letters.finds(transport.name))
            try:
                answer = transport.ask(attempt)
            except FinopsError as fault:
                self._problems.append(str(fault))
                return
            except OSError as fault:
                self._problems.append(str(_unforeseen(fault)))
                return
            if answer.found == "arrived":
                self._letters.prove(attempt.number, "proven", answer.why, {}, self._now)
                trusted[transport.name] = True
            elif answer.found in ("absent", "never", "refused"):
                self._dropped(attempt, answer.why, trusted[transport.name])

    def _dropped(self, attempt: Attempt, why: str, trusted: bool) -> None:
        """The server took it, and there is no copy. Alerts are sent again, where copies were found until now.

        Where the next one is not found either, copies are trusted no more: nothing goes round in circles.
        """
        letter = self._letters.get(attempt.letter)
        to = [one for one in letter.recipients if one.number in attempt.recipients and one.status == "sent"]
        why = f"the server took it, and {why or 'there is no trace of it'}: it may have been dropped"
        if trusted and self._resends(letter.kind):
            fate, end = Fate("waiting", why, self._now), "It is sent again"
        else:
            fate, end = Fate("unsure", why), f"Held: `finops mail retry {letter.number}` sends it again"
            self._counts["unsure"] += len(to)
        self._letters.prove(attempt.number, "missing", why, {one.number: fate for one in to}, self._now)
        self._problem(letter, f"{why}. {end}")


def _unforeseen(fault: OSError) -> FinopsError:
    """A fault that its way out does not explain; it must not keep other letters from leaving."""
    return FinopsError(f"The way out broke ({fault.strerror or type(fault).__name__}).", "It is tried again.")


def _wire_id(message_id: str, used: list[str]) -> str:
    """The letter's own Message-ID, until somebody got the mail under it: then the others get another one.

    Whether a mail with this id left can thus always be told, also by a mailbox that keeps one copy of each id.
    """
    if message_id not in used:
        return message_id
    number = 2
    while (found := f"<{number}.{message_id.strip('<>')}>") in used:
        number += 1
    return found
