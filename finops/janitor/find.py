"""What the rules find in an estate. Pure: the same estate, rules and time give the same findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.conditions import Explanation
from finops.estate import Estate, Known, Resource
from finops.estate.facts.dependents import NOT_LOOKED_AT
from finops.estate.generation import generation_of
from finops.estate.ids import key, scopes
from finops.estate.owners import owner_of
from finops.exemptions import Exemption, Exemptions, by_tag
from finops.janitor.evidence import goes_with, leaves_of, relied_on, shown
from finops.janitor.facts import MANIFEST, facts_of
from finops.janitor.fingerprint import digest_of, fingerprint
from finops.janitor.model import Finding, Found, Kept, Rule
from finops.janitor.money import cost_of, saving_of
from finops.janitor.protection import protected
from finops.janitor.risk import has_dependents, kind_of, risks
from finops.janitor.wording import filled, words

if TYPE_CHECKING:
    from finops.config.model import Settings


@dataclass(frozen=True)
class Look:
    """What deciding about one resource needs. `keeps`: by file and by tag. `words`: what people said, by resource."""

    estate: Estate
    keeps: Exemptions
    now: datetime
    tag: str = "Environment"
    most: Decimal = Decimal(1000)
    words: Exemptions = field(default_factory=lambda: Exemptions([]))


def find(
    estate: Estate,
    rules: Iterable[Rule],
    now: datetime,
    settings: Settings,
    exemptions: Iterable[Exemption] = (),
    words: Iterable[Exemption] = (),
) -> Found:
    """What each rule takes for waste, what it keeps though it may be, and how many resources it looked at.

    exemptions: those of the file; keep tags are read from the estate itself
    words: what people said of what goes with a deletion, see finops.approvals.words
    """
    guard = settings.guard
    tagged = by_tag(estate.resources.values(), now, guard.exemption_days)
    keeps = Exemptions([*tagged, *exemptions])
    most = settings.janitor.high_risk_cost
    look = Look(estate, keeps, now, guard.environment_tag, most, Exemptions(words))
    findings: list[Finding] = []
    kept: list[Kept] = []
    looked_at: dict[str, int] = {}
    for rule in rules:
        if rule.mode == "off":
            continue
        resources = [each for each in estate.of_type(rule.type) if rule.kind in ("", kind_of(each.body))]
        looked_at[rule.name] = len(resources)
        for resource in resources:
            decided = decide(rule, resource, look)
            if isinstance(decided, Finding):
                findings.append(decided)
            elif decided is not None:
                kept.append(decided)
    findings.sort(key=lambda one: (-(one.monthly_cost or Decimal(0)), one.rule, key(one.resource_id)))
    return Found(tuple(findings), tuple(kept), looked_at, tuple(estate.gaps))


def decide(rule: Rule, resource: Resource, look: Look) -> Finding | Kept | None:
    """Whether the rule takes the resource for waste; None where its condition does not hold."""
    facts = facts_of(resource, look.estate, rule.condition.facts, look.tag)
    context = surroundings(resource, look.estate)
    held = rule.condition.holds(resource.body, facts, look.now, context)
    if held is False:
        return None
    told = rule.condition.explain(resource.body, facts, look.now, context)
    if held is None:
        return Kept(rule.name, resource.id, unknown_in(told), unknown=True)
    with_it = goes_with(rule, resource, look.estate)
    keep = protected(rule, resource, look.estate, look.keeps, look.now, with_it, look.words)
    return keep if keep is not None else _finding(rule, resource, look, facts, told, with_it)


def _finding(
    rule: Rule, resource: Resource, look: Look, facts: Mapping[str, Any], told: Explanation, with_it: list[Resource]
) -> Finding:
    estate = look.estate
    cost = cost_of(facts)
    owner = owner_of(resource, estate)
    why = filled(rule.why, facts, rule.parameters, resource.id)
    risky = list(risks(rule, resource, estate, look.tag, facts, cost, look.most))
    dependents = facts.get("dependents")
    spec = fingerprint(resource.body, rule.quiet)
    generation = resource.id.rpartition("@")[2] if resource.type == MANIFEST else generation_of(resource.body)
    leaves = leaves_of(told)
    return Finding(
        rule=rule.name,
        resource_id=resource.id,
        generation=generation,
        fingerprint=spec,
        digest=digest_of(
            relied_on(rule, resource, look.estate, look.tag, generation, spec, leaves, owner, facts, with_it)
        ),
        action=rule.action,
        why=why,
        evidence=shown(rule, resource, look.estate, told, facts, risky, with_it),
        owner=owner,
        risk="high" if risky else "low",
        monthly_cost=cost,
        saving=saving_of(rule, facts, cost),
        dependents=tuple(map(str, dependents.value)) if isinstance(dependents, Known) else (),
        not_checked=tuple(_not_checked(resource, facts)),
        grace_days=rule.grace_days,
        quiet=rule.quiet,
    )


def _not_checked(resource: Resource, facts: Mapping[str, Any]) -> Iterator[str]:
    """What an approver might take for granted, and was not measured."""
    asked = {"costLast30Days": "its cost", "owner": "its owner"} | (
        {"dependents": "what refers to it"} if has_dependents(resource) else {}
    )
    for name, what in asked.items():
        fact = facts.get(name)
        if fact is None and name == "dependents":
            yield f"{what}: it was not measured"
        elif fact is not None and not isinstance(fact, Known):
            yield f"{what}: {fact.reason}"
    if has_dependents(resource):
        yield from NOT_LOOKED_AT


def unknown_in(told: Explanation) -> str:
    """Which facts are not known, and why, in words."""
    said = [f"{words(one.fact)} ({one.reason})" if one.fact else one.reason for one in told.unknown()]
    return f"Not known: {'; '.join(said) or 'something that the rule asks for'}."


def surroundings(resource: Resource, estate: Estate) -> Mapping[str, Any]:
    """The resource group and the subscription, where the estate has them."""
    found: dict[str, Any] = {}
    for scope in scopes(resource.id):
        holder = estate.resources.get(scope)
        if holder and holder.type in ("resourcegroups", "subscriptions"):
            found["resourceGroup" if holder.type == "resourcegroups" else "subscription"] = holder.body
    return found
