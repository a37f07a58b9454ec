"""What was done, or refused, kept until those whose it is have their mail."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from finops.estate.model import Json
from finops.jobs.guarding.plan import Line

if TYPE_CHECKING:
    from finops.state import State

KEPT = "guard/deed/"

_ASKED = re.compile(r"(Azure refused )[A-Z]+ /\S+")
_ASSIGNED = re.compile(r'"policyAssignment":\{"name":"([^"]+)"')

# What may be done where a policy stands in the way.
EXEMPTION = (
    "Whoever governs the subscription can give it a policy exemption (az policy exemption create); or make it anew "
    "with spot nodes yourself."
)


@dataclass(frozen=True)
class Deed:
    """Something for the one whose it is: done, or refused by Azure. `loud`: for the admins too."""

    line: Line
    did: str
    notes: tuple[str, ...] = ()
    refused: bool = False
    loud: bool = False


def keep(deed: Deed, about: str, state: State, now: datetime) -> bool:
    """Keep a deed until its mail is put; False where its owner was told of it before. about: what is told once."""
    if state.told_at(about) is not None:
        return False
    told = {
        "id": deed.line.id, "owner": deed.line.owner, "did": deed.did, "notes": list(deed.notes),
        "refused": deed.refused, "loud": deed.loud, "about": about, "at": now.isoformat(),
    }  # fmt: skip
    state.keep(f"{KEPT}{hashlib.sha256(about.encode()).hexdigest()}", told, now)
    return True


def refusal(why: str) -> str:
    """What Azure said, for people: without the path that it was asked for, and policies by their names."""
    said = _ASKED.sub(r"\1it", why.partition(" Read back:")[0])
    names = list(dict.fromkeys(_ASSIGNED.findall(said)))
    return f"{said.partition(' Policy identifiers:')[0]} Policies: {', '.join(names)}." if names else said


def kept(state: State) -> Iterator[tuple[str, Json]]:
    """Each deed that no mail has told yet, and the key that it is kept under."""
    yield from state.kept(KEPT).items()
