"""Which resources lack a CostCenter, and where it could come from: inherited, asked for, or only reported.

What is written is only what Azure would say itself: the tag of a scope above. A name or a value that is nearly right
is proposed to people, never corrected by guess.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from finops.estate import Estate, Known, NotKnown, Resource
from finops.estate.facts.tags import SPELLINGS, tagged
from finops.estate.ids import key, scopes, type_of
from finops.estate.owners import owner_of
from finops.estate.queries import JOB, LOCK, SUBSCRIPTION

NAME = "CostCenter"
# Have no tags of their own that count, or are not ours to tag: a subscription's are set by those who own it.
LEFT_OUT = {JOB, LOCK, SUBSCRIPTION}
NEAR = 0.8  # difflib's ratio from which two spellings are taken for meant alike; "cc-4300" and "CC-4301" are not


@dataclass(frozen=True)
class Finding:
    """A resource without a right CostCenter. `kind`: inherit (may be written), propose, ask, or report."""

    id: str
    kind: str
    why: str
    value: str = ""
    source: str = ""  # the scope that `value` is inherited from
    owner: str = ""
    cost: Decimal | None = None


def findings(estate: Estate, allowed: list[str]) -> Iterator[Finding]:
    """Every resource whose own CostCenter is missing, misspelt or not allowed. Costs are of 30 days."""
    for name in sorted(estate.resources):
        resource = estate.resources[name]
        if resource.type not in LEFT_OUT:
            found = _finding(resource, estate, allowed)
            if found is not None:
                yield found


def _finding(resource: Resource, estate: Estate, allowed: list[str]) -> Finding | None:
    own = tags_of(resource)
    owner, cost = owner_of(resource, estate), _cost(resource)
    named = {name: value for name, value in own.items() if name.lower() == NAME.lower() and value.strip()}
    if named:
        name, value = next(iter(named.items()))
        return _misspelt(resource, name, value, allowed, owner, cost)
    near = _near_names(own)
    if near:
        said = ", ".join(f"{name}={value}" for name, value in near.items())
        values = set(near.values())
        value = allowed_value(values.pop(), allowed)[0] if len(values) == 1 else ""
        return Finding(resource.id, "propose", f"It has {said}, which is not {NAME}.", value, "", owner, cost)
    return _inherited(resource, estate, allowed, owner, cost) or Finding(
        resource.id,
        "ask" if owner else "report",
        f"It has no {NAME}, and nothing above it has one"
        + (f"; its owner is {owner}." if owner else "; its owner is not known."),
        "",
        "",
        owner,
        cost,
    )


def _misspelt(
    resource: Resource, name: str, value: str, allowed: list[str], owner: str, cost: Decimal | None
) -> Finding | None:
    right, fits = allowed_value(value, allowed)
    if name != NAME:
        # Azure takes both names for one tag, but cost data keeps them apart.
        return Finding(resource.id, "propose", f"Its tag is spelt {name}, not {NAME}.", right or value, "", owner, cost)
    if fits:
        return None
    if right:
        return Finding(
            resource.id, "propose", f"Its {NAME} is {value!r}; {right!r} may be meant.", right, "", owner, cost
        )
    return Finding(
        resource.id, "ask" if owner else "report", f"Its {NAME} {value!r} is not an allowed one.", "", "", owner, cost
    )


def _inherited(
    resource: Resource, estate: Estate, allowed: list[str], owner: str, cost: Decimal | None
) -> Finding | None:
    """The CostCenter of the nearest scope above that has one, spelt as it must be."""
    for scope in scopes(resource.id)[1:]:
        above = estate.resources.get(scope)
        if above is None:
            if any(gap.scope.lower() in scopes(scope) for gap in estate.gaps):
                return Finding(resource.id, "report", f"{_said(scope)} could not be read.", "", "", owner, cost)
            continue
        try:
            value = tagged(above.body)
        except NotKnown as several:
            why = f"It has no {NAME}, and {_said(above.id)} cannot lend one: {several}."
            return Finding(resource.id, "ask" if owner else "report", why, "", "", owner, cost)
        if not value:
            continue
        right, fits = allowed_value(value, allowed)
        spelt = any(name.lower() == NAME.lower() for name in tags_of(above))
        if fits and spelt:
            return Finding(
                resource.id,
                "inherit",
                f"It has no {NAME}; that of {_said(above.id)} applies.",
                value,
                above.id,
                owner,
                cost,
            )
        why = f"It has no {NAME}, and that of {_said(above.id)} is {'not allowed' if spelt else 'misspelt'}: {value!r}."
        return Finding(resource.id, "propose" if right else "report", why, right, above.id, owner, cost)
    return None


def allowed_value(value: str, allowed: list[str]) -> tuple[str, bool]:
    """The allowed spelling that `value` has or nearly has ("" for none), and whether it is spelt exactly so."""
    if not allowed or value in allowed:
        return value, True
    plain = {_plain(one): one for one in allowed}
    if _plain(value) in plain:
        return plain[_plain(value)], False
    near = difflib.get_close_matches(_plain(value), plain, n=2, cutoff=NEAR)
    # Codes differ by a digit: with numbers in them, only the same numbers can be meant.
    near = [one for one in near if _digits(one) == _digits(value)]
    return (plain[near[0]], False) if len(near) == 1 else ("", False)


def tags_of(resource: Resource) -> dict[str, str]:
    """Its own tags; those that are no text are left out."""
    tags = resource.body.get("tags")
    return {str(k): v for k, v in tags.items() if isinstance(v, str)} if isinstance(tags, dict) else {}


def _near_names(own: dict[str, str]) -> dict[str, str]:
    return {
        name: value.strip()
        for name, value in own.items()
        if value.strip()
        and (_plain(name) in SPELLINGS or difflib.get_close_matches(_plain(name), SPELLINGS, n=1, cutoff=0.9))
    }


def _said(scope: str) -> str:
    """A scope above a resource as people call it; its whole id is in the finding's `source`."""
    kinds = {"subscriptions": "subscription", "resourcegroups": "resource group"}
    kind = type_of(scope)
    return f"the {kinds.get(kind) or kind.rpartition('/')[2].removesuffix('s')} {scope.rpartition('/')[2]}"


def _cost(resource: Resource) -> Decimal | None:
    known = resource.facts.get("costLast30Days")
    return known.value if isinstance(known, Known) else None


def _plain(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def is_in(resource_id: str, scope: str) -> bool:
    """Whether a resource lies at or below a scope."""
    return key(scope) in scopes(resource_id)
