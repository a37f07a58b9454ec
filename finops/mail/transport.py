"""What every way out has in common: what it gets, what it says, and how it is asked whether a mail left."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

from finops.errors import FinopsError, TemporaryError
from finops.state import Attempt


@dataclass(frozen=True)
class Said:
    """What the other side said about one recipient.

    sent: it took the mail. refused: it never will. later: not now. pending: it is at it; ask for it later.
    """

    status: Literal["sent", "refused", "later", "pending"]
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of a mail that may have left.

    arrived: it left. never: it certainly did not. absent: there is no trace of it yet. pending: the other side is at
    it. refused: the other side took it and gave up. cannot: there is nobody to ask.
    """

    found: Literal["arrived", "never", "absent", "pending", "refused", "cannot"]
    why: str = ""


@dataclass(frozen=True)
class Outgoing:
    """One mail, ready for the wire: `content` has CRLF line ends and `wire_id` as its Message-ID."""

    wire_id: str
    content: bytes = field(repr=False)
    to: tuple[str, ...]
    subject: str
    kind: str
    link: str
    receipt: str


# Called right before the step after which the mail may arrive; with what is already settled about single recipients.
Handing = Callable[[Mapping[str, Said]], None]


class Transport(Protocol):
    """A way out."""

    name: str
    longest: timedelta  # after which an attempt is over, whatever the other side does
    proves: bool  # whether a mail that left can be found again

    def receipt(self) -> str:
        """By what the other side will be asked for a new attempt; "" where the Message-ID does."""

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        """What was said about each recipient. A fault before `handing` means that nothing left."""

    def ask(self, attempt: Attempt) -> Answer:
        """What came of an attempt that was handed over."""

    def check(self) -> str:
        """Reach and sign in, send nothing; what was found, in words."""


class Unreachable(TemporaryError):
    """The other side cannot be spoken to at all: no other mail would fare better now."""


class TooMany(FinopsError):
    """The other side refused a mail to several for what may be one of them: each gets it by itself."""


def scrubbed(text: str, *secrets: str) -> str:
    """`text` of a server on one line, without our secrets, plain or as they went over the wire, not endless."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***").replace(b64encode(secret.encode()).decode(), "***")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:400]
