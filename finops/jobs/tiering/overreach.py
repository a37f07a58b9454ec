"""Rules of ours in force that take what no rule may take by now, and the policy without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finops.tiering.policy import is_ours, rules_in

if TYPE_CHECKING:
    from finops.tiering.model import Protected

Json = Mapping[str, Any]

# What the plan says of an account with `unresolved`, where there is no plan.
UNTOLD = "what reads its blobs cannot be told"


def too_much(policy: Json | None, account: str, closed: Mapping[str, str], no_archive: str) -> dict[str, list[Json]]:
    """Our rules that are on and do what none may do by now, by why.

    account: its name or id. closed: beginnings of paths, container/name, and what lies there. no_archive: why nothing
    is archived, "" where something may be: what must not be decided must not go on either
    """
    ours = _on(policy, account)
    found: dict[str, list[Json]] = {}
    for what in sorted(set(closed.values())):
        paths = [path for path, lies in closed.items() if lies == what]
        taking = [rule for rule in ours if any(_meet(_prefixes(rule), path) for path in paths)]
        found[f"Rules of ours take what is {what}"] = taking
    if no_archive:
        found[f"Rules of ours archive, and {no_archive}"] = [rule for rule in ours if _archives(rule)]
    return {why: rules for why, rules in found.items() if rules}


def closed_to(policy: Json | None, account: str, protected: Iterable[Protected]) -> dict[str, str]:
    """What is protected, as `too_much` takes it, where no inventory tells which containers there are."""
    ours = [rule for rule in rules_in(policy) if is_ours(rule, account)]
    named = sorted({prefix.partition("/")[0] for rule in ours for prefix in _prefixes(rule)})
    found: list[str] = []
    for each in protected:
        whole = not each.container and not each.prefix
        containers = [each.container] if each.container else named
        found += [""] if whole else [f"{name}/{each.prefix}" for name in containers]
    return dict.fromkeys(found, "protected")


def without(policy: Json | None, rules: Sequence[Json]) -> dict[str, Any] | None:
    """The policy without these rules, the others as they are. None: it is to be deleted, since none is left."""
    kept = [rule for rule in rules_in(policy) if rule not in rules]
    return {"rules": kept} if kept else None


def _on(policy: Json | None, account: str) -> list[Json]:
    return [rule for rule in rules_in(policy) if is_ours(rule, account) and rule.get("enabled") is not False]


def _archives(rule: Json) -> bool:
    actions = (rule.get("definition") or {}).get("actions") or {}
    return "tierToArchive" in (actions.get("baseBlob") or {})


def _prefixes(rule: Json) -> tuple[str, ...]:
    definition = rule.get("definition") or {}
    return tuple((definition.get("filters") or {}).get("prefixMatch") or ())


def _meet(prefixes: Sequence[str], closed: str) -> bool:
    return not prefixes or any(closed.startswith(each) or each.startswith(closed) for each in prefixes)
