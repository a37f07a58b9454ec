"""The blast radius: whether all that is wanted may be done at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from finops.estate.ids import key

from .model import Act, Caps


def over(acts: Sequence[Act], caps: Caps, last_hour: int) -> str | None:
    """Why nothing may be done at all, None when everything is within its cap. last_hour: acts of earlier runs."""
    if not acts:
        return None
    wanted = len(acts)
    resources = len({key(act.resource_id) for act in acts})
    nothing = "Nothing was changed."
    if wanted > caps.max_count:
        said = f"{wanted} changes are wanted; the limit is {caps.max_count}."
        return f"{said} {nothing} Raise {caps.names.count} if this is right."
    if resources > caps.population:
        said = f"{resources} resources are to be changed, but only {caps.population} were looked at."
        return f"{said} {nothing} Look at all of them again first."
    if not resources * 100 <= caps.max_percent * caps.population:  # NaN is no limit, so nothing is within it
        return (
            f"{resources} of {caps.population} resources would be changed; the limit is {caps.max_percent:g} %. "
            f"{nothing} Raise {caps.names.percent} if this is right."
        )
    if caps.per_hour is not None and wanted + last_hour > caps.per_hour:
        return (
            f"{last_hour} changes were made in the last hour and {wanted} more are wanted; the limit is "
            f"{caps.per_hour}. {nothing} Wait, or raise {caps.names.per_hour} if this is right."
        )
    return _one_owner(acts, caps, nothing) or _money(acts, caps, nothing)


def _one_owner(acts: Sequence[Act], caps: Caps, nothing: str) -> str | None:
    if caps.per_owner is None:
        return None
    owner, most = Counter(act.owner.strip().lower() for act in acts).most_common(1)[0]
    if most > caps.per_owner:
        whose = owner or "nobody known"
        said = f"{most} changes concern {whose}; the limit is {caps.per_owner}."
        return f"{said} {nothing} Raise {caps.names.per_owner} if this is right."
    return None


def _money(acts: Sequence[Act], caps: Caps, nothing: str) -> str | None:
    if caps.max_monthly_money is None:
        return None
    total = Decimal(0)
    for act in acts:
        saving = act.expected_saving
        if saving is None or not saving.is_finite():
            return (
                f"What {act.resource_id} costs a month is not known, so the limit {caps.names.money} cannot be kept. "
                f"{nothing} Leave it out, or take that limit away if this is right."
            )
        total += abs(saving)
    if not caps.max_monthly_money.is_finite() or total > caps.max_monthly_money:
        return (
            f"The changes concern {total} a month; the limit is {caps.max_monthly_money}. "
            f"{nothing} Raise {caps.names.money} if this is right."
        )
    return None
