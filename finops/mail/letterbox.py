"""The outbox as a job uses it: put a mail, and see it leave."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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

GOT = ("sent", "unsure")  # unsure: a person decides whether it is sent again; meanwhile it may well have arrived
OTHERS_SECONDS = 10.0  # longest wait for another process that is sending at the moment


class Refused(FinopsError):
    """A mail was given up for everybody whom it was for."""


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
        on which somebody was told waits until they were. Refused: it was given up for all of them.
        """
        self.add(message, link)
        number = self._letters.number_of(_id_of(message))
        assert number is not None
        letter = self._letters.get(number)
        people = [one for one in letter.recipients if one.channel == "mail"]
        if people and not any(one.status in GOT for one in people):
            what = f"The mail '{letter.subject}' to {', '.join(one.address for one in people)}"
            why = next((one.note for one in people if one.note), "another process is sending")
            if all(one.status == "failed" for one in people):
                again = f"Mend the address, or `finops mail retry {number}`."
                raise Refused(f"{what} was given up: {why}", again)
            raise FinopsError(
                f"{what} has not left yet: {why}",
                "It stays in the outbox (`finops mail list`) and is tried again.",
            )
        return self.path_of(message)

    def put_for(
        self, people: Sequence[str], others: Sequence[str], written: Callable[[list[str]], EmailMessage]
    ) -> Path:
        """As `put`, to `people`; where it is refused for all of them, to `others`. written: the mail to somebody."""
        try:
            return self.put(written(list(people)))
        except Refused:
            if not set(others) - set(people):
                raise
            return self.put(written(list(others)))

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
