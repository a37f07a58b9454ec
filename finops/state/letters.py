"""Letters as they are remembered: what is to be sent, to whom it is owed, and what became of every attempt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .records import moment_of

# waiting: owed. sent: the other side has taken it. failed: given up, or refused for good. unsure: it may have
# arrived, nobody can be asked, and a person decides.
STATUSES = ("waiting", "sent", "failed", "unsure")


@dataclass(frozen=True)
class NewLetter:
    """A mail to be put; `to` holds (channel, address) of everybody who is owed it."""

    message_id: str
    kind: str
    subject: str
    content: bytes
    to: tuple[tuple[str, str], ...]
    link: str = ""


@dataclass(frozen=True)
class Recipient:
    number: int
    letter: int
    channel: str
    address: str
    status: str
    tries: int
    alone: bool
    due_at: datetime | None
    ended_at: datetime | None
    note: str


@dataclass(frozen=True)
class Attempt:
    """One try. `handed_at` None: nothing can have arrived. `ended_at` None: what became of it is not known yet."""

    number: int
    letter: int
    channel: str
    transport: str
    wire_id: str
    recipients: tuple[int, ...]
    began_at: datetime
    until: datetime
    handed_at: datetime | None
    receipt: str
    ended_at: datetime | None
    outcome: str
    said: str


@dataclass(frozen=True)
class StoredLetter:
    number: int
    message_id: str
    kind: str
    subject: str
    link: str
    put_at: datetime
    recipients: tuple[Recipient, ...]

    @property
    def status(self) -> str:
        """The worst of its recipients'."""
        found = {one.status for one in self.recipients}
        return next((status for status in ("unsure", "failed", "waiting", "sent") if status in found), "sent")


@dataclass(frozen=True)
class Fate:
    """What becomes of one recipient after an attempt. due_at: when it is tried again, None for never.

    counts: whether the attempt is one of those after which we give up; alone: None leaves it as it is
    """

    status: str
    note: str = ""
    due_at: datetime | None = None
    counts: bool = True
    alone: bool | None = None


def recipient_of(row: Any) -> Recipient:
    return Recipient(
        row.number, row.letter, row.channel, row.address, row.status, row.tries, bool(row.alone),
        _moment(row.due_at), _moment(row.ended_at), row.note,
    )  # fmt: skip


def attempt_of(row: Any) -> Attempt:
    return Attempt(
        row.number, row.letter, row.channel, row.transport, row.wire_id, tuple(json.loads(row.recipients)),
        moment_of(row.began_at), moment_of(row.until), _moment(row.handed_at), row.receipt, _moment(row.ended_at),
        row.outcome, row.said,
    )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return moment_of(text) if text else None
