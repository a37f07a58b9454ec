"""A way out for tests that does as it is told, and remembers what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from finops.errors import FinopsError
from finops.mail.transport import Answer, Handing, Outgoing, Said, TooMany
from finops.state import Attempt


@dataclass
class Wire:
    """Says what `said` has for each address, used up from the front, else that it took the mail."""

    name: str = "wire"
    longest: timedelta = timedelta(minutes=5)
    proves: bool = False
    said: dict[str, list[Said]] = field(default_factory=dict)
    fault: FinopsError | None = None  # before anything leaves
    breaks: FinopsError | None = None  # after it may have left
    answer: Answer = field(default_factory=lambda: Answer("cannot", "nobody knows"))
    together: bool = True
    mails: list[Outgoing] = field(default_factory=list)
    asked: list[Attempt] = field(default_factory=list)

    def receipt(self) -> str:
        return "receipt"

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        if self.fault:
            raise self.fault
        said = {who: self.said[who].pop(0) if self.said.get(who) else Said("sent") for who in mail.to}
        handing({who: one for who, one in said.items() if one.status in ("refused", "later")})
        if not self.together and len(mail.to) > 1:
            raise TooMany("One of them is wrong.", "")
        self.mails.append(mail)
        if self.breaks:
            raise self.breaks
        return said

    def ask(self, attempt: Attempt) -> Answer:
        self.asked.append(attempt)
        return self.answer

    def check(self) -> str:
        return "well"
