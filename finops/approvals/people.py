"""People: who asks, who answers, and what each may decide."""

from __future__ import annotations

import re
from dataclasses import dataclass

READER, APPROVER = "reader", "approver"

# Entra's name of a guest: ana_example.com#EXT#@contoso.onmicrosoft.com, where no mail arrives.
_GUEST = re.compile(r"(?i)^(.+)_([^_@]+)#ext#@.+$")
_ADDRESS = re.compile(r"^[^@\s,;:<>\"()\[\]\\]+@[^@\s,;:<>\"()\[\]\\]+\.[^@\s,;:<>\"()\[\]\\]+$")


@dataclass(frozen=True)
class Person:
    """Somebody who signed in. `oid` tells people apart; names and addresses may change, or be shared."""

    oid: str
    name: str
    email: str
    roles: frozenset[str]  # of {"reader", "approver"}

    @property
    def approves(self) -> bool:
        return APPROVER in self.roles

    @property
    def who(self) -> str:
        """As history and audit trail name them."""
        return f"{self.name[:80]} ({self.oid})"


@dataclass(frozen=True)
class Answer:
    """What became of one row of a decision, in a sentence for the person who took it."""

    number: int
    ok: bool
    said: str


def address(owner: str) -> str:
    """The mail address of an owner; "" for what is none."""
    guest = _GUEST.match(owner.strip())
    written = f"{guest[1]}@{guest[2]}" if guest else owner.strip()
    return written if _ADDRESS.match(written) else ""


def owns(person: Person, owner: str) -> bool:
    """Whether `owner`, as a tag or Azure names it, is this person."""
    named = {owner.strip().casefold(), address(owner).casefold()} - {""}
    return bool(named & {person.oid.casefold(), person.email.strip().casefold(), address(person.email).casefold()})
