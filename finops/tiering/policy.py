"""An account's management policy with our rules in it: what others wrote stays as it is, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finops.errors import DataError
from finops.tiering.model import EARLY_DAYS, TIERS
from finops.tiering.rules import SEAL_DIGITS, LifecycleRule, seal

Json = Mapping[str, Any]

# https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-structure#rules (2025-06-13)
MOST_RULES = 100
MOST_PREFIXES = 10

# What rules.py names its rules, with the seal of their content at the end.
_OURS = re.compile(rf"finops(?:-(?:cool|cold|archive)\d+)+-([0-9a-f]{{{SEAL_DIGITS}}})")

# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
_CONTAINER = re.compile(r"\$root|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LONGEST_PREFIX = 63 + 1 + 1024

_AGES = ("daysAfterLastAccessTimeGreaterThan", "daysAfterModificationGreaterThan", "daysAfterCreationGreaterThan")


@dataclass(frozen=True)
class Conflict:
    """Why one of our rules cannot stand beside one of somebody else's."""

    ours: str
    theirs: str
    reason: str

    def __str__(self) -> str:
        return f"{self.ours} and {self.theirs}: {self.reason}"


@dataclass(frozen=True)
class _Action:
    """What a rule does to current blobs: name, the property that it counts from, days."""

    name: str
    since: str
    days: float


def rules_in(policy: Json | None) -> list[Json]:
    """The rules of a policy ({"rules": [...]}, or the body that ARM gives); none where there is no policy."""
    if policy is None:
        return []
    inner: Any = policy
    for name in ("properties", "policy"):
        inner = inner.get(name, inner) if isinstance(inner, Mapping) else inner
    found = inner.get("rules") if isinstance(inner, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(rule, Mapping) and rule.get("name") for rule in found):
        raise DataError("The account's management policy has no list of named rules.", "Look at it in the portal.")
    return found


def is_ours(rule: Json, account: str) -> bool:
    """Whether we wrote it for this account (its name or id), and nobody changed it since: its name alone says nothing,
    anybody may choose it."""
    found = _OURS.fullmatch(str(rule.get("name")))
    return found is not None and found[1] == seal(rule, account)


def changed(existing: Json | None, account: str) -> list[str]:
    """Names of rules that we wrote and that somebody switched off or changed since, or copied from another account:
    theirs now, and a word against setting them again."""
    rules = rules_in(existing)
    return [str(each["name"]) for each in rules if _OURS.fullmatch(str(each["name"])) and not is_ours(each, account)]


def merged(existing: Json | None, ours: Sequence[LifecycleRule], account: str) -> dict[str, Any]:
    """The policy to write: everybody else's rules as they are and in their order, then ours in place of our old ones.

    Raises DataError, and nothing is to be written: too many rules or prefixes, a prefix that Azure would refuse or
    misread, a rule that works against one of ours, or one of ours that somebody changed.
    """
    if by_hand := changed(existing, account):
        raise DataError(
            f"{', '.join(by_hand)} {'was' if len(by_hand) == 1 else 'were'} set by tiering, and somebody changed "
            f"{'it' if len(by_hand) == 1 else 'them'} since or copied {'it' if len(by_hand) == 1 else 'them'} here. "
            "No rules are set against a person's hand.",
            "Protect its blobs from tiering and rename the rule to have it left alone; delete it to have it set anew.",
        )
    theirs = [rule for rule in rules_in(existing) if not is_ours(rule, account)]
    if len(theirs) + len(ours) > MOST_RULES:
        raise DataError(
            f"The policy would have {len(theirs) + len(ours)} rules; Azure takes {MOST_RULES}.",
            f"Remove rules that are no longer needed: {len(theirs)} of them are not ours.",
        )
    for rule in ours:
        _check(rule, account)
    if found := conflicts(existing, ours, account):
        others = dict.fromkeys(each.theirs for each in found)
        work = "1 rule of the policy works" if len(others) == 1 else f"{len(others)} rules of the policy work"
        raise DataError(
            f"{work} against ours. {'. '.join(_together(found))}.",
            "Change those rules, or protect their prefixes from tiering.",
        )
    names = [rule.name for rule in ours]
    if len(set(names)) < len(names):
        raise DataError(f"Two of our rules have one name among {', '.join(names)}.", "Plan again.")
    return {"rules": [*theirs, *(rule.body() for rule in ours)]}


def unmerged(existing: Json | None, account: str, before: Iterable[Json] = ()) -> dict[str, Any] | None:
    """The policy without our rules, or with those of ours that it had `before`. None: it is to be deleted, since Azure
    takes no policy without rules."""
    theirs = [rule for rule in rules_in(existing) if not is_ours(rule, account)]
    kept = [*theirs, *(rule for rule in before if is_ours(rule, account))]
    return {"rules": kept} if kept else None


def conflicts(existing: Json | None, ours: Iterable[LifecycleRule], account: str) -> list[Conflict]:
    """Where a rule that is not ours would undo ours, or be undone by it, or blobs would leave a tier too early."""
    theirs = [rule for rule in rules_in(existing) if not is_ours(rule, account) and rule.get("enabled") is not False]
    found = []
    for rule in ours:
        for other in theirs:
            filters = _inner(_inner(other, "definition"), "filters")
            types = [str(kind).lower() for kind in filters.get("blobTypes") or ["blockBlob"]]
            shared = _overlap(rule.prefixes, tuple(filters.get("prefixMatch") or ()))
            if "blockblob" in types and shared and not _told_apart(rule, filters.get("blobIndexMatch") or ()):
                reasons = dict.fromkeys(_reasons(rule, _inner(_inner(other, "definition"), "actions")))
                found += [Conflict(rule.name, str(other["name"]), reason) for reason in reasons]
    return found


def _together(found: Sequence[Conflict]) -> list[str]:
    """One sentence for each rule of others and reason, whichever of ours it is for."""
    ours: dict[tuple[str, str], list[str]] = {}
    for each in found:
        ours.setdefault((each.theirs, each.reason), []).append(each.ours)
    return [str(Conflict(", ".join(names), theirs, reason)) for (theirs, reason), names in ours.items()]


def _reasons(rule: LifecycleRule, actions: Json) -> Iterable[str]:
    base = _inner(actions, "baseBlob")
    if base.get("enableAutoTierToHotFromCool") is True:
        yield "it brings blobs back to Hot when they are read, which ours would end"
    own = [_Action(f"tierTo{tier}", next(iter(rule.body()["definition"]["actions"]["baseBlob"][f"tierTo{tier}"])), days)
           for tier, days in rule.days]  # fmt: skip
    for name, when in base.items():
        if not isinstance(when, Mapping):
            continue
        since = next((age for age in _AGES if when.get(age) is not None), None)
        if since is None:
            yield f"its {name} counts from something that is not known"
            continue
        theirs = _Action(name, since, float(when[since]))
        if name == "tierToHot":
            yield "it brings to Hot what ours cools"
        else:
            yield from filter(None, (_early(theirs, each) or _early(each, theirs) for each in own))


def _early(first: _Action, then: _Action) -> str:
    """Whether blobs that `first` has moved are moved on or deleted by `then` before they have served their time."""
    tier = first.name.removeprefix("tierTo")
    if tier not in EARLY_DAYS or (then.name != "delete" and _cold(then.name) <= _cold(first.name)):
        return ""
    if first.since != then.since:
        return f"{then.name} and {first.name} count from different days, so that blobs may leave {tier} too early"
    gap = then.days - first.days
    if 0 < gap < EARLY_DAYS[tier]:
        return f"{then.name} comes {gap:g} days after {first.name}, and {tier} asks for {EARLY_DAYS[tier]}"
    return ""


def _cold(action: str) -> int:
    tier = action.removeprefix("tierTo")
    return TIERS.index(tier) if tier in TIERS else len(TIERS)


def _overlap(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether a blob can match both. No prefix is every blob."""
    if not ours or not theirs:
        return True
    return any(one.startswith(other) or other.startswith(one) for one in ours for other in theirs)


def _told_apart(rule: LifecycleRule, theirs: Iterable[Json]) -> bool:
    """Whether both ask for one tag, with different values. A tag that only one asks for may be on every blob."""
    ours = dict(rule.tags)
    return any(each.get("name") in ours and each.get("value") != ours[each["name"]] for each in theirs)


def _check(rule: LifecycleRule, account: str) -> None:
    """Azure's limits, and what it would accept and we did not mean."""
    if not is_ours(rule.body(), account):
        raise DataError(f"'{rule.name}' is no name of a rule of ours.", "Plan again.")
    if len(rule.prefixes) > MOST_PREFIXES:
        raise DataError(f"{rule.name} has {len(rule.prefixes)} prefixes; Azure takes {MOST_PREFIXES}.", "Plan again.")
    for prefix in rule.prefixes:
        container, slash, _ = prefix.partition("/")
        # Without a slash it would also take containers whose names begin so.
        if not slash or not _CONTAINER.fullmatch(container) or len(prefix) > _LONGEST_PREFIX or "\0" in prefix:
            raise DataError(
                f"{rule.name} has the prefix {prefix!r}; it has to begin with a container's name and a slash.",
                "Name the container in full.",
            )
    days = [number for _, number in rule.days]
    if not days or any(number < 0 for number in days):
        raise DataError(f"{rule.name} has the days {days}; it needs at least one, and none below 0.", "Plan again.")


def _inner(body: Json, name: str) -> Json:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}
