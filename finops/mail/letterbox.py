"""The outbox as a job uses it: put a mail, and see it leave."""

from __future__ import annotations

import time
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from finops.errors import FinopsError
from finops.mail.folder import Folder
from finops.mail.outbox import name_of
from finops.mail.post import Post

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

OTHERS_SECONDS = 10.0  # longest wait for another process that is sending at the moment


class Letterbox:
    """Letters of `state`, sent right after they were put, as it is `now`."""

    def __init__(self, state: State, settings: Settings, now: datetime) -> None:
        self._letters = state.letters
        self._settings = settings.mail
        self._post = Post(state, settings.mail, settings.azure)
        self._now = now

    def put(self, message: EmailMessage, link: str = "") -> Path:
        """The mail's file, or its name where it leaves otherwise. Raises while it has left to nobody.

        It then stays in the outbox and is tried again; put again, it is tried at once. So whatever counts from the day
        on which somebody was told waits until they were.
        """
        self.add(message, link)
        number = self._letters.number_of(_id_of(message))
        assert number is not None
        letter = self._letters.get(number)
        waiting = [one for one in letter.recipients if one.channel == "mail"]
        if waiting and all(one.status == "waiting" for one in waiting):
            why = next((one.note for one in waiting if one.note), "another process is sending")
            raise FinopsError(
                f"The mail '{letter.subject}' to {', '.join(one.address for one in waiting)} has not left yet: {why}",
                "It stays in the outbox (`finops mail list`) and is tried again.",
            )
        return self.path_of(message)

    def add(self, message: EmailMessage, link: str = "") -> bool:
        """Whether it is new in the outbox. Where it does not leave now, `finops mail list` says why."""
        new = self._post.put(message, self._now, link)
        number = self._letters.number_of(_id_of(message))
        assert number is not None
        if not new:
            self._letters.hurry(number, self._now)
        until = time.monotonic() + OTHERS_SECONDS
        while self._post.deliver(self._now).busy and time.monotonic() < until:
            time.sleep(0.1)
        return new

    def path_of(self, message: EmailMessage) -> Path:
        """Where the mail lies, or will; only its name, where it is no file."""
        if self._settings.transport == "file":
            return Folder(self._settings.outbox).path_of(_id_of(message))
        return Path(name_of(_id_of(message)))


def _id_of(message: EmailMessage) -> str:
    return str(message["Message-ID"] or "").strip()
