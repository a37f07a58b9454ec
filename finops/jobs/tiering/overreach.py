"""Rules of ours in force that take what no rule may take by now, and the policy without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finops.tiering.policy import is_ours, rules_in

if TYPE_CHECKING:
    from finops.tiering.model import Protected

Json = Mapping[str, Any]


def overreaching(policy: Json | None, closed: Sequence[str]) -> list[Json]:
    """Our rules that are on and may match something below `closed`: beginnings of paths, container/name."""
    ours = [rule for rule in rules_in(policy) if is_ours(rule) and rule.get("enabled") is not False]
    return [rule for rule in ours if any(_meet(_prefixes(rule), each) for each in closed)]


def closed_to(policy: Json | None, protected: Iterable[Protected]) -> tuple[str, ...]:
    """What is protected, as `overreaching` takes it, where no inventory tells which containers there are."""
    ours = [rule for rule in rules_in(policy) if is_ours(rule)]
    named = sorted({prefix.partition("/")[0] for rule in ours for prefix in _prefixes(rule)})
    found: list[str] = []
    for each in protected:
        if not each.container and not each.prefix:
            return ("",)
        found += [f"{name}/{each.prefix}" for name in ([each.container] if each.container else named)]
    return tuple(found)


def without(policy: Json | None, rules: Sequence[Json]) -> dict[str, Any] | None:
    """The policy without these rules, the others as they are. None: it is to be deleted, since none is left."""
    kept = [rule for rule in rules_in(policy) if rule not in rules]
    return {"rules": kept} if kept else None


def _prefixes(rule: Json) -> tuple[str, ...]:
    definition = rule.get("definition") or {}
    return tuple((definition.get("filters") or {}).get("prefixMatch") or ())


def _meet(prefixes: Sequence[str], closed: str) -> bool:
    return not prefixes or any(closed.startswith(each) or each.startswith(closed) for each in prefixes)
