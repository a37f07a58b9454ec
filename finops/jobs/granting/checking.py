"""What is granted compared with what is needed: per feature what is missing, and what nothing needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finops.errors import AzureError
from finops.jobs.granting.held import Json, State, Surplus, state_of, surplus
from finops.jobs.granting.needs import Need, Who
from finops.jobs.granting.roles import Role

if TYPE_CHECKING:
    from finops.cloud import Azure


@dataclass(frozen=True)
class Found:
    """One need at one scope. why: of what is unknown."""

    need: Need
    scope: str
    state: State
    why: str = ""


@dataclass(frozen=True)
class Beyond:
    """What an identity holds at a scope that no feature needs."""

    who: Who
    scope: str
    surplus: Surplus


@dataclass(frozen=True)
class Checked:
    found: tuple[Found, ...]
    beyond: tuple[Beyond, ...]

    @property
    def missing(self) -> tuple[Found, ...]:
        return tuple(one for one in self.found if one.state == "missing")

    @property
    def unknown(self) -> tuple[Found, ...]:
        return tuple(one for one in self.found if one.state == "unknown")


def check(identities: dict[Who, Azure], roles: Sequence[Role]) -> Checked:
    """Each role's needs at each of its scopes, asked as the identity that has to hold them.

    One identity for both: what either needs is no surplus.
    """
    from finops.cloud.granted import permissions

    found: list[Found] = []
    beyond: list[Beyond] = []
    both = identities.get("reader") is identities.get("executor")
    asked: dict[tuple[int, str], list[Json] | AzureError] = {}
    for role in roles:
        azure = identities[role.who]
        for scope in role.scopes:
            if "REPLACE-ME" in scope:
                why = "where it has to be held is not known here"
                found += [Found(need, scope, "unknown", why) for need in role.needs]
                continue
            key = (id(azure), scope.lower())
            if key not in asked:
                try:
                    asked[key] = permissions(azure, scope)
                except AzureError as fault:
                    asked[key] = fault
            held = asked[key]
            if isinstance(held, AzureError):
                found += [Found(need, scope, "unknown", f"{held.what} {held.fix}") for need in role.needs]
                continue
            for need in role.needs:
                state = state_of(need, held)
                why = "only a role with a condition grants it" if state == "unknown" else ""
                found.append(Found(need, scope, state, why))
            needs = [need for other in roles if both or other.who == role.who for need in other.needs]
            more = [Beyond(role.who, scope, one) for one in surplus(needs, held)]
            beyond += [one for one in more if one not in beyond]
    if both:
        beyond = list({(one.scope.lower(), one.surplus): one for one in beyond}.values())
    return Checked(tuple(found), tuple(beyond))
