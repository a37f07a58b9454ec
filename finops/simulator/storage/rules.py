"""A lifecycle policy as the storage service reads it: checked, then rules that tell which blobs they take where.

Limits and meanings: azure-docs, lifecycle-management-policy-structure.md and lifecycle-management-overview.md, 2025-06.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from finops.simulator.answers import WireError
from finops.simulator.store import Json

MOST_RULES, MOST_PREFIXES, MOST_TAGS = 100, 10, 10
NAME = re.compile(r"[A-Za-z0-9-]{1,256}")
BLOB_TYPES = {"blockblob": "blockBlob", "appendblob": "appendBlob"}
# Cheapest first: of several actions whose conditions hold, the first is done.
ACTIONS = ("delete", "tierToArchive", "tierToCold", "tierToCool", "tierToHot")
SUBJECTS = ("baseBlob", "snapshot", "version")
AGES = {
    "daysAfterModificationGreaterThan": "modified",
    "daysAfterLastAccessTimeGreaterThan": "accessed",
    "daysAfterCreationGreaterThan": "created",
}
SINCE_TIER = "daysAfterLastTierChangeGreaterThan"
AUTO = "enableAutoTierToHotFromCool"


@dataclass(frozen=True)
class Action:
    """Do `name` when more than `days` have passed since `since` (modified, accessed or created).

    tier_days: and more than so many since the tier was changed last, None where that does not matter.
    """

    name: str
    since: str
    days: float
    tier_days: float | None = None


@dataclass(frozen=True)
class Rule:
    """One enabled rule. prefixes: container/name, () takes all; actions: of baseBlob, snapshot and version."""

    name: str
    types: tuple[str, ...]
    prefixes: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    actions: Mapping[str, tuple[Action, ...]]
    returns: bool  # enableAutoTierToHotFromCool


def rules_of(policy: Json) -> tuple[Rule, ...]:
    """The enabled rules of a policy that `checked` let through, in its order."""
    return tuple(_rule(rule) for rule in policy["rules"] if rule.get("enabled") is not False)


def checked(policy: object, account: Json) -> Json:
    """`policy`, or 400 with what is wrong with it."""
    if not isinstance(policy, dict) or not isinstance(policy.get("rules"), list) or not policy["rules"]:
        raise _bad("the policy must have at least one rule")
    rules = policy["rules"]
    if len(rules) > MOST_RULES:
        raise _bad(f"the policy has {len(rules)} rules, the maximum is {MOST_RULES}")
    names: set[str] = set()
    for rule in rules:
        if not isinstance(rule, dict) or str(rule.get("type", "")).lower() != "lifecycle":
            raise _bad("the type of a rule must be Lifecycle")
        name = rule.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise _bad(f"rule name {name!r} must be 1 to 256 letters, digits and hyphens")
        if name in names:
            raise _bad(f"rule name '{name}' is used more than once")
        names.add(name)
        if rule.get("enabled") not in {None, True, False}:
            raise _bad(f"'enabled' of rule '{name}' must be true or false")
        _check_definition(name, rule.get("definition"), account)
    return policy


def _check_definition(name: str, definition: object, account: Json) -> None:
    if not isinstance(definition, dict) or not isinstance(definition.get("actions"), dict):
        raise _bad(f"rule '{name}' must have a definition with actions")
    filters = definition.get("filters") or {}
    types = filters.get("blobTypes")
    if not types or not all(str(kind).lower() in BLOB_TYPES for kind in types):
        raise _bad(f"blobTypes of rule '{name}' must be blockBlob or appendBlob")
    prefixes, tags = filters.get("prefixMatch") or [], filters.get("blobIndexMatch") or []
    if len(prefixes) > MOST_PREFIXES:
        raise _bad(f"rule '{name}' has {len(prefixes)} prefixes, the maximum is {MOST_PREFIXES}")
    for prefix in prefixes:
        container = prefix.partition("/")[0] if isinstance(prefix, str) else ""
        if not re.fullmatch(r"\$root|[a-z0-9](?:-?[a-z0-9]){0,62}-?", container):
            raise _bad(f"prefix {prefix!r} of rule '{name}' must start with the name of a container")
    if len(tags) > MOST_TAGS:
        raise _bad(f"rule '{name}' has {len(tags)} index tags, the maximum is {MOST_TAGS}")
    for tag in tags:
        if not isinstance(tag, dict) or tag.get("op") != "==" or not tag.get("name") or "value" not in tag:
            raise _bad(f"a blobIndexMatch of rule '{name}' must have a name, the op '==' and a value")
    if tags and (account.get("properties") or {}).get("isHnsEnabled"):
        raise _bad(f"rule '{name}': blobIndexMatch is not supported with a hierarchical namespace")
    acts = [
        (subject, action, when)
        for subject in SUBJECTS
        for action, when in (definition["actions"].get(subject) or {}).items()
        if action != AUTO and when is not None
    ]
    if not acts:
        raise _bad(f"rule '{name}' must have at least one action")
    for subject, action, when in acts:
        _check_action(name, subject, action, when, account, types)


def _check_action(name: str, subject: str, action: str, when: object, account: Json, types: list[str]) -> None:
    if action not in ACTIONS or not isinstance(when, dict):
        raise _bad(f"'{action}' of rule '{name}' is not an action")
    sku = str((account.get("sku") or {}).get("name", ""))
    tiers = action != "delete"
    if tiers and (not sku.startswith("Standard") or str(account.get("kind", "")) == "Storage"):
        raise _bad(f"'{action}' of rule '{name}' is not supported for this account kind")
    if tiers and "appendblob" in {kind.lower() for kind in types}:
        raise _bad(f"'{action}' of rule '{name}' is not supported with append blobs")
    if action == "tierToArchive" and "ZRS" in sku:
        raise _bad(f"'tierToArchive' of rule '{name}' is not supported for {sku}")
    ages = [key for key in when if key in AGES and when[key] is not None]
    if len(ages) != 1 or (subject != "baseBlob" and ages[0] != "daysAfterCreationGreaterThan"):
        raise _bad(f"'{action}' of rule '{name}' must have exactly one age condition that fits {subject}")
    for key in [*ages, *([SINCE_TIER] if when.get(SINCE_TIER) is not None else [])]:
        if isinstance(when[key], bool) or not isinstance(when[key], int | float) or when[key] < 0:
            raise _bad(f"'{key}' of rule '{name}' must be a number that is not negative")
    if when.get(SINCE_TIER) is not None and action != "tierToArchive":
        raise _bad(f"'{SINCE_TIER}' of rule '{name}' is for tierToArchive only")
    base = "daysAfterModificationGreaterThan" if subject == "baseBlob" else "daysAfterCreationGreaterThan"
    if when.get(SINCE_TIER) is not None and ages[0] != base:
        # https://learn.microsoft.com/python/api/azure-mgmt-storage/azure.mgmt.storage.models.dateaftermodification
        raise _bad(f"'{SINCE_TIER}' of rule '{name}' can be used only with {base}")
    if set(when) - set(AGES) - {SINCE_TIER}:
        raise _bad(f"'{action}' of rule '{name}' has conditions that do not exist")


def _rule(rule: Json) -> Rule:
    definition = rule["definition"]
    filters = definition.get("filters") or {}
    return Rule(
        rule["name"],
        tuple(str(kind).lower() for kind in filters["blobTypes"]),
        tuple(filters.get("prefixMatch") or ()),
        tuple((tag["name"], tag["value"]) for tag in filters.get("blobIndexMatch") or ()),
        {subject: _actions(definition["actions"].get(subject) or {}) for subject in SUBJECTS},
        bool((definition["actions"].get("baseBlob") or {}).get(AUTO)),
    )


def _actions(told: Json) -> tuple[Action, ...]:
    found = []
    for name in ACTIONS:
        when = told.get(name)
        if when:
            age = next(key for key in AGES if when.get(key) is not None)
            found.append(Action(name, AGES[age], when[age], when.get(SINCE_TIER)))
    return tuple(found)


def _bad(what: str) -> WireError:
    return WireError(400, "InvalidRequestPropertyValue", f"The value for policy is invalid: {what}.")
