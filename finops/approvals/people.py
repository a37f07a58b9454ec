"""People: who asks, who answers, and what each may decide."""

from __future__ import annotations

import re
from dataclasses import dataclass

READER, APPROVER = "reader", "approver"
COMMAND_LINE = "command-line"  # the oid of whoever can open the state database, which is anybody who may

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
    # Every address that the sign-in names, `email` or not, checked or not: enough to be kept from one's own.
    addresses: frozenset[str] = frozenset()

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
    return bool(_spellings(owner) & ({person.oid.casefold()} | _spellings(person.email)))


def may_own(person: Person, owner: str) -> bool:
    """Whether `owner` may be this person under any of their addresses: reason enough not to count their vote."""
    return owns(person, owner) or any(_spellings(owner) & _spellings(one) for one in person.addresses)


def _spellings(named: str) -> set[str]:
    return {named.strip().casefold(), address(named).casefold()} - {""}
