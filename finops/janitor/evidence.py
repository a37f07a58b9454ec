"""What a finding rests on: for people as JSON, and for the digest that an approval names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from finops.conditions import Explanation
from finops.estate import Estate, Known, Resource
from finops.estate.facts.instances import BUSY_PERCENT, is_instance
from finops.estate.generation import generation_of
from finops.estate.ids import key, scopes
from finops.exemptions import TAG
from finops.images import ALONG
from finops.janitor.fingerprint import fingerprint
from finops.janitor.model import Json, Rule
from finops.janitor.risk import is_production
from finops.janitor.wording import said, words

# Facts about requests. Only a rule that asks for one of them rests on nobody calling; the others find what is in use.
CALLS = {"daysWithoutRequests", "lastRequest", "requestsLast14Days"}
RUNS = "/jobs"  # of a batch endpoint: runs are no part of it


def leaves_of(told: Explanation) -> list[Explanation]:
    """The conditions that cannot be taken apart."""
    return [told] if not told.parts else [leaf for part in told.parts for leaf in leaves_of(part)]


def goes_with(rule: Rule, resource: Resource, estate: Estate) -> list[Resource]:
    """What a deletion takes along: what is below it, but for runs, and for what others hang on it (locks, roles).

    Of an image, what is attached to it: its registry deletes that in the same request.
    """
    if rule.action == "deleteImage":
        attached = resource.facts.get(ALONG)
        names = attached.value if isinstance(attached, Known) else ()
        return [estate.resources[key(name)] for name in names]
    if rule.action != "delete":
        return []
    below = len(key(resource.id))
    return [
        child
        for child in estate.children(resource.id)
        if not child.type.endswith(RUNS) and "/providers/" not in child.id[below:]
    ]


def relied_on(
    rule: Rule,
    resource: Resource,
    estate: Estate,
    tag: str,
    generation: str,
    spec: str,
    leaves: list[Explanation],
    owner: str,
    facts: Mapping[str, Any],
    with_it: list[Resource],
) -> Json:
    """What an approver saw and what must not have changed. No ages, no costs: these move by themselves."""
    dependents = facts.get("dependents")
    last = facts.get("lastRequest") if rule.condition.facts & CALLS else None
    return {
        "rule": [rule.name, rule.digest],
        "id": key(resource.id),
        "generation": generation,
        "fingerprint": spec,
        "leaves": [[leaf.place, leaf.held] for leaf in leaves],
        "dependents": sorted(map(str, dependents.value)) if isinstance(dependents, Known) else "unknown",
        "keep": [
            [scope, value]
            for scope in [*scopes(resource.id), *sorted(key(child.id) for child in with_it)]
            for value in _keeps(scope, estate)
        ],
        "lastRequest": plain(last.value) if isinstance(last, Known) else "none known",
        "owner": owner,
        "production": is_production(resource, estate, tag),
        "goesWithIt": [
            [key(child.id), generation_of(child.body), fingerprint(child.body, rule.quiet)] for child in with_it
        ],
    }


def _keeps(scope: str, estate: Estate) -> Iterator[str]:
    """An expired keep tag is shown to the approver, too; one that was renewed is a reason to look again."""
    holder = estate.resources.get(scope)
    tags = holder.body.get("tags") if holder else None
    for name, value in tags.items() if isinstance(tags, dict) else ():
        if str(name).strip().lower() == TAG:
            yield str(value)


def shown(
    rule: Rule,
    resource: Resource,
    estate: Estate,
    told: Explanation,
    facts: Mapping[str, Any],
    risky: list[str],
    with_it: list[Resource],
) -> Json:
    """The evidence for people."""
    # One that still holds would have kept it.
    over = [
        f"The tag {TAG} = {value} of {child.id}, which would be deleted with it, is over."
        for child in with_it
        for value in _keeps(key(child.id), estate)
    ]
    found: Json = {
        "title": rule.title,
        "asOf": plain(estate.as_of),
        "checks": list(_checks(rule, told, facts)),
        "lines": [*told.lines(), *over],
        "facts": {
            name: {"value": plain(fact.value), "asOf": plain(fact.as_of)}
            if isinstance(fact, Known)
            else {"reason": str(getattr(fact, "reason", fact))}
            for name, fact in sorted(facts.items())
        },
        "tags": dict(resource.body.get("tags") or {}) if isinstance(resource.body.get("tags"), dict) else {},
        "goesWithIt": [child.id for child in with_it],
        "risks": risky,
    }
    usage = estate.usage(resource.id)
    if usage.days:
        found |= {
            "usage": [[str(day), value] for day, value in usage.days],
            "usageOf": usage.of,
            "threshold": threshold(resource),
        }
    return found


def threshold(resource: Resource) -> float:
    """What its usage must be above to count as use."""
    return BUSY_PERCENT if is_instance(resource.body) else 0


def _checks(rule: Rule, told: Explanation, facts: Mapping[str, Any]) -> Iterator[Json]:
    """One entry a condition: what, what it is, what is asked, whether it holds, and as of when."""
    by_place = {leaf.place: leaf for leaf in leaves_of(told)}
    for leaf in rule.leaves:
        outcome = by_place.get(leaf.place)
        if outcome is None:
            continue
        fact = facts.get(leaf.subject.removeprefix("facts.")) if leaf.subject.startswith("facts.") else None
        yield {
            "what": words(leaf.subject),
            "field": leaf.subject,
            "is": plain(outcome.value),
            "asked": said(leaf.operator, leaf.asked),
            "threshold": plain(leaf.asked),
            "held": outcome.held,
            "unknown": outcome.why.reason if outcome.why else None,
            "asOf": plain(fact.as_of) if isinstance(fact, Known) else None,
        }


def plain(value: Any) -> Any:
    """As JSON has it: amounts and times as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value
