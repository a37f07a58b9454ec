"""Azure's verdicts beside our own: where both agree, where they do not, and what could not be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from finops.conditions import Outcome
from finops.estate.evidence import moment_of
from finops.estate.ids import key, type_of
from finops.policy.inforce import Rule

if TYPE_CHECKING:
    from finops.estate import Estate, Resource

Json = dict[str, Any]
Verdict = Literal["agree", "disagree", "not evaluated"]
Beside = Callable[[Any], Any]

COMPLIANT, NON_COMPLIANT = "Compliant", "NonCompliant"
# Verdicts that say nothing of the rule's condition (concepts/compliance-states, 2026-11).
SPELT = {"compliant": COMPLIANT, "noncompliant": NON_COMPLIANT}


@dataclass(frozen=True)
class Judged:
    """One resource under one rule. `azure` and `local` are Compliant, NonCompliant, or "" where there is none;
    `why` says what could not be told, or what may explain that the two differ."""

    resource_id: str
    rule: str
    assignment: str
    azure: str
    local: str
    verdict: Verdict
    why: str = ""
    seen: datetime | None = None


def reconcile(
    states: Iterable[Json], rules: Iterable[Rule], estate: Estate, beside: Beside, now: datetime, scope: str = ""
) -> list[Judged]:
    """Each state of Azure's with our own verdict, and what breaks a rule and has no state yet below `scope`."""
    by_key = {rule.key: rule for rule in rules}
    surroundings = Surroundings(estate)
    judged: list[Judged] = []
    seen: set[tuple[str, tuple[str, str]]] = set()
    for state in states:
        rule = by_key.get(_key_of(state))
        resource_id = str(state.get("resourceId"))
        seen.add((key(resource_id), _key_of(state)))
        judged.append(_state_judged(state, rule, estate.resources.get(key(resource_id)), surroundings, beside, now))
    for rule in by_key.values():
        judged += _unseen(rule, seen, estate, surroundings, beside, now, scope)
    return judged


class Surroundings:
    """What rules may ask about around a resource: its resource group and its subscription, where they were read."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: dict[str, Json] = {}

    def of(self, resource_id: str, rule: Rule) -> Json:
        parts = key(resource_id).split("/")
        group = "/".join(parts[:5]) if len(parts) > 4 and parts[3] == "resourcegroups" else ""
        at = group or "/".join(parts[:3])
        if at not in self._known:
            self._known[at] = self._read(at)
        return {**self._known[at], "policy": rule.context}

    def _read(self, at: str) -> Json:
        found: Json = {}
        for name, scope in (("resourceGroup", at), ("subscription", "/".join(at.split("/")[:3]))):
            resource = self._estate.resources.get(scope)
            if resource is not None and (name == "subscription" or "/resourcegroups/" in scope):
                found[name] = {"tags": {}, **{k: v for k, v in resource.body.items() if v is not None}}
        return found


def evaluated(rule: Rule, resource: Resource, surroundings: Surroundings, beside: Beside, now: datetime) -> Outcome:
    """Our own verdict of one resource."""
    assert rule.policy is not None
    return rule.policy.evaluate(
        resource.body, facts={}, related=beside, now=now, context=surroundings.of(resource.id, rule)
    )


def told(outcome: Outcome) -> tuple[str, str]:
    """A verdict in Azure's words, "" with the reason where there is none."""
    if outcome.held is None or outcome.not_evaluated is not None:
        reasons = [outcome.not_evaluated or "", *(str(each) for each in outcome.unknown)]
        return "", "; ".join(reason for reason in reasons if reason) or "it cannot be told"
    return (NON_COMPLIANT if outcome.held else COMPLIANT), ""


def _state_judged(
    state: Json, rule: Rule | None, resource: Resource | None, surroundings: Surroundings, beside: Beside, now: datetime
) -> Judged:
    azure = SPELT.get(str(state.get("complianceState")).lower(), str(state.get("complianceState") or ""))
    name = (rule.reference or rule.title) if rule else str(state.get("policyDefinitionName") or "")
    assignment = str(state.get("policyAssignmentName") or _key_of(state)[0].rpartition("/")[2])
    resource_id, seen = str(state.get("resourceId")), moment_of(state, "timestamp")

    def made(local: str, verdict: Verdict, why: str = "") -> Judged:
        return Judged(resource_id, name, assignment, azure, local, verdict, why, seen)

    if azure not in (COMPLIANT, NON_COMPLIANT):
        return made("", "not evaluated", f"Azure says {azure or 'nothing'}")
    if rule is None:
        return made("", "not evaluated", "its assignment is not there any more")
    if rule.policy is None:
        return made("", "not evaluated", rule.why)
    if resource is None:
        return made("", "not evaluated", f"{type_of(resource_id)} is not in the estate that was read")
    if rule.settings.get("overrides"):
        return made("", "not evaluated", "the assignment overrides effects, which only Azure applies")
    local, why = told(evaluated(rule, resource, surroundings, beside, now))
    if not local:
        return made("", "not evaluated", why)
    if local == azure:
        return made(local, "agree")
    changed = moment_of(resource.body, "systemData.lastModifiedAt")
    late = seen is not None and changed is not None and changed > seen
    return made(local, "disagree", "it was changed after Azure looked" if late else "")


def _unseen(
    rule: Rule,
    seen: set[tuple[str, tuple[str, str]]],
    estate: Estate,
    surroundings: Surroundings,
    beside: Beside,
    now: datetime,
    scope: str,
) -> Iterator[Judged]:
    """What breaks the rule and has no state in Azure. What meets it may just not be what the rule is about."""
    if rule.policy is None or not rule.is_plain:
        return
    left_out = [key(str(each)) for each in rule.settings.get("notScopes") or []]
    for name, resource in estate.resources.items():
        if (name, rule.key) in seen or not _within(name, scope) or type_of(name).startswith("microsoft.authorization"):
            continue
        if not _within(name, rule.scope) or any(_within(name, each) for each in left_out):
            continue
        outcome = evaluated(rule, resource, surroundings, beside, now)
        if told(outcome)[0] == NON_COMPLIANT:
            label = rule.reference or rule.title
            yield Judged(
                resource.id, label, str(rule.assignment.get("name")), "", NON_COMPLIANT, "not evaluated",
                "Azure has not evaluated it yet",
            )  # fmt: skip


def _within(resource_id: str, scope: str) -> bool:
    """Whether it lies at or below a scope. What lies below a management group is not told by ids: everything may."""
    below = key(scope)
    return below.startswith("/providers/microsoft.management/") or f"{key(resource_id)}/".startswith(f"{below}/")


def _key_of(state: Mapping[str, Any]) -> tuple[str, str]:
    return str(state.get("policyAssignmentId")).lower(), str(state.get("policyDefinitionReferenceId") or "").lower()
